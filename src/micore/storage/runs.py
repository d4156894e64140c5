"""Runs: written before the work starts, leased while it lasts, kept for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, insert, or_, select, text, update

from micore.domain.instants import MICROS_PER_SECOND
from micore.domain.run_views import Run, RunState, StreamState, Trigger
from micore.errors import ConflictError, LeaseLostError, NotFoundError, RunEndedError
from micore.storage.run_rows import shown_runs
from micore.storage.tables import account, run, run_finding, run_stream, stream_state

LEASE_SECONDS = 300
"""Longer than the longest single request to a marketplace with its retries' deadline, and than a large publish."""
SYNC = "sync"
REPLAY = "replay"
"""The kind of a live sync."""
OPEN = (RunState.QUEUED.value, RunState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class SyncParams:
    """What a run was asked to do."""

    streams: tuple[str, ...] | None = None
    """None: all of the source's."""
    full: bool = False
    """Read everything the marketplace keeps, not only what is new."""
    believe: bool = False
    """Publish a shrunken snapshot without waiting for a second one that agrees."""
    first_day: str | None = None
    """Backfills: the first day to read, ISO text."""
    end_day: str | None = None
    """Backfills: the day after the last one."""
    asked_day: str | None = None
    """Backfills: the day on which they were asked for; the range is cut by it, however long it takes."""
    reconcile: bool = False
    """Compare these days with the marketplace's own figures instead of reading them."""

    def dump(self) -> str:
        range_of: dict[str, Any] = {"first_day": self.first_day, "end_day": self.end_day, "asked_day": self.asked_day}
        range_of |= {"reconcile": True} if self.reconcile else {}
        days = {} if self.first_day is None else range_of
        return json.dumps({"streams": self.streams, "full": self.full, "believe": self.believe, **days})

    def also(self, other: SyncParams) -> SyncParams:
        """What does both."""
        streams = None
        if self.streams is not None and other.streams is not None:
            streams = (*self.streams, *(each for each in other.streams if each not in self.streams))
        return SyncParams(streams, self.full or other.full, self.believe or other.believe)

    @classmethod
    def parse(cls, dumped: str) -> SyncParams:
        data = json.loads(dumped)
        streams = data.get("streams")
        flags = bool(data.get("full")), bool(data.get("believe"))
        first_day, end_day, asked_day = (data.get(name) for name in ("first_day", "end_day", "asked_day"))
        return cls(
            None if streams is None else tuple(streams),
            *flags,
            first_day=first_day,
            end_day=end_day,
            asked_day=asked_day,
            reconcile=bool(data.get("reconcile")),
        )


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that this process works on."""

    id: int
    kind: str
    """sync, backfill."""
    source: str
    params: SyncParams
    attempts: int
    """1 for the first time; more when an earlier worker died in it."""
    begun_before: bool = False
    """A worker, whichever it was, has begun it and left it open."""
    others_until: int | None = None
    """Until when another process that has begun it may have worked on it, in microseconds; None: none has."""


def enqueue(connection: Connection, *, source: str, trigger: Trigger, params: SyncParams, now: int) -> int:
    """The id of the queued or running run of this source; a new one where there is none.

    What is asked beyond a queued run's own wishes is added to it. Raises ConflictError when a running one does less
    than is asked.
    """
    found = None
    while found is None:
        connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at) "
                "VALUES ('sync', :source, 'queued', :trigger, :params, :now) ON CONFLICT DO NOTHING"
            ),
            {"source": source, "trigger": trigger.value, "params": params.dump(), "now": now},
        )
        # None: the run that was in the way has ended since; then there is room for a new one.
        found = connection.execute(
            select(run.c.id, run.c.state, run.c.params, run.c.lease_until)
            .where(run.c.source == source, run.c.kind == SYNC, run.c.state.in_(OPEN))
            .with_for_update()
        ).one_or_none()
    present = SyncParams.parse(found.params)
    wanted = present.also(params)
    if wanted != present:
        if found.state == RunState.RUNNING.value and found.lease_until >= now:
            raise ConflictError(
                f"A sync of {source} is running (run {found.id}) and does less than is asked; "
                "stop it or wait for its end, then ask again."
            )
        # What a dead worker of it had begun was less than is asked now: it begins anew.
        connection.execute(update(run).where(run.c.id == found.id).values(params=wanted.dump(), attempts=0))
    return int(found.id)


def claim(connection: Connection, *, owner: str, now: int, sources: Sequence[str] | None = None) -> ClaimedRun | None:
    """Lease the oldest run that waits, or whose worker has stopped renewing its lease; live syncs come first.

    A source is worked on by one worker at a time, because its limits are counted within a process. So callers of
    several processes serialise on "claim".
    """
    waiting = or_(
        run.c.state == RunState.QUEUED.value,
        and_(run.c.state == RunState.RUNNING.value, run.c.lease_until < now),
    )
    other = run.alias()
    busy = (
        select(other.c.id)
        .where(other.c.source == run.c.source, other.c.id != run.c.id)
        .where(other.c.state == RunState.RUNNING.value, other.c.lease_until >= now)
    )
    query = select(run).where(waiting, ~busy.exists())
    if sources is not None:
        query = query.where(run.c.source.in_(sources))
    first = query.order_by(case((run.c.kind == SYNC, 0), else_=1), run.c.id).limit(1)
    row = connection.execute(first.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    connection.execute(
        update(run)
        .where(run.c.id == row.id)
        .values(
            state=RunState.RUNNING.value,
            started_at=row.started_at or now,
            lease_owner=owner,
            lease_until=now + LEASE_SECONDS * MICROS_PER_SECOND,
            attempts=row.attempts + 1,
            waits_until=None,
        )
    )
    over = row.started_at is not None and row.lease_owner != owner
    others_until = worked_on_until(row.lease_until, now=now) if over else None
    return ClaimedRun(
        row.id,
        row.kind,
        row.source,
        SyncParams.parse(row.params),
        row.attempts + 1,
        row.started_at is not None,
        others_until,
    )


def worked_on_until(lease_until: int | None, *, now: int) -> int:
    """Until when a process that has left a run open may have worked on it: a lease that it renews no more has been the
    last of it, and one that still lasts tells only that it cannot have been later than now."""
    return now if lease_until is None else min(lease_until, now)


def release_orphans(connection: Connection, *, now: int) -> int:
    """Let all running runs be taken up at once: only for the one process that may write, at its start.

    A lease that ran out earlier stays: it tells how long the process that held it has been gone.
    """
    over = case((run.c.lease_until < now, run.c.lease_until), else_=now - 1)
    return connection.execute(
        update(run).where(run.c.state == RunState.RUNNING.value).values(lease_until=over, stop_requested=False)
    ).rowcount


def renew(connection: Connection, run_id: int, owner: str, *, now: int) -> bool:
    """Keep the lease; False when somebody asked the run to stop. Raises LeaseLostError when another worker has it."""
    row = connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.lease_owner == owner, run.c.state == RunState.RUNNING.value)
        .values(lease_until=now + LEASE_SECONDS * MICROS_PER_SECOND)
        .returning(run.c.stop_requested)
    ).one_or_none()
    if row is None:
        raise LeaseLostError
    return not row.stop_requested


def request_stop(connection: Connection, run_id: int, *, now: int) -> None:
    """Ask a run to stop after its present step; a queued one stops at once.

    Raises NotFoundError, RunEndedError.
    """
    row = connection.execute(select(run.c.state).where(run.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError("run", str(run_id))
    if row.state == RunState.QUEUED.value:
        connection.execute(
            update(run)
            .where(run.c.id == run_id)
            .values(state=RunState.STOPPED.value, finished_at=now, message="Stopped before it began.")
        )
    elif row.state == RunState.RUNNING.value:
        connection.execute(update(run).where(run.c.id == run_id).values(stop_requested=True))
    else:
        raise RunEndedError(run_id, state=row.state)


def wait_until(connection: Connection, run_id: int, owner: str, until: int) -> None:
    """Tell that a run waits for its marketplace's limits; past that instant it does no more."""
    connection.execute(update(run).where(run.c.id == run_id, run.c.lease_owner == owner).values(waits_until=until))


def begin_streams(connection: Connection, run_id: int, account_id: int, streams: Sequence[str]) -> None:
    """Lay the run's streams out as waiting; of a run taken up again only those that were not done begin anew."""
    connection.execute(update(run).where(run.c.id == run_id).values(account_id=account_id))
    known = {
        row.stream: row.state
        for row in connection.execute(
            select(run_stream.c.stream, run_stream.c.state).where(run_stream.c.run_id == run_id)
        )
    }
    for position, stream in enumerate(streams):
        if stream not in known:
            last = connection.execute(
                select(stream_state.c.rows_last).where(
                    stream_state.c.account_id == account_id, stream_state.c.stream == stream
                )
            ).scalar()
            connection.execute(
                insert(run_stream).values(
                    run_id=run_id, stream=stream, position=position, state=StreamState.WAITING.value, expected_rows=last
                )
            )


def notice(connection: Connection, run_id: int, said: str) -> None:
    """Keep what a run has to say beside its streams until it ends, whoever then works on it."""
    connection.execute(update(run).where(run.c.id == run_id).values(message=said))


def noticed(connection: Connection, run_id: int) -> str | None:
    """What `notice` kept."""
    said: str | None = connection.execute(select(run.c.message).where(run.c.id == run_id)).scalar_one()
    return said


def finished_streams(connection: Connection, run_id: int) -> set[str]:
    """Streams of a run that need no more work."""
    return set(
        connection.execute(
            select(run_stream.c.stream).where(
                run_stream.c.run_id == run_id, run_stream.c.state.in_((StreamState.DONE.value, StreamState.HELD.value))
            )
        ).scalars()
    )


def update_stream(connection: Connection, run_id: int, stream: str, **values: Any) -> None:
    """Set columns of a stream's line in its run."""
    connection.execute(
        update(run_stream).where(run_stream.c.run_id == run_id, run_stream.c.stream == stream).values(**values)
    )


def count_rows(
    connection: Connection,
    run_id: int,
    stream: str,
    *,
    pages: int,
    read: int,
    loaded: int,
    unchanged: int,
    rejected: int,
) -> None:
    """Add a step's figures to its stream's line; part of the step's transaction."""
    connection.execute(
        update(run_stream)
        .where(run_stream.c.run_id == run_id, run_stream.c.stream == stream)
        .values(
            pages=run_stream.c.pages + pages,
            rows_read=run_stream.c.rows_read + read,
            rows_loaded=run_stream.c.rows_loaded + loaded,
            rows_unchanged=run_stream.c.rows_unchanged + unchanged,
            rows_rejected=run_stream.c.rows_rejected + rejected,
        )
    )


def counted_rows(connection: Connection, run_id: int, stream: str) -> tuple[int, int]:
    """Rows read and rejected in a stream of a run, those of its earlier workers included."""
    row = connection.execute(
        select(run_stream.c.rows_read, run_stream.c.rows_rejected).where(
            run_stream.c.run_id == run_id, run_stream.c.stream == stream
        )
    ).one()
    return int(row.rows_read), int(row.rows_rejected)


def requeue(connection: Connection, run_id: int, owner: str, *, stays_asked: bool, now: int) -> None:
    """Put a run back that this process will not finish; the attempt does not count. Whether a stop stays asked: one
    that ended this process has done its work, any other is a person's. Its lease ends now: see worked_on_until.
    """
    connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.lease_owner == owner)
        .values(
            state=RunState.QUEUED.value,
            lease_until=now,
            attempts=run.c.attempts - 1,
            **({} if stays_asked else {"stop_requested": False}),
        )
    )


