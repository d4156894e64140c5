"""How many rows are usual, and what is too few."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.volumes import said, too_few, usual

MONDAYS = [210, 195, 225, 200, 215, 190, 220, 205]
HISTORY = st.lists(st.integers(0, 10_000), min_size=4, max_size=10)


def test_a_day_far_below_its_weekday_is_too_few_and_says_what_is_usual() -> None:
    expected = too_few(3, MONDAYS, 200, None)
    assert expected is not None
    told = said("orders", 3, expected, date(2026, 11, 16), of_day=True)
    assert told == f"orders of Monday 16 Nov: 3 rows came, {expected.low} to {expected.high} are usual on Mondays"
    assert 150 < expected.low < 205 < expected.high < 260


def test_a_day_a_little_below_is_believed() -> None:
    assert too_few(170, MONDAYS, 200, None) is None


def test_one_outage_in_the_past_moves_nothing() -> None:
    assert usual([*MONDAYS, 0, 1]) is not None
    assert too_few(3, [*MONDAYS, 0, 1], 200, None) is not None


def test_too_little_history_and_small_shops_tell_nothing() -> None:
    assert usual(MONDAYS[:3]) is None
    assert usual([12, 9, 14, 11, 10]) is None


def test_a_second_reading_that_says_the_same_is_believed() -> None:
    assert too_few(3, MONDAYS, 200, 3) is None
    assert too_few(54, MONDAYS, 200, 60) is None
    assert too_few(60, MONDAYS, 200, 54) is None


@pytest.mark.parametrize(("held", "rows"), [(60, 3), (60, 53), (3, 60), (53, 60), (0, 5), (8, 100)])
def test_a_second_reading_that_says_less_or_more_and_still_too_little_stays_doubted(held: int, rows: int) -> None:
    assert too_few(rows, MONDAYS, 200, held) is not None


def test_a_level_that_was_believed_once_is_not_doubted_again() -> None:
    assert too_few(62, MONDAYS, 60, None) is None


@given(history=HISTORY, rows=st.integers(0, 30_000))
def test_growth_is_always_believed(history: list[int], rows: int) -> None:
    if rows >= max(history):
        assert too_few(rows, history, None, None) is None


@given(history=HISTORY, rows=st.integers(0, 10_000))
def test_what_is_doubted_lies_below_what_is_called_usual(history: list[int], rows: int) -> None:
    expected = too_few(rows, history, None, None)
    if expected is not None:
        assert rows < expected.least <= expected.low <= expected.high or expected.low == 0
