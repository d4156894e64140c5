"""How many rows are usual: the judgement of a stream's volume by its own history of the same weekday.

A reading with too few rows is not believed at once: a marketplace that is half asleep answers politely. One with more
than ever is: shops grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isqrt
from statistics import median_low

LEAST_HISTORY = 4
"""Days of the same weekday; fewer tell nothing."""
MOST_HISTORY = 10
"""Weeks; what was longer ago is another shop."""
SMALL = 20
"""Where fewer rows than this are usual, chance alone explains none at all."""
SPREADS = 4
"""So many spreads below the middle is too few."""
AGREES = 10
"""Percent of the larger one that two readings may differ by and still say the same; by one row they always may."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Usual:
    """What a stream's own past lets expect."""

    low: int
    high: int
    least: int
    """Fewer rows than this are not believed at once."""


def usual(history: Sequence[int]) -> Usual | None:
    """The expectation from rows of earlier days of the same weekday; None where they are too few or too small.

    The middle and the middle distance from it: a past outage among them moves neither.
    """
    if len(history) < LEAST_HISTORY:
        return None
    middle = median_low(sorted(history))
    if middle < SMALL:
        return None
    distance = median_low(sorted(abs(each - middle) for each in history))
    # 1.5 distances are the spread of a bell curve; even without any, counts spread by their root.
    spread = max(distance * 3 // 2, isqrt(middle))
    return Usual(max(middle - 2 * spread, 0), middle + 2 * spread, max(middle - SPREADS * spread, 1))


def too_few(rows: int, history: Sequence[int], before: int | None, held: int | None) -> Usual | None:
    """What was usual, where `rows` are too few to be believed; None where they are believed.

    `before` are the rows that were believed last: a level that was believed once, or what has grown from it, is not
    doubted again. `held` are those of a reading that was not: one that says the same is believed, not one with more.
    """
    expected = usual(history)
    if expected is None or rows >= expected.least:
        return None
    if before is not None and (rows >= before or agree(rows, before)):
        return None
    return None if held is not None and agree(rows, held) else expected


def agree(rows: int, other: int) -> bool:
    """Whether two readings say the same."""
    return abs(rows - other) <= max(max(rows, other) * AGREES // 100, 1)


def said(stream: str, rows: int, expected: Usual, day: date, *, of_day: bool) -> str:
    """What changed, in a sentence without its stop."""
    weekday = WEEKDAYS[day.weekday()]
    what = f"{stream} of {weekday} {day.day} {day:%b}" if of_day else stream
    return f"{what}: {rows:,} rows came, {expected.low:,} to {expected.high:,} are usual on {weekday}s"
