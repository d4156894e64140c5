"""Days of the past read again: what a backfill changes, what it leaves alone, and who goes first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from micore.domain.records import FinanceKind, FinanceRecord, OrderState, RejectedRow
from micore.domain.run_views import Run, RunKind, RunState, Trigger
from micore.errors import ConflictError, GiveWayError, InvalidRequestError
from micore.services import loading
from micore.services.backfills import Backfills
from micore.services.schedule import Schedule
from tests.support.fake_ranges import RangingSource
from tests.support.fake_source import DAY, START, SteppingClock, order, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

FIRST, END = date(2026, 11, 8), date(2026, 11, 20)
"""Twelve days: six windows of orders, twelve of sales."""


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncBench]:
    monkeypatch.setattr(loading, "ROWS_PER_STEP", 1)
    with sync_bench(migrated_url, tmp_path, small_shop(), kind=RangingSource) as made:
        made.service.schedule = Schedule(None, made.service.shop.zone)
        made.market.page_rows = 1
        yield made


def ask(bench: SyncBench, **asked: Any) -> Run:
    wanted = {"source": "fake", "streams": ["orders", "sales"], "first_day": FIRST, "end_day": END, **asked}
    return Backfills(bench.service).request(trigger=Trigger.COMMAND, **wanted)


def work(bench: SyncBench) -> Run:
    done = bench.service.work_once()
    assert done is not None
    return done


def backfill(bench: SyncBench, **asked: Any) -> Run:
    ask(bench, **asked)
    return work(bench)


def facts(bench: SyncBench) -> dict[str, Any]:
    return {name: rows for name, rows in bench.content().items() if name in {"orders", "versions", "sales", "summary"}}


def live_state(bench: SyncBench) -> list[tuple[Any, ...]]:
    return bench.rows("stream_state", "account_id", "stream", "cursor", "complete", "as_of", "rows_last", "changed_at")


def found(run: Run) -> dict[str, tuple[int | None, int, int]]:
    """By stream: new, changed, unchanged."""
    return {
        each.stream: (each.rows_new, each.rows_loaded - (each.rows_new or 0), each.rows_unchanged)
        for each in run.streams
    }


class TestWhatItReads:
    def test_lost_and_changed_rows_come_back_and_the_others_stay(self, bench: SyncBench) -> None:
        bench.sync()
        before, state = facts(bench), live_state(bench)
        with bench.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM demand_event WHERE version = 1")
            connection.exec_driver_sql("DELETE FROM order_line WHERE order_id IN ('P-2', 'P-3')")
            connection.exec_driver_sql("UPDATE order_line SET quantity = 9000 WHERE order_id = 'P-4'")
        run = backfill(bench)
        assert (run.kind, run.state, run.first_day, run.end_day) == (RunKind.BACKFILL, RunState.DONE, FIRST, END)
        assert found(run)["orders"] == (2, 1, 9), "twelve were ordered in these days"
        assert live_state(bench) == state, "the live streams know nothing of it"
        assert {row[0]: row[3] for row in facts(bench)["orders"]} == {row[0]: row[3] for row in before["orders"]}

    def test_it_reads_what_the_first_sync_did_not(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.orders = [order("OLD-1", "3", 2, at=START - 10 * DAY), *bench.market.orders[:0]]
        before = len(bench.content()["orders"])
        run = backfill(bench, streams=["orders"])
        assert found(run) == {"orders": (1, 0, 0)}
        assert len(bench.content()["orders"]) == before + 1
        assert bench.rows("summary_dirty", "product_key") == [], "it is published with the end of the stream"

    def test_twice_is_once(self, bench: SyncBench) -> None:
        assert backfill(bench).state == RunState.DONE
        once = facts(bench)
        again = backfill(bench)
        assert {stream: (new, changed) for stream, (new, changed, _) in found(again).items()} == {
            "orders": (0, 0),
            "sales": (0, 0),
        }
        assert facts(bench) == once

    def test_older_facts_never_overwrite_newer_ones(self, bench: SyncBench) -> None:
        bench.sync()

        def overtaken(stream: str, number: int) -> None:
            """Between our answer and our writing of it, another one of an hour later has been stored."""
            if stream.startswith("orders"):
                with bench.database.write() as connection:
                    connection.exec_driver_sql("UPDATE raw_page SET received_at = received_at + 3600000000")
                    connection.exec_driver_sql("UPDATE order_line SET state = 'delivered' WHERE order_id = 'P-5'")
                bench.market.on_page = lambda stream, number: None

        bench.market.on_page = overtaken
        run = backfill(bench, streams=["orders"])
        assert run.state == RunState.DONE
        assert {row[0]: row[2] for row in bench.content()["orders"]}["P-5"] == "delivered"
        bench.market.orders = [
            each._replace(state=OrderState.SHIPPED) if each.order_id == "P-5" else each for each in bench.market.orders
        ]
        with bench.database.write() as connection:
            connection.exec_driver_sql("UPDATE raw_page SET received_at = 0")
        assert found(backfill(bench, streams=["orders"]))["orders"][:2] == (0, 1), "a newer answer does"


class TestBesideLiveSyncs:
    def test_a_live_sync_is_let_through_between_two_steps(self, bench: SyncBench) -> None:
        asked = ask(bench)

        def due(stream: str, number: int) -> None:
            if stream == "orders 2026-11-12":
                bench.service.request(trigger=Trigger.BUTTON)
                bench.market.on_page = lambda stream, number: None

        bench.market.on_page = due
        waiting = work(bench)
        assert (waiting.id, waiting.state, waiting.progress) == (asked.id, RunState.QUEUED, None)
        assert [each.windows_done for each in waiting.streams] == [2, 0]
        live = work(bench)
        assert (live.kind, live.state) == (RunKind.SYNC, RunState.DONE)
        state = live_state(bench)
        bench.market.reads.clear()
        done = work(bench)
        assert (done.id, done.state) == (asked.id, RunState.DONE)
        assert bench.market.reads[0] == ("orders 2026-11-12", '{"row": 1}'), "where it stood inside of its window"
        assert live_state(bench) == state

    def test_the_schedule_is_kept_during_a_backfill(self, bench: SyncBench) -> None:
        bench.service.schedule = Schedule.parse("* * * * *", bench.service.shop.zone)
        ask(bench)
        clock = bench.service.now
        assert isinstance(clock, SteppingClock)

        def minute(stream: str, number: int) -> None:
            clock.instant += timedelta(seconds=61)
            bench.market.on_page = lambda stream, number: None

        bench.market.on_page = minute
        tick = clock()
        assert work(bench).state == RunState.QUEUED, "it went aside for the tick"
        bench.service.enqueue_due(tick)
        assert work(bench).kind == RunKind.SYNC

    def test_a_live_sync_goes_first_and_shares_the_source_with_nobody(self, bench: SyncBench) -> None:
        ask(bench)
        bench.service.request(trigger=Trigger.BUTTON)
        assert work(bench).kind == RunKind.SYNC
        with bench.database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE run SET state = 'running', lease_until = 9000000000000000 WHERE kind = 'sync'"
            )
        assert bench.service.work_once() is None, "the limits of a source are counted in one process"

    def test_a_failed_backfill_says_nothing_of_the_source(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.account_error = InvalidRequestError("key", received="an old one", allowed="a new one")
        assert backfill(bench).state == RunState.FAILED
        source = bench.service.overview().sources[0]
        assert source.last_success_at is not None
        assert backfill_states(bench) == ["failed"]

    def test_one_backfill_of_a_source_at_a_time(self, bench: SyncBench) -> None:
        first = ask(bench)
        assert ask(bench).id == first.id
        with pytest.raises(ConflictError, match="orders, sales from 2026-11-08 to 2026-11-20"):
            ask(bench, end_day=date(2026, 11, 15))


def backfill_states(bench: SyncBench) -> list[str]:
    return [row[0] for row in bench.rows("run", "state", "kind") if row[1] == "backfill"]


class TestResumed:
    def test_killed_anywhere_it_goes_on_with_its_window(self, bench: SyncBench) -> None:
        backfill(bench)
        whole = facts(bench)
        with bench.database.write() as connection:
            for table in ("demand_event", "order_line", "sale", "backfill_stream", "run_stream", "run"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        died = {"pages": 0}
        ask(bench)

        def die(stream: str, number: int) -> None:
            died["pages"] += 1
            if died["pages"] % 4 == 0:
                raise KeyboardInterrupt

        bench.market.on_page = die
        deaths = 0
        while any(state in {"queued", "running"} for state in backfill_states(bench)):
            try:
                bench.service.work_once()
            except KeyboardInterrupt:
                deaths += 1
                with bench.database.write() as connection:
                    connection.exec_driver_sql("UPDATE run SET lease_until = 0, attempts = 0 WHERE state = 'running'")
        assert deaths > 3
        assert facts(bench) == whole
        windows = [stream for stream, _ in bench.market.reads[18:]]
        assert len(windows) <= 18 + deaths, "each window once, and once more for each death in it"

    def test_a_stopped_one_goes_on_when_it_is_asked_for_again(self, bench: SyncBench) -> None:
        asked = ask(bench)

        def stop(stream: str, number: int) -> None:
            if stream == "orders 2026-11-14":
                bench.service.stop(asked.id)

        bench.market.on_page = stop
        assert work(bench).state == RunState.STOPPED
        bench.market.on_page = lambda stream, number: None
        bench.market.reads.clear()
        assert backfill(bench).state == RunState.DONE
        assert bench.market.reads[0][0] == "orders 2026-11-14"


class TestPlan:
    def test_one_that_ended_with_gaps_reads_again_when_it_is_asked_for_again(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.rejected["orders"] = [RejectedRow("P-BAD", "status: received lost", b"{}")]
        assert backfill(bench, streams=["orders"]).state == RunState.GAPS
        reads = len(bench.market.reads)
        assert backfill(bench, streams=["orders"]).state == RunState.GAPS
        assert len(bench.market.reads) > reads

    def test_a_stop_is_not_forgotten_where_it_gives_way(self, bench: SyncBench) -> None:
        bench.sync()
        asked = ask(bench)

        def stop_beside_a_sync(stream: str, number: int) -> None:
            bench.market.on_page = lambda stream, number: None
            bench.service.stop(asked.id)
            raise GiveWayError("a live sync waits")

        bench.market.on_page = stop_beside_a_sync
        assert work(bench).state == RunState.QUEUED
        assert work(bench).state == RunState.STOPPED

    def test_it_leaves_the_judgement_of_days_to_the_live_reading(self, bench: SyncBench) -> None:
        bench.sync()
        assert backfill(bench, streams=["orders"]).state == RunState.DONE
        counted = bench.rows("stream_volume", "stream", "day", "rows", "state")
        bench.market.clock += 2 * DAY
        ask(bench, streams=["orders"])
        assert work(bench).state == RunState.DONE
        assert bench.rows("stream_volume", "stream", "day", "rows", "state") == counted

    def test_a_plan_tells_what_it_would_take_and_asks_nothing(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.reads.clear()
        bench.market.account_error = AssertionError("nobody asked")
        plan = Backfills(bench.service).plan(
            source="fake", streams=["orders", "sales", "supplies", "stock"], first_day=date(2026, 8, 1), end_day=END
        )
        orders, sales, supplies, stock = plan.streams
        assert (orders.kept_from, orders.first_day) == (date(2026, 8, 22), date(2026, 8, 22))
        assert (orders.windows, orders.requests_at_least, orders.seconds_at_least) == (45, 45, 43 * 60)
        assert orders.reason == "The marketplace tells nothing from before 2026-08-22; earlier days are left out."
        assert [(each.month, each.rows) for each in orders.here] == [("2026-11", 19)]
        assert (sales.windows, sales.reason, [each.rows for each in sales.here]) == (111, None, [])
        assert (supplies.windows, stock.windows) == (0, 0)
        assert supplies.reason == "The marketplace cannot be asked for supplies by date; a live sync reads them."
        assert stock.reason == "Only the present stock can be read, not that of a day in the past."
        assert bench.market.reads == []
        assert bench.rows("run", "kind") == [("sync",)]

    @pytest.mark.parametrize(
        ("asked", "why"),
        [
            ({"end_day": FIRST}, "a day after the first one"),
            ({"streams": ["supplies"]}, "cannot be asked for supplies by date"),
            ({"streams": ["orders"], "first_day": date(2026, 12, 1), "end_day": date(2026, 12, 2)}, "has begun yet"),
            ({"streams": ["people"]}, "orders, sales, supplies"),
            ({"source": "keyless"}, "MICORE_KEYLESS_API_KEY is not set"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, bench: SyncBench, asked: dict[str, Any], why: str) -> None:
        with pytest.raises(InvalidRequestError, match=why):
            ask(bench, **asked)


class TestBookings:
    """What a backfilled booking no longer tells."""

    DAY_OF_IT = "2026-11-18"

    @pytest.fixture(autouse=True)
    def booking(self, bench: SyncBench) -> None:
        bench.market.page_rows = 9
        bench.market.finance = [self._line("F-1:sale"), self._line("F-1:fee"), self._line("F-2:fee")]
        bench.sync()

    def _line(self, finance_id: str) -> FinanceRecord:
        return FinanceRecord(finance_id, "2", "P-1", self.DAY_OF_IT, FinanceKind.OTHER, 10_000, "RUB", "")

    def _backfilled(self, bench: SyncBench) -> list[str]:
        bench.market.finance = [self._line("F-1:sale"), self._line("F-2:fee")]
        bench.market.whole = {"finance": ["F-1", "F-2"]}
        backfill(bench, streams=["finance"])
        return sorted(row[0] for row in bench.rows("finance_line", "external_id"))

    def test_is_taken_away(self, bench: SyncBench) -> None:
        assert self._backfilled(bench) == ["F-1:sale", "F-2:fee"]

    def test_stays_where_anything_of_it_is_newer(self, bench: SyncBench) -> None:
        with bench.database.write() as connection:
            connection.execute(
                text(
                    "UPDATE raw_page SET received_at = :ahead WHERE id IN "
                    "(SELECT raw_page_id FROM finance_line WHERE external_id = 'F-1:fee')"
                ),
                {"ahead": 2**62},
            )
        assert self._backfilled(bench) == ["F-1:fee", "F-1:sale", "F-2:fee"]

    def test_brings_no_part_of_it_back_that_something_newer_lacks(self, bench: SyncBench) -> None:
        with bench.database.write() as connection:
            connection.execute(text("UPDATE raw_page SET received_at = :ahead"), {"ahead": 2**62})
            connection.execute(text("DELETE FROM finance_line WHERE external_id = 'F-1:fee'"))
        backfill(bench, streams=["finance"])
        assert sorted(row[0] for row in bench.rows("finance_line", "external_id")) == ["F-1:sale", "F-2:fee"]
