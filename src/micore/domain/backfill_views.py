"""What answers say of backfills before they begin. Conventions as in views.py; days are the marketplace's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class MonthRows:
    """Rows of a stream that are stored already."""

    __pydantic_config__ = _DOCS

    month: str
    """"2026-01", of the shop's calendar."""
    rows: int
    """Only those inside of the range."""


@dataclass(frozen=True, slots=True)
class StreamBackfillPlan:
    """What reading one stream's range would take."""

    __pydantic_config__ = _DOCS

    stream: str
    windows: int
    """Stretches of days that are read one after the other; 0: nothing of it can be read."""
    first_day: date | None
    """First day that would be read; later than asked where the marketplace keeps no more. None: nothing can be."""
    end_day: date | None
    """The day after the last one that would be read."""
    requests_at_least: int
    """Were each window answered by one page."""
    seconds_at_least: float
    """At the published limits, if nothing else asks meanwhile."""
    kept_from: date | None
    """First day of which the marketplace still tells; None where no end is known."""
    reason: str | None
    """Why the range, or a part of it, cannot be read; None where all of it can."""
    here: list[MonthRows]
    """What is stored of these days already."""


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill would fetch. Nothing was asked for it."""

    __pydantic_config__ = _DOCS

    source: str
    first_day: date
    end_day: date
    """The day after the last one."""
    requests_at_least: int
    seconds_at_least: float
    streams: list[StreamBackfillPlan]
