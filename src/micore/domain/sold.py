"""Two sides of the same sales, compared unit by unit or by their sums of money, and sorted by why they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from micore.domain.reconcile_views import DifferenceClass
from micore.domain.reconciling import Difference
from micore.domain.units import MILLI

SALE, RETURN, COMMISSION = "sale", "return", "commission"
ACCRUED = "accrued"
"""All that was booked on a day, sales among it."""
CENT = 100
"""Ten-thousandths: sums are told to the hundredth, so what is smaller is their rounding."""


class Sold(NamedTuple):
    """What became of an ordered unit of either side: its buyer has it, or gave it back since."""

    order_id: str
    sku_id: str
    day: str
    """Of its present state."""
    returned: bool
    sold: int = MILLI
    """Thousandths by the rows that say it was bought; the marketplace's are one unit each."""
    given_back: int = 0
    """Thousandths by the rows that say it came back."""
    ordered_day: str | None = None
    at: int | None = None
    """When it came into this state, microseconds; None: not told."""

    @property
    def member(self) -> str:
        """Whether its present state is a sale or a return."""
        return RETURN if self.returned else SALE


class Excuses(NamedTuple):
    """What may be missing here by right."""

    settled_to: int | None
    """What happened later, we may not have been told of yet, microseconds; None: nothing excuses us."""
    quarantined: Collection[str]
    """Orders whose rows came, were rejected, and wait."""

    def why(self, one: Sold, otherwise: DifferenceClass) -> DifferenceClass:
        """Why we lack something that the marketplace tells."""
        if one.order_id in self.quarantined:
            return DifferenceClass.QUARANTINED
        late = one.at is not None and self.settled_to is not None and one.at >= self.settled_to
        return DifferenceClass.LATE if late else otherwise


def compare_sold(
    theirs: Sequence[Sold], ours: Sequence[Sold], *, first_day: str, end_day: str, excuses: Excuses
) -> list[Difference]:
    """Differences of units whose present state is of these days on at least one side, the end left out."""
    told = {(each.order_id, each.sku_id): each for each in theirs}
    here = {(each.order_id, each.sku_id): each for each in ours}
    found: list[Difference] = []
    for key in sorted(told.keys() | here.keys()):
        one, other = told.get(key), here.get(key)
        if not any(each is not None and first_day <= each.day < end_day for each in (one, other)):
            continue
        if one is not None and other is not None:
            found += _both(one, other, first_day, excuses)
        elif one is not None:
            found.append(_alone(excuses.why(one, DifferenceClass.MISSING_HERE), one, None))
        elif other is not None:
            found.append(_alone(DifferenceClass.EXTRA_HERE, None, other))
    return found


def _both(one: Sold, other: Sold, first_day: str, excuses: Excuses) -> Iterator[Difference]:
    if one.returned != other.returned:
        kind = excuses.why(one, DifferenceClass.RETURNED) if one.returned else DifferenceClass.RETURNED
        yield _difference(kind, one, RETURN, one.given_back, other.given_back)
        return
    apart = abs((date.fromisoformat(one.day) - date.fromisoformat(other.day)).days)
    if apart == 1:
        yield _difference(DifferenceClass.DAY_BOUNDARY, one, one.member, None, None, units=0)
    elif apart:
        yield _alone(excuses.why(one, DifferenceClass.MISSING_HERE), one, None)
        yield _alone(DifferenceClass.EXTRA_HERE, None, other)
    if one.returned and one.given_back != other.given_back:
        yield _difference(DifferenceClass.QUANTITY, one, RETURN, one.given_back, other.given_back)
    # Of what came back the marketplace does not tell when it was bought: perhaps before these days.
    unknown = one.returned and not other.sold and (one.ordered_day is None or one.ordered_day < first_day)
    if one.sold != other.sold and not unknown:
        kind = DifferenceClass.QUANTITY if other.sold else excuses.why(one, DifferenceClass.MISSING_HERE)
        yield _difference(kind, one, SALE, one.sold, other.sold or None)


def _alone(kind: DifferenceClass, one: Sold | None, other: Sold | None) -> Difference:
    line = one or other
    assert line is not None
    theirs, ours = (_units(each) for each in (one, other))
    return _difference(kind, line, line.member, theirs, ours)


def _units(line: Sold | None) -> int | None:
    if line is None:
        return None
    return line.given_back if line.returned else line.sold


def _difference(
    kind: DifferenceClass, line: Sold, member: str, theirs: int | None, ours: int | None, *, units: int | None = None
) -> Difference:
    if units is None:
        units = (theirs or 0) - (ours or 0)
    else:
        theirs = ours = _units(line)
    return Difference(kind, line.day, line.order_id, line.sku_id, None, theirs, ours, units, None, member=member)


# --- by sums of money ---------------------------------------------------------------------------------------------


SumKey = tuple[str, str, str]
"""Day, sum (sale, return, commission; or accrued), currency."""


def compare_sold_sums(
    theirs: Mapping[SumKey, int], ours: Mapping[SumKey, int], *, read_to: str | None, waiting: Collection[str | None]
) -> list[Difference]:
    """Differences of ten-thousandths.

    `read_to`: this day and later ones may not be read whole yet; None: nothing excuses us. `waiting`: days of the
    rejected rows that wait, None for one that does not tell its day.
    """
    found: list[Difference] = []
    for key in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get(key), ours.get(key)
        if abs((one or 0) - (other or 0)) < CENT:
            continue
        day, member, currency = key
        found.append(
            Difference(
                _why(key, one, other, read_to, waiting),
                day,
                order_id=None,
                sku_id=None,
                scheme=None,
                theirs=one,
                ours=other,
                units=0,
                amount=(one or 0) - (other or 0),
                member=member,
                currency=currency,
            )
        )
    return found


def _why(
    key: SumKey, one: int | None, other: int | None, read_to: str | None, waiting: Iterable[str | None]
) -> DifferenceClass:
    day, member, _ = key
    if read_to is not None and day >= read_to:
        return DifferenceClass.LATE
    if any(each is None or each == day for each in waiting):
        return DifferenceClass.QUARANTINED
    if not other:
        return DifferenceClass.MISSING_HERE
    if not one:
        return DifferenceClass.EXTRA_HERE
    # Only what was booked in all is told with its sign; that of sales is made here.
    turned = member == ACCRUED and abs(one + other) < CENT
    return DifferenceClass.SIGN if turned else DifferenceClass.AMOUNT
