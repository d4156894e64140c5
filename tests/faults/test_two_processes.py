"""Two processes on one database: what one keeps in memory the other does not know; what it locks, it does."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from micore.domain.records import RejectedRow
from micore.domain.run_views import StreamState, Trigger
from micore.services import replay
from micore.services.quarantine import Quarantine
from micore.simulator import Clock, Shop, serve_in_thread
from micore.sources.base import Reread, Stream
from micore.storage.database import Database
from micore.storage.quarantine_desk import RowFilter
from tests.support.fake_source import FakeMarketplace, order, sale, small_shop
from tests.support.real_sync import OPTIONS, Addresses, installed
from tests.support.sync_bench import sync_bench
from tests.unit.sources.clocks import HandClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
BEGAN_SECONDS = 1000.0
SYNCS = 2
"""Of each process."""
LOOK_SECONDS, REST_SECONDS = 0.1, 0.5
"""Who has worked rests a while, so that the other one takes its turn."""
PATIENCE_SECONDS = 120.0

spawning = multiprocessing.get_context("spawn")


class SharedClock(HandClock):
    """A clock by hand that several processes move together."""

    def __init__(self, shared: Any) -> None:
        self._shared = shared
        super().__init__(shared.value)

    @property
    def seconds(self) -> float:
        return float(self._shared.value)

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._shared.value = seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - BEGAN_SECONDS)


@contextmanager
def ended(processes: Sequence[SpawnProcess]) -> Iterator[None]:
    """Start processes; at the end of the block they must end by themselves, and well."""
    for each in processes:
        each.start()
    try:
        yield
        for each in processes:
            each.join(PATIENCE_SECONDS)
        assert [each.exitcode for each in processes] == [0] * len(processes)
    finally:
        for each in processes:
            each.kill()


# --- limits -------------------------------------------------------------------------------------------------------


def sync_in_turn(source: str, market: Addresses, url: str, root: Path, shared: Any, told: Any) -> None:
    """A process: as many syncs as it is to do, whenever the other one works on none."""
    clock = SharedClock(shared)
    worked: list[tuple[int, set[StreamState]]] = []
    with installed(market, source, url, root, clock=clock, now=clock.now, owner=root.name, renewing=True) as micore:
        while len(worked) < SYNCS:
            micore.service.request(trigger=Trigger.BUTTON)
            run = micore.service.work_once()
            if run is not None:
                worked.append((run.id, {each.state for each in run.streams}))
            time.sleep(LOOK_SECONDS if run is None else REST_SECONDS)
    told.put((root.name, worked))


@pytest.mark.parametrize("source", OPTIONS)
def test_two_processes_that_take_turns_keep_the_limits_of_their_account(
    source: str, migrated_postgres_url: str, tmp_path: Path
) -> None:
    shared, told = spawning.Value("d", BEGAN_SECONDS), spawning.Queue()
    clock = SharedClock(shared)
    shop = Shop(seed=7, products=15, days=20, today=date(2026, 11, 20))
    marketplace_clock = Clock(START, real_us=lambda: round(clock.seconds * 1e6))
    with serve_in_thread(shop, marketplace_clock, monotonic=clock.monotonic, ban_seconds=3600) as running:
        market = Addresses(running.ozon_url, running.wildberries_url)
        processes = [
            spawning.Process(
                target=sync_in_turn, args=(source, market, migrated_postgres_url, tmp_path / name, shared, told)
            )
            for name in ("one", "other")
        ]
        with ended(processes):
            worked = dict(told.get(timeout=PATIENCE_SECONDS) for _ in processes)
        facts: dict[str, Any] = running.simulator.bans.facts()
    assert sum(caller["limited"] for caller in facts.values()) == 0, "asked more than is allowed"
    assert {state for runs in worked.values() for _, states in runs for state in states} == {StreamState.DONE}
    one, other = ([run_id for run_id, _ in worked[name]] for name in ("one", "other"))
    assert len({*one, *other}) == 2 * SYNCS, "no run was worked on twice"
    assert min(one) < max(other) and min(other) < max(one), "they took turns"


# --- asked while it is being closed -------------------------------------------------------------------------------


def ask_for_a_replay(url: str, root: Path, ready: Any, go: Any, asked: Any) -> None:
    """A process: has the orders in quarantine tried again, when it is told to."""
    with sync_bench(url, root, FakeMarketplace()) as bench:
        desk = Quarantine(bench.service)
        ready.set()
        assert go.wait(PATIENCE_SECONDS)
        desk.replay(RowFilter(stream="orders"), trigger=Trigger.BUTTON)
        asked.set()


def is_waited_for(database: Database) -> bool:
    """Whether somebody waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())


def test_what_another_process_asks_while_a_replay_is_being_closed_is_tried(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, go, asked = spawning.Event(), spawning.Event(), spawning.Event()
    asking = spawning.Process(
        target=ask_for_a_replay, args=(migrated_postgres_url, tmp_path / "asks", ready, go, asked)
    )
    with sync_bench(migrated_postgres_url, tmp_path / "works", small_shop()) as bench, ended([asking]):
        rows = {"orders": RejectedRow("P-N", "barcode", b"order"), "sales": RejectedRow("A-N", "barcode", b"sale")}
        bench.market.rejected = {stream: [row] for stream, row in rows.items()}
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads = {b"order": Reread([order("P-N", "3")]), b"sale": Reread([sale("A-N", "3", 5)])}
        look = replay.accounts_to_replay

        def looked(connection: Connection, source: str, streams: Sequence[Stream]) -> Sequence[int]:
            found = look(connection, source, streams)
            if not found and not go.is_set():
                # Nothing more is asked, so the run will be closed: the very moment for somebody to ask.
                go.set()
                until = time.monotonic() + PATIENCE_SECONDS
                while not (asked.is_set() or is_waited_for(bench.database)):
                    assert time.monotonic() < until
                    time.sleep(LOOK_SECONDS)
            return found

        monkeypatch.setattr(replay, "accounts_to_replay", looked)
        assert ready.wait(PATIENCE_SECONDS)
        Quarantine(bench.service).replay(RowFilter(stream="sales"), trigger=Trigger.BUTTON)
        assert bench.service.work_once() is not None
        assert asked.wait(PATIENCE_SECONDS)
        while bench.service.work_once() is not None:
            pass
        assert sorted(bench.rows("quarantine", "row_key", "state", "attempts")) == [
            ("A-N", "loaded", 1),
            ("P-N", "loaded", 1),
        ]
