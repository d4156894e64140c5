"""Daily demand is what a person with paper and pencil would count, zeros and all."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.demand import CANCELLED, STATES, DailyDemand, OrderLines

FIRST, PAST = 20_700, 20_710
# The last one lies too far off for a table of columns.
SKU_SETS = ([1, 2, 3, 7], [5], [3, 9, 10**12])


def lines_of(rows: list[tuple[int, int, int, int]]) -> OrderLines:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return OrderLines(*(columns[:, column] for column in range(4)))


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    skus = draw(st.sampled_from(SKU_SETS))
    row = st.tuples(
        st.sampled_from(skus),
        st.integers(FIRST, PAST - 1),
        st.integers(0, 2**50),
        st.integers(0, len(STATES) - 1),
    )
    return skus, draw(st.lists(row, max_size=60))


def counted(rows: list[tuple[int, int, int, int]]) -> Counter[tuple[int, int]]:
    demand: Counter[tuple[int, int]] = Counter()
    for sku, day, quantity, state in rows:
        demand[day, sku] += quantity if state != CANCELLED else 0
    return demand


def shown(demand: DailyDemand) -> dict[tuple[int, int], int]:
    return {
        (demand.first_day + row, int(sku)): int(demand.quantities[row, column])
        for row in range(len(demand.quantities))
        for column, sku in enumerate(demand.skus)
    }


@given(shops(), st.integers(0, 60))
def test_it_counts_what_was_not_cancelled_and_keeps_the_zeros(
    shop: tuple[list[int], list[tuple[int, int, int, int]]], cut: int
) -> None:
    skus, rows = shop
    demand = DailyDemand(np.array(skus), FIRST, PAST)
    for part in (rows[:cut], rows[cut:]):
        demand.add(lines_of(part))
    by_hand = counted(rows)
    assert shown(demand) == {(day, sku): by_hand[day, sku] for day in range(FIRST, PAST) for sku in skus}
    sparse = demand.sparse()
    found = zip(sparse.day.tolist(), sparse.sku.tolist(), strict=True)
    assert dict(zip(found, sparse.quantity.tolist(), strict=True)) == {key: n for key, n in by_hand.items() if n}


@given(shops(), st.integers(FIRST, PAST - 1))
def test_days_counted_anew_are_as_if_all_had_been_counted_at_once(
    shop: tuple[list[int], list[tuple[int, int, int, int]]], known_until: int
) -> None:
    skus, rows = shop
    demand = DailyDemand(np.array(skus), FIRST, known_until)
    demand.add(lines_of([row for row in rows if row[1] < known_until]))
    for day in (*range(known_until, PAST), known_until, FIRST):
        demand.replace(day, day + 1, lines_of([row for row in rows if row[1] == day]))
    whole = DailyDemand(np.array(skus), FIRST, PAST)
    whole.add(lines_of(rows))
    assert shown(demand) == shown(whole)


def test_lines_of_other_days_or_skus_are_refused() -> None:
    demand = DailyDemand(np.array([1, 2]), FIRST, PAST)
    with pytest.raises(ValueError, match=f"days {PAST} to {PAST} are given, {FIRST} to {PAST - 1} are allowed"):
        demand.add(lines_of([(1, PAST, 1000, 0)]))
    for unknown in (3, -1, 10**9):
        with pytest.raises(ValueError, match=f"1 skus are not of this demand, such as {unknown}"):
            demand.add(lines_of([(unknown, FIRST, 1000, 0)]))
    with pytest.raises(ValueError, match="the range begins with"):
        demand.replace(FIRST - 1, FIRST, lines_of([]))
    with pytest.raises(ValueError, match="not ascending"):
        DailyDemand(np.array([2, 1]), FIRST, PAST)
