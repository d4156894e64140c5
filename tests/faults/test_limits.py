"""Limits over whole syncs: several processes of one account, and a storm of refusals in the middle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from micore.domain.instants import micros
from micore.domain.run_views import Run, StreamState, Trigger
from micore.errors import ReportPendingError, SourceProtocolError
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage import runs
from tests.support.real_sync import OPTIONS, Installation, installed
from tests.unit.sources.clocks import HandClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@contextmanager
def market_on(hand: HandClock) -> Iterator[Running]:
    """A marketplace that counts requests on the same clock as its clients, and bans for an hour."""
    shop = Shop(seed=7, products=30, days=20, today=date(2026, 11, 20))
    clock = Clock(START, frozen=True)
    with serve_in_thread(shop, clock, limits=True, monotonic=hand.monotonic, ban_seconds=3600) as running:
        yield running


def came_through(run: Run) -> bool:
    """All was read, but for the report that the simulator makes by its own clock, which stands still here."""
    return all(each.state == StreamState.DONE for each in run.streams if each.stream != "storage_cost")


def refused(market: Running) -> int:
    """How often a limit was exceeded."""
    facts: dict[str, Any] = market.simulator.bans.facts()
    return sum(caller["limited"] for caller in facts.values())


@pytest.mark.parametrize("source", OPTIONS)
def test_processes_that_follow_each_other_keep_the_limits_together(
    source: str, migrated_url: str, tmp_path: Path
) -> None:
    """Each process that begins knows nothing of what the one before has asked a second ago."""
    hand = HandClock()
    began = hand.seconds

    def now() -> datetime:
        return START + timedelta(seconds=hand.seconds - began)

    with market_on(hand) as market, ExitStack() as stack:

        def process(name: str) -> Installation:
            root = tmp_path / name
            return stack.enter_context(
                installed(market, source, migrated_url, root, clock=hand, now=now, owner=name, renewing=True)
            )

        first, second = process("first"), process("second")
        for each in (first, second, second, first, process("third"), first):
            assert came_through(each.sync())
        _leave_half_done(first, now)
        assert came_through(_taken_over(process("fourth"), now))
        assert refused(market) == 0


def _leave_half_done(process: Installation, now: Callable[[], datetime]) -> None:
    """Begin a run, ask what a sync asks first, and be gone without a word."""
    process.service.request(trigger=Trigger.BUTTON)
    with process.database.write() as connection:
        claimed = runs.claim(connection, owner="first", now=micros(now()), sources=[process.source])
    assert claimed is not None
    slot = process.service.sources[process.source]
    assert slot.open is not None
    source = slot.open(process.service.tool_box.tools(claimed, process.source))
    source.account()
    for stream in source.streams:
        # Orders whose barcodes belong to no account yet, and the report that is not made while the clock stands.
        with suppress(SourceProtocolError, ReportPendingError):
            deque(source.read(stream.name, None), maxlen=0)
    source.close()


def _taken_over(process: Installation, now: Callable[[], datetime]) -> Run:
    with process.database.write() as connection:
        runs.release_orphans(connection, now=micros(now()))
    return process.sync()


def test_whole_syncs_need_no_ping(migrated_sqlite_url: str, tmp_path: Path) -> None:
    hand = HandClock()
    with (
        market_on(hand) as market,
        installed(
            market, "wildberries", migrated_sqlite_url, tmp_path, clock=hand, now=market.clock.now
        ) as installation,
    ):
        for _ in range(3):
            assert came_through(installation.sync())
        asked = market.simulator.stats.requests
        assert asked["GET /api/v1/seller-info"] == 3
        assert asked["GET /ping"] == 0


@pytest.mark.parametrize("source", OPTIONS)
def test_a_sync_comes_through_a_storm_of_ten_minutes(source: str, migrated_sqlite_url: str, tmp_path: Path) -> None:
    hand = HandClock()
    with (
        market_on(hand) as market,
        installed(market, source, migrated_sqlite_url, tmp_path, clock=hand, now=market.clock.now) as installation,
    ):
        began = hand.seconds
        calm = installation.sync()
        assert came_through(calm), calm.message
        calm_seconds, before = hand.seconds - began, installation.content()
        hand.sleep(600)
        market.simulator.faults.add("429:600")
        began = hand.seconds
        assert came_through(installation.sync())
        # A bucket of Wildberries' reports fills in ten minutes; the storm has left it at least what a sync needs.
        assert 600 <= hand.seconds - began <= 600 + calm_seconds + 60
        assert installation.content() == before
        assert refused(market) == 0
