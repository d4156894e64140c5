"""Reading a chosen range of days: what a source that can be asked by date promises beside `Source`.

A range is cut into windows that are read one after the other. The days are those of the marketplace's own calendar,
the last one is left out. A source that lacks these methods cannot be backfilled; everything else of it works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from micore.sources.base import Page, Source


class DayWindow(NamedTuple):
    """One stretch of days, read as a whole."""

    first_day: date
    end_day: date
    """The day after the last one."""


@dataclass(frozen=True, slots=True)
class RangePlan:
    """What reading a stream's range would take. Made without asking the marketplace."""

    windows: tuple[DayWindow, ...]
    """In the order they are read; none where nothing of the range can be read."""
    requests_at_least: int = 0
    """Were each window answered by one page."""
    seconds_at_least: float = 0.0
    """How long the published limits make that last, with full buckets at the start."""
    kept_from: date | None = None
    """The first day of which the marketplace still tells; None: all it ever knew. Earlier days are left out."""
    reason: str | None = None
    """Why the range, or a part of it, cannot be read; None where all of it can."""


@runtime_checkable
class RangeSource(Source, Protocol):
    """A source that can be asked for days of the past."""

    def plan_range(self, stream: str, first_day: date, end_day: date, *, today: date) -> RangePlan:
        """What `read_range` would take, without asking; the end is left out. Raises NotFoundError for no stream."""
        ...

    def read_range(self, stream: str, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
        """Yield the pages of one window of a plan, the last one with `done`; an empty window still yields its page.

        `cursor` is that of the last page stored of this very window, or None. Raises as `Source.read`.
        """
        ...


class WindowCursor(msgspec.Struct, omit_defaults=True):
    """Where reading goes on inside of a window; enough for sources that walk lists."""

    part: int = 0
    """Which of the lists that a window is made of."""
    at: str = ""
    """The marketplace's cursor inside of it."""


def refused(reason: str) -> RangePlan:
    """A plan that reads nothing."""
    return RangePlan((), reason=reason)


def not_by_date(stream: str) -> RangePlan:
    """The plan of a stream that has no past to ask for."""
    return refused(f"The marketplace cannot be asked for {stream} by date; a live sync reads them.")


def cut(first_day: date, end_day: date, *, days: int) -> tuple[DayWindow, ...]:
    """Windows of so many days each, the last one shorter; none where the range is empty."""
    starts = range(first_day.toordinal(), end_day.toordinal(), days)
    end = end_day.toordinal()
    return tuple(DayWindow(date.fromordinal(start), date.fromordinal(min(start + days, end))) for start in starts)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How far back a stream can be read, and at what price."""

    days_per_window: int
    requests_per_window: int
    seconds_per_request: float
    """Of the tightest published limit, once its burst is spent."""
    burst: int
    kept_days: int | None = None
    """So many days before today; None: without end."""
    kept_from: date | None = None

    def plan(self, first_day: date, end_day: date, *, today: date) -> RangePlan:
        """The plan of a range under these terms; days to come are left out."""
        kept_from = self.kept_from
        if self.kept_days is not None:
            kept_from = today - timedelta(days=self.kept_days)
        first = max(first_day, kept_from) if kept_from else first_day
        windows = cut(first, min(end_day, today + timedelta(days=1)), days=self.days_per_window)
        requests = len(windows) * self.requests_per_window
        seconds = max(0, requests - self.burst) * self.seconds_per_request
        return RangePlan(windows, requests, seconds, kept_from, _left_out(first_day, kept_from, windows))


def _left_out(first_day: date, kept_from: date | None, windows: tuple[DayWindow, ...]) -> str | None:
    if kept_from is not None and first_day < kept_from:
        return f"The marketplace tells nothing from before {kept_from}; earlier days are left out."
    return None if windows else "None of these days has begun yet."
