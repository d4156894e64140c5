"""A sync service over a database and a marketplace in memory, with a look at what the tables hold."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from micore.domain.run_views import Run, Trigger
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import SourceSlot, SyncService
from micore.storage import tables
from micore.storage.database import Database
from micore.storage.raw import RawStore
from tests.support.databases import migrate, sqlite_template
from tests.support.fake_source import FakeMarketplace, FakeSource, SteppingClock


@dataclass
class Told:
    """A listener that remembers."""

    generations: list[int] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)

    def published(self, source: str, generation: int, as_of: datetime) -> None:
        self.generations.append(generation)

    def run_changed(self, run_id: int) -> None:
        self.runs.append(run_id)


@dataclass
class SyncBench:
    """One installation under test."""

    database: Database
    service: SyncService
    market: FakeMarketplace
    told: Told
    raw_store: RawStore

    def sync(self, **asked: Any) -> Run:
        """Ask for a sync and work on it."""
        self.service.request(trigger=Trigger.BUTTON, **asked)
        done = self.service.work_once()
        assert done is not None
        return done

    def rows(self, table: str, *columns: str, order: str | None = None) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            names = ", ".join(columns) or "*"
            found = connection.execute(text(f"SELECT {names} FROM {table} ORDER BY {order or names}"))
            return [tuple(row) for row in found]

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """What must not depend on how often or in what pieces was read: without our ids and instants."""
        sku, place = tables.sku.c.external_id.label("sku"), tables.place.c.external_id.label("place")
        queries = {
            "listing": select(
                *[tables.listing.c[name] for name in ("external_id", "offer_id", "name", "archived", "price")]
            ),
            "sku": select(tables.sku.c.external_id, tables.sku.c.size, tables.sku.c.retired_at.is_(None)),
            "barcode": select(sku, tables.sku_barcode.c.barcode, tables.sku_barcode.c.seen_until).join(
                tables.sku, tables.sku.c.id == tables.sku_barcode.c.sku_id
            ),
            "stock": select(
                sku,
                place,
                *[tables.stock.c[name] for name in tables.FIGURES],
                tables.stock.c.valid_from,
                tables.stock.c.stale_from,
            )
            .join(tables.sku, tables.sku.c.id == tables.stock.c.sku_id)
            .join(tables.place, tables.place.c.id == tables.stock.c.place_id),
            "history": select(
                sku,
                place,
                tables.stock_history.c.available,
                tables.stock_history.c.valid_from,
                tables.stock_history.c.valid_until,
            )
            .join(tables.sku, tables.sku.c.id == tables.stock_history.c.sku_id)
            .join(tables.place, tables.place.c.id == tables.stock_history.c.place_id),
            "orders": select(
                tables.order_line.c.order_id,
                sku,
                *[
                    tables.order_line.c[name]
                    for name in ("state", "quantity", "price", "ordered_day", "cancelled_at", "version")
                ],
            ).join(tables.sku, tables.sku.c.id == tables.order_line.c.sku_id),
            "versions": select(
                tables.order_line.c.order_id,
                tables.demand_event.c.version,
                tables.demand_event.c.state,
                tables.demand_event.c.quantity,
            ).join(tables.order_line, tables.order_line.c.id == tables.demand_event.c.order_line_id),
            "sales": select(tables.sale.c.external_id, tables.sale.c.amount, tables.sale.c.sold_day),
            "summary": select(
                *[
                    tables.product_summary.c[name]
                    for name in (
                        "name",
                        "code",
                        "status",
                        "available",
                        "sold_30d",
                        "revenue_30d",
                        "effect",
                        "cover_tenths",
                        "stock_value",
                        "spark",
                        "archived",
                        "stale",
                    )
                ]
            ),
            "totals": select(tables.status_total),
            "staging": select(tables.stock_staging),
            "dirty": select(tables.summary_dirty),
        }
        with self.database.read() as connection:
            return {
                name: sorted((tuple(row) for row in connection.execute(query)), key=repr)
                for name, query in queries.items()
            }


@contextmanager
def sync_bench(
    url: str,
    root: Path,
    market: FakeMarketplace,
    shop: Shop | None = None,
    *,
    kind: type[FakeSource] = FakeSource,
) -> Iterator[SyncBench]:
    """An installation on a migrated database, or a new one on SQLite, that reads `market`."""
    database = Database(url)
    if database.path is not None and not database.path.exists():
        # Migrating is tested elsewhere; a copy of an empty database takes milliseconds.
        database.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sqlite_template("empty", migrate), database.path)
    told = Told()
    raw_store = RawStore(root / "raw")
    used = shop or Shop()
    service = SyncService(
        database=database,
        raw_store=raw_store,
        sources={
            "fake": SourceSlot("fake", "Fake", kind.streams, lambda tools: kind({}, tools, market), None),
            "keyless": SourceSlot("keyless", "Keyless", FakeSource.streams, None, "MICORE_KEYLESS_API_KEY is not set"),
        },
        now=SteppingClock(),
        monotonic=time.monotonic,
        shop=used,
        schedule=Schedule.parse("*/30 * * * *", used.zone),
        owner="test",
        listener=told,
    )
    try:
        yield SyncBench(database, service, market, told, raw_store)
    finally:
        raw_store.close()
        database.close()
