"""How each kind of stream is loaded: rows merged, listings compared as a whole, snapshots staged and published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import structlog

from micore.domain.findings import Finding
from micore.domain.instants import MICROS_PER_SECOND, instant, micros
from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    Holder,
    OrderRecord,
    PlaceKind,
    PlaceRecord,
    ReturnRecord,
    SaleRecord,
    SkuHint,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.domain.run_views import StreamState
from micore.services import checks
from micore.services.rejections import Rejections
from micore.services.sync_work import SyncWork
from micore.services.writers import FORGETTING, WRITERS, Told
from micore.sources.base import OrderingSource, Page, Stream, StreamKind
from micore.storage import events, identity, quarantines, runs, stock, stream_states, summary, volumes
from micore.storage.bulk import bulk_for
from micore.storage.database import Connection

log = structlog.get_logger(__name__)

RESUME_SNAPSHOT_SECONDS = 30 * 60
"""A snapshot that was broken off longer ago is begun anew: its parts would be of different times."""
LEAST_SHARE = 0.5
"""A reading with no more than this share of the rows of the last one is not believed at once."""
CONFIRM_WITHIN = 0.1
"""A second reading of the same size, within this share, is believed."""
_MARKETPLACE_HELD = ("FBO", "FBW")
_GROWING = {
    "orders": "order_line",
    "sales": "sale",
    "finance": "finance_line",
    "storage_cost": "storage_cost",
    "funnel": "funnel_day",
}
_NamesSku = StockRecord | OrderRecord | SaleRecord | ReturnRecord | SupplyRecord | FinanceRecord | StorageCostRecord
_NamesPlace = StockRecord | OrderRecord | SupplyRecord
_NAMES_A_SKU, _NAMES_A_PLACE = frozenset(get_args(_NamesSku)), frozenset(get_args(_NamesPlace))
SMALL_READING = 20
"""Below this many rows a share says nothing."""
HELD_DAYS = "What came is loaded, but counts as incomplete until a second reading agrees or a person believes it."
HELD_LISTING = "What came is loaded, what is missing stays until a second reading agrees or a person believes it."


@dataclass(slots=True)
class Outcome:
    """What came of a stream."""

    state: StreamState
    message: str | None = None


@dataclass(slots=True)
class Counts:
    """Rows of a step."""

    read: int = 0
    loaded: int = 0
    unchanged: int = 0
    rejected: int = 0
    pages: int = 0

    def add(self, other: Counts) -> None:
        self.read += other.read
        self.loaded += other.loaded
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.pages += other.pages


class Loader:
    """How one kind of stream is written. The base merges rows on their natural keys."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        self.work, self.stream = work, stream
        self.found: list[Finding] = []
        """What a person should know of the stream, beside what becomes of it."""
        self.unknown_skus: dict[str, None] = {}
        """Named by rows, and not held by the catalogue."""
        self.rejections = Rejections(work, stream)
        self._steps = 0
        self._unbelieved = False
        """Something of this reading was not believed."""

    def resume(self) -> str | None:
        """The source's cursor to go on from."""
        found = self.work.cursor(self.stream)
        # A full reading goes on only with itself: the windows of a broken small one are not everything.
        if found is None:
            return None
        cursor = str(json.loads(found.cursor)["source"])
        if not self.work.params.full or not (found.complete or self.work.attempt == 1):
            return cursor
        source = self.work.source
        return source.still_ordered(self.stream.name, cursor) if isinstance(source, OrderingSource) else None

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        """Make what the rows refer to.

        A row whose sku or place nobody describes is still a fact about them; they are shown under their number until
        their own stream tells more.
        """
        known, now = self.work.identity, self.work.now_micros()
        places = [each for page in pages for each in page.places]
        hints = [each for page in pages for each in page.skus]
        for page in pages:
            # Each id is looked at once: rows name few different ones.
            naming = cast("list[_NamesSku]", [each for each in page.records if type(each) in _NAMES_A_SKU])
            for sku_id in dict.fromkeys(each.sku_id for each in naming):
                if sku_id is not None and sku_id not in known.skus:
                    hints.insert(0, SkuHint(sku_id, "", ""))
                    self.unknown_skus[sku_id] = None
            rows = cast("list[_NamesPlace]", [each for each in page.records if type(each) in _NAMES_A_PLACE])
            # Of several the first counts.
            named = {row.place_id: row for row in reversed(rows)}
            for place_id, row in named.items():
                if place_id and place_id not in known.places:
                    scheme = row.scheme if isinstance(row, OrderRecord) else page.scope.upper()
                    places.insert(0, _nameless_place(place_id, scheme))
        identity.ensure_places(connection, known, places, now=now)
        identity.ensure_skus(connection, known, hints, now=now)

    def write(self, connection: Connection, told: Sequence[Told]) -> int:
        """Write rows; returns how many were new or changed."""
        return WRITERS[self.stream.name](self.work, connection, told)

    def forget_untold(self, connection: Connection, page: Page) -> int:
        """Take away what an earlier answer told of something that this page tells whole, and this one does not."""
        forget = FORGETTING.get(self.stream.name)
        return forget(self.work, connection, page, None) if forget is not None and page.whole_of else 0

    def save(self, connection: Connection, page: Page) -> None:
        """Move the cursor past this page."""
        self._save(connection, page, scope=None, complete=page.done)

    def _save(self, connection: Connection, page: Page, *, scope: str | None, complete: bool) -> None:
        before = stream_states.load_cursor(connection, self.work.account_id, self.stream.name)
        kept = {"source": page.cursor, "scope": scope, "unbelieved": self._unbelieved}
        if self.stream.name in volumes.DAYS and (began := _began(before)) is not None:
            kept["began"] = began
        stream_states.save_cursor(
            connection,
            self.work.account_id,
            self.stream.name,
            stream_states.StreamCursor(
                cursor=json.dumps(kept),
                complete=complete,
                as_of=micros(page.as_of) if complete else before.as_of if before else None,
                rows_last=before.rows_last if before else None,
                changed_at=self.work.now_micros(),
            ),
        )

    def snapshot_id(self, page: Page) -> int | None:
        """The snapshot a page belongs to; only snapshot streams have them."""
        del page
        return None

    def after_step(self, page: Page) -> None:
        """What is to be done once a step is committed."""
        del page
        self._steps += 1
        table = _GROWING.get(self.stream.name)
        # At the 1st, 2nd, 4th, 8th ... step: each time the table may have doubled.
        if table is not None and self._steps & (self._steps - 1) == 0:
            with self.work.database.write() as connection:
                bulk_for(connection).measure(connection, table)

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        """Publish what changed and say how it went.

        Rows of days that have too few are facts and stay, but they are not published: the next reading begins where
        this one began, and what it finds is believed.
        """
        del total
        work = self.work
        with work.database.write() as connection:
            doubted = checks.doubted_days(work, connection, self.stream.name)
            self._judged(connection, before, again=bool(doubted))
        if doubted:
            self.found += doubted
            days = " ".join(each.message for each in doubted)
            return Outcome(StreamState.HELD, f"{days} {HELD_DAYS}")
        self.work.show()
        return Outcome(StreamState.DONE, self._rejected())

    def pause(self) -> Outcome:
        """Publish what changed; the reading is not whole, so nothing of it is judged before the run that ends it."""
        self.work.show()
        log.info("sync.stream_paused", source=self.work.slot, stream=self.stream.name)
        return Outcome(StreamState.DONE, self._rejected())

    def _judged(self, connection: Connection, before: stream_states.StreamCursor | None, *, again: bool) -> None:
        """What came has been judged: the next reading goes on behind it, or begins where this one did.

        Only a reading that asked for the same days anew may confirm what was doubted.
        """
        found = stream_states.load_cursor(connection, self.work.account_id, self.stream.name)
        if found is None or before is None:
            return
        kept = json.loads(found.cursor)
        began = kept.pop("began", None)
        if began is None:
            return
        judged = found
        if again:
            kept, judged = {"source": began, "scope": None, "unbelieved": False}, before
        stream_states.save_cursor(
            connection,
            self.work.account_id,
            self.stream.name,
            replace(judged, cursor=json.dumps(kept), complete=True),
        )

    def _rejected(self) -> str | None:
        """What to say of rejected rows: from the table, so that what an earlier worker of this run found is told."""
        with self.work.database.read() as connection:
            return _rejected_message(*runs.counted_rows(connection, self.work.run_id, self.stream.name))


