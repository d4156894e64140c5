"""The stock stream: what Wildberries' warehouses hold (scope "fbw"), and what the seller's own hold (scope "fbs").

Both come from the stocks-reports: one answer for the whole shop, renewed every half hour. Where the seller's report is
not to be had (switched off, or closed to this kind of key) the warehouses are asked themselves, size by size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from micore.domain.records import PlaceRecord, StockRecord
from micore.domain.units import MILLI
from micore.errors import SourceAuthError, SourceGoneError, SourceProtocolError
from micore.sources.base import Page, RawAnswer
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident
from micore.sources.http import NUMBER, Answer, RequestRefusedError
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader
from micore.sources.wildberries.answers import SellerAmount, SellerAmounts, StocksReport, WarehouseStock
from micore.sources.wildberries.api import (
    CARDS_PATH,
    NAME,
    SELLER_STOCK_PATH,
    STOCKS_PATH,
    WB_STOCK_PATH,
    Category,
    WildberriesApi,
)
from micore.sources.wildberries.catalogue import card_pages, size_ids
from micore.sources.wildberries.warehouses import (
    all_seller_places,
    in_order,
    named_place,
    pooled_place,
)

REPORT_ROWS = 100_000
"""A report may have 250,000 rows a page; their bytes would come close to what one answer may weigh."""
SIZES_PER_REQUEST = 1000
NO_ROWS = b'{"data":{"items":[]}}'
"""What a report says by HTTP 204."""

OLDEST_SCOPE = timedelta(hours=1)
"""A scope begun longer ago is begun anew: half of it from the morning and half from the evening is no snapshot."""

_log = structlog.get_logger("micore.sources")


class StockCursor(msgspec.Struct, omit_defaults=True):
    """Where in which scope; "" is the end. `as_of` is the beginning of the scope, by the marketplace's clock."""

    scope: str = "fbw"
    as_of: datetime | None = None
    at: str = ""
    """Offset in a report; asked size by size, the last size that was asked about."""
    by_size: bool = False
    """fbs: the warehouses themselves are asked."""
    place: str = ""
    """fbs by size: the warehouse to read, "" is the first."""


# --- what the rows say --------------------------------------------------------------------------------------------


def fbw_records(rows: Sequence[WarehouseStock]) -> list[StockRecord]:
    """What Wildberries tells of its warehouses: what can be bought, and what is on its way to and from buyers."""
    return [
        StockRecord(
            ident(row.chrt_id),
            pooled_place(row.warehouse_name).place_id,
            row.quantity * MILLI,
            None,
            None,
            None,
            None if row.in_way_to_client is None else row.in_way_to_client * MILLI,
            None if row.in_way_from_client is None else row.in_way_from_client * MILLI,
        )
        for row in rows
    ]


def fbs_records(rows: Sequence[WarehouseStock]) -> list[StockRecord]:
    """What the seller's warehouses have for sale; orders are taken off already."""
    return [_for_sale(ident(row.chrt_id), ident(row.warehouse_id), row.quantity) for row in rows]


def amount_records(rows: Sequence[SellerAmount], *, place_id: str) -> list[StockRecord]:
    """The same, as a warehouse itself tells it."""
    return [_for_sale(ident(row.chrt_id), place_id, row.amount) for row in rows]


def _for_sale(sku_id: str, place_id: str, quantity: int) -> StockRecord:
    return StockRecord(sku_id, place_id, quantity * MILLI, None, None, None, None, None)


_ReportBatch = Batch[StocksReport[WarehouseStock], WarehouseStock]
_FBW, _FBS = (
    RowReader(
        StocksReport[WarehouseStock],
        StocksReport[msgspec.Raw],
        WarehouseStock,
        rows_of=lambda answer: answer.data.items,
        convert=convert,
        key_field="chrtId",
    )
    for convert in (fbw_records, fbs_records)
)
_REPORTS = {WB_STOCK_PATH: _FBW, SELLER_STOCK_PATH: _FBS}


def amounts_reader(place_id: str) -> RowReader[SellerAmounts[SellerAmount], SellerAmount]:
    """The reader of what one warehouse tells."""
    return RowReader(
        SellerAmounts[SellerAmount],
        SellerAmounts[msgspec.Raw],
        SellerAmount,
        rows_of=lambda answer: answer.stocks,
        convert=partial(amount_records, place_id=place_id),
        key_field="chrtId",
    )


# --- the stream ---------------------------------------------------------------------------------------------------


def read_stock(api: WildberriesApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, StockCursor, cursor)
    if at is None or at.scope not in ("fbw", "fbs"):
        at = StockCursor()
    elif at.as_of is not None and api.now(Category.ANALYTICS) - at.as_of > OLDEST_SCOPE:
        at = StockCursor(at.scope)
    if at.scope == "fbw":
        yield from _read_fbw(api, at)
        at = StockCursor("fbs")
    yield from _read_fbs(api, at)


def _read_fbw(api: WildberriesApi, at: StockCursor) -> Iterator[Page]:
    as_of = at.as_of
    for step in _report_pages(api, WB_STOCK_PATH, at.at):
        answer, more = step.page, step.following
        as_of = as_of or answer.marketplace_now
        after = StockCursor("fbw", as_of, more) if more is not None else StockCursor("fbs")
        named = {row.warehouse_name: pooled_place(row.warehouse_name) for row in answer.value.rows}
        places = {place.place_id: place for place in named.values()}
        yield _page(answer, to_text(after), as_of, "fbw", places, last=more is None)


