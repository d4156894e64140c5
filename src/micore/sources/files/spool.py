"""Stock files by place: each tells all of its places, as of when it was written; of each place the newest file counts.

A file may list its places in any order and be larger than memory: its rows are laid out by place in a temporary folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from micore.domain.records import RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.files.pages import rejected_row
from micore.sources.files.records import ONLY_PLACE, place_id_of
from micore.sources.files.tables import Row, Table

ROWS_IN_MEMORY = 20_000
MOST_PLACES = 5_000


class _Line(msgspec.Struct, array_like=True):
    line: int
    cells: list[str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A stock file, sorted."""

    places: list[str]
    homeless: list[RejectedRow]
    """Rows whose place cannot be read: they may be of any."""
    folder: Path

    def rows(self, place_id: str) -> Iterator[Row]:
        """The rows of a place, in their order."""
        with _file(self.folder, place_id).open("rb") as file:
            for text in file:
                stored = msgspec.json.decode(text, type=_Line)
                yield Row(stored.line, stored.cells, stored.raw)


@contextmanager
def by_place(table: Table, name: str) -> Iterator[ByPlace]:
    """Lay a table's rows out by place."""
    waiting: dict[str, list[Row]] = {}
    places: set[str] = set()
    homeless: list[RejectedRow] = []
    count = 0
    with TemporaryDirectory(prefix="micore-stock-") as temporary:
        folder = Path(temporary)
        for row in table.rows:
            cells = table.layout.cells(row.cells)
            try:
                if row.problem:
                    raise RecordRejectedError(reason="row", received=row.problem, allowed="as its header says")
                place_id = place_id_of(cells) or ONLY_PLACE
                if place_id not in places and len(places) >= MOST_PLACES:
                    raise RecordRejectedError(reason="warehouse", received=place_id, allowed=f"{MOST_PLACES} in a file")
            except RecordRejectedError as error:
                homeless.append(rejected_row(name, row, cells, "stock", str(error)))
                continue
            places.add(place_id)
            waiting.setdefault(place_id, []).append(row)
            count += 1
            if count % ROWS_IN_MEMORY == 0:
                _write(folder, waiting)
        _write(folder, waiting)
        yield ByPlace(sorted(places), homeless, folder)


def _write(folder: Path, waiting: dict[str, list[Row]]) -> None:
    for place_id, rows in waiting.items():
        with _file(folder, place_id).open("ab") as file:
            file.writelines(msgspec.json.encode(_Line(row.line, list(row.cells), row.raw)) + b"\n" for row in rows)
    waiting.clear()


def _file(folder: Path, place_id: str) -> Path:
    return folder / hashlib.blake2b(place_id.encode(), digest_size=12).hexdigest()
