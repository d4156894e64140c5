"""Orders that the statistics have forgotten: bought units of the sales reports, which reach further back.

Only what was bought stands there; what was cancelled before is not told. An order that the statistics ever told stays
as they told it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import msgspec

from micore.domain.instants import micros
from micore.domain.records import OrderRecord, OrderState, PlaceRecord
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, price
from micore.sources.rereading import told_in
from micore.sources.rows import RowReader
from micore.sources.wildberries.answers import ReportRow
from micore.sources.wildberries.api import CURRENCY, NAME, Category, WildberriesApi
from micore.sources.wildberries.finance import FIRST_DAY, day_of, given_back, report_pages, report_reader, sold
from micore.sources.wildberries.orders import SELLER_HELD, SkuOfBarcode, is_unknown_barcode, read_orders, sku_of
from micore.sources.wildberries.statistics import KEPT, MOSCOW, StatisticsCursor, moscow
from micore.sources.wildberries.warehouses import SCHEMES, pooled_place

NOON = time(12, tzinfo=MOSCOW)
"""Stands for the hour that reports do not tell: the day is then the same in almost every zone."""


class HistoryCursor(msgspec.Struct, omit_defaults=True):
    """Where in the reports; without `report_after` it is a cursor of the statistics."""

    read_to: str = ""
    """That of the statistics, which were read first."""
    as_of: datetime | None = None
    report_after: str = ""
    """The id of the row to go on behind; "0" is the beginning."""


def history_records(rows: Sequence[ReportRow], *, sku_of_barcode: SkuOfBarcode, last: date) -> list[OrderRecord]:
    """One for each unit that was ordered until a day and bought, as it was in the end."""
    found: dict[str, OrderRecord] = {}
    for row in rows:
        if not (row.srid and (sold(row) or given_back(row))):
            continue
        ordered = day_of(row.order_dt, field="orderDt")
        if ordered > last:
            continue
        record = _record(row, sku_of(row.sku or "", row.nm_id, sku_of_barcode), ordered)
        earlier = found.get(record.order_id)
        if earlier is None or earlier.state is not OrderState.RETURNED:
            found[record.order_id] = record
    return list(found.values())


def _record(row: ReportRow, sku_id: str, ordered: date) -> OrderRecord:
    told = moscow(row.order_dt)
    at = told if told is not None and told.time() != time() else datetime.combine(ordered, NOON)
    if row.quantity is not None and not 0 < row.quantity <= 10**6:
        raise RecordRejectedError(reason="quantity", received=str(row.quantity), allowed="1 to 1,000,000")
    place, value = place_of(row), price(row.retail_price_with_disc)
    method = (row.delivery_method or "").partition(",")[0].strip()
    known = method in ("FBW", *SCHEMES.values())
    return OrderRecord(
        order_id=row.srid or "",
        sku_id=sku_id,
        place_id=place.place_id if place else None,
        scheme=method if known else "FBS" if (row.office_name or "").startswith(SELLER_HELD) else "FBW",
        state=OrderState.RETURNED if given_back(row) else OrderState.DELIVERED,
        quantity=(row.quantity or 1) * MILLI,
        price=value,
        currency=None if value is None else currency_code(row.currency) or CURRENCY,
        ordered_at=micros(at),
        cancelled_at=None,
        belated=True,
    )


def place_of(row: ReportRow) -> PlaceRecord | None:
    """Where a unit was sold from; the seller's warehouses have no names here."""
    name = (row.office_name or "").strip()
    return pooled_place(name) if name and not name.startswith(SELLER_HELD) else None


def history_reader(sku_of_barcode: SkuOfBarcode, last: date) -> RowReader[Any, ReportRow]:
    """Reads the orders out of an answer of the sales reports."""
    return report_reader(partial(history_records, sku_of_barcode=sku_of_barcode, last=last))


def history_pages(api: WildberriesApi, at: HistoryCursor, as_of: datetime, history: timedelta) -> Iterator[Page]:
    """The pages behind a cursor, up to the end of the reading of the orders."""
    today = as_of.astimezone(MOSCOW).date()
    # The day on which the statistics begin is told by both.
    first, last = max(today - history, FIRST_DAY), (as_of - KEPT).astimezone(MOSCOW).date()
    reader = history_reader(api.tools.sku_of_barcode, last)
    for step in report_pages(api, reader, first, today, at.report_after):
        batch, more = step.page.value, step.following
        named = {row.office_name: place_of(row) for row in batch.rows}
        places = {place.place_id: place for place in named.values() if place is not None}
        yield Page(
            step.page.raw,
            batch.records,
            told_in(batch.rejected, {"until": last.isoformat()}, may_pass=is_unknown_barcode),
            to_text(StatisticsCursor(at.read_to) if more is None else HistoryCursor(at.read_to, as_of, more)),
            as_of,
            done=more is None,
            places=list(places.values()),
        )


def read_all_orders(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The orders stream; see Source.read. First what the statistics know; then, once, what the reports know beyond."""
    at = from_text(NAME, HistoryCursor, cursor) or HistoryCursor()
    if not at.report_after:
        beyond = history > KEPT and not at.read_to
        for page in read_orders(api, cursor, min(history, KEPT)):
            if not (page.done and beyond):
                yield page
                continue
            read_to = (from_text(NAME, StatisticsCursor, page.cursor) or StatisticsCursor()).read_to
            at = HistoryCursor(read_to, page.as_of, "0")
            yield replace(page, cursor=to_text(at), done=False)
        if not beyond:
            return
    yield from history_pages(api, at, at.as_of or api.now(Category.FINANCE), history)
