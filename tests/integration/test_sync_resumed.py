"""A reading that was broken off, stopped or crashed: what goes on, what begins anew, and what is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from micore.domain.instants import micros
from micore.domain.records import RejectedRow
from micore.domain.run_views import Run, RunState, StreamState, Trigger
from micore.errors import SourceUnreachableError
from micore.services import loading
from tests.support.fake_source import START, card, held, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

HOUR = timedelta(hours=1)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    with sync_bench(migrated_url, tmp_path, small_shop()) as made:
        yield made


@pytest.fixture
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is a step of its own."""
    monkeypatch.setattr(loading, "ROWS_PER_STEP", 3)


def crash(bench: SyncBench, stream: str, page: int) -> None:
    """A worker that dies before it reads this page."""

    def die(read: str, number: int) -> None:
        if (read, number) == (stream, page):
            raise KeyboardInterrupt

    bench.market.on_page = die
    with pytest.raises(KeyboardInterrupt):
        bench.sync()
    bench.market.on_page = lambda read, number: None
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET lease_until = 0 WHERE state = 'running'")


def resume(bench: SyncBench) -> Run:
    run = bench.service.work_once()
    assert run is not None
    return run


def shown(bench: SyncBench) -> dict[tuple[str, str], int]:
    return {(sku, place): available for sku, place, available, *_ in bench.content()["stock"]}


class TestSnapshots:
    @pytest.mark.usefixtures("page_by_page")
    def test_a_scope_that_begins_anew_holds_nothing_of_its_first_half(self, bench: SyncBench) -> None:
        bench.market.fail_before_page["stock:1"] = SourceUnreachableError("fake", path="/fake", problem="cut")
        bench.sync()
        assert len(bench.rows("stock_staging", "sku_id")) == 3
        bench.market.clock += HOUR
        bench.market.stock["fbo"] = [held("1", "w1", 99), *bench.market.stock["fbo"][3:]]
        assert bench.sync().state == RunState.DONE
        at_marketplace = {pair: units for pair, units in shown(bench).items() if pair[1] != "s1"}
        assert at_marketplace == {(row.sku_id, row.place_id): row.available for row in bench.market.stock["fbo"]}, (
            "skus 2 and 3 were only in the reading that was broken off"
        )
        assert bench.rows("stock_snapshot", "scope", "state", "as_of", order="id") == [
            ("fbo", "dropped", micros(START)),
            ("fbo", "published", micros(START + HOUR)),
            ("fbs", "published", micros(START + HOUR)),
        ]

    def test_pages_of_two_instants_are_never_one_step(self, bench: SyncBench) -> None:
        def move_on(stream: str, number: int) -> None:
            if (stream, number) == ("stock", 1) and bench.market.clock == START:
                bench.market.clock += HOUR
                bench.market.stock["fbo"] = [held("1", "w1", 99)]

        bench.market.on_page = move_on
        assert bench.sync().state == RunState.DONE
        assert {pair: units for pair, units in shown(bench).items() if pair[1] != "s1"} == {("1", "w1"): 99_000}


class TestStops:
    @pytest.mark.usefixtures("page_by_page")
    def test_a_stop_ends_the_run_after_its_step(self, bench: SyncBench) -> None:
        def stop(stream: str, number: int) -> None:
            if (stream, number) == ("orders", 3):
                bench.service.stop(bench.service.overview().running[0].id)

        bench.market.on_page = stop
        run = bench.sync()
        assert (run.state, run.message) == (
            RunState.STOPPED,
            "Stopped by a person. What was loaded stays; the next sync goes on from there.",
        )
        states = {each.stream: each.state for each in run.streams}
        assert (states["stock"], states["orders"], states["sales"]) == (
            StreamState.DONE,
            StreamState.SKIPPED,
            StreamState.SKIPPED,
        )
        # A page is written when the next one does not fit into its step: the request is felt with the page before.
        loaded = len(bench.content()["orders"])
        assert 9 <= loaded <= 12
        assert "sales" not in dict(bench.market.reads)
        bench.market.on_page = lambda stream, number: None
        bench.market.reads.clear()
        assert bench.sync().state == RunState.DONE
        assert f'"next": {loaded // 3}' in str(dict(bench.market.reads)["orders"])
        assert len(bench.content()["orders"]) == 21

    def test_the_end_of_the_program_is_felt_between_streams(self, bench: SyncBench) -> None:
        def end(stream: str, number: int) -> None:
            if stream == "orders":
                bench.service.stopping.set()

        bench.market.on_page = end
        bench.market.fail_before_page["orders:0"] = SourceUnreachableError("fake", path="/fake", problem="cut")
        assert bench.sync().state == RunState.QUEUED
        assert "sales" not in dict(bench.market.reads)
        bench.service.stopping.clear()
        bench.market.on_page = lambda stream, number: None
        assert resume(bench).state == RunState.DONE
        assert len(bench.content()["orders"]) == 21


class TestVerdicts:
    @pytest.fixture
    def large(self, bench: SyncBench) -> SyncBench:
        """A shop that has been read once, and now tells nothing of its stock at the marketplace."""
        bench.market.page_rows = 50
        bench.market.catalogue = [card(str(number)) for number in range(30)]
        bench.market.stock = {
            "fbo": [held(str(number), "w1", 10) for number in range(30)],
            "fbs": [held("1", "s1", 1)],
        }
        bench.sync()
        bench.market.clock += HOUR
        bench.market.stock["fbo"] = []
        return bench

    @pytest.mark.parametrize("died_in", [("orders", 0), ("stock", 1)], ids=["later stream", "later scope"])
    def test_a_scope_held_before_a_crash_is_told(self, large: SyncBench, died_in: tuple[str, int]) -> None:
        crash(large, *died_in)
        run = resume(large)
        assert run.state == RunState.GAPS
        assert "stock: FBO: only 0 of 30 rows came" in (run.message or "")
        assert {each.stream: each.state for each in run.streams}["stock"] == StreamState.HELD
        large.market.clock += HOUR
        assert large.sync().state == RunState.DONE, "a second reading agrees"

    @pytest.mark.usefixtures("page_by_page")
    @pytest.mark.parametrize("died_in", [("sales", 0), ("orders", 4)], ids=["later stream", "later step"])
    def test_rows_rejected_before_a_crash_are_told(self, bench: SyncBench, died_in: tuple[str, int]) -> None:
        bench.market.rejected["orders"] = [RejectedRow("P-BAD", "status: received lost", b"{}")]
        crash(bench, *died_in)
        run = resume(bench)
        assert run.state == RunState.GAPS
        assert "orders: 1 of 22 rows could not be believed" in (run.message or "")

    def test_a_stream_that_failed_before_a_crash_is_read_again(self, bench: SyncBench) -> None:
        bench.market.fail_before_page["catalogue:0"] = SourceUnreachableError("fake", path="/fake", problem="cut")
        crash(bench, "orders", 0)
        assert resume(bench).state == RunState.DONE
        assert len(bench.rows("listing", "id")) == 8

    def test_a_run_asked_for_meanwhile_is_the_crashed_one(self, bench: SyncBench) -> None:
        crash(bench, "orders", 0)
        asked = bench.service.request(trigger=Trigger.SCHEDULE)
        assert [resume(bench).id] == [each.id for each in asked]
        assert bench.service.work_once() is None
