"""CSV and XLSX files as rows of text, one at a time: memory does not grow with the file."""

from __future__ import annotations

import codecs
import csv
import os
import re
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import msgspec

from micore.errors import RecordRejectedError
from micore.sources.files.columns import Layout, layout_of

HEAD_BYTES = 64 * 1024
HEAD_ROWS = 20
"""Titles and empty lines may stand above the header; no more than these."""
DELIMITERS = ";,\t"
LINE_BYTES = 1024 * 1024
MAX_COLUMNS = 200
MAX_EMPTY_ROWS = 1000
"""LibreOffice writes a million styled empty rows; after so many nothing more is expected."""
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
MAX_WORDS_BYTES = 128 * 1024 * 1024
"""Of a workbook's table of texts, which is held in memory."""
MAX_PARTS = 10_000

_TOTAL = re.compile(r"(?:итого\b.*|(?:всего|общий итог|grand total|totals?)\W*$)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{4,}")
"""In a cell that holds more than a figure with its unit."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file."""

    line: int
    cells: Sequence[str]
    raw: bytes
    problem: str = ""
    """Why its cells cannot be told apart; empty when they can."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is open: what it tells, its header as it came, and the rows below it."""

    layout: Layout
    head: bytes
    rows: Iterator[Row]


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a file. Raises OSError, also for a link, and RecordRejectedError for one that is no table."""
    with open(path, "rb", opener=_no_link) as file:
        if path.suffix.casefold() == ".xlsx":
            with _workbook(file) as sheet:
                yield _found(_sheet_rows(sheet))
        else:
            yield _text_table(file)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _found(rows: Iterator[Row]) -> Table:
    """The table below the first row that is a header; without one, the first row counts as it."""
    head = list(islice(rows, HEAD_ROWS))
    for number, row in enumerate(head):
        layout = layout_of(row.cells)
        if layout.streams and not row.problem:
            return Table(layout, row.raw, _goods(layout.header, chain(head[number + 1 :], rows)))
    first = head[0] if head else Row(1, [], b"")
    return Table(layout_of(first.cells), first.raw, iter(()))


def _goods(header: Sequence[str], rows: Iterator[Row]) -> Iterator[Row]:
    """Without what programs print among the rows: totals, and the header once more for each sheet of paper."""
    for row in rows:
        first = next((text for cell in row.cells if (text := cell.strip())), "")
        is_header = bool(row.cells) and row.cells[0] == header[0] and list(row.cells) == list(header)
        is_total = _TOTAL.match(first) and not any(_WORD.search(cell) for cell in row.cells if cell.strip() != first)
        if row.problem or not (is_header or is_total):
            yield row


# --- text ---------------------------------------------------------------------------------------------------------


def _text_table(file: IO[bytes]) -> Table:
    start = file.read(HEAD_BYTES)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RecordRejectedError(
            reason="file", received="UTF-16 text", allowed="UTF-8 or Windows-1251; save it as CSV UTF-8"
        )
    encoding = encoding_of(start)
    tables = []
    for delimiter in DELIMITERS:
        file.seek(3 if start.startswith(codecs.BOM_UTF8) else 0)
        table = _found(_text_rows(file, encoding, delimiter))
        if table.layout.streams:
            return replace(table, rows=_fitting(table, delimiter))
        tables.append(table)
    return max(tables, key=lambda each: len(each.layout.columns))


def encoding_of(start: bytes) -> str:
    """UTF-8 where the bytes are that, else the Windows page of Cyrillic."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1251"
    return "utf-8"


def _fitting(table: Table, delimiter: str) -> Iterator[Row]:
    """A row with more cells than the header has names cannot be told apart: "249,50" in a file of commas is two cells.

    An empty one more at the end is harmless but for commas, where it may be the last of a row that has been shifted.
    """
    header = table.layout.header
    names = _filled(header)
    for row in table.rows:
        cells = len(row.cells) if delimiter == "," and len(row.cells) > len(header) else _filled(row.cells)
        if cells > names and not row.problem:
            row = replace(row, problem=f"{cells} cells under {names} names")  # noqa: PLW2901 - the same one
        yield row


