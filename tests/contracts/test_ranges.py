"""Sources that can be asked for days of the past: the same facts as the live streams tell, of these days only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from micore.domain.records import FinanceRecord, OrderRecord, Record, ReturnRecord, SaleRecord
from micore.sources.base import Page, Source
from micore.sources.ranges import DayWindow, RangeSource
from tests.contracts.markets import Market
from tests.unit.sources.clocks import HandClock

TODAY = date(2026, 11, 20)
"""The simulated shop's."""
FIRST, END = date(2026, 11, 5), date(2026, 11, 14)
MOSCOW = timezone(timedelta(hours=3))
STREAMS = ("orders", "sales", "returns")
NAMES = {("ozon", "sales"): "finance"}
"""Where one stream tells what others tell apart."""


@pytest.fixture(params=STREAMS)
def kind(request: pytest.FixtureRequest, source: RangeSource) -> str:
    wanted: str = request.param
    return NAMES.get((source.name, wanted), wanted)


@pytest.fixture
def source(market: Market) -> Iterator[RangeSource]:
    market.asked.clear()
    made = market.source(HandClock().tools())
    assert isinstance(made, RangeSource)
    yield made
    made.close()


def read(source: RangeSource, stream: str, windows: tuple[DayWindow, ...]) -> list[Page]:
    return [page for window in windows for page in source.read_range(stream, *window, None)]


def day_of(record: Record) -> date:
    if isinstance(record, SaleRecord | FinanceRecord):
        return date.fromisoformat(record.day)
    assert isinstance(record, OrderRecord | ReturnRecord)
    instant = record.ordered_at if isinstance(record, OrderRecord) else record.returned_at
    return datetime.fromtimestamp(instant / 1e6, UTC).astimezone(MOSCOW).date()


def key_of(record: Record) -> tuple[str, str]:
    return str(record[0]), "" if isinstance(record, SaleRecord | FinanceRecord) else str(record[1])


def live(source: Source, stream: str) -> dict[tuple[str, str], Record]:
    found = (record for page in source.read(stream, None) for record in page.records)
    return {key_of(record): record for record in found}


def test_a_range_tells_what_the_live_stream_tells_of_these_days(source: RangeSource, kind: str) -> None:
    windows = source.plan_range(kind, FIRST, END, today=TODAY).windows
    pages = read(source, kind, windows)
    told = {key_of(record): record for page in pages for record in page.records}
    inside = {key: record for key, record in live(source, kind).items() if FIRST <= day_of(record) < END}
    assert inside, "the simulated shop sells and gets back every day"
    missing = [record for key, record in inside.items() if told.get(key) != record]
    assert missing == []
    # A posting may have been created just before the midnight after which Ozon began to work on it.
    assert {day_of(record) for record in told.values()} <= {FIRST + timedelta(days) for days in range(-1, 11)}


def test_windows_cover_the_range_once_and_in_order(source: RangeSource, kind: str) -> None:
    plan = source.plan_range(kind, FIRST, END, today=TODAY)
    assert (plan.windows[0].first_day, plan.windows[-1].end_day) == (FIRST, END)
    assert [window.end_day for window in plan.windows[:-1]] == [window.first_day for window in plan.windows[1:]]
    assert plan.requests_at_least >= len(plan.windows)
    assert plan.reason is None


def test_a_plan_holds_and_asks_nothing(market: Market, source: RangeSource, kind: str) -> None:
    plan = source.plan_range(kind, FIRST, END, today=TODAY)
    assert market.asked == []
    pages = read(source, kind, plan.windows)
    assert len(pages) >= plan.requests_at_least
    assert sum(page.done for page in pages) == len(plan.windows)


def test_a_broken_window_goes_on_behind_each_page(source: RangeSource, kind: str) -> None:
    first, *_ = source.plan_range(kind, FIRST, END, today=TODAY).windows
    whole = list(source.read_range(kind, *first, None))
    for number, page in enumerate(whole[:-1], 1):
        rest = list(source.read_range(kind, *first, page.cursor))
        assert [each.records for each in rest] == [each.records for each in whole[number:]]


def test_days_that_the_marketplace_has_forgotten_or_that_are_to_come_are_left_out(source: RangeSource) -> None:
    plan = source.plan_range(
        NAMES.get((source.name, "sales"), "sales"), date(2020, 1, 1), date(2030, 1, 1), today=TODAY
    )
    assert plan.kept_from == {"ozon": date(2022, 1, 1), "wildberries": date(2026, 8, 22)}[source.name]
    assert plan.windows[0].first_day == plan.kept_from
    assert plan.windows[-1].end_day == TODAY + timedelta(days=1)
    assert str(plan.kept_from) in (plan.reason or "")


def test_what_has_no_past_says_so(source: RangeSource) -> None:
    plan = source.plan_range("supplies", FIRST, END, today=TODAY)
    assert plan.windows == ()
    assert "supplies" in (plan.reason or "")
