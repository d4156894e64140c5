"""Runs as they are shown: their rows and those of their streams, with rate and time left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from micore.domain.findings import Finding
from micore.domain.instants import MICROS_PER_SECOND, instant, optional_instant
from micore.domain.run_views import Run, RunKind, RunState, StreamRun, StreamState, Trigger
from micore.storage import findings
from micore.storage.tables import backfill_stream, run, run_stream

_DAYS = ("first_day", "end_day")


def first_created_at(connection: Connection) -> int | None:
    """When the first run of this installation was asked for; None before it."""
    found: int | None = connection.execute(select(run.c.created_at).order_by(run.c.id).limit(1)).scalar()
    return found


def shown_runs(connection: Connection, rows: Sequence[Row[Any]], *, now: int) -> list[Run]:
    """The runs behind rows of `run` with their account's name, in the same order."""
    streams: dict[int, list[StreamRun]] = {row.id: [] for row in rows}
    if rows:
        found = findings.of_runs(connection, list(streams))
        for each in connection.execute(
            select(run_stream, backfill_stream.c.windows, backfill_stream.c.windows_done, backfill_stream.c.rows_new)
            .outerjoin(
                backfill_stream,
                (backfill_stream.c.run_id == run_stream.c.run_id) & (backfill_stream.c.stream == run_stream.c.stream),
            )
            .where(run_stream.c.run_id.in_(list(streams)))
            .order_by(run_stream.c.run_id, run_stream.c.position)
        ):
            streams[each.run_id].append(_shown_stream(each, found.get((each.run_id, each.stream), [])))
    return [_shown_run(row, streams[row.id], now=now) for row in rows]


def _shown_stream(row: Row[Any], found: list[Finding]) -> StreamRun:
    return StreamRun(
        stream=row.stream,
        state=StreamState(row.state),
        expected_rows=row.expected_rows,
        rows_read=row.rows_read,
        rows_loaded=row.rows_loaded,
        rows_unchanged=row.rows_unchanged,
        rows_rejected=row.rows_rejected,
        started_at=optional_instant(row.started_at),
        finished_at=optional_instant(row.finished_at),
        message=row.message,
        windows=row.windows,
        windows_done=row.windows_done,
        rows_new=row.rows_new,
        findings=found,
    )


def _shown_run(row: Row[Any], streams: list[StreamRun], *, now: int) -> Run:
    params = json.loads(row.params)
    first_day, end_day = (None if (day := params.get(name)) is None else date.fromisoformat(day) for name in _DAYS)
    waits = row.state == RunState.RUNNING.value and (row.waits_until or 0) > now
    shown = Run(
        id=row.id,
        source=row.source,
        account=row.account_name or "",
        state=RunState(row.state),
        trigger=Trigger(row.trigger),
        full=bool(params.get("full")),
        created_at=instant(row.created_at),
        started_at=optional_instant(row.started_at),
        finished_at=optional_instant(row.finished_at),
        rows_read=sum(each.rows_read for each in streams),
        rows_loaded=sum(each.rows_loaded for each in streams),
        rows_unchanged=sum(each.rows_unchanged for each in streams),
        rows_rejected=sum(each.rows_rejected for each in streams),
        rows_per_second=None,
        eta_seconds=None,
        progress=None,
        message=row.message,
        remedy=row.remedy,
        streams=streams,
        kind=RunKind(row.kind),
        first_day=first_day,
        end_day=end_day,
        waits_until=optional_instant(row.waits_until if waits else None),
    )
    return _with_rate(shown, row, now=now)


def _with_rate(shown: Run, row: Row[Any], *, now: int) -> Run:
    """Rate over the whole run, and the time left where every stream to come can tell how much it is."""
    if row.started_at is None:
        return shown
    seconds = max(((row.finished_at or now) - row.started_at) / MICROS_PER_SECOND, 0.001)
    rate = shown.rows_read / seconds if shown.rows_read else None
    if shown.state != RunState.RUNNING:
        return replace(shown, rows_per_second=rate)
    if shown.kind is RunKind.BACKFILL:
        return _by_windows(replace(shown, rows_per_second=rate), seconds)
    finished = {StreamState.DONE, StreamState.HELD, StreamState.FAILED, StreamState.SKIPPED}
    ahead = [each for each in shown.streams if each.state not in finished]
    if not shown.streams or any(each.expected_rows is None for each in ahead):
        return replace(shown, rows_per_second=rate)
    left = sum(max((each.expected_rows or 0) - each.rows_read, 0) for each in ahead)
    total = shown.rows_read + left
    return replace(
        shown,
        rows_per_second=rate,
        eta_seconds=left / rate if rate else None,
        progress=shown.rows_read / total if total else None,
    )


def _by_windows(shown: Run, seconds: float) -> Run:
    """A backfill knows how many windows are left, not how many rows; waiting for live syncs is part of its time."""
    windows = sum(each.windows or 0 for each in shown.streams)
    done = sum(each.windows_done or 0 for each in shown.streams)
    left = seconds / done * (windows - done) if done else None
    return replace(shown, progress=done / windows if windows else None, eta_seconds=left)
