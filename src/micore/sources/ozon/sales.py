"""The sales stream: money booked for sold goods and taken back for returned ones, by business day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from micore.domain.records import Record, SaleRecord, SkuHint
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, ident, money
from micore.sources.http import Answer
from micore.sources.ozon.answers import Accrual, Accruals
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader

PATH = "/v1/finance/accrual/by-day"

ZONE = ZoneInfo("Europe/Moscow")
"""Ozon states no zone for its report days; this is the one its cabinet shows them in."""

FIRST_DAY = date(2022, 1, 1)
"""Ozon keeps no accruals before it."""

OVERLAP_DAYS = 10
"""Days that are read again: bookings reach closed days late."""


class SalesCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` of the last whole reading; the other fields only inside of a broken one."""

    read_to: date | None = None
    as_of: datetime | None = None
    day: date | None = None
    at: str = ""


def sale_records(rows: Sequence[Accrual]) -> Sequence[Record]:
    """What was sold, out of all bookings: postings whose product carries an amount of sale."""
    records: dict[str, SaleRecord] = {}
    for row in rows:
        if row.accrued_category != "POSTING" or row.posting is None:
            continue
        accrual_id, day = ident(row.accrual_id), row.date.isoformat()
        lines: Counter[str] = Counter()
        for product in row.posting.products or ():
            told = product.commission.sale_amount if product.commission else None
            amount = money(told.amount) if told else None
            if told is None or amount is None:
                continue
            sku_id = ident(product.sku)
            lines[sku_id] += 1
            sale_id = f"{accrual_id}:{sku_id}:{lines[sku_id]}"
            currency = currency_code(told.currency)
            if currency is None:
                raise RecordRejectedError(reason="currency", received="none", allowed="an ISO 4217 code")
            share = product.commission.commission if product.commission else None
            commission = money(share.amount) if share else None
            if amount or commission:
                records[sale_id] = SaleRecord(
                    sale_id, row.unit_number or None, sku_id, day, amount, commission, currency
                )
    return list(records.values())


SALES = RowReader(
    Accruals[Accrual],
    Accruals[msgspec.Raw],
    Accrual,
    rows_of=lambda answer: answer.accruals,
    convert=sale_records,
    key_field="accrual_id",
)
_Batch = Batch[Accruals[Accrual], Accrual]


def read_sales(api: OzonApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, SalesCursor, cursor) or SalesCursor()
    as_of = at.as_of or api.now()
    today = as_of.astimezone(ZONE).date()
    first = at.read_to - timedelta(days=OVERLAP_DAYS) if at.read_to else today - history
    day = at.day or max(first, FIRST_DAY)
    last_id = at.at
    while day <= today:
        for step in day_pages(api, day, last_id):
            batch, more = step.page.value, step.following
            done = more is None and day == today
            next_day = day if more is not None else day + timedelta(days=1)
            after = SalesCursor(today) if done else SalesCursor(at.read_to, as_of, next_day, more or "")
            yield Page(
                step.page.raw,
                batch.records,
                batch.rejected,
                to_text(after),
                as_of,
                done=done,
                skus=sale_hints(batch),
            )
        day, last_id = day + timedelta(days=1), ""


def sale_hints(batch: _Batch) -> list[SkuHint]:
    """One for each sku; accruals know its number only."""
    return [SkuHint(sku_id, "", "") for sku_id in dict.fromkeys(sku_ids(batch.records))]


def sku_ids(records: Sequence[Record]) -> Iterator[str]:
    """The skus of records, in their order."""
    for record in records:
        if isinstance(record, SaleRecord):
            yield record.sku_id


def day_pages(api: OzonApi, day: date, last_id: str) -> Iterator[Step[Answer[_Batch]]]:
    """The bookings of one day; `last_id` lives for 15 minutes, a dead one begins the day again."""

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        answer = api.ask(PATH, {"date": day.isoformat(), "last_id": at}, SALES.read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, answer.value.envelope.last_id or None if rows else None)

    return walk(NAME, PATH, last_id, fetch)
