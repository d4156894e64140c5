"""The whole HTTP application over a real database, asked in process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from micore.api.parts import Parts
from micore.api.server import create_app
from micore.cache import Cache, MemoryCache
from micore.domain.run_views import Run, RunPage, RunState, SyncOverview, Trigger
from micore.domain.views import Meta
from micore.errors import InvalidRequestError, NotFoundError, RunEndedError, SourceAuthError
from micore.services.backfills import Backfills
from micore.services.backup_desk import BackupDesk
from micore.services.dashboard import Dashboards
from micore.services.explain import Explanations
from micore.services.health import Health
from micore.services.key_tests import KeyTests, TestedPlugin
from micore.services.live import Live
from micore.services.products import Products
from micore.services.quarantine import Quarantine
from micore.services.reconciliations import Reconciliations
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import SourceSlot, SyncService
from micore.sources.base import Option, SourceTools
from micore.sources.keys import FirstSync, KeyFacts, StreamEstimate
from micore.storage import dashboard as store
from micore.storage import quarantines, tables
from micore.storage.database import Connection, Database
from micore.storage.raw import RawStore
from tests import seed
from tests.support.backing_up import backups_of
from tests.support.fake_ranges import RangingSource
from tests.support.fake_source import FakeMarketplace, FakeSource

ORIGIN = "http://127.0.0.1:8083"


@dataclass
class Clock:
    """A clock that tests set."""

    at: datetime = seed.NOW

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


RUN = Run(
    id=1,
    source="ozon",
    account="Shop",
    state=RunState.QUEUED,
    trigger=Trigger.BUTTON,
    full=False,
    created_at=seed.NOW,
    started_at=None,
    finished_at=None,
    rows_read=0,
    rows_loaded=0,
    rows_unchanged=0,
    rows_rejected=0,
    rows_per_second=None,
    eta_seconds=None,
    progress=None,
    message=None,
    remedy=None,
    streams=[],
)


@dataclass
class FakeDesk:
    """Syncs that only remember what was asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    runs_: dict[int, Run] = field(default_factory=dict)
    ended: bool = False

    def overview(self) -> SyncOverview:
        return SyncOverview(sources=[], running=list(self.runs_.values()))

    def request(self, *, source: str | None, streams: Sequence[str] | None, full: bool) -> list[Run]:
        if source not in (None, "ozon"):
            raise InvalidRequestError("source", received=source, allowed="ozon")
        self.asked.append({"source": source, "streams": streams, "full": full})
        self.runs_.setdefault(1, replace(RUN, full=full))
        return list(self.runs_.values())

    def stop(self, run_id: int) -> Run:
        if self.ended:
            raise RunEndedError(run_id, state="done")
        return self.run(run_id)

    def run(self, run_id: int) -> Run:
        if run_id not in self.runs_:
            raise NotFoundError("run", str(run_id))
        return self.runs_[run_id]

    def runs(self, *, limit: int, cursor: str | None, source: str | None, findings: bool) -> RunPage:
        del cursor, source, findings
        return RunPage(items=list(self.runs_.values())[:limit], next_cursor=None)


def syncs(database: Database, folder: Path, now: Clock) -> SyncService:
    """A service whose worker nobody starts, over a marketplace that can be asked by date and is called "ozon"."""
    shop = Shop()
    slot = SourceSlot("ozon", "Ozon", RangingSource.streams, lambda tools: RangingSource({}, tools), None)
    return SyncService(
        database=database,
        raw_store=RawStore(folder / "raw"),
        sources={"ozon": slot},
        now=now,
        monotonic=time.monotonic,
        shop=shop,
        schedule=Schedule(None, shop.zone),
        owner="test",
    )


class KeyedSource(FakeSource):
    """A source whose keys can be tested; it accepts every key but "dead-key"."""

    options: ClassVar[tuple[Option, ...]] = (
        Option("client_id", "Client ID."),
        Option("api_key", "API key.", secret=True),
    )

    def __init__(self, values: Mapping[str, str], tools: SourceTools) -> None:
        market = FakeMarketplace()
        if values.get("api_key") == "dead-key":
            market.account_error = SourceAuthError("fake", status=403, said="Invalid Api-Key", path="/v1/roles")
        super().__init__(values, tools, market)

    def key(self) -> KeyFacts:
        return KeyFacts("API key", ("Read",), {"orders": ("Orders",)}, read_only=True)

    def estimate(self, streams: Sequence[str], seconds_per_request: float) -> FirstSync:
        return FirstSync(8, {name: StreamEstimate(3, 4.5, "Three pages.") for name in streams})


def _keyed(slot: str | None, values: Mapping[str, str], tools: SourceTools) -> KeyedSource:
    return KeyedSource(values, tools)


