"""Where reading each stream of an account goes on."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from micore.storage.tables import stream_state


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """Where reading a stream goes on."""

    cursor: str
    complete: bool
    """False: a reading was broken off inside."""
    as_of: int | None
    rows_last: int | None
    changed_at: int


def load_cursor(connection: Connection, account_id: int, stream: str) -> StreamCursor | None:
    """The cursor that was committed with the rows it has passed."""
    row = connection.execute(
        select(stream_state).where(stream_state.c.account_id == account_id, stream_state.c.stream == stream)
    ).one_or_none()
    return None if row is None else StreamCursor(row.cursor, row.complete, row.as_of, row.rows_last, row.changed_at)


def save_cursor(connection: Connection, account_id: int, stream: str, cursor: StreamCursor) -> None:
    """Move the cursor; part of the transaction that writes the rows it passes."""
    values = {
        "cursor": cursor.cursor,
        "complete": cursor.complete,
        "as_of": cursor.as_of,
        "rows_last": cursor.rows_last,
        "changed_at": cursor.changed_at,
    }
    changed = connection.execute(
        update(stream_state)
        .where(stream_state.c.account_id == account_id, stream_state.c.stream == stream)
        .values(**values)
    ).rowcount
    if not changed:
        connection.execute(insert(stream_state).values(account_id=account_id, stream=stream, **values))


def remember_rows(connection: Connection, account_id: int, stream: str, rows: int) -> None:
    """Note how many rows a whole, believed reading had: the measure of the next."""
    connection.execute(
        update(stream_state)
        .where(stream_state.c.account_id == account_id, stream_state.c.stream == stream)
        .values(rows_last=rows)
    )
