"""Reading tables out of XLSX files that a marketplace makes: row by row, never more than a file may hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import IO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ParserCreate, XMLParserType

MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""Of all parts together; a million rows of twelve cells are half of it. The sheet is read as a stream."""
MAX_WORDS_BYTES = 64 * 1024 * 1024
"""Of every part but the sheets, which are held in memory."""
MAX_PARTS = 200
MAX_COLUMNS = 200
HEADING_ROWS = 30
"""Titles and filters may stand above the names of the columns, no more than this."""

PIECE_BYTES = 256 * 1024
MOST_INSTANTS = 10_000
_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_MAIN = f"{{{_NAMESPACE}}}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ROW, _CELL, _ALOUD = (f"{_NAMESPACE}}}{name}" for name in ("row", "c", "rPh"))
_VALUES = frozenset({f"{_NAMESPACE}}}v", f"{_NAMESPACE}}}t"})

Cells = tuple[object, ...]


class XlsxError(ValueError):
    """The bytes are no table that can be read."""


def rows_of(body: bytes) -> Iterator[Cells]:
    """The rows of the first sheet that have cells, as values. Raises XlsxError for what is no XLSX file, is broken, or
    unpacks into more than it may.

    A row costs less than half of what openpyxl's reader takes for it, and nothing of it stays in memory: a large
    shop's report has a million.
    """
    _check_size(body)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            book = _Book.read(parts)
            with parts.open(book.sheet) as sheet:
                yield from _SheetReader(book).rows(sheet)
    except XlsxError:
        raise
    except Exception as error:  # noqa: BLE001 - what broken files make of libraries is not documented
        raise XlsxError(f"no readable XLSX file: {type(error).__name__}: {error}"[:300]) from None


@dataclass(frozen=True, slots=True)
class _Book:
    """What the cells of the first sheet refer to."""

    sheet: str
    """Its part of the file."""
    words: Sequence[str]
    dates: frozenset[str]
    """Styles whose numbers are days or times."""
    from_1904: bool

    @classmethod
    def read(cls, parts: zipfile.ZipFile) -> _Book:
        book = _parsed(parts, "xl/workbook.xml")
        settings = book.find(f"{_MAIN}workbookPr")
        first = book.find(f"{_MAIN}sheets/{_MAIN}sheet")
        if first is None:
            raise XlsxError("a workbook without a sheet")
        links = {each.get("Id"): each for each in _parsed(parts, "xl/_rels/workbook.xml.rels")}
        sheet = links[first.get(f"{_LINK}id")]
        named = {each.get("Type", "").rpartition("/")[2]: _part(each) for each in links.values()}
        return cls(
            sheet=_part(sheet),
            words=_words(parts, named["sharedStrings"]) if "sharedStrings" in named else (),
            dates=_dates(parts, named["styles"]) if "styles" in named else frozenset(),
            from_1904=settings is not None and settings.get("date1904") in ("1", "true"),
        )


def _part(link: Element) -> str:
    target = link.get("Target", "")
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _parsed(parts: zipfile.ZipFile, name: str) -> Element:
    builder, parser = TreeBuilder(), _parser()
    parser.StartElementHandler = lambda tag, told: builder.start(
        _spelled(tag), {_spelled(key): told[key] for key in told}
    )
    parser.EndElementHandler = lambda tag: builder.end(_spelled(tag))
    parser.CharacterDataHandler = builder.data
    parser.Parse(parts.read(name), True)
    return builder.close()


def _parser() -> XMLParserType:
    parser = ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_entities
    return parser


def _refuse_entities(*_: object) -> None:
    raise XlsxError("a part that declares entities, which no spreadsheet does")


def _spelled(name: str) -> str:
    """As ElementTree spells names."""
    return f"{{{name}" if "}" in name else name


def _words(parts: zipfile.ZipFile, name: str) -> list[str]:
    """Texts that cells share; how they are read aloud (rPh) is no part of them."""
    return [
        "".join(
            text.text or ""
            for child in item
            if child.tag != f"{_MAIN}rPh"
            for text in ([child] if child.tag == f"{_MAIN}t" else child.findall(f"{_MAIN}t"))
        )
        for item in _parsed(parts, name).findall(f"{_MAIN}si")
    ]


