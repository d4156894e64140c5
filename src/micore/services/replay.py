"""Trying quarantined rows again: after each reading of their stream, and when a person asks for it.

No marketplace is asked. A step is one transaction: the facts, what became of the rows, the run's counters. What a step
has tried is not tried again in the same run, so that a replay goes on where it was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from micore.domain.instants import instant
from micore.domain.quarantine import RowState, keys_of
from micore.domain.run_views import StreamState
from micore.errors import NotFoundError
from micore.services.loaders import Counts, Loader
from micore.services.loading import loader_of
from micore.services.sync_work import SyncWork
from micore.sources.base import Page, RawAnswer, Reread, StoredRow, Stream, StreamKind
from micore.storage import identity, quarantines, runs
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
        loader.publish_changes()
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
    meant = dict(zip(rows, work.source.reread(stream, [StoredRow(row.raw, row.context) for row in rows]), strict=True))
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
        changed += loader.write(connection, page, page.records, raw_id)
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


def account_to_replay(database: Database, claimed: runs.ClaimedRun) -> tuple[identity.Identity, int]:
    """Whose rows a run of replays is about: the account that its source has read last; and how far it has been read.

    Raises NotFoundError where it has never been read.
    """
    with database.write() as connection:
        account_id = runs.account_of(connection, claimed.source)
        if account_id is None:
            raise NotFoundError("account that was read by", claimed.source)
        runs.begin_streams(connection, claimed.id, account_id, ())
        as_of = runs.newest_as_of(connection, account_id)
        return identity.load_identity(connection, account_id), as_of or 0


def replay_asked(work: SyncWork) -> None:
    """At the end of a run, whatever it read: try what a person asked for. Raises StopRequestedError between steps."""
    with work.database.read() as connection:
        asked = quarantines.asked_streams(connection, work.account_id)
        told = {name for name, _, _ in runs.told_streams(connection, work.run_id)}
    streams = [each for each in work.source.streams if each.name in asked and each.kind is not StreamKind.SNAPSHOT]
    for stream in streams:
        if stream.name in told:
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
            expected_rows=quarantines.asked_rows(connection, work.account_id, stream.name),
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
