"""The finance stream: every amount of the weekly sales reports, which tell what Wildberries owes the seller.

A row of a report has many columns of money; each that is not 0 becomes an amount of its own, so that all of them add up
to what is paid out. Reports are made once a week and not changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec

from micore.domain.records import FinanceKind, FinanceRecord, Record
from micore.errors import RecordRejectedError, SourceProtocolError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import Amount, currency_code, ident, money
from micore.sources.http import Answer, RequestRefusedError
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader, named, rows_apart
from micore.sources.wildberries.answers import ReportRow
from micore.sources.wildberries.api import CURRENCY, FINANCE_PATH, NAME, Category, WildberriesApi
from micore.sources.wildberries.orders import SkuOfBarcode
from micore.sources.wildberries.statistics import MOSCOW

FIRST_DAY = date(2024, 1, 29)
"""Wildberries tells nothing of earlier days."""
PAGE_ROWS = 50_000
NO_ROWS = b"[]"
"""What the report says by HTTP 204, behind its last row."""
OVERLAP = timedelta(days=7)
"""Read again once a day: a week may have a second report, made later than the first."""

SALE, RETURN = "Продажа", "Возврат"
BACK = "возврат", "отмен"
"""Stand in the kind of a delivery that was one back to the warehouse."""
ADVERTS = "продвижени"
"""Stands in the explanation of a deduction that pays for adverts."""

Column = tuple[str, str, int, FinanceKind]
_COLUMNS: tuple[Column, ...] = (
    ("delivery", "delivery_service", -1, FinanceKind.DELIVERY),
    ("storage", "paid_storage", -1, FinanceKind.STORAGE),
    ("acceptance", "paid_acceptance", -1, FinanceKind.ACCEPTANCE),
    ("penalty", "penalty", -1, FinanceKind.PENALTY),
    ("deduction", "deduction", -1, FinanceKind.OTHER),
    ("addition", "additional_payment", 1, FinanceKind.CORRECTION),
    ("points", "cashback_amount", -1, FinanceKind.CORRECTION),
    ("programme", "cashback_commission_change", -1, FinanceKind.OTHER),
    ("schedule", "payment_schedule", 1, FinanceKind.OTHER),
)
"""What it is called in an amount's id, the column, its sign from the seller's view, and what it is for.

Left out, for they change nothing in what is paid out: `rebillLogisticCost` and `ppvzReward`, which Wildberries settles
with its own reward, and `cashbackDiscount`, which stands in the sale already.
"""

_MONEY = ("for_pay", "retail_amount", "acquiring_fee", *(column for _, column, _, _ in _COLUMNS))

FIELDS = tuple(dict.fromkeys(field.encode_name for field in msgspec.structs.fields(ReportRow)))
"""All that is asked for; a whole row is five times as long."""
_NAMES = {field.name: field.encode_name for field in msgspec.structs.fields(ReportRow)}

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])

BatchT = TypeVar("BatchT", bound=Batch[Any, Any])


class FinanceCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` and `looked` last; the other fields stand only inside of a broken reading."""

    read_to: date | None = None
    """The last day of the newest report that is read."""
    looked: date | None = None
    """The Moscow day of the last whole reading."""
    as_of: datetime | None = None
    first: date | None = None
    """Where this reading begins."""
    after: str = ""
    """The id of the row to go on behind."""
    seen_to: date | None = None
    """The last day of the newest report that this reading saw."""


# --- what the rows say --------------------------------------------------------------------------------------------


