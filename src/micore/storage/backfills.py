"""Backfills: their runs beside live ones, how far they have come, and which stored facts are newer than an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, update

from micore.domain.instants import instant
from micore.domain.run_views import RunState, Trigger
from micore.errors import ConflictError
from micore.storage import funnel
from micore.storage.bulk import bulk_for
from micore.storage.runs import OPEN, SYNC, SyncParams
from micore.storage.tables import (
    backfill_stream,
    finance_line,
    funnel_day,
    order_line,
    return_line,
    run,
    sale,
    source_key,
    storage_cost,
    supply_line,
)

KIND = "backfill"

_FACTS = {
    "orders": {"order_line": "order_id"},
    "sales": {"sale": "external_id"},
    "returns": {"return_line": "return_id"},
    "supplies": {"supply_line": "supply_id"},
    "finance": {"finance_line": "external_id", "sale": "external_id"},
    "storage_cost": {"storage_cost": "external_id"},
}
"""Stream to its tables and the marketplace's own id in each."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stream of a backfill has come."""

    windows: int
    windows_done: int
    cursor: str | None


def enqueue(
    connection: Connection,
    *,
    source: str,
    trigger: Trigger,
    params: SyncParams,
    windows: Mapping[str, int],
    now: int,
) -> int:
    """The id of a new backfill of a source, or of the open one that does the very same.

    Raises ConflictError where another one is open.
    """
    found = None
    while found is None:
        connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at) "
                "VALUES ('backfill', :source, 'queued', :trigger, :params, :now) ON CONFLICT DO NOTHING"
            ),
            {"source": source, "trigger": trigger.value, "params": params.dump(), "now": now},
        )
        found = connection.execute(
            select(run.c.id, run.c.params).where(run.c.source == source, run.c.kind == KIND, run.c.state.in_(OPEN))
        ).one_or_none()
    present = SyncParams.parse(found.params)
    if replace(present, asked_day=params.asked_day) != params:
        streams = ", ".join(present.streams or ())
        raise ConflictError(
            f"A backfill of {source} is under way (run {found.id}: {streams} from {present.first_day} to "
            f"{present.end_day}); stop it or wait for its end, then ask again."
        )
    begun = connection.execute(select(backfill_stream.c.run_id).where(backfill_stream.c.run_id == found.id)).first()
    if begun is None:
        earlier = _broken_off(connection, source, params)
        for stream, count in windows.items():
            at = earlier.get(stream)
            goes_on = at is not None and at.windows == count
            connection.execute(
                insert(backfill_stream).values(
                    run_id=found.id,
                    stream=stream,
                    windows=count,
                    windows_done=at.windows_done if at and goes_on else 0,
                    cursor=at.cursor if at and goes_on else None,
                )
            )
    return int(found.id)


