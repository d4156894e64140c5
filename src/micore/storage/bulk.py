"""Many rows at once, by the shapes that measured best: multi-row VALUES on SQLite, binary COPY on PostgreSQL.

Everything here runs inside the caller's transaction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, count, islice, repeat
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

    def put_columns(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], values: Sequence[Sequence[Any]]
    ) -> None:
        """As `put`, for rows that lie ready as columns of equal length, which is the fastest way on SQLite."""
        ...

    def stage(self, connection: Connection, name: str, columns: Columns, rows: Iterable[Row]) -> None:
        """Fill the temporary table `name` with exactly these rows; it lives until the transaction ends."""
        ...

    def measure(self, connection: Connection, table: str) -> None:
        """Let the planner know how large a table has become in this transaction; nothing where it need not know."""
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
        self._insert(connection, table, columns, list(zip(*rows, strict=True)), _on_conflict(columns, keys))

    def put_columns(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], values: Sequence[Sequence[Any]]
    ) -> None:
        self._insert(connection, table, columns, values, _on_conflict(columns, keys))

    def stage(self, connection: Connection, name: str, columns: Columns, rows: Iterable[Row]) -> None:
        defined = ", ".join(f"{column} {self._TYPES[kind]}" for column, kind in columns.items())
        connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({defined})")
        connection.exec_driver_sql(f"DELETE FROM {name}")
        self._insert(connection, name, columns, list(zip(*rows, strict=True)), "")

    def measure(self, connection: Connection, table: str) -> None:
        """Nothing to do: SQLite joins along keys whatever the sizes."""

    @staticmethod
    def _insert(
        connection: Connection, table: str, columns: Columns, values: Sequence[Sequence[Any]], tail: str
    ) -> None:
        if not values or not values[0]:
            return
        # Each bound value costs a call: what is the same in every row (the snapshot, the page, figures that a
        # marketplace does not tell) is bound once, and NULL not at all.
        spelled = "".join(map(_spelled, values))
        once = [column[0] for column, letter in zip(values, spelled, strict=True) if letter == "1"]
        own = [column for column, letter in zip(values, spelled, strict=True) if letter == "?"]
        head, rows = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ", len(values[0])
        at_once = min(rows, ROWS_PER_STATEMENT)
        statement = head + _values(spelled, at_once) + tail
        cursor = connection.connection.cursor()
        try:
            for first in range(0, rows, at_once):
                if rows - first < at_once:
                    at_once = rows - first
                    statement = head + _values(spelled, at_once) + tail
                bound = once.copy()
                for column in own:
                    bound += column[first : first + at_once]
                cursor.execute(statement, bound)
        finally:
            cursor.close()


def _spelled(column: Sequence[Any]) -> str:
    """A letter for how a column is bound, see `_values`."""
    first = column[0]
    if first is not column[-1] or column.count(first) != len(column):
        return "?"
    return "-" if first is None else "1"


@lru_cache(maxsize=64)
def _values(spelled: str, rows: int) -> str:
    """The rows of a VALUES clause, a letter per column: "1" has one value for all rows (these are numbered first), "?"
    one of its own in each row, numbered down the columns so that nothing has to be transposed, "-" is NULL."""
    numbers = count(1)
    once = {place: f"?{next(numbers)}" for place, letter in enumerate(spelled) if letter == "1"}
    own = {place: [f"?{next(numbers)}" for _ in range(rows)] for place, letter in enumerate(spelled) if letter == "?"}
    columns = [own.get(place) or [once.get(place, "NULL")] * rows for place in range(len(spelled))]
    return ", ".join(f"({', '.join(row)})" for row in zip(*columns, strict=True))


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
        self.put_columns(connection, table, columns, keys, list(zip(*rows, strict=True)))

    def put_columns(
        self, connection: Connection, table: str, columns: Columns, keys: Sequence[str], values: Sequence[Sequence[Any]]
    ) -> None:
        from psycopg.errors import UniqueViolation

        if not values or not values[0]:
            return
        try:
            # Not the driver's own `transaction()`: as the first thing of a transaction that would be a whole one.
            with connection.begin_nested():
                self._copy_columns(connection, table, columns, values)
        except UniqueViolation:
            rows = zip(*values, strict=True)
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
        self.measure(connection, name)

    def measure(self, connection: Connection, table: str) -> None:
        # Without statistics the planner takes a fresh table for a handful of rows and compares all with all: a publish
        # of a million rows then takes hours instead of seconds. Autovacuum would look only a minute after the commit.
        connection.exec_driver_sql(f"ANALYZE {table}")

    def _copy_columns(
        self, connection: Connection, table: str, columns: Columns, values: Sequence[Sequence[Any]]
    ) -> None:
        packed = _packed(columns, values)
        if packed is None:
            self._copy(connection, table, columns, zip(*values, strict=True))
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(_copy_statement(table, columns)) as copy:
            copy.write(packed)

    def _copy(self, connection: Connection, table: str, columns: Columns, rows: Iterable[Row]) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(_copy_statement(table, columns)) as copy:
            copy.set_types([self._TYPES[kind] for kind in columns.values()])
            for row in rows:
                copy.write_row(row)


def _copy_statement(table: str, columns: Columns) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"


def _packed(columns: Columns, values: Sequence[Sequence[Any]]) -> bytes | None:
    """The whole of a binary COPY, a fifth of the driver's work; None unless all columns are 64-bit integers that are
    told in every row or in none."""
    rows = len(values[0])
    if any(kind != "int" for kind in columns.values()) or any(each.count(None) not in (0, rows) for each in values):
        return None
    # A row is its number of fields, then each field with its length; length -1 is NULL.
    layout = "h"
    fields: list[Iterator[Any]] = [repeat(len(values), rows)]
    for column in values:
        layout += "i" if column[0] is None else "iq"
        fields += [repeat(-1, rows)] if column[0] is None else [repeat(8, rows), iter(column)]
    rows_of = zip(*fields, strict=True)
    block, body = struct.Struct(">" + layout * min(rows, ROWS_PER_STATEMENT)), [_COPY_HEAD]
    for left in range(rows, 0, -ROWS_PER_STATEMENT):
        if left < ROWS_PER_STATEMENT:
            block = struct.Struct(">" + layout * left)
        body.append(block.pack(*chain.from_iterable(islice(rows_of, ROWS_PER_STATEMENT))))
    return b"".join((*body, _COPY_TAIL))


_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
_COPY_TAIL = b"\xff\xff"


def _on_conflict(columns: Columns, keys: Sequence[str]) -> str:
    values = [column for column in columns if column not in keys]
    action = "UPDATE SET " + ", ".join(f"{each} = excluded.{each}" for each in values) if values else "NOTHING"
    return f" ON CONFLICT ({', '.join(keys)}) DO {action}"


def _key(columns: Columns, keys: Sequence[str], row: Row) -> Row:
    places = {column: place for place, column in enumerate(columns)}
    return tuple(row[places[key]] for key in keys)


_BULKS: dict[str, Bulk] = {"sqlite": SqliteBulk(), "postgresql": PostgresBulk()}
