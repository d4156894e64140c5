"""What the streams of one sync run share: the database, the account's ids, the clocks, who listens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from micore.domain.instants import DayTurner, business_day, instant, micros
from micore.errors import LeaseLostError, MicoreError, StopRequestedError
from micore.services.shop import Shop
from micore.sources.base import Source, Stream, StreamKind
from micore.storage import events, identity, raw, runs, stream_states, summary
from micore.storage.database import Connection, Database

PUT_OFF_SECONDS = 10.0
"""So long a listing may wait to be shown together with the stock that is read after it: the work is per product,
whatever changed of it."""


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
    begun_before: bool = False
    """Another worker, or this one, has left the run open."""
    stock_follows: bool = False
    """Of the streams that this run reads yet, one publishes stock."""
    _put_off_at: float | None = field(init=False)
    """Monotonic seconds since when a listing waits to be shown; None: none does."""

    def __post_init__(self) -> None:
        self.turner = DayTurner(self.shop.zone)
        # What was put off before, nobody knows.
        self._put_off_at = self.monotonic() if self.begun_before else None

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
        return events.next_generation(connection, events.STOCK, now=self.now_micros(), note=basis.note())

    def show(self) -> None:
        """Make what shows keep up with what was loaded."""
        with self.database.write() as connection:
            generation = self.publish(connection) if summary.is_behind(connection) else None
        self._put_off_at = None
        if generation is not None:
            self.listener.published(self.slot, generation, instant(self.as_of))

    def show_listing(self) -> None:
        """The same of a listing, a moment later where stock follows: its publish shows both."""
        if not self.stock_follows:
            self.show()
        elif self._put_off_at is None:
            self._put_off_at = self.monotonic()

    def show_due(self) -> None:
        """Between steps of listings and of stock, of which nothing unfinished can be seen: what was put off long
        enough."""
        if self._put_off_at is not None and self.monotonic() - self._put_off_at >= PUT_OFF_SECONDS:
            self.show()

    def show_rest(self) -> None:
        """What was put off and nothing has shown since."""
        if self._put_off_at is not None:
            self.show()

    @contextlib.contextmanager
    def shown_at_the_end(self) -> Iterator[None]:
        """Behind the block nothing that was put off is left, however it ends, unless another worker goes on with it."""
        try:
            yield
        except LeaseLostError:
            raise
        except Exception:
            # At the end of the program it waits for the worker that takes the run up.
            if not self.stopping.is_set():
                with contextlib.suppress(MicoreError):
                    self.show_rest()
            raise
        self.show_rest()

    def cursor(self, stream: Stream) -> stream_states.StreamCursor | None:
        """Where a stream stands."""
        with self.database.read() as connection:
            return stream_states.load_cursor(connection, self.account_id, stream.name)


def streams_of(source: Source, params: runs.SyncParams) -> list[Stream]:
    """What a run is about. Comparisons go by what is compared, whatever streams the source has it from."""
    if params.reconcile:
        return [Stream(name, StreamKind.INCREMENTAL) for name in params.streams or ()]
    return [stream for stream in source.streams if params.streams is None or stream.name in params.streams]
