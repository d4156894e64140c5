"""Two sides of the same orders and the same stock, compared row by row and sorted by why they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import isqrt
from typing import NamedTuple

from micore.domain.reconcile_views import DifferenceClass
from micore.domain.units import MILLI


class Line(NamedTuple):
    """An order line of either side: thousandths, ten-thousandths per unit, microseconds."""

    order_id: str
    sku_id: str
    ordered_at: int
    quantity: int
    price: int | None
    cancelled: bool
    place: str | None
    """Where it ships from, by the place's own id; None: not told."""
    changed_at: int | None = None
    """When it came into its present state; None: not told."""


class Difference(NamedTuple):
    """One row of one class."""

    kind: DifferenceClass
    day: str | None
    order_id: str | None
    sku_id: str | None
    scheme: str | None
    theirs: int | None
    """Thousandths, or ten-thousandths for prices; None: not there."""
    ours: int | None
    units: int
    amount: int | None
    place_id: str | None = None
    last_day: str | None = None
    """Where it is of several days."""
    member: str | None = None
    """Which sum of money differs, where money does."""
    currency: str | None = None
    """Of that money."""


def compare_lines(
    theirs: Sequence[Line],
    ours: Sequence[Line],
    *,
    inside: Callable[[Line], bool],
    day_of: Callable[[int], str],
    read_to: int | None,
    quarantined: Collection[str],
    same_place: Callable[[str, str], bool] = str.__eq__,
) -> list[Difference]:
    """Differences of lines of which at least one side is `inside` the range.

    `read_to`: what was ordered or cancelled later, we may not have been told of yet; None: nothing excuses us.
    `quarantined`: orders that came, were rejected, and wait. `same_place`: whether theirs may be ours.
    """
    told = {(line.order_id, line.sku_id): line for line in theirs}
    here = {(line.order_id, line.sku_id): line for line in ours}
    found: list[Difference] = []
    for key in sorted(told.keys() | here.keys()):
        one, other = told.get(key), here.get(key)
        if not any(line is not None and inside(line) for line in (one, other)):
            continue
        if one is None or other is None:
            found.append(_alone(one, other, day_of, read_to, quarantined))
        else:
            found += [*_both(one, other, day_of, read_to), *_elsewhere(one, other, day_of, same_place)]
    return found


def _alone(
    one: Line | None,
    other: Line | None,
    day_of: Callable[[int], str],
    read_to: int | None,
    quarantined: Collection[str],
) -> Difference:
    line = one or other
    assert line is not None
    kind = DifferenceClass.EXTRA_HERE
    if one is not None and one.order_id in quarantined:
        kind = DifferenceClass.QUARANTINED
    elif one is not None:
        kind = DifferenceClass.LATE if _since(one.ordered_at, read_to) else DifferenceClass.MISSING_HERE
    return _difference(kind, line, day_of, one.quantity if one else None, other.quantity if other else None)


def _since(moment: int | None, read_to: int | None) -> bool:
    return moment is not None and read_to is not None and moment >= read_to


def _both(one: Line, other: Line, day_of: Callable[[int], str], read_to: int | None) -> Iterable[Difference]:
    if one.quantity != other.quantity:
        yield _difference(DifferenceClass.QUANTITY, one, day_of, one.quantity, other.quantity)
    if one.cancelled != other.cancelled:
        late = one.cancelled and _since(one.changed_at, read_to)
        yield _difference(
            DifferenceClass.LATE if late else DifferenceClass.CANCELLED,
            one,
            day_of,
            0 if one.cancelled else one.quantity,
            0 if other.cancelled else other.quantity,
        )
    if day_of(one.ordered_at) != day_of(other.ordered_at):
        yield _same(DifferenceClass.DAY_BOUNDARY, one, day_of, one.quantity, other.quantity)
    if one.price is not None and other.price is not None and one.price != other.price:
        worth = (one.price - other.price) * other.quantity // 1000
        difference = _same(DifferenceClass.PRICE, one, day_of, one.price, other.price)
        yield difference._replace(amount=worth)


