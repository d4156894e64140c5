"""A process killed while its report is being made: the next one fetches the same report, and orders none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from micore.simulator import Clock, Running, Shop, serve_in_thread
from tests.faults.test_sync_by_command import Installation

CREATE = "/v1/report/placement/by-products/create"
INFO = "/v1/report/info"
PATIENCE_SECONDS = 180


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


def test_a_report_is_never_ordered_twice(tmp_path: Path, market: Running) -> None:
    shop = Installation(tmp_path, market.ozon_url)
    killed = shop.start("sync", "--source", "ozon", "--stream", "storage_cost")
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while asked(market, INFO) == 0:
            assert killed.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        killed.kill()
        said, _ = killed.communicate()
    assert asked(market, CREATE) == 1
    market.clock.advance(200)
    code, said = shop.run("sync", "--source", "ozon", "--stream", "storage_cost")
    assert code == 0, said
    assert asked(market, CREATE) == 1
    with shop.database() as database, database.read() as connection:
        rows, days = connection.execute(text("SELECT count(*), count(DISTINCT stored_day) FROM storage_cost")).one()
    assert rows > 100
    assert days == 31
