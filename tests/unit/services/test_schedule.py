"""When syncs are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.errors import SettingsError
from micore.services.schedule import Schedule

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_ticks_are_in_the_shops_zone() -> None:
    daily = Schedule.parse("0 2 * * *", MOSCOW)
    assert daily.next_after(NOON) == datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert daily.latest_tick(after=None, until=NOON) == datetime(2026, 11, 21, 23, 0, tzinfo=UTC)


def test_a_tick_counts_once() -> None:
    schedule = Schedule.parse("*/30 * * * *", MOSCOW)
    assert schedule.latest_tick(after=NOON - timedelta(minutes=1), until=NOON) == NOON
    assert schedule.latest_tick(after=NOON, until=NOON + timedelta(minutes=29)) is None
    assert schedule.latest_tick(after=NOON, until=NOON + timedelta(hours=5, minutes=1)) == NOON + timedelta(hours=5)


@given(
    st.integers(0, 10**6),
    st.integers(1, 10**5),
    st.sampled_from(["*/30 * * * *", "0 2 * * *", "15 3 * * 1", "*/7 8-20 * * *"]),
)
def test_the_newest_tick_is_the_last_that_next_after_gives(start: int, length: int, expression: str) -> None:
    schedule = Schedule.parse(expression, MOSCOW)
    after = NOON + timedelta(seconds=start)
    until = after + timedelta(seconds=length)
    expected, tick = None, schedule.next_after(after)
    while tick is not None and tick <= until:
        expected, tick = tick, schedule.next_after(tick)
    assert schedule.latest_tick(after=after, until=until) == expected


def test_off_means_never() -> None:
    off = Schedule.parse("off", MOSCOW)
    assert off.next_after(NOON) is None
    assert off.latest_tick(after=None, until=NOON) is None


@pytest.mark.parametrize("expression", ["every day", "* * *", "61 * * * *"])
def test_nonsense_is_refused_with_an_example(expression: str) -> None:
    with pytest.raises(SettingsError, match=r"\*/30"):
        Schedule.parse(expression, MOSCOW)
