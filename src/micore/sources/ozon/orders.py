"""The orders stream: postings of both schemes, each order line in its present version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from micore.domain.records import Holder, OrderRecord, OrderState, PlaceKind, PlaceRecord, Record, SkuHint
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, hint, ident, moment, optional_ident, price
from micore.sources.http import Answer
from micore.sources.ozon.answers import FboPosting, FbsPosting, PostingProduct, Postings
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.cursors import following
from micore.sources.ozon.warehouses import ozon_place
from micore.sources.ozon.windows import LONGEST_SPAN, Marks, Window, plan
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader

FBO_PATH = "/v3/posting/fbo/list"
FBS_PATH = "/v4/posting/fbs/list"
PAGE_ROWS = 100

STATES = {
    "awaiting_registration": OrderState.ORDERED,
    "acceptance_in_progress": OrderState.ORDERED,
    "awaiting_approve": OrderState.ORDERED,
    "awaiting_packaging": OrderState.ORDERED,
    "awaiting_deliver": OrderState.ORDERED,
    "awaiting_verification": OrderState.ORDERED,
    "not_accepted": OrderState.ORDERED,
    "arbitration": OrderState.SHIPPED,
    "client_arbitration": OrderState.SHIPPED,
    "delivering": OrderState.SHIPPED,
    "driver_pickup": OrderState.SHIPPED,
    "sent_by_seller": OrderState.SHIPPED,
    "delivered": OrderState.DELIVERED,
    "cancelled": OrderState.CANCELLED,
    "cancelled_from_split_pending": OrderState.CANCELLED,
}
"""Every documented status. Any other is refused: whatever we took it for could be a lie."""

FBS_FLOWS = ("ozon", "hybrid", "hybryd", None, "")
"""Delivered by Ozon or the post as FBS knows it; all other flows are the seller's own delivery, rFBS."""


class OrdersCursor(msgspec.Struct, omit_defaults=True):
    """`marks` of the last whole reading; `as_of`, `window` and `at` only inside of a broken one."""

    marks: Marks | None = None
    as_of: datetime | None = None
    window: int = 0
    at: str = ""
    history_days: int = 0
    """How far back the broken reading went; the windows are counted from there."""


def state_of(status: str) -> OrderState:
    """Our word for Ozon's; raises RecordRejectedError for one that is not documented."""
    found = STATES.get(status)
    if found is None:
        raise RecordRejectedError(reason="status", received=status, allowed=", ".join(STATES))
    return found


def fbo_orders(rows: Sequence[FboPosting]) -> Sequence[Record]:
    """The order lines of postings from Ozon's warehouses."""
    records: list[OrderRecord] = []
    for row in rows:
        place_id = optional_ident(row.analytics_data.warehouse_id) if row.analytics_data else None
        _add_lines(records, row, place_id, "FBO", moment(row.created_at, field="created_at"))
    return latest(records)


def fbs_orders(rows: Sequence[FbsPosting]) -> Sequence[Record]:
    """The order lines of postings from the seller's warehouses."""
    records: list[OrderRecord] = []
    for row in rows:
        place_id = optional_ident(row.delivery_method.warehouse_id) if row.delivery_method else None
        _add_lines(records, row, place_id, scheme_of(row), moment(row.in_process_at, field="in_process_at"))
    return latest(records)


def scheme_of(row: FbsPosting) -> str:
    """FBS where Ozon delivers, rFBS where the seller does, FBP from a partner's warehouse."""
    flow = row.integration_type_flow or row.tpl_integration_type
    if flow == "FBP":
        return "FBP"
    return "FBS" if flow in FBS_FLOWS else "rFBS"


def _add_lines(
    records: list[OrderRecord], row: FboPosting | FbsPosting, place_id: str | None, scheme: str, ordered_at: int
) -> None:
    if not row.posting_number:
        raise RecordRejectedError(reason="posting_number", received="empty text", allowed="a number")
    state = state_of(row.status)
    if not row.products:
        raise RecordRejectedError(reason="products", received="none", allowed="at least one")
    if len(row.products) == 1:
        records.append(_line(row.posting_number, row.products[0], place_id, scheme, state, ordered_at))
        return
    # A sku may stand in several lines of a posting: together they are one order line.
    lines: dict[str, OrderRecord] = {}
    for product in row.products:
        line = _line(row.posting_number, product, place_id, scheme, state, ordered_at)
        other = lines.get(line.sku_id)
        lines[line.sku_id] = line if other is None else other._replace(quantity=other.quantity + line.quantity)
    records.extend(lines.values())


def _line(
    order_id: str, product: PostingProduct, place_id: str | None, scheme: str, state: OrderState, ordered_at: int
) -> OrderRecord:
    told = product.price
    value = price(told.amount) if told else None
    return OrderRecord(
        order_id,
        ident(product.sku),
        place_id,
        scheme,
        state,
        product.quantity * MILLI,
        value,
        currency_code(told.currency) if told and value is not None else None,
        ordered_at,
        None,
    )


