"""What a run hands to its source of the world: clocks, waiting that keeps the lease, limits that outlive the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from micore.domain.instants import MICROS_PER_SECOND, micros
from micore.errors import StopRequestedError
from micore.sources.base import SourceTools
from micore.storage import barcodes, quarantines, run_owners, runs
from micore.storage.database import Database
from micore.telemetry import metrics

log = structlog.get_logger(__name__)

RENEW_EVERY_SECONDS = 15
SHOWN_WAIT_SECONDS = 10.0
"""A shorter wait for a limit is over before anybody has read of it."""
LOOK_EVERY_SECONDS = 5
"""How soon a backfill that waits for its turn at the marketplace lets a live sync pass."""


@dataclass(slots=True)
class ToolBox:
    """Makes the tools of each run; keeps what sources keep from run to run, apart for each slot."""

    database: Database
    owner: str
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    stopping: threading.Event
    give_way: Callable[[runs.ClaimedRun], Callable[[], None]]
    """What a run does while it waits: a backfill lets a live sync pass."""
    others_ask: bool = True
    """Whether an earlier process may have used up limits that the marketplaces still count."""
    run_changed: Callable[[int], None] = lambda run_id: None
    """Told of a run that begins to wait for a limit."""
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ended: dict[str, int] = field(default_factory=dict)
    """The last run of each slot that this process has worked on to its end."""

    def tools(self, claimed: runs.ClaimedRun, slot: str) -> SourceTools:
        """For the source of a slot, inside a run. Its requests count under the slot's name: two accounts stay apart."""
        return SourceTools(
            now=self.now,
            monotonic=self.monotonic,
            sleep=self._sleeping(claimed),
            on_request=lambda source, endpoint, status, seconds: metrics.count_request(slot, endpoint, status, seconds),
            on_throttled=lambda source, seconds: self._throttled(claimed, slot, seconds),
            sku_of_barcode=barcodes.Barcodes(self.database, claimed.id).sku_of,
            waiting=lambda stream: self._waiting(claimed, stream),
            keep=self.keeping(slot),
            others_until=self._others_until(claimed, slot),
        )

    def _waiting(self, claimed: runs.ClaimedRun, stream: str) -> Collection[str]:
        with self.database.read() as connection:
            account_id = runs.account_of(connection, claimed.id)
            return () if account_id is None else quarantines.waiting_keys(connection, account_id, stream).keys()

    def _throttled(self, claimed: runs.ClaimedRun, slot: str, seconds: float) -> None:
        """Count a wait for a limit; of a long one whoever watches the run is told, and until when."""
        metrics.count_throttled(slot, seconds)
        if seconds < SHOWN_WAIT_SECONDS:
            return
        log.info("sync.waits_for_limit", source=slot, run=claimed.id, seconds=round(seconds, 1))
        until = micros(self.now()) + round(seconds * MICROS_PER_SECOND)
        with self.database.write() as connection:
            runs.wait_until(connection, claimed.id, self.owner, until)
        self.run_changed(claimed.id)

    def ended(self, claimed: runs.ClaimedRun) -> None:
        """This process has worked on a run to its end."""
        self._ended[claimed.source] = claimed.id

    def _others_until(self, claimed: runs.ClaimedRun, slot: str) -> float | None:
        """See SourceTools; forgets what was kept of before."""
        if not self.others_ask:
            return None
        now = micros(self.now())
        with self.database.read() as connection:
            until = run_owners.others_until(
                connection,
                slot,
                owner=self.owner,
                ended=self._ended.get(slot),
                now=now,
                taken_over=claimed.others_until if slot == claimed.source else None,
            )
        if until is None:
            return None
        self._kept.pop(slot, None)
        return self.monotonic() - max(0, now - until) / MICROS_PER_SECOND

    def keeping(self, slot: str) -> Callable[[str, Callable[[], Any]], Any]:
        """SourceTools.keep of a slot."""

        def keep(name: str, make: Callable[[], Any]) -> Any:
            kept = self._kept.setdefault(slot, {})
            if name not in kept:
                kept[name] = make()
            return kept[name]

        return keep

    def _sleeping(self, claimed: runs.ClaimedRun) -> Callable[[float], None]:
        renewed, give_way = self.monotonic(), self.give_way(claimed)

        def sleep(seconds: float) -> None:
            """Wait in pieces: a stop is felt at once, and the lease is kept through a long wait."""
            nonlocal renewed
            until = self.monotonic() + seconds
            while True:
                if self.monotonic() - renewed >= RENEW_EVERY_SECONDS:
                    renewed = self.monotonic()
                    with self.database.write() as connection:
                        if not runs.renew(connection, claimed.id, self.owner, now=micros(self.now())):
                            raise StopRequestedError("the run was asked to stop")
                left = until - self.monotonic()
                if left <= 0:
                    return
                give_way()
                if self.stopping.wait(min(left, LOOK_EVERY_SECONDS)):
                    raise StopRequestedError("the program is ending")

        return sleep
