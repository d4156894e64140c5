"""XLSX files that a marketplace makes: what a broken one makes of the libraries is one error of ours."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import datetime, time
from random import Random

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH

from micore.simulator.xlsx import workbook
from micore.sources.xlsx import XlsxError, rows_of


def test_a_sheet_whose_packed_bytes_are_broken_is_no_readable_file() -> None:
    whole = workbook([["sku", "name"], *[[f"S{n}", f"Thing {n}"] for n in range(500)]])
    with zipfile.ZipFile(io.BytesIO(whole)) as parts:
        sheet = next(part for part in parts.infolist() if "worksheets/" in part.filename)
        packed = sheet.header_offset + 30 + len(sheet.filename)
    broken = whole[: packed + 40] + b"\xff" * 40 + whole[packed + 80 :]
    with pytest.raises(zlib.error), zipfile.ZipFile(io.BytesIO(broken)) as parts:
        parts.read(sheet.filename)
    with pytest.raises(XlsxError, match="no readable XLSX file"):
        list(rows_of(broken))


def test_a_file_with_any_bytes_broken_is_rows_or_one_error() -> None:
    whole, dice = workbook([["sku", "name"], *[[f"S{n}", "x"] for n in range(20)]]), Random(7)
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 12)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            list(rows_of(bytes(broken)))
        except XlsxError:
            continue


class TestWhatOtherProgramsWrite:
    """Read as openpyxl reads it."""

    @staticmethod
    def written(*rows: tuple[object, ...]) -> bytes:
        """By openpyxl: texts that cells share, styles, formulas."""
        book, file = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            book.active.append(row)  # type: ignore[union-attr, arg-type]
        book.save(file)
        return file.getvalue()

    def test_values_of_every_kind(self) -> None:
        day, at = datetime.fromisoformat("2026-11-20"), datetime.fromisoformat("2026-11-20T13:45:30")
        rows = [
            ("sku", "name", "day", "at", "cost", "yes", None, "last"),
            (123456789012, "Чай & <мёд>", day, at, -12.5, True, None, "x"),
            (0, "  spaces  ", None, time(8, 30), 1e-7, False, "", "Чай & <мёд>"),
        ]
        assert list(rows_of(self.written(*rows))) == [
            rows[0],
            rows[1],
            (0, "  spaces  ", None, time(8, 30), 1e-7, False, None, "Чай & <мёд>"),
        ]

    def test_rows_and_cells_that_are_left_out(self) -> None:
        assert list(rows_of(self.written(("a",), (), (None, None, "c")))) == [("a",), (None, None, "c")]

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (b'<c r="A1"', b"<c", ("one", "two")),  # cells that do not say where they stand
            (b"<is><t>one</t></is>", b"<is><r><t>o</t></r><r><t>ne</t></r><rPh><t>w</t></rPh></is>", ("one", "two")),
            (b't="inlineStr"><is><t>one</t></is>', b't="str"><f>A1</f><v>one</v>', ("one", "two")),
            (b't="inlineStr"><is><t>one</t></is>', b't="e"><v>#N/A</v>', ("#N/A", "two")),
            (b't="inlineStr"><is><t>one</t></is>', b't="d"><v>2026-11-20</v>', ("2026-11-20", "two")),
            (b't="inlineStr"><is><t>one</t></is>', b"><v>1.0E3</v>", (1000.0, "two")),
        ],
    )
    def test_other_ways_to_say_it(self, old: bytes, new: bytes, expected: tuple[object, ...]) -> None:
        assert list(rows_of(_changed(workbook([("one", "two")]), old, new))) == [expected]

    def test_days_counted_from_1904(self) -> None:
        book, file = openpyxl.Workbook(), io.BytesIO()
        book.epoch = MAC_EPOCH
        book.active.append((datetime.fromisoformat("2026-11-20"),))  # type: ignore[union-attr]
        book.save(file)
        assert list(rows_of(file.getvalue())) == [(datetime.fromisoformat("2026-11-20"),)]

    @pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
    def test_declared_entities_are_refused(self, part: str) -> None:
        bomb = b'?><!DOCTYPE x [<!ENTITY a "aaaa">]>'
        with pytest.raises(XlsxError, match="declares entities"):
            list(rows_of(_changed(workbook([("one",)]), b"?>", bomb, part=part)))

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            (b'r="A1"', b'r="1A1"', "a cell that stands at '1A1'"),
            (b't="inlineStr"><is><t>one</t></is>', b"><v>NaN</v>", "a number that is 'NaN'"),
            (b't="inlineStr"><is><t>one</t></is>', b"><v>1e999</v>", "a number that is '1e999'"),
        ],
    )
    def test_what_is_no_place_or_no_number(self, old: bytes, new: bytes, problem: str) -> None:
        with pytest.raises(XlsxError, match=problem):
            list(rows_of(_changed(workbook([("one",)]), old, new)))

    def test_a_row_that_is_too_wide(self) -> None:
        with pytest.raises(XlsxError, match="a row of 703 cells; allowed: 200"):
            list(rows_of(_changed(workbook([("one",)]), b'r="A1"', b'r="AAA1"')))


def _changed(file: bytes, old: bytes, new: bytes, part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The same workbook with something else in one of its parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as parts, zipfile.ZipFile(made, "w") as changed:
        for name in parts.namelist():
            body = parts.read(name)
            if name == part:
                assert old in body
                body = body.replace(old, new, 1)
            changed.writestr(name, body)
    return made.getvalue()
