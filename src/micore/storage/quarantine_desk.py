"""Quarantine as people see and settle it: groups, lists, one row with its bytes, and their decisions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, case, false, func, or_, select, text, update

from micore.domain.instants import instant, optional_instant
from micore.domain.quarantine import (
    QuarantinedRow,
    QuarantinedRowDetail,
    QuarantineGroup,
    RowState,
    StreamQuarantine,
    faulty_field,
)
from micore.domain.run_views import RunKind, RunState, Trigger
from micore.errors import NotFoundError
from micore.storage.tables import account, quarantine, raw_page, run

OPEN = (RunState.QUEUED.value, RunState.RUNNING.value)
MOST_IDS = 1_000
"""Rows that one request may name; more are chosen by a filter."""
_RULE = func.coalesce(quarantine.c.rule, quarantine.c.reason)
_MENDED = and_(quarantine.c.fixed_at.is_not(None), func.coalesce(quarantine.c.tried_at, 0) < quarantine.c.fixed_at)
_ASKED = and_(quarantine.c.asked_at.is_not(None), func.coalesce(quarantine.c.tried_at, 0) < quarantine.c.asked_at)


LaterOnly = Collection[tuple[str, str]]
"""Plug-in and stream of the rows that cannot be tried again alone: a later reading settles them."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are meant; None leaves a field open."""

    source: str | None = None
    """Plug-in name."""
    account_id: int | None = None
    stream: str | None = None
    state: RowState | None = None
    rule: str | None = None
    ids: tuple[int, ...] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """For statements on quarantine alone."""
        found: list[ColumnElement[bool]] = []
        if self.source is not None:
            accounts = select(account.c.id).where(account.c.source == self.source)
            found.append(quarantine.c.account_id.in_(accounts))
        if self.account_id is not None:
            found.append(quarantine.c.account_id == self.account_id)
        if self.stream is not None:
            found.append(quarantine.c.stream == self.stream)
        if self.state is not None:
            found.append(quarantine.c.state == self.state.value)
        if self.rule is not None:
            found.append(_RULE.is_not_distinct_from(self.rule))
        if self.ids is not None:
            found.append(quarantine.c.id.in_(self.ids) if self.ids else false())
        return found


# ------------------------------------------------------------------------------------------------- reading


def streams(connection: Connection) -> list[StreamQuarantine]:
    """How many rows of each stream are in which state."""
    counts = {state: func.count(case((quarantine.c.state == state.value, 1))) for state in RowState}
    rows = connection.execute(
        select(account.c.source, account.c.id, account.c.name, quarantine.c.stream, *counts.values())
        .join(account, account.c.id == quarantine.c.account_id)
        .group_by(account.c.source, account.c.id, account.c.name, quarantine.c.stream)
        .order_by(account.c.source, account.c.id, quarantine.c.stream)
    )
    return [
        StreamQuarantine(row[0], row[1], row[2], row[3], **dict(zip([s.value for s in counts], row[4:], strict=True)))
        for row in rows
    ]


MOST_GROUPS = 200


