"""The stock stream: what Ozon's warehouses hold (scope "fbo"), and what the seller's own hold (scope "fbs")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from micore.domain.records import PlaceRecord, Record, RejectedRow, SkuHint, StockRecord
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import Id, hint, ident, optional_ident
from micore.sources.http import Answer
from micore.sources.ozon.answers import FboStock, FboStocks, FbsStock, FbsStocks, ListedProduct
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.cursors import following
from micore.sources.ozon.products import PASSES, product_pages
from micore.sources.ozon.warehouses import all_seller_places, cluster_place, in_order, ozon_place
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader

FBO_PATH = "/v1/analytics/stocks"
FBS_PATH = "/v1/product/info/warehouse/stocks"
SKUS_PER_REQUEST = 100
PAGE_ROWS = 1000
FOREIGN = "told of a sku that was not asked for"

OLDEST_SCOPE = timedelta(hours=1)
"""A scope begun longer ago is begun anew: half of it from the morning and half from the evening is no snapshot."""


class StockCursor(msgspec.Struct, omit_defaults=True):
    """Where in which scope; "" is the end. `as_of` is the beginning of the scope, by the marketplace's clock."""

    scope: str = "fbo"
    as_of: datetime | None = None
    part: int = 0
    """fbo: pass of the product list."""
    at: str = ""
    """fbo: last_id of the list page; fbs: cursor inside of the warehouse."""
    after: str = ""
    """fbo: last product_id that was asked about; fbs: the warehouse to read, "" is the first."""


def fbo_records(rows: Sequence[FboStock]) -> list[StockRecord]:
    """What Ozon tells of its warehouses: no reserved, so no present either."""
    # By position: keywords cost a third of the whole conversion.
    return [
        StockRecord(
            ident(row.sku),
            ident(row.warehouse_id),
            row.available_stock_count * MILLI,
            None,
            None,
            _inbound(row.transit_stock_count, row.requested_stock_count),
            None,
            None if (back := row.return_from_customer_stock_count) is None else back * MILLI,
        )
        for row in rows
    ]


def _inbound(in_transit: int | None, requested: int | None) -> int | None:
    """Supplies on their way and those only requested; None where neither is told."""
    if in_transit is None and requested is None:
        return None
    return ((in_transit or 0) + (requested or 0)) * MILLI


def fbo_places(rows: Sequence[FboStock]) -> list[PlaceRecord]:
    """The clusters and then the warehouses that these rows name."""
    clusters: dict[str, PlaceRecord] = {}
    warehouses: dict[str, PlaceRecord] = {}
    for row in rows:
        # Each row's, so that a row is judged the same alone and among others.
        warehouse_id, cluster_id = ident(row.warehouse_id), optional_ident(row.cluster_id)
        if warehouse_id not in warehouses:
            warehouses[warehouse_id] = ozon_place(warehouse_id, row.warehouse_name, cluster_id)
            if cluster_id is not None:
                clusters.setdefault(cluster_id, cluster_place(cluster_id, row.cluster_name))
    return [*clusters.values(), *warehouses.values()]


def hints(rows: Sequence[FboStock]) -> list[SkuHint]:
    """One for each sku."""
    told: dict[Id, SkuHint] = {}
    for row in rows:
        if row.sku not in told:
            told[row.sku] = hint(row.sku, row.offer_id, row.name)
    return list(told.values())


_FBO = RowReader(
    FboStocks[FboStock],
    FboStocks[msgspec.Raw],
    FboStock,
    rows_of=lambda answer: answer.items,
    convert=fbo_records,
    key_field="sku",
)


def fbs_records(rows: Sequence[FbsStock], *, place_id: str) -> list[StockRecord]:
    """What a seller's warehouse holds."""
    for row in rows:
        told_of = optional_ident(row.warehouse_id)
        if told_of not in (None, place_id):
            raise RecordRejectedError(reason="warehouse_id", received=str(told_of), allowed=f"{place_id}, as asked")
    return [
        StockRecord(
            ident(row.sku),
            place_id,
            row.free_stock * MILLI,
            row.present * MILLI,
            row.reserved * MILLI,
            None,
            None,
            None,
        )
        for row in rows
    ]


def fbs_reader(place_id: str) -> RowReader[FbsStocks[FbsStock], FbsStock]:
    """The reader of one warehouse's pages."""
    return RowReader(
        FbsStocks[FbsStock],
        FbsStocks[msgspec.Raw],
        FbsStock,
        rows_of=lambda answer: answer.stocks,
        convert=partial(fbs_records, place_id=place_id),
        key_field="sku",
    )


