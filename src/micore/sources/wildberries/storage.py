"""The storage cost stream: what keeping each size in each warehouse cost on each day.

The report has to be ordered, waited for and fetched, some days at a time. That an order is about to go out is in the
cursor, and stored, before it does, and its id before it is waited for: whatever happens then, the same report is asked
for again. Wildberries has no list of reports: one whose order was not answered is ordered once more, after a pause.
Several are ordered before the first is fetched, because each takes minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec
import structlog
from msgspec.structs import replace

from micore.domain.records import PlaceRecord, Record, RejectedRow, StorageCostRecord
from micore.domain.units import MILLI, ten_thousandths
from micore.errors import (
    MicoreError,
    OutcomeUnknownError,
    RecordRejectedError,
    SourceGoneError,
    SourceProtocolError,
)
from micore.sources.base import Page, RawAnswer
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import Amount, ident
from micore.sources.http import NUMBER, Answer
from micore.sources.rows import LONGEST_KEY, UNBELIEVABLE, RowReader, named, standing, storable
from micore.sources.wildberries.answers import ChargeNames, StoredGoods
from micore.sources.wildberries.api import (
    CURRENCY,
    NAME,
    STORAGE_FILE_PATH,
    STORAGE_PATH,
    Category,
    WildberriesApi,
)
from micore.sources.wildberries.finance import day_of
from micore.sources.wildberries.reports import NO_ROWS, is_made, let_settle, task_of
from micore.sources.wildberries.statistics import MOSCOW
from micore.sources.wildberries.warehouses import pooled_place

LONGEST_DAYS = 8
"""Of one report."""
FIRST_DAYS = 31
"""As far back as the first reading goes: it takes a quarter of an hour."""
OVERLAP_DAYS = 3
"""Days that are read again: charges of the last days are still put right."""
AHEAD = 3
"""Reports that are ordered and not fetched yet; five may be ordered at once."""
MOST_ROWS = 100_000
"""That a report is meant to have: so many days are asked for as fit, by the rows of the days before."""
_TELLING_APART = ("date", "originalDate", "warehouse", "giId", "calcType")
"""Of a row's fields, beside its size."""

_NAMES = msgspec.json.Decoder(ChargeNames)
_log = structlog.get_logger("micore.sources")


class Task(msgspec.Struct, array_like=True):
    """A report that was ordered."""

    number: str
    first: date
    last: date


class StorageCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` and `days` last; the other fields stand only inside of a broken reading."""

    read_to: date | None = None
    """Last day that is read."""
    days: int = 1
    """How many the next report is to have."""
    as_of: datetime | None = None
    following: date | None = None
    """The first day that is not ordered yet."""
    tasks: list[Task] = []
    """Reports that are ordered and not read yet, the oldest days first."""
    asked: datetime | None = None
    """When, by our clock, a report was asked for whose id is not known: it may stand there all the same."""
    kept: list[Task] = []
    """Reports that stood ordered when a reading of everything began, for when their days are due."""


# --- what the rows say --------------------------------------------------------------------------------------------


def storage_records(rows: Sequence[StoredGoods]) -> list[StorageCostRecord]:
    """One for each row: a size may be charged for several supplies, and put right, on one day."""
    told: Counter[str] = Counter()
    return [_record(row, told) for row in rows]


def _record(row: StoredGoods, told: Counter[str]) -> StorageCostRecord:
    sku_id, day = ident(row.chrt_id), day_of(row.date, field="date").isoformat()
    count, litres = row.barcodes_count, None if row.volume is None else _decimal(row.volume, field="volume")
    place = place_of(row)
    key = _key(day, sku_id, (row.warehouse, row.gi_id, row.calc_type), row.original_date)
    told[key] += 1
    # By position: keywords cost a third of the whole conversion.
    return StorageCostRecord(
        key if told[key] == 1 else f"{key}:{told[key]}",
        sku_id,
        place.place_id if place else None,
        day,
        _amount(row.warehouse_price),
        CURRENCY,
        None if count is None else count * MILLI,
        None if litres is None or count is None else int(litres * count * 1000),
    )


def _key(day: str, sku_id: str, told: Sequence[object], original_day: str | None) -> str:
    """What tells the charges of a report apart."""
    parts = [day, sku_id, *(str(each or "") for each in told)]
    if original_day and original_day[:10] != day:
        parts.append(original_day)
    return ":".join(parts)


def named_whole(row: RejectedRow) -> RejectedRow:
    """A row that cannot be believed under the name that it would have if it could: a size is charged every day."""
    if not row.key:
        return row
    day, original_day, warehouse, supply, kind = (named(row.raw, field) for field in _TELLING_APART)
    key = _key(day[:10], row.key, (warehouse, supply if supply != "0" else "", kind), original_day)
    return row._replace(key=storable(key)[:LONGEST_KEY])


def whole_days(
    records: Iterable[Record], rejected: Sequence[RejectedRow], first: date, last: date
) -> tuple[list[str], list[str]]:
    """The days, of those that were asked for, of which every row is told or known by its name; and the names of those
    that cannot be believed."""
    costs = [each for each in records if isinstance(each, StorageCostRecord)]
    days = {each.day for each in costs if first.isoformat() <= each.day <= last.isoformat()}
    for row in rejected:
        day, name = _names(row.raw)
        if day is None or not first.isoformat() <= day <= last.isoformat():
            # It may be of any of them.
            return [], []
        if name is None or name != row.key:
            days.discard(day)
    return sorted(days), standing(rejected, (each.cost_id for each in costs))


def _names(raw: bytes) -> tuple[str | None, str | None]:
    """The day of a row that cannot be believed and the name of its record, where it tells them as it should."""
    day = None
    try:
        day = day_of(named(raw, "date"), field="date").isoformat()
        row = _NAMES.decode(raw)
        return day, _key(day, ident(row.chrt_id), (row.warehouse, row.gi_id, row.calc_type), row.original_date)
    except UNBELIEVABLE:
        return day, None


def place_of(row: StoredGoods) -> PlaceRecord | None:
    """Where the goods lay."""
    return pooled_place(row.warehouse) if row.warehouse and row.warehouse.strip() else None


@lru_cache(maxsize=16_384)
def _amount(value: Amount) -> int:
    """What a day of a size costs, mostly the same as the day before."""
    # A report holds what a program calculated, with more decimals than money has.
    return ten_thousandths(_decimal(value, field="warehousePrice").quantize(Decimal("0.0001")))


@lru_cache(maxsize=16_384)
def _decimal(value: Amount, *, field: str) -> Decimal:
    try:
        found = Decimal(str(value))
        if abs(found) < 10**12:
            return found
    except InvalidOperation:
        pass
    raise RecordRejectedError(reason=field, received=str(value), allowed='a decimal such as "12.50"')


STORED = RowReader(
    list[StoredGoods],
    list[msgspec.Raw],
    StoredGoods,
    rows_of=lambda answer: answer,
    convert=storage_records,
    key_field="chrtId",
)


# --- the stream ---------------------------------------------------------------------------------------------------


def read_storage(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read. Nothing new is to be told before the next day."""
    at = from_text(NAME, StorageCursor, cursor) or StorageCursor()
    as_of = at.as_of or api.now(Category.ANALYTICS)
    yesterday = as_of.astimezone(MOSCOW).date() - timedelta(days=1)
    if at.as_of is None:
        if at.read_to is not None and at.read_to >= yesterday:
            yield Page(_nothing_asked(api), (), (), to_text(StorageCursor(at.read_to, at.days)), as_of, done=True)
            return
        at = replace(at, as_of=as_of, following=_first_day(at, yesterday, history))
    yield from _Reading(api, at, as_of, yesterday).pages()


def _nothing_asked(api: WildberriesApi) -> RawAnswer:
    """Stands for the answer on a page for which nothing had to be asked."""
    return RawAnswer(b"", f"GET {STORAGE_PATH}", "nothing new", api.tools.now())


def still_ordered(cursor: str) -> str | None:
    """See OrderingSource.still_ordered."""
    at = from_text(NAME, StorageCursor, cursor)
    return None if at is None else to_text(StorageCursor(days=at.days, asked=at.asked, kept=[*at.kept, *at.tasks]))


def _first_day(at: StorageCursor, yesterday: date, history: timedelta) -> date:
    if at.read_to is None:
        return yesterday - timedelta(days=min(FIRST_DAYS, max(history.days, 1)) - 1)
    return min(at.read_to - timedelta(days=OVERLAP_DAYS - 1), yesterday)


class _Reading:
    """One reading, from its cursor on."""

    def __init__(self, api: WildberriesApi, at: StorageCursor, as_of: datetime, yesterday: date) -> None:
        self._api, self._at, self._as_of, self._yesterday = api, at, as_of, yesterday
        self._ordered: set[str] = set()
        self._lost: set[date] = set()

    def pages(self) -> Iterator[Page]:
        """Order ahead, fetch the oldest, and so on to the last day."""
        while True:
            while len(self._at.tasks) < self._ahead() and (first := self._at.following) and first <= self._yesterday:
                yield from self._next(first)
            if not self._at.tasks:
                yield self._page(_nothing_asked(self._api), StorageCursor(self._yesterday, self._at.days), done=True)
                return
            task = self._at.tasks[0]
            fetched = self._fetch(task) if self._made(task) else None
            if fetched is not None:
                yield fetched
                if fetched.done:
                    return
                continue
            if task.first in self._lost:
                problem = f"the report of {task.first} to {task.last} was lost twice"
                raise SourceProtocolError(NAME, path=STORAGE_PATH, problem=problem)
            self._lost.add(task.first)
            yield from self._order(task.first, task.last, 0)

    def _ahead(self) -> int:
        # How many days fit into a report is known once one has been read.
        return AHEAD if self._at.read_to is not None else 1

    def _next(self, first: date) -> Iterator[Page]:
        """Have a report that begins with a day: one that stands ordered, or a new one of the days before the next."""
        kept = [task for task in self._at.kept if task.last >= first]
        task = next((each for each in kept if each.first <= first), None)
        if task is not None:
            tasks, kept = [*self._at.tasks, task], [each for each in kept if each.last > task.last]
            after = replace(self._at, tasks=tasks, kept=kept, following=task.last + timedelta(days=1))
            yield self._page(_nothing_asked(self._api), after, at_once=True)
            return
        last = min(first + timedelta(days=self._at.days - 1), self._yesterday)
        free = min((each.first - timedelta(days=1) for each in kept), default=last)
        yield from self._order(first, min(last, free), len(self._at.tasks))

    def _order(self, first: date, last: date, place: int) -> Iterator[Page]:
        """Order a report in the place of a lost one, or behind all others; once more where nobody knows whether one
        stands there. Raises OutcomeUnknownError where then nobody knows it again."""
        asked: dict[str, str | int] = {"dateFrom": first.isoformat(), "dateTo": last.isoformat()}
        answer, again = None, self._at.asked is not None
        while answer is None:
            if again:
                assert self._at.asked is not None
                let_settle(self._api, STORAGE_PATH, self._at.asked, **asked)
            answer = yield from self._asked(asked, last_try=again)
            again = True
        task = Task(answer.value, first, last)
        self._ordered.add(task.number)
        tasks = [*self._at.tasks[:place], task, *self._at.tasks[place + 1 :]]
        following = max(self._at.following or first, last + timedelta(days=1))
        yield self._page(answer.raw, replace(self._at, tasks=tasks, following=following, asked=None), at_once=True)

    def _asked(self, asked: dict[str, str | int], *, last_try: bool) -> Generator[Page, None, Answer[str] | None]:
        """Ask for a report, which is to be stored before; None where nobody knows whether it stands there."""
        before = self._at
        yield self._page(_nothing_asked(self._api), replace(before, asked=self._api.tools.now()), at_once=True)
        try:
            return self._api.get(Category.ANALYTICS, STORAGE_PATH, asked, task_of, once=True)
        except OutcomeUnknownError as error:
            _log.warning("source_order_unknown", source=NAME, path=STORAGE_PATH, why=str(error))
            if last_try:
                raise
            return None
        except MicoreError:
            # It surely was not taken.
            yield self._page(_nothing_asked(self._api), before, at_once=True)
            raise

    def _made(self, task: Task) -> bool:
        return is_made(self._api, STORAGE_PATH, task.number, ordered_now=task.number in self._ordered)

    def _fetch(self, task: Task) -> Page | None:
        """What a report tells; None where it has expired meanwhile."""
        path = STORAGE_FILE_PATH.replace(NUMBER, task.number)
        try:
            answer = self._api.get(Category.ANALYTICS, path, {}, STORED.read, no_content=NO_ROWS)
        except SourceGoneError:
            return None
        batch, asked = answer.value, (task.last - task.first).days + 1
        a_day = max((len(batch.rows) + len(batch.rejected)) // asked, 1)
        days = max(1, min(MOST_ROWS // a_day, LONGEST_DAYS))
        left = self._at.tasks[1:]
        done = not left and (self._at.following is None or self._at.following > self._yesterday)
        after = replace(self._at, read_to=task.last, days=days, tasks=left)
        named = {row.warehouse: place for row in batch.rows if (place := place_of(row)) is not None}
        rejected = [named_whole(each) for each in batch.rejected]
        # A day of which nothing is told any more keeps what was: it is rather a gap of theirs.
        whole_of, kept = whole_days(batch.records, rejected, task.first, task.last)
        return self._page(
            answer.raw,
            StorageCursor(task.last, days) if done else after,
            records=batch.records,
            rejected=rejected,
            places=list({place.place_id: place for place in named.values()}.values()),
            whole_of=whole_of,
            kept=kept,
            done=done,
        )

    def _page(
        self,
        raw: RawAnswer,
        after: StorageCursor,
        *,
        records: Sequence[Record] = (),
        rejected: Sequence[RejectedRow] = (),
        places: Sequence[PlaceRecord] = (),
        whole_of: Sequence[str] = (),
        kept: Sequence[str] = (),
        at_once: bool = False,
        done: bool = False,
    ) -> Page:
        self._at = after
        return Page(
            raw,
            records,
            rejected,
            to_text(after),
            self._as_of,
            done=done,
            places=places,
            whole_of=whole_of,
            kept=kept,
            at_once=at_once,
        )
