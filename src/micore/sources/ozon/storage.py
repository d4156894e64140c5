"""The storage cost stream: what each product's place in Ozon's warehouses cost on each day.

Ozon tells it in a file that has to be ordered, waited for and fetched, five times a day at most. The order's code is in
the cursor, and stored, before anything is waited for: whatever happens then, the same report is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

import msgspec

from micore.domain.checks import check_day
from micore.domain.instants import micros
from micore.domain.records import PlaceRecord, RejectedRow, SkuHint, StorageCostRecord
from micore.domain.units import MILLI, ten_thousandths
from micore.errors import RecordRejectedError, ReportPendingError, SourceGoneError, SourceProtocolError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident, optional_moment
from micore.sources.http import Answer, RequestRefusedError
from micore.sources.ozon.accruals import OrderedReport, ReportInfo, ReportState
from micore.sources.ozon.api import DAY_SECONDS, NAME, PLACEMENT_PATH, OzonApi
from micore.sources.ozon.finance import ZONE
from micore.sources.ozon.warehouses import ozon_places
from micore.sources.rows import rejected_row
from micore.sources.xlsx import XlsxError, rows_of, tabled

INFO_PATH = "/v1/report/info"
LONGEST_DAYS = 31
"""Of one report, and as far back as a first reading goes: it orders one report of the five."""
OVERLAP_DAYS = 3
"""Days that are read again: charges of the last days are still put right."""
WAITS_SECONDS = (5.0, 10.0, 15.0, 30.0)
"""Between two looks at a report; the last one for ever."""
LONGEST_WAIT_SECONDS = 600.0
"""Of one run for one report."""
ROWS_PER_PAGE = 20_000

COLUMNS = {
    "day": ("дата",),
    "sku": ("sku",),
    "offer": ("артикул",),
    "warehouse": ("склад",),
    "sign": ("признак товара",),
    "volume": ("суммарный объем",),
    "units": ("кол-во экземпляров", "количество экземпляров"),
    "cost": ("начисленная стоимость",),
}
NEEDED = ("day", "sku", "cost")

_ORDERED = msgspec.json.Decoder(OrderedReport)
_INFO = msgspec.json.Decoder(ReportInfo)

Row = dict[str, object]


class StorageCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` and `ordered` last; the other fields stand only inside of a broken reading."""

    read_to: date | None = None
    """Last day that is read."""
    ordered: list[datetime] = []
    """When reports were ordered in the last 24 hours, by the marketplace's clock."""
    as_of: datetime | None = None
    code: str = ""
    """The report that was ordered and is not read yet."""
    first: date | None = None
    last: date | None = None
    """Its days."""
    rows: int = 0
    """Of its file that are read."""


class _LostReportError(Exception):
    """A report cannot be had (any more)."""

    def __init__(self, problem: str, gone: SourceGoneError | None = None) -> None:
        super().__init__(problem)
        self.gone = gone
        """The method itself, or the report: Ozon says the same of both."""


def read_storage(api: OzonApi, cursor: str | None, history: timedelta, currency: Callable[[], str]) -> Iterator[Page]:
    """The stream; see Source.read. Once a day a report is ordered; until then nothing new can be told."""
    at = from_text(NAME, StorageCursor, cursor) or StorageCursor()
    told = api.roles()
    now = told.marketplace_now
    as_of = at.as_of or now
    recent = [each for each in at.ordered if (now - each).total_seconds() < DAY_SECONDS]
    at = msgspec.structs.replace(at, as_of=as_of, ordered=recent)
    api.remember_reports(recent, now)
    yesterday = as_of.astimezone(ZONE).date() - timedelta(days=1)
    if at.read_to is not None and at.read_to >= yesterday and not at.code:
        yield Page(told.raw, (), (), to_text(StorageCursor(at.read_to, recent)), as_of, done=True)
        return
    places = ozon_places(api)
    ordered = lost = 0
    while at.code or at.read_to is None or at.read_to < yesterday:
        if not at.code:
            at, page = _order(api, at, yesterday, history)
            ordered += 1
            yield page
        try:
            state = _made(api, at.code)
            at = yield from _pages(api, at, state, places, currency(), yesterday)
        except _LostReportError as error:
            # Ordered anew, once: what fails twice would eat up the day's reports. What was ordered just now is known
            # to Ozon: then it is the method that is gone.
            lost += 1
            if ordered and error.gone is not None:
                raise error.gone from None
            if lost > 1:
                raise SourceProtocolError(NAME, path=PLACEMENT_PATH, problem=str(error)) from None
            at = msgspec.structs.replace(at, code="", rows=0)


