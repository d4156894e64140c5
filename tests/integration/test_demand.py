"""Order lines come out of both databases as they are, in blocks, and only those of the days asked for."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from micore.domain.demand import STATES
from micore.storage import demand
from micore.storage.bulk import bulk_for
from micore.storage.database import Database

FIRST = (date(2026, 11, 1) - date(1970, 1, 1)).days
DAYS, SKUS = 20, 30
COLUMNS = {
    "account_id": "int",
    "order_id": "text",
    "sku_id": "int",
    "scheme": "text",
    "state": "text",
    "quantity": "int",
    "ordered_at": "int",
    "ordered_day": "text",
    "version": "int4",
    "known_from": "int",
}


def fill(database: Database, number: int) -> list[tuple[int, int, int, int]]:
    """So many lines; as they should come back."""
    rows, expected = [], []
    for at in range(number):
        sku, day, state = at % SKUS + 1, at % DAYS, at % len(STATES)
        text_day = (date(2026, 11, 1) + timedelta(days=day)).isoformat()
        rows.append((1, f"{at:06d}", sku, "FBO", STATES[state], at * 1000, 1, text_day, 1, 1))
        expected.append((sku, FIRST + day, at * 1000, state))
    with database.write() as connection:
        bulk = bulk_for(connection)
        bulk.put(
            connection,
            "account",
            {
                "id": "int",
                "source": "text",
                "external_id": "text",
                "name": "text",
                "currency": "text",
                "created_at": "int",
            },
            ("id",),
            [(1, "ozon", "1", "shop", "RUB", 1)],
        )
        listing = {
            "id": "int",
            "account_id": "int",
            "external_id": "text",
            "offer_id": "text",
            "name": "text",
            "archived": "bool",
            "changed_at": "int",
        }
        bulk.put(connection, "listing", listing, ("id",), [(1, 1, "1", "A", "Mug", False, 1)])
        sku_columns = {"id": "int", "account_id": "int", "listing_id": "int", "external_id": "text"}
        bulk.put(connection, "sku", sku_columns, ("id",), [(each, 1, 1, str(each)) for each in range(1, SKUS + 1)])
        bulk.put(connection, "order_line", COLUMNS, ("account_id", "order_id", "sku_id"), rows)
    return expected


@pytest.mark.parametrize("block_rows", [7, 100_000])
def test_lines_are_read_whole_and_by_days(migrated_url: str, block_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "BLOCK_ROWS", block_rows)
    database = Database(migrated_url)
    try:
        with database.read() as connection:
            assert demand.days_with_orders(connection) is None
        expected = fill(database, 500)
        with database.read() as connection:
            assert demand.days_with_orders(connection) == (FIRST, FIRST + DAYS)
            assert demand.sku_ids(connection).tolist() == list(range(1, SKUS + 1))
        for first, past in ((FIRST, FIRST + DAYS), (FIRST + 3, FIRST + 5), (FIRST + DAYS, FIRST + DAYS + 9)):
            blocks = list(demand.order_lines(database, first, past))
            assert all(len(block.sku) <= max(block_rows, 1) for block in blocks)
            found = [
                row
                for block in blocks
                for row in zip(
                    *(np.asarray(column).tolist() for column in (block.sku, block.day, block.quantity, block.state)),
                    strict=True,
                )
            ]
            assert sorted(found) == sorted(row for row in expected if first <= row[1] < past)
    finally:
        database.close()
