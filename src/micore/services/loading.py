"""One stream of one account into the database, step by step.

A step is one transaction of at most 5,000 rows: rows, cursor and counters together. Stop anywhere, start again, read
a page twice: the tables are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, cast

import structlog

from micore.domain.instants import MICROS_PER_SECOND, DayTurner, business_day, instant, micros
from micore.domain.records import (
    CatalogueRecord,
    Holder,
    OrderRecord,
    PlaceKind,
    PlaceRecord,
    Record,
    SaleRecord,
    SkuHint,
    StockRecord,
)
from micore.domain.views import StreamState
from micore.errors import MicoreError, StopRequestedError
from micore.services.shop import Shop
from micore.sources.base import Page, Source, Stream, StreamKind
from micore.storage import events, identity, orders, quarantines, raw, runs, stock, summary
from micore.storage.database import Connection, Database
from micore.telemetry import metrics

log = structlog.get_logger(__name__)

ROWS_PER_STEP = 5_000
STEP_SECONDS = 1.0
RESUME_SNAPSHOT_SECONDS = 30 * 60
"""A snapshot that was broken off longer ago is begun anew: its parts would be of different times."""
LEAST_SHARE = 0.5
"""A reading with fewer than this share of the rows of the last one is not believed at once."""
CONFIRM_WITHIN = 0.1
"""A second reading of the same size, within this share, is believed."""
_MARKETPLACE_HELD = ("FBO", "FBW")
SMALL_READING = 20
"""Below this many rows a share says nothing."""


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
    identity: identity.Identity
    run_id: int
    owner: str
    params: runs.SyncParams
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    shop: Shop
    listener: SyncListener
    as_of: int = 0
    """The marketplace's clock, as far as it has been read."""
    turner: DayTurner = field(init=False)

    def __post_init__(self) -> None:
        self.turner = DayTurner(self.shop.zone)

    @property
    def account_id(self) -> int:
        return self.identity.account_id

    def now_micros(self) -> int:
        """Our clock."""
        return micros(self.now())

    def today(self) -> date:
        """The shop's day by the marketplace's clock, or by ours before anything was read."""
        return business_day(self.as_of or self.now_micros(), self.shop.zone)

    def checkpoint(self, connection: Connection) -> None:
        """Keep the lease; raises StopRequestedError when somebody wants the run to stop."""
        if not runs.renew(connection, self.run_id, self.owner, now=self.now_micros()):
            raise StopRequestedError("the run was asked to stop")

    def publish(self, connection: Connection) -> int:
        """Bring the summary up to date and count the generation up; part of the publishing transaction."""
        basis = summary.SummaryBasis(self.shop.thresholds, self.today())
        summary.refresh(connection, basis)
        return events.next_generation(connection, events.STOCK, now=self.now_micros(), note=basis.note())


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


def load_stream(work: SyncWork, stream: Stream) -> Outcome:
    """Read a stream to its end and load it. Raises what the source raises, and StopRequestedError."""
    loader = _LOADERS[stream.kind](work, stream)
    resumed = loader.resume()
    before = runs_cursor(work, stream)
    total = Counts()
    for pages in _steps(
        work.source.read(stream.name, resumed, full=work.params.full and resumed is None), work.monotonic
    ):
        total.add(_write_step(work, loader, pages))
        work.listener.run_changed(work.run_id)
        loader.after_step(pages[-1])
    return loader.finish(total, before)


def runs_cursor(work: SyncWork, stream: Stream) -> runs.StreamCursor | None:
    """Where the stream stood."""
    with work.database.read() as connection:
        return runs.load_cursor(connection, work.account_id, stream.name)


