"""The real plug-ins, two accounts each, from settings: of different shops, and of shops whose ids are all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from micore.app import App, build_app
from micore.config import Settings
from micore.domain.run_views import Run, RunState, Trigger
from micore.services.products import ProductState, product_query
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.simulator.wildberries.tokens import (
    ANALYTICS,
    CONTENT,
    FINANCE,
    MARKETPLACE,
    PRICES,
    STATISTICS,
    SUPPLIES,
    make_token,
)
from tests.unit.sources.clocks import HandClock

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
RIGHTS = (CONTENT, ANALYTICS, PRICES, MARKETPLACE, STATISTICS, SUPPLIES, FINANCE)
SECOND_SELLER = "11111111-2222-3333-4444-555555555555"


class NoWaiting(threading.Event):
    """Waiting for a limit costs no time: the hand clock jumps."""

    def __init__(self, hand: HandClock) -> None:
        super().__init__()
        self._hand = hand

    def wait(self, timeout: float | None = None) -> bool:
        self._hand.sleep(timeout or 0)
        return self.is_set()


@contextmanager
def simulated(seed: int) -> Iterator[Running]:
    shop = Shop(seed=seed, products=20, days=20, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


@contextmanager
def installed(url: str, root: Path, ozon: tuple[str, str], wildberries: tuple[str, str]) -> Iterator[App]:
    """micore with the addresses of two accounts of each marketplace."""
    env_file = root / ".env"
    env_file.write_text(
        f"""
MICORE_OZON_CLIENT_ID=1001
MICORE_OZON_API_KEY=first-key-of-ozon
MICORE_OZON_BASE_URL={ozon[0]}
OZON_2_CLIENT_ID=1002
MICORE_OZON_2_API_KEY_FILE={root}/second.key
MICORE_OZON_2_BASE_URL={ozon[1]}
MICORE_OZON_2_NAME=Вторая лавка
MICORE_WILDBERRIES_API_TOKEN={make_token(*RIGHTS)}
MICORE_WILDBERRIES_BASE_URL={wildberries[0]}
MICORE_WILDBERRIES_2_API_TOKEN={make_token(*RIGHTS, seller=SECOND_SELLER)}
MICORE_WILDBERRIES_2_BASE_URL={wildberries[1]}
"""
    )
    (root / "second.key").write_text("second-key-of-ozon\n")
    hand = HandClock()
    ready = build_app(
        Settings(home=root, database_url=url),
        now=lambda: NOW,
        monotonic=hand.monotonic,
        env_file=env_file,
    )
    ready.sync.stopping = ready.sync.tool_box.stopping = NoWaiting(hand)
    try:
        yield ready
    finally:
        ready.close()


def synced(ready: App, *sources: str) -> dict[str, Run]:
    ids: dict[str, int] = {}
    for source in sources:
        # Reports on order are made in the marketplace's time, which stands still here.
        streams = [each.name for each in ready.sync.sources[source].streams if each.name != "storage_cost"]
        for run in ready.sync.request(trigger=Trigger.COMMAND, source=source, streams=streams):
            ids[run.source] = run.id
    while ready.sync.work_once() is not None:
        pass
    return {source: ready.sync.run(run_id) for source, run_id in ids.items()}


@pytest.mark.parametrize("plugin", ["ozon", "wildberries"])
def test_one_seed_twice_is_every_figure_twice(plugin: str, migrated_url: str, tmp_path: Path) -> None:
    with (
        simulated(7) as shop,
        installed(migrated_url, tmp_path, (shop.ozon_url,) * 2, (shop.wildberries_url,) * 2) as ready,
    ):
        (first,) = synced(ready, plugin).values()
        assert first.state == RunState.DONE
        alone = ready.dashboards.dashboard()
        (second,) = synced(ready, f"{plugin}-2").values()
        assert second.state == RunState.DONE
        assert (second.rows_read, second.rows_loaded) == (first.rows_read, first.rows_loaded)
        both = ready.dashboards.dashboard()
        assert both.products == 2 * alone.products > 0
        for figure in ("stock_value", "revenue_30d"):
            assert float(getattr(both, figure).amount) == 2 * float(getattr(alone, figure).amount) > 0
        assert [each.products for each in both.categories] == [2 * each.products for each in alone.categories]
        names = [each.name for each in both.sources]
        assert len(set(names)) == 2
        rows = ready.products.page(product_query(limit=200, state=ProductState.ALL)).items
        assert sorted(row.accounts[0] for row in rows) == sorted(names * (len(rows) // 2))


def test_two_shops_sum_and_keep_apart(tmp_path: Path, migrated_url: str) -> None:
    with (
        simulated(7) as one,
        simulated(8) as other,
        installed(
            migrated_url, tmp_path, (one.ozon_url, other.ozon_url), (one.wildberries_url, other.wildberries_url)
        ) as ready,
    ):
        first = synced(ready, "ozon")
        alone = ready.dashboards.dashboard()
        runs = first | synced(ready, "ozon-2")
        assert {run.state for run in runs.values()} == {RunState.DONE}
        both = ready.dashboards.dashboard()
        second = next(each for each in both.sources if each.name == "Вторая лавка")
        page = ready.products.page(product_query(limit=200, accounts=str(second.account_id)))
        assert 0 < page.total == both.products - alone.products
        assert {row.accounts[0] for row in page.items} == {"Вторая лавка"}
        # Read again: nothing of one account has become the other's.
        again = synced(ready, "ozon", "ozon-2")
        assert [run.rows_loaded for run in again.values()] == [0, 0]
