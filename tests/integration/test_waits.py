"""A run that waits for its marketplace's limit says until when, to whoever watches it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from micore.cli.progress import _shown
from micore.domain.instants import micros
from micore.domain.run_views import Run, RunState
from micore.services.sync_tools import SHOWN_WAIT_SECONDS
from micore.sources.base import Page
from micore.storage import runs
from tests.support.fake_source import START, FakeSource, small_shop
from tests.support.sync_bench import SyncBench, sync_bench


class WaitingSource(FakeSource):
    """Has to wait before it reads the orders."""

    seconds: ClassVar[float] = 42.0

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream == "orders":
            self._tools.on_throttled("fake", self.seconds)
        return super().read(stream, cursor, full=full)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    with sync_bench(migrated_url, tmp_path, small_shop(), kind=WaitingSource) as made:
        yield made


def watch_orders(bench: SyncBench) -> list[Run]:
    """Fills up with the run as it is seen at each page of the orders."""
    seen: list[Run] = []

    def look(stream: str, number: int) -> None:
        if stream == "orders":
            seen.append(bench.service.run(1))

    bench.market.on_page = look
    return seen


def test_a_long_wait_is_told_while_it_lasts(bench: SyncBench) -> None:
    seen = watch_orders(bench)
    ended = bench.sync()
    until = seen[0].waits_until
    assert until is not None and seen[0].state == RunState.RUNNING
    assert timedelta(seconds=30) < until - START < timedelta(seconds=300)
    assert bench.told.runs.count(1) > 0
    assert ended.waits_until is None, "a run that has ended waits for nothing"
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'running'")
        assert runs.get_run(connection, 1, now=micros(until) - 1).waits_until == until
        assert runs.get_run(connection, 1, now=micros(until)).waits_until is None


def test_whoever_watches_hears_of_it_at_once(bench: SyncBench) -> None:
    heard: list[Run] = []
    bench.told.run_changed = lambda run_id: heard.append(bench.service.run(run_id))  # type: ignore[method-assign]
    bench.sync()
    first = next(run for run in heard if run.waits_until is not None)
    assert next(each.rows_read for each in first.streams if each.stream == "orders") == 0


def test_a_short_wait_is_not_worth_telling(bench: SyncBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaitingSource, "seconds", SHOWN_WAIT_SECONDS - 0.1)
    bench.sync()
    assert bench.rows("run", "waits_until") == [(None,)]


def test_who_takes_a_run_over_does_not_wait_for_what_another_waited_for(bench: SyncBench) -> None:
    bench.sync()
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'queued'")
        assert runs.claim(connection, owner="other", now=micros(START)) is not None
    assert bench.rows("run", "waits_until") == [(None,)]


def test_the_terminal_says_until_when(bench: SyncBench) -> None:
    seen = watch_orders(bench)
    bench.sync()
    console = Console(width=160)
    with console.capture() as captured:
        console.print(_shown(seen[0], ""))
    until = seen[0].waits_until
    assert until is not None
    assert f"waits for the marketplace's limit on requests until {until.astimezone():%H:%M:%S}" in captured.get()