def read_stock(api: OzonApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, StockCursor, cursor)
    if at is None or at.scope not in ("fbo", "fbs"):
        at = StockCursor()
    elif at.as_of is not None and api.now() - at.as_of > OLDEST_SCOPE:
        at = StockCursor(at.scope)
    if at.scope == "fbo":
        yield from _read_fbo(api, at)
        at = StockCursor("fbs")
    yield from _read_fbs(api, at)


def _read_fbo(api: OzonApi, at: StockCursor) -> Iterator[Page]:
    as_of = at.as_of
    for part in range(at.part, len(PASSES)):
        start = at.at if part == at.part else ""
        for step in product_pages(api, PASSES[part], start):
            listing = step.page
            as_of = as_of or listing.marketplace_now
            # Listed products that cannot be asked about: their last figures stay.
            refused = list(listing.value.rejected)
            for chunk in _chunks(listing.value.rows, at.after if part == at.part else ""):
                after = StockCursor("fbo", as_of, part, step.at, ident(chunk[-1].product_id))
                yield _fbo_page(api, chunk, refused, to_text(after), as_of)
                refused = []
            if refused:
                yield Page(listing.raw, (), refused, to_text(StockCursor("fbo", as_of, part, step.at)), as_of, "fbo")
    if as_of is None:
        raise AssertionError("a walk yields at least one page")
    yield Page(listing.raw, (), (), to_text(StockCursor("fbs")), as_of, "fbo", scope_done=True)


def _chunks(listed: Sequence[ListedProduct], after: str) -> Iterator[Sequence[ListedProduct]]:
    """Those with a sku, by hundreds, behind the product `after`; from the start where it is not among them."""
    known = [row for row in listed if optional_ident(row.sku) is not None]
    done = next((number for number, row in enumerate(known, 1) if ident(row.product_id) == after), 0)
    for start in range(done, len(known), SKUS_PER_REQUEST):
        yield known[start : start + SKUS_PER_REQUEST]


def _fbo_page(
    api: OzonApi, chunk: Sequence[ListedProduct], refused: Sequence[RejectedRow], cursor: str, as_of: datetime
) -> Page:
    asked = [ident(row.sku) for row in chunk]
    answer = api.ask(FBO_PATH, {"skus": asked}, _FBO.read)
    # What is told of a sku that nobody asked about may be another account's.
    ours = set(asked)
    foreign = {each: FOREIGN for each in answer.value.records if _names(each) not in ours}
    batch = _FBO.settled(answer.raw.body, answer.value, foreign)
    return Page(
        answer.raw,
        batch.records,
        [*refused, *batch.rejected],
        cursor,
        as_of,
        "fbo",
        places=fbo_places(batch.rows),
        skus=hints(batch.rows),
        seen=asked,
    )


def _names(record: Record) -> str | None:
    return record.sku_id if isinstance(record, StockRecord) else None


def _read_fbs(api: OzonApi, at: StockCursor) -> Iterator[Page]:
    places, told = all_seller_places(api)
    as_of = at.as_of or told.marketplace_now
    left = [place for place in places if in_order(place.place_id) >= in_order(at.after)]
    end = to_text(StockCursor(""))
    for number, place in enumerate(left):
        start = at.at if place.place_id == at.after else ""
        following_place = left[number + 1].place_id if number + 1 < len(left) else ""
        for step in fbs_pages(api, place.place_id, start):
            batch, more = step.page.value, step.following
            batch = fbs_reader(place.place_id).settled(step.page.raw.body, batch)
            done = more is None and not following_place
            after = StockCursor("fbs", as_of, 0, more or "", following_place if more is None else place.place_id)
            yield Page(
                step.page.raw,
                batch.records,
                batch.rejected,
                end if done else to_text(after),
                as_of,
                "fbs",
                scope_done=done,
                done=done,
                places=(place,),
                skus=[hint(row.sku, row.offer_id, None) for row in batch.rows],
            )
    if not left:
        yield Page(told.raw, (), (), end, as_of, "fbs", scope_done=True, done=True)


_FbsBatch = Batch[FbsStocks[FbsStock], FbsStock]


def fbs_pages(api: OzonApi, warehouse_id: str, cursor: str) -> Iterator[Step[Answer[_FbsBatch]]]:
    """What one of the seller's warehouses holds, page by page."""
    reader = fbs_reader(warehouse_id)

    def fetch(at: str) -> tuple[Answer[_FbsBatch], Fetched]:
        payload = {"warehouse_id": int(warehouse_id), "limit": PAGE_ROWS, "cursor": at}
        answer = api.ask(FBS_PATH, payload, reader.read)
        envelope = answer.value.envelope
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, following(envelope.cursor, envelope.has_next))

    return walk(NAME, FBS_PATH, cursor, fetch)
