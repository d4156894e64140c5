"""A sync of a simulated marketplace by the real sources and services, where waiting costs no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import text

from micore import plugins
from micore.domain.run_views import Run, Trigger
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import NullListener, SourceSlot, SyncService
from micore.sources.base import Source, SourceTools
from micore.storage.database import Database
from micore.storage.journal import LoggedJournal
from micore.storage.raw import RawStore
from micore.storage.transaction_log import TransactionLog
from tests.unit.sources.clocks import HandClock

OPTIONS = {
    "ozon": {"client_id": "1234", "api_key": "key-of-the-tests", "history_days": "20"},
    "wildberries": {"api_token": "key-of-the-tests", "history_days": "20"},
}
PIECE_SECONDS = 20.0
Content = dict[str, list[tuple[Any, ...]]]

OF_SKU = "JOIN sku k ON k.id = t.sku_id"
AND_PLACE = f"{OF_SKU} LEFT JOIN place p ON p.id = t.place_id"
FIGURES = "t.available, t.present, t.reserved, t.inbound, t.to_client, t.from_client"
CONTENT = {
    "account": "SELECT source, external_id, name, currency FROM account",
    "listing": "SELECT external_id, offer_id, name, archived, price, currency, created_at FROM listing",
    "listing_price": "SELECT l.external_id, t.valid_from, t.price, t.currency FROM listing_price t"
    " JOIN listing l ON l.id = t.listing_id",
    "sku": "SELECT t.external_id, l.external_id, t.size, t.retired_at IS NULL, t.stock_told_at FROM sku t"
    " JOIN listing l ON l.id = t.listing_id",
    "barcode": f"SELECT k.external_id, t.barcode, t.seen_until IS NULL FROM sku_barcode t {OF_SKU}",
    "place": "SELECT t.kind, t.external_id, t.name, t.holder, t.authority, t.scheme, t.stock_scope, p.external_id"
    " FROM place t LEFT JOIN place p ON p.id = t.parent_id",
    "stock": f"SELECT k.external_id, p.external_id, {FIGURES}, t.stale_from FROM stock t {AND_PLACE}",
    "order": "SELECT t.order_id, k.external_id, p.external_id, t.scheme, t.state, t.quantity, t.price, t.currency,"
    f" t.ordered_at, t.ordered_day, t.version FROM order_line t {AND_PLACE}",
    "event": "SELECT o.order_id, k.external_id, t.version, t.state, t.quantity, t.price FROM demand_event t"
    " JOIN order_line o ON o.id = t.order_line_id JOIN sku k ON k.id = o.sku_id",
    "sale": "SELECT t.external_id, t.order_id, k.external_id, t.sold_day, t.amount, t.commission, t.currency,"
    f" t.order_state FROM sale t {OF_SKU}",
    "return": "SELECT t.return_id, k.external_id, t.order_id, t.scheme, t.kind, t.state, t.quantity, t.reason,"
    f" t.returned_at, t.finished_at FROM return_line t {OF_SKU}",
    "supply": "SELECT t.supply_id, k.external_id, p.external_id, t.state, t.quantity, t.accepted, t.created_at,"
    f" t.expected_at FROM supply_line t {AND_PLACE}",
    "funnel": "SELECT card, day, opened, carted, ordered, bought, cancelled, wished FROM funnel_day",
    "summary": "SELECT name, code, status, available, sold_30d, revenue_30d, cover_tenths, stock_value, archived, stale"
    " FROM product_summary",
    "totals": "SELECT * FROM status_total",
    "staging": "SELECT * FROM stock_staging",
    "dirty": "SELECT * FROM summary_dirty",
}
"""What the tables hold, by natural keys: without our ids, and without the instants of our own clock."""


class Addresses(NamedTuple):
    """Where the marketplaces answer."""

    ozon_url: str
    wildberries_url: str


class Addressed(Protocol):
    """A simulator, or only its addresses."""

    @property
    def ozon_url(self) -> str: ...

    @property
    def wildberries_url(self) -> str: ...


@dataclass
class Installation:
    """A database, and a sync that reads one simulated marketplace into it."""

    source: str
    database: Database
    raw_store: RawStore
    service: SyncService

    def sync(self, **asked: Any) -> Run:
        """Ask for a sync and work on it, or on the one that waits."""
        self.service.request(trigger=Trigger.BUTTON, **asked)
        done = self.service.work_once()
        assert done is not None
        return done

    def content(self) -> Content:
        """See CONTENT."""
        return content_of(self.database)


def content_of(database: Database) -> Content:
    """See CONTENT."""
    with database.read() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(text(query))), key=repr)
            for name, query in CONTENT.items()
        }


@contextmanager
def installed(
    market: Addressed,
    source: str,
    url: str,
    root: Path,
    *,
    now: Callable[[], datetime],
    clock: HandClock | None = None,
    owner: str = "test",
    renewing: bool = False,
    log: Path | None = None,
) -> Iterator[Installation]:
    """An installation on a migrated database; its raw answers lie below `root`, its transaction log, where one is
    kept, in the folder `log`. `clock` is what waits take place in;
    `renewing` keeps the lease through them, as another process on the same database needs it."""
    hand = clock or HandClock()
    address = {"ozon": market.ozon_url, "wildberries": market.wildberries_url}[source]
    plugin = plugins.load(plugins.SOURCES, source)

    def open_source(tools: SourceTools) -> Source:
        def sleep(seconds: float) -> None:
            while renewing and seconds > PIECE_SECONDS:
                hand.sleep(PIECE_SECONDS)
                seconds -= PIECE_SECONDS
                tools.sleep(0)
            hand.sleep(seconds)

        made: Source = plugin(
            {**OPTIONS[source], "base_url": address}, replace(tools, monotonic=hand.monotonic, sleep=sleep)
        )
        return made

    journal = None if log is None else LoggedJournal(TransactionLog(log))
    database, raw_store, settings = Database(url, journal=journal), RawStore(root / "raw"), Shop()
    if journal is not None:
        journal.open(database)
    service = SyncService(
        database=database,
        raw_store=raw_store,
        sources={source: SourceSlot(source, plugin.title, plugin.streams, open_source, None)},
        now=now,
        monotonic=hand.monotonic,
        shop=settings,
        schedule=Schedule.parse("*/30 * * * *", settings.zone),
        owner=owner,
        listener=NullListener(),
    )
    try:
        yield Installation(source, database, raw_store, service)
    finally:
        raw_store.close()
        database.close()
