"""A file laid out on disk before it is told: a stock file by its places, and what a file tells in several places.

A file may be larger than memory, list its places in any order, and contradict itself in its last line. It is laid out
in one file without a name, of which nothing is left when the process is killed: a file may have more places than a
process may hold files open.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from tempfile import TemporaryFile
from typing import IO

import msgspec

from micore.domain.records import RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.files.doubts import Doubts
from micore.sources.files.pages import BAD_ROW, rejected_rows
from micore.sources.files.records import ONLY_PLACE, Manner, place_id_of
from micore.sources.files.tables import Row, Table

ROWS_IN_MEMORY = 20_000
MOST_PLACES = 5_000
MOST_HOMELESS = 1_000
"""Rows of stock that stand apart one by one; no replay could load them, and a mended file settles them all."""


class _Line(msgspec.Struct, array_like=True):
    line: int
    cells: list[str]
    raw: bytes
    problem: str


@dataclass(frozen=True, slots=True)
class _Laid:
    """Rows on disk, and where those of each place lie."""

    file: IO[bytes]
    pieces: dict[str, array[int]] = field(default_factory=dict)
    """By place: where each of its pieces begins, and how long it is, in bytes."""

    def write(self, waiting: dict[str, list[Row]]) -> None:
        for place_id, rows in waiting.items():
            lines = b"".join(
                msgspec.json.encode(_Line(row.line, list(row.cells), row.raw, row.problem)) + b"\n" for row in rows
            )
            self.pieces.setdefault(place_id, array("q")).extend((self.file.tell(), len(lines)))
            self.file.write(lines)
        waiting.clear()
        self.file.flush()

    def read(self, place_id: str) -> Iterator[bytes]:
        """The lines of a place, a piece at a time in memory, whoever else is reading meanwhile."""
        at = iter(self.pieces.get(place_id, ()))
        for begin, length in zip(at, at, strict=True):
            yield from os.pread(self.file.fileno(), length, begin).splitlines()


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file, laid out."""

    places: list[str]
    """Of stock; other files have one without a name."""
    homeless: list[RejectedRow]
    """Rows of stock whose place cannot be read: they may be of any."""
    doubts: Doubts
    laid: _Laid

    def rows(self, place_id: str) -> Iterator[Row]:
        """The rows of a place, in their order."""
        for text in self.laid.read(place_id):
            stored = msgspec.json.decode(text, type=_Line)
            yield Row(stored.line, stored.cells, stored.raw, stored.problem)


@contextmanager
def spooled(table: Table, file: str, stream: str, manner: Manner) -> Iterator[Spooled]:
    """Lay a table's rows out."""
    waiting: dict[str, list[Row]] = {}
    places: set[str] = set()
    homeless: list[RejectedRow] = []
    more, last = 0, None
    doubts = Doubts(stream, manner)
    with TemporaryFile(prefix="micore-files-") as temporary:
        laid = _Laid(temporary)
        for count, row in enumerate(table.rows, start=1):
            cells = table.layout.cells(row.cells)
            try:
                place_id = _place_of(row, cells, places) if stream == "stock" else ""
            except RecordRejectedError as error:
                more += len(homeless) >= MOST_HOMELESS
                if more:
                    last = row
                    continue
                homeless += rejected_rows(file, table.layout, [row], stream, row.line, str(error))
                continue
            doubts.note(row, cells)
            places.add(place_id)
            waiting.setdefault(place_id, []).append(row)
            if count % ROWS_IN_MEMORY == 0:
                laid.write(waiting)
        laid.write(waiting)
        if last is not None:
            reason = f"row: received {more:,} more rows whose place cannot be read; allowed: a mended file"
            homeless += rejected_rows(file, table.layout, [replace(last, problem=reason)], stream, last.line, reason)
        found = Spooled(sorted(places), homeless, doubts, laid)
        doubts.settle((row, table.layout.cells(row.cells)) for place_id in found.places for row in found.rows(place_id))
        yield found


def _place_of(row: Row, cells: dict[str, str], known: set[str]) -> str:
    if row.problem:
        raise RecordRejectedError(reason="row", received=row.problem, allowed=BAD_ROW)
    place_id = place_id_of(cells) or ONLY_PLACE
    if place_id not in known and len(known) >= MOST_PLACES:
        raise RecordRejectedError(reason="warehouse", received=place_id, allowed=f"{MOST_PLACES} in a file")
    return place_id
