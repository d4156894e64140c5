"""What a transaction changed: the rows that it touched, as it left them (storage/noting.py finds them).

Rows are kept, not the statements that made them: they can be put back without the program that wrote them, on either
database. Not kept is what is made of other rows (`DERIVED`) and what the journal writes itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import zstandard
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, SmallInteger, Table, text

from micore.errors import StorageError
from micore.storage.bulk import Columns, bulk_for
from micore.storage.tables import metadata

DERIVED = frozenset(
    {
        "event",
        "journal_head",
        "journal_change",
        "product_summary",
        "status_total",
        "summary_dirty",
        # Pages of snapshots that are not published: a database that is made of a log drops these snapshots, and the
        # next sync reads them anew.
        "stock_staging",
    }
)
_LEVEL = 3
_zstd = zstandard.ZstdDecompressor()


class TablePart(msgspec.Struct, array_like=True):
    """Of one table: rows as they are now, and keys of rows that are gone."""

    table: str
    columns: list[str]
    rows: list[list[Any]]
    keys: list[str]
    gone: list[list[Any]]

    def count(self) -> int:
        return len(self.rows) + len(self.gone)


Part = list[TablePart]
_decoder = msgspec.msgpack.Decoder(Part)


def pack(part: Part) -> bytes:
    """A part as the log keeps it."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(part))


def unpack(packed: bytes) -> Part:
    """The part that was packed; nothing for no bytes."""
    return _decoder.decode(_zstd.decompress(packed)) if packed else []


@cache
def watched() -> tuple[Table, ...]:
    """The tables whose changes are noted, those first that others refer to."""
    return tuple(table for table in metadata.sorted_tables if table.name not in DERIVED)


def keys_of(table: Table) -> list[str]:
    """The columns of a table's primary key."""
    return [str(column.name) for column in table.primary_key.columns]


def count_rows(part: Part) -> dict[str, int]:
    """By table: how many rows a part tells of."""
    found: dict[str, int] = {}
    for each in part:
        found[each.table] = found.get(each.table, 0) + each.count()
    return found


class Outcome:
    """What rows are after some transactions, in their order: the newest word on each row."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[Any, ...], list[Any] | None]] = {}
        self._columns: dict[str, list[str]] = {}
        self.size = 0

    def takes(self, part: Part) -> bool:
        """Whether a part's columns are those of what was added so far."""
        return all(self._columns.get(each.table, each.columns) == each.columns for each in part)

    def add(self, part: Part) -> None:
        """A later part. Raises StorageError for a table or column that this program does not have."""
        for each in part:
            table = metadata.tables.get(each.table)
            strange = each.columns if table is None else [name for name in each.columns if name not in table.columns]
            if strange or each.keys != keys_of(metadata.tables[each.table]):
                raise StorageError(
                    f"A record of the transaction log tells of {each.table} ({', '.join(strange or each.keys)}), which "
                    "this program does not have.",
                    remedy="Replay it with the version of micore that wrote it, then update.",
                )
            rows = self._tables.setdefault(each.table, {})
            self._columns[each.table] = each.columns
            places = [each.columns.index(key) for key in each.keys]
            for row in each.rows:
                rows[tuple([row[place] for place in places])] = row
            for key in each.gone:
                rows[tuple(key)] = None
            self.size += each.count()

    def put(self, connection: Connection) -> None:
        """Make the rows so. All that are named are taken away first, then written: two may have changed places.

        References must be allowed to be broken between the two.
        """
        bulk = bulk_for(connection)
        named = [table for table in watched() if self._tables.get(table.name)]
        for table in reversed(named):
            keys, columns = keys_of(table), columns_of(table)
            stage, listed = f"gone_{table.name}", ", ".join(keys)
            bulk.stage(connection, stage, {key: columns[key] for key in keys}, list(self._tables[table.name]))
            connection.execute(text(f"DELETE FROM {table.name} WHERE ({listed}) IN (SELECT {listed} FROM {stage})"))
        for table in named:
            names, kinds = self._columns[table.name], columns_of(table)
            rows = [row for row in self._tables[table.name].values() if row is not None]
            booleans = [place for place, name in enumerate(names) if kinds[name] == "bool"]
            for row in rows:
                for place in booleans:
                    # SQLite tells 0 and 1.
                    row[place] = None if row[place] is None else bool(row[place])
            if rows:
                columns = {name: kinds[name] for name in names}
                bulk.put(connection, table.name, columns, keys_of(table), [tuple(row) for row in rows])


@cache
def columns_of(table: Table) -> Columns:
    """Each column's kind, as the bulk loader names it."""
    return {str(column.name): _kind(column.type) for column in table.columns}


def _kind(type_: Any) -> str:
    kinds = ((SmallInteger, "int2"), (BigInteger, "int"), (Integer, "int4"), (Boolean, "bool"), (LargeBinary, "blob"))
    return next((name for kind, name in kinds if isinstance(type_, kind)), "text")
