"""What PostgreSQL needs around a replay of the log: references that wait, numbers that go on behind those written."""

from __future__ import annotations

from sqlalchemy import Connection, text


def let_references_wait(connection: Connection) -> None:
    """Let references be checked at the end of this transaction. They stay able to until `end`."""
    for name, table in _references(connection, deferrable=False):
        connection.execute(text(f"ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE"))
    connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def end(connection: Connection) -> None:
    """References are checked at each step again, and new rows get numbers behind the largest there is."""
    # What is still to be checked is checked here: a table with such checks waiting cannot be altered.
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for name, table in _references(connection, deferrable=True):
        connection.execute(text(f"ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE"))
    counted = text(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'"
    )
    for table, column in connection.execute(counted).all():
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"
                f" greatest((SELECT coalesce(max({column}), 0) FROM {table}) + 1, 1), false)"
            )
        )


def _references(connection: Connection, *, deferrable: bool) -> list[tuple[str, str]]:
    found = connection.execute(
        text(
            "SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
            " AND connamespace = current_schema()::regnamespace AND condeferrable = :deferrable"
        ),
        {"deferrable": deferrable},
    )
    return [(row[0], row[1]) for row in found]
