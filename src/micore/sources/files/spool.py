"""A file laid out on disk before it is told: a stock file by its places, and what a file tells in several places.

A file may be larger than memory, list its places in any order, and contradict itself in its last line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

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
class Spooled:
    """A file, laid out."""

    places: list[str]
    """Of stock; other files have one without a name."""
    homeless: list[RejectedRow]
    """Rows of stock whose place cannot be read: they may be of any."""
    doubts: Doubts
    folder: Path

    def rows(self, place_id: str) -> Iterator[Row]:
        """The rows of a place, in their order."""
        with _file(self.folder, place_id).open("rb") as file:
            for text in file:
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
    with TemporaryDirectory(prefix="micore-files-") as temporary:
        folder = Path(temporary)
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
                _write(folder, waiting)
        _write(folder, waiting)
        if last is not None:
            reason = f"row: received {more:,} more rows whose place cannot be read; allowed: a mended file"
            homeless += rejected_rows(file, table.layout, [replace(last, problem=reason)], stream, last.line, reason)
        found = Spooled(sorted(places), homeless, doubts, folder)
        doubts.settle((row, table.layout.cells(row.cells)) for place_id in found.places for row in found.rows(place_id))
        yield found


def _place_of(row: Row, cells: dict[str, str], known: set[str]) -> str:
    if row.problem:
        raise RecordRejectedError(reason="row", received=row.problem, allowed=BAD_ROW)
    place_id = place_id_of(cells) or ONLY_PLACE
    if place_id not in known and len(known) >= MOST_PLACES:
        raise RecordRejectedError(reason="warehouse", received=place_id, allowed=f"{MOST_PLACES} in a file")
    return place_id


def _write(folder: Path, waiting: dict[str, list[Row]]) -> None:
    for place_id, rows in waiting.items():
        with _file(folder, place_id).open("ab") as file:
            file.writelines(
                msgspec.json.encode(_Line(row.line, list(row.cells), row.raw, row.problem)) + b"\n" for row in rows
            )
    waiting.clear()


def _file(folder: Path, place_id: str) -> Path:
    return folder / hashlib.blake2b(place_id.encode(), digest_size=12).hexdigest()