def _began(before: stream_states.StreamCursor | None) -> str | None:
    """Where the reading began that goes on now, or the first of several that nobody has judged; None before any."""
    if before is None:
        return None
    kept: dict[str, str | None] = json.loads(before.cursor)
    began = kept.get("began")
    return began if began is not None or not before.complete else kept["source"]


class ListingLoader(Loader):
    """A listing is read whole each time; what a whole reading lacks is retired, unless the reading shrank."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self._seen: set[str] = set()
        self._nameless = False

    def resume(self) -> str | None:
        # Only a reading that is whole from its first page on tells what is missing. Reading a listing again costs
        # seconds and writes nothing that has not changed, so a broken one begins anew.
        return None

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        del connection  # a listing is what others refer to
        self._seen |= {each.sku_id for page in pages for each in page.records if isinstance(each, CatalogueRecord)}
        # A row that could not be believed is still there; one that does not say which it is may be any.
        rejected = {row.key for page in pages for row in page.rejected}
        self._seen |= rejected
        self._nameless = self._nameless or not rejected <= self.work.identity.skus.keys()

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        # Cards are counted once each: a walk that the source had to begin again reads its first pages twice.
        work, rows = self.work, len(self._seen) if self.stream.name == "catalogue" else total.read
        last = before.rows_last if before and before.rows_last else 0
        shrunken = last >= SMALL_READING and rows <= last * LEAST_SHARE
        believed = not shrunken or work.params.believe
        retired: set[str] = set()
        with work.database.write() as connection:
            doubted = checks.doubted_reading(work, connection, self.stream.name, "", rows) if believed else None
            believed = believed and doubted is None
            if believed:
                if self.stream.name == "catalogue" and not self._nameless:
                    retired = identity.retire_missing(connection, work.identity, self._seen, now=work.now_micros())
                    summary.mark_dirty(connection, [work.identity.products[each] for each in retired])
                stream_states.remember_rows(connection, work.account_id, self.stream.name, rows)
                quarantines.supersede_untold(
                    connection, work.account_id, self.stream.name, run_id=work.run_id, now=work.now_micros()
                )
        self.work.show_listing()
        if doubted is not None:
            self.found.append(doubted)
            return Outcome(StreamState.HELD, f"{doubted.message} {HELD_LISTING}")
        if not believed:
            return Outcome(
                StreamState.HELD,
                f"Only {rows:,} of {last:,} rows came. What came is loaded, what is missing was kept; "
                "`micore sync --believe` retires it.",
            )
        # A listing begins anew each time: an earlier worker's rows are among these.
        return Outcome(StreamState.DONE, _rejected_message(total.read, total.rejected))


class SnapshotLoader(Loader):
    """A snapshot is staged per scope and published when it is whole; until then nothing of it shows."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self._open: stock.Snapshot | None = None
        self._answered: set[str] = set()
        self._rows = 0
        self._stale = 0

    def resume(self) -> str | None:
        work = self.work
        found = work.cursor(self.stream)
        if found is None or work.params.full:
            return None
        if found.complete:
            # What was held waits for a second whole reading; a source that tells only what is new would never give it.
            last: dict[str, Any] = json.loads(found.cursor)
            return None if last.get("unbelieved") else str(last["source"])
        if work.now_micros() - found.changed_at > RESUME_SNAPSHOT_SECONDS * MICROS_PER_SECOND:
            return None
        saved: dict[str, Any] = json.loads(found.cursor)
        if saved["scope"] is not None:
            with work.database.read() as connection:
                self._open = stock.staged_snapshot(connection, work.account_id, saved["scope"])
            if self._open is None:
                return None
        self._unbelieved = bool(saved.get("unbelieved"))
        return str(saved["source"])

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        super().prepare(connection, pages)
        first = pages[0]
        if not first.scope:
            return  # nothing has changed since the last reading
        # The source may begin a scope anew by itself: its instant then is another.
        if self._open is None or (self._open.scope, self._open.as_of) != (first.scope, micros(first.as_of)):
            self._open = stock.open_snapshot(
                connection, self.work.account_id, self.work.run_id, first.scope, as_of=micros(first.as_of)
            )

    def write(self, connection: Connection, told: Sequence[Told]) -> int:
        if self._open is None:
            return 0
        skus, places = self.work.identity.skus, self.work.identity.places
        rows = [
            stock.StockRow(skus[each.sku_id], places[each.place_id], *each[2:], part.raw_id)
            for part in told
            for each in cast("Sequence[StockRecord]", part.records)
        ]
        for part in told:
            self._answered.update(part.page.seen)
        stock.stage(connection, self._open, rows)
        stock.claim_places(connection, sorted({row.place_id for row in rows}), told[-1].page.scope)
        return 0

    def save(self, connection: Connection, page: Page) -> None:
        # The cursor passes a scope only with its publish: a crash between the two must not lose the scope.
        if not page.scope_done:
            self._save(connection, page, scope=page.scope or None, complete=page.done)

    def snapshot_id(self, page: Page) -> int | None:
        del page
        return None if self._open is None else self._open.id

    def after_step(self, page: Page) -> None:
        if not page.scope_done:
            return
        assert self._open is not None
        work, snapshot = self.work, self._open
        with work.database.write() as connection:
            reason = self._doubt(connection, snapshot)
            if reason is not None:
                stock.hold(connection, snapshot, work.run_id, reason=reason)
                self._unbelieved = True
            generation = None if reason is not None else self._publish(connection, snapshot)
            # The scope is behind us whatever became of it; with the last one the reading is whole.
            self._save(connection, page, scope=None, complete=page.done)
            work.keep_lease(connection)
        self._open = None
        self._answered.clear()
        if generation is not None:
            work.listener.published(work.slot, generation, instant(work.as_of))
        work.listener.run_changed(work.run_id)

    def _doubt(self, connection: Connection, snapshot: stock.Snapshot) -> str | None:
        """Why a whole reading is not believed; None when it is."""
        work, scope = self.work, snapshot.scope.upper()
        shown = stock.shown_as_of(connection, work.account_id, snapshot.scope)
        if shown is not None and snapshot.as_of < shown:
            earlier, later = (f"{instant(each):%Y-%m-%d %H:%M} UTC" for each in (snapshot.as_of, shown))
            return f"{scope}: read at {earlier} by the marketplace's clock, but stock of {later} is shown already"
        found, rows = stock.doubt(
            connection, work.account_id, snapshot, least_share=LEAST_SHARE, confirm=CONFIRM_WITHIN
        )
        if found is not None and not work.params.believe and not (found.rows and found.rows_before < SMALL_READING):
            return f"{scope}: only {found.rows:,} of {found.rows_before:,} rows came"
        doubted = checks.doubted_reading(work, connection, self.stream.name, snapshot.scope, rows)
        if doubted is None:
            return None
        self.found.append(doubted)
        return doubted.message.rstrip(".")

    def _publish(self, connection: Connection, snapshot: stock.Snapshot) -> int | None:
        """The new generation; None when the very same instant is shown already."""
        work = self.work
        done, touched = stock.publish(connection, work.account_id, snapshot, now=work.now_micros())
        if done is None:
            return None
        told = identity.mark_told(connection, work.identity, self._answered, as_of=snapshot.as_of)
        summary.mark_dirty(connection, [work.identity.products[each] for each in told])
        summary.mark_dirty_skus(connection, touched)
        quarantines.supersede_scope(
            connection,
            work.account_id,
            self.stream.name,
            scope=snapshot.scope,
            snapshot_id=snapshot.id,
            now=work.now_micros(),
        )
        self._rows += done.rows
        self._stale += done.stale
        runs.move_unchanged(connection, work.run_id, self.stream.name, loaded=done.changed - done.vanished)
        events.append_event(
            connection,
            at=work.now_micros(),
            kind="stock.published",
            actor=f"sync:{work.run_id}",
            subject=f"{work.slot}:{snapshot.scope}",
            payload={"snapshot": snapshot.id, "as_of": snapshot.as_of, "rows": done.rows, "changed": done.changed},
        )
        return work.publish(connection)

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        del total, before
        with self.work.database.read() as connection:
            held = stock.held_reasons(connection, self.work.run_id)
        if held:
            return Outcome(
                StreamState.HELD,
                f"{'; '.join(held)}. The earlier stock stays until a second reading agrees or a person believes it.",
            )
        if self._rows:
            with self.work.database.write() as connection:
                stream_states.remember_rows(connection, self.work.account_id, self.stream.name, self._rows)
        message = self._rejected()
        if self._stale:
            message = f"{message or ''} {self._stale:,} earlier figures stay, marked stale.".strip()
        return Outcome(StreamState.DONE, message)


def _nameless_place(place_id: str, scheme: str) -> PlaceRecord:
    holder = Holder.MARKETPLACE if scheme in _MARKETPLACE_HELD else Holder.SELLER
    return PlaceRecord(PlaceKind.WAREHOUSE, place_id, place_id, holder, scheme, None)


def _rejected_message(read: int, rejected: int) -> str | None:
    if not rejected:
        return None
    return f"{rejected:,} of {read:,} rows could not be believed and wait in quarantine; the others are in."


LOADERS: dict[StreamKind, type[Loader]] = {
    StreamKind.LISTING: ListingLoader,
    StreamKind.SNAPSHOT: SnapshotLoader,
    StreamKind.INCREMENTAL: Loader,
}
