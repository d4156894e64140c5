"""Which windows of time a reading of orders has: the whole history first, then what may have changed since.

The seller's own postings (FBS) can be asked for by their last change. Ozon's (FBO) cannot, so their recent past is read
again and again: the last days at every sync, more of it once a day and once a week. The plan depends on the cursor
alone, so a broken reading goes on in the same windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

WINDOW = timedelta(days=30)
"""Far below the year that is allowed: a window is read again from its start when its cursor has died."""

LONGEST_SPAN = timedelta(days=364)
"""Of since/to; Ozon refuses more than a year."""

FBS_OVERLAP = timedelta(days=1)
"""Changes that Ozon shows late carry their earlier time."""

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
FBO_EVERY_TIME = timedelta(days=3)
FBO_DAILY = timedelta(days=14)
FBO_WEEKLY = timedelta(days=60)


class Marks(msgspec.Struct, omit_defaults=True, frozen=True):
    """What whole readings have reached, by the marketplace's clock."""

    read_to: datetime
    """Orders and changes up to here are known."""
    daily_at: datetime
    """When the last fortnight of FBO was last read again."""
    weekly_at: datetime
    """When the last 60 days of FBO were last read again."""


class Window(NamedTuple):
    """One stretch of time to read."""

    scheme: str
    changed: bool
    """By last change instead of by creation."""
    since: datetime
    to: datetime


def plan(marks: Marks | None, as_of: datetime, history: timedelta) -> tuple[list[Window], Marks]:
    """The windows of the reading that began at `as_of`, and the marks that hold once it is whole."""
    whole = Marks(as_of, as_of, as_of)
    if marks is None or as_of - marks.read_to > LONGEST_SPAN - FBS_OVERLAP:
        start = as_of - history
        return [*_cut("FBO", False, start, as_of), *_cut("FBS", False, start, as_of)], whole
    daily, weekly = as_of - marks.daily_at >= DAY, as_of - marks.weekly_at >= WEEK
    since = marks.read_to - FBO_EVERY_TIME
    # After a pause, as far back as the readings that fell out would have gone.
    if daily:
        since = min(since, min(as_of, marks.daily_at + DAY) - FBO_DAILY)
    if weekly:
        since = min(since, min(as_of, marks.weekly_at + WEEK) - FBO_WEEKLY)
    windows = [*_cut("FBO", False, since, as_of), *_cut("FBS", True, marks.read_to - FBS_OVERLAP, as_of)]
    return windows, Marks(as_of, as_of if daily else marks.daily_at, as_of if weekly else marks.weekly_at)


def _cut(scheme: str, changed: bool, since: datetime, to: datetime) -> Iterator[Window]:
    while since < to:
        end = min(since + WINDOW, to)
        yield Window(scheme, changed, since, end)
        since = end
