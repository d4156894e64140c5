"""What tells Wildberries' clock: any answer; /ping, which programs are not meant to ask, only where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from micore.sources.wildberries.api import YOUNG_SECONDS, Category, WildberriesApi
from micore.sources.wildberries.supplies import recent_supplies
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Says
from tests.unit.sources.wildberries.fake_wildberries import FINANCE, WAREHOUSES, Bench, bench
from tests.unit.sources.wildberries.rows import stored, supply

STREAMS_THAT_BEGIN_AT_AN_INSTANT = ("orders", "sales", "returns", "supplies", "finance", "storage_cost", "funnel")


@pytest.fixture
def wb() -> Iterator[Bench]:
    with bench() as made:
        yield made


def pings(wb: Bench) -> int:
    return len(wb.shop.paths("/ping"))


@pytest.mark.parametrize("stream", STREAMS_THAT_BEGIN_AT_AN_INSTANT)
def test_after_any_answer_no_reading_asks_ping(wb: Bench, stream: str) -> None:
    wb.shop.stored = [stored(1)]
    wb.source.account()
    assert wb.read(stream)[-1].done
    assert pings(wb) == 0


def test_ping_is_asked_where_nothing_came_for_a_minute(wb: Bench) -> None:
    wb.read("finance")
    assert pings(wb) == 1, "nothing had been asked yet"
    wb.clock.seconds += YOUNG_SECONDS - 1
    wb.read("finance")
    assert pings(wb) == 1
    wb.clock.seconds += YOUNG_SECONDS
    wb.read("finance")
    assert pings(wb) == 2


def test_an_instant_that_was_heard_is_never_ahead(wb: Bench) -> None:
    wb.source.account()
    heard = wb.shop.clock.now()
    wb.clock.seconds += YOUNG_SECONDS - 1
    (page,) = wb.read("finance")
    assert page.as_of == heard.replace(microsecond=0) <= wb.shop.clock.now() - timedelta(seconds=YOUNG_SECONDS - 1)


def test_an_answer_without_a_date_tells_nothing_of_the_clock(wb: Bench) -> None:
    wb.shop.instead[WAREHOUSES] = lambda asked: Says([], headers={"Date": ""})
    wb.read("warehouses")
    wb.read("finance")
    assert pings(wb) == 1


def test_a_day_that_has_been_read_is_not_asked_about_again(wb: Bench) -> None:
    wb.shop.stored = [stored(1)]
    read = wb.read("storage_cost")
    wb.shop.asked.clear()
    wb.clock.seconds += 1
    (nothing,) = wb.read("storage_cost", read[-1].cursor)
    assert wb.shop.asked == []
    assert (nothing.raw.body, nothing.raw.endpoint, nothing.done) == (b"", "GET /api/v1/paid_storage", True)
    assert wb.shop.paths(FINANCE) == []


# --- how often ----------------------------------------------------------------------------------------------------


def ping_rules(base_url: str) -> dict[str, Any]:
    """What an API keeps for /ping after each of its hosts was connected to."""
    kept: dict[str, Any] = {}

    def keep(name: str, make: Callable[[], Any]) -> Any:
        return kept.setdefault(name, make())

    api = WildberriesApi("token-for-tests", base_url, replace(HandClock().tools(), keep=keep))
    for category in Category:
        api._client(category)
    api.close()
    return {name: rule for name, rule in kept.items() if "/ping" in name}


def test_each_host_counts_its_own_pings() -> None:
    rules = ping_rules("")
    assert set(rules) == {f"limit of /ping at https://{category.value}.wildberries.ru" for category in Category}
    assert len({id(rule) for rule in rules.values()}) == len(Category)


def test_one_address_for_all_hosts_is_one_host() -> None:
    assert set(ping_rules("http://127.0.0.1:1")) == {"limit of /ping at http://127.0.0.1:1"}


def test_a_fourth_ping_waits_until_half_a_minute_has_passed(wb: Bench) -> None:
    api = WildberriesApi("token-for-tests", wb.server.url, wb.clock.tools())
    for _ in range(4):
        api._told_now = None
        api.now(Category.COMMON)
    api.close()
    assert sum(wb.clock.waits) == pytest.approx(30.01, abs=0.005)


def test_supplies_are_counted_by_the_marketplaces_day_where_our_clock_is_wrong(wb: Bench) -> None:
    wb.shop.supplies = [supply(number, statusID=5) for number in range(3)]
    fast = replace(wb.clock.tools(), now=lambda: wb.clock.now() + timedelta(days=400))
    api = WildberriesApi("token-for-tests", wb.server.url, fast)
    try:
        assert recent_supplies(api) == 3
    finally:
        api.close()
