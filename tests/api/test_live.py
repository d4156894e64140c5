"""Live events: every browser hears of every publish, a slow one is dropped, and nobody holds up the sender."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from micore.domain.run_views import Run, RunState
from micore.services import live as live_module
from micore.services.live import Live
from micore.telemetry import metrics
from tests import seed
from tests.api.conftest import RUN


def parsed(chunk: bytes) -> tuple[str, Any]:
    """Name and data of a chunk; pings have the name ping."""
    lines = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if line[1:].count(": "))
    return lines.get("event", "ping"), json.loads(lines["data"]) if "data" in lines else None


@pytest.fixture
def live() -> Live:
    return Live(lambda: 7, one_process=True)


def test_a_browser_hears_hello_and_every_publish(live: Live) -> None:
    async def work() -> list[tuple[str, Any]]:
        async with live.broadcaster.subscribe() as events:
            heard = [parsed(await anext(events))]
            threading.Thread(
                target=live.stock_published, kwargs={"generation": 8, "as_of": seed.NOW, "source": "ozon"}
            ).start()
            heard.append(parsed(await anext(events)))
            live.stock_published(generation=9, as_of=None, source="ozon")
            heard.append(parsed(await anext(events)))
            return heard

    live.generation()
    assert asyncio.run(work()) == [
        ("hello", {"generation": 7}),
        ("publish", {"generation": 8, "as_of": "2026-11-22T12:00:00Z", "source": "ozon"}),
        ("publish", {"generation": 9, "as_of": None, "source": "ozon"}),
    ]


def test_generations_only_grow(live: Live) -> None:
    assert live.generation() == 7
    live.stock_published(generation=9, as_of=None, source="ozon")
    live.stock_published(generation=8, as_of=None, source="ozon")
    assert live.generation() == 9


def test_with_several_processes_the_database_is_asked_each_time() -> None:
    numbers = iter([3, 4, 4])
    live = Live(lambda: next(numbers), one_process=False)

    async def work() -> list[tuple[str, Any]]:
        assert live.generation() == 3
        async with live.broadcaster.subscribe() as events:
            heard = [parsed(await anext(events))]
            assert live.generation() == 4
            heard.append(parsed(await anext(events)))
            return heard

    assert asyncio.run(work()) == [
        ("hello", {"generation": 3}),
        ("publish", {"generation": 4, "as_of": None, "source": ""}),
    ]


def test_runs_are_told_at_each_state_and_rarely_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    live = Live(lambda: 7, one_process=True, monotonic=lambda: now)
    told: list[Any] = []

    def remember(_event: str, run: Run) -> None:
        told.append((run.state, run.rows_read))

    monkeypatch.setattr(live.broadcaster, "publish_threadsafe", remember)
    live.run_changed(RUN)
    for step in range(20):
        now = 100 + step * 0.05
        live.run_changed(replace(RUN, state=RunState.RUNNING, rows_read=step))
    live.run_changed(replace(RUN, state=RunState.DONE, rows_read=20))
    assert told == [
        (RunState.QUEUED, 0),
        *((RunState.RUNNING, rows) for rows in (0, 5, 10, 15)),
        (RunState.DONE, 20),
    ]


def test_a_slow_browser_is_dropped_and_the_others_are_not(live: Live) -> None:
    dropped = metrics.REGISTRY.get_sample_value("inv_live_dropped_total") or 0

    async def work() -> tuple[list[str], list[str]]:
        async with live.broadcaster.subscribe() as slow, live.broadcaster.subscribe() as quick:
            await anext(slow)
            await anext(quick)
            heard = []
            for generation in range(8, 8 + live_module.QUEUE_EVENTS + 10):
                live.stock_published(generation=generation, as_of=None, source="ozon")
                heard.append(parsed(await anext(quick))[0])
            return [parsed(chunk)[0] async for chunk in slow], heard

    left, heard = asyncio.run(work())
    assert left == []
    assert heard == ["publish"] * (live_module.QUEUE_EVENTS + 10)
    assert (metrics.REGISTRY.get_sample_value("inv_live_dropped_total") or 0) == dropped + 1
    assert metrics.REGISTRY.get_sample_value("inv_live_clients") == 0


def test_nobody_listening_costs_nothing(live: Live) -> None:
    started = time.process_time()
    for generation in range(8, 5000):
        live.stock_published(generation=generation, as_of=None, source="ozon")
    assert time.process_time() - started < 1


def test_silence_is_filled_with_pings(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "PING_SECONDS", 0.01)

    async def work() -> list[str]:
        async with live.broadcaster.subscribe() as events:
            return [parsed(await anext(events))[0] for _ in range(3)]

    assert asyncio.run(work()) == ["hello", "ping", "ping"]


def test_the_end_ends_every_stream(live: Live) -> None:
    async def work() -> list[str]:
        async with live.broadcaster.subscribe() as events:
            await anext(events)
            live.broadcaster.close()
            return [parsed(chunk)[0] async for chunk in events]

    assert asyncio.run(work()) == []