def _elsewhere(
    one: Line, other: Line, day_of: Callable[[int], str], same_place: Callable[[str, str], bool]
) -> Iterable[Difference]:
    if one.place is not None and (other.place is None or not same_place(one.place, other.place)):
        yield _same(DifferenceClass.PLACE, one, day_of, one.quantity, other.quantity)._replace(place_id=one.place)


def _difference(
    kind: DifferenceClass, line: Line, day_of: Callable[[int], str], theirs: int | None, ours: int | None
) -> Difference:
    units = (theirs or 0) - (ours or 0)
    amount = None if line.price is None else units * line.price // 1000
    return Difference(kind, day_of(line.ordered_at), line.order_id, line.sku_id, None, theirs, ours, units, amount)


def _same(kind: DifferenceClass, line: Line, day_of: Callable[[int], str], theirs: int, ours: int) -> Difference:
    """A difference in something else than units."""
    return Difference(kind, day_of(line.ordered_at), line.order_id, line.sku_id, None, theirs, ours, 0, None)


def compare_sums(sums: Mapping[str, int], listed: Mapping[str, int], *, complete_before: str) -> list[Difference]:
    """Where the marketplace's sum of a day is not the sum of the lines that it lists.

    From the day `complete_before` on its sums are not whole. What one day has too much and the next too little lies
    on their boundary. Anything else nobody can explain.
    """
    left = {day: sums.get(day, 0) - listed.get(day, 0) for day in sorted(sums.keys() | listed.keys())}
    found: list[Difference] = []
    days = [day for day, units in left.items() if units]
    carried = 0
    for place, day in enumerate(days):
        units = left[day]
        following = left[days[place + 1]] if place + 1 < len(days) else 0
        kind = DifferenceClass.UNEXPLAINED
        if day >= complete_before:
            kind = DifferenceClass.LATE
        elif carried == -units or following == -units:
            kind = DifferenceClass.DAY_BOUNDARY
        carried = units if kind is DifferenceClass.DAY_BOUNDARY and following == -units else 0
        found.append(Difference(kind, day, None, None, None, sums.get(day, 0), listed.get(day, 0), units, None))
    return found


def may_have_moved(ordered: int, *, span: int, elapsed: int) -> int:
    """By how much a sku's stock may have moved in `elapsed` where `ordered` thousandths were ordered in `span`.

    The mean of that time and three standard deviations of a count with this mean, up to the next whole unit; none
    where nothing was ordered.
    """
    mean = ordered * max(elapsed, 0) // span
    return -(-(mean + 3 * isqrt(mean * MILLI)) // MILLI) * MILLI


StockKey = tuple[str, str, str | None]
"""Scheme, sku, and the place where it is told by place."""


def compare_stock(
    theirs: Mapping[StockKey, int], ours: Mapping[StockKey, int], *, moved: Mapping[str, int]
) -> list[Difference]:
    """Differences of what can be sold.

    `moved`: thousandths by which a sku may have moved since ours was read. It excuses a difference of two figures,
    never one that a side does not have.
    """
    found: list[Difference] = []
    for key in sorted(theirs.keys() | ours.keys(), key=lambda each: (*each[:2], each[2] or "")):
        one, other = theirs.get(key), ours.get(key)
        if (one or 0) == (other or 0):
            continue
        units = (one or 0) - (other or 0)
        kind = DifferenceClass.QUANTITY
        if other is None:
            kind = DifferenceClass.MISSING_HERE
        elif one is None:
            kind = DifferenceClass.EXTRA_HERE
        elif abs(units) <= moved.get(key[1], 0):
            kind = DifferenceClass.LATE
        found.append(Difference(kind, None, None, key[1], key[0], one, other, units, None, key[2]))
    return found


def by_class(differences: Iterable[Difference]) -> dict[DifferenceClass, list[Difference]]:
    """In the order of the classes; empty ones left out."""
    found: dict[DifferenceClass, list[Difference]] = defaultdict(list)
    for each in differences:
        found[each.kind].append(each)
    return {kind: found[kind] for kind in DifferenceClass if found[kind]}
