"""Walking through the statistics: rows by their last change, from a day before where the last reading ended.

An answer holds what was changed at or after an instant, the longest ago first, some 80,000 rows at most. The next one
is asked for from the change of its last row on; rows of that very instant come again and are told once.

What is unknown at first (0) is filled in within a day, and not always is that a new change. So each reading takes the
last day again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from micore.domain.records import Record, RejectedRow
from micore.errors import RecordRejectedError, SourceProtocolError
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import NO_YEAR
from micore.sources.http import Answer
from micore.sources.rows import UNBELIEVABLE, Batch, RowReader, rows_apart
from micore.sources.wildberries.answers import Changed
from micore.sources.wildberries.api import NAME, Category, WildberriesApi

MOSCOW = timezone(timedelta(hours=3))
"""Of all times without a zone; Moscow has had no other since 2014."""

FILLED_IN_WITHIN = timedelta(hours=24)
"""What is 0 at first and unknown is there within that time."""

OVERLAP = FILLED_IN_WITHIN + timedelta(hours=1)
"""Wildberries shows within half an hour what it has filled in."""

KEPT = timedelta(days=90)
"""Nothing is told of older orders and sales."""

AHEAD = timedelta(hours=1)
"""A change that lies further ahead of Wildberries' own clock is none: nothing is read on from there."""

FULL_ROWS = 40_000
"""A page of fewer rows than half of what fits is the last one. Would rows be missing, the next reading has them, for it
begins at the last one that was told; but sales may be asked for only once a minute, so one more question is dear."""

MOST_REMEMBERED = 100
"""Rows of one instant that fit into a cursor. Of more none is remembered: they come twice, which changes nothing."""

MOST_DOUBTED = 20
"""So many rows, and none of them to be believed, are the fault of something else: of a catalogue that was not read."""


class StatisticsRow(Protocol):
    """A row of either kind."""

    last_change_date: str | None


