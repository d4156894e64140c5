"""Rows of files into pages: the records that can be believed, and the rows that stand apart with line and reason.

Lines of one order, return or supply are told together or not at all: an order of which a line is missing would look
as if that line had been taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from micore.domain.records import PlaceRecord, Record, RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.base import Reread
from micore.sources.files.columns import Layout
from micore.sources.files.doubts import Doubts
from micore.sources.files.records import GROUPED, Cells, Manner, key_of, key_of_cells, place, record_of
from micore.sources.files.tables import Row, Table
from micore.sources.rows import rejected_row

PAGE_ROWS = 2_000
BAD_ROW = "cells as its header names them, in quotes where they hold the sign between cells"


class StoredLine(msgspec.Struct, omit_defaults=True):
    """A rejected row as it waits in quarantine: by our names of the columns, so that a person can mend it."""

    file: str
    line: int
    row: dict[str, str] | None = None
    rows: list[dict[str, str]] = []
    """Lines that belong together, all of them."""
    text: str = ""
    """Where its cells cannot be told apart."""
    doubt: str = ""
    """What speaks against it is another row of the file: a person takes this out of the one that is right."""


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a row is read by."""

    stream: str
    file: str
    manner: Manner
    doubts: Doubts


def parts_of(table: Table, reading: Reading, *, skip: int = 0) -> Iterator[Part]:
    """The rows of a table, page by page; lines of one order share one. `skip` rows have been read before."""
    batch: list[list[Row]] = []
    seen = held = 0
    for lines in _together(table, reading.stream):
        if held >= PAGE_ROWS:
            yield _part(batch, seen, table, reading)
            batch, held = [], 0
        seen += len(lines)
        if seen > skip:
            batch.append(lines)
            held += len(lines)
    if batch:
        yield _part(batch, seen, table, reading)


def _together(table: Table, stream: str) -> Iterator[list[Row]]:
    """The rows, those that follow each other and belong together as one."""
    number = table.layout.columns.get(GROUPED.get(stream, ""))
    if number is None:
        yield from ([row] for row in table.rows)
        return

    def name_or_line(row: Row) -> str | int:
        return (row.cells[number].strip() if number < len(row.cells) else "") or row.line

    yield from (list(rows) for _, rows in groupby(table.rows, name_or_line))


def _part(batch: list[list[Row]], seen: int, table: Table, reading: Reading) -> Part:
    body = table.head + b"".join(row.raw for lines in batch for row in lines)
    part = Part(seen, batch[0][0].line, batch[-1][-1].line, body)
    kept: dict[Record, None] = {}
    for lines in batch:
        found: dict[str, Record] = {}
        row = lines[0]
        try:
            for row in lines:
                if row.problem:
                    raise RecordRejectedError(reason="row", received=row.problem, allowed=BAD_ROW)
                _take(found, table.layout.cells(row.cells), reading.stream, reading.manner)
        except RecordRejectedError as error:
            part.rejected += rejected_rows(reading.file, table.layout, lines, reading.stream, row.line, str(error))
            continue
        doubt = reading.doubts.about(table.layout.cells(lines[0].cells))
        if doubt is not None:
            part.rejected += rejected_rows(
                reading.file, table.layout, lines, reading.stream, lines[0].line, str(doubt), doubt=str(doubt)
            )
            continue
        kept.update(dict.fromkeys(found.values()))
    part.records = list(kept)
    part.places = places_of(part.records)
    return part


def _take(found: dict[str, Record], cells: Cells, stream: str, manner: Manner) -> None:
    """Read a line to those that it belongs to. Raises RecordRejectedError."""
    record = record_of(stream, cells, manner)
    key = key_of(stream, record)
    if key in found:
        raise RecordRejectedError(reason="twice", received=key, allowed="one row; add them up, or take one out")
    found[key] = record


def places_of(records: Iterable[Record]) -> list[PlaceRecord]:
    """The places that records name."""
    if any(isinstance(each, PlaceRecord) for each in records):
        return []
    named = dict.fromkeys(getattr(each, "place_id", None) for each in records)
    return [place(each) for each in named if each is not None]


def rejected_rows(
    file: str, layout: Layout, lines: Sequence[Row], stream: str, line: int, reason: str, *, doubt: str = ""
) -> list[RejectedRow]:
    """Lines for the quarantine; those that belong together as one row, named as its records will be."""
    told = [layout.cells(row.cells) for row in lines]
    stored = StoredLine(file, lines[0].line, doubt=doubt)
    where = f"{file}, line {line}"
    if any(row.problem for row in lines):
        stored.text = b"".join(row.raw for row in lines)[:4000].decode("utf-8", "replace")
    elif stream in GROUPED:
        stored.rows = told
    else:
        stored.row = told[0]
    if len(lines) > 1:
        where += f" of {lines[0].line} to {lines[-1].line}"
    # What stands in the cells of a row that cannot be told apart may be anything: it names nothing.
    named = "" if lines[0].problem and stream not in GROUPED else key_of_cells(stream, told[0])
    return [rejected_row(named, f"{where}: {reason}", msgspec.json.encode(stored))]


def unreadable(file: str, layout: Layout, reason: str) -> Part:
    """A file of which no row can be read."""
    raw = msgspec.json.encode(StoredLine(file, 1, text=" | ".join(layout.header)))
    return Part(0, 1, 1, raw, rejected=[rejected_row("", f"{file}, line 1: {reason}", raw)])


def reread(raw: bytes, stream: str, manner: Manner) -> Reread:
    """A row from quarantine; raises as a reader does where it still cannot be believed."""
    stored = msgspec.json.decode(raw, type=StoredLine)
    if stored.doubt:
        raise RecordRejectedError(
            reason="doubt", received=stored.doubt, allowed="nothing; take it out where it is right"
        )
    told = stored.rows or [each for each in (stored.row,) if each is not None]
    if not told:
        raise RecordRejectedError(reason="row", received="a line that has no columns", allowed="a mended file")
    found: dict[str, Record] = {}
    for cells in told:
        _take(found, cells, stream, manner)
    records = list(found.values())
    return Reread(records, places_of(records))
