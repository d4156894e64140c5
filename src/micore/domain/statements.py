"""What a marketplace says that it pays for a period, beside the amounts that are stored of it.

A statement tells what is paid and the sums that it is made of. Two things can be wrong, and are told apart: our reading
of a sum (its sign, or whether it counts at all), which shows in the marketplace's own figures alone, and our amounts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

from micore.domain.reconcile_views import DifferenceClass
from micore.domain.reconciling import Difference

PAYOUT = "payout"
"""The name of all sums together."""
OTHER = "other"
"""The name of stored amounts that are of none of the sums."""
CENT = 100
"""Ten-thousandths: sums are told to the hundredth, so what is smaller is their rounding."""
MOST_MISREAD = 2
"""Of so many sums that are read wrongly at once the names are looked for."""

Amounts = Mapping[tuple[str, str, str], int]
"""Stored ten-thousandths by day, currency and part: what the amount is called behind its booking's id."""


class Member(NamedTuple):
    """One of the sums that a statement is made of."""

    name: str
    parts: tuple[str, ...]
    """The stored amounts that it is the sum of."""
    told: int
    """Ten-thousandths, as the marketplace writes it."""
    sign: int
    """How we count it in what is paid: 1 received, -1 paid, 0 not at all."""

    @property
    def counted(self) -> int:
        """What the seller receives by it, as we read it."""
        return self.sign * self.told


class Statement(NamedTuple):
    """What is paid for a period in one currency."""

    first_day: str
    last_day: str
    made_on: str
    currency: str
    paid: int
    """Ten-thousandths."""
    members: tuple[Member, ...]
    reports: int = 1
    """How many of the marketplace's it is made of."""


class Stored(NamedTuple):
    """What is known of our side."""

    amounts: Amounts
    since: str | None
    """The first day that anything is stored of; None: nothing is."""
    read_to: str | None
    """Statements made on this day or later may not be read yet; None: nothing excuses us."""
    waiting: Collection[str | None]
    """Days of the rejected rows that wait; None for one that does not tell its day."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A statement and our amounts of it."""

    statement: Statement
    here: Mapping[str, int]
    """By part; empty: none."""

    @property
    def ours(self) -> int | None:
        """What is paid by our amounts; None where there are none."""
        return sum(self.here.values()) if self.here else None

    def of(self, member: Member) -> int | None:
        """What is stored of one sum, from the seller's view; None where nothing is."""
        parts = [self.here[part] for part in member.parts if part in self.here]
        return sum(parts) if parts else None


def compare_statements(statements: Iterable[Statement], stored: Stored) -> tuple[list[Compared], list[Difference]]:
    """Statements of the same days are one; then each with what differs in it, and what no statement tells of."""
    left = dict(stored.amounts)
    compared: list[Compared] = []
    found: list[Difference] = []
    for each in merged(statements):
        here: Counter[str] = Counter()
        for key in [key for key in left if key[1] == each.currency and each.first_day <= key[0] <= each.last_day]:
            here[key[2]] += left.pop(key)
        compared.append(Compared(each, here))
        found += [*misread(each), *_missed(compared[-1], stored)]
    return compared, found + _untold(left)


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """Those of one currency whose days meet as one: our amounts carry a day, not the report that they are from."""
    found: list[Statement] = []
    for each in sorted(statements, key=lambda one: (one.currency, one.first_day, one.last_day)):
        if found and found[-1].currency == each.currency and each.first_day <= found[-1].last_day:
            found[-1] = _together(found[-1], each)
        else:
            found.append(each)
    return sorted(found, key=lambda one: (one.first_day, one.currency))


def _together(one: Statement, other: Statement) -> Statement:
    told = Counter({member.name: member.told for member in one.members})
    for member in other.members:
        told[member.name] += member.told
    return one._replace(
        last_day=max(one.last_day, other.last_day),
        made_on=max(one.made_on, other.made_on),
        paid=one.paid + other.paid,
        members=tuple(member._replace(told=told[member.name]) for member in one.members),
        reports=one.reports + other.reports,
    )


