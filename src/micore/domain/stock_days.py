"""A product's stock by day, replayed from the intervals of its places: end of day, lowest, share out of stock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class PlaceInterval(NamedTuple):
    """What one place told of one sku from an instant on; microseconds, thousandths of a unit."""

    sku_id: int
    place_id: int
    valid_from: int
    valid_until: int | None
    """None: still so."""
    available: int | None


class StockDay(NamedTuple):
    """The stock of one day, over all places that have told a figure; thousandths of a unit."""

    end: int
    """At the end of the day, or of what is known of it."""
    low: int
    out_of_stock: float
    """Share of the known part of the day with nothing available, 0 to 1."""


def stock_days(
    intervals: Iterable[PlaceInterval], day_edges: Sequence[int], *, known_until: int
) -> list[StockDay | None]:
    """The stock of each day between consecutive edges (midnights, microseconds, ascending).

    None before the first reading. Behind `known_until` nothing was read: a day that lies there as a whole has the last
    known figure. A place that has not told a figure yet adds nothing, for unknown is not zero but not more either.
    """
    steps = _steps(intervals)
    days: list[StockDay | None] = []
    position, total = 0, None
    for start, end in pairwise(day_edges):
        while position < len(steps) and steps[position][0] <= start:
            total = steps[position][1]
            position += 1
        pieces = []
        at = start
        known_end = max(min(end, known_until), start)
        while position < len(steps) and steps[position][0] < known_end:
            instant, following = steps[position]
            pieces.append((instant - at, total))
            at, total = instant, following
            position += 1
        pieces.append((known_end - at, total))
        days.append(_day(pieces))
    return days


def _day(pieces: Sequence[tuple[int, int | None]]) -> StockDay | None:
    told = [(length, total) for length, total in pieces if total is not None]
    if not told:
        return None
    # A figure that was replaced at the very instant the day began did not last any part of it.
    lasting = [(length, total) for length, total in told if length > 0] or told[-1:]
    whole = sum(length for length, _ in lasting)
    out = sum(length for length, total in lasting if total <= 0)
    last = told[-1][1]
    share = out / whole if whole else float(last <= 0)
    return StockDay(last, min(*(total for _, total in lasting), last), share)


def _steps(intervals: Iterable[PlaceInterval]) -> list[tuple[int, int | None]]:
    """(instant, sum over the places from then on), ascending; the sum is None while no place has told a figure."""
    begins: dict[int, list[tuple[tuple[int, int], int | None]]] = {}
    ends: dict[int, list[tuple[int, int]]] = {}
    for each in intervals:
        pair = (each.sku_id, each.place_id)
        begins.setdefault(each.valid_from, []).append((pair, each.available))
        if each.valid_until is not None:
            ends.setdefault(each.valid_until, []).append(pair)
    told: dict[tuple[int, int], int] = {}
    total = 0
    steps: list[tuple[int, int | None]] = []
    for instant in sorted(begins.keys() | ends.keys()):
        for pair in ends.get(instant, ()):
            total -= told.pop(pair, 0)
        for pair, available in begins.get(instant, ()):
            total -= told.pop(pair, 0)
            if available is not None:
                told[pair] = available
                total += available
        steps.append((instant, total if told else None))
    return steps
