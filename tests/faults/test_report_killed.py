"""A process killed around the order of a report, or not answered to it: the report is fetched, not ordered twice."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from micore.simulator import Clock, Running, Shop, serve_in_thread
from tests.faults.test_sync_by_command import Installation

CREATE = "/v1/report/placement/by-products/create"
INFO, LIST = "/v1/report/info", "/v1/report/list"
STORAGE = "/api/v1/paid_storage"
STREAM = ("--stream", "storage_cost")
TOKEN = "a-token-of-tests"
PATIENCE_SECONDS = 180
LOOK_SECONDS = 0.3


@pytest.fixture
def market() -> Iterator[Running]:
    """With its limits: reports take their time, by its own clock."""
    shop = Shop(seed=7, products=60, days=40, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(datetime(2026, 11, 20, 9, tzinfo=UTC), frozen=True)) as running:
        yield running


def asked(market: Running, path: str) -> int:
    """How often, by the simulator's own count."""
    stats: dict[str, Any] = httpx2.get(f"{market.ozon_url}/simulator/stats", trust_env=False).json()
    return sum(int(told["requests"]) for name, told in stats["paths"].items() if name.endswith(path))


def wait_until(when: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not when():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(LOOK_SECONDS)


def killed(shop: Installation, arguments: tuple[str, ...], when: Callable[[], bool]) -> None:
    """Begin a command and kill it as soon as something is so."""
    process = shop.start(*arguments)
    try:
        wait_until(when, process)
    finally:
        process.kill()
        process.communicate()


def long_ago(shop: Installation) -> None:
    """Let the death lie an hour back: nothing is waited for that was asked before it."""
    with shop.database() as database, database.write() as connection:
        assert connection.execute(
            text("UPDATE run SET lease_until = lease_until - 3600000000 WHERE state = 'running'")
        ).rowcount
        for stream, cursor in connection.execute(text("SELECT stream, cursor FROM stream_state")).all():
            kept = json.loads(cursor)
            told = json.loads(kept["source"])
            if "asked" in told:
                told["asked"] = (datetime.fromisoformat(told["asked"]) - timedelta(hours=1)).isoformat()
                connection.execute(
                    text("UPDATE stream_state SET cursor = :cursor WHERE stream = :stream"),
                    {"cursor": json.dumps({**kept, "source": json.dumps(told)}), "stream": stream},
                )


def loaded_days(shop: Installation) -> int:
    with shop.database() as database, database.read() as connection:
        return int(connection.execute(text("SELECT count(DISTINCT stored_day) FROM storage_cost")).scalar_one())


@pytest.mark.parametrize("again", [(), ("--full",)], ids=["", "full"])
def test_a_report_is_never_ordered_twice(tmp_path: Path, market: Running, again: tuple[str, ...]) -> None:
    shop = Installation(tmp_path, market.ozon_url)
    killed(shop, ("sync", "--source", "ozon", *STREAM), lambda: asked(market, INFO) > 0)
    assert asked(market, CREATE) == 1
    market.clock.advance(200)
    code, said = shop.run("sync", "--source", "ozon", *STREAM, *again)
    assert code == 0, said
    assert asked(market, CREATE) == 1
    assert loaded_days(shop) == 31


def test_killed_between_the_order_and_its_answer_the_next_one_finds_the_order(tmp_path: Path, market: Running) -> None:
    shop = Installation(tmp_path, market.ozon_url)
    market.simulator.faults.add(f"lost@{CREATE}x1")
    killed(shop, ("sync", "--source", "ozon", *STREAM), lambda: asked(market, CREATE) > 0)
    market.clock.advance(200)
    code, said = shop.run("sync", "--source", "ozon", *STREAM)
    assert code == 0, said
    assert asked(market, CREATE) == 1
    assert loaded_days(shop) == 31


@pytest.mark.parametrize("fault", ["504", "cut"])
def test_an_order_of_which_only_the_answer_is_lost_is_found_in_the_same_sync(
    tmp_path: Path, market: Running, fault: str
) -> None:
    shop = Installation(tmp_path, market.ozon_url)
    market.simulator.faults.add(f"{fault}@{CREATE}x1")
    process = shop.start("sync", "--source", "ozon", *STREAM)
    try:
        wait_until(lambda: asked(market, LIST) > 0, process)
        market.clock.advance(200)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert asked(market, CREATE) == 1
    assert loaded_days(shop) == 31


@pytest.fixture
def day(tmp_path: Path, market: Running) -> Installation:
    """Reads one day of Wildberries' storage: one report."""
    settings = {
        "MICORE_OZON_CLIENT_ID": "",
        "MICORE_OZON_API_KEY": "",
        "MICORE_WILDBERRIES_API_TOKEN": TOKEN,
        "MICORE_WILDBERRIES_BASE_URL": market.wildberries_url,
        "MICORE_WILDBERRIES_HISTORY_DAYS": "1",
    }
    return Installation(tmp_path, market.ozon_url, settings)


def test_wildberries_report_that_stands_ordered_is_fetched_by_a_reading_of_everything(
    day: Installation, market: Running
) -> None:
    killed(day, ("sync", "--source", "wildberries", *STREAM), lambda: asked(market, "/status") > 0)
    long_ago(day)
    market.clock.advance(200)
    code, said = day.run("sync", "--source", "wildberries", *STREAM, "--full")
    assert code == 0, said
    assert asked(market, STORAGE) == 1
    assert loaded_days(day) == 1


def test_wildberries_order_that_nobody_knows_of_is_repeated_once_and_said(day: Installation, market: Running) -> None:
    market.simulator.faults.add(f"lost@{STORAGE}x1")
    killed(day, ("sync", "--source", "wildberries", *STREAM), lambda: asked(market, STORAGE) > 0)
    long_ago(day)
    market.clock.advance(3600)
    process = day.start("sync", "--source", "wildberries", *STREAM)
    try:
        wait_until(lambda: asked(market, "/status") > 0, process)
        market.clock.advance(200)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "source_ordered_again" in said
    assert asked(market, STORAGE) == 2
    assert loaded_days(day) == 1