def lock(connection: Connection, run_id: int) -> None:
    """Keep others from closing a run, or from asking for more of it, until the end of the transaction."""
    connection.execute(select(run.c.id).where(run.c.id == run_id).with_for_update())


def created_at(connection: Connection, run_id: int) -> int:
    """When a run was asked for first."""
    return int(connection.execute(select(run.c.created_at).where(run.c.id == run_id)).scalar_one())


def account_of(connection: Connection, run_id: int) -> int | None:
    """Whose a run is; None until that is known."""
    found: int | None = connection.execute(select(run.c.account_id).where(run.c.id == run_id)).scalar()
    return found


def newest_as_of(connection: Connection, account_id: int) -> int | None:
    """The marketplace's clock as far as an account's whole readings tell."""
    return connection.execute(
        select(func.max(stream_state.c.as_of)).where(stream_state.c.account_id == account_id)
    ).scalar()


def finish(
    connection: Connection,
    run_id: int,
    owner: str,
    *,
    state: RunState,
    message: str | None,
    remedy: str | None,
    now: int,
) -> None:
    """Close a run; streams that never began are skipped. Raises LeaseLostError when another worker has it."""
    earlier = run.alias()
    # A key that was refused names no account: the error belongs to the one that this source has read until now.
    last_read = (
        select(earlier.c.account_id)
        .where(earlier.c.source == run.c.source, earlier.c.account_id.is_not(None), earlier.c.kind != REPLAY)
        .order_by(earlier.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    closed = connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.lease_owner == owner)
        .values(
            account_id=func.coalesce(run.c.account_id, last_read),
            state=state.value,
            finished_at=now,
            message=message,
            remedy=remedy,
            lease_owner=None,
            lease_until=None,
        )
    ).rowcount
    if not closed:
        raise LeaseLostError
    connection.execute(
        update(run_stream)
        .where(
            run_stream.c.run_id == run_id,
            run_stream.c.state.in_((StreamState.WAITING.value, StreamState.RUNNING.value)),
        )
        .values(state=StreamState.SKIPPED.value)
    )


