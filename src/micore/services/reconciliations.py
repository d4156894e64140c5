"""Asking for reconciliations, and what the newest ones say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from micore.domain.instants import micros
from micore.domain.reconcile_views import Reconciliation
from micore.domain.run_views import Run, Trigger
from micore.errors import InvalidRequestError, StopRequestedError
from micore.services.comparing import MOSCOW
from micore.services.sync import SyncService
from micore.slots import plugin_of
from micore.sources.base import SourceTools
from micore.sources.own_figures import OwnFiguresSource
from micore.storage import reconciliations, runs

USUAL_DAYS = 7
COMPARED = ("orders", "sales", "stock", "finance")
"""Of a source that tells own figures; those of which it tells none are named as such."""


@dataclass(frozen=True, slots=True)
class Reconciliations:
    """Reconciling on request; the sync's worker does it."""

    sync: SyncService
    wake: Callable[[], None] = lambda: None
    """Makes the worker look into the queue."""

    def newest(self, source: str | None = None) -> list[Reconciliation]:
        """The newest result of each account and stream; with a marketplace ("ozon") those of all its accounts, with
        one account's name ("ozon-2") that one's.

        Raises InvalidRequestError.
        """
        slots = self.sync.sources.values()
        known = sorted({slot.name for slot in slots} | {plugin_of(slot.name) for slot in slots})
        if source is not None and source not in known:
            raise InvalidRequestError("source", received=source, allowed=", ".join(known) or "none is installed")
        with self.sync.database.read() as connection:
            found = reconciliations.newest(connection)
        return [each for each in found if source in {None, each.source, plugin_of(each.source)}]

    def results(self, run_ids: list[int]) -> list[Reconciliation]:
        """What these runs found, or why they found nothing, where nothing newer has come since."""
        return [each for each in self.newest() if {each.run_id, each.failed and each.failed.run_id} & {*run_ids}]

    def request(
        self, *, trigger: Trigger, source: str | None, first_day: date | None = None, end_day: date | None = None
    ) -> list[Run]:
        """Queue one for each source that has own figures, or the one named; the last seven whole days by default.

        Raises InvalidRequestError.
        """
        today = self.sync.now().astimezone(MOSCOW).date()
        first, end = _days(first_day, end_day, today)
        now = micros(self.sync.now())
        asked = {slot.name: self._streams(slot.name, first, today) for slot in self.sync.readable(source)}
        if not any(asked.values()):
            raise InvalidRequestError("source", received=str(source), allowed="a source that tells own figures")
        with self.sync.database.write() as connection:
            ids = [
                reconciliations.enqueue(
                    connection, source=name, trigger=trigger, params=_params(streams, first, end, today), now=now
                )
                for name, streams in asked.items()
                if streams
            ]
            requested = [runs.get_run(connection, run_id, now=now) for run_id in ids]
        for run_id in ids:
            self.sync.listener.run_changed(run_id)
        self.wake()
        return requested

    def _streams(self, source: str, first: date, today: date) -> tuple[str, ...]:
        slot = self.sync.readable(source)[0]
        assert slot.open is not None
        opened = slot.open(SourceTools(now=self.sync.now, monotonic=self.sync.monotonic, sleep=_never))
        try:
            if not isinstance(opened, OwnFiguresSource):
                return ()
            kept = opened.own_days(today)
            if first < kept:
                raise InvalidRequestError("from", received=str(first), allowed=f"{kept} or later for {source}")
            return COMPARED
        finally:
            opened.close()


def _days(first_day: date | None, end_day: date | None, today: date) -> tuple[date, date]:
    end = end_day or today
    # The year 1 has no seven days before it.
    first = first_day or max(end, date.min + timedelta(days=USUAL_DAYS)) - timedelta(days=USUAL_DAYS)
    if not first < end <= today + timedelta(days=1):
        raise InvalidRequestError("to", received=f"{first} to {end}", allowed="days that have begun")
    return first, end


def _params(streams: tuple[str, ...], first: date, end: date, today: date) -> runs.SyncParams:
    first_day, end_day, asked_day = (each.isoformat() for each in (first, end, today))
    return runs.SyncParams(streams, first_day=first_day, end_day=end_day, asked_day=asked_day, reconcile=True)


def _never(seconds: float) -> None:
    raise StopRequestedError(f"nothing is asked yet, so nothing can have to wait {seconds} s")
