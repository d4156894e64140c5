"""How the keys of changed rows are noted: by triggers, into the temporary table `changed_key` of a connection.

Connections that keep no journal have no such table, and nothing is noted there. At the transaction's end `collect`
reads the rows behind the keys, see storage/changes.py for what becomes of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sqlalchemy import Connection, Table, text

from micore.storage.changes import Part, TablePart, columns_of, keys_of, watched

ROWS_PER_PART = 5_000
_KEY_COLUMNS = ("a", "b", "c", "d")


def prepare(connection: Connection) -> None:
    """Let this connection note what it changes, from its next transaction on. Not inside a transaction."""
    if not connection.info.get("notes_changes"):
        _watch(connection).prepare(connection.connection.driver_connection)
        connection.info["notes_changes"] = True


def release(connection: Connection) -> None:
    """Let this connection note nothing any more: its tables are about to be rebuilt. Not inside a transaction."""
    if connection.info.pop("notes_changes", False):
        _watch(connection).release(connection.connection.driver_connection)


def lacks_triggers(connection: Connection) -> bool:
    """Whether the tables lack triggers that belong to the database."""
    return bool(_watch(connection).lacking(connection))


def install(connection: Connection) -> None:
    """Give the tables their triggers where those belong to the database; inside the caller's transaction."""
    _watch(connection).install(connection)


def collect(connection: Connection) -> Iterator[Part]:
    """The rows behind the noted keys, in parts of at most `ROWS_PER_PART`; the notes are gone afterwards."""
    watch = _watch(connection)
    part: Part = []
    size = 0
    cursor = connection.connection.cursor()
    try:
        touched = watch.touched(cursor)
        for table in [each for each in watched() if each.name in touched]:
            keys, columns = keys_of(table), list(columns_of(table))
            cursor.execute(watch.rows_of(table))
            # Every row carries its own key columns first, then the noted ones: a row that is gone has only the latter.
            while rows := cursor.fetchmany(ROWS_PER_PART - size):
                place = columns.index(keys[0])
                part.append(
                    TablePart(
                        str(table.name),
                        columns,
                        [list(row[: len(columns)]) for row in rows if row[place] is not None],
                        keys,
                        [list(row[len(columns) :]) for row in rows if row[place] is None],
                    )
                )
                size += len(rows)
                if size >= ROWS_PER_PART:
                    yield part
                    part, size = [], 0
        if touched and watch.forget is not None:
            cursor.execute(watch.forget)
    finally:
        cursor.close()
    if part:
        yield part


class _Watch(Protocol):
    """What the two databases do differently."""

    forget: str | None
    """The statement that takes all notes away; None where the end of the transaction does."""

    def lacking(self, connection: Connection) -> set[str]: ...

    def install(self, connection: Connection) -> None: ...

    def prepare(self, driver: Any) -> None: ...

    def release(self, driver: Any) -> None: ...

    def touched(self, cursor: Any) -> set[str]: ...

    def rows_of(self, table: Table) -> str: ...


class _SqliteWatch:
    """Temporary triggers of the one connection that writes: nothing of them is in the file."""

    forget: str | None = "DELETE FROM temp.changed_key"

    def lacking(self, connection: Connection) -> set[str]:
        """None: each connection brings its own."""
        del connection
        return set()

    def install(self, connection: Connection) -> None:
        """Nothing to do."""

    def prepare(self, driver: Any) -> None:
        # No unique key: inside an upsert SQLite gives its conflict clause to the trigger's statements too.
        driver.execute("CREATE TEMP TABLE IF NOT EXISTS changed_key (place INTEGER, a, b, c, d)")
        for place, table in enumerate(watched()):
            for name, statement in self._triggers(place, table).items():
                driver.execute(f"CREATE TEMP TRIGGER IF NOT EXISTS {name} {statement}")

    def release(self, driver: Any) -> None:
        for place, table in enumerate(watched()):
            for name in self._triggers(place, table):
                driver.execute(f"DROP TRIGGER IF EXISTS temp.{name}")
        driver.execute("DELETE FROM temp.changed_key")

    @staticmethod
    def _triggers(place: int, table: Table) -> dict[str, str]:
        keys = keys_of(table)

        def note(row: str) -> str:
            values = [f"{row}.{key}" for key in keys] + ["NULL"] * (len(_KEY_COLUMNS) - len(keys))
            return f"BEGIN INSERT INTO changed_key VALUES ({place}, {', '.join(values)}); END"

        moved = " OR ".join(f"OLD.{key} IS NOT NEW.{key}" for key in keys)
        return {
            f"note_new_{table.name}": f"AFTER INSERT ON main.{table.name} {note('NEW')}",
            f"note_gone_{table.name}": f"AFTER DELETE ON main.{table.name} {note('OLD')}",
            f"note_now_{table.name}": f"AFTER UPDATE ON main.{table.name} {note('NEW')}",
            f"note_moved_{table.name}": f"AFTER UPDATE ON main.{table.name} WHEN {moved} {note('OLD')}",
        }

    def touched(self, cursor: Any) -> set[str]:
        cursor.execute("SELECT DISTINCT place FROM temp.changed_key")
        return {watched()[row[0]].name for row in cursor.fetchall()}

    def rows_of(self, table: Table) -> str:
        place, keys = watched().index(table), keys_of(table)
        noted = ", ".join(_KEY_COLUMNS[: len(keys)])
        joined = " AND ".join(f"t.{key} = k.{note}" for key, note in zip(keys, _KEY_COLUMNS, strict=False))
        columns = ", ".join(f"t.{column.name}" for column in table.columns)
        tail = ", ".join(f"k.{note}" for note in _KEY_COLUMNS[: len(keys)])
        return (
            f"SELECT {columns}, {tail} FROM (SELECT DISTINCT {noted} FROM temp.changed_key WHERE place = {place}) k"
            f" LEFT JOIN main.{table.name} t ON {joined}"
        )


