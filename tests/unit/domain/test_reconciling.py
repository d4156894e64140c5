"""Differences of two sides and their classes."""

from __future__ import annotations

import pytest

from micore.domain.instants import DayTurner
from micore.domain.reconcile_views import HARMLESS
from micore.domain.reconcile_views import DifferenceClass as Kind
from micore.domain.reconciling import (
    Line,
    StockKey,
    by_class,
    compare_lines,
    compare_stock,
    compare_sums,
    may_have_moved,
)
from micore.services.comparing import MOSCOW
from micore.services.reconcile import DAY

MIDNIGHT = 1_794_776_400_000_000
"""2026-11-16 in Moscow."""
READ_TO = MIDNIGHT + 5 * DAY
ONE = Line("P-1", "7", MIDNIGHT + DAY // 2, 2_000, 7_000_000, False, "w1")


def kinds(theirs: list[Line], ours: list[Line], *, quarantined: set[str] | None = None) -> list[tuple[Kind, int]]:
    found = compare_lines(
        theirs,
        ours,
        inside=lambda line: MIDNIGHT <= line.ordered_at < MIDNIGHT + DAY,
        day_of=DayTurner(MOSCOW).day,
        read_to=READ_TO,
        quarantined=quarantined or set(),
    )
    return [(each.kind, each.units) for each in found]


def test_the_same_is_no_difference() -> None:
    assert kinds([ONE], [ONE]) == []
    unpriced = ONE._replace(price=None, place=None)
    assert kinds([unpriced], [ONE]) == [], "what the marketplace does not tell does not differ"


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ([], [(Kind.MISSING_HERE, 2_000)]),
        ([ONE, ONE._replace(order_id="P-2")], [(Kind.EXTRA_HERE, -2_000)]),
        ([ONE._replace(quantity=5_000)], [(Kind.QUANTITY, -3_000)]),
        ([ONE._replace(cancelled=True)], [(Kind.CANCELLED, 2_000)]),
        ([ONE._replace(ordered_at=MIDNIGHT + DAY + 1)], [(Kind.DAY_BOUNDARY, 0)]),
        ([ONE._replace(price=6_000_000)], [(Kind.PRICE, 0)]),
        ([ONE._replace(place=None)], [(Kind.PLACE, 0)]),
        ([ONE._replace(place="elsewhere")], [(Kind.PLACE, 0)]),
    ],
)
def test_each_difference_has_its_class(ours: list[Line], expected: list[tuple[Kind, int]]) -> None:
    assert kinds([ONE], ours) == expected


def test_what_is_not_here_may_be_late_or_in_quarantine() -> None:
    assert kinds([ONE], [], quarantined={"P-1"}) == [(Kind.QUARANTINED, 2_000)]
    late = compare_lines(
        [ONE], [], inside=lambda line: True, day_of=DayTurner(MOSCOW).day, read_to=ONE.ordered_at, quarantined=()
    )
    assert [each.kind for each in late] == [Kind.LATE]


def test_a_stream_that_was_never_read_whole_excuses_nothing() -> None:
    found = compare_lines(
        [ONE], [], inside=lambda line: True, day_of=DayTurner(MOSCOW).day, read_to=None, quarantined=()
    )
    assert [each.kind for each in found] == [Kind.MISSING_HERE]


def test_a_cancellation_that_we_lack_is_a_finding_unless_it_came_since() -> None:
    cancelled = ONE._replace(cancelled=True, changed_at=READ_TO - 1)
    assert kinds([cancelled], [ONE]) == [(Kind.CANCELLED, -2_000)]
    assert Kind.CANCELLED not in HARMLESS
    assert kinds([cancelled._replace(changed_at=READ_TO)], [ONE]) == [(Kind.LATE, -2_000)]
    assert kinds([ONE._replace(changed_at=READ_TO)], [ONE._replace(cancelled=True)]) == [(Kind.CANCELLED, 2_000)]


def test_lines_outside_of_the_range_are_left_alone() -> None:
    outside = ONE._replace(ordered_at=MIDNIGHT - 1)
    assert kinds([outside], []) == []


def test_sums_that_are_not_those_of_the_lines() -> None:
    sums = {"2026-11-10": 5, "2026-11-11": 8, "2026-11-12": 10, "2026-11-13": 4, "2026-11-14": 1}
    listed = {"2026-11-10": 5, "2026-11-11": 9, "2026-11-12": 9, "2026-11-13": 6, "2026-11-14": 7}
    found = compare_sums(sums, listed, complete_before="2026-11-14")
    assert [(each.day, each.kind) for each in found] == [
        ("2026-11-11", Kind.DAY_BOUNDARY),
        ("2026-11-12", Kind.DAY_BOUNDARY),
        ("2026-11-13", Kind.UNEXPLAINED),
        ("2026-11-14", Kind.LATE),
    ]


def test_stock_that_differs() -> None:
    theirs: dict[StockKey, int] = {
        ("FBS", "1", None): 5_000,
        ("FBS", "2", None): 7_000,
        ("FBS", "3", None): 100_000,
        ("FBS", "5", None): 0,
    }
    ours: dict[StockKey, int] = {("FBS", "1", None): 5_000, ("FBS", "3", None): 20_000, ("FBS", "4", None): 9_000}
    much = dict.fromkeys("12345", 100_000)
    found = {each.sku_id: each.kind for each in compare_stock(theirs, ours, moved=much)}
    assert found == {"2": Kind.MISSING_HERE, "3": Kind.LATE, "4": Kind.EXTRA_HERE}, "no demand brings a lost row back"
    unmoved = {each.sku_id: each.kind for each in compare_stock(theirs, ours, moved={"4": 0})}
    assert unmoved == {"2": Kind.MISSING_HERE, "3": Kind.QUANTITY, "4": Kind.EXTRA_HERE}
    sold = compare_stock({("FBS", "1", None): 4_000}, {("FBS", "1", None): 5_000}, moved={"1": 1_000})
    assert list(by_class(sold)) == [Kind.LATE]


HOUR = DAY // 24


@pytest.mark.parametrize(
    ("ordered", "elapsed", "expected"),
    [
        (0, DAY, 0),
        (28_000, 0, 0),
        (28_000, HOUR // 2, 1_000),
        (28_000, DAY, 4_000),
        (2_800_000, HOUR // 2, 7_000),
        (2_800_000, -HOUR, 0),
    ],
)
def test_what_may_have_moved_goes_by_demand_and_time(ordered: int, elapsed: int, expected: int) -> None:
    assert may_have_moved(ordered, span=28 * DAY, elapsed=elapsed) == expected
