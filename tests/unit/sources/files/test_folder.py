"""The drop folder as a source: what is read, what waits, what stands apart, and how far memory goes."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from micore.domain.records import CatalogueRecord, OrderRecord, Record, StockRecord
from micore.errors import SettingsError, SourceUnreachableError
from micore.simulator.xlsx import workbook
from micore.sources.base import Page, SourceTools, StoredRow
from micore.sources.checking import Budget, Place, Trial, check_source
from micore.sources.files import FilesSource, pages, tables
from micore.sources.files.folder import FilesCursor


def source(folder: Path, *, rest: int = 0, late: timedelta = timedelta()) -> FilesSource:
    tools = SourceTools(now=lambda: datetime.now(UTC) + late, monotonic=time.monotonic, sleep=lambda seconds: None)
    return FilesSource({"folder": str(folder), "rest_seconds": str(rest)}, tools)


def read(folder: Path, stream: str, cursor: str | None = None, **how: object) -> list[Page]:
    time.sleep(0.01)  # the file system's clock ticks in milliseconds
    return list(source(folder, **how).read(stream, cursor))  # type: ignore[arg-type]


def records(found: list[Page]) -> list[Record]:
    return [record for page in found for record in page.records]


def reasons(found: list[Page]) -> list[str]:
    return [row.reason for page in found for row in page.rejected]


def drop(folder: Path, name: str, text: str | bytes, *, at: int = 0) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if at:
        os.utime(path, (at, at))
    return path


@pytest.fixture
def busy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files of each kind, of several pages."""
    monkeypatch.setattr(pages, "PAGE_ROWS", 3)
    for name, content in FilesSource.templates.items():
        drop(tmp_path, f"{name}.csv", content)
    drop(tmp_path, "cards.csv", "sku,name\n" + "".join(f"S{n},Thing {n}\n" for n in range(20)))
    rows = "".join(f"S{n};{place};{n}\n" for n in range(10) for place in ("Kazan", "Moscow"))
    drop(tmp_path, "levels.csv", "sku;warehouse;available\n" + rows, at=1_790_000_000)
    lines = "".join(f"O{n // 2};2026-11-20;S{n};1\n" for n in range(20))
    drop(tmp_path, "more orders.csv", "order id;date;sku;quantity\n" + lines)
    time.sleep(0.01)
    return tmp_path


