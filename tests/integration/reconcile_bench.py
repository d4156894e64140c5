"""A source read once and reconciled as often as asked, and its tables to spoil meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from micore import plugins
from micore.domain.reconcile_views import Reconciliation
from micore.domain.run_views import RunKind, RunState, Trigger
from micore.services.reconciliations import Reconciliations
from micore.services.schedule import Schedule
from micore.services.shop import Shop as OwnShop
from micore.services.sync import SourceSlot, SyncService
from micore.simulator import Running
from micore.sources.base import SourceTools
from micore.storage.database import Database
from micore.storage.raw import RawStore

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
FIRST, END = date(2026, 11, 10), date(2026, 11, 20)


def options_of(source: str, simulator: Running, days: int) -> dict[str, str]:
    if source == "ozon":
        options = {"client_id": "1234", "api_key": "key", "base_url": simulator.ozon_url}
    else:
        options = {"api_token": "token", "base_url": simulator.wildberries_url}
    return {**options, "history_days": str(days)}


class Bench:
    """One source, read once, and reconciled as often as asked."""

    def __init__(
        self,
        source: str,
        simulator: Running,
        url: str,
        root: Path,
        *,
        days: int = 20,
        streams: Sequence[str] = ("warehouses", "catalogue", "stock", "orders", "sales", "finance"),
        read: bool = True,
        account: str = "",
    ) -> None:
        """`read`: False where the database has been read into already; `account`: its name in the settings."""
        plugin: Any = plugins.load(plugins.SOURCES, source)
        options = options_of(source, simulator, days)
        slot = SourceSlot(
            account or source,
            plugin.title,
            plugin.streams,
            lambda tools: plugin(options, waits_at_once(tools)),
            None,
        )
        shop = OwnShop()
        self.database, self.raw_store, self.source = Database(url), RawStore(root / "raw"), slot.name
        self.service = SyncService(
            database=self.database,
            raw_store=self.raw_store,
            sources={slot.name: slot},
            now=lambda: NOW,
            monotonic=time.monotonic,
            shop=shop,
            schedule=Schedule(None, shop.zone),
            owner="test",
        )
        told = {each.name for each in plugin.streams}
        if read:
            self.sync([each for each in streams if each in told])

    def sync(self, streams: Sequence[str]) -> None:
        self.service.request(trigger=Trigger.BUTTON, streams=list(streams))
        done = self.service.work_once()
        assert done is not None
        assert done.state == RunState.DONE, done.message

    def reconcile(self, first: date = FIRST, end: date = END) -> dict[str, Reconciliation]:
        desk = Reconciliations(self.service)
        desk.request(trigger=Trigger.COMMAND, source=self.source, first_day=first, end_day=end)
        done = self.service.work_once()
        assert done is not None
        assert (done.kind, done.state in {RunState.DONE, RunState.GAPS}) == (RunKind.RECONCILE, True), done.message
        return {each.stream: each for each in desk.newest()}

    def change(self, statement: str, **values: Any) -> int:
        with self.database.write() as connection:
            return connection.execute(text(statement), values).rowcount

    def first(self, query: str) -> Any:
        with self.database.read() as connection:
            return connection.execute(text(query)).one()

    def rows(self, query: str) -> Sequence[Any]:
        with self.database.read() as connection:
            return connection.execute(text(query)).all()

    def close(self) -> None:
        self.raw_store.close()
        self.database.close()


def waits_at_once(tools: SourceTools) -> SourceTools:
    """Waiting costs no time; the limits are another test's."""
    waited = 0.0

    def wait(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    return replace(tools, sleep=wait, monotonic=lambda: time.monotonic() + waited)


def findings(told: Reconciliation) -> dict[str, int]:
    return {each.kind.value: each.rows for each in told.differences if not each.harmless}
