"""The file of Ozon's report of storage costs: rows of any order, laid out on disk by their days and read day by day.

Only who sees a whole day can say what is not told of it any more. A file may have a million rows in any order; of them
no more than a day, or a page of short days, is ever in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

import msgspec

from micore.domain.checks import check_day
from micore.domain.records import PlaceRecord, RejectedRow, SkuHint, StorageCostRecord
from micore.domain.units import MILLI, ten_thousandths
from micore.errors import RecordRejectedError
from micore.sources.fields import ident
from micore.sources.rows import rejected_row, standing
from micore.sources.xlsx import rows_of, tabled

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
_FRAME_BYTES = 8

Row = dict[str, object]


# --- laid out -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Laid:
    """A file, laid out by its days: in files without names, of which nothing is left when the process is killed."""

    files: ExitStack
    of_day: dict[date | None, IO[bytes]] = field(default_factory=dict)
    """One each, no more than a report may ask days."""
    rows: Counter[date | None] = field(default_factory=Counter)
    """How many of each day; None: of a day that was not asked for, or that cannot be read."""
    unsure: bool = False
    """A row of the last kind may be of any day: then none is known to be whole."""

    def pages(self, after: date | None) -> Iterator[tuple[Sequence[date], list[Row], bool]]:
        """The rows of the days behind one, short days together; then, without a day, those that belong to none. With
        each whether it is the last; one at least."""
        groups, left = self._groups(after), self.rows[None]
        for number, days in enumerate(groups, start=1):
            yield days, [row for day in days for row in self._of(day)], number == len(groups) and not left
        homeless = self._of(None)
        while left:
            part = list(islice(homeless, ROWS_PER_PAGE))
            left -= len(part)
            yield (), part, not left
        if not groups and not self.rows[None]:
            yield (), [], True

    def _groups(self, after: date | None) -> list[list[date]]:
        groups: list[list[date]] = []
        rows = 0
        for day in sorted(day for day in self.rows if day is not None and (after is None or day > after)):
            if not groups or rows + self.rows[day] > ROWS_PER_PAGE:
                groups.append([])
                rows = 0
            groups[-1].append(day)
            rows += self.rows[day]
        return groups

    def add(self, waiting: Mapping[date | None, list[Row]]) -> None:
        """Put rows behind those of their days."""
        for day, rows in waiting.items():
            text = msgspec.msgpack.encode(rows)
            self._file(day).write(len(text).to_bytes(_FRAME_BYTES, "big") + text)
            self.rows[day] += len(rows)

    def _of(self, day: date | None) -> Iterator[Row]:
        if not self.rows[day]:
            return
        file = self._file(day)
        file.seek(0)
        while head := file.read(_FRAME_BYTES):
            yield from msgspec.msgpack.decode(file.read(int.from_bytes(head, "big")), type=list[Row])

    def _file(self, day: date | None) -> IO[bytes]:
        if day not in self.of_day:
            # The stack closes it.
            self.of_day[day] = self.files.enter_context(TemporaryFile(prefix="micore-report-"))  # noqa: SIM115
        return self.of_day[day]


@contextmanager
def laid_out(body: bytes, first: date, last: date) -> Iterator[Laid]:
    """The rows of a file of some days. Raises XlsxError where it is none."""
    with ExitStack() as files:
        laid, waiting = Laid(files), dict[date | None, list[Row]]()
        for count, row in enumerate(tabled(rows_of(body), COLUMNS, NEEDED), start=1):
            day = _day_or_none(row)
            if day is None or not first <= day <= last:
                # What names neither a day nor a sku is a sum, or a remark.
                laid.unsure = laid.unsure or day is not None or bool(_text(row, "sku"))
                day = None
            waiting.setdefault(day, []).append({name: _plain(cell) for name, cell in row.items()})
            if count % ROWS_PER_PAGE == 0:
                laid.add(waiting)
                waiting = {}
        laid.add(waiting)
        yield laid


def _plain(cell: object) -> object:
    """As it is where it can be laid out and read again as the same; else as text."""
    if cell is None or isinstance(cell, (str, float, bool)) or (isinstance(cell, int) and abs(cell) < 2**63):
        return cell
    return str(cell)


# --- read ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Costs:
    """What some rows tell."""

    records: list[StorageCostRecord]
    rejected: list[RejectedRow]
    kept: list[str]
    """Names of records that rows which cannot be believed stand for."""
    unsure: set[str]
    """Days with a row that does not say what it stands for."""
    places: list[PlaceRecord]
    skus: list[SkuHint]

    def whole(self) -> list[str]:
        """The days of which every row is told, or known by its name."""
        return sorted({record.day for record in self.records} - self.unsure)


def read(rows: Sequence[Row], places: Mapping[str, PlaceRecord], currency: str, now: int) -> Costs:
    """The costs of some rows, and the rows that cannot be believed; `places` by their names in small letters."""
    told: Counter[str] = Counter()
    found: list[StorageCostRecord] = []
    rejected: list[RejectedRow] = []
    unsure: set[str] = set()
    named: dict[str, PlaceRecord] = {}
    skus: dict[str, SkuHint] = {}
    for row in rows:
        place = places.get(_text(row, "warehouse").casefold())
        try:
            record = _record(row, told, place, currency, now)
        except RecordRejectedError as error:
            raw = msgspec.json.encode({name: None if cell is None else str(cell) for name, cell in row.items()})
            rejected.append(rejected_row(_name_of(row), str(error), raw))
            if not _is_named(row, rejected[-1].key):
                unsure.add(str(_day_or_none(row)))
            continue
        found.append(record)
        skus[record.sku_id] = SkuHint(record.sku_id, _text(row, "offer"), "")
        if place is not None:
            named[place.place_id] = place
    return Costs(
        found,
        rejected,
        standing(rejected, (record.cost_id for record in found)),
        unsure,
        list(named.values()),
        list(skus.values()),
    )


def _record(row: Row, told: Counter[str], place: PlaceRecord | None, currency: str, now: int) -> StorageCostRecord:
    sku_id, day = ident(_whole(row, "sku")), _day(row["day"])
    check_day("day", day, now)
    amount = _money(row["cost"])
    quantity, volume = _count(row, "units"), _count(row, "volume")
    key = _key(day, sku_id, row)
    told[key] += 1
    return StorageCostRecord(
        # A file may tell the same twice; each of them was charged.
        cost_id=key if told[key] == 1 else f"{key}:{told[key]}",
        sku_id=sku_id,
        place_id=place.place_id if place else None,
        day=day,
        amount=amount,
        currency=currency,
        quantity=None if quantity is None else quantity * MILLI,
        volume=volume,
    )


def _key(day: str, sku_id: str, row: Row) -> str:
    """What tells the charges of a file apart."""
    return ":".join((day, sku_id, _text(row, "warehouse"), _text(row, "sign")))


def _name_of(row: Row) -> str:
    """What a row that cannot be believed calls itself: as it would if it could, where that can be read."""
    try:
        day = _day(row["day"])
    except RecordRejectedError:
        day = _text(row, "day")
    sku_id = _sku_or_none(row) or _text(row, "sku")
    return _key(day, sku_id, row) if sku_id else ""


def _is_named(row: Row, name: str) -> bool:
    """Whether that is the name which its record would have."""
    return _day_or_none(row) is not None and _sku_or_none(row) is not None and name == _name_of(row)


def _day_or_none(row: Row) -> date | None:
    try:
        return date.fromisoformat(_day(row["day"]))
    except RecordRejectedError:
        return None


def _sku_or_none(row: Row) -> str | None:
    try:
        return ident(_whole(row, "sku"))
    except RecordRejectedError:
        return None


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