def test_it_keeps_what_every_source_promises(busy_folder: Path) -> None:
    place = Place({"folder": str(busy_folder), "rest_seconds": "0"}, frozen=True, now=lambda: datetime.now(UTC))
    trial = Trial("files", FilesSource, place, Budget(pages=None))
    report = check_source(trial, "tests")
    assert [(each.name, each.seen) for each in report.failed] == []
    assert {each.name for each in report.results if each.verdict == "passed"} >= {
        "goes-on-after-a-page",
        "reads-the-same-again",
        "starts-anew-after-the-end",
        "lines-share-a-page",
        "scopes-hang-together",
        "explains-missing-options",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_whatever_program_wrote_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["Остатки на складе", ""], ["", ""], ["Артикул", "Остаток"], ["Чай", '"12,5"'], ["Чашка", "3"]]
    drop(tmp_path, "a.csv", "\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    told = {each.sku_id: each.available for each in records(read(tmp_path, "stock")) if isinstance(each, StockRecord)}
    assert told == {"Чай": 12_500, "Чашка": 3_000}


def test_a_workbook_is_read_as_people_see_it(tmp_path: Path) -> None:
    drop(tmp_path, "a.xlsx", workbook([["sku", "name", "price"], ["7", "Tea", 249.5], [8, "Cup", 10]]))
    found = [each for each in records(read(tmp_path, "catalogue")) if isinstance(each, CatalogueRecord)]
    assert [(each.sku_id, each.name, each.price) for each in found] == [("7", "Tea", 2_495_000), ("8", "Cup", 100_000)]
    drop(tmp_path, "b.xlsx", workbook([["order id", "date", "sku", "qty"], ["1", date(2026, 11, 20), "7", 2]]))
    (order,) = records(read(tmp_path, "orders"))
    assert isinstance(order, OrderRecord) and order.ordered_at == 1_795_122_000_000_000


def test_a_workbook_of_a_million_empty_rows_does_not_hang(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["sku", "available"])
    sheet.append(["A", 5])
    sheet.cell(row=1_048_576, column=16_384, value=" ")
    book.save(tmp_path / "libre.xlsx")
    started = time.monotonic()
    assert len(records(read(tmp_path, "stock"))) == 1
    assert time.monotonic() - started < 10


def test_a_workbook_that_would_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED_BYTES", 1000)
    drop(tmp_path, "bomb.xlsx", workbook([["sku", "name"], ["A", "x" * 100_000]]))
    (reason,) = reasons(read(tmp_path, "catalogue"))
    assert reason.startswith("bomb.xlsx, line 1: workbook: received 1")


@pytest.mark.parametrize("states_its_size", [True, False])
def test_a_broken_workbook_stands_apart(tmp_path: Path, states_its_size: bool) -> None:
    """Of a sheet that is torn what stands before the tear is told, as of any file; where it states no size, the tear
    is met before the first row."""
    whole = workbook([["sku", "name"], *[[f"S{n}", "x"] for n in range(2000)]])
    drop(tmp_path, "half.xlsx", whole[: len(whole) // 2])
    torn = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as parts, zipfile.ZipFile(torn, "w") as copy:
        for part in parts.namelist():
            content = parts.read(part)
            if not states_its_size:
                content = re.sub(rb"<dimension [^>]*>", b"", content)
            copy.writestr(part, content[: len(content) // 2] if "sheet1" in part else content)
    drop(tmp_path, "torn.xlsx", torn.getvalue())
    drop(tmp_path, "good.csv", "sku;name\nA;Tea\n")
    found = read(tmp_path, "catalogue")
    assert {each.split(",")[0] for each in reasons(found)} == {"half.xlsx", "torn.xlsx"}
    told = {each.sku_id for each in records(found) if isinstance(each, CatalogueRecord)}
    before_the_tear = {f"S{number}" for number in range(1000)} if states_its_size else set()
    assert {"A", *before_the_tear} <= told < {"A", *(f"S{number}" for number in range(2000))}
    assert (len(told) == 1) is not states_its_size


def test_bad_rows_stand_apart_with_file_line_and_reason(tmp_path: Path) -> None:
    drop(
        tmp_path,
        "a.csv",
        'sku;name;price\nA;Tea;1\n;No sku;1\nB;"Open;2\nC;Cup;free\nD;Pot;"1,5"\nD;Other pot;2\n',
    )
    found = read(tmp_path, "catalogue")
    assert [each.sku_id for each in records(found) if isinstance(each, CatalogueRecord)] == ["A"]
    assert [each.split(":")[0] for each in reasons(found)] == [f"a.csv, line {n}" for n in (3, 4, 5, 6, 7)]
    (row,) = [row for page in found for row in page.rejected if "line 5" in row.reason]
    stored = json.loads(row.raw)
    assert stored == {"file": "a.csv", "line": 5, "row": {"sku": "C", "name": "Cup", "price": "free"}}
    stored["row"]["price"] = "7"
    (mended,) = source(tmp_path).reread("catalogue", [StoredRow(json.dumps(stored).encode(), "")])
    assert mended.reason is None
    assert [each.price for each in mended.records if isinstance(each, CatalogueRecord)] == [70_000]


def test_a_file_that_nobody_understands_is_not_passed_over(tmp_path: Path) -> None:
    drop(tmp_path, "notes.csv", "colour;taste\nred;sweet\n")
    (reason,) = reasons(read(tmp_path, "catalogue"))
    assert "no column that is known; allowed: one of returns: return_id, sku" in reason
    assert reasons(read(tmp_path, "orders")) == []


def test_lines_of_an_order_that_are_torn_apart_are_refused(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "order id;date;sku;quantity\n1;2026-11-20;A;1\n2;2026-11-20;A;1\n1;2026-11-20;B;1\n")
    found = read(tmp_path, "orders")
    assert [each.order_id for each in records(found) if isinstance(each, OrderRecord)] == ["2"]
    assert [each.split(":")[0] for each in reasons(found)] == ["a.csv, line 2", "a.csv, line 4"]
    assert all("keep its lines together" in each for each in reasons(found))


def test_files_that_are_being_written_wait(tmp_path: Path) -> None:
    for name in (".a.csv", "~$a.csv", "a.csv.part", "a.tmp"):
        drop(tmp_path, name, "sku;name\nA;Tea\n")
    drop(tmp_path, "fresh.csv", "sku;name\nA;Tea\n")
    first = read(tmp_path, "catalogue", rest=60)
    assert records(first) == [] and first[-1].done
    later = read(tmp_path, "catalogue", first[-1].cursor, rest=60, late=timedelta(seconds=61))
    assert len(records(later)) == 1
    assert records(read(tmp_path, "catalogue", later[-1].cursor, rest=60, late=timedelta(seconds=90))) == []


def test_a_file_that_is_copied_in_with_an_old_date_is_read(tmp_path: Path) -> None:
    drop(tmp_path, "new.csv", "sku;name\nA;New name\n")
    first = read(tmp_path, "catalogue")
    drop(tmp_path, "old.csv", "sku;name\nB;Tea\n", at=1_600_000_000)
    (record,) = records(read(tmp_path, "catalogue", first[-1].cursor))
    assert isinstance(record, CatalogueRecord) and record.sku_id == "B"


def test_the_newest_stock_file_of_a_place_counts(tmp_path: Path) -> None:
    drop(tmp_path, "z-old.csv", "sku;warehouse;available\nA;Kazan;1\nA;Moscow;2\n", at=1_790_000_000)
    drop(tmp_path, "a-new.csv", "sku;warehouse;available\nA;Kazan;3\n", at=1_790_003_600)
    found = read(tmp_path, "stock")
    told = {(page.scope, page.as_of.timestamp()): [each[2] for each in page.records] for page in found}
    assert told == {("Kazan", 1_790_003_600): [3000], ("Moscow", 1_790_000_000): [2000]}


def test_a_clock_that_is_put_back_costs_a_reading_and_no_file(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "sku;name\nA;Tea\n")
    ahead = FilesCursor(read_to=int((time.time() + 3600) * 1e9))
    assert len(records(read(tmp_path, "catalogue", json.dumps({"read_to": ahead.read_to})))) == 1


def test_a_folder_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    missing = source(tmp_path / "nowhere")
    with pytest.raises(SourceUnreachableError):
        missing.account()
    with pytest.raises(SourceUnreachableError):
        list(missing.read("stock", None))


@pytest.mark.parametrize(
    "wrong", [{"folder": ""}, {"currency": "rubles"}, {"time_zone": "Mars"}, {"rest_seconds": "-1"}]
)
def test_options_say_what_they_may_be(tmp_path: Path, wrong: dict[str, str]) -> None:
    tools = SourceTools(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=lambda seconds: None)
    with pytest.raises(SettingsError, match=f"MICORE_FILES_{next(iter(wrong)).upper()}"):
        FilesSource({"folder": str(tmp_path), **wrong}, tools)


@pytest.mark.parametrize("stream", ["catalogue", "stock"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, stream: str) -> None:
    """A twentieth of a gigabyte stands for one: what is held is a page, and a file's rows by place are on disk."""
    header = "sku;name;note" if stream == "catalogue" else "sku;warehouse;available;note"
    for name, rows in (("small", 3_000), ("large", 90_000)):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "file.csv").open("w") as file:
            file.write(header + "\n")
            for number in range(rows):
                middle = "Thing" if stream == "catalogue" else f"W{number % 7};{number}"
                file.write(f"S{number};{middle};{'x' * 500}\n")
    assert (tmp_path / "large" / "file.csv").stat().st_size > 45_000_000
    # In a process of its own: what a process once held at the most is never forgotten.
    command = [sys.executable, "-m", "tests.support.folder_peak", str(tmp_path), stream]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[4])
    count, grown_bytes = map(int, done.stdout.split())
    assert count == 90_000
    assert grown_bytes < 40_000_000
