"""One stream of one account into the database, step by step.

A step is one transaction of at most 5,000 rows: rows, cursor and counters together. Stop anywhere, start again, read
a page twice: the tables are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from micore.domain.instants import micros
from micore.domain.records import Record
from micore.errors import MicoreError, SourceProtocolError
from micore.services import checks
from micore.services.counted import CountedLoader
from micore.services.loaders import LOADERS, Counts, Loader, Outcome
from micore.services.supplies import SupplyLoader
from micore.services.sync_work import SyncWork
from micore.services.watching import Watch
from micore.services.writers import Told
from micore.sources.base import Page, Stream, StreamKind
from micore.storage import findings, raw, runs
from micore.storage.database import Connection
from micore.telemetry import metrics

ROWS_PER_STEP = 5_000
STEP_SECONDS = 1.0
_OWN_LOADERS: dict[str, type[Loader]] = {"supplies": SupplyLoader, "funnel": CountedLoader}


def loader_of(work: SyncWork, stream: Stream) -> Loader:
    """What writes a stream's rows."""
    return _OWN_LOADERS.get(stream.name, LOADERS[stream.kind])(work, stream)


def load_stream(work: SyncWork, stream: Stream) -> Outcome:
    """Read a stream to its end and load it. Raises what the source raises, and StopRequestedError."""
    loader = loader_of(work, stream)
    resumed = loader.resume()
    before = work.cursor(stream)
    total, watch = Counts(), Watch(work)
    whole = paused = False
    for pages in steps(
        work.source.read(stream.name, resumed, full=work.params.full and resumed is None), work.monotonic
    ):
        watch.look(pages)
        total.add(write_step(work, loader, pages))
        work.listener.run_changed(work.run_id)
        loader.after_step(pages[-1])
        if stream.kind != StreamKind.INCREMENTAL:
            work.show_due()
        whole, paused = pages[-1].done, pages[-1].paused
        work.stop_point()
    if not whole and not paused:
        raise SourceProtocolError(work.source.name, path=stream.name, problem="the reading ended without its end")
    outcome = loader.pause() if paused else loader.finish(total, before)
    _tell(work, loader, watch)
    return outcome


def _tell(work: SyncWork, loader: Loader, watch: Watch) -> None:
    """Keep what was found."""
    unknown = [checks.unknown_skus(list(loader.unknown_skus))] if loader.unknown_skus else []
    with work.database.write() as connection:
        found = [*loader.found, *unknown, *watch.findings(connection)]
        findings.add(connection, work.run_id, loader.stream.name, found)
    checks.count_metrics(work.source.name, loader.stream.name, found)


def steps(pages: Iterator[Page], monotonic: Callable[[], float]) -> Iterator[list[Page]]:
    """Pages of one scope, together small enough for one transaction and young enough to be seen.

    When the source fails, what it gave before is still a step: the next reading goes on after it.
    """
    batch: list[Page] = []
    rows, started = 0, monotonic()
    try:
        for page in pages:
            if batch and (
                rows + len(page.records) > ROWS_PER_STEP or (page.scope, page.as_of) != (batch[0].scope, batch[0].as_of)
            ):
                yield batch
                batch, rows, started = [], 0, monotonic()
            batch.append(page)
            rows += len(page.records)
            if page.done or page.paused or page.scope_done or page.at_once or monotonic() - started >= STEP_SECONDS:
                yield batch
                batch, rows, started = [], 0, monotonic()
    except MicoreError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def write_step(work: SyncWork, loader: Loader, pages: Sequence[Page]) -> Counts:
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
            changed = loader.write(connection, [Told(pages[index], rows, raw_ids[index]) for index, rows in part])
            part_counts.loaded += changed
            part_counts.unchanged += part_counts.read - changed
            if number == len(parts) - 1:
                part_counts.loaded += sum(loader.forget_untold(connection, page) for page in pages)
                part_counts.pages = counts.pages
                told = sum(len(page.rejected) for page in pages)
                part_counts.rejected = loader.rejections.settle(
                    connection, pages, raw_ids, loader.snapshot_id(pages[-1]) if told else None
                )
                # What a person has settled is as good as read before.
                part_counts.read += told
                part_counts.unchanged += told - part_counts.rejected
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
            work.keep_lease(connection)
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


def _count_metrics(counts: Counts) -> None:
    for action, rows in (("loaded", counts.loaded), ("unchanged", counts.unchanged), ("quarantined", counts.rejected)):
        if rows:
            metrics.ETL_ROWS.labels(action).inc(rows)
