"""Order lines as arrays, for daily demand: a block at a time, so that memory does not grow with the shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain

import numpy as np
from sqlalchemy import Connection, text

from micore.domain.demand import STATES, Ints, OrderLines
from micore.storage.database import Database

EPOCH = date(1970, 1, 1)
BLOCK_ROWS = 100_000
_STATE = "CASE o.state " + " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(STATES)) + " END"
# By the index that leads with the sku: of one day, too, it reads a place for each sku instead of the whole table.
_FROM = (
    "FROM sku k {join} order_line o {on} o.sku_id = k.id AND o.ordered_day >= '{first}' AND o.ordered_day < '{past}'"
)
_SQLITE = f"SELECT o.sku_id, unixepoch(o.ordered_day) / 86400, o.quantity, {_STATE} {_FROM}"
_POSTGRESQL = (
    "COPY (SELECT o.sku_id, (o.ordered_day::date - date '1970-01-01')::int4, o.quantity, "
    f"({_STATE})::int2 {_FROM}) TO STDOUT (FORMAT BINARY)"
)
# A row of a binary COPY: the number of fields, then each field's length and bytes, big-endian; none of ours is null.
_COPIED = np.dtype(
    [
        ("fields", ">i2"),
        *(("sku_length", ">i4"), ("sku", ">i8")),
        *(("day_length", ">i4"), ("day", ">i4")),
        *(("quantity_length", ">i4"), ("quantity", ">i8")),
        *(("state_length", ">i4"), ("state", ">i2")),
    ]
)
_COPY_HEAD, _COPY_TAIL = 19, 2


def order_lines(database: Database, first_day: int, past_day: int) -> Iterator[OrderLines]:
    """All order lines of a range of days (since 1970-01-01), in blocks, as one moment shows them."""
    first, past = (EPOCH + timedelta(days=day) for day in (first_day, past_day))
    with database.read() as connection:
        read, query, join, on = _READERS[database.dialect.name]
        yield from read(database, connection, query.format(join=join, on=on, first=first, past=past))


def sku_ids(connection: Connection) -> Ints:
    """Every sku there is, ascending."""
    return np.fromiter(connection.execute(text("SELECT id FROM sku ORDER BY id")).scalars(), dtype=np.int64)


def days_with_orders(connection: Connection) -> tuple[int, int] | None:
    """First day and the one past the last; None where there are no orders."""
    first, last = connection.execute(text("SELECT min(ordered_day), max(ordered_day) FROM order_line")).one()
    if first is None:
        return None
    return (date.fromisoformat(first) - EPOCH).days, (date.fromisoformat(last) - EPOCH).days + 1


def _fetched(database: Database, connection: Connection, query: str) -> Iterator[OrderLines]:
    cursor = database.dialect.raw(connection).execute(query)
    try:
        while rows := cursor.fetchmany(BLOCK_ROWS):
            block = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=4 * len(rows)).reshape(-1, 4)
            yield OrderLines(block[:, 0], block[:, 1], block[:, 2], block[:, 3])
    finally:
        cursor.close()


def _copied(database: Database, connection: Connection, query: str) -> Iterator[OrderLines]:
    with database.dialect.raw(connection).cursor() as cursor, cursor.copy(query) as copy:
        held = bytearray()
        head = _COPY_HEAD
        for data in copy:
            held += data
            if len(held) >= BLOCK_ROWS * _COPIED.itemsize + head:
                past = head + (len(held) - head) // _COPIED.itemsize * _COPIED.itemsize
                yield _unpacked(held[head:past])
                del held[:past]
                head = 0
    yield _unpacked(held[head : len(held) - _COPY_TAIL])


def _unpacked(held: bytearray) -> OrderLines:
    rows = np.frombuffer(bytes(held), dtype=_COPIED)
    return OrderLines(*(rows[name].astype(np.int64) for name in ("sku", "day", "quantity", "state")))


_READERS = {
    "sqlite": (_fetched, _SQLITE, "CROSS JOIN", "WHERE"),
    "postgresql": (_copied, _POSTGRESQL, "JOIN", "ON"),
}
