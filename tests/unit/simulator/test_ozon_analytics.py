"""Ozon's charts as the simulator tells them: once a minute, an hour behind, by the day of creation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest

from micore.simulator import Clock, Running, Shop, serve_in_thread

ASKED = {
    "date_from": "2026-11-18",
    "date_to": "2026-11-20",
    "dimension": ["day"],
    "metrics": ["ordered_units", "revenue"],
    "limit": 1000,
}


@pytest.fixture(scope="module")
def running() -> Any:
    shop = Shop(seed=7, products=120, days=30, today=date(2026, 11, 20))
    clock = Clock(datetime(2026, 11, 20, 15, 30, tzinfo=UTC), frozen=True)
    with serve_in_thread(shop, clock, limits=False) as made:
        yield made


def ask(running: Running, path: str = "/v1/analytics/data", **changed: Any) -> httpx2.Response:
    headers = {"Client-Id": "1", "Api-Key": "k"}
    return httpx2.post(running.ozon_url + path, json={**ASKED, **changed}, headers=headers, trust_env=False)


def test_sums_are_those_of_the_days_and_of_the_skus(running: Running) -> None:
    days, skus = (ask(running, dimension=[each]).json() for each in ("day", "sku"))
    assert days["timestamp"] == "2026-11-20 18:00:00"
    assert days["result"]["totals"] == [pytest.approx(total) for total in skus["result"]["totals"]]
    assert [row["dimensions"][0]["id"] for row in days["result"]["data"]] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert sum(row["metrics"][0] for row in days["result"]["data"]) == days["result"]["totals"][0] > 0


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": 1001},
        {"dimension": ["brand"]},
        {"metrics": ["hits_view"]},
        {"date_from": "2026-01-01"},
        {"date_to": "x"},
    ],
)
def test_what_needs_a_subscription_or_makes_no_sense_is_refused(running: Running, changed: dict[str, Any]) -> None:
    assert ask(running, **changed).status_code == 400


def test_it_may_be_asked_once_a_minute() -> None:
    shop, at = Shop(seed=7, products=20, days=5, today=date(2026, 11, 20)), {"now": 0.0}
    clock = Clock(datetime(2026, 11, 20, 15, 30, tzinfo=UTC), frozen=True)
    with serve_in_thread(shop, clock, monotonic=lambda: at["now"]) as running:
        assert ask(running).status_code == 200
        at["now"] = 59.0
        assert ask(running).status_code == 429
        at["now"] = 121.0
        assert ask(running).status_code == 200
