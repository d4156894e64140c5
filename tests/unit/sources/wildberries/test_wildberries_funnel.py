"""What the Wildberries source makes of the sales funnel: which days it asks for, how often, and what rows tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from micore.domain.records import FunnelRecord
from micore.errors import SourceProtocolError
from micore.sources.base import Page, StoredRow
from micore.sources.wildberries import funnel
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.wildberries.fake_wildberries import FUNNEL, Bench, bench
from tests.unit.sources.wildberries.rows import card, looked_at

YESTERDAY = date(2026, 11, 21)
A_DAY = 86_400


@pytest.fixture
def wb() -> Iterator[Bench]:
    with bench() as made:
        yield made


def back(days: int) -> date:
    return YESTERDAY - timedelta(days=days)


def asked(wb: Bench) -> list[date]:
    """The days that were asked for since the last look."""
    found = []
    for each in wb.shop.paths(FUNNEL):
        period = (each.payload or {})["selectedPeriod"]
        assert period["start"] == period["end"]
        found.append(date.fromisoformat(period["start"]))
    wb.shop.asked.clear()
    return found


def records(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in page.records]


def test_a_row_is_a_card_on_a_day(wb: Bench) -> None:
    wb.shop.funnel = [looked_at(1), looked_at(2, "2026-11-20", openCount=0)]
    first, second = records(wb.read("funnel"))
    assert first == FunnelRecord("2026-11-21:500001", "500001", "2026-11-21", 120, 14, 5, 2, 1, 3)
    assert (second.listing_id, second.day, second.opened) == ("500002", "2026-11-20", 0)


def test_the_first_reading_goes_back_as_many_days_as_it_may_ask(wb: Bench) -> None:
    pages = wb.read("funnel")
    assert asked(wb) == [back(days) for days in range(28)]
    assert (sum(page.done for page in pages), pages[-1].done) == (1, True)
    assert len({page.as_of for page in pages}) == 1
    # Three at once, the others in their twenty seconds.
    assert 25 * 20 <= sum(wb.clock.waits) <= 25 * 20 + 5


def test_the_next_runs_of_the_day_read_the_past_and_then_nothing(wb: Bench) -> None:
    first = wb.read("funnel")[-1]
    told = json.loads(first.cursor)
    assert (told["newest"], told["ages"]) == ("2026-11-21", [*range(1, 29), *[0] * 28])
    wb.shop.asked.clear()
    wb.clock.seconds += 3600
    whole = wb.read("funnel", first.cursor)[-1]
    assert asked(wb) == [back(days) for days in range(28, 56)]
    wb.clock.seconds += 3600
    (nothing,) = wb.read("funnel", whole.cursor)
    assert (nothing.records, nothing.done, nothing.cursor, asked(wb)) == ([], True, whole.cursor, [])
    assert nothing.as_of == whole.as_of, "nothing was read, so nothing is newer"


def test_each_day_the_new_one_and_some_earlier_are_read_then_the_past(wb: Bench) -> None:
    cursor = wb.read("funnel")[-1].cursor
    asked(wb)
    wb.clock.seconds += A_DAY
    cursor = wb.read("funnel", cursor)[-1].cursor
    # The new day, the one that is settled now, and the past.
    assert asked(wb) == [back(-1), back(12), *(back(days) for days in range(28, 54))]
    wb.clock.seconds += A_DAY
    cursor = wb.read("funnel", cursor)[-1].cursor
    # The past is read, two spans of four weeks: now days of the last four weeks, those read longest ago first.
    assert asked(wb) == [back(days) for days in (-2, 11, *range(11), *range(13, 26), -1, 12)]
    assert len(cursor) < 1000


def test_each_of_the_last_days_is_read_again_each_day_where_a_day_is_a_request(wb: Bench) -> None:
    cursor = None
    for _ in range(6):
        cursor = wb.read("funnel", cursor)[-1].cursor
        told = asked(wb)
        wb.clock.seconds += A_DAY
    assert sorted(told) == [back(days) for days in range(22, -6, -1)]


def test_after_a_pause_every_day_of_it_is_read(wb: Bench) -> None:
    cursor = wb.read("funnel")[-1].cursor
    asked(wb)
    wb.clock.seconds += 3 * A_DAY
    wb.read("funnel", cursor)
    told = asked(wb)
    assert told[:6] == [back(-3), back(-2), back(-1), back(10), back(11), back(12)]
    assert len(told) == len(set(told)) == 28


@pytest.mark.parametrize("read_to", ["2026-08-01", "2027-08-01"])
def test_after_a_long_pause_or_a_wrong_clock_it_begins_anew(wb: Bench, read_to: str) -> None:
    wb.read("funnel", json.dumps({"newest": read_to, "ages": [1, 2, 3], "as_of": "2026-11-20T09:00:00Z"}))
    assert asked(wb) == [back(days) for days in range(28)]


def test_a_short_history_stays_short() -> None:
    with bench(history_days="3") as wb:
        cursor = wb.read("funnel")[-1].cursor
        assert asked(wb) == [back(0), back(1), back(2)]
        wb.clock.seconds += A_DAY
        wb.read("funnel", cursor)
        assert asked(wb) == [back(-1), back(0), back(1)]


def test_a_large_shop_is_asked_for_by_pages_and_for_fewer_days(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 2)
    wb.shop.funnel = [
        looked_at(number, back(days).isoformat()) for days in range(20) for number in range(1, 6)
    ]  # three pages a day
    pages = wb.read("funnel")
    assert asked(wb) == [*(back(days) for days in range(9) for _ in range(3)), back(9)]
    assert len(records(pages)) == 47
    assert (pages[-1].done, pages[-1].paused) == (True, False), (
        "a day of the past that is half read keeps nobody waiting"
    )
    assert funnel.first_days(5, timedelta(days=60)) == 9


def test_no_run_asks_more_than_its_requests_and_the_next_goes_on(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 2)
    monkeypatch.setattr(funnel, "MOST_REQUESTS", 4)
    wb.shop.funnel = [looked_at(number, back(days).isoformat()) for days in range(-20, 9) for number in range(1, 6)]
    cursor = wb.read("funnel")[-1].cursor
    asked(wb)
    wb.clock.seconds += 3 * A_DAY
    told, whole = [], []
    for _ in range(4):
        pages = wb.read("funnel", cursor)
        cursor = pages[-1].cursor
        assert not any(page.paused or page.done for page in pages[:-1])
        assert pages[-1].paused is not pages[-1].done
        told.append(asked(wb))
        whole.append(pages[-1].done)
    assert told[:2] == [[back(-3)] * 3 + [back(-2)], [back(-2)] * 2 + [back(-1)] * 2]
    # Then what was left of the past.
    assert told[2:] == [[back(-1), *[back(1)] * 3], [*[back(2)] * 3, back(3)]]
    assert whole == [False, False, True, True]
    # What was begun yesterday is begun anew behind what has ended since, and is read at the age that counts.
    wb.clock.seconds += 10 * A_DAY
    first = wb.read("funnel", cursor)
    wb.clock.seconds += A_DAY
    asked(wb)
    second = wb.read("funnel", first[-1].cursor)
    assert asked(wb) == [back(-14)] * 3 + [back(-12)]
    assert second[0].as_of > first[0].as_of


def test_what_was_read_too_early_is_read_when_it_is_settled(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "MOST_REQUESTS", 2)
    cursor: str | None = None
    ages: dict[date, int] = {}
    for day in range(40):
        for page in wb.read("funnel", cursor):
            cursor = page.cursor
        ages |= {each: (YESTERDAY - each).days + day + 1 for each in asked(wb)}
        wb.clock.seconds += A_DAY
    assert {ages[each] for each in ages if back(-25) >= each >= back(0)} == {14}


def test_it_goes_on_behind_every_page(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 2)
    wb.shop.funnel = [looked_at(number, back(days).isoformat()) for days in range(20) for number in range(1, 4)]
    whole = wb.read("funnel")
    assert all(before.cursor != after.cursor for before, after in pairwise(whole))
    for number, page in enumerate(whole[:-1], 1):
        assert len(page.cursor) < 1000
        rest = wb.read("funnel", page.cursor)
        assert records(rest) == records(whole[number:])
        assert rest[-1].cursor == whole[-1].cursor


def test_a_broken_reading_goes_on_with_what_it_lacks(wb: Bench) -> None:
    reading = wb.source.read("funnel", None)
    cursor = [next(reading) for _ in range(3)][-1].cursor
    asked(wb)
    wb.clock.seconds += A_DAY
    wb.read("funnel", cursor)
    assert asked(wb) == [back(-1), *(back(days) for days in range(3, 30))]


def test_full_begins_anew(wb: Bench) -> None:
    cursor = wb.read("funnel")[-1].cursor
    asked(wb)
    wb.read("funnel", cursor, full=True)
    assert asked(wb) == [back(days) for days in range(28)]


def test_a_marketplace_that_counts_no_further_is_no_loop(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 1)
    told = {"data": {"products": [looked_at(1)], "currency": "RUB"}}
    wb.shop.instead[FUNNEL] = lambda asked: Says(told)
    with pytest.raises(SourceProtocolError, match="circles"):
        wb.read("funnel")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"period": {"start": "2026-11-21", "end": "2026-11-22"}}, "a period of one day"),
        ({"period": {"start": "2026-11-20", "end": "2026-11-20"}}, "2026-11-21, the day asked for"),
        ({"period": {"start": "вчера", "end": "2026-11-21"}}, "period"),
        ({"openCount": -1}, "openCount"),
        ({"cartCount": None}, "cartCount"),
        ({"buyoutCount": "2"}, "buyoutCount"),
        ({"addToWishlist": 10**12}, "addToWishlist"),
    ],
)
def test_a_bad_row_waits_under_its_name_and_the_others_load(wb: Bench, changes: dict[str, Any], reason: str) -> None:
    answer = {"data": {"products": [looked_at(1), looked_at(2, **changes)], "currency": "RUB"}}
    wb.shop.instead[FUNNEL] = lambda asked: Says(answer)
    page = next(iter(wb.source.read("funnel", None)))
    assert [record.listing_id for record in page.records if isinstance(record, FunnelRecord)] == ["500001"]
    (row,) = page.rejected
    assert reason in row.reason
    period = changes.get("period", {"start": "2026-11-21"})
    assert row.key == f"{period['start']}:500002"
    (again,) = wb.source.reread("funnel", [StoredRow(row.raw, row.context)])
    assert reason in (again.reason or "")
    assert msgspec.json.decode(row.raw) == looked_at(2, **changes)


def test_a_shop_above_14_000_cards_reads_its_past_run_by_run(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 1)
    monkeypatch.setattr(funnel, "MOST_REQUESTS", 2)
    wb.shop.funnel = [looked_at(number, back(days).isoformat()) for days in range(56) for number in range(1, 4)]
    cursor: str | None = None
    ends = []
    for _ in range(56 * 2 + 1):  # four pages a day, the last of them empty
        pages = wb.read("funnel", cursor)
        cursor = pages[-1].cursor
        ends.append((pages[-1].done, pages[-1].paused))
    days = asked(wb)
    assert list(days[::4]) == [back(days) for days in range(56)]
    # The first day is all that must be read.
    assert ends[:3] == [(False, True), (True, False), (True, False)]
    assert json.loads(cursor or "")["ages"] == list(range(1, 57))


def test_a_day_says_how_many_cards_were_told_of_it(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 2)
    wb.shop.funnel = [looked_at(1), looked_at(2), looked_at(3, openCount=-1)]
    first, second, empty, *_ = wb.read("funnel")
    assert (first.counted, second.counted) == (None, (YESTERDAY, 3)), "with those that cannot be believed"
    assert empty.counted == (back(1), 0)


@pytest.mark.parametrize("days", [0, 3, 27])
def test_a_day_that_is_not_believed_is_read_again_before_the_past(wb: Bench, days: int) -> None:
    cursor = wb.read("funnel")[-1].cursor
    asked(wb)
    again = wb.source.unread("funnel", cursor, back(days))
    wb.read("funnel", again)
    assert asked(wb) == [back(days), *(back(past) for past in range(28, 55))]
    wb.clock.seconds += A_DAY
    wb.read("funnel", again)
    assert set(asked(wb)[:3]) == {back(-1), back(days), back(12)}


def test_a_day_that_must_be_read_and_is_under_way_ends_first(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 1)
    monkeypatch.setattr(funnel, "MOST_REQUESTS", 2)
    wb.shop.funnel = [looked_at(number) for number in range(1, 4)]
    paused = wb.read("funnel")[-1]
    again = wb.source.unread("funnel", paused.cursor, back(2))
    assert again is not None
    asked(wb)
    wb.read("funnel", again)
    assert asked(wb) == [YESTERDAY] * 2


@pytest.mark.parametrize("day", [back(-1), back(56)])
def test_a_day_that_is_read_no_more_cannot_be_unread(wb: Bench, day: date) -> None:
    cursor = wb.read("funnel")[-1].cursor
    assert wb.source.unread("funnel", cursor, day) is None
    assert wb.source.unread("orders", cursor, back(1)) is None


@pytest.mark.parametrize("says", [{"data": {"products": None}}, {"data": {"products": []}}])
def test_a_chosen_day_without_any_card_is_an_error_where_there_are_cards(wb: Bench, says: dict[str, Any]) -> None:
    wb.shop.cards = [card(1) | {"createdAt": "2026-11-21T20:59:59Z"}]
    wb.shop.instead[FUNNEL] = lambda asked: Says(says)
    asked_for = ("funnel", date(2026, 11, 22), date(2026, 11, 23), None)
    with pytest.raises(SourceProtocolError, match="no card is told of 2026-11-22"):
        list(wb.source.read_range(*asked_for))
    wb.shop.cards = [card(1) | {"createdAt": "2026-11-21T21:00:00Z"}]
    (empty,) = wb.source.read_range(*asked_for)
    assert empty.records == [], "the card is of that very day"


def test_a_row_without_a_name_is_still_rejected(wb: Bench) -> None:
    wb.shop.instead[FUNNEL] = lambda asked: Says({"data": {"products": [7, looked_at(1)]}})
    page = next(iter(wb.source.read("funnel", None)))
    assert [(row.key, row.raw) for row in page.rejected] == [("", b"7")]
    assert len(page.records) == 1


def test_a_stored_row_that_was_mended_tells_its_day(wb: Bench) -> None:
    good, bad = (StoredRow(msgspec.json.encode(row), "") for row in (looked_at(1), looked_at(2, openCount=-1)))
    told, still = wb.source.reread("funnel", [good, bad])
    assert [record.funnel_id for record in told.records if isinstance(record, FunnelRecord)] == ["2026-11-21:500001"]
    assert (still.records, "openCount" in (still.reason or "")) == ((), True)


def test_a_range_is_read_a_day_at_a_time(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "PAGE_ROWS", 2)
    wb.shop.funnel = [looked_at(number, "2026-03-02") for number in range(1, 4)]
    today = date(2026, 11, 22)
    plan = wb.source.plan_range("funnel", date(2026, 3, 1), date(2026, 3, 4), today=today)
    assert [window.first_day.day for window in plan.windows] == [1, 2, 3]
    pages = list(wb.source.read_range("funnel", *plan.windows[1], None))
    assert (len(records(pages)), [page.done for page in pages]) == (3, [False, True])
    assert records(list(wb.source.read_range("funnel", *plan.windows[1], pages[0].cursor))) == records(pages[1:])
    (empty,) = wb.source.read_range("funnel", *plan.windows[0], None)
    assert (empty.records, empty.done) == ([], True)
    long = wb.source.plan_range("funnel", date(2020, 1, 1), today, today=today)
    assert (long.windows[0].first_day, long.seconds_at_least) == (date(2025, 11, 23), 361 * 20.0)


def test_what_is_asked(wb: Bench) -> None:
    bodies: list[Asked] = []
    wb.shop.instead[FUNNEL] = bodies.append
    next(iter(wb.source.read("funnel", None)))
    assert bodies[0].payload == {
        "selectedPeriod": {"start": "2026-11-21", "end": "2026-11-21"},
        "orderBy": {"field": "openCard", "mode": "desc"},
        "limit": 1000,
        "offset": 0,
    }
