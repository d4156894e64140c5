"""The same arguments and the same instant give the same bytes, whatever else was asked before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.clock import DAY_US
from tests.unit.simulator.asking import Ozon, Wildberries
from tests.unit.simulator.conftest import NOON, TODAY

LATER = datetime(2027, 1, 15, 9, 30, tzinfo=UTC)
WILDBERRIES: tuple[tuple[str, str, object, dict[str, str]], ...] = (
    ("GET", "/api/v1/supplier/orders", None, {"dateFrom": "2026-10-01"}),
    ("GET", "/api/v1/supplier/sales", None, {"dateFrom": "2026-10-01"}),
    ("GET", "/api/v3/orders", None, {"limit": "1000", "next": "0"}),
    ("GET", "/api/v3/orders/new", None, {}),
    ("POST", "/api/analytics/v1/order-feed", {"selectedPeriod": {"start": "2027-01-01T00:00:00Z"}}, {}),
    ("POST", "/api/v1/supplies", {}, {}),
    ("GET", "/api/v1/supplies/21000030/goods", None, {}),
    ("GET", "/api/analytics/v1/item-returns", None, {"dateFrom": "2026-12-01", "dateTo": "2026-12-20"}),
    (
        "POST", "/api/analytics/v3/sales-funnel/products",
        {"selectedPeriod": {"start": "2026-12-01", "end": "2026-12-20"}}, {},
    ),
    ("POST", "/api/finance/v1/sales-reports/detailed", {"dateFrom": "2026-12-01", "dateTo": "2026-12-20"}, {}),
)  # fmt: skip
STATES = ["READY_TO_SUPPLY", "IN_TRANSIT", "COMPLETED"]
OZON = (
    ("/v1/returns/list", {"limit": 500, "last_id": 0}),
    ("/v2/returns/rfbs/list", {"limit": 1000, "last_id": 0}),
    ("/v3/supply-order/list", {"filter": {"states": STATES}, "limit": 100, "sort_by": "ORDER_CREATION"}),
    ("/v3/supply-order/get", {"order_ids": ["84000030", "84000300"]}),
    ("/v1/finance/accrual/by-day", {"date": "2026-12-20", "last_id": ""}),
)


def answers(shop: Shop) -> list[bytes]:
    """All answers at one instant behind the history."""
    simulator = Simulator(shop, Clock(LATER, frozen=True), limits=False)
    wildberries, ozon = Wildberries(simulator), Ozon(simulator)
    told = [wildberries.raw(*asked) for asked in WILDBERRIES] + [ozon.raw(*asked) for asked in OZON]
    assert [answer.status for answer in told] == [200] * len(told)
    return [answer.body for answer in told]


@pytest.fixture(scope="module")
def expected() -> list[bytes]:
    return answers(Shop(7, 100, 150, TODAY))


def test_another_shop_of_the_same_arguments_tells_the_same(expected: list[bytes]) -> None:
    assert answers(Shop(7, 100, 150, TODAY)) == expected


def test_a_shop_that_has_seen_the_future_tells_the_same_of_the_past(expected: list[bytes]) -> None:
    shop = Shop(7, 100, 150, TODAY)
    shop.books(shop.start_us + 400 * DAY_US)
    assert answers(shop) == expected


def test_another_seed_tells_other_things(expected: list[bytes]) -> None:
    other = Simulator(Shop(8, 100, 150, TODAY), Clock(NOON, frozen=True), limits=False)
    assert Wildberries(other).raw(*WILDBERRIES[0]).body not in expected