def finance_records(rows: Sequence[ReportRow], *, sku_of_barcode: SkuOfBarcode) -> list[FinanceRecord]:
    """An amount for each column of money that is not 0; what belongs to no known product has none.

    Refuses a row that lacks one of these columns: without it the others are no payout.
    """
    records: list[FinanceRecord] = []
    for row in rows:
        _check_columns(row)
        rrd_id, day = ident(row.rrd_id), day_of(row.rr_date, field="rrDate")
        name = ": ".join(filter(None, ((row.seller_oper_name or "").strip(), (row.bonus_type_name or "").strip())))
        card = str(row.nm_id) if row.nm_id else ""
        sku_id = sku_of_barcode((row.sku or "").strip(), card) if row.sku or card else None
        currency = currency_code(row.currency) or CURRENCY
        records += [
            FinanceRecord(f"{rrd_id}:{part}", sku_id, row.srid or None, day.isoformat(), kind, amount, currency, name)
            for part, kind, amount in amounts(row)
            if amount
        ]
    return records


def amounts(row: ReportRow) -> Iterator[tuple[str, FinanceKind, int]]:
    """(part of the id, what it is for, amount from the seller's view) of each column of money."""
    paid, gross = _told(row.for_pay), _told(row.retail_amount)
    sign = sign_of(row) if paid or gross else 1
    if sold(row) or given_back(row):
        acquiring = _told(row.acquiring_fee)
        yield "sale", FinanceKind.SALE if sign > 0 else FinanceKind.RETURN, sign * gross
        yield "acquiring", FinanceKind.ACQUIRING, -sign * acquiring
        # The rest of what Wildberries keeps; above zero where it bears discounts that are greater than that.
        yield "commission", FinanceKind.COMMISSION, sign * (paid - gross + acquiring)
    else:
        yield "paid", FinanceKind.CORRECTION, sign * paid
    for part, column, each, kind in _COLUMNS:
        yield part, _kind(row, part, kind), each * _told(getattr(row, column))


def _check_columns(row: ReportRow) -> None:
    missing = [_NAMES[column] for column in _MONEY if getattr(row, column) is msgspec.UNSET]
    if missing:
        allowed = "every column of money that the specification requires"
        raise RecordRejectedError(reason=missing[0], received=f"a row without {', '.join(missing)}", allowed=allowed)


def _told(value: Amount | msgspec.UnsetType | None) -> int:
    """Ten-thousandths; nothing where a column is null or empty."""
    return 0 if value is msgspec.UNSET else money(value) or 0


def tells_all(row: ReportRow) -> bool:
    """Whether a row tells every column of money: what a null one said before must not go, for nobody took it back."""
    return all(getattr(row, column) is not None for column in _MONEY)


def _kind(row: ReportRow, part: str, kind: FinanceKind) -> FinanceKind:
    told = (row.bonus_type_name or "").lower()
    if part == "delivery" and any(word in told for word in BACK):
        return FinanceKind.RETURN_DELIVERY
    return FinanceKind.ADVERTISING if part == "deduction" and ADVERTS in told else kind


def sold(row: ReportRow) -> bool:
    """Whether a row tells of goods that were bought."""
    return (row.seller_oper_name or "").strip() == SALE


def given_back(row: ReportRow) -> bool:
    """Whether a row tells of bought goods that came back."""
    return (row.seller_oper_name or "").strip() == RETURN


def sign_of(row: ReportRow) -> int:
    """Whether a row's money is the seller's (1) or taken back (-1): amounts themselves come without a sign."""
    told = (row.document_type or row.doc_type_name or "").strip()
    if told not in (SALE, RETURN, ""):
        raise RecordRejectedError(reason="documentType", received=repr(told), allowed=f"{SALE} or {RETURN}")
    return -1 if told == RETURN or (not told and given_back(row)) else 1


@lru_cache(maxsize=4096)
def day_of(text: str | None, *, field: str) -> date:
    """A day that must be there."""
    try:
        found = date.fromisoformat((text or "")[:10])
    except ValueError:
        found = date.min
    if found < FIRST_DAY:
        raise RecordRejectedError(reason=field, received=repr(text), allowed=f"a day since {FIRST_DAY}")
    return found


# --- the stream ---------------------------------------------------------------------------------------------------


