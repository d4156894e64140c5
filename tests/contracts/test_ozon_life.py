"""Ozon over days: what is read bit by bit is what a single whole reading finds, and stock is the shop's truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from micore.domain.records import (
    FinanceRecord,
    OrderRecord,
    OrderState,
    PlaceRecord,
    ReturnRecord,
    ReturnState,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
    SupplyState,
)
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources.ozon import OzonSource
from tests.unit.sources.clocks import HandClock

STEPS = [timedelta(minutes=15), timedelta(hours=7), timedelta(days=1), timedelta(hours=2), timedelta(days=3)] * 3 + [
    timedelta(days=16),
    timedelta(hours=1),
    timedelta(days=7),
]
"""Pauses between syncs; the last one lets the weekly look back fall due."""


@pytest.fixture
def running() -> Iterator[Running]:
    shop = Shop(seed=6, products=90, days=50, today=date(2026, 10, 1))
    clock = Clock(datetime(2026, 10, 1, 9, 20, tzinfo=UTC), frozen=True)
    with serve_in_thread(shop, clock, limits=False) as running:
        yield running


@pytest.fixture
def hand() -> HandClock:
    """Our own clock."""
    return HandClock()


@pytest.fixture
def source(running: Running, hand: HandClock) -> Iterator[OzonSource]:
    options = {"client_id": "1", "api_key": "key-for-tests", "base_url": running.ozon_url, "history_days": "50"}
    made = OzonSource(options, hand.tools())
    yield made
    made.close()


Kept = OrderRecord | SaleRecord | ReturnRecord | SupplyRecord | FinanceRecord | StorageCostRecord


def key_of(record: Kept) -> tuple[str, ...]:
    """What identifies a record."""
    match record:
        case OrderRecord():
            return record.order_id, record.sku_id
        case SaleRecord():
            return "sale", record.sale_id
        case FinanceRecord():
            return "amount", record.finance_id
        case StorageCostRecord():
            return (record.cost_id,)
        case ReturnRecord():
            return record.return_id, record.sku_id
        case SupplyRecord():
            return record.supply_id, record.sku_id


def merged(source: OzonSource, stream: str, cursor: str | None, into: dict[Any, Any]) -> str:
    """Load a reading as a sync does: rows merge on their keys."""
    for page in source.read(stream, cursor):
        assert not page.rejected
        for record in page.records:
            assert isinstance(record, Kept)
            into[key_of(record)] = record
        cursor = page.cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    ("stream", "some"), [("orders", 500), ("finance", 2000), ("storage_cost", 500), ("returns", 40), ("supplies", 20)]
)
def test_syncing_bit_by_bit_loses_nothing(
    running: Running, source: OzonSource, hand: HandClock, stream: str, some: int
) -> None:
    kept: dict[Any, Any] = {}
    cursor = merged(source, stream, None, kept)
    for step in STEPS:
        running.clock.advance(step.total_seconds())
        hand.seconds += step.total_seconds()
        cursor = merged(source, stream, cursor, kept)
    at_once: dict[Any, Any] = {}
    merged(source, stream, None, at_once)
    assert len(at_once) > some
    # The whole reading begins later than the first of the small ones did.
    assert {key: record for key, record in kept.items() if key in at_once} == at_once


def test_every_kind_of_order_turns_up(source: OzonSource) -> None:
    kept: dict[Any, OrderRecord] = {}
    merged(source, "orders", None, kept)
    assert {record.scheme for record in kept.values()} == {"FBO", "FBS", "rFBS"}
    states = {record.state for record in kept.values()}
    assert states == {OrderState.ORDERED, OrderState.SHIPPED, OrderState.DELIVERED, OrderState.CANCELLED}


def test_every_state_of_returns_and_supplies_turns_up(running: Running, source: OzonSource) -> None:
    seen: set[ReturnState | SupplyState] = set()
    schemes: set[str] = set()
    cursors: dict[str, str | None] = {"returns": None, "supplies": None}
    for _ in range(20):
        for stream, cursor in cursors.items():
            for page in source.read(stream, cursor):
                for record in page.records:
                    assert isinstance(record, (ReturnRecord, SupplyRecord))
                    assert record.quantity is None or record.quantity > 0
                    seen.add(record.state)
                    if isinstance(record, ReturnRecord):
                        schemes.add(record.scheme)
                        assert (record.quantity is None) == (record.scheme == "rFBS")
                cursors[stream] = page.cursor
        running.clock.advance(timedelta(hours=16).total_seconds())
    assert schemes == {"FBO", "FBS", "rFBS"}
    # The simulated seller cancels no supply.
    assert seen == {*ReturnState, *SupplyState} - {SupplyState.CANCELLED}


def test_stock_is_the_truth(running: Running, source: OzonSource) -> None:
    seen = {
        (record.sku_id, record.place_id): (record.available, record.reserved)
        for page in source.read("stock", None)
        for record in page.records
        if isinstance(record, StockRecord)
    }
    places = {
        record.place_id: record.scheme
        for page in source.read("warehouses", None)
        for record in page.records
        if isinstance(record, PlaceRecord)
    }
    truth = httpx2.get(f"{running.ozon_url}/simulator/truth", trust_env=False).json()["stock"]
    checked = 0
    for row in truth:
        place_id = str(row["warehouse_id"])
        if place_id not in places:
            continue  # Wildberries'
        available, reserved = seen.pop((str(row["sku"]), place_id), (0, None))
        assert available == row["available"] * 1000
        # Ozon does not tell what is reserved in its own warehouses.
        assert reserved == (None if places[place_id] == "FBO" or reserved is None else row["reserved"] * 1000)
        checked += 1
    assert checked > 100
    assert seen == {}