def _order(api: OzonApi, at: StorageCursor, yesterday: date, history: timedelta) -> tuple[StorageCursor, Page]:
    """Order the next report; its code is to be stored before it is waited for."""
    longest = timedelta(days=LONGEST_DAYS - 1)
    if at.read_to is None:
        first = max(yesterday - longest, yesterday - history + timedelta(days=1))
    else:
        first = at.read_to - timedelta(days=OVERLAP_DAYS - 1)
    first = min(first, yesterday)
    last = min(first + longest, yesterday)
    asked = {"date_from": first.isoformat(), "date_to": last.isoformat()}
    answer = api.ask(PLACEMENT_PATH, asked, _ORDERED.decode)
    assert at.as_of is not None  # set when the reading began
    if not answer.value.code:
        raise SourceProtocolError(NAME, path=PLACEMENT_PATH, problem="a report without a code")
    after = msgspec.structs.replace(
        at, ordered=[*at.ordered, answer.marketplace_now], code=answer.value.code, first=first, last=last, rows=0
    )
    return after, Page(answer.raw, (), (), to_text(after), at.as_of, at_once=True)


def _made(api: OzonApi, code: str) -> ReportState:
    """Wait until a report is made. Returns its state. Raises ReportPendingError when that takes too long, and
    _LostReportError when it never will be."""
    began = api.tools.monotonic()
    waits = iter(WAITS_SECONDS)
    while True:
        answer = _info(api, code)
        state, now = answer.value.result, api.tools.monotonic()
        if state.status == "success":
            expires_at = optional_moment(state.expires_at)
            if not state.file or (expires_at is not None and expires_at <= micros(answer.marketplace_now)):
                raise _LostReportError(f"the file of the report {code} has expired")
            return state
        if state.status == "failed":
            raise _LostReportError(f"Ozon could not make the report {code}: {state.error or 'no reason told'}")
        if state.status not in ("waiting", "processing"):
            raise SourceProtocolError(NAME, path=INFO_PATH, problem=f"a report's status {state.status[:50]!r}")
        if now - began >= LONGEST_WAIT_SECONDS:
            raise ReportPendingError(NAME, path=PLACEMENT_PATH, state=state.status, waited_seconds=now - began)
        api.tools.sleep(next(waits, WAITS_SECONDS[-1]))


def _info(api: OzonApi, code: str) -> Answer[ReportInfo]:
    try:
        return api.ask(INFO_PATH, {"code": code}, _INFO.decode)
    except (RequestRefusedError, SourceGoneError) as error:
        gone = error if isinstance(error, SourceGoneError) else None
        raise _LostReportError(f"Ozon knows nothing of the report {code}: {error}", gone) from None


def _pages(
    api: OzonApi,
    at: StorageCursor,
    state: ReportState,
    places: Mapping[str, PlaceRecord],
    currency: str,
    yesterday: date,
) -> Generator[Page, None, StorageCursor]:
    """The rows of a report's file. Returns the cursor behind them."""
    assert at.as_of is not None and at.last is not None
    try:
        answer = api.file(state.file or "")
    except (RequestRefusedError, SourceGoneError) as error:
        gone = error if isinstance(error, SourceGoneError) else None
        raise _LostReportError(f"the file of the report {at.code} is gone: {error}", gone) from None
    table = _Table(places, currency, micros(at.as_of))
    try:
        for part, last in _parts(tabled(rows_of(answer.value), COLUMNS, NEEDED)):
            first, table.count = table.count, table.count + len(part)
            records, rejected = table.read(part)
            if table.count <= at.rows and not last:
                continue
            skip = first < at.rows
            done = last and at.last >= yesterday
            if last:
                after = StorageCursor(at.last, at.ordered, None if done else at.as_of)
            else:
                after = msgspec.structs.replace(at, rows=table.count)
            yield Page(
                answer.raw,
                () if skip else records,
                () if skip else rejected,
                to_text(after),
                at.as_of,
                done=done,
                places=() if skip else list(table.places.values()),
                skus=() if skip else list(table.skus.values()),
            )
    except XlsxError as error:
        raise SourceProtocolError(NAME, path="the report's file", problem=str(error)) from None
    return after


