"""The finance stream: every amount Ozon books for or against the seller, by business day, and the sales among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
import structlog

from micore.domain.records import FinanceKind, FinanceRecord, Record, SaleRecord, SkuHint
from micore.errors import RecordRejectedError, SourceGoneError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, ident, money
from micore.sources.http import Answer, RequestRefusedError
from micore.sources.ozon.accruals import Accrual, Accruals, AccrualType, AccrualTypes, AccruedProduct, Fee
from micore.sources.ozon.answers import Price
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader

PATH = "/v1/finance/accrual/by-day"
TYPES_PATH = "/v1/finance/accrual/types"

ZONE = ZoneInfo("Europe/Moscow")
"""Ozon states no zone for its report days; this is the one its cabinet shows them in."""

FIRST_DAY = date(2022, 1, 1)
"""Ozon keeps no accruals before it."""

OVERLAP_DAYS = 10
"""Days that are read again: bookings reach closed days late."""

KINDS = (
    (FinanceKind.CORRECTION, ("compens", "correct", "компенсац", "корректир", "возмещен")),
    (FinanceKind.PENALTY, ("penalt", "fine", "штраф", "неустой", "нарушен")),
    (FinanceKind.ACQUIRING, ("acquiring", "эквайринг")),
    (FinanceKind.ADVERTISING, ("advert", "promo", "premium", "subscr", "реклам", "продвижен", "подписк", "отзыв")),
    (FinanceKind.ACCEPTANCE, ("acceptance", "supply", "приемк", "поставк")),
    (FinanceKind.STORAGE, ("storage", "placement", "размещен", "хранен")),
    (FinanceKind.RETURN_DELIVERY, ("return", "reverse", "возврат", "обратн", "невыкуп")),
    (FinanceKind.COMMISSION, ("commission", "вознагражден", "комисси")),
    (FinanceKind.DELIVERY, ("logistic", "deliver", "mile", "drop", "pickup", "логистик", "доставк", "обработк")),
)
"""Ozon documents neither the numbers nor the names of its types: the first line with a word that a type's name or
description holds tells its kind. Narrower ones come first: "placement of returns" is storage."""

_TYPES = msgspec.json.Decoder(AccrualTypes)
_log = structlog.get_logger("micore.sources")


class FinanceCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` of the last whole reading; the other fields only inside of a broken one."""

    read_to: date | None = None
    as_of: datetime | None = None
    day: date | None = None
    at: str = ""


Types = Mapping[str, AccrualType]


def kind_of(told: AccrualType | None) -> FinanceKind:
    """Our word for one of Ozon's types."""
    words = f"{told.name or ''} {told.description or ''}".lower().replace("ё", "е") if told else ""
    return next((kind for kind, parts in KINDS if any(part in words for part in parts)), FinanceKind.OTHER)


def finance_records(rows: Sequence[Accrual], *, types: Types, day: date | None = None) -> Sequence[Record]:
    """All amounts of some bookings, and once more as sales what was sold: postings with an amount of sale.

    Refuses a booking of another day than `day`, the one that was asked for; None: nobody knows which one was.
    """
    found: dict[tuple[str, str], Record] = {}
    for row in rows:
        if day is not None and row.date != day:
            raise RecordRejectedError(reason="date", received=row.date.isoformat(), allowed=f"{day}, the day asked for")
        for record in _Booking(row, types).records():
            key = record.sale_id if isinstance(record, SaleRecord) else record.finance_id
            found[type(record).__name__, key] = record
    return list(found.values())


