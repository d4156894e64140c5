"""Faults that the simulator makes, met by a real sync: nothing wrong is shown, and nothing is left of them after."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from micore import plugins
from micore.domain.run_views import Run, RunState, StreamState, Trigger
from micore.services.schedule import Schedule
from micore.services.shop import Shop as Settings
from micore.services.sync import SourceSlot, SyncService
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources import http
from micore.sources.base import Source, SourceTools
from micore.storage import tables
from micore.storage.database import Database
from micore.storage.raw import RawStore
from tests.support.databases import migrate, sqlite_template
from tests.support.sync_bench import Told
from tests.unit.sources.clocks import HandClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
LATER_SECONDS = 6 * 3600
DAY_SECONDS = 86_400
LATE = f"late:{LATER_SECONDS}"
"""Tells the second sync what the first one knows already."""

OPTIONS = {
    "ozon": {"client_id": "1234", "api_key": "key-of-the-tests", "history_days": "20"},
    "wildberries": {"api_token": "key-of-the-tests", "history_days": "20"},
}
STOCK = {"ozon": "ozon/v1/analytics/stocks", "wildberries": "stocks-report/wb-warehouses"}

HALVED = ("shrunken:30", "shrunken:50")

Content = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    """One for all tests: each sets its clock and takes its faults away."""
    shop = Shop(seed=7, products=40, days=20, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(START, frozen=True), limits=False) as running:
        yield running


@dataclass
class Installation:
    """A database, and a sync that reads one simulated marketplace into it; waiting costs it no time."""

    market: Running
    source: str
    database: Database
    service: SyncService

    def sync(self) -> Run:
        self.service.request(trigger=Trigger.BUTTON)
        done = self.service.work_once()
        assert done is not None
        return done

    def content(self) -> Content:
        """What is shown, without our ids and instants."""
        sku, place = tables.sku.c.external_id.label("sku"), tables.place.c.external_id.label("place")
        line, sale = tables.order_line, tables.sale
        queries = {
            "cards": select(*[tables.listing.c[name] for name in ("external_id", "offer_id", "name", "price")]),
            "skus": select(tables.sku.c.external_id, tables.sku.c.size, tables.sku.c.retired_at.is_(None)),
            "stock": select(sku, place, *[tables.stock.c[name] for name in tables.FIGURES])
            .join(tables.sku, tables.sku.c.id == tables.stock.c.sku_id)
            .join(tables.place, tables.place.c.id == tables.stock.c.place_id),
            "orders": select(
                line.c.order_id, sku, line.c.state, line.c.quantity, line.c.price, line.c.ordered_day
            ).join(tables.sku, tables.sku.c.id == line.c.sku_id),
            "sales": select(sale.c.external_id, sale.c.amount, sale.c.sold_day),
            "summary": select(
                *[
                    tables.product_summary.c[name]
                    for name in ("name", "code", "status", "available", "sold_30d", "revenue_30d", "stale")
                ]
            ),
        }
        with self.database.read() as connection:
            return {
                name: sorted((tuple(row) for row in connection.execute(query)), key=repr)
                for name, query in queries.items()
            }

    def quarantined(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(text("SELECT count(*) FROM quarantine")).scalar_one())


@contextmanager
def installed(market: Running, source: str, root: Path) -> Iterator[Installation]:
    """An installation whose files lie in a folder: those of an earlier one, or none yet."""
    if not root.exists():
        root.mkdir()
        shutil.copyfile(sqlite_template("empty", migrate), root / "micore.db")
    hand = HandClock()
    address = {"ozon": market.ozon_url, "wildberries": market.wildberries_url}[source]
    plugin = plugins.load(plugins.SOURCES, source)

    def open_source(tools: SourceTools) -> Source:
        made: Source = plugin(
            {**OPTIONS[source], "base_url": address}, replace(tools, monotonic=hand.monotonic, sleep=hand.sleep)
        )
        return made

    database, raw_store, settings = Database(f"sqlite:///{root}/micore.db"), RawStore(root / "raw"), Settings()
    service = SyncService(
        database=database,
        raw_store=raw_store,
        sources={source: SourceSlot(source, plugin.title, plugin.streams, open_source, None)},
        now=market.clock.now,
        monotonic=hand.monotonic,
        shop=settings,
        schedule=Schedule.parse("*/30 * * * *", settings.zone),
        owner="test",
        listener=Told(),
    )
    try:
        yield Installation(market, source, database, service)
    finally:
        raw_store.close()
        database.close()


@pytest.fixture(scope="module")
def histories(market: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Content]]:
    """What a sync that meets no fault shows at each of the three instants."""
    found: dict[str, list[Content]] = {}
    for source in OPTIONS:
        with installed(market, source, tmp_path_factory.mktemp("calm") / source) as calm:
            found[source] = []
            market.clock.set(START)
            for step in (LATER_SECONDS, DAY_SECONDS, 0):
                assert calm.sync().state == RunState.DONE
                found[source].append(calm.content())
                market.clock.advance(step)
    return found


@pytest.fixture(scope="module")
def read_once(market: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each source the files of an installation after a good sync, to be copied."""
    found = {source: tmp_path_factory.mktemp("read-once") / source for source in OPTIONS}
    market.clock.set(START)
    for source, root in found.items():
        with installed(market, source, root) as shop:
            assert shop.sync().state == RunState.DONE
    return found