def _steps(pages: Iterator[Page], monotonic: Callable[[], float]) -> Iterator[list[Page]]:
    """Pages of one scope, together small enough for one transaction and young enough to be seen.

    When the source fails, what it gave before is still a step: the next reading goes on after it.
    """
    batch: list[Page] = []
    rows, started = 0, monotonic()
    try:
        for page in pages:
            if batch and (rows + len(page.records) > ROWS_PER_STEP or page.scope != batch[0].scope):
                yield batch
                batch, rows, started = [], 0, monotonic()
            batch.append(page)
            rows += len(page.records)
            if page.done or page.scope_done or monotonic() - started >= STEP_SECONDS:
                yield batch
                batch, rows, started = [], 0, monotonic()
    except MicoreError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _write_step(work: SyncWork, loader: Loader, pages: Sequence[Page]) -> Counts:
    """Write the pages of a step. One page longer than a step takes several; the cursor moves with its last."""
    work.as_of = max(work.as_of, *(micros(page.as_of) for page in pages))
    counts = Counts(pages=len(pages))
    parts = _parts(pages)
    raw_ids: list[int] = []
    for number, part in enumerate(parts):
        with work.database.write() as connection:
            if number == 0:
                raw_ids = _keep(work, loader.stream, connection, pages)
                loader.prepare(connection, pages)
            part_counts = Counts(read=sum(len(records) for _, records in part))
            for index, records in part:
                changed = loader.write(connection, pages[index], records, raw_ids[index])
                part_counts.loaded += changed
                part_counts.unchanged += len(records) - changed
            if number == len(parts) - 1:
                part_counts.pages = counts.pages
                part_counts.rejected = _reject(work, loader, connection, pages, raw_ids)
                part_counts.read += part_counts.rejected
                loader.save(connection, pages[-1])
            runs.count_rows(
                connection,
                work.run_id,
                loader.stream.name,
                pages=part_counts.pages,
                read=part_counts.read,
                loaded=part_counts.loaded,
                unchanged=part_counts.unchanged,
                rejected=part_counts.rejected,
            )
            if (expected := pages[-1].expected_rows) is not None:
                runs.update_stream(connection, work.run_id, loader.stream.name, expected_rows=expected)
            work.checkpoint(connection)
        part_counts.pages = 0
        counts.add(part_counts)
        _count_metrics(part_counts)
    return counts


def _parts(pages: Sequence[Page]) -> list[list[tuple[int, Sequence[Record]]]]:
    """Pages cut so that no part has more rows than a step; one part where they fit."""
    if sum(len(page.records) for page in pages) <= ROWS_PER_STEP:
        return [[(index, page.records) for index, page in enumerate(pages)]]
    return [
        [(index, page.records[start : start + ROWS_PER_STEP])]
        for index, page in enumerate(pages)
        for start in range(0, max(len(page.records), 1), ROWS_PER_STEP)
    ]


def _keep(work: SyncWork, stream: Stream, connection: Connection, pages: Sequence[Page]) -> list[int]:
    answers = [
        raw.RawPage(page.raw.body, page.raw.endpoint, page.raw.request, micros(page.raw.received_at)) for page in pages
    ]
    return raw.keep_pages(
        connection,
        work.raw_store,
        answers,
        account_id=work.account_id,
        stream=stream.name,
        run_id=work.run_id,
        parser=work.source.parser,
    )


def _reject(
    work: SyncWork, loader: Loader, connection: Connection, pages: Sequence[Page], raw_ids: Sequence[int]
) -> int:
    rejected = [(page, row, raw_id) for page, raw_id in zip(pages, raw_ids, strict=True) for row in page.rejected]
    if rejected:
        quarantines.add(
            connection,
            [
                quarantines.Quarantined(row.key, row.reason, row.raw, raw_id, loader.snapshot_id(page))
                for page, row, raw_id in rejected
            ],
            account_id=work.account_id,
            stream=loader.stream.name,
            run_id=work.run_id,
            now=work.now_micros(),
        )
        log.warning(
            "sync.rows_rejected",
            source=work.source.name,
            stream=loader.stream.name,
            rows=len(rejected),
            first=rejected[0][1].reason,
        )
    return len(rejected)


