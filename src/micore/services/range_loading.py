"""One stream of a chosen range of days into the database, window by window, beside live syncs.

What is stored from a newer answer stays, the live stream's cursor is not touched, and after each step a live sync that
waits is let through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from micore.domain.instants import micros
from micore.domain.records import (
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    ReturnRecord,
    SaleRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.domain.run_views import StreamState
from micore.errors import SourceProtocolError
from micore.services.loaders import Counts, Loader, Outcome
from micore.services.loading import load_stream, steps, write_step
from micore.services.reconcile import reconcile
from micore.services.sync_work import SyncWork
from micore.services.writers import FORGETTING, Told
from micore.sources.base import Page, Stream
from micore.sources.ranges import RangePlan, RangeSource
from micore.storage import backfills, stream_states
from micore.storage.database import Connection
from micore.storage.finance import booking_of
from micore.storage.runs import SyncParams


def load(work: SyncWork, stream: Stream) -> Outcome:
    """What is new of a stream, the days that the run is for, or how these compare. Raises as the source does."""
    if work.params.reconcile:
        return reconcile(work, stream)
    return load_stream(work, stream) if work.params.first_day is None else _load_range(work, stream)


def plan_of(source: RangeSource, stream: str, params: SyncParams) -> RangePlan:
    """The same plan whenever it is asked for: a range is cut on the day it was asked on."""
    assert params.first_day is not None and params.end_day is not None and params.asked_day is not None
    days = (date.fromisoformat(params.first_day), date.fromisoformat(params.end_day))
    return source.plan_range(stream, *days, today=date.fromisoformat(params.asked_day))


def _load_range(work: SyncWork, stream: Stream) -> Outcome:
    source = work.source
    assert isinstance(source, RangeSource)
    windows = plan_of(source, stream.name, work.params).windows
    with work.database.write() as connection:
        at = backfills.begin(connection, work.run_id, stream.name, windows=len(windows))
    loader = RangeLoader(work, stream)
    total = Counts()
    for number in range(at.windows_done, len(windows)):
        cursor = at.cursor if number == at.windows_done else None
        loader.window, whole = number, False
        for pages in steps(source.read_range(stream.name, *windows[number], cursor), work.monotonic):
            total.add(write_step(work, loader, pages))
            work.listener.run_changed(work.run_id)
            loader.after_step(pages[-1])
            whole = pages[-1].done
            work.stop_point()
            work.give_way()
        if not whole:
            raise SourceProtocolError(source.name, path=stream.name, problem="the reading ended without its end")
    return loader.finish(total, None)


class RangeLoader(Loader):
    """Merges rows on their natural keys where nothing newer is stored, and moves the backfill's own cursor."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self.window = 0
        """Which window of the range is being read."""

    def write(self, connection: Connection, told: Sequence[Told]) -> int:
        work = self.work
        ids = [_id_of(fact) for each in told for fact in _facts(each)]
        # What was stored since the first of these answers is as new as any of them.
        received_at = min(micros(each.page.raw.received_at) for each in told)
        stored, newer = backfills.known(connection, work.account_id, self.stream.name, ids, received_at=received_at)
        if self.stream.name == "finance":
            newer |= self._of_newer_bookings(connection, ids, received_at)
        # An order is told whole: where one line of it is newer, the others are too.
        parts = [each._replace(records=[fact for fact in _facts(each) if _id_of(fact) not in newer]) for each in told]
        changed = super().write(connection, parts)
        skus = work.identity.skus
        older = [fact for each in parts for fact in _facts(each)]
        keys = {(_id_of(fact), None if (sku := _sku_of(fact)) is None else skus[sku]) for fact in older}
        new = len(keys - stored)
        backfills.count_new(connection, work.run_id, self.stream.name, new)
        return changed

    def _of_newer_bookings(self, connection: Connection, ids: Sequence[str], received_at: int) -> set[str]:
        """A booking is told whole, too: a part that a newer answer lacks must not come back."""
        bookings = backfills.newer_bookings(
            connection, self.work.account_id, map(booking_of, ids), received_at=received_at
        )
        return {each for each in ids if booking_of(each) in bookings}

    def forget_untold(self, connection: Connection, page: Page) -> int:
        # Where anything of it is stored from a newer answer, that one has told it whole.
        forget, at = FORGETTING.get(self.stream.name), micros(page.raw.received_at)
        return forget(self.work, connection, page, at) if forget is not None and page.whole_of else 0

    def save(self, connection: Connection, page: Page) -> None:
        backfills.move(
            connection,
            self.work.run_id,
            self.stream.name,
            windows_done=self.window + page.done,
            cursor=None if page.done else page.cursor,
        )

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        # Whether a day has enough rows is the live reading's to judge: it alone reads each day to its end.
        del total, before
        self.work.show()
        return Outcome(StreamState.DONE, self._rejected())


Fact = OrderRecord | SaleRecord | ReturnRecord | SupplyRecord | FinanceRecord | StorageCostRecord | FunnelRecord
"""What incremental streams are made of; each names the marketplace's id first, and mostly a sku."""


def _facts(told: Told) -> Sequence[Fact]:
    return cast("Sequence[Fact]", told.records)


def _id_of(fact: Fact) -> str:
    return fact[0]


def _sku_of(fact: Fact) -> str | None:
    """None where it belongs to no product, or to a whole card."""
    return None if isinstance(fact, FunnelRecord) else fact.sku_id