def told_streams(connection: Connection, run_id: int) -> list[tuple[str, StreamState, str | None]]:
    """Every stream of a run with its state and what it says, in order; also those that an earlier worker finished."""
    rows = connection.execute(
        select(run_stream.c.stream, run_stream.c.state, run_stream.c.message)
        .where(run_stream.c.run_id == run_id)
        .order_by(run_stream.c.position)
    )
    return [(stream, StreamState(state), message) for stream, state, message in rows]


def move_unchanged(connection: Connection, run_id: int, stream: str, *, loaded: int) -> None:
    """Staged rows count as unchanged until their snapshot is published; then the changed ones are known."""
    connection.execute(
        update(run_stream)
        .where(run_stream.c.run_id == run_id, run_stream.c.stream == stream)
        .values(rows_loaded=run_stream.c.rows_loaded + loaded, rows_unchanged=run_stream.c.rows_unchanged - loaded)
    )


# ------------------------------------------------------------------------------------------------- reading


def _runs() -> Select[Any]:
    return select(run, account.c.name.label("account_name")).outerjoin(account, account.c.id == run.c.account_id)


def get_run(connection: Connection, run_id: int, *, now: int) -> Run:
    """One run with its streams; raises NotFoundError."""
    row = connection.execute(_runs().where(run.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError("run", str(run_id))
    return shown_runs(connection, [row], now=now)[0]


def list_runs(
    connection: Connection,
    *,
    limit: int,
    now: int,
    before: int | None = None,
    source: str | None = None,
    findings: bool = False,
    kind: str | None = None,
) -> list[Run]:
    """Finished runs, newest first; `before` is the id of the last one already shown."""
    query = _runs().where(run.c.state.not_in(OPEN))
    if before is not None:
        query = query.where(run.c.id < before)
    if source is not None:
        query = query.where(run.c.source == source)
    if kind is not None:
        query = query.where(run.c.kind == kind)
    if findings:
        told = select(run_finding.c.id).where(run_finding.c.run_id == run.c.id).exists()
        query = query.where(or_(run.c.state != RunState.DONE.value, told))
    return shown_runs(connection, connection.execute(query.order_by(run.c.id.desc()).limit(limit)).all(), now=now)


def open_runs(connection: Connection, *, now: int) -> list[Run]:
    """Queued and running runs, oldest first."""
    return shown_runs(
        connection, connection.execute(_runs().where(run.c.state.in_(OPEN)).order_by(run.c.id)).all(), now=now
    )


def newest_finished(connection: Connection, source: str, *, now: int) -> Run | None:
    """The newest live sync of a source that is over."""
    found = list_runs(connection, limit=1, now=now, source=source, kind=SYNC)
    return found[0] if found else None


def last_success_at(connection: Connection, source: str) -> int | None:
    """When a live sync of this source last finished with all, or all but some rows, in."""
    return connection.execute(
        select(func.max(run.c.finished_at)).where(
            run.c.source == source, run.c.kind == SYNC, run.c.state.in_((RunState.DONE.value, RunState.GAPS.value))
        )
    ).scalar()
