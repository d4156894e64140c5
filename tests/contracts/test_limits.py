"""The published limits against the simulator, which bans who exceeds them: kept, used, and full again after a storm.

Time is by hand: only waits and the way of a request take any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from micore.errors import SourceGoneError
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources.http import NUMBER, RequestRefusedError
from micore.sources.limits import Rule, SlidingWindow, TokenBucket
from micore.sources.ozon.api import REQUESTS_PER_SECOND, OzonApi
from micore.sources.wildberries import api as wb
from tests.unit.sources.clocks import HandClock

WAY_SECONDS = 0.01
STORM_SECONDS = 600.0


@dataclass(frozen=True)
class Published:
    """A limit, and a request that falls under it."""

    source: str
    burst: int
    interval_seconds: float
    ask: Callable[[Any], object]


def _bytes(body: bytes) -> bytes:
    return body


def _of_method(category: wb.Category, path: str, rule: Rule) -> Published:
    def ask(api: wb.WildberriesApi) -> object:
        asked = path
        if path == wb.STOCKS_PATH:  # of a warehouse that is there, since an error would count ten times
            seen = api.get(category, wb.WAREHOUSES_PATH, {}, msgspec.json.Decoder(list[dict[str, Any]]).decode)
            asked = path.replace(NUMBER, str(seen.value[0]["id"]))
        if path in POSTED:
            return api.post(category, asked, POSTED[path], _bytes, no_content=b"{}")
        return api.get(category, asked, QUERIES.get(path, {}), _bytes, no_content=b"{}")

    if isinstance(rule, SlidingWindow):
        return Published("wildberries", rule.limit, rule.period_seconds / rule.limit, ask)
    assert isinstance(rule, TokenBucket)
    return Published("wildberries", rule.burst, rule.interval_seconds, ask)


POSTED: dict[str, object] = {
    wb.CARDS_PATH: {"settings": {"cursor": {"limit": 1}}},
    wb.STOCKS_PATH: {"chrtIds": [1]},
    wb.WB_STOCK_PATH: {"limit": 1, "offset": 0},
    wb.SELLER_STOCK_PATH: {"limit": 1, "offset": 0},
    wb.SUPPLIES_PATH: {},
    wb.FINANCE_PATH: {"dateFrom": "2026-11-16", "dateTo": "2026-11-18"},
    wb.REPORTS_PATH: {"dateFrom": "2026-11-09", "dateTo": "2026-11-18"},
}
QUERIES: dict[str, dict[str, str | int]] = {
    wb.PRICES_PATH: {"limit": 1, "offset": 0},
    wb.ORDERS_PATH: {"dateFrom": "2026-11-20T08:00:00"},
    wb.SALES_PATH: {"dateFrom": "2026-11-20T08:00:00"},
}
PATHS_OF_CATEGORIES = {wb.Category.CONTENT: wb.CARDS_PATH, wb.Category.PRICES: wb.PRICES_PATH}


def published() -> Iterator[tuple[str, Published]]:
    """Every limit that the sources know, from their own tables: who adds one is asked for it here."""
    yield "ozon", Published("ozon", REQUESTS_PER_SECOND, 1 / REQUESTS_PER_SECOND, lambda api: api.roles())
    yield "ping", _of_method(wb.Category.COMMON, wb.PING_PATH, wb.ping_limit())
    for category in wb.Category:
        limits = wb.limits_of(category)
        rules: list[tuple[str, Rule]] = [(PATHS_OF_CATEGORIES[category], rule) for rule in limits.category]
        rules += [(path, rule) for path, of_path in limits.methods.items() for rule in of_path]
        for path, rule in rules:
            yield f"{category.value} {path}", _of_method(category, path, rule)


@dataclass
class Bench:
    """An account that asks a simulator with limits and bans, on a clock of their own."""

    limit: Published
    running: Running
    clock: HandClock
    api: Any

    def ask(self, times: int) -> float:
        """Ask so often, whatever the answer is; the seconds it takes."""
        began = self.clock.seconds
        for _ in range(times):
            with suppress(RequestRefusedError, SourceGoneError):
                self.limit.ask(self.api)
        return self.clock.seconds - began

    def refused(self) -> int:
        """How often the simulator found a limit exceeded."""
        facts: dict[str, Any] = self.running.simulator.bans.facts()
        return sum(caller["limited"] for caller in facts.values())


@contextmanager
def bench(limit: Published) -> Iterator[Bench]:
    clock = HandClock()
    shop = Shop(seed=7, products=5, days=5, today=date(2026, 11, 20))
    start = Clock(datetime(2026, 11, 20, 9, tzinfo=UTC), frozen=True)

    def on_its_way(*_: object) -> None:
        clock.seconds += WAY_SECONDS

    with serve_in_thread(shop, start, limits=True, monotonic=clock.monotonic, ban_seconds=3600) as running:
        tools = replace(clock.tools(), on_request=on_its_way)
        if limit.source == "ozon":
            api: Any = OzonApi("1234", "key-of-the-tests", running.ozon_url, tools)
        else:
            api = wb.WildberriesApi("key-of-the-tests", running.wildberries_url, tools)
        try:
            yield Bench(limit, running, clock, api)
        finally:
            api.close()


LIMITS = [pytest.param(limit, id=name) for name, limit in published()]


@pytest.mark.parametrize("limit", LIMITS)
def test_no_limit_is_exceeded_and_of_each_19_parts_in_20_are_used(limit: Published) -> None:
    with bench(limit) as account:
        # Whole fillings of it: a window that is used in part looks unused.
        times = limit.burst * max(3, math.ceil(10 / limit.burst)) if limit.source != "ozon" else 30 * limit.burst
        seconds = account.ask(limit.burst + times)
        assert account.refused() == 0, "asked more than is allowed"
        assert times * limit.interval_seconds / seconds >= 0.95


@pytest.mark.parametrize("limit", LIMITS)
def test_after_a_storm_of_ten_minutes_the_whole_limit_is_there_within_one_refill(limit: Published) -> None:
    refill = limit.burst * limit.interval_seconds
    with bench(limit) as account:
        account.ask(limit.burst)
        account.running.simulator.faults.add(f"429:{STORM_SECONDS:g}")
        ends = account.clock.seconds + STORM_SECONDS
        account.ask(1)
        # Who is not told how long looks again now and then, and not so often that it would be banned.
        noticed = account.clock.seconds - ends
        assert 0 <= noticed <= (20.0 if limit.source == "ozon" else 2.0 + limit.interval_seconds)
        account.clock.sleep(refill * 1.01)
        before = len(account.clock.waits)
        account.ask(limit.burst)
        assert account.clock.waits[before:] == []
        assert account.refused() == 0
