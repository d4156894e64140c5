"""Orders whose barcode the catalogue learns later than the marketplace tells them: they wait, and are not lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from micore.domain.quarantine import RowState
from micore.domain.run_views import RunState, Trigger
from micore.services.quarantine import Quarantine
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage.quarantine_desk import RowFilter
from tests.faults.test_marketplace_faults import OPTIONS, START, Installation, installed

DAY_SECONDS = 86_400
TOLD_AGAIN_SECONDS = 3 * DAY_SECONDS
"""Beyond the 25 hours that each reading takes again."""


@pytest.fixture
def market() -> Iterator[Running]:
    shop = Shop(seed=7, products=60, days=40, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(START, frozen=True), limits=False) as running:
        yield running


def read(installation: Installation, *streams: str) -> RunState:
    installation.service.request(trigger=Trigger.BUTTON, streams=streams)
    done = installation.service.work_once()
    assert done is not None
    return done.state


def forget_busiest_card(installation: Installation) -> None:
    """As if the card that sells best were made only after its first orders."""
    with installation.database.write() as connection:
        busiest = "SELECT sku_id FROM order_line GROUP BY sku_id ORDER BY count(*) DESC LIMIT 1"
        of_card = f"SELECT id FROM sku WHERE listing_id = (SELECT listing_id FROM sku WHERE id = ({busiest}))"
        skus = list(connection.execute(text(of_card)).scalars())
        for sku_id in skus:
            connection.execute(text("DELETE FROM sku_barcode WHERE sku_id = :id"), {"id": sku_id})
            connection.execute(text("DELETE FROM sku WHERE id = :id"), {"id": sku_id})
        for table in ("demand_event", "order_line", "sale", "stream_state"):
            where = " WHERE stream IN ('orders', 'sales')" if table == "stream_state" else ""
            connection.execute(text(f"DELETE FROM {table}{where}"))


def test_they_are_loaded_once_the_catalogue_knows_the_barcode(
    market: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPTIONS["wildberries"], "history_days", "40")
    with installed(market, "wildberries", tmp_path / "wildberries") as shop:
        assert shop.sync().state == RunState.DONE
        whole = shop.content()["orders"]
        forget_busiest_card(shop)
        assert read(shop, "orders") == RunState.GAPS
        desk = Quarantine(shop.service)
        (group,) = desk.overview().groups
        assert (group.stream, group.field, group.may_pass) == ("orders", "barcode", True)
        assert len(shop.content()["orders"]) == len(whole) - group.rows
        market.clock.advance(TOLD_AGAIN_SECONDS)
        assert read(shop, "catalogue", "orders", "sales") == RunState.DONE
        assert desk.overview().waiting == 0
        assert desk.page(RowFilter(state=RowState.LOADED), limit=1).total == group.rows
        found = {row[0]: row for row in shop.content()["orders"]}
        # Whether and when a cancelled one was cancelled is told again by the days since; the rest is as it was.
        assert {order_id for order_id, *_ in whole} <= set(found)
        assert all(found[row[0]][1] == row[1] and found[row[0]][3:] == row[3:] for row in whole)
