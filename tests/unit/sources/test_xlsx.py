"""XLSX files that a marketplace makes: what a broken one makes of the libraries is one error of ours."""

from __future__ import annotations

import io
import zipfile
import zlib
from random import Random

import pytest

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
