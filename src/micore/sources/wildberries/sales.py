"""The sales stream: what the seller gets for each unit that was bought, and gives back for each that was returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from micore.domain.instants import instant
from micore.domain.records import OrderState, Record, SaleRecord
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.fields import moment, money
from micore.sources.rereading import told_in
from micore.sources.wildberries.answers import Sale
from micore.sources.wildberries.api import CURRENCY, SALES_PATH, WildberriesApi
from micore.sources.wildberries.orders import SkuOfBarcode, is_unknown_barcode, sku_of
from micore.sources.wildberries.statistics import FILLED_IN_WITHIN, MOSCOW, Statistics, moscow, moscow_or_none

SOLD, RETURNED = "S", "R"


def sale_records(rows: Sequence[Sale], *, sku_of_barcode: SkuOfBarcode) -> list[SaleRecord]:
    """One for each row that tells an amount; 0 may still mean that it is not known."""
    records: dict[str, SaleRecord] = {}
    for row in rows:
        amount = _amount(row)
        state = OrderState.DELIVERED if row.sale_id.startswith(SOLD) else OrderState.RETURNED
        sku_id = sku_of(row.barcode, row.nm_id, sku_of_barcode)
        sold_at = instant(moment(moscow(row.date), field="date"))
        day = sold_at.astimezone(MOSCOW).date().isoformat()
        if amount is not None:
            records[row.sale_id] = SaleRecord(row.sale_id, row.srid or None, sku_id, day, amount, None, CURRENCY, state)
    return list(records.values())


def _amount(row: Sale) -> int | None:
    """What is booked, below zero for a return; 0: nothing, or not known yet; None: not told."""
    kind, value = row.sale_id[:1], money(row.for_pay)
    if kind not in (SOLD, RETURNED) or len(row.sale_id) == 1:
        raise RecordRejectedError(reason="saleID", received=repr(row.sale_id), allowed="S... or R...")
    if value is None:
        return None
    if kind == SOLD and value < 0:
        raise RecordRejectedError(reason="forPay", received=str(row.for_pay), allowed="0 or more for a sale")
    # Returns have come with either sign.
    return -abs(value) if kind == RETURNED else value


def read_sales(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    convert = partial(sale_records, sku_of_barcode=api.tools.sku_of_barcode)
    for page in Statistics(api, SALES_PATH, Sale, convert, key_field="saleID").pages(cursor, history):
        records = booked(page.records, page.rows, page.as_of)
        rejected = told_in(page.rejected, {}, may_pass=is_unknown_barcode)
        yield Page(page.answer.raw, records, rejected, page.cursor, page.as_of, done=page.done)


def booked(records: Sequence[Record], rows: Sequence[Sale], now: datetime) -> list[Record]:
    """The records without those that tell 0 and may still be filled in.

    Each comes again when that is over, because readings overlap for longer. Then 0 is what was booked, and takes the
    place of any figure that was told before.
    """
    known_since = now - FILLED_IN_WITHIN
    unknown = {
        row.sale_id
        for row in rows
        if _amount(row) == 0 and ((changed := moscow_or_none(row.last_change_date)) is None or changed > known_since)
    }
    return [each for each in records if not (isinstance(each, SaleRecord) and each.sale_id in unknown)]