def _broken_off(connection: Connection, source: str, params: SyncParams) -> dict[str, Progress]:
    """How far the newest backfill of the very same days had come, where it was broken off; a stream that was read to
    its end is asked for again."""
    row = connection.execute(
        select(run.c.id, run.c.state, run.c.params)
        .where(run.c.source == source, run.c.kind == KIND, run.c.state.not_in(OPEN))
        .order_by(run.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.state == RunState.DONE.value or SyncParams.parse(row.params) != params:
        return {}
    lines = connection.execute(select(backfill_stream).where(backfill_stream.c.run_id == row.id))
    return {
        line.stream: Progress(line.windows, line.windows_done, line.cursor)
        for line in lines
        if line.windows_done < line.windows
    }


def live_run_waits(connection: Connection, *, sources: Sequence[str], now: int) -> bool:
    """Whether a live sync of one of these sources could be worked on now, or was left by a worker that died."""
    waiting = or_(
        run.c.state == RunState.QUEUED.value, and_(run.c.state == RunState.RUNNING.value, run.c.lease_until < now)
    )
    query = select(run.c.id).where(run.c.kind == SYNC, run.c.source.in_(sources), waiting).limit(1)
    return connection.execute(query).first() is not None


def begin(connection: Connection, run_id: int, stream: str, *, windows: int) -> Progress:
    """Where a stream of a backfill stands; at its start where its windows are cut otherwise now."""
    line = backfill_stream
    row = connection.execute(select(line).where(line.c.run_id == run_id, line.c.stream == stream)).one_or_none()
    if row is not None and row.windows == windows:
        return Progress(row.windows, row.windows_done, row.cursor)
    connection.execute(delete(line).where(line.c.run_id == run_id, line.c.stream == stream))
    connection.execute(insert(line).values(run_id=run_id, stream=stream, windows=windows))
    return Progress(windows, 0, None)


def move(connection: Connection, run_id: int, stream: str, *, windows_done: int, cursor: str | None) -> None:
    """Part of the transaction that writes the rows passed."""
    connection.execute(
        update(backfill_stream)
        .where(backfill_stream.c.run_id == run_id, backfill_stream.c.stream == stream)
        .values(windows_done=windows_done, cursor=cursor)
    )


def count_new(connection: Connection, run_id: int, stream: str, rows: int) -> None:
    """Part of the transaction that writes them."""
    connection.execute(
        update(backfill_stream)
        .where(backfill_stream.c.run_id == run_id, backfill_stream.c.stream == stream)
        .values(rows_new=backfill_stream.c.rows_new + rows)
    )


def known(
    connection: Connection, account_id: int, stream: str, ids: Iterable[str], *, received_at: int
) -> tuple[set[tuple[str, int | None]], set[str]]:
    """Which of these ids are stored, as (id, our sku id), and which of them from a newer answer than `received_at`.

    A row that was read again unchanged keeps its first answer; since it is the same in both, nothing is lost by it.
    """
    if stream == "funnel":
        return funnel.known(connection, account_id, ids, received_at=received_at)
    bulk_for(connection).stage(connection, "stage_known", {"id": "text"}, [(each,) for each in sorted(set(ids))])
    found = " UNION ALL ".join(
        f"""
            SELECT l.{name} AS id, l.sku_id, coalesce(p.received_at, l.known_from) > :received_at AS newer
            FROM stage_known s
            CROSS JOIN {table} l  -- SQLite then looks each id up, and not through all rows of the account
            LEFT JOIN raw_page p ON p.id = l.raw_page_id
            WHERE l.account_id = :account AND l.{name} = s.id
        """
        for table, name in _FACTS[stream].items()
    )
    rows = connection.execute(text(found), {"account": account_id, "received_at": received_at}).all()
    return {(row.id, row.sku_id) for row in rows}, {row.id for row in rows if row.newer}


def newer_bookings(connection: Connection, account_id: int, bookings: Iterable[str], *, received_at: int) -> set[str]:
    """Which of these bookings have any amount from a newer answer than `received_at`: that one has told it whole."""
    bulk_for(connection).stage(connection, "stage_known", {"id": "text"}, [(each,) for each in sorted(set(bookings))])
    found = text(
        """
        SELECT DISTINCT l.booking_id
        FROM stage_known s
        CROSS JOIN finance_line l  -- as in `known`
        LEFT JOIN raw_page p ON p.id = l.raw_page_id
        WHERE l.account_id = :account AND l.booking_id = s.id
          AND coalesce(p.received_at, l.known_from) > :received_at
        """
    )
    return set(connection.execute(found, {"account": account_id, "received_at": received_at}).scalars())


def rows_by_month(connection: Connection, source: str, stream: str, first_day: str, end_day: str) -> dict[str, int]:
    """Rows of the account that a slot reads that are here already, by month "2026-01" of the shop's calendar."""
    whose = select(source_key.c.account_id).where(source_key.c.slot == source)
    if stream == "supplies":
        created = connection.execute(
            select(supply_line.c.created_at).where(supply_line.c.account_id.in_(whose))
        ).scalars()
        days = (instant(each).date().isoformat() for each in created)
        return dict(sorted(Counter(day[:7] for day in days if first_day <= day < end_day).items()))
    table, day_name = {
        "orders": (order_line, "ordered_day"),
        "sales": (sale, "sold_day"),
        "returns": (return_line, "returned_day"),
        "finance": (finance_line, "booked_day"),
        "storage_cost": (storage_cost, "stored_day"),
        "funnel": (funnel_day, "day"),
    }[stream]
    month = func.substr(table.c[day_name], 1, 7)
    rows = connection.execute(
        select(month, func.count())
        .where(table.c.account_id.in_(whose), table.c[day_name] >= first_day, table.c[day_name] < end_day)
        .group_by(month)
        .order_by(month)
    )
    return {row[0]: row[1] for row in rows}
