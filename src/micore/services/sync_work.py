"""What the streams of one sync run share: the database, the account's ids, the clocks, who listens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from micore.domain.instants import DayTurner, business_day, instant, micros
from micore.errors import StopRequestedError
from micore.services.shop import Shop
from micore.sources.base import Source, Stream, StreamKind
from micore.storage import events, identity, raw, runs, stream_states, summary
from micore.storage.database import Connection, Database

SHOW_EVERY_SECONDS = 10.0
"""Streams that end sooner after one another are shown together: the work is per product, whatever changed of it."""


class SyncListener(Protocol):
    """Told after each commit; must not block."""

    def published(self, source: str, generation: int, as_of: datetime) -> None:
        """What is shown has changed."""
        ...

    def run_changed(self, run_id: int) -> None:
        """A run's figures or state have changed."""
        ...


@dataclass(slots=True)
class SyncWork:
    """What all streams of a run share."""

    database: Database
    raw_store: raw.RawStore
    source: Source
    slot: str
    """"ozon", "ozon-2": the source's name as runs and metrics have it."""
    identity: identity.Identity
    run_id: int
    owner: str
    params: runs.SyncParams
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    shop: Shop
    listener: SyncListener
    stopping: threading.Event
    """The program wants to end."""
    attempt: int = 1
    """More than 1 when an earlier worker died in this run."""
    stop_requested: bool = False
    as_of: int = 0
    """The marketplace's clock, as far as it has been read."""
    give_way: Callable[[], None] = lambda: None
    """Raises GiveWayError where another run is more urgent; backfills ask between steps."""
    turner: DayTurner = field(init=False)
    _shown_at: float = field(init=False)
    """Monotonic seconds of the last publish of this run, or of its beginning."""
    _put_off: bool = field(init=False)
    """A stream has ended that is to be shown yet."""

    def __post_init__(self) -> None:
        self.turner = DayTurner(self.shop.zone)
        self._shown_at = self.monotonic()
        # What a worker that died has put off, nobody knows.
        self._put_off = self.attempt > 1

    @property
    def account_id(self) -> int:
        return self.identity.account_id

    def now_micros(self) -> int:
        """Our clock."""
        return micros(self.now())

    def today(self) -> date:
        """The shop's day by the marketplace's clock, or by ours before anything was read."""
        return business_day(self.as_of or self.now_micros(), self.shop.zone)

    def keep_lease(self, connection: Connection) -> None:
        """Part of each step's transaction. Raises LeaseLostError: nothing of the step may then be written."""
        if not runs.renew(connection, self.run_id, self.owner, now=self.now_micros()):
            self.stop_requested = True

    def stop_point(self) -> None:
        """Between steps. Raises StopRequestedError when a person or the end of the program wants the run to stop."""
        if self.stop_requested or self.stopping.is_set():
            raise StopRequestedError("the run was asked to stop")

    def publish(self, connection: Connection) -> int:
        """Bring the summary up to date and count the generation up; part of the publishing transaction."""
        basis = summary.SummaryBasis(self.shop.thresholds, self.today(), self.shop.zone)
        # Two publishers at once would each miss what the other marks.
        self.database.dialect.serialise(connection, "publish")
        summary.refresh(connection, basis)
        self._shown_at, self._put_off = self.monotonic(), False
        return events.next_generation(connection, events.STOCK, now=self.now_micros(), note=basis.note())

    def show_stream(self) -> None:
        """A stream has ended: make what shows keep up with what was loaded, or put it off for those that follow.

        Only a moment, and not behind the run's end: `show_rest` then makes up for it.
        """
        self._put_off = True
        if self.monotonic() - self._shown_at >= SHOW_EVERY_SECONDS:
            self.show_rest()

    def show_rest(self) -> None:
        """What was put off; at the end of a run, also of one that a person stops."""
        if not self._put_off:
            return
        with self.database.write() as connection:
            if not summary.is_behind(connection):
                return
            generation = self.publish(connection)
        self.listener.published(self.slot, generation, instant(self.as_of))

    def cursor(self, stream: Stream) -> stream_states.StreamCursor | None:
        """Where a stream stands."""
        with self.database.read() as connection:
            return stream_states.load_cursor(connection, self.account_id, stream.name)


def streams_of(source: Source, params: runs.SyncParams) -> list[Stream]:
    """What a run is about. Comparisons go by what is compared, whatever streams the source has it from."""
    if params.reconcile:
        return [Stream(name, StreamKind.INCREMENTAL) for name in params.streams or ()]
    return [stream for stream in source.streams if params.streams is None or stream.name in params.streams]
