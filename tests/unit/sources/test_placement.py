"""A report of storage costs laid out by its days."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest

from micore.simulator.xlsx import workbook
from micore.sources.ozon.placement import laid_out

HEADING = ("Дата", "SKU", "Начисленная стоимость размещения")


def test_a_killed_process_would_leave_nothing_of_it_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = workbook([HEADING, *[(date(2026, 11, day), 7, 1.5) for day in (3, 1, 2)]])
    with laid_out(table, date(2026, 11, 1), date(2026, 11, 2)) as laid:
        assert list(tmp_path.iterdir()) == []
        pages = [([day.day for day in days], len(rows), last) for days, rows, last in laid.pages(None)]
    assert pages == [([1, 2], 2, False), ([], 1, True)]
