"""Rows of files into pages: the records that can be believed, and the rows that stand apart with line and reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from micore.domain.records import PlaceRecord, Record, RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.base import Reread
from micore.sources.files.columns import Layout
from micore.sources.files.records import GROUPED, KEYS, READERS, Cells, Manner, place
from micore.sources.files.tables import Row, Table

PAGE_ROWS = 2_000
MOST_REMEMBERED = 1_000_000
"""Orders of a file whose lines are known to have stood together; so much memory it may take."""


class StoredLine(msgspec.Struct, omit_defaults=True):
    """A rejected row as it waits in quarantine: by our names of the columns, so that a person can mend it."""

    file: str
    line: int
    row: dict[str, str] | None = None
    text: str = ""
    """Where its cells cannot be told apart."""


@dataclass(slots=True)
class Part:
    """Some rows of a file, read; becomes a page."""

    rows: int
    """Rows of the file that are behind us with it."""
    first: int
    last: int
    """Line numbers."""
    body: bytes
    records: list[Record] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    places: list[PlaceRecord] = field(default_factory=list)


def parts_of(table: Table, stream: str, file: str, manner: Manner, *, skip: int = 0) -> Iterator[Part]:
    """The rows of a table, page by page; lines of one order share one. `skip` rows have been read before."""
    group, ended, seen = GROUPED.get(stream), set[int](), 0
    batch: list[tuple[Row, str]] = []
    last = ""
    for row in table.rows:
        name = table.layout.cells(row.cells).get(group, "") if group else ""
        if name != last:
            if last and len(ended) < MOST_REMEMBERED:
                ended.add(hash(last))
            last = name
            if len(batch) >= PAGE_ROWS:
                yield _part(batch, seen, table, stream, file, manner)
                batch = []
        elif not group and len(batch) >= PAGE_ROWS:
            yield _part(batch, seen, table, stream, file, manner)
            batch = []
        seen += 1
        if seen > skip:
            torn = name and hash(name) in ended
            batch.append((row, f"{group}: {name} came before; keep its lines together" if torn else row.problem))
    if batch:
        yield _part(batch, seen, table, stream, file, manner)


def _part(batch: list[tuple[Row, str]], seen: int, table: Table, stream: str, file: str, manner: Manner) -> Part:
    rows = [row for row, _ in batch]
    part = Part(seen, rows[0].line, rows[-1].line, table.head + b"".join(row.raw for row in rows))
    kept: dict[tuple[str, ...], tuple[Record, Row]] = {}
    for row, problem in batch:
        cells = table.layout.cells(row.cells)
        try:
            if problem:
                raise RecordRejectedError(reason="row", received=problem, allowed="as its header says")
            record = READERS[stream](cells, manner)
            key = tuple(str(getattr(record, name)) for name in KEYS[stream])
            if key in kept and kept[key][0] != record:
                said = f"{' / '.join(key)} again, otherwise than in line {kept[key][1].line}"
                raise RecordRejectedError(reason="twice", received=said, allowed="one row")
            kept[key] = record, row
        except RecordRejectedError as error:
            part.rejected.append(rejected_row(file, row, cells, stream, str(error)))
    part.records = [record for record, _ in kept.values()]
    part.places = places_of(part.records)
    return part


def places_of(records: Iterable[Record]) -> list[PlaceRecord]:
    """The places that records name."""
    if any(isinstance(each, PlaceRecord) for each in records):
        return []
    named = dict.fromkeys(getattr(each, "place_id", None) for each in records)
    return [place(each) for each in named if each is not None]


def rejected_row(file: str, row: Row, cells: Cells, stream: str, reason: str) -> RejectedRow:
    """A row for the quarantine."""
    told = (
        StoredLine(file, row.line, dict(cells)) if not row.problem else StoredLine(file, row.line, text=_text(row.raw))
    )
    key = " / ".join(filter(None, (cells.get(_COLUMNS.get(name, name), "") for name in KEYS[stream])))
    named = cells.get("sku", "") if stream == "stock" else key
    return RejectedRow(named, f"{file}, line {row.line}: {reason}", msgspec.json.encode(told))


_COLUMNS = {"sku_id": "sku", "listing_id": "sku"}


def unreadable(file: str, layout: Layout, reason: str) -> Part:
    """A file of which no row can be read."""
    raw = msgspec.json.encode(StoredLine(file, 1, text=" | ".join(layout.header)))
    return Part(0, 1, 1, raw, rejected=[RejectedRow("", f"{file}, line 1: {reason}", raw)])


def reread(raw: bytes, stream: str, manner: Manner) -> Reread:
    """A row from quarantine; raises as a reader does where it still cannot be believed."""
    stored = msgspec.json.decode(raw, type=StoredLine)
    if stored.row is None:
        raise RecordRejectedError(reason="row", received="a line that has no columns", allowed="a mended file")
    record = READERS[stream](stored.row, manner)
    return Reread((record,), places_of([record]))


def _text(raw: bytes) -> str:
    return raw[:4000].decode("utf-8", "replace")
