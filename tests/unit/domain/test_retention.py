"""Which backups may go, whatever the clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from micore.domain.retention import outlived

START = datetime(2026, 1, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
KEPT = timedelta(days=30)
TEN_YEARS = timedelta(days=3652)
INSTANTS = st.lists(st.integers(-8000, 8000).map(lambda hours: START + timedelta(hours=hours)), max_size=60)


@given(INSTANTS, st.integers(-100_000, 100_000), st.integers(0, 400))
def test_the_three_made_last_stay_whatever_their_instants_say(made: list[datetime], now_hours: int, days: int) -> None:
    now, kept = START + timedelta(hours=now_hours), timedelta(days=days)
    gone = outlived(made, now=now, kept=kept)
    assert all(place < len(made) - 3 for place in gone)
    assert all(now - made[place] > kept for place in gone)


@given(st.lists(st.integers(0, 3), min_size=200, max_size=1100), st.integers(1, 90))
def test_years_of_backups(a_days_backups: list[int], days: int) -> None:
    """None to three a day for years: none goes before its days are over, and with one a day none stays much longer."""
    kept, there, deleted = timedelta(days=days), [START], []
    for day, count in enumerate(a_days_backups):
        for each in range(count):
            now = START + day * DAY + each * timedelta(hours=5)
            there.append(now)
            gone = [there[place] for place in outlived(there, now=now, kept=kept)]
            deleted += [(now, at) for at in gone]
            there = [at for at in there if at not in gone]
            assert len(there) >= min(3, len(deleted) + len(there))
    assert all(now - at > kept for now, at in deleted)


def test_daily_backups_stay_for_their_days_and_no_longer() -> None:
    there: list[datetime] = []
    for day in range(1000):
        there.append(START + day * DAY)
        gone = outlived(there, now=there[-1], kept=KEPT)
        there = [at for place, at in enumerate(there) if place not in gone]
        assert len(there) <= 31
    assert there[0] == there[-1] - KEPT


JUMPS = st.lists(
    st.tuples(st.integers(4, 300), st.sampled_from([TEN_YEARS, -TEN_YEARS, DAY * 400, -DAY * 400])), max_size=2
)


@given(JUMPS)
def test_a_clock_that_jumps_deletes_nothing_more(jumps: list[tuple[int, timedelta]]) -> None:
    """Each day a backup, by a clock that is set wrong now and then: what goes is truly older than is kept."""
    there: list[tuple[int, datetime]] = []
    for day in range(400):
        wrong = sum((by for at_day, by in jumps if at_day <= day), timedelta(0))
        there.append((day, START + day * DAY + wrong))
        gone = outlived([at for _, at in there], now=there[-1][1], kept=KEPT)
        assert all(day - there[place][0] > KEPT.days for place in gone)
        there = [each for place, each in enumerate(there) if place not in gone]
        assert len(there) >= min(3, day + 1)