# --- how the sums are read ----------------------------------------------------------------------------------------


def misread(statement: Statement) -> list[Difference]:
    """Where the sums, as we count them, do not make what is paid: those that must count otherwise, by their names."""
    paid = sum(member.counted for member in statement.members)
    missing = statement.paid - paid
    if abs(missing) <= CENT * (len(statement.members) + 1) // 2:
        return []
    counted = _counted_otherwise(statement.members, missing)
    if not counted:
        return [_difference(DifferenceClass.UNEXPLAINED, statement, PAYOUT, statement.paid, paid)]
    return [
        _difference(DifferenceClass.SIGN, statement, member.name, sign * member.told, member.counted)
        for member, sign in counted
    ]


def _counted_otherwise(members: Sequence[Member], missing: int) -> list[tuple[Member, int]]:
    """The fewest sums, with their right signs, that explain what is missing; none where that can be done in several
    ways."""
    choices = [[(each, sign) for sign in (-1, 0, 1) if sign != each.sign] for each in members if each.told]
    for count in range(1, MOST_MISREAD + 1):
        ways = [
            list(way)
            for some in combinations(choices, count)
            for way in product(*some)
            if abs(sum((sign - each.sign) * each.told for each, sign in way) - missing) < CENT
        ]
        if ways:
            return ways[0] if len(ways) == 1 else []
    return []


# --- what is stored of them ---------------------------------------------------------------------------------------


def _missed(compared: Compared, stored: Stored) -> Iterator[Difference]:
    statement = compared.statement
    kind = _why(compared, stored)
    if not compared.here:
        if statement.paid or any(member.counted for member in statement.members):
            yield _difference(kind, statement, PAYOUT, statement.paid, None)
        return
    parts = {part for member in statement.members for part in member.parts}
    members = [member for member in statement.members if member.sign]
    other = sum(amount for part, amount in compared.here.items() if part not in parts)
    if other:
        yield _difference(DifferenceClass.EXTRA_HERE, statement, OTHER, None, other)
    for member in members:
        ours = compared.of(member)
        if abs(member.counted - (ours or 0)) < CENT:
            continue
        opposite = abs(member.counted + (ours or 0)) < CENT
        yield _difference(DifferenceClass.SIGN if opposite else kind, statement, member.name, member.counted, ours)


def _why(compared: Compared, stored: Stored) -> DifferenceClass:
    statement = compared.statement
    if stored.read_to is not None and statement.made_on >= stored.read_to:
        return DifferenceClass.LATE
    if any(day is None or statement.first_day <= day <= statement.last_day for day in stored.waiting):
        return DifferenceClass.QUARANTINED
    if not compared.here or stored.since is None or statement.first_day < stored.since:
        return DifferenceClass.UNREAD
    return DifferenceClass.AMOUNT


def _untold(left: Amounts) -> list[Difference]:
    """Amounts of days and currencies that no statement is about."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (day, currency, _), amount in left.items():
        sums[day, currency] += amount
    return [
        _money(DifferenceClass.EXTRA_HERE, (day, day), currency, PAYOUT, None, amount)
        for (day, currency), amount in sorted(sums.items())
        if amount
    ]


def _difference(
    kind: DifferenceClass, statement: Statement, member: str, theirs: int | None, ours: int | None
) -> Difference:
    return _money(kind, (statement.first_day, statement.last_day), statement.currency, member, theirs, ours)


def _money(
    kind: DifferenceClass, days: tuple[str, str], currency: str, member: str, theirs: int | None, ours: int | None
) -> Difference:
    return Difference(
        kind,
        days[0],
        order_id=None,
        sku_id=None,
        scheme=None,
        theirs=theirs,
        ours=ours,
        units=0,
        amount=(theirs or 0) - (ours or 0),
        last_day=days[1],
        member=member,
        currency=currency,
    )
