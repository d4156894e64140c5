"""Rows that could not be believed, as syncs write them: why, from where, their bytes, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select, text, update

from micore.domain.quarantine import RowState, rule_of
from micore.storage.tables import quarantine, stock_snapshot

IDS_PER_STATEMENT = 500
TOLD_ANEW = "a later answer told it anew"
TOLD_NO_MORE = "a later whole reading no longer tells it"


class Quarantined(NamedTuple):
    """A rejected row."""

    row_key: str
    reason: str
    raw: bytes
    raw_page_id: int
    snapshot_id: int | None
    context: str
    may_pass: bool
    as_of: int

    def digest(self) -> str:
        """The same for the same row, whenever it is told."""
        return sha256(b"\0".join((self.row_key.encode(), self.context.encode(), self.raw))).hexdigest()


class Told(NamedTuple):
    """Where and when rows were read."""

    account_id: int
    stream: str
    run_id: int
    parser: str
    now: int


_TOLD_AGAIN = """
UPDATE quarantine SET run_id = :run_id, snapshot_id = :snapshot_id, told_at = :received_at WHERE id = :the_id
"""
_OPEN_AGAIN = """
UPDATE quarantine SET run_id = :run_id, raw_page_id = :raw_page_id, snapshot_id = :snapshot_id, reason = :reason,
  rule = :rule, may_pass = :may_pass, as_of = :as_of, parser = :parser, state = :state, told_at = :received_at,
  resolved_at = NULL, note = NULL
