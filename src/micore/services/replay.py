"""Trying quarantined rows again: after each reading of their stream, and when a person asks for it.

No marketplace is asked. A step is one transaction: the facts, what became of the rows, the run's counters. What a step
has tried is not tried again in the same run, so that a replay goes on where it was cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from micore.domain.instants import instant
from micore.domain.quarantine import RowState, keys_of
from micore.domain.run_views import StreamState
from micore.services.loaders import Counts, Loader
from micore.services.loading import loader_of
from micore.services.sync_work import SyncWork
from micore.services.writers import Told
from micore.sources.base import Page, RawAnswer, Reread, StoredRow, Stream
from micore.sources.reading import reading
from micore.storage import identity, quarantine_desk, quarantines, runs
from micore.storage.database import Connection, Database
from micore.storage.quarantines import Candidate, Tried
from micore.telemetry import metrics

ROWS_PER_STEP = 500
MOST_UNASKED = 5_000
"""Rows of a stream that one sync tries by itself; those that were tried longest ago come first."""


def try_again(work: SyncWork, stream: Stream, *, asked_only: bool) -> Counts:
    """Try waiting rows of a stream; returns what came of it. Raises StopRequestedError between steps.

    With `asked_only` those that a person asked for or mended, all of them and with every failure counted. Else also
    those whose reason may have passed, and only what loads is counted: the others go on waiting.
    """
    total = Counts()
    if not stream.replayable:
        return total
    loader = loader_of(work, stream)
    while asked_only or total.read < MOST_UNASKED:
        tried = _step(work, loader, asked_only=asked_only)
        if tried is None:
            break
        total.add(tried)
        work.listener.run_changed(work.run_id)
        work.stop_point()
    if total.loaded:
        work.show()
    return total


def _step(work: SyncWork, loader: Loader, *, asked_only: bool) -> Counts | None:
    stream = loader.stream.name
    with work.database.read() as connection:
        rows = quarantines.candidates(
            connection,
            work.account_id,
            stream,
            run_id=work.run_id,
            parser=work.source.parser,
            asked_only=asked_only,
            limit=ROWS_PER_STEP,
        )
    if not rows:
        return None
    # What lay far ahead of its answer still cannot have happened.
    with reading(instant(max(row.as_of for row in rows))):
        told = work.source.reread(stream, [StoredRow(row.raw, row.context) for row in rows])
    meant = dict(zip(rows, told, strict=True))
    with work.database.write() as connection:
        waiting = quarantines.still_waiting(connection, rows)
        meant = {row: each for row, each in meant.items() if row.id in waiting}
        late = _told_later(work, connection, stream, meant)
        fit = {row: each for row, each in meant.items() if each.reason is None and row.id not in late}
        changed = _load(loader, connection, fit)
        quarantines.note_tries(
            connection,
            [_tried(row, each, late=row.id in late) for row, each in meant.items()],
            run_id=work.run_id,
            parser=work.source.parser,
            now=work.now_micros(),
        )
        refused = sum(each.reason is not None for each in meant.values())
        counts = Counts(
            read=len(rows), loaded=changed, unchanged=max(0, len(fit) + len(late) - changed), rejected=refused
        )
        shown = counts if asked_only else Counts(counts.loaded + counts.unchanged, counts.loaded, counts.unchanged)
        _count(connection, work, stream, shown)
        work.keep_lease(connection)
    metrics.QUARANTINE_TRIED.labels("loaded").inc(len(fit))
    metrics.QUARANTINE_TRIED.labels("refused").inc(refused)
    metrics.QUARANTINE_TRIED.labels("superseded").inc(len(late))
    return counts


def _tried(row: Candidate, meant: Reread, *, late: bool) -> Tried:
    if late:
        return Tried(row.id, RowState.SUPERSEDED, None, may_pass=False, note=quarantines.TOLD_ANEW)
    state = RowState.LOADED if meant.reason is None else RowState.WAITING
    return Tried(row.id, state, meant.reason, meant.may_pass)


def _told_later(work: SyncWork, connection: Connection, stream: str, meant: Mapping[Candidate, Reread]) -> set[int]:
    """Rows whose facts were loaded from a later answer: old bytes must never overwrite something newer.

    Of a row that had no name, or that a person gave another one, nobody has watched what was told since: it is loaded
    only where there is no such fact yet.
    """
    keys = {row: [key for each in found.records for key in keys_of(each)] for row, found in meant.items()}
    newest = quarantines.newest_answers(
        connection, work.account_id, stream, sorted({key for named in keys.values() for key in named})
    )
    late = set()
    for row, named in keys.items():
        own = {row.row_key, row.row_key.partition(":")[0]} if row.row_key else set()
        watched = bool(own.intersection(named))
        if any(key in newest and (newest[key] > row.raw_page_id or not watched) for key in named):
            late.add(row.id)
    return late


def _load(loader: Loader, connection: Connection, fit: Mapping[Candidate, Reread]) -> int:
    """Write what rows mean by now, that of older answers first; returns how many records were new or changed."""
    changed = 0
    in_order = sorted(fit, key=lambda row: (row.raw_page_id, row.id))
    for (raw_id, as_of), rows in groupby(in_order, key=lambda row: (row.raw_page_id, row.as_of)):
        page = _page_of([fit[row] for row in rows], instant(as_of))
        loader.prepare(connection, [page])
        changed += loader.write(connection, [Told(page, page.records, raw_id)])
    return changed


def _page_of(meant: Sequence[Reread], as_of: datetime) -> Page:
    return Page(
        raw=RawAnswer(b"", "", "", datetime.now(UTC)),
        records=[record for each in meant for record in each.records],
        rejected=(),
        cursor="",
        as_of=as_of,
        places=[place for each in meant for place in each.places],
        skus=[sku for each in meant for sku in each.skus],
    )


def _count(connection: Connection, work: SyncWork, stream: str, counts: Counts) -> None:
    runs.count_rows(
        connection,
        work.run_id,
        stream,
        pages=0,
        read=counts.read,
        loaded=counts.loaded,
        unchanged=counts.unchanged,
        rejected=counts.rejected,
    )


def accounts_to_replay(connection: Connection, source: str, streams: Sequence[Stream]) -> list[int]:
    """The accounts whose rows a person asked to be tried and that this source has read last: its key may have become
    that of another account since."""
    replayable = [each.name for each in streams if each.replayable]
    asked = quarantines.asked_accounts(connection, replayable)
    return [each for each in asked if quarantine_desk.reader_of(connection, each) == source]


def begin_replay(database: Database, run_id: int, account_id: int) -> tuple[identity.Identity, int]:
    """What is known of an account whose rows a run is about to try, and how far it has been read."""
    with database.write() as connection:
        runs.begin_streams(connection, run_id, account_id, ())
        as_of = runs.newest_as_of(connection, account_id)
        return identity.load_identity(connection, account_id), as_of or 0


def is_asked_more(connection: Connection, claimed: runs.ClaimedRun, streams: Sequence[Stream]) -> bool:
    """Whether a replay that is about to end has been asked for more; with the transaction that ends it."""
    runs.lock(connection, claimed.id)
    return bool(accounts_to_replay(connection, claimed.source, streams))


def refused(connection: Connection, claimed: runs.ClaimedRun) -> str | None:
    """What to say of rows that were asked for and still wait, whichever run has tried them; None where none does."""
    since = runs.created_at(connection, claimed.id)
    rows = quarantines.refused_rows(connection, quarantine_desk.read_by(connection, claimed.source), since=since)
    return f"{rows:,} of the rows asked for still cannot be believed and go on waiting." if rows else None


def replay_asked(work: SyncWork, read: Collection[str]) -> None:
    """At the end of a run: try what a person asked for. Raises StopRequestedError between steps.

    `read` are the streams that this run reads: what is tried of them is told in their own lines of it.
    """
    with work.database.read() as connection:
        asked = quarantines.asked_streams(connection, work.account_id)
    for stream in work.source.streams:
        if stream.name not in asked or not stream.replayable:
            continue
        if stream.name in read:
            try_again(work, stream, asked_only=True)
        else:
            _replay(work, stream)


def _replay(work: SyncWork, stream: Stream) -> None:
    """A stream that this run did not read gets its own line in it."""
    with work.database.write() as connection:
        runs.begin_streams(connection, work.run_id, work.account_id, [stream.name])
        runs.update_stream(
            connection,
            work.run_id,
            stream.name,
            state=StreamState.RUNNING.value,
            started_at=work.now_micros(),
            expected_rows=runs.counted_rows(connection, work.run_id, stream.name)[0]
            + quarantines.asked_rows(connection, work.account_id, stream.name),
        )
    try_again(work, stream, asked_only=True)
    with work.database.write() as connection:
        read, refused = runs.counted_rows(connection, work.run_id, stream.name)
        message = f"{refused:,} of {read:,} rows still cannot be believed and go on waiting." if refused else None
        runs.update_stream(
            connection,
            work.run_id,
            stream.name,
            state=StreamState.DONE.value,
            message=message,
            finished_at=work.now_micros(),
        )
    work.listener.run_changed(work.run_id)