def latest(records: list[OrderRecord]) -> Sequence[OrderRecord]:
    """Each order line once; where a page told it twice, as it was told last."""
    by_key = {(record.order_id, record.sku_id): record for record in records}
    return records if len(by_key) == len(records) else list(by_key.values())


_FBO = RowReader(
    Postings[FboPosting],
    Postings[msgspec.Raw],
    FboPosting,
    rows_of=lambda answer: answer.postings,
    convert=fbo_orders,
    key_field="posting_number",
)
_FBS = RowReader(
    Postings[FbsPosting],
    Postings[msgspec.Raw],
    FbsPosting,
    rows_of=lambda answer: answer.postings,
    convert=fbs_orders,
    key_field="posting_number",
)


def fbo_places(rows: Sequence[FboPosting]) -> list[PlaceRecord]:
    """Ozon's warehouses that these postings ship from; which cluster they are in is not told here."""
    places: dict[str, PlaceRecord] = {}
    for row in rows:
        told = row.analytics_data
        warehouse_id = optional_ident(told.warehouse_id) if told else None
        if told and warehouse_id is not None and warehouse_id not in places:
            places[warehouse_id] = ozon_place(warehouse_id, told.warehouse_name, None)
    return list(places.values())


def fbs_places(rows: Sequence[FbsPosting]) -> list[PlaceRecord]:
    """The seller's warehouses that these postings ship from."""
    places: dict[str, PlaceRecord] = {}
    for row in rows:
        told = row.delivery_method
        warehouse_id = optional_ident(told.warehouse_id) if told else None
        if told and warehouse_id is not None and warehouse_id not in places:
            name = told.warehouse or warehouse_id
            places[warehouse_id] = PlaceRecord(
                PlaceKind.WAREHOUSE, warehouse_id, name, Holder.SELLER, scheme_of(row), None
            )
    return list(places.values())


def hints(rows: Sequence[FboPosting] | Sequence[FbsPosting]) -> list[SkuHint]:
    """One for each sku."""
    told = {product.sku: product for row in rows for product in row.products}
    named = (hint(product.sku, product.offer_id, product.name) for product in told.values())
    return list({each.sku_id: each for each in named}.values())


class Scheme(NamedTuple):
    """How postings of one scheme are asked for and read."""

    path: str
    reader: RowReader[Any, Any]
    places: Callable[[Sequence[Any]], list[PlaceRecord]]


SCHEMES = {"FBO": Scheme(FBO_PATH, _FBO, fbo_places), "FBS": Scheme(FBS_PATH, _FBS, fbs_places)}


def read_orders(api: OzonApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, OrdersCursor, cursor) or OrdersCursor()
    as_of = at.as_of or api.now()
    # A first reading goes on with the history it began with, whatever the setting says meanwhile.
    reach = timedelta(days=at.history_days) if at.history_days else history
    windows, whole = plan(at.marks, as_of, reach)
    for number in range(at.window, len(windows)):
        scheme = SCHEMES[windows[number].scheme]
        for step in window_pages(api, scheme, windows[number], at.at if number == at.window else ""):
            batch, more = step.page.value, step.following
            done = more is None and number + 1 == len(windows)
            after = OrdersCursor(at.marks, as_of, number if more is not None else number + 1, more or "", reach.days)
            yield Page(
                step.page.raw,
                batch.records,
                told_in(batch.rejected, {"scheme": windows[number].scheme}),
                to_text(OrdersCursor(whole) if done else after),
                as_of,
                done=done,
                places=scheme.places(batch.rows),
                skus=hints(batch.rows),
            )


def window_pages(api: OzonApi, scheme: Scheme, window: Window, cursor: str) -> Iterator[Step[Answer[Batch[Any, Any]]]]:
    """The postings of one window, from a cursor of Ozon's inside of it."""
    asked = {
        "filter": filter_of(window),
        "limit": PAGE_ROWS,
        "sort_dir": "ASC",
        "with": {"analytics_data": True},
    }

    def fetch(at: str) -> tuple[Answer[Batch[Any, Any]], Fetched]:
        answer = api.ask(scheme.path, {**asked, "cursor": at}, scheme.reader.read)
        envelope = answer.value.envelope
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, following(envelope.cursor, envelope.has_next))

    return walk(NAME, scheme.path, cursor, fetch)


def filter_of(window: Window) -> dict[str, Any]:
    """A window as Ozon's filter; since/to are about creation and required even where the change is asked for."""
    if not window.changed:
        return {"since": rfc3339(window.since), "to": rfc3339(window.to)}
    return {
        "since": rfc3339(window.to - LONGEST_SPAN),
        "to": rfc3339(window.to),
        "last_changed_status_date": {"from": rfc3339(window.since), "to": rfc3339(window.to)},
    }


def rfc3339(instant: datetime) -> str:
    """Whole seconds, as Ozon writes its patterns; windows lie on whole seconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
