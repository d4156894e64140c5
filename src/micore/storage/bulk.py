"""Many rows at once, by the shapes that measured best: multi-row VALUES on SQLite, binary COPY on PostgreSQL.

Everything here runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any, ClassVar, Protocol

from sqlalchemy import Connection, text

Row = tuple[Any, ...]
Columns = dict[str, str]
"""Column name to type: "int" (64 bits), "int4", "int2", "text", "bool" or "blob"; COPY wants the table's own."""

# Flat from 100 rows up; 200 keeps the statement text and the variables small.
ROWS_PER_STATEMENT = 200


class Bulk(Protocol):
    """What the two databases do differently when rows come in thousands."""

    def put(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Insert rows; a row whose key is there already replaces it. Fastest when sorted by key."""
        ...

    def stage(self, connection: Connection, name: str, columns: Columns, rows: Iterable[Row]) -> None:
        """Fill the temporary table `name` with exactly these rows; it lives until the transaction ends."""
        ...


def bulk_for(connection: Connection) -> Bulk:
    """The bulk loader of the connection's database."""
    return _BULKS[connection.dialect.name]


class SqliteBulk:
    """Multi-row VALUES through the driver; one statement text per batch size, so that it stays prepared."""

    _TYPES: ClassVar[dict[str, str]] = {
        "int": "INTEGER",
        "int4": "INTEGER",
        "int2": "INTEGER",
        "text": "TEXT",
        "bool": "INTEGER",
        "blob": "BLOB",
    }

    def put(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], rows: Sequence[Row]
    ) -> None:
        self._insert(connection, table, columns, rows, _on_conflict(columns, keys))

    def stage(self, connection: Connection, name: str, columns: Columns, rows: Iterable[Row]) -> None:
        defined = ", ".join(f"{column} {self._TYPES[kind]}" for column, kind in columns.items())
        connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({defined})")
        connection.exec_driver_sql(f"DELETE FROM {name}")
        self._insert(connection, name, columns, rows, "")

    @staticmethod
    def _insert(connection: Connection, table: str, columns: Columns, rows: Iterable[Row], tail: str) -> None:
        cursor = connection.connection.cursor()
        head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        one = f"({', '.join('?' * len(columns))})"
        full = head + ", ".join([one] * ROWS_PER_STATEMENT) + tail
        source = iter(rows)
        try:
            while batch := list(islice(source, ROWS_PER_STATEMENT)):
                statement = full if len(batch) == ROWS_PER_STATEMENT else head + ", ".join([one] * len(batch)) + tail
                cursor.execute(statement, list(chain.from_iterable(batch)))
        finally:
            cursor.close()


class PostgresBulk:
    """Binary COPY; rows that are there already are the exception and go through a temporary table."""

    _TYPES: ClassVar[dict[str, str]] = {
        "int": "int8",
        "int4": "int4",
        "int2": "int2",
        "text": "text",
        "bool": "bool",
        "blob": "bytea",
    }

    def put(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], rows: Sequence[Row]
    ) -> None:
        from psycopg.errors import UniqueViolation

        driver = connection.connection.driver_connection
        assert driver is not None
        try:
            with driver.transaction():
                self._copy(connection, table, columns, rows)
        except UniqueViolation:
            self.stage(connection, f"put_{table}", columns, {_key(columns, keys, row): row for row in rows}.values())
            names = ", ".join(columns)
            connection.execute(
                text(f"INSERT INTO {table} ({names}) SELECT {names} FROM put_{table}{_on_conflict(columns, keys)}")
            )

    def stage(self, connection: Connection, name: str, columns: Columns, rows: Iterable[Row]) -> None:
        defined = ", ".join(f"{column} {self._TYPES[kind]}" for column, kind in columns.items())
        connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({defined}) ON COMMIT DROP")
        connection.exec_driver_sql(f"TRUNCATE {name}")
        self._copy(connection, name, columns, rows)
        # Without statistics the planner takes a fresh temporary table for a handful of rows and loops.
        connection.exec_driver_sql(f"ANALYZE {name}")

    def _copy(self, connection: Connection, table: str, columns: Columns, rows: Iterable[Row]) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([self._TYPES[kind] for kind in columns.values()])
            for row in rows:
                copy.write_row(row)


def _on_conflict(columns: Columns, keys: Sequence[str]) -> str:
    values = [column for column in columns if column not in keys]
    action = "UPDATE SET " + ", ".join(f"{each} = excluded.{each}" for each in values) if values else "NOTHING"
    return f" ON CONFLICT ({', '.join(keys)}) DO {action}"


def _key(columns: Columns, keys: Sequence[str], row: Row) -> Row:
    places = {column: place for place, column in enumerate(columns)}
    return tuple(row[places[key]] for key in keys)


_BULKS: dict[str, Bulk] = {"sqlite": SqliteBulk(), "postgresql": PostgresBulk()}