@pytest.fixture(autouse=True)
def short_silence(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who never answers is waited for in real time; who answers may take it, on a busy machine."""
    if "timeout" in request.node.name:
        monkeypatch.setattr(http, "Patience", functools.partial(http.Patience, read_seconds=2))


def cases(ozon: list[str], wildberries: list[str]) -> list[tuple[str, str]]:
    return [*(("ozon", fault) for fault in ozon), *(("wildberries", fault) for fault in wildberries)]


@dataclass
class Ordeal:
    """What a fault is met with."""

    market: Running
    histories: dict[str, list[Content]]
    read_once: dict[str, Path]
    root: Path

    def bear(self, source: str, fault: str) -> tuple[Run, Content, int]:
        """After a good sync one that meets the fault, then one without it; of the former: run, content, rows rejected.

        Whatever the fault is: all that is shown was true before or is true now, no figure of stock is lost, and the
        next sync leaves what one leaves that never met a fault.
        """
        shutil.copytree(self.read_once[source], self.root / source)
        self.market.clock.set(START + timedelta(seconds=LATER_SECONDS))
        with installed(self.market, source, self.root / source) as shop:
            before = shop.content()
            made = self.market.simulator.faults.add(fault)
            try:
                run = shop.sync()
            finally:
                self.market.simulator.faults.remove()
            assert made.hit, "the fault met nothing"
            during, rejected = shop.content(), shop.quarantined()
            for name in ("cards", "stock", "orders", "sales"):
                assert set(during[name]) <= set(before[name]) | set(self.histories[source][1][name]), (
                    f"wrong {name} are shown"
                )
            assert {row[:2] for row in before["stock"]} <= {row[:2] for row in during["stock"]}
            self.market.clock.advance(DAY_SECONDS)
            assert shop.sync().state == RunState.DONE
            assert shop.content() == self.histories[source][2]
            return run, during, rejected


@pytest.fixture
def ordeal(market: Running, histories: dict[str, list[Content]], read_once: dict[str, Path], tmp_path: Path) -> Ordeal:
    return Ordeal(market, histories, read_once, tmp_path)


@pytest.mark.parametrize(
    ("source", "fault"),
    cases(["429x2", "500x2", "timeoutx1", "cutx2", "slow:200000", "htmlx1"], ["429x2", "502x3", "cutx2", "htmlx1"]),
)
def test_a_passing_fault_is_not_seen(ordeal: Ordeal, source: str, fault: str) -> None:
    run, during, _ = ordeal.bear(source, fault)
    assert run.state == RunState.DONE
    assert during == ordeal.histories[source][1]


@pytest.mark.parametrize(
    ("source", "kind"),
    cases(["429", "500", "503", "timeout", "cut", "html", "off"], ["429", "502", "cut", "html", "off"]),
)
def test_a_lasting_fault_of_stock_leaves_the_earlier_stock(ordeal: Ordeal, source: str, kind: str) -> None:
    run, during, _ = ordeal.bear(source, f"{kind}@{STOCK[source]}")
    assert {each.stream: each.state for each in run.streams}["stock"] == StreamState.FAILED
    assert during["orders"] == ordeal.histories[source][1]["orders"], "other streams are read"


@pytest.mark.parametrize(("source", "kind"), cases(["empty", *HALVED], ["empty", *HALVED]))
def test_shrunken_stock_is_held(ordeal: Ordeal, source: str, kind: str) -> None:
    run, _, _ = ordeal.bear(source, f"{kind}@{STOCK[source]}")
    assert {each.stream: each.state for each in run.streams}["stock"] == StreamState.HELD


@pytest.mark.parametrize(
    ("source", "fault"),
    cases(
        [
            "types",
            "types@/v1/analytics",
            "renamed:sku@/v1/analytics",
            "dropped:posting_number",
            "types@/posting",
            "foreign@/v1/analytics",
        ],
        ["types@/stocks-report"],
    ),
)
def test_rows_that_cannot_be_believed_wait_in_quarantine(ordeal: Ordeal, source: str, fault: str) -> None:
    run, _, rejected = ordeal.bear(source, fault)
    assert run.state == RunState.GAPS
    assert rejected


@pytest.mark.parametrize(
    ("source", "fault"),
    cases(
        ["empty@/posting", "shrunken@/posting", "missing-page@/posting", "repeated-cursor", LATE],
        ["empty@/supplier", LATE],
    ),
)
def test_what_came_late_or_not_at_all_comes_with_the_next_sync(ordeal: Ordeal, source: str, fault: str) -> None:
    ordeal.bear(source, fault)
