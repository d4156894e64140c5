"""How supplies are loaded: merged like other facts, and cancelled where the marketplace no longer tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from micore.domain.instants import micros
from micore.domain.records import SupplyRecord
from micore.domain.run_views import StreamState
from micore.services.loaders import LEAST_SHARE, SMALL_READING, Counts, Loader, Outcome
from micore.services.sync_work import SyncWork
from micore.services.writers import Told
from micore.sources.base import Page, Stream
from micore.storage import flows, stream_states, summary
from micore.storage.database import Connection


class SupplyLoader(Loader):
    """A line taken out of a supply, or a supply that is listed no more, must not count as under way for ever."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self._told: dict[str, set[int]] = {}
        """Our sku ids by supply, while its lines are being told."""
        self._held: str | None = None

    def write(self, connection: Connection, told: Sequence[Told]) -> int:
        # One answer after the other: what a supply has no more is cancelled by the answer that tells it whole.
        return sum(self._write_answer(connection, each) for each in told)

    def _write_answer(self, connection: Connection, told: Told) -> int:
        page, records = told.page, told.records
        changed = super().write(connection, [told])
        skus = self.work.identity.skus
        for each in cast("Sequence[SupplyRecord]", records):
            self._told.setdefault(each.supply_id, set()).add(skus[each.sku_id])
        # A page longer than a step comes in parts; only the last one ends it.
        if not page.records or (records and records[-1] is page.records[-1]):
            self._close(connection, page, told.raw_id)
        return changed

    def _close(self, connection: Connection, page: Page, raw_id: int) -> None:
        kept = {supply_id: self._told.pop(supply_id, set()) for supply_id in page.whole_of}
        kept |= {supply_id: set() for supply_id in self._vanished(connection, page)}
        if not kept:
            return
        work = self.work
        skus = flows.cancel_lines(
            connection, work.account_id, kept, raw_page_id=raw_id, as_of=micros(page.as_of), now=work.now_micros()
        )
        summary.mark_dirty_skus(connection, skus)

    def _vanished(self, connection: Connection, page: Page) -> set[str]:
        """Open supplies that the marketplace lists no more; none where so many are gone that it is not believed."""
        if page.all_open is None:
            return set()
        held = flows.open_supply_ids(connection, self.work.account_id)
        gone = held.difference(page.all_open)
        left = len(held) - len(gone)
        if len(held) >= SMALL_READING and left <= len(held) * LEAST_SHARE and not self.work.params.believe:
            self._held = (
                f"Only {left:,} of {len(held):,} open supplies are listed still. The others were kept; "
                "`micore sync --believe` cancels them."
            )
            return set()
        return gone

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        done = super().finish(total, before)
        return done if self._held is None else Outcome(StreamState.HELD, self._held)
