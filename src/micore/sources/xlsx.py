"""Reading tables out of XLSX files that a marketplace makes: row by row, never more than a file may hold."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence

MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""Of all parts together; a million rows of twelve cells are half of it. The sheet is read as a stream."""
MAX_WORDS_BYTES = 64 * 1024 * 1024
"""Of every part but the sheets, which are held in memory."""
MAX_PARTS = 200
MAX_COLUMNS = 200
HEADING_ROWS = 30
"""Titles and filters may stand above the names of the columns, no more than this."""

Cells = tuple[object, ...]


class XlsxError(ValueError):
    """The bytes are no table that can be read."""


def rows_of(body: bytes) -> Iterator[Cells]:
    """The rows of the first sheet, as values. Raises XlsxError for what is no XLSX file, is broken, or unpacks into
    more than it may."""
    # Not above: loading it takes a fifth of the start of every command, and few read a table.
    from openpyxl import load_workbook

    _check_size(body)
    try:
        with warnings.catch_warnings():
            # Of styles that nobody looks at.
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # Programs that write row by row state no size, or a wrong one.
            sheet.reset_dimensions()
            for row in sheet.iter_rows(values_only=True):
                if len(row) > MAX_COLUMNS:
                    raise XlsxError(f"a row of {len(row)} cells; allowed: {MAX_COLUMNS}")
                yield row
        finally:
            book.close()
    except XlsxError:
        raise
    except Exception as error:  # noqa: BLE001 - what broken files make the library raise is not documented
        raise XlsxError(f"no readable XLSX file: {type(error).__name__}: {error}"[:300]) from None


def _check_size(body: bytes) -> None:
    """zipfile unpacks no part beyond the size it states, so that the stated sizes bound what comes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            sizes = [part.file_size for part in parts.infolist()]
            words = sum(part.file_size for part in parts.infolist() if "/worksheets/" not in part.filename)
    except Exception as error:  # noqa: BLE001 - as above
        raise XlsxError(f"no XLSX file: {error}") from None
    if len(sizes) > MAX_PARTS or sum(sizes) > MAX_UNPACKED_BYTES or words > MAX_WORDS_BYTES:
        raise XlsxError(
            f"{len(sizes)} parts of {sum(sizes)} bytes, {words} beside the sheets; allowed: {MAX_PARTS} parts of "
            f"{MAX_UNPACKED_BYTES} bytes, {MAX_WORDS_BYTES} beside the sheets"
        )


def tabled(
    rows: Iterator[Cells], columns: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> Iterator[dict[str, object]]:
    """The rows behind the heading, by our names of their columns.

    `columns` gives for each name how the column's own may begin, in small letters, best first. Rows without any value
    are left out. Raises XlsxError where no row names the needed columns.
    """
    seen: list[str] = []
    for number, row in enumerate(rows):
        words = [" ".join(str(cell).lower().replace("ё", "е").split()) if cell is not None else "" for cell in row]
        places = {name: place for name, begins in columns.items() if (place := _place(words, begins)) is not None}
        if all(name in places for name in needed):
            break
        seen = max(seen, [word for word in words if word], key=len)
        if number + 1 >= HEADING_ROWS:
            raise XlsxError(_without(seen, columns, needed))
    else:
        raise XlsxError(_without(seen, columns, needed))
    for row in rows:
        if any(cell is not None and cell != "" for cell in row):
            yield {name: row[place] if place < len(row) else None for name, place in places.items()}


def _place(words: Sequence[str], begins: Sequence[str]) -> int | None:
    for start in begins:
        for place, word in enumerate(words):
            if word.startswith(start):
                return place
    return None


def _without(seen: Sequence[str], columns: Mapping[str, Sequence[str]], needed: Sequence[str]) -> str:
    wanted = ", ".join(columns[name][0] for name in needed)
    return f"no row names the columns {wanted}; the widest holds: {', '.join(seen)[:200] or 'nothing'}"