class _Booking:
    """One booking, being taken apart."""

    def __init__(self, row: Accrual, types: Types) -> None:
        self._row, self._types = row, types
        self._id, self._day = ident(row.accrual_id), row.date.isoformat()
        self._order_id = row.unit_number or None if row.posting is not None else None
        self._names: Counter[str] = Counter()
        self._lines: list[FinanceRecord] = []
        self._sales: list[SaleRecord] = []

    def records(self) -> list[FinanceRecord | SaleRecord]:
        """Its amounts; what its parts do not explain of its total is one more, of no kind."""
        row = self._row
        for product in (row.posting.products if row.posting else None) or ():
            self._sold(product)
        for item in (row.item_fees.fees if row.item_fees else None) or ():
            for fee in item.fees or ():
                self._fee(ident(item.sku), fee)
        for fee in (row.container_fees.fees if row.container_fees else None) or ():
            self._fee(None, fee)
        if row.non_item_fee is not None:
            self._fee(None, row.non_item_fee)
        total = _amount(row.total_amount)
        rest = None if total is None else total - sum(line.amount for line in self._lines)
        if rest:
            self._add("rest", None, FinanceKind.OTHER, row.total_amount, rest, "")
        return [*self._lines, *self._sales]

    def _sold(self, product: AccruedProduct) -> None:
        sku_id = ident(product.sku)
        which = self._nth(sku_id)
        told = product.commission.sale_amount if product.commission else None
        share = product.commission.commission if product.commission else None
        amount, commission = _amount(told), _amount(share)
        if amount:
            kind = FinanceKind.SALE if amount > 0 else FinanceKind.RETURN
            self._add(f"{which}:sale", sku_id, kind, told, amount, "")
        if commission:
            self._add(f"{which}:commission", sku_id, FinanceKind.COMMISSION, share, commission, "")
        if amount is not None and (amount or commission):
            self._sales.append(
                SaleRecord(
                    f"{self._id}:{which}", self._order_id, sku_id, self._day, amount, commission, _currency(told)
                )
            )
        for fee in (product.delivery.services if product.delivery else None) or ():
            self._fee(sku_id, fee, which)

    def _fee(self, sku_id: str | None, fee: Fee, of: str = "") -> None:
        amount = _amount(fee.accrued)
        if amount:
            number = str(fee.type_id)
            told = self._types.get(number)
            name = (told.description or told.name if told else None) or f"type {number}"
            which = self._nth(f"{of or sku_id or ''}:fee:{number}")
            self._add(which, sku_id, kind_of(told), fee.accrued, amount, name)

    def _add(
        self, which: str, sku_id: str | None, kind: FinanceKind, told: Price | None, amount: int, name: str
    ) -> None:
        key = f"{self._id}:{which}"
        self._lines.append(FinanceRecord(key, sku_id, self._order_id, self._day, kind, amount, _currency(told), name))

    def _nth(self, name: str) -> str:
        """A booking may tell the same twice: each has its number."""
        self._names[name] += 1
        return f"{name}:{self._names[name]}"


def _amount(told: Price | None) -> int | None:
    return money(told.amount) if told else None


def _currency(told: Price | None) -> str:
    found = currency_code(told.currency) if told else None
    if found is None:
        raise RecordRejectedError(reason="currency", received="none", allowed="an ISO 4217 code")
    return found


_Batch = Batch[Accruals[Accrual], Accrual]
_Reader = RowReader[Accruals[Accrual], Accrual]


def reader(types: Types, day: date | None = None) -> _Reader:
    """Reads a page of bookings of a day, given what their types mean."""
    return RowReader(
        Accruals[Accrual],
        Accruals[msgspec.Raw],
        Accrual,
        rows_of=lambda answer: answer.accruals,
        convert=partial(finance_records, types=types, day=day),
        key_field="accrual_id",
    )


def types_of(api: OzonApi) -> Types:
    """What the types of fees mean, by number; nothing where Ozon does not tell it: they are then of no kind."""
    try:
        told = api.ask(TYPES_PATH, None, _TYPES.decode).value.accrual_types
    except (SourceGoneError, RequestRefusedError) as error:
        _log.warning("source_types_unknown", source=NAME, path=TYPES_PATH, why=str(error))
        return {}
    return {str(each.id): each for each in told or ()}


def read_finance(api: OzonApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, FinanceCursor, cursor) or FinanceCursor()
    as_of = at.as_of or api.now()
    today = as_of.astimezone(ZONE).date()
    first = at.read_to - timedelta(days=OVERLAP_DAYS) if at.read_to else today - history
    day = at.day or max(first, FIRST_DAY)
    last_id = at.at
    types = types_of(api)
    while day <= today:
        for step in day_pages(api, types, day, last_id):
            batch, more = step.page.value, step.following
            done = more is None and day == today
            next_day = day if more is not None else day + timedelta(days=1)
            after = FinanceCursor(today) if done else FinanceCursor(at.read_to, as_of, next_day, more or "")
            yield Page(
                step.page.raw,
                batch.records,
                told_in(batch.rejected, {"types": types, "day": day.isoformat()}),
                to_text(after),
                as_of,
                done=done,
                skus=hints(batch.records),
                whole_of=bookings(batch),
            )
        day, last_id = day + timedelta(days=1), ""


def bookings(batch: _Batch) -> list[str]:
    """The bookings of a page: each stands on it whole."""
    return [ident(row.accrual_id) for row in batch.rows]


def hints(records: Sequence[Record]) -> list[SkuHint]:
    """One for each sku; bookings know its number only."""
    named = (each.sku_id for each in records if isinstance(each, FinanceRecord) and each.sku_id is not None)
    return [SkuHint(sku_id, "", "") for sku_id in dict.fromkeys(named)]


def day_pages(api: OzonApi, types: Types, day: date, last_id: str) -> Iterator[Step[Answer[_Batch]]]:
    """The bookings of one day; `last_id` lives for 15 minutes, a dead one begins the day again."""
    accruals = reader(types, day)

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        answer = api.ask(PATH, {"date": day.isoformat(), "last_id": at}, accruals.read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, answer.value.envelope.last_id or None if rows else None)

    return walk(NAME, PATH, last_id, fetch)
