"""One installation of micore on a throw-away database, reading a made-up shop by the real services."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from benchmarks.homes import Home
from benchmarks.made_up import MadeUpShop, MadeUpSource, fill_catalogue
from micore.domain.run_views import Run, RunState, Trigger
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import NullListener, SourceSlot, SyncService
from micore.storage.database import Database
from micore.storage.raw import RawStore

_numbers = count(1)


@dataclass
class Installation:
    """A database with a catalogue in it, and the service that loads its stock."""

    database: Database
    service: SyncService
    shop: MadeUpShop

    def sync(self) -> Run:
        """Read all stock once. Raises RuntimeError when that does not come through."""
        self.service.request(trigger=Trigger.COMMAND)
        run = self.service.work_once()
        if run is None or run.state is not RunState.DONE:
            raise RuntimeError(f"The load of the benchmark did not come through: {run}")
        return run


@contextmanager
def installation(home: Home, shop: MadeUpShop, listener: NullListener | None = None) -> Iterator[Installation]:
    """An installation with the shop's catalogue, and no stock yet."""
    with home.database() as database:
        fill_catalogue(database, shop)
        raw_store = RawStore(home.folder / f"raw-{next(_numbers)}")
        rules = Shop()
        service = SyncService(
            database=database,
            raw_store=raw_store,
            sources={
                MadeUpSource.name: SourceSlot(
                    MadeUpSource.name,
                    MadeUpSource.title,
                    MadeUpSource.streams,
                    lambda tools: MadeUpSource(shop, tools),
                    None,
                )
            },
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            shop=rules,
            schedule=Schedule.parse("*/30 * * * *", rules.zone),
            owner="benchmarks",
            listener=listener or NullListener(),
        )
        try:
            yield Installation(database, service, shop)
        finally:
            raw_store.close()