WHERE id = :the_id
"""


def add(connection: Connection, rows: Sequence[Quarantined], told: Told) -> tuple[int, list[tuple[str, int]]]:
    """Keep rejected rows; part of the transaction that loads the good ones of their page.

    A row that waits already is kept once. One that a person dropped, or mended and loaded, is settled and stays so
    while the marketplace tells it in the same bytes. Returns how many rows were not settled, and key and id of those
    that wait now.
    """
    digests = [row.digest() for row in rows]
    known = {row.digest: row for row in _known(connection, told.account_id, told.stream, digests)}
    fresh: list[dict[str, Any]] = []
    open_again: list[dict[str, Any]] = []
    settled: list[dict[str, Any]] = []
    for digest, row in dict(zip(digests, rows, strict=True)).items():
        before = known.get(digest)
        if before is None:
            fresh.append(_values(row, digest, told))
        elif _is_settled(before):
            settled.append(_values(row, digest, told) | {"the_id": before.id})
        else:
            open_again.append(_values(row, digest, told) | {"the_id": before.id})
    waiting = [(row["row_key"], row["the_id"]) for row in open_again]
    if fresh:
        ids = connection.execute(insert(quarantine).returning(quarantine.c.id, sort_by_parameter_order=True), fresh)
        waiting += [(row["row_key"], row_id) for row, row_id in zip(fresh, ids.scalars(), strict=True)]
    if open_again:
        connection.execute(text(_OPEN_AGAIN), open_again)
    if settled:
        connection.execute(text(_TOLD_AGAIN), settled)
    return len(rows) - sum(digest in known and _is_settled(known[digest]) for digest in digests), waiting


def _is_settled(row: Any) -> bool:
    return row.state == RowState.DROPPED or (row.state == RowState.LOADED and row.fixed_at is not None)


def _known(connection: Connection, account_id: int, stream: str, digests: Sequence[str]) -> Iterable[Any]:
    for start in range(0, len(digests), IDS_PER_STATEMENT):
        yield from connection.execute(
            select(quarantine.c.id, quarantine.c.digest, quarantine.c.state, quarantine.c.fixed_at)
            .where(
                quarantine.c.account_id == account_id,
                quarantine.c.stream == stream,
                quarantine.c.digest.in_(digests[start : start + IDS_PER_STATEMENT]),
            )
            .order_by(quarantine.c.id)
        )


def _values(row: Quarantined, digest: str, told: Told) -> dict[str, Any]:
    return {
        "account_id": told.account_id,
        "stream": told.stream,
        "run_id": told.run_id,
        "raw_page_id": row.raw_page_id,
        "snapshot_id": row.snapshot_id,
        "row_key": row.row_key,
        "reason": row.reason,
        "rule": rule_of(row.reason),
        "bytes": row.raw,
        "context": row.context,
        "digest": digest,
        "state": RowState.WAITING.value,
        "may_pass": row.may_pass,
        "as_of": row.as_of,
        "parser": told.parser,
        "received_at": told.now,
    }


# ----------------------------------------------------------------------------------------------- superseding


def waiting_keys(connection: Connection, account_id: int, stream: str) -> dict[str, list[int]]:
    """The waiting rows of a stream that have a name: name to ids."""
    found: dict[str, list[int]] = {}
    for row_id, key in connection.execute(
        select(quarantine.c.id, quarantine.c.row_key).where(
            quarantine.c.state == RowState.WAITING.value,
            quarantine.c.account_id == account_id,
            quarantine.c.stream == stream,
            quarantine.c.row_key != "",
        )
    ):
        found.setdefault(key, []).append(row_id)
    return found


def supersede(connection: Connection, ids: Sequence[int], *, now: int, note: str = TOLD_ANEW) -> None:
    """Close waiting rows: what they would tell has been told later."""
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        connection.execute(
            update(quarantine)
            .where(quarantine.c.id.in_(ids[start : start + IDS_PER_STATEMENT]))
            .where(quarantine.c.state == RowState.WAITING.value)
            .values(state=RowState.SUPERSEDED.value, resolved_at=now, note=note)
        )


def supersede_untold(connection: Connection, account_id: int, stream: str, *, run_id: int, now: int) -> None:
    """After a whole reading of a listing: waiting rows that it did not tell."""
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.state == RowState.WAITING.value,
            quarantine.c.account_id == account_id,
            quarantine.c.stream == stream,
            quarantine.c.run_id != run_id,
        )
        .values(state=RowState.SUPERSEDED.value, resolved_at=now, note=TOLD_NO_MORE)
    )


def supersede_scope(
    connection: Connection, account_id: int, stream: str, *, scope: str, snapshot_id: int, now: int
) -> None:
    """With the publish of a snapshot: waiting rows of earlier readings of its scope."""
    of_scope = select(stock_snapshot.c.id).where(
        stock_snapshot.c.account_id == account_id, stock_snapshot.c.scope == scope, stock_snapshot.c.id != snapshot_id
    )
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.state == RowState.WAITING.value,
            quarantine.c.account_id == account_id,
            quarantine.c.stream == stream,
            quarantine.c.snapshot_id.in_(of_scope),
        )
        .values(state=RowState.SUPERSEDED.value, resolved_at=now, note=TOLD_NO_MORE)
    )


# ------------------------------------------------------------------------------------------------ trying again


class Candidate(NamedTuple):
    """A waiting row to be tried again."""

    id: int
    row_key: str
    raw: bytes
    """As a person mended it, else as received."""
    context: str
    raw_page_id: int
    as_of: int
    fixed_at: int | None


_MENDED = func.coalesce(quarantine.c.tried_at, 0) < quarantine.c.fixed_at
_ASKED = func.coalesce(quarantine.c.tried_at, 0) < quarantine.c.asked_at


def candidates(
    connection: Connection, account_id: int, stream: str, *, run_id: int, parser: str, asked_only: bool, limit: int
) -> list[Candidate]:
    """Waiting rows that may fit by now, those that were tried longest ago first.

    Asked for or mended by a person; with `asked_only` no others. Else also those that an earlier parser refused, and
    those that name what may have become known. None is tried twice in a run, unless a person asks for it meanwhile.
    """
    reasons: list[ColumnElement[bool]] = [_ASKED, _MENDED]
    if not asked_only:
        # What this very run was told has been read with what is known now.
        reasons.append(
            (quarantine.c.run_id != run_id)
            & (func.coalesce(quarantine.c.tried_run_id, 0) != run_id)
            & (quarantine.c.may_pass | (func.coalesce(quarantine.c.parser, "") != parser))
        )
    rows = connection.execute(
        select(
            quarantine.c.id,
            quarantine.c.row_key,
            func.coalesce(quarantine.c.fixed, quarantine.c.bytes).label("raw"),
            func.coalesce(quarantine.c.context, ""),
            func.coalesce(quarantine.c.raw_page_id, 0),
            func.coalesce(quarantine.c.as_of, quarantine.c.received_at),
            quarantine.c.fixed_at,
        )
        .where(
            quarantine.c.state == RowState.WAITING.value,
            quarantine.c.account_id == account_id,
            quarantine.c.stream == stream,
            or_(*reasons),
        )
        .order_by(func.coalesce(quarantine.c.tried_at, 0), quarantine.c.id)
        .limit(limit)
    )
    return [Candidate(row[0], row[1], bytes(row[2]), *row[3:]) for row in rows]


_UNTRIED = and_(quarantine.c.state == RowState.WAITING.value, or_(_ASKED, _MENDED))


def _asked(account_id: int) -> ColumnElement[bool]:
    return and_(_UNTRIED, quarantine.c.account_id == account_id)


def asked_streams(connection: Connection, account_id: int) -> set[str]:
    """The streams of an account that have rows which a person asked to be tried."""
    return set(connection.execute(select(quarantine.c.stream).where(_asked(account_id)).distinct()).scalars())


def asked_accounts(connection: Connection, streams: Sequence[str]) -> list[int]:
    """The accounts that have such rows in one of these streams."""
    query = select(quarantine.c.account_id).where(_UNTRIED, quarantine.c.stream.in_(streams)).distinct()
    return sorted(connection.execute(query).scalars())


def refused_rows(connection: Connection, accounts: Sequence[int], *, since: int) -> int:
    """How many rows of accounts still wait though a person has asked for a try since an instant, and one was made."""
    tried = quarantine.c.tried_at >= quarantine.c.asked_at
    return int(
        connection.execute(
            select(func.count()).where(
                quarantine.c.state == RowState.WAITING.value,
                quarantine.c.account_id.in_(accounts),
                quarantine.c.asked_at >= since,
                tried,
            )
        ).scalar_one()
    )


def asked_rows(connection: Connection, account_id: int, stream: str) -> int:
    """How many rows of a stream a person asked to be tried."""
    query = select(func.count()).where(_asked(account_id), quarantine.c.stream == stream)
    return int(connection.execute(query).scalar_one())


def still_waiting(connection: Connection, tried: Sequence[Candidate]) -> set[int]:
    """Which of them nobody has settled or mended since they were read; locked until the end of the transaction."""
    found = connection.execute(
        select(quarantine.c.id, quarantine.c.fixed_at)
        .where(quarantine.c.id.in_([each.id for each in tried]), quarantine.c.state == RowState.WAITING.value)
        .order_by(quarantine.c.id)
        .with_for_update()
    )
    known = {each.id: each.fixed_at for each in tried}
    return {row.id for row in found if row.fixed_at == known[row.id]}


class Tried(NamedTuple):
    """What came of trying a row again."""

    id: int
    state: RowState
    reason: str | None
    """Where it still waits: why."""
    may_pass: bool
    note: str | None = None


def note_tries(connection: Connection, tried: Sequence[Tried], *, run_id: int, parser: str, now: int) -> None:
    """Write down what became of rows that were tried again; part of the transaction that loads them."""
    if not tried:
        return
    connection.execute(
        text(
            """
            UPDATE quarantine SET state = :state, reason = coalesce(:reason, reason), rule = coalesce(:rule, rule),
              may_pass = :may_pass, note = :note, attempts = attempts + 1, tried_run_id = :run,
              tried_at = CASE WHEN coalesce(asked_at, 0) > :now THEN asked_at ELSE CAST(:now AS BIGINT) END,
              parser = :parser, resolved_at = CASE WHEN :state = 'waiting' THEN NULL ELSE CAST(:now AS BIGINT) END
            WHERE id = :id
            """
        ),
        [
            {
                "id": each.id,
                "state": each.state.value,
                "reason": each.reason,
                "rule": None if each.reason is None else rule_of(each.reason),
                "may_pass": each.may_pass,
                "note": each.note,
                "now": now,
                "run": run_id,
                "parser": parser,
            }
            for each in tried
        ],
    )


_FACTS = {
    "orders": ("order_line", "order_id"),
    "sales": ("sale", "external_id"),
    "returns": ("return_line", "return_id"),
    "supplies": ("supply_line", "supply_id"),
    "finance": ("finance_line", "external_id"),
}
"""Where the facts of a stream lie, and what names them."""
_IN_PARTS = ("finance",)
"""A row of these is told as several facts, each named "row:part": the newest of them counts for the row."""


def newest_answers(connection: Connection, account_id: int, stream: str, names: Sequence[str]) -> dict[str, int]:
    """Of the facts that are loaded already: the answer that each was read from last."""
    if stream not in _FACTS:
        return {}
    table, column = _FACTS[stream]
    found = _newest(connection, account_id, table, column, names)
    if stream not in _IN_PARTS:
        return found
    # A prefix of a known length is compared alike by both databases, whatever the order of their texts.
    for length in sorted({len(name) for name in names if ":" not in name}):
        rows = [f"{name}:" for name in names if len(name) == length and ":" not in name]
        told = _newest(connection, account_id, table, f"substr({column}, 1, {length + 1})", rows)
        found.update({prefix[:-1]: max(newest, found.get(prefix[:-1], 0)) for prefix, newest in told.items()})
    return found


def _newest(connection: Connection, account_id: int, table: str, name: str, names: Sequence[str]) -> dict[str, int]:
    statement = text(
        f"SELECT {name}, max(coalesce(raw_page_id, 0)) FROM {table} "
        f"WHERE account_id = :account AND {name} IN :names GROUP BY {name}"
    ).bindparams(bindparam("names", expanding=True))
    found: dict[str, int] = {}
    for start in range(0, len(names), IDS_PER_STATEMENT):
        some = list(names[start : start + IDS_PER_STATEMENT])
        found.update((row[0], row[1]) for row in connection.execute(statement, {"account": account_id, "names": some}))
    return found