RowT = TypeVar("RowT", bound=StatisticsRow)

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class StatisticsCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` is the last change that whole readings have seen; the others stand only inside of a broken one."""

    read_to: str = ""
    at: str = ""
    """The change to go on from."""
    told: list[str] = msgspec.field(default_factory=list)
    """Marks of the rows of that very instant."""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatisticsPage(Generic[RowT]):
    """What one answer tells that was not told before."""

    answer: Answer[Any]
    rows: Sequence[RowT]
    records: Sequence[Record]
    rejected: Sequence[RejectedRow]
    cursor: str
    as_of: datetime
    done: bool


def moscow(text: str | None) -> datetime | None:
    """An instant; without an offset it is Moscow's. None for none, and for the year 1, which stands for "never"."""
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise RecordRejectedError(reason="instant", received=text, allowed="RFC 3339, or without an offset") from None
    if value.year < NO_YEAR:
        return None
    return value if value.tzinfo else value.replace(tzinfo=MOSCOW)


def moscow_or_none(text: str | None) -> datetime | None:
    """As `moscow`, None also for what is no instant."""
    try:
        return moscow(text)
    except RecordRejectedError:
        return None


def moscow_text(instant: datetime) -> str:
    """As Wildberries writes and reads it."""
    return instant.astimezone(MOSCOW).strftime("%Y-%m-%dT%H:%M:%S")


def listed(
    row: type[RowT], convert: Callable[[Sequence[RowT]], Sequence[Record]], *, key_field: str
) -> RowReader[Any, RowT]:
    """Reads an answer that is a list of rows and nothing else."""
    return RowReader(
        list[row],  # type: ignore[valid-type]
        list[msgspec.Raw],
        row,
        rows_of=lambda answer: answer,
        convert=convert,
        key_field=key_field,
    )


class Statistics(Generic[RowT]):
    """One of the two lists, read from where a cursor says."""

    def __init__(
        self,
        api: WildberriesApi,
        path: str,
        row: type[RowT],
        convert: Callable[[Sequence[RowT]], Sequence[Record]],
        *,
        key_field: str,
    ) -> None:
        self._api, self._path, self._convert = api, path, convert
        self._reader: RowReader[Any, RowT] = listed(row, convert, key_field=key_field)

    def pages(self, cursor: str | None, history: timedelta) -> Iterator[StatisticsPage[RowT]]:
        """The pages behind a cursor; without one, of so much history."""
        at = from_text(NAME, StatisticsCursor, cursor) or StatisticsCursor()
        if not moscow_or_none(at.at):
            read_to = moscow_or_none(at.read_to)
            since = read_to - OVERLAP if read_to else self._api.now(Category.STATISTICS) - history
            at = StatisticsCursor(at.read_to if read_to else "", moscow_text(since))
        done = False
        while not done:
            answer = self._ask(at)
            if lies_ahead(at.at, answer.marketplace_now):
                # Written before this was looked at; nothing that has changed since has been read.
                at = StatisticsCursor("", moscow_text(answer.marketplace_now - history))
                answer = self._ask(at)
            page, at = self._page(at, answer)
            done = page.done
            yield page

    def day(self, day: date) -> Answer[Batch[Any, RowT]]:
        """All rows of one Moscow day, by the day they are of; there is no limit to their number."""
        query: dict[str, str | int] = {"dateFrom": day.isoformat(), "flag": 1}
        answer = self._api.get(Category.STATISTICS, self._path, query, self._reader.read, no_content=b"[]")
        self._check_doubted(answer.value)
        return answer

    def _ask(self, at: StatisticsCursor) -> Answer[Batch[Any, RowT]]:
        query: dict[str, str | int] = {"dateFrom": at.at, "flag": 0}
        return self._api.get(Category.STATISTICS, self._path, query, self._reader.read, no_content=b"[]")

    def _page(
        self, at: StatisticsCursor, answer: Answer[Batch[Any, RowT]]
    ) -> tuple[StatisticsPage[RowT], StatisticsCursor]:
        batch, as_of = answer.value, at.as_of or answer.marketplace_now
        rows = len(batch.rows) + len(batch.rejected)
        self._check_doubted(batch)
        last = latest(self._last_change(answer), at.at)
        done = rows < FULL_ROWS
        if last == at.at and not done:
            problem = (
                f"{rows} rows and none changed after {at.at}: a full page of one instant, behind which nothing can be"
                " asked for. The next run asks again; if it lasts, tell the maintainers of micore"
            )
            raise SourceProtocolError(NAME, path=self._path, problem=problem)
        if done:
            after = StatisticsCursor(latest(last, at.read_to))
        else:
            after = StatisticsCursor(at.read_to, last, self._told_at(batch, last), as_of)
        known = self._known(batch.rows, at)
        page = StatisticsPage(
            answer,
            batch.rows,
            [each for each in batch.records if each not in known] if known else batch.records,
            [each for each in batch.rejected if mark(each.raw) not in at.told],
            to_text(after),
            as_of,
            done,
        )
        return page, after

    def _check_doubted(self, batch: Batch[Any, RowT]) -> None:
        if not batch.rows and len(batch.rejected) >= MOST_DOUBTED:
            problem = f"none of {len(batch.rejected)} rows can be believed, such as: {batch.rejected[0].reason}"
            raise SourceProtocolError(NAME, path=self._path, problem=problem)

    def _known(self, rows: Sequence[RowT], at: StatisticsCursor) -> set[Record]:
        """What the page before has told already."""
        again = (row for row in rows if row.last_change_date == at.at) if at.told else ()
        return {record for row in again for record in self._convert([row]) if mark(record) in at.told}

    def _told_at(self, batch: Batch[Any, RowT], instant: str) -> list[str]:
        """Marks of all that this page tells of its last instant."""
        rows = (row for row in batch.rows if row.last_change_date == instant)
        told = {mark(record) for row in rows for record in self._convert([row])}
        told |= {mark(row.raw) for row in batch.rejected if changed(row.raw) == instant}
        return sorted(told) if len(told) <= MOST_REMEMBERED else []

    def _last_change(self, answer: Answer[Any]) -> str:
        """The change of the last row, however little else of it makes sense; "" where there are no rows.

        Changes that lie ahead are passed over. Their rows load: what they tell of the order may well be right.
        """
        rows = rows_apart(_ROWS, answer.raw.body or b"[]")[1]
        for raw in reversed(rows):
            if (found := changed(raw)) and not lies_ahead(found, answer.marketplace_now):
                return found
        if len(rows) >= MOST_DOUBTED:
            problem = f"none of {len(rows)} rows has a lastChangeDate that can be"
            raise SourceProtocolError(NAME, path=self._path, problem=problem)
        return ""


def changed(raw: msgspec.Raw | bytes) -> str:
    """The lastChangeDate of a row; "" where it has none."""
    try:
        text = msgspec.json.decode(raw, type=Changed).last_change_date or ""
    except UNBELIEVABLE:
        return ""
    return text if moscow_or_none(text) else ""


def lies_ahead(text: str, now: datetime) -> bool:
    """Whether an instant is one that the marketplace's clock has not come to."""
    at = moscow(text)
    return at is not None and at > now + AHEAD


def latest(text: str, other: str) -> str:
    """The later one of two instants, the second where they are the same; "" is before all."""
    one, two = moscow(text), moscow(other)
    return text if one is not None and (two is None or one > two) else other


def mark(what: object) -> str:
    """A short name for what was told, the same in every run."""
    return blake2b(repr(what).encode(), digest_size=5).hexdigest()
