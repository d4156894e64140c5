"""However irregularly one syncs, no change of an order is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from micore.sources.ozon.windows import FBS_OVERLAP, LONGEST_SPAN, WINDOW, Marks, Window, plan

START = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = timedelta(days=400)
SEEN_UP_TO_AGE = timedelta(days=53)
"""60 days are read once a week: what changes at an age of 53 days is seen the next time."""

PAUSES = st.lists(
    st.one_of(st.integers(1, 90), st.integers(60, 3000), st.integers(2000, 120_000)).map(
        lambda minutes: timedelta(minutes=minutes)
    ),
    min_size=1,
    max_size=40,
)


def readings(pauses: list[timedelta]) -> list[tuple[datetime, list[Window]]]:
    marks: Marks | None = None
    at, found = START, []
    for pause in [timedelta(0), *pauses, timedelta(days=8)]:
        at += pause
        windows, marks = plan(marks, at, HISTORY)
        found.append((at, windows))
    return found


@given(pauses=PAUSES, when=st.floats(0, 1), age=st.timedeltas(timedelta(0), SEEN_UP_TO_AGE))
def test_a_change_of_ozons_own_postings_is_seen(pauses: list[timedelta], when: float, age: timedelta) -> None:
    read = readings(pauses)
    changed = START + (read[-2][0] - START) * when
    created = changed - age
    assert any(
        at >= changed and any(w.scheme == "FBO" and w.since <= created <= w.to for w in windows) for at, windows in read
    )


@given(pauses=PAUSES, when=st.floats(0, 1), late=st.timedeltas(timedelta(0), FBS_OVERLAP))
def test_a_change_of_the_sellers_postings_is_seen_at_the_next_reading(
    pauses: list[timedelta], when: float, late: timedelta
) -> None:
    read = readings(pauses)
    changed = START + (read[-2][0] - START) * when
    # Ozon may show it late, with its earlier time.
    windows = next(windows for at, windows in read if at >= changed + late)
    assert any(w.scheme == "FBS" and w.since <= changed <= w.to for w in windows)


@given(pauses=PAUSES)
def test_windows_leave_no_gap_and_are_allowed(pauses: list[timedelta]) -> None:
    for at, windows in readings(pauses):
        for scheme in ("FBO", "FBS"):
            of_scheme = [window for window in windows if window.scheme == scheme]
            assert of_scheme[-1].to == at
            assert all(window.to - window.since <= WINDOW < LONGEST_SPAN for window in of_scheme)
            assert [window.to for window in of_scheme[:-1]] == [window.since for window in of_scheme[1:]]