def _read_fbs(api: WildberriesApi, at: StockCursor) -> Iterator[Page]:
    listed, told = all_seller_places(api)
    at.as_of = at.as_of or told.marketplace_now
    places = {place.place_id: place for place in listed}
    if not places:
        end = to_text(StockCursor(""))
        yield Page(told.raw, (), (), end, at.as_of, "fbs", scope_done=True, done=True)
    elif at.by_size:
        yield from _by_size(api, at, listed, told.raw)
    else:
        yield from _by_report(api, at, places, told.raw)


def _by_report(
    api: WildberriesApi, at: StockCursor, places: Mapping[str, PlaceRecord], told: RawAnswer
) -> Iterator[Page]:
    """The seller's stock from its report; size by size where there is no report for us."""
    pages = _report_pages(api, SELLER_STOCK_PATH, at.at)
    try:
        step = next(pages, None)
    except (SourceGoneError, SourceAuthError, RequestRefusedError) as error:
        if at.at:
            raise
        _log.info("source_report_refused", source=NAME, path=SELLER_STOCK_PATH, why=str(error))
        yield from _by_size(api, at, list(places.values()), told)
        return
    while step is not None:
        answer, more = step.page, step.following
        assert at.as_of is not None  # set when the scope began
        after = StockCursor("fbs", at.as_of, more) if more is not None else StockCursor("")
        named = {
            place_id: places.get(place_id) or named_place(place_id, row.warehouse_name, "FBS")
            for row in answer.value.rows
            if (place_id := ident(row.warehouse_id))
        }
        yield _page(answer, to_text(after), at.as_of, "fbs", named, last=more is None)
        step = next(pages, None)


def _page(
    answer: Answer[_ReportBatch],
    cursor: str,
    as_of: datetime,
    scope: str,
    places: Mapping[str, PlaceRecord],
    *,
    last: bool,
) -> Page:
    batch = (_FBW if scope == "fbw" else _FBS).settled(answer.raw.body, answer.value)
    return Page(
        answer.raw,
        batch.records,
        batch.rejected,
        cursor,
        as_of,
        scope,
        scope_done=last,
        done=last and scope == "fbs",
        places=list(places.values()),
    )


def _report_pages(api: WildberriesApi, path: str, cursor: str) -> Iterator[Step[Answer[_ReportBatch]]]:
    """The pages of a report, by offset until one is not full."""

    def fetch(at: str) -> tuple[Answer[_ReportBatch], Fetched]:
        offset = int(at or 0)
        asked = {"limit": REPORT_ROWS, "offset": offset}
        answer = api.post(Category.ANALYTICS, path, asked, _REPORTS[path].read, no_content=NO_ROWS)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, str(offset + REPORT_ROWS) if rows >= REPORT_ROWS else None, answer.raw.body)

    return walk(NAME, path, cursor, fetch)


# --- size by size -------------------------------------------------------------------------------------------------


def _by_size(api: WildberriesApi, at: StockCursor, places: Sequence[PlaceRecord], told: RawAnswer) -> Iterator[Page]:
    """What each of the seller's warehouses says of each size of each card; `told` is what named the warehouses.

    Nothing is left to ask without sizes, and where the warehouse that was to be read next is gone and was the last.
    """
    assert at.as_of is not None  # set when the scope began
    sizes = all_sizes(api)
    left = [place for place in places if in_order(place.place_id) >= in_order(at.place)]
    tasks = [(place, chunk) for place in left for chunk in _chunks(sizes, at.at if place.place_id == at.place else "")]
    if not tasks:
        yield Page(told, (), (), to_text(StockCursor("")), at.as_of, "fbs", scope_done=True, done=True)
    for number, (place, chunk) in enumerate(tasks, 1):
        done = number == len(tasks)
        after = StockCursor("") if done else StockCursor("fbs", at.as_of, chunk[-1], True, place.place_id)
        reader = amounts_reader(place.place_id)
        asked = {"chrtIds": [int(each) for each in chunk]}
        answer = api.post(Category.MARKETPLACE, STOCKS_PATH.replace(NUMBER, place.place_id), asked, reader.read)
        batch = reader.settled(answer.raw.body, answer.value)
        yield Page(
            answer.raw,
            batch.records,
            batch.rejected,
            to_text(after),
            at.as_of,
            "fbs",
            scope_done=done,
            done=done,
            places=(place,),
            seen=chunk,
        )


def _chunks(sizes: Sequence[str], after: str) -> Iterator[Sequence[str]]:
    left = [size for size in sizes if in_order(size) > in_order(after)]
    for start in range(0, len(left), SIZES_PER_REQUEST):
        yield left[start : start + SIZES_PER_REQUEST]


def all_sizes(api: WildberriesApi) -> list[str]:
    """Every size of every card that is not in the trash, in the order of their numbers.

    Raises SourceProtocolError for a card whose sizes cannot be read: what is not asked about would look sold out.
    """
    found: set[str] = set()
    for step in card_pages(api, CARDS_PATH):
        batch = step.page.value
        for row in batch.rejected:
            named = [each for each in size_ids(row.raw) if each.isdecimal()]
            if not named:
                raise SourceProtocolError(NAME, path=CARDS_PATH, problem=f"card {row.key!r}: {row.reason}")
            found.update(named)
        found.update(ident(size.chrt_id) for card in batch.rows for size in card.sizes or ())
    return sorted(found, key=in_order)
