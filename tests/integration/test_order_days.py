"""On which business day an order lies, also after the shop's time zone was changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from micore.domain.instants import business_day, micros
from micore.services.shop import Shop
from micore.storage import days
from micore.storage.database import Database
from tests import seed
from tests.support.fake_source import START, card, held, order, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

LATE = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
"""The 20th in Moscow, the 19th in London."""
THIRTY_DAYS_AGO = datetime(2026, 10, 21, 22, 30, tzinfo=UTC)
"""The 22nd in Moscow, the first of the thirty days that the dashboard sums; the 21st in London."""


def days_of(bench: SyncBench) -> dict[str, str]:
    return dict(bench.rows("order_line", "order_id", "ordered_day"))


def test_orders_move_to_their_days_in_another_zone(migrated_url: str, tmp_path: Path) -> None:
    market = small_shop()
    market.catalogue = [card("1")]
    market.stock = {"fbo": [held("1", "w1", 10)], "fbs": []}
    market.orders, market.sales = [order("LATE", "1", 2, at=LATE), order("OLD", "1", 5, at=THIRTY_DAYS_AGO)], []
    with sync_bench(migrated_url, tmp_path, market, Shop(time_zone="Europe/Moscow")) as bench:
        bench.sync()
        assert days_of(bench) == {"LATE": "2026-11-20", "OLD": "2026-10-22"}
        assert bench.rows("product_summary", "sold_30d") == [(7000,)]
    del market.orders[1:]  # the other is not told again
    market.clock = START + timedelta(hours=1)
    with sync_bench(migrated_url, tmp_path, market, Shop(time_zone="Europe/London")) as bench:
        bench.sync()
        assert days_of(bench) == {"LATE": "2026-11-19", "OLD": "2026-10-21"}
        assert bench.rows("product_summary", "sold_30d") == [(2000,)]
        assert bench.rows("order_line", "order_id", "version") == [("LATE", 1), ("OLD", 1)], "nothing new was told"


def test_an_order_told_again_with_another_day_is_written(migrated_url: str, tmp_path: Path) -> None:
    market = small_shop()
    market.orders = [order("LATE", "1", at=LATE)]
    with sync_bench(migrated_url, tmp_path, market, Shop(time_zone="Europe/Moscow")) as bench:
        bench.sync()
    with sync_bench(migrated_url, tmp_path, market, Shop(time_zone="Europe/London")) as bench:
        bench.sync(streams=["orders"])
        assert days_of(bench) == {"LATE": "2026-11-19"}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Beirut"])
def test_the_days_are_those_that_reading_again_would_give(migrated_url: str, zone: str) -> None:
    there, before = ZoneInfo(zone), ZoneInfo("Etc/GMT+12" if zone.startswith("Pacific") else "Pacific/Kiritimati")
    # Every 7 hours through a year: nights when clocks change are among them.
    instants = [micros(datetime(2017, 1, 1, tzinfo=UTC) + timedelta(hours=7) * number) for number in range(1250)]
    database = Database(migrated_url)
    with database.write() as connection:
        seed.put_account(connection)
        seed.put_sku(connection, 1)
        rows = [(f"P-{at}", at, business_day(at, before).isoformat()) for at in instants]
        seed.put_orders(connection, 1, rows)
        assert days.redate(connection, there) > 500
        assert days.redate(connection, there) == 0
        found = connection.exec_driver_sql("SELECT ordered_at, ordered_day FROM order_line ORDER BY 1").all()
    database.close()
    assert [tuple(row) for row in found] == [(at, business_day(at, there).isoformat()) for at in instants]
