"""Two sides of the same sales: each difference has its class, and only what may be missing by right is excused."""

from __future__ import annotations

import pytest

from micore.domain.reconcile_views import HARMLESS
from micore.domain.reconcile_views import DifferenceClass as Kind
from micore.domain.sold import Excuses, Sold, SumKey, compare_sold, compare_sold_sums

FIRST, END = "2026-11-10", "2026-11-20"
SOLD = Sold("P-1", "7", "2026-11-12", returned=False, ordered_day="2026-11-10", at=500)
BACK = Sold("P-1", "7", "2026-11-14", returned=True, given_back=1_000, ordered_day="2026-11-10", at=900)


def kinds(
    theirs: list[Sold], ours: list[Sold], *, settled_to: int | None = 1_000, quarantined: frozenset[str] = frozenset()
) -> list[tuple[Kind, str | None, int]]:
    excuses = Excuses(settled_to, quarantined)
    found = compare_sold(theirs, ours, first_day=FIRST, end_day=END, excuses=excuses)
    return [(each.kind, each.member, each.units) for each in found]


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ([SOLD], [SOLD], []),
        ([BACK], [BACK], []),
        ([SOLD], [], [(Kind.MISSING_HERE, "sale", 1_000)]),
        ([], [SOLD], [(Kind.EXTRA_HERE, "sale", -1_000)]),
        ([BACK], [], [(Kind.MISSING_HERE, "return", 1_000)]),
        ([SOLD], [SOLD._replace(sku_id="8")], [(Kind.MISSING_HERE, "sale", 1_000), (Kind.EXTRA_HERE, "sale", -1_000)]),
        ([SOLD], [SOLD._replace(sold=2_000)], [(Kind.QUANTITY, "sale", -1_000)]),
        ([BACK], [BACK._replace(given_back=2_000)], [(Kind.QUANTITY, "return", -1_000)]),
        ([BACK], [BACK._replace(sold=2_000)], [(Kind.QUANTITY, "sale", -1_000)]),
        ([BACK], [SOLD], [(Kind.RETURNED, "return", 1_000)]),
        ([SOLD], [BACK], [(Kind.RETURNED, "return", -1_000)]),
        ([BACK], [BACK._replace(sold=0)], [(Kind.MISSING_HERE, "sale", 1_000)]),
        ([SOLD], [SOLD._replace(day="2026-11-13")], [(Kind.DAY_BOUNDARY, "sale", 0)]),
        (
            [SOLD],
            [SOLD._replace(day="2026-11-15")],
            [(Kind.MISSING_HERE, "sale", 1_000), (Kind.EXTRA_HERE, "sale", -1_000)],
        ),
    ],
)
def test_each_difference_has_its_class(
    theirs: list[Sold], ours: list[Sold], expected: list[tuple[Kind, str | None, int]]
) -> None:
    assert kinds(theirs, ours) == expected
    assert Kind.RETURNED not in HARMLESS


def test_of_an_older_order_that_came_back_nobody_knows_when_it_was_sold() -> None:
    older = BACK._replace(ordered_day="2026-11-09")
    assert kinds([older], [BACK._replace(sold=0)]) == []


def test_what_happened_since_our_reading_may_be_late_and_what_waits_is_named() -> None:
    assert kinds([SOLD], [], settled_to=500) == [(Kind.LATE, "sale", 1_000)]
    assert kinds([SOLD], [], settled_to=501) == [(Kind.MISSING_HERE, "sale", 1_000)]
    assert kinds([SOLD], [], settled_to=None) == [(Kind.MISSING_HERE, "sale", 1_000)]
    assert kinds([BACK], [SOLD], settled_to=900) == [(Kind.LATE, "return", 1_000)]
    assert kinds([SOLD], [BACK], settled_to=0) == [(Kind.RETURNED, "return", -1_000)], "no reading takes a return back"
    assert kinds([SOLD], [], quarantined=frozenset({"P-1"})) == [(Kind.QUARANTINED, "sale", 1_000)]


def test_other_days_are_left_alone() -> None:
    assert kinds([SOLD._replace(day="2026-11-09")], []) == []
    assert kinds([SOLD._replace(day=END)], []) == []


DAY = ("2026-11-12", "sale", "RUB")
BOOKED = ("2026-11-12", "accrued", "RUB")


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ({DAY: 7_000_000}, {DAY: 7_000_099}, []),
        ({DAY: 7_000_000}, {DAY: 7_000_100}, [(Kind.AMOUNT, -100)]),
        ({DAY: 7_000_000}, {}, [(Kind.MISSING_HERE, 7_000_000)]),
        ({}, {DAY: 7_000_000}, [(Kind.EXTRA_HERE, -7_000_000)]),
        ({DAY: 7_000_000}, {("2026-11-12", "sale", "KZT"): 7_000_000}, [(Kind.EXTRA_HERE, -7_000_000),
                                                                       (Kind.MISSING_HERE, 7_000_000)]),
        ({}, {DAY: 0}, []),
        # The sign of a sale's sum is made here, that of all that was booked is told.
        ({DAY: -7_000_000}, {DAY: 7_000_000}, [(Kind.AMOUNT, -14_000_000)]),
        ({BOOKED: -7_000_000}, {BOOKED: 7_000_000}, [(Kind.SIGN, -14_000_000)]),
        ({BOOKED: -7_000_000}, {BOOKED: 7_000_100}, [(Kind.AMOUNT, -14_000_100)]),
    ],
)  # fmt: skip
def test_each_sum_that_differs_has_its_class(
    theirs: dict[SumKey, int], ours: dict[SumKey, int], expected: list[tuple[Kind, int]]
) -> None:
    found = compare_sold_sums(theirs, ours, read_to="2026-11-13", waiting=())
    assert [(each.kind, each.amount) for each in found] == expected


def test_sums_of_days_that_are_not_read_whole_are_late_and_rejected_bookings_are_named() -> None:
    def kind(read_to: str | None, waiting: set[str | None]) -> Kind:
        (found,) = compare_sold_sums({DAY: 7_000_000}, {DAY: 1}, read_to=read_to, waiting=waiting)
        return found.kind

    assert kind("2026-11-12", set()) == Kind.LATE
    assert kind(None, set()) == Kind.AMOUNT
    assert kind("2026-11-13", {"2026-11-12"}) == Kind.QUARANTINED
    assert kind("2026-11-13", {None}) == Kind.QUARANTINED
    assert kind("2026-11-13", {"2026-11-11"}) == Kind.AMOUNT