class _PostgresqlWatch:
    """Triggers of the tables, once for each statement; they note into the temporary table of whoever has one."""

    forget: str | None = None

    def lacking(self, connection: Connection) -> set[str]:
        """The tables that lack a trigger of this program's."""
        wanted = {(table.name, f"micore_note_{verb}") for table in watched() for verb in ("insert", "update", "delete")}
        found = {
            (row[0], row[1])
            for row in connection.execute(
                text(
                    "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                    " JOIN pg_proc p ON p.oid = t.tgfoid WHERE c.relnamespace = current_schema()::regnamespace"
                    " AND t.tgname LIKE 'micore_note_%' AND obj_description(p.oid, 'pg_proc') = :digest"
                ),
                {"digest": self._digest()},
            )
        }
        return {name for name, _ in wanted - found}

    def install(self, connection: Connection) -> None:
        missing = self.lacking(connection)
        for table in watched():
            if table.name in missing:
                for statement in self._statements(table):
                    connection.exec_driver_sql(statement)

    def prepare(self, driver: Any) -> None:
        with driver.transaction():
            driver.execute(
                'CREATE TEMP TABLE IF NOT EXISTS changed_key ("table" text, a text, b text, c text, d text)'
                " ON COMMIT DELETE ROWS"
            )

    def release(self, driver: Any) -> None:
        with driver.transaction():
            driver.execute("DROP TABLE IF EXISTS pg_temp.changed_key")

    def touched(self, cursor: Any) -> set[str]:
        cursor.execute('SELECT "table", count(*) FROM pg_temp.changed_key GROUP BY 1')
        found = dict(cursor.fetchall())
        if sum(found.values()) > ROWS_PER_PART:
            # Without statistics the planner may compare every key with every row.
            cursor.execute("ANALYZE pg_temp.changed_key")
        return set(found)

    def rows_of(self, table: Table) -> str:
        keys, columns = keys_of(table), columns_of(table)
        types = {"int": "bigint", "int4": "integer", "int2": "smallint", "bool": "boolean"}
        noted = [
            f"{note}::{types.get(columns[key], 'text')} AS {note}"
            for key, note in zip(keys, _KEY_COLUMNS, strict=False)
        ]
        joined = " AND ".join(f"t.{key} = k.{note}" for key, note in zip(keys, _KEY_COLUMNS, strict=False))
        names = ", ".join(f"t.{name}" for name in columns)
        tail = ", ".join(f"k.{note}" for note in _KEY_COLUMNS[: len(keys)])
        return (
            f"SELECT {names}, {tail} FROM (SELECT DISTINCT {', '.join(noted)} FROM pg_temp.changed_key"
            f" WHERE \"table\" = '{table.name}') k LEFT JOIN {table.name} t ON {joined}"
        )

    def _digest(self) -> str:
        every = "\n".join(self._body(table) for table in watched())
        return "micore " + hashlib.sha256(every.encode()).hexdigest()[:16]

    @staticmethod
    def _body(table: Table) -> str:
        keys = keys_of(table)
        values = ", ".join([f"{key}::text" for key in keys] + ["NULL"] * (len(_KEY_COLUMNS) - len(keys)))

        def note(rows: str) -> str:
            return f"INSERT INTO pg_temp.changed_key SELECT '{table.name}', {values} FROM {rows};"

        return (
            "BEGIN IF to_regclass('pg_temp.changed_key') IS NULL THEN RETURN NULL; END IF;"
            f" IF TG_OP <> 'DELETE' THEN {note('now_rows')} END IF;"
            f" IF TG_OP <> 'INSERT' THEN {note('former_rows')} END IF;"
            " RETURN NULL; END"
        )

    def _statements(self, table: Table) -> Iterable[str]:
        function = f"micore_note_{table.name}"
        yield (
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $note${self._body(table)}$note$"
        )
        yield f"COMMENT ON FUNCTION {function}() IS '{self._digest()}'"
        now, former = "NEW TABLE AS now_rows", "OLD TABLE AS former_rows"
        seen = {"insert": now, "update": f"{now} {former}", "delete": former}
        for verb, rows in seen.items():
            yield (
                f"CREATE OR REPLACE TRIGGER micore_note_{verb} AFTER {verb.upper()} ON {table.name}"
                f" REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )


_WATCHES: dict[str, _Watch] = {"sqlite": _SqliteWatch(), "postgresql": _PostgresqlWatch()}


def _watch(connection: Connection) -> _Watch:
    return _WATCHES[connection.dialect.name]