def _parts(rows: Iterator[Row]) -> Iterator[tuple[list[Row], bool]]:
    """Rows by the page, and whether it is the last; one page at least."""
    part: list[Row] = []
    for row in rows:
        if len(part) == ROWS_PER_PAGE:
            yield part, False
            part = []
        part.append(row)
    yield part, True


class _Table:
    """Reads the rows of one file, in their order."""

    def __init__(self, places: Mapping[str, PlaceRecord], currency: str, now: int) -> None:
        self._named, self._currency, self._now = places, currency, now
        self._told: Counter[str] = Counter()
        self.count = 0
        self.places: dict[str, PlaceRecord] = {}
        """What the last part named."""
        self.skus: dict[str, SkuHint] = {}

    def read(self, part: list[Row]) -> tuple[list[StorageCostRecord], list[RejectedRow]]:
        """The costs of some rows, and the rows that cannot be believed."""
        self.places.clear()
        self.skus.clear()
        records: list[StorageCostRecord] = []
        rejected: list[RejectedRow] = []
        for row in part:
            try:
                records.append(self._record(row))
            except RecordRejectedError as error:
                raw = msgspec.json.encode({name: None if cell is None else str(cell) for name, cell in row.items()})
                rejected.append(rejected_row(_name_of(row), str(error), raw))
        return records, rejected

    def _record(self, row: Row) -> StorageCostRecord:
        sku_id, day = ident(_whole(row, "sku")), _day(row["day"])
        check_day("day", day, self._now)
        amount = _money(row["cost"])
        quantity, volume = _count(row, "units"), _count(row, "volume")
        warehouse = _text(row, "warehouse")
        key = _key(day, sku_id, warehouse, row)
        self._told[key] += 1
        place = self._named.get(warehouse.casefold())
        if place is not None:
            self.places[place.place_id] = place
        self.skus[sku_id] = SkuHint(sku_id, _text(row, "offer"), "")
        return StorageCostRecord(
            # A file may tell the same twice; each of them was charged.
            cost_id=key if self._told[key] == 1 else f"{key}:{self._told[key]}",
            sku_id=sku_id,
            place_id=place.place_id if place else None,
            day=day,
            amount=amount,
            currency=self._currency,
            quantity=None if quantity is None else quantity * MILLI,
            volume=volume,
        )


def _key(day: str, sku_id: str, warehouse: str, row: Row) -> str:
    """What tells the charges of a file apart."""
    return ":".join((day, sku_id, warehouse, _text(row, "sign")))


def _name_of(row: Row) -> str:
    """What a row that cannot be believed calls itself: as it would if it could, where that can be read."""
    try:
        day = _day(row["day"])
    except RecordRejectedError:
        day = _text(row, "day")
    try:
        sku_id = ident(_whole(row, "sku"))
    except RecordRejectedError:
        sku_id = _text(row, "sku")
    return _key(day, sku_id, _text(row, "warehouse"), row) if sku_id else ""


def _text(row: Row, name: str) -> str:
    cell = row.get(name)
    return "" if cell is None else str(cell).strip()


def _whole(row: Row, name: str) -> int | None:
    """A whole number, as a number or as text; None where the cell is empty or the column is not there."""
    cell = row.get(name)
    if cell is None or cell == "":
        return None
    try:
        value = Decimal(str(cell).replace("\xa0", "").strip())
        if not isinstance(cell, bool) and value == value.to_integral_value():
            return int(value)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise RecordRejectedError(reason=name, received=repr(cell), allowed="a whole number")


def _count(row: Row, name: str) -> int | None:
    value = _whole(row, name)
    if value is not None and not 0 <= value <= 10**12:
        raise RecordRejectedError(reason=name, received=str(value), allowed="0 to 10^12")
    return value


def _money(cell: object) -> int:
    """Ten-thousandths. A file holds what a program calculated, with more decimals than money has: rounded."""
    try:
        if isinstance(cell, bool) or cell is None:
            raise InvalidOperation
        value = Decimal(str(cell).replace("\xa0", "").replace(" ", "").replace(",", "."))
        return ten_thousandths(value.quantize(Decimal("0.0001")))
    except InvalidOperation:
        raise RecordRejectedError(reason="cost", received=repr(cell), allowed='a decimal such as "12.50"') from None


def _day(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    text = str(cell).strip()[:10]
    try:
        return date.fromisoformat("-".join(reversed(text.split("."))) if "." in text else text).isoformat()
    except ValueError:
        pass
    raise RecordRejectedError(reason="day", received=repr(cell), allowed="a date")
