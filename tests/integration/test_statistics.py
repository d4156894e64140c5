"""PostgreSQL's planner knows how large the tables of a sync are before it joins them.

Without that it takes them for a handful of rows and compares all with all. The test asks for what the planner knows,
not how long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from micore.storage import stock
from tests.support.fake_source import card, held, order, sale, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

ROWS = 300


@pytest.fixture
def bench(migrated_postgres_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.page_rows = 1000
    market.catalogue = [card(str(number)) for number in range(ROWS)]
    market.stock = {"fbo": [held(str(number), "w1", number) for number in range(ROWS)], "fbs": []}
    market.orders = [order(f"P-{number}", str(number)) for number in range(ROWS)]
    market.sales = [sale(f"A-{number}", str(number), 1000) for number in range(ROWS)]
    with sync_bench(migrated_postgres_url, tmp_path, market) as made:
        yield made


@pytest.fixture
def known_at(bench: SyncBench) -> Iterator[list[tuple[str, int]]]:
    """The first words of each statement that joins what was read with the stock, and for how many rows the planner
    takes what was read (-1: it has never looked)."""
    seen: list[tuple[str, int]] = []

    def look(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        begins = " ".join(statement.split()[:3])
        joined = [table for table in ("stock_staging", "stock_change") if f"FROM {table} " in statement]
        if begins in ("INSERT INTO stock_change", "INSERT INTO stock_history"):
            seen.extend((begins, rows_known(connection, table)) for table in joined)

    event.listen(Engine, "before_cursor_execute", look)
    yield seen
    event.remove(Engine, "before_cursor_execute", look)


def rows_known(connection: Connection, table: str) -> int:
    driver: Any = connection.connection.driver_connection
    found = driver.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", (table,)).fetchone()
    return int(found[0])


def known_after(bench: SyncBench, table: str) -> int:
    with bench.database.read() as connection:
        return rows_known(connection, table)


def test_a_publish_knows_what_it_joins(bench: SyncBench, known_at: list[tuple[str, int]]) -> None:
    bench.sync()
    of_the_large_scope = [each for each in known_at if each[1] != 0]
    assert of_the_large_scope == [
        ("INSERT INTO stock_change", ROWS),
        ("INSERT INTO stock_change", ROWS),
        ("INSERT INTO stock_history", ROWS),
    ]


def test_a_table_that_grew_much_is_looked_at_again(bench: SyncBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "MANY_ROWS", ROWS)
    bench.sync()
    assert {table: known_after(bench, table) for table in ("stock", "order_line", "sale")} == dict.fromkeys(
        ("stock", "order_line", "sale"), ROWS
    )
