"""How a backfill lets live syncs pass it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from micore.domain.instants import micros
from micore.errors import GiveWayError
from micore.services.schedule import Schedule
from micore.storage import backfills, runs
from micore.storage.database import Database


def way_giver(
    kind: str, *, database: Database, schedule: Schedule, sources: Sequence[str], now: Callable[[], datetime]
) -> Callable[[], None]:
    """What raises GiveWayError once a live sync waits, or the schedule wants one since now; for a live sync nothing."""
    if kind == runs.SYNC:
        return lambda: None
    began = now()

    def give_way() -> None:
        at = now()
        with database.read() as connection:
            waits = backfills.live_run_waits(connection, sources=sources, now=micros(at))
        if waits or schedule.latest_tick(after=began, until=at) is not None:
            raise GiveWayError("a live sync waits")

    return give_way