def read_finance(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, FinanceCursor, cursor) or FinanceCursor()
    as_of = at.as_of or api.now(Category.FINANCE)
    today = as_of.astimezone(MOSCOW).date()
    first = at.first or _first_day(at, today, history)
    seen_to = at.seen_to
    reader = report_reader(partial(finance_records, sku_of_barcode=api.tools.sku_of_barcode))
    for step in report_pages(api, reader, first, today, at.after):
        batch, more = step.page.value, step.following
        # One day of a far future would hide every report to come behind it.
        told = [day for row in batch.rows if (day := _report_end(row)) is not None and day <= today]
        seen_to = max(filter(None, [seen_to, *told]), default=None)
        if more is None:
            after = FinanceCursor(max(filter(None, [seen_to, at.read_to]), default=None), today)
        else:
            after = FinanceCursor(at.read_to, at.looked, as_of, first, more, seen_to)
        yield Page(
            step.page.raw,
            batch.records,
            batch.rejected,
            to_text(after),
            as_of,
            done=more is None,
            whole_of=[ident(row.rrd_id) for row in batch.rows if tells_all(row)],
        )


def _first_day(at: FinanceCursor, today: date, history: timedelta) -> date:
    if at.read_to is None or at.read_to > today:
        return max(today - history, FIRST_DAY)
    again = OVERLAP if at.looked != today else timedelta()
    return min(at.read_to + timedelta(days=1) - again, today)


def _report_end(row: ReportRow) -> date | None:
    try:
        return date.fromisoformat((row.date_to or "")[:10])
    except ValueError:
        return None


def report_reader(convert: Callable[[Sequence[ReportRow]], Sequence[Record]]) -> RowReader[Any, ReportRow]:
    """Reads an answer of the sales reports."""
    return RowReader(
        list[ReportRow],
        list[msgspec.Raw],
        ReportRow,
        rows_of=lambda answer: answer,
        convert=convert,
        key_field="rrdId",
    )


def report_pages(
    api: WildberriesApi, reader: RowReader[Any, ReportRow], first: date, last: date, after: str
) -> Iterator[Step[Answer[Batch[Any, ReportRow]]]]:
    """The rows of the weekly reports of some days, by their ids until there is no content behind the last one."""
    ask = _asking(api, reader.read)

    def fetch(at: str) -> tuple[Answer[Batch[Any, ReportRow]], Fetched]:
        asked = {"dateFrom": first.isoformat(), "dateTo": last.isoformat(), "period": "weekly"}
        answer = ask(asked | {"limit": PAGE_ROWS, "rrdId": int(at or 0)})
        rows = rows_apart(_ROWS, answer.raw.body or NO_ROWS)[1]
        return answer, Fetched(len(rows), _last_id(rows), answer.raw.body)

    return walk(NAME, FINANCE_PATH, after, fetch)


def _last_id(rows: Sequence[msgspec.Raw]) -> str | None:
    """The id of the last row, which the next page begins behind; None where there are no rows."""
    for raw in reversed(rows):
        if (found := named(raw, "rrdId")).isdecimal():
            return found
    if rows:
        raise SourceProtocolError(NAME, path=FINANCE_PATH, problem=f"none of {len(rows)} rows has an rrdId")
    return None


def _asking(api: WildberriesApi, read: Callable[[bytes], BatchT]) -> Callable[[dict[str, Any]], Answer[BatchT]]:
    """Asks for the columns that are read; for all of them where a name among these is refused, for it was another."""
    narrow = True

    def ask(asked: dict[str, Any]) -> Answer[BatchT]:
        nonlocal narrow
        if narrow:
            try:
                wanted = asked | {"fields": FIELDS}
                return api.post(Category.FINANCE, FINANCE_PATH, wanted, read, no_content=NO_ROWS)
            except RequestRefusedError:
                narrow = False
        return api.post(Category.FINANCE, FINANCE_PATH, asked, read, no_content=NO_ROWS)

    return ask