class Api:
    """One installation behind its HTTP application."""

    def __init__(
        self, database: Database, folder: Path, *, cache: Cache | None = None, one_process: bool = True
    ) -> None:
        self.clock = Clock()
        self.database = database
        self.desk = FakeDesk()
        self.shop = Shop(name="Дом")
        self.live = Live(self._generation, one_process=one_process)
        self.cache = cache or MemoryCache(now=lambda: self.clock().timestamp())
        self.web = folder / "web"
        now = self.clock
        self.backups = BackupDesk(
            backups_of(database, folder / "home", now=now), Schedule.parse("0 2 * * *", self.shop.zone), now=now
        )
        self.parts = Parts(
            meta=lambda: Meta(
                "0", "Дом", "Europe/Moscow", "RUB", self.shop.thresholds, demo=False, sources=["ozon"], slots=["ozon"]
            ),
            dashboards=Dashboards(database, self.shop, now=now),
            products=Products(database, self.shop, now=now),
            explanations=Explanations(database, folder / "raw"),
            health=Health(database, self.cache, self.shop, version="0", now=now, backups=self.backups.status),
            sync=self.desk,
            backfills=Backfills(service := syncs(database, folder, now)),
            reconciliations=Reconciliations(service),
            quarantine=Quarantine(service),
            live=self.live,
            cache=self.cache,
            key_tests=KeyTests(
                syncs(database, folder, now),
                {
                    "ozon": TestedPlugin(
                        "ozon",
                        "Ozon",
                        KeyedSource.options,
                        True,
                        lambda slot, values, tools: KeyedSource(values, tools),
                    )
                },
            ),
            backups=self.backups,
            web=self.web,
        )
        self.app = create_app(self.parts)
        self._runner = asyncio.Runner()

    def run(self, work: Callable[[httpx2.AsyncClient], Awaitable[Any]]) -> Any:
        """Work with a client inside the application's event loop."""

        async def inside() -> Any:
            transport = httpx2.ASGITransport(app=self.app)  # type: ignore[arg-type]
            async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                return await work(client)

        return self._runner.run(inside())

    def ask(self, method: str, path: str, **given: Any) -> httpx2.Response:
        """One request."""
        response: httpx2.Response = self.run(lambda client: client.request(method, path, **given))
        return response

    def post(self, path: str, **more: Any) -> httpx2.Response:
        """An answer to something sent."""
        answer: httpx2.Response = self.run(lambda client: client.post(path, **more))
        return answer

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """One GET; compressed only when the headers say so."""
        return self.ask("GET", path, headers={"accept-encoding": "identity", **(headers or {})})

    def publish(self, generation: int, products: list[dict[str, Any]]) -> None:
        """Replace the shop in one transaction, then tell everybody."""
        with self.database.write() as connection:
            connection.execute(tables.product_summary.delete())
            seed.put_products(connection, products, generation=generation)
        self.live.stock_published(generation=generation, as_of=self.clock(), source="ozon")

    def close(self) -> None:
        self._runner.close()
        self.parts.threads.shutdown()
        self.cache.close()
        self.database.close()

    def _generation(self) -> int:
        with self.database.read() as connection:
            return store.generation_number(connection)


@pytest.fixture
def api(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Api]:
    """An installation on SQLite, empty."""
    made = Api(Database(migrated_sqlite_url), tmp_path)
    yield made
    made.close()


@pytest.fixture
def either_api(migrated_url: str, tmp_path: Path) -> Iterator[Api]:
    """An installation on each database, empty; on PostgreSQL as one of several processes."""
    made = Api(Database(migrated_url), tmp_path, one_process=migrated_url.startswith("sqlite"))
    yield made
    made.close()


def put_rejected(connection: Connection) -> None:
    """An order row that waits in quarantine."""
    row = quarantines.Quarantined(
        "P-9",
        "barcode: received '4600'; allowed: one of the catalogue.",
        b'{"posting_number":"P-9","barcode":"4600"}',
        0,
        None,
        '{"scheme":"FBO"}',
        may_pass=True,
        as_of=1_795_000_000_000_000,
    )
    quarantines.add(connection, [row], quarantines.Told(1, "orders", 1, "ozon/1", 1_795_000_000_000_000))


def fill(api: Api) -> None:
    """A small shop with everything in it: places, cards, past, orders, an answer and a second marketplace."""
    hour = timedelta(hours=1)
    with api.database.write() as connection:
        seed.put_account(connection)
        put_rejected(connection)
        seed.put_snapshot(connection, as_of=seed.NOW - hour)
        seed.put_place(connection, 1, kind="cluster", name="Юг")
        seed.put_place(connection, 2, parent=1, name="Ростов")
        seed.put_place(connection, 3, name="Склад", scheme="FBS", holder="seller")
        connection.execute(tables.item.insert().values(id=7, code="ART-7", name="Лампа", created_at=0))
        for sku_id, item_id in ((1, 7), (2, None)):
            seed.put_sku(connection, sku_id, item_id=item_id)
        connection.execute(tables.sku_barcode.insert().values(sku_id=1, barcode="4600000000017", seen_from=0))
        seed.put_stock(connection, 1, 2, 3000, since=seed.NOW - 2 * hour, present=3000)
        seed.put_stock(connection, 1, 3, 1500, since=seed.NOW - 30 * hour)
        seed.put_stock(connection, 2, 2, None)
        seed.put_past(connection, 1, 2, 0, seed.NOW - 30 * hour, seed.NOW - 2 * hour)
        seed.put_order(connection, 1, "2026-11-22", quantity=2000)
        seed.put_order(connection, 1, "2026-11-21", state="cancelled")
        seed.put_products(
            connection,
            [
                seed.product(7, name="Лампа", available=4500, sold_30d=2000, revenue_30d=14_000_000, cover_tenths=675),
                seed.product(-2, name="Без остатка", available=None),
                seed.product(9, name="Много", available=700_000, stock_value=4_900_000_000, price=7_000_000),
            ],
            generation=3,
        )
