"""How SQLite finds rows: it knows no sizes, and must not go through all that an account has for a page of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from micore.domain.records import OrderState
from micore.storage import backfills, finance, funnel, orders
from micore.storage.database import Database
from tests.support.fake_source import order, sale, small_shop
from tests.support.sync_bench import sync_bench

LARGE = ("order_line", "demand_event", "sale", "finance_line", "storage_cost", "funnel_day")


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Every statement that is run meanwhile, with its parameters."""
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen[statement] = parameters

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def through_all(connection: Any, seen: dict[str, Any]) -> list[str]:
    """The statements that go through a large table, or through all that an account has in it."""
    found = []
    for statement, parameters in list(seen.items()):
        of = {
            alias or table for table, alias in re.findall(rf"\b({'|'.join(LARGE)})\b(?: (?:AS )?([a-z])\b)?", statement)
        }
        if "stage_" not in statement or not of:
            continue
        plan = [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
        slow = rf"^(SCAN ({'|'.join(of)})\b|SEARCH ({'|'.join(of)}) .*\(account_id=\?\))"
        found += [f"{line}: {statement}" for line in plan if re.search(slow, line)]
    return found


@pytest.mark.parametrize("received_at", [None, 1])
def test_no_page_of_names_goes_through_all_rows(
    migrated_sqlite_url: str, tmp_path: Path, received_at: int | None
) -> None:
    market = small_shop()
    market.orders = [order(f"P-{number}", "1") for number in range(10)]
    market.sales = [sale(f"B{number}:sale", "1", 1000) for number in range(10)]
    with sync_bench(migrated_sqlite_url, tmp_path, market) as bench, statements() as seen:
        bench.sync()
        market.orders = [row._replace(state=OrderState.DELIVERED) for row in market.orders]
        bench.sync()
        database: Database = bench.database
        with database.write() as connection:
            whole = finance.Whole(1, ["B1", "B2"], received_at)
            finance.forget_sales(connection, whole, ["B1:sale"])
            finance.forget_amounts(connection, whole, ["B1:sale"])
            finance.forget_costs(connection, whole, ["B1:sale"])
            for stream in ("orders", "finance", "storage_cost"):
                backfills.known(connection, 1, stream, ["P-1", "P-2"], received_at=1)
            backfills.known(connection, 1, "funnel", ["2026-11-20:1", "2026-11-20:2"], received_at=1)
            funnel.merge_funnel(connection, 1, [funnel.FunnelRow("1", "2026-11-20", 1, 1, 1, 1, 1, 1, None)], now=1)
            backfills.newer_bookings(connection, 1, ["B1", "B2"], received_at=1)
            orders.settle_orders(connection, 1, ["P-1"], now=1)
            line = orders.OrderRow("P-3", 1, None, "FBO", "returned", 1000, None, None, 1, "2026-11-01", None, None)
            orders.fill_in_orders(connection, 1, [line], now=1)
            assert len([each for each in seen if "stage_" in each]) > 20
            assert through_all(connection, seen) == []