def _filled(cells: Sequence[str]) -> int:
    """How many cells there are up to the last one that says something."""
    count = len(cells)
    while count and not cells[count - 1].strip():
        count -= 1
    return count


def _text_rows(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[Row]:
    """Rows with their bytes. A quote that is never closed costs its own line, not those that follow.

    One that is closed in a later line has swallowed those between, where the sign between cells stands in them.
    """
    again: deque[bytes] = deque()
    taken: list[bytes] = []
    line = 0

    def lines() -> Iterator[str]:
        while raw := again.popleft() if again else file.readline(LINE_BYTES):
            taken.append(raw)
            yield raw.decode(encoding, "replace")

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            again.extendleft(reversed(taken[1:]))
            yield _untold(line + 1, taken[0], encoding, delimiter, str(error))
            taken, line = [], line + 1
            reader = csv.reader(lines(), delimiter=delimiter, strict=True)
            continue
        if cells is None:
            return
        if len(taken) > 1 and any(delimiter in cell and len(cell.splitlines()) > 1 for cell in cells):
            problem = f"a quote that opens in line {line + 1} and closes in line {line + len(taken)}"
            for number, raw in enumerate(taken, start=line + 1):
                yield _untold(number, raw, encoding, delimiter, problem)
        elif any(cells):
            yield Row(line + 1, cells[:MAX_COLUMNS], b"".join(taken))
        line += len(taken)
        taken.clear()


def _untold(line: int, raw: bytes, encoding: str, delimiter: str, problem: str) -> Row:
    """A line whose cells cannot be told apart, with what they may be."""
    return Row(line, raw.decode(encoding, "replace").strip("\r\n").split(delimiter)[:MAX_COLUMNS], raw, problem)


# --- workbooks ----------------------------------------------------------------------------------------------------


@contextmanager
def _workbook(file: IO[bytes]) -> Iterator[Any]:
    """The first sheet, read from its file row by row. Raises RecordRejectedError for what is none, or too big."""
    import openpyxl

    _refuse_bombs(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells of styles and extensions that nobody needs
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its own size is often wrong
        except Exception as error:  # noqa: BLE001 - whatever a broken file makes of a library
            raise RecordRejectedError(reason="workbook", received=str(error), allowed="a whole .xlsx file") from None
    try:
        yield sheet
    finally:
        book.close()


def _refuse_bombs(file: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except Exception as error:  # noqa: BLE001 - whatever a broken file makes of a library
        raise RecordRejectedError(reason="workbook", received=str(error), allowed="a whole .xlsx file") from None
    words = sum(part.file_size for part in parts if "sharedstrings" in part.filename.casefold())
    whole = sum(part.file_size for part in parts)
    if whole > MAX_UNPACKED_BYTES or words > MAX_WORDS_BYTES or len(parts) > MAX_PARTS:
        raise RecordRejectedError(
            reason="workbook",
            received=f"{whole:,} bytes unpacked, {words:,} of them texts",
            allowed=f"{MAX_UNPACKED_BYTES:,} and {MAX_WORDS_BYTES:,}; save as CSV",
        )
    file.seek(0)


def _sheet_rows(sheet: Any) -> Iterator[Row]:
    empty, line = 0, 0
    cells: list[str] = []
    rows = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)
    while True:
        try:
            values = next(rows, None)
        except Exception as error:  # noqa: BLE001 - whatever a broken file makes of a library
            # As part of what the row before is part of: that may be half of an order.
            yield Row(line + 1, cells, b"broken off here", f"the workbook is broken: {error}")
            return
        if values is None:
            return
        line += 1
        cells = [_text(value) for value in values]
        empty = 0 if any(cells) else empty + 1
        if empty > MAX_EMPTY_ROWS:
            return
        if not empty:
            while cells and not cells[-1]:
                cells.pop()
            yield Row(line, cells, msgspec.json.encode(cells) + b"\n")


def _text(value: object) -> str:
    """A cell as a person sees it: 5.0 is 5, a day is ISO text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)
