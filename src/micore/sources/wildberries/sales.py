"""The sales stream: what the seller gets for each unit that was bought, and gives back for each that was returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from micore.domain.instants import instant
from micore.domain.records import OrderState, SaleRecord
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.fields import moment, money
from micore.sources.rereading import told_in
from micore.sources.wildberries.answers import Sale
from micore.sources.wildberries.api import CURRENCY, SALES_PATH, WildberriesApi
from micore.sources.wildberries.orders import SkuOfBarcode, is_unknown_barcode, sku_of
from micore.sources.wildberries.statistics import MOSCOW, Statistics, moscow

SOLD, RETURNED = "S", "R"


def sale_records(rows: Sequence[Sale], *, sku_of_barcode: SkuOfBarcode) -> list[SaleRecord]:
    """One for each booked row. What is not booked yet is left out; it comes again, as changed, once it is."""
    records: dict[str, SaleRecord] = {}
    for row in rows:
        amount = _amount(row)
        sku_id = sku_of(row.barcode, sku_of_barcode)
        sold_at = instant(moment(moscow(row.date), field="date"))
        if amount:
            day = sold_at.astimezone(MOSCOW).date().isoformat()
            state = OrderState.DELIVERED if amount > 0 else OrderState.RETURNED
            records[row.sale_id] = SaleRecord(row.sale_id, row.srid or None, sku_id, day, amount, None, CURRENCY, state)
    return list(records.values())


def _amount(row: Sale) -> int:
    """What is booked, below zero for a return; 0: nothing yet."""
    kind, value = row.sale_id[:1], money(row.for_pay) or 0
    if kind not in (SOLD, RETURNED) or len(row.sale_id) == 1:
        raise RecordRejectedError(reason="saleID", received=repr(row.sale_id), allowed="S... or R...")
    if kind == SOLD and value < 0:
        raise RecordRejectedError(reason="forPay", received=str(row.for_pay), allowed="0 or more for a sale")
    # Returns have come with either sign.
    return -abs(value) if kind == RETURNED else value


def read_sales(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    convert = partial(sale_records, sku_of_barcode=api.tools.sku_of_barcode)
    for page in Statistics(api, SALES_PATH, Sale, convert, key_field="saleID").pages(cursor, history):
        rejected = told_in(page.rejected, {}, may_pass=is_unknown_barcode)
        yield Page(page.answer.raw, page.records, rejected, page.cursor, page.as_of, done=page.done)