def _count_metrics(counts: Counts) -> None:
    for action, rows in (("loaded", counts.loaded), ("unchanged", counts.unchanged), ("quarantined", counts.rejected)):
        if rows:
            metrics.ETL_ROWS.labels(action).inc(rows)


# ------------------------------------------------------------------------------------------------- loaders


class Loader:
    """How one kind of stream is written. The base merges rows on their natural keys."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        self.work, self.stream = work, stream

    def resume(self) -> str | None:
        """The source's cursor to go on from."""
        found = runs_cursor(self.work, self.stream)
        if found is None or (found.complete and self.work.params.full):
            return None
        return str(json.loads(found.cursor)["source"])

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        """Make what the rows refer to.

        A row whose sku or place nobody describes is still a fact about them; they are shown under their number until
        their own stream tells more.
        """
        known, now = self.work.identity, self.work.now_micros()
        places = [each for page in pages for each in page.places]
        hints = [each for page in pages for each in page.skus]
        for page in pages:
            for record in page.records:
                if isinstance(record, (PlaceRecord, CatalogueRecord)):
                    continue
                if record.sku_id not in known.skus:
                    hints.insert(0, SkuHint(record.sku_id, "", ""))
                if not isinstance(record, SaleRecord) and record.place_id and record.place_id not in known.places:
                    scheme = record.scheme if isinstance(record, OrderRecord) else page.scope.upper()
                    places.insert(0, _nameless_place(record.place_id, scheme))
        identity.ensure_places(connection, known, places, now=now)
        identity.ensure_skus(connection, known, hints, now=now)

    def write(self, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
        """Write rows; returns how many were new or changed."""
        return _WRITERS[self.stream.name](self.work, connection, page, records, raw_id)

    def save(self, connection: Connection, page: Page) -> None:
        """Move the cursor past this page."""
        self._save(connection, page, scope=None, complete=page.done)

    def _save(self, connection: Connection, page: Page, *, scope: str | None, complete: bool) -> None:
        before = runs.load_cursor(connection, self.work.account_id, self.stream.name)
        runs.save_cursor(
            connection,
            self.work.account_id,
            self.stream.name,
            runs.StreamCursor(
                cursor=json.dumps({"source": page.cursor, "scope": scope}),
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

    def finish(self, total: Counts, before: runs.StreamCursor | None) -> Outcome:
        """Publish what changed and say how it went."""
        del before
        self._publish_changes()
        return Outcome(StreamState.DONE, _rejected_message(total))

    def _publish_changes(self) -> None:
        work = self.work
        with work.database.write() as connection:
            if not summary.is_behind(connection):
                return
            generation = work.publish(connection)
        work.listener.published(work.source.name, generation, instant(work.as_of))


class ListingLoader(Loader):
    """A listing is read whole each time; what a whole reading lacks is retired, unless the reading shrank."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self._seen: set[str] = set()

    def resume(self) -> str | None:
        # Only a reading that is whole from its first page on tells what is missing. Reading a listing again costs
        # seconds and writes nothing that has not changed, so a broken one begins anew.
        return None

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        del connection  # a listing is what others refer to
        self._seen |= {each.sku_id for page in pages for each in page.records if isinstance(each, CatalogueRecord)}
        # A row that could not be believed is still there.
        self._seen |= {row.key for page in pages for row in page.rejected}

    def finish(self, total: Counts, before: runs.StreamCursor | None) -> Outcome:
        work, rows = self.work, total.read
        last = before.rows_last if before and before.rows_last else 0
        shrunken = last >= SMALL_READING and rows < last * LEAST_SHARE
        believed = not shrunken or work.params.believe
        retired: set[str] = set()
        with work.database.write() as connection:
            if believed:
                if self.stream.name == "catalogue":
                    retired = identity.retire_missing(connection, work.identity, self._seen, now=work.now_micros())
                    summary.mark_dirty(connection, [work.identity.products[each] for each in retired])
                runs.remember_rows(connection, work.account_id, self.stream.name, rows)
        self._publish_changes()
        if not believed:
            return Outcome(
                StreamState.HELD, f"Only {rows:,} of {last:,} rows came. What came is loaded; what is missing was kept."
            )
        return Outcome(StreamState.DONE, _rejected_message(total))


class SnapshotLoader(Loader):
    """A snapshot is staged per scope and published when it is whole; until then nothing of it shows."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        super().__init__(work, stream)
        self._open: stock.Snapshot | None = None
        self._scope_left_open: str | None = None
        self._held: list[str] = []
        self._rows = 0
        self._stale = 0

    def resume(self) -> str | None:
        work = self.work
        found = runs_cursor(work, self.stream)
        if found is None or found.complete:
            return None
        if work.now_micros() - found.changed_at > RESUME_SNAPSHOT_SECONDS * MICROS_PER_SECOND:
            return None
        saved: dict[str, Any] = json.loads(found.cursor)
        if saved["scope"] is not None:
            with work.database.read() as connection:
                self._open = stock.staged_snapshot(connection, work.account_id, saved["scope"])
            if self._open is None:
                return None
        return str(saved["source"])

    def prepare(self, connection: Connection, pages: Sequence[Page]) -> None:
        super().prepare(connection, pages)
        first = pages[0]
        if self._open is None or self._open.scope != first.scope:
            self._open = stock.open_snapshot(
                connection, self.work.account_id, self.work.run_id, first.scope, as_of=micros(first.as_of)
            )

    def write(self, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
        assert self._open is not None
        skus, places = self.work.identity.skus, self.work.identity.places
        rows = [
            stock.StockRow(skus[each.sku_id], places[each.place_id], *each[2:], raw_id)
            for each in cast("Sequence[StockRecord]", records)
        ]
        stock.stage(connection, self._open, rows)
        stock.claim_places(connection, sorted({row.place_id for row in rows}), page.scope)
        return 0

    def save(self, connection: Connection, page: Page) -> None:
        self._save(connection, page, scope=page.scope, complete=False)

    def snapshot_id(self, page: Page) -> int | None:
        del page
        assert self._open is not None
        return self._open.id

    def after_step(self, page: Page) -> None:
        if not page.scope_done:
            return
        assert self._open is not None
        work, snapshot = self.work, self._open
        published = False
        generation = 0
        with work.database.write() as connection:
            questioned = stock.doubt(
                connection, work.account_id, snapshot, least_share=LEAST_SHARE, confirm=CONFIRM_WITHIN
            )
            if questioned is not None and not work.params.believe and questioned.rows_before >= SMALL_READING:
                reason = f"{snapshot.scope.upper()}: only {questioned.rows:,} of {questioned.rows_before:,} rows came"
                stock.hold(connection, snapshot, reason=reason)
                self._held.append(reason)
            else:
                done, touched = stock.publish(connection, work.account_id, snapshot, now=work.now_micros())
                summary.mark_dirty_skus(connection, touched)
                generation = work.publish(connection)
                published = True
                self._rows += done.rows
                self._stale += done.stale
                runs.move_unchanged(connection, work.run_id, self.stream.name, loaded=done.changed - done.vanished)
                events.append_event(
                    connection,
                    at=work.now_micros(),
                    kind="stock.published",
                    actor=f"sync:{work.run_id}",
                    subject=f"{work.source.name}:{snapshot.scope}",
                    payload={
                        "snapshot": snapshot.id,
                        "as_of": snapshot.as_of,
                        "rows": done.rows,
                        "changed": done.changed,
                    },
                )
            # The scope is behind us whatever became of it; with the last one the reading is whole.
            self._save(connection, page, scope=None, complete=page.done)
            work.checkpoint(connection)
        self._open = None
        if published:
            work.listener.published(work.source.name, generation, instant(work.as_of))
        work.listener.run_changed(work.run_id)

    def finish(self, total: Counts, before: runs.StreamCursor | None) -> Outcome:
        del before
        if self._held:
            return Outcome(
                StreamState.HELD,
                f"{'; '.join(self._held)}. "
                "The earlier stock stays until a second reading agrees or a person believes it.",
            )
        with self.work.database.write() as connection:
            runs.remember_rows(connection, self.work.account_id, self.stream.name, self._rows)
        message = _rejected_message(total)
        if self._stale:
            message = f"{message or ''} {self._stale:,} earlier figures stay, marked stale.".strip()
        return Outcome(StreamState.DONE, message)


def _nameless_place(place_id: str, scheme: str) -> PlaceRecord:
    holder = Holder.MARKETPLACE if scheme in _MARKETPLACE_HELD else Holder.SELLER
    return PlaceRecord(PlaceKind.WAREHOUSE, place_id, place_id, holder, scheme, None)


def _rejected_message(total: Counts) -> str | None:
    if not total.rejected:
        return None
    return f"{total.rejected:,} of {total.read:,} rows could not be believed and wait in quarantine; the others are in."


# ------------------------------------------------------------------------------------------------- writers


def _write_places(work: SyncWork, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
    del page, raw_id
    return identity.merge_places(
        connection, work.identity, cast("Sequence[PlaceRecord]", records), now=work.now_micros()
    )


def _write_catalogue(work: SyncWork, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
    del raw_id
    changed = identity.merge_catalogue(
        connection,
        work.identity,
        cast("Sequence[CatalogueRecord]", records),
        as_of=micros(page.as_of),
        now=work.now_micros(),
    )
    summary.mark_dirty(connection, [work.identity.products[each] for each in changed])
    return len(changed)


def _write_orders(work: SyncWork, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
    del page
    skus, places, day = work.identity.skus, work.identity.places, work.turner.day
    rows = [
        orders.OrderRow(
            order_id=each.order_id,
            sku_id=skus[each.sku_id],
            place_id=None if each.place_id is None else places.get(each.place_id),
            scheme=each.scheme,
            state=each.state.value,
            quantity=each.quantity,
            price=each.price,
            currency=each.currency,
            ordered_at=each.ordered_at,
            ordered_day=day(each.ordered_at),
            cancelled_at=each.cancelled_at,
            raw_page_id=raw_id,
        )
        for each in cast("Sequence[OrderRecord]", records)
    ]
    changed = orders.merge_orders(connection, work.account_id, rows, now=work.now_micros())
    recent = summary.first_day(work.today()).isoformat()
    fresh = {row.sku_id for row in rows if row.ordered_day >= recent}
    summary.mark_dirty_skus(connection, [each for each in changed if each in fresh])
    return len(changed)


def _write_sales(work: SyncWork, connection: Connection, page: Page, records: Sequence[Record], raw_id: int) -> int:
    del page
    skus = work.identity.skus
    rows = [
        orders.SaleRow(
            external_id=each.sale_id,
            order_id=each.order_id,
            sku_id=skus[each.sku_id],
            sold_day=each.day,
            amount=each.amount,
            commission=each.commission,
            currency=each.currency,
            raw_page_id=raw_id,
        )
        for each in cast("Sequence[SaleRecord]", records)
    ]
    return orders.merge_sales(connection, work.account_id, rows, now=work.now_micros())


_Writer = Callable[[SyncWork, Connection, Page, Sequence[Record], int], int]
_WRITERS: dict[str, _Writer] = {
    "warehouses": _write_places,
    "catalogue": _write_catalogue,
    "orders": _write_orders,
    "sales": _write_sales,
}
_LOADERS: dict[StreamKind, type[Loader]] = {
    StreamKind.LISTING: ListingLoader,
    StreamKind.SNAPSHOT: SnapshotLoader,
    StreamKind.INCREMENTAL: Loader,
}
