"""A day of the sales funnel of which far fewer cards are told than usual counts as untold until it is told again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from micore.domain.findings import FindingKind
from micore.domain.funnel_views import FunnelSums
from micore.domain.instants import micros
from micore.domain.records import FunnelRecord
from micore.domain.run_views import RunState, StreamRun
from micore.services.funnel import funnel_sums
from micore.services.schedule import Schedule
from micore.sources.base import DayRows, Page
from tests.support.fake_source import DAY, START, TellingSource, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

CARDS = 40
WEEKS = 5


class DaysSource(TellingSource):
    """Tells the days that its cursor does not name as read, newest first, an answer for each; three runs to a pause."""

    asked: list[str]
    most_days = 100

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream != "funnel":
            yield from super().read(stream, cursor, full=full)
            return
        market = self._market
        (first,) = super().read(stream, None)
        read: list[str] = [] if cursor is None or full else json.loads(cursor)
        days = [(market.clock.date() - timedelta(days=back)).isoformat() for back in range(1, 7 * WEEKS + 1)]
        due = [day for day in days if day not in read]
        if not due:
            yield replace(first, records=[], cursor=json.dumps(read))
        for number, day in enumerate(due, 1):
            read.append(day)
            rows = [each for each in market.funnel if each.day == day]
            done, paused = number == len(due), number == self.most_days < len(due)
            yield replace(first, records=rows, cursor=json.dumps(read), done=done, paused=paused,
                          counted=DayRows(date.fromisoformat(day), len(rows)))  # fmt: skip
            if paused:
                return

    def unread(self, stream: str, cursor: str, day: date) -> str | None:
        """See RereadingSource."""
        read = json.loads(cursor)
        return json.dumps([each for each in read if each != day.isoformat()]) if stream == "funnel" else None


def told(number: int, back: int) -> FunnelRecord:
    day = (START.date() - timedelta(days=back)).isoformat()
    return FunnelRecord(f"{day}:card-{number}", f"card-{number}", day, 100, 10, 4, 2, 1, 3)


def day_of(back: int, cards: int = CARDS) -> list[FunnelRecord]:
    return [told(number, back) for number in range(1, cards + 1)]


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.page_rows = 10_000
    market.catalogue = [each._replace(created_at=micros(START) - 100 * 86_400_000_000) for each in market.catalogue]
    market.funnel = [row for back in range(1, 7 * WEEKS + 1) for row in day_of(back)]
    with sync_bench(migrated_url, tmp_path, market, kind=DaysSource) as made:
        made.service.schedule = Schedule(None, made.service.shop.zone)
        yield made


def synced(bench: SyncBench, **asked: Any) -> StreamRun:
    run = bench.sync(streams=["catalogue", "funnel"], **asked)
    found = next(each for each in run.streams if each.stream == "funnel")
    assert (run.state is RunState.DONE) is (found.state == "done"), "amber for the run where it is for the stream"
    return found


def next_day(bench: SyncBench, cards: int) -> None:
    """The shop lives on for a day, of which so many cards are told."""
    back = (START - bench.market.clock).days
    bench.market.clock += DAY
    bench.market.funnel += day_of(back, cards)


def shown(bench: SyncBench) -> FunnelSums:
    with bench.database.read() as connection:
        (key,) = connection.exec_driver_sql("SELECT -id FROM sku WHERE external_id = '1'").scalars()
        found = funnel_sums(connection, key, bench.market.clock)
    assert found is not None
    return found


def days_shown(bench: SyncBench) -> int:
    now = shown(bench).now
    assert now is not None
    assert now.opened == 100 * now.days
    assert bool(now.incomplete) is (now.days < 28)
    return now.days


def test_a_day_with_too_few_cards_is_amber_and_not_shown(bench: SyncBench) -> None:
    assert synced(bench).state == "done"
    assert days_shown(bench) == 28
    generation = bench.rows("generation", "number")
    next_day(bench, 5)
    run = synced(bench)
    assert run.state == "held"
    (few,) = run.findings
    assert few.kind is FindingKind.TOO_FEW_ROWS
    assert few.message == "funnel of Friday 20 Nov: 5 rows came, 28 to 52 are usual on Fridays."
    assert few.facts["day"] == "2026-11-20"
    assert bench.rows("funnel_day", "count(*)") == [(CARDS * 7 * WEEKS + 5,)], "rows are facts and stay"
    assert days_shown(bench) == 27
    assert bench.rows("generation", "number") > generation


def test_the_next_run_asks_for_that_day_alone_and_shows_it_once_it_is_whole(bench: SyncBench) -> None:
    synced(bench)
    next_day(bench, 5)
    synced(bench)
    bench.market.funnel += day_of(0)[5:]
    run = synced(bench)
    assert (run.state, run.rows_read, run.findings) == ("done", CARDS, [])
    assert days_shown(bench) == 28
    assert synced(bench).rows_read == 0


def test_a_second_reading_that_tells_more_and_still_too_little_is_not_believed(bench: SyncBench) -> None:
    synced(bench)
    next_day(bench, 0)
    assert synced(bench).state == "held"
    bench.market.funnel += day_of(0)[:5]
    again = synced(bench)
    assert again.state == "held"
    assert "5 rows came, 28 to 52 are usual" in again.findings[0].message
    assert days_shown(bench) == 27
    assert (synced(bench).state, days_shown(bench)) == ("done", 28), "a third one says the same"


def test_half_the_shop_archived_is_asked_twice_and_amber_once(bench: SyncBench) -> None:
    synced(bench)
    states = []
    for _ in range(8):  # each weekday
        next_day(bench, 8)
        states.append(synced(bench).state)
        if len(states) == 1:
            states.append(synced(bench).state)
    assert states == ["held", *["done"] * 8]
    assert days_shown(bench) == 28


def test_a_day_that_shrank_when_it_was_read_again_is_not_taken_for_settled(bench: SyncBench) -> None:
    synced(bench)
    generation = bench.rows("generation", "number")
    whole = bench.market.funnel
    bench.market.funnel = [each for each in whole if each not in day_of(3)[5:]]
    assert synced(bench, full=True).state == "held"
    assert bench.rows("generation", "number") > generation, "no row changed, and a day is shown no more"
    assert days_shown(bench) == 27
    # A run that ends well after one that did not is shown as such; this one is not the next.
    assert bench.sync(streams=["orders"]).state == RunState.DONE
    generation = bench.rows("generation", "number")
    bench.market.funnel = whole
    assert synced(bench).state == "done"
    assert bench.rows("generation", "number") > generation
    assert days_shown(bench) == 28


def test_a_person_may_believe_it(bench: SyncBench) -> None:
    synced(bench)
    next_day(bench, 5)
    assert synced(bench, believe=True).state == "done"
    assert days_shown(bench) == 28


def test_a_run_that_pauses_is_amber_too_and_the_next_one_reads_the_day_again(
    bench: SyncBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(bench)
    next_day(bench, CARDS)
    next_day(bench, 5)
    monkeypatch.setattr(DaysSource, "most_days", 1)
    assert synced(bench).state == "held"
    bench.market.funnel += day_of(-1)[5:]
    assert (synced(bench).state, days_shown(bench)) == ("done", 27)
    assert (synced(bench).state, days_shown(bench)) == ("done", 28)


def test_a_worker_that_died_before_the_end_leaves_the_day_to_be_read_again(
    bench: SyncBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(bench)
    next_day(bench, 5)
    with monkeypatch.context() as patched:
        patched.setattr("micore.services.counted.CountedLoader.finish", _dies)
        with pytest.raises(KeyboardInterrupt):
            bench.sync(streams=["funnel"])
    bench.service.recover()
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET lease_until = 0 WHERE state = 'running'")
    run = bench.service.work_once()
    assert run is not None
    (funnel,) = run.streams
    assert (funnel.state, len(funnel.findings)) == ("held", 1)
    bench.market.funnel += day_of(0)[5:]
    assert (synced(bench).state, days_shown(bench)) == ("done", 28)


def _dies(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_shop_of_which_nothing_is_told_is_amber_once_and_never_red(bench: SyncBench) -> None:
    bench.market.funnel.clear()
    first = synced(bench)
    assert first.state == "held"
    assert len(first.findings) == 3
    assert "funnel of Thursday 19 Nov: 0 rows came, 1 to 8 are usual on Thursdays." in (first.message or "")
    assert "32 more days" in (first.message or "")
    assert synced(bench).state == "done"
    next_day(bench, 0)
    assert synced(bench).state == "done"
    assert shown(bench).now is None, "nothing is told, which is not zero"


def test_days_before_its_first_card_say_nothing_of_a_shop(bench: SyncBench) -> None:
    bench.market.funnel.clear()
    bench.market.catalogue = [each._replace(created_at=micros(START)) for each in bench.market.catalogue]
    assert synced(bench).state == "done"
    bench.market.clock += DAY
    assert synced(bench).state == "done", "the cards are of that very day"
    bench.market.clock += DAY
    assert synced(bench).state == "held"
