"""What a product's sums say when not every place tells everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Connection, text

from micore.domain.stock_status import StatusThresholds
from micore.services.products import Products
from micore.services.shop import Shop
from micore.storage import summary, tables
from micore.storage.database import Database
from tests import seed

LAMP = 7
"""An item that two cards sell."""


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    opened = Database(migrated_url)
    with opened.write() as connection:
        seed.put_account(connection)
        for place in (1, 2, 3):
            seed.put_place(connection, place)
        connection.execute(tables.item.insert().values(id=LAMP, code="LAMP", name="Лампа", created_at=0))
        seed.put_sku(connection, 1, item_id=LAMP)
        seed.put_sku(connection, 2, item_id=LAMP)
    yield opened
    opened.close()


def sums(connection: Connection) -> tuple[int | None, ...]:
    """(available, present, reserved, inbound) of the lamp."""
    summary.mark_dirty(connection, [LAMP])
    summary.refresh(connection, summary.SummaryBasis(StatusThresholds(), date(2026, 11, 22), Shop().zone))
    return tuple(connection.execute(text("SELECT available, present, reserved, inbound FROM product_summary")).one())


def test_places_that_all_tell_add_up(database: Database) -> None:
    with database.write() as connection:
        seed.put_stock(connection, 1, 1, 3000, present=4000, reserved=1000, inbound=500)
        seed.put_stock(connection, 1, 2, 2000, present=2500, reserved=500, inbound=0)
        seed.put_stock(connection, 1, 3, 1000, present=1000, reserved=0)
        assert sums(connection) == (6000, 7500, 1500, 500), "a card without stock of its own hides nothing"


@pytest.mark.parametrize("silent", [(1, 2), (2, 1)], ids=["another place", "another card"])
def test_one_place_that_does_not_tell_leaves_the_sum_unknown(database: Database, silent: tuple[int, int]) -> None:
    with database.write() as connection:
        seed.put_stock(connection, 1, 1, 3000, present=4000, reserved=1000)
        seed.put_stock(connection, *silent, 2000, present=None, reserved=500)
        assert sums(connection)[:3] == (5000, None, 1500)
        connection.execute(tables.stock.update().values(present=tables.stock.c.reserved, reserved=None))
        assert sums(connection)[:3] == (5000, 1500, None)
    shown = Products(database, Shop(), now=lambda: seed.NOW).detail(f"item-{LAMP}").product
    assert (shown.available, shown.present, shown.reserved) == (5, 1.5, None)