def _dates(parts: zipfile.ZipFile, name: str) -> frozenset[str]:
    # Not above: loading it takes a fifth of the start of every command, and few read a table.
    from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

    styles = _parsed(parts, name)
    own = {each.get("numFmtId"): each.get("formatCode") for each in styles.iter(f"{_MAIN}numFmt")}
    formats = [each.get("numFmtId", "0") for each in styles.findall(f"{_MAIN}cellXfs/{_MAIN}xf")]
    codes = [own.get(each) or BUILTIN_FORMATS.get(int(each), "General") for each in formats]
    return frozenset(str(number) for number, code in enumerate(codes) if is_date_format(code))


class _SheetReader:
    """Takes a sheet's XML as it comes and gives its rows."""

    def __init__(self, book: _Book) -> None:
        self._book = book
        self._rows: list[Cells] = []
        self._row: list[object] = []
        self._kind = self._style = ""
        self._column = 0
        self._text: list[str] | None = None
        """Of the value that is being told; None between values."""
        self._aloud = False
        self._value: str | None = None
        self._places: dict[str, int] = {}
        self._instants: dict[str, object] = {}

    def rows(self, sheet: IO[bytes]) -> Iterator[Cells]:
        """The rows of a sheet. Raises what a broken file makes of the libraries."""
        parser = _parser()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._say
        while piece := sheet.read(PIECE_BYTES):
            parser.Parse(piece, False)
            yield from self._rows
            self._rows.clear()
        parser.Parse(b"", True)
        yield from self._rows

    def _start(self, name: str, told: dict[str, str]) -> None:
        if name in _VALUES:
            self._text = None if self._aloud else []
        elif name == _CELL:
            self._kind, self._style = told.get("t", "n"), told.get("s", "0")
            self._column = self._place(told["r"]) if "r" in told else self._column + 1
            self._value = None
        elif name == _ROW:
            self._row, self._column = [], -1
        elif name == _ALOUD:
            self._aloud = True

    def _end(self, name: str) -> None:
        if name in _VALUES:
            if self._text is not None:
                self._value, self._text = (self._value or "") + "".join(self._text), None
        elif name == _CELL:
            row, column = self._row, self._column
            if column >= len(row):
                if column >= MAX_COLUMNS:
                    raise XlsxError(f"a row of {column + 1} cells; allowed: {MAX_COLUMNS}")
                row.extend([None] * (column + 1 - len(row)))
            row[column] = self._meant(self._value)
        elif name == _ROW:
            if self._row:
                self._rows.append(tuple(self._row))
        elif name == _ALOUD:
            self._aloud = False

    def _say(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _place(self, coordinate: str) -> int:
        """0 for A1."""
        letters = coordinate.rstrip("0123456789")
        place = self._places.get(letters)
        if place is None:
            if not (letters.isascii() and letters.isalpha()):
                raise XlsxError(f"a cell that stands at {coordinate[:20]!r}")
            place = 0
            for letter in letters[:4].upper():
                place = place * 26 + ord(letter) - ord("A") + 1
            self._places[letters] = place = place - 1
        return place

    def _meant(self, value: str | None) -> object:
        if not value:
            return None
        kind = self._kind
        if kind == "n":
            return self._instant(value) if self._style in self._book.dates else _number(value)
        if kind == "s":
            return self._book.words[int(value)]
        if kind == "b":
            return value not in ("0", "false")
        return value  # text, the outcome of a formula, an error such as #N/A, a day as ISO text

    def _instant(self, value: str) -> object:
        if value not in self._instants:
            from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

            try:
                meant: object = from_excel(_number(value), MAC_EPOCH if self._book.from_1904 else WINDOWS_EPOCH)
            except (OverflowError, ValueError):
                meant = "#VALUE!"
            if len(self._instants) >= MOST_INSTANTS:
                self._instants.clear()
            self._instants[value] = meant
        return self._instants[value]


def _number(value: str) -> int | float:
    meant = float(value) if not value.lstrip("-").isdecimal() else int(value)
    if not isfinite(meant):
        raise XlsxError(f"a number that is {value[:20]!r}")
    return meant


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
