"""Wildberries over days: what is read bit by bit is what one whole reading finds, and stock is the shop's truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from micore.domain.records import (
    CatalogueRecord,
    FinanceKind,
    FinanceRecord,
    OrderRecord,
    OrderState,
    Record,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources.wildberries import WildberriesSource
from tests.unit.sources.clocks import HandClock

STEPS = [timedelta(minutes=30), timedelta(hours=7), timedelta(days=1), timedelta(hours=2), timedelta(days=3)] * 3
"""Pauses between syncs."""


@pytest.fixture
def running() -> Iterator[Running]:
    shop = Shop(seed=11, products=150, days=50, today=date(2026, 10, 1))
    # On the half hour, when Wildberries renews its reports.
    clock = Clock(datetime(2026, 10, 1, 9, 30, tzinfo=UTC), frozen=True)
    with serve_in_thread(shop, clock, limits=False) as running:
        yield running


@pytest.fixture
def source(running: Running) -> Iterator[WildberriesSource]:
    barcodes: dict[str, str] = {}
    options = {"api_token": "token-for-tests", "base_url": running.wildberries_url, "history_days": "50"}
    hand = HandClock()
    tools = replace(
        hand.tools(),
        # Days that pass at the marketplace pass here too.
        monotonic=lambda: hand.seconds + running.clock.jumped_seconds,
        sku_of_barcode=lambda barcode, _: barcodes.get(barcode),
    )
    made = WildberriesSource(options, tools)
    barcodes.update(
        (barcode, record.sku_id)
        for page in made.read("catalogue", None)
        for record in page.records
        if isinstance(record, CatalogueRecord)
        for barcode in record.barcodes
    )
    yield made
    made.close()


def key_of(record: Record) -> tuple[str, ...]:
    """What rows merge on."""
    match record:
        case OrderRecord():
            return record.order_id, record.sku_id
        case SaleRecord():
            return (record.sale_id,)
        case ReturnRecord():
            return record.return_id, record.sku_id
        case SupplyRecord():
            return record.supply_id, record.sku_id
        case FinanceRecord():
            return (record.finance_id,)
        case StorageCostRecord():
            return (record.cost_id,)
    raise AssertionError(f"{record} is of another stream")


def merged(source: WildberriesSource, stream: str, cursor: str | None, into: dict[Any, Any]) -> str:
    """Load a reading as a sync does: rows merge on their keys."""
    for page in source.read(stream, cursor):
        assert not page.rejected
        into.update((key_of(record), record) for record in page.records)
        cursor = page.cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    ("stream", "least"),
    [("orders", 500), ("sales", 500), ("returns", 20), ("supplies", 20), ("finance", 1000), ("storage_cost", 500)],
)
def test_syncing_bit_by_bit_loses_nothing(running: Running, source: WildberriesSource, stream: str, least: int) -> None:
    kept: dict[Any, Any] = {}
    cursor = merged(source, stream, None, kept)
    for step in STEPS:
        running.clock.advance(step.total_seconds())
        cursor = merged(source, stream, cursor, kept)
    at_once: dict[Any, Any] = {}
    merged(source, stream, None, at_once)
    assert len(at_once) > least
    # The whole reading begins later than the first of the small ones did.
    assert {key: record for key, record in kept.items() if key in at_once} == at_once


def test_every_kind_of_order_and_booking_turns_up(source: WildberriesSource) -> None:
    orders: dict[Any, OrderRecord] = {}
    merged(source, "orders", None, orders)
    assert {record.scheme for record in orders.values()} == {"FBW", "FBS"}
    assert {record.state for record in orders.values()} == {OrderState.ORDERED, OrderState.CANCELLED}
    sales: dict[Any, SaleRecord] = {}
    merged(source, "sales", None, sales)
    assert {record.amount > 0 for record in sales.values()} == {True, False}
    assert {record.order_id for record in sales.values()} <= {record.order_id for record in orders.values()}


def test_storage_in_the_reports_is_what_the_goods_cost_by_day(source: WildberriesSource) -> None:
    booked: dict[Any, FinanceRecord] = {}
    costs: dict[Any, StorageCostRecord] = {}
    merged(source, "finance", None, booked)
    merged(source, "storage_cost", None, costs)
    by_day: Counter[str] = Counter()
    for cost in costs.values():
        by_day[cost.day] += cost.amount
    told = {record.day: -record.amount for record in booked.values() if record.kind is FinanceKind.STORAGE}
    both = set(told) & set(by_day)
    assert len(both) > 15
    # The report rounds each day to kopecks.
    assert all(abs(told[day] - by_day[day]) <= 100 for day in both)


def test_finance_tells_of_the_orders_and_sales(source: WildberriesSource) -> None:
    booked: dict[Any, FinanceRecord] = {}
    sales: dict[Any, SaleRecord] = {}
    merged(source, "finance", None, booked)
    merged(source, "sales", None, sales)
    paid: Counter[str] = Counter()
    for record in booked.values():
        if record.kind in (FinanceKind.SALE, FinanceKind.RETURN, FinanceKind.COMMISSION, FinanceKind.ACQUIRING):
            assert record.order_id is not None
            paid[record.order_id] += record.amount
    whole: Counter[str] = Counter()
    for sale in sales.values():
        whole[sale.order_id or ""] += sale.amount
    both = set(paid) & set(whole)
    assert len(both) > 300
    assert sum(abs(paid[each] - whole[each]) > 10_000 for each in both) < len(both) * 0.05


def test_stock_is_the_truth(running: Running, source: WildberriesSource) -> None:
    pages = list(source.read("stock", None))
    seen = {
        (record.sku_id, record.place_id): record.available
        for page in pages
        for record in page.records
        if isinstance(record, StockRecord) and record.available
    }
    listed = {
        record.sku_id
        for page in source.read("catalogue", None)
        for record in page.records
        if isinstance(record, CatalogueRecord) and not record.archived
    }
    goods = running.shop.goods
    sizes = {int(sku): str(chrt_id) for sku, chrt_id in zip(goods.sku, goods.chrt_id, strict=True)}
    places = {"-999999": "wb:Склад WB", "836114": "836114", "941507": "941507"}
    truth = httpx2.get(f"{running.wildberries_url}/simulator/truth", trust_env=False).json()["stock"]
    expected = {
        (sizes[row["sku"]], places[str(row["warehouse_id"])]): row["available"] * 1000
        for row in truth
        if str(row["warehouse_id"]) in places and row["available"] and sizes[row["sku"]] in listed
    }
    assert len(expected) > 80
    assert seen == expected


def test_orders_that_the_statistics_have_forgotten_come_from_the_reports() -> None:
    """What was read while it was young and what is read of it later are the same units."""
    shop = Shop(seed=11, products=60, days=160, today=date(2026, 10, 1))
    clock = Clock(datetime(2026, 7, 20, 9, 30, tzinfo=UTC), frozen=True)
    barcodes: dict[str, str] = {}
    with serve_in_thread(shop, clock, limits=False) as running:
        options = {"api_token": "token-for-tests", "base_url": running.wildberries_url, "history_days": "90"}
        tools = replace(HandClock().tools(), sku_of_barcode=lambda barcode, _: barcodes.get(barcode))
        young = WildberriesSource(options, tools)
        barcodes |= {
            code: record.sku_id
            for page in young.read("catalogue", None)
            for record in page.records
            if isinstance(record, CatalogueRecord)
            for code in record.barcodes
        }
        then: dict[Any, OrderRecord] = {}
        sold: dict[Any, SaleRecord] = {}
        merged(young, "orders", None, then)
        merged(young, "sales", None, sold)
        running.clock.set(datetime(2026, 10, 20, 9, 30, tzinfo=UTC))
        old = WildberriesSource(options | {"history_days": "200"}, tools)
        now: dict[Any, OrderRecord] = {}
        merged(old, "orders", None, now)
        old.close()
        young.close()
    bought = {each.order_id for each in sold.values() if each.amount > 0}
    late = {key: record for key, record in now.items() if record.belated}
    assert len(late) > 200
    assert {key for key in then if key[0] in bought} <= set(now)
    assert all(record.state in (OrderState.DELIVERED, OrderState.RETURNED) for record in late.values())
    both = set(late) & set(then)
    assert len(both) > 100
    day = 86_400 * 1_000_000
    # By the day in Moscow, at the same price.
    moscow = 3 * 3600 * 1_000_000
    assert {(late[key].ordered_at + moscow) // day - (then[key].ordered_at + moscow) // day for key in both} == {0}
    assert all(then[key].price in (None, late[key].price) for key in both)