def groups(connection: Connection, *, later_only: LaterOnly) -> tuple[list[QuarantineGroup], int]:
    """Waiting rows by account, stream and the rule they broke, most rows first; and how many such groups there are."""
    waiting = quarantine.c.state == RowState.WAITING.value
    apart = select(quarantine.c.account_id, quarantine.c.stream, _RULE).where(waiting).distinct().subquery()
    total = connection.execute(select(func.count()).select_from(apart)).scalar_one()
    rows = connection.execute(
        select(
            account.c.source,
            account.c.id,
            account.c.name,
            quarantine.c.stream,
            _RULE.label("rule"),
            func.count().label("rows"),
            func.min(quarantine.c.received_at).label("first_at"),
            func.max(func.coalesce(quarantine.c.told_at, quarantine.c.received_at)).label("last_at"),
            func.count(case((quarantine.c.attempts > 0, 1))).label("tried"),
            func.count(case((_MENDED, 1))).label("fixed"),
            func.count(case((_ASKED, 1))).label("asked"),
            func.count(case((quarantine.c.may_pass, 1))).label("may_pass"),
            func.max(quarantine.c.id).label("example_id"),
            func.min(quarantine.c.reason).label("reason"),
        )
        .join(account, account.c.id == quarantine.c.account_id)
        .where(waiting)
        .group_by(account.c.source, account.c.id, account.c.name, quarantine.c.stream, _RULE)
        .order_by(func.count().desc(), account.c.source, account.c.id, quarantine.c.stream, text("rule"))
        .limit(MOST_GROUPS)
    )
    found = [
        QuarantineGroup(
            source=row.source,
            account_id=row.id,
            account=row.name,
            stream=row.stream,
            rule=row.rule,
            field=faulty_field(row.reason),
            rows=row.rows,
            first_at=instant(row.first_at),
            last_at=instant(row.last_at),
            tried=row.tried,
            fixed=row.fixed,
            asked=row.asked,
            may_pass=row.may_pass == row.rows,
            replayable=(row.source, row.stream) not in later_only,
            example_id=row.example_id,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (-each.rows, each.source, each.account_id, each.stream, each.rule)), total


def waiting_rows(connection: Connection) -> int:
    """How many rows wait."""
    query = select(func.count()).select_from(quarantine).where(quarantine.c.state == RowState.WAITING.value)
    return int(connection.execute(query).scalar_one())


def waiting_by_stream(connection: Connection) -> dict[tuple[str, str], int]:
    """Waiting rows by source and stream, zero where there were some once; for metrics."""
    rows = connection.execute(
        select(
            account.c.source,
            quarantine.c.stream,
            func.count(case((quarantine.c.state == RowState.WAITING.value, 1))),
        )
        .join(account, account.c.id == quarantine.c.account_id)
        .group_by(account.c.source, quarantine.c.stream)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def page(
    connection: Connection, wanted: RowFilter, *, limit: int, before: int | None, later_only: LaterOnly
) -> tuple[list[QuarantinedRow], int]:
    """Rows behind a filter, newest first, and how many there are; `before` is the id of the last one already shown."""
    conditions = wanted.conditions()
    total = connection.execute(select(func.count()).select_from(quarantine).where(*conditions)).scalar_one()
    query = _rows().where(*conditions)
    if before is not None:
        query = query.where(quarantine.c.id < before)
    rows = connection.execute(query.order_by(quarantine.c.id.desc()).limit(limit))
    return [_shown(row, later_only) for row in rows], int(total)


def detail(connection: Connection, row_id: int, *, later_only: LaterOnly) -> QuarantinedRowDetail:
    """One row with its bytes; raises NotFoundError."""
    row = connection.execute(
        _rows()
        .add_columns(raw_page.c.sha256, raw_page.c.endpoint)
        .outerjoin(raw_page, raw_page.c.id == quarantine.c.raw_page_id)
        .where(quarantine.c.id == row_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("row in quarantine", str(row_id))
    return QuarantinedRowDetail(
        row=_shown(row, later_only),
        received=bytes(row.bytes).decode(errors="replace"),
        fixed=None if row.fixed is None else bytes(row.fixed).decode(errors="replace"),
        context=row.context or "",
        parser=row.parser or "",
        raw_sha256=row.sha256,
        endpoint=row.endpoint,
    )


def _of(streams: LaterOnly) -> ColumnElement[bool]:
    """For statements on quarantine alone."""
    each_of = [
        and_(
            quarantine.c.account_id.in_(select(account.c.id).where(account.c.source == source)),
            quarantine.c.stream == stream,
        )
        for source, stream in streams
    ]
    return or_(false(), *each_of)


def _rows() -> Any:
    return select(quarantine, account.c.source, account.c.name.label("account_name")).join(
        account, account.c.id == quarantine.c.account_id
    )


def _shown(row: Row[Any], later_only: LaterOnly) -> QuarantinedRow:
    return QuarantinedRow(
        id=row.id,
        source=row.source,
        account=row.account_name,
        stream=row.stream,
        state=RowState(row.state),
        key=row.row_key,
        reason=row.reason,
        rule=row.rule or row.reason,
        field=faulty_field(row.reason),
        run_id=row.run_id,
        received_at=instant(row.received_at),
        told_at=instant(row.told_at or row.received_at),
        attempts=row.attempts,
        tried_at=optional_instant(row.tried_at),
        resolved_at=optional_instant(row.resolved_at),
        note=row.note,
        may_pass=row.may_pass,
        replayable=(row.source, row.stream) not in later_only,
        asked=max(row.asked_at or 0, row.fixed_at or 0) > (row.tried_at or 0) and row.state == RowState.WAITING,
        fixed_at=optional_instant(row.fixed_at),
        fixed_by=row.fixed_by,
    )


# ------------------------------------------------------------------------------------------------ decisions


class Mendable(NamedTuple):
    """What mending a row needs to know of it."""

    account_id: int
    source: str
    stream: str
    state: RowState
    context: str


def mendable(connection: Connection, row_id: int, *, locked: bool = False) -> Mendable:
    """A row that somebody wants to mend; `locked`, in a writing transaction, until its end. Raises NotFoundError."""
    query = (
        select(quarantine.c.account_id, account.c.source, quarantine.c.stream, quarantine.c.state, quarantine.c.context)
        .join(account, account.c.id == quarantine.c.account_id)
        .where(quarantine.c.id == row_id)
    )
    row = connection.execute(query.with_for_update(of=quarantine) if locked else query).one_or_none()
    if row is None:
        raise NotFoundError("row in quarantine", str(row_id))
    return Mendable(row.account_id, row.source, row.stream, RowState(row.state), row.context or "")


def mend(connection: Connection, row_id: int, fixed: bytes, *, by: str, now: int) -> None:
    """Keep a person's version of a row beside the received one."""
    connection.execute(
        update(quarantine).where(quarantine.c.id == row_id).values(fixed=fixed, fixed_at=now, fixed_by=by)
    )


def askable(connection: Connection, wanted: RowFilter, *, later_only: LaterOnly) -> list[tuple[int, str, str]]:
    """The accounts with waiting rows that are meant and can be tried alone: id, plug-in, name."""
    meant = select(quarantine.c.account_id).where(
        quarantine.c.state == RowState.WAITING.value, ~_of(later_only), *wanted.conditions()
    )
    rows = connection.execute(
        select(account.c.id, account.c.source, account.c.name).where(account.c.id.in_(meant)).order_by(account.c.id)
    )
    return [(row.id, row.source, row.name) for row in rows]


def ask(
    connection: Connection, wanted: RowFilter, accounts: Collection[int], *, later_only: LaterOnly, now: int
) -> dict[int, int]:
    """Ask for another try of these accounts' waiting rows; returns how many of each account."""
    asked = connection.execute(
        update(quarantine)
        .where(
            quarantine.c.state == RowState.WAITING.value,
            quarantine.c.account_id.in_(accounts),
            ~_of(later_only),
            *wanted.conditions(),
        )
        .values(asked_at=now)
        .returning(quarantine.c.account_id)
    ).scalars()
    counts: dict[int, int] = {}
    for account_id in asked:
        counts[account_id] = counts.get(account_id, 0) + 1
    return counts


def drop(connection: Connection, wanted: RowFilter, *, note: str, now: int) -> int:
    """A person says that waiting rows are not to be loaded; returns how many."""
    return connection.execute(
        update(quarantine)
        .where(quarantine.c.state == RowState.WAITING.value, *wanted.conditions())
        .values(state=RowState.DROPPED.value, resolved_at=now, note=note)
    ).rowcount


def take_back(connection: Connection, wanted: RowFilter) -> int:
    """Dropped rows wait again; returns how many."""
    return connection.execute(
        update(quarantine)
        .where(quarantine.c.state == RowState.DROPPED.value, *wanted.conditions())
        .values(state=RowState.WAITING.value, resolved_at=None, note=None)
    ).rowcount


def reader_of(connection: Connection, account_id: int) -> str | None:
    """The source that has read an account last; None: none that is known."""
    query = select(run.c.source).where(run.c.account_id == account_id)
    return connection.execute(query.order_by(run.c.id.desc()).limit(1)).scalar()


def read_by(connection: Connection, source: str) -> list[int]:
    """The accounts that a source has ever read."""
    query = select(run.c.account_id).where(run.c.source == source, run.c.account_id.is_not(None)).distinct()
    return sorted(connection.execute(query).scalars())


def newest_run(connection: Connection, account_id: int) -> int | None:
    """The newest run that read an account."""
    return connection.execute(select(func.max(run.c.id)).where(run.c.account_id == account_id)).scalar()


def enqueue(connection: Connection, *, source: str, trigger: Trigger, now: int) -> int:
    """The id of the replay of a source that waits or runs; a new one where there is none."""
    found = None
    while found is None:
        connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at) "
                "VALUES (:kind, :source, 'queued', :trigger, '{}', :now) ON CONFLICT DO NOTHING"
            ),
            {"kind": RunKind.REPLAY.value, "source": source, "trigger": trigger.value, "now": now},
        )
        # None: the run that was in the way has ended since; then there is room for a new one.
        # Locked: a run that is just being closed looks for what was asked first, or is closed before this is asked.
        found = connection.execute(
            select(run.c.id)
            .where(run.c.source == source, run.c.kind == RunKind.REPLAY.value, run.c.state.in_(OPEN))
            .with_for_update()
        ).scalar()
    return int(found)
