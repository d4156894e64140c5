"""What a file of the drop folder says in two ways, or in a way that nobody can mean, never loads."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from micore.domain.quarantine import faulty_field, keys_of, rule_of
from micore.domain.records import CatalogueRecord, OrderRecord, SaleRecord, StockRecord
from micore.errors import SourceUnreachableError
from micore.sources.base import StoredRow
from micore.sources.files import pages, spool
from micore.sources.files.spool import Spooled, spooled
from micore.sources.files.tables import Table
from tests.unit.sources.files.test_folder import drop, read, reasons, records, source

HEADER = "order id;date;sku;quantity\n"


def lines_of(found: list[str]) -> list[str]:
    return [each.split(":")[0].partition(", line ")[2] for each in found]


# --- cells


@pytest.mark.parametrize(
    "row",
    ["A1,Tea,249,50,10", "A1,Tea,249,50,", "A1,Tea,249,50,10,"],
)
def test_a_decimal_comma_in_a_file_of_commas_shifts_nothing(tmp_path: Path, row: str) -> None:
    drop(tmp_path, "a.csv", f'sku,name,price,available\n{row}\nA2,Cup,"249,50",10\n')
    found = read(tmp_path, "stock")
    assert [(each.sku_id, each.available) for each in records(found) if isinstance(each, StockRecord)] == [
        ("A2", 10_000)
    ]
    (reason,) = reasons(found)
    assert reason.startswith("a.csv, line 2: row: received 5 cells under 4 names") or "6 cells under 4" in reason
    # Which sku it was is not known: every figure that the file does not tell may be the one.
    assert [row.key for page in found for row in page.rejected] == [""]


def test_empty_cells_behind_the_last_name_are_no_matter(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "sku;available;;\nA;5;;\nB;6;;;;\nC;7;;note;\n")
    found = read(tmp_path, "stock")
    assert [each.sku_id for each in records(found) if isinstance(each, StockRecord)] == ["A", "B"]
    assert lines_of(reasons(found)) == ["4"]


def test_a_file_of_nothing_but_shifted_rows_floods_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_HOMELESS", 3)
    drop(tmp_path, "a.csv", "sku,price,available\n" + "A,249,50,1\n" * 8)
    found = reasons(read(tmp_path, "stock"))
    assert lines_of(found) == ["2", "3", "4", "9"]
    assert "5 more rows whose place cannot be read" in found[-1]


def test_a_stray_quote_swallows_no_row(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", 'sku;name;price\nA0;Pot;1\nA1;"15 tablet;5\nA2;x;3\nA3;y";7\nA4;Cup;9\n')
    found = read(tmp_path, "catalogue")
    assert [each.sku_id for each in records(found) if isinstance(each, CatalogueRecord)] == ["A0", "A4"]
    assert lines_of(reasons(found)) == ["3", "4", "5"]
    assert "a quote that opens in line 3 and closes in line 5" in reasons(found)[1]


def test_a_name_of_two_lines_is_one_name_and_a_code_of_two_is_none(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", 'sku;name\nA;"Tea,\nblack"\n"B\nC";Cup\n')
    found = read(tmp_path, "catalogue")
    assert [(each.sku_id, each.name) for each in records(found) if isinstance(each, CatalogueRecord)] == [
        ("A", "Tea, black")
    ]
    assert "in one line" in reasons(found)[0]


def test_a_list_as_a_sales_clerk_saves_it(tmp_path: Path) -> None:
    """Windows-1251, semicolons, a title, empty lines, the header on each page, totals at the end."""
    rows = (
        "Остатки на 02.11.2026;;;\r\n;;;\r\nАртикул;Наименование;Штрихкод;Остаток, шт.\r\n"
        "TEA;Чай;4600000000017;12\r\n;;;\r\nАртикул;Наименование;Штрихкод;Остаток, шт.\r\n"
        "Total;Масло моторное;4600000000024;1 200,00\r\nИтого по складу:;;;1 212\r\n;;Всего:;1 212 шт.\r\n;;;\r\n"
    )
    drop(tmp_path, "Остатки.csv", rows.encode("cp1251"))
    found = read(tmp_path, "stock")
    assert [(each.sku_id, each.available) for each in records(found) if isinstance(each, StockRecord)] == [
        ("TEA", 12_000),
        ("Total", 1_200_000),
    ]
    assert reasons(found) == reasons(read(tmp_path, "catalogue")) == []


@pytest.mark.parametrize("row", ["A;Tea;4,6E+12", "4,60000E+12;Tea;", "A;Tea;4.6e+12"])
def test_digits_that_a_spreadsheet_rounded_away_are_missed(tmp_path: Path, row: str) -> None:
    drop(tmp_path, "a.csv", f"sku;name;barcode\n{row}\n")
    found = read(tmp_path, "catalogue")
    assert records(found) == [] and "format the column as text" in reasons(found)[0]


def test_text_of_two_bytes_a_letter_says_what_to_do(tmp_path: Path) -> None:
    drop(tmp_path, "a.txt", "sku\tname\nA\tTea\n".encode("utf-16"))
    assert "save it as CSV UTF-8" in reasons(read(tmp_path, "catalogue"))[0]


# --- what no database can hold, and what nobody can mean


def test_a_nul_character_stands_apart_and_its_reason_can_be_stored(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "sku;name;size\nA\x001;Tea;\nA2;Tea\x00 x;\nA3;Tea;\x00\nA4;Tea;\n")
    found = read(tmp_path, "catalogue")
    assert [each.sku_id for each in records(found) if isinstance(each, CatalogueRecord)] == ["A4"]
    assert lines_of(reasons(found)) == ["2", "3", "4"]
    rejected = [row for page in found for row in page.rejected]
    assert not any("\x00" in text for row in rejected for text in (row.key, row.reason))
    (again, *_) = source(tmp_path).reread("catalogue", [StoredRow(row.raw, row.context) for row in rejected])
    assert again.reason is not None and "NUL" in again.reason


@pytest.mark.parametrize(
    ("stream", "text", "allowed"),
    [
        ("stock", "sku;available\nA;4600000000017\n", "0 to 100000000"),
        ("prices", "sku;price\nA;4600000000017\n", "10000000000"),
        ("sales", "sale id;date;sku;amount\nS;2026-11-02;A;-4600000000017\n", "10000000000"),
        ("orders", HEADER + "O1;2099-01-01;A;1\n", "2000-01-01"),
        ("orders", HEADER + "O1;1999-01-01;A;1\n", "2000-01-01"),
        ("sales", "sale id;date;sku;amount\nS;2099-01-02;A;1\n", "2000-01-01"),
    ],
)
def test_what_nobody_can_mean_is_refused_also_when_it_is_read_again(
    tmp_path: Path, stream: str, text: str, allowed: str
) -> None:
    drop(tmp_path, "a.csv", text)
    found = read(tmp_path, stream)
    assert records(found) == []
    (reason,) = reasons(found)
    assert allowed in reason.partition("allowed: ")[2]
    (again,) = source(tmp_path).reread(stream, [StoredRow(row.raw, "") for page in found for row in page.rejected])
    assert again.records == ()


def test_rows_that_broke_one_rule_are_one_thing_to_decide(tmp_path: Path) -> None:
    drop(tmp_path, "a, b.csv", f"{HEADER}O1;2026-11-02;A;1\nO1;2026-11-02;B;many\nO2;2026-11-02;A;few\n")
    found = reasons(read(tmp_path, "orders"))
    assert [rule_of(each) for each in found] == ["quantity: allowed: a number such as 12 or 12,5."] * 2
    assert {faulty_field(each) for each in found} == {"quantity"}


# --- contradictions


@pytest.mark.parametrize("apart", [0, 5])
@pytest.mark.parametrize(
    ("stream", "header", "row"),
    [
        ("stock", "sku;available", "{};{}"),
        ("catalogue", "sku;name", "{};Name {}"),
        ("prices", "sku;price", "{};{}"),
        ("warehouses", "warehouse id;warehouse", "{};Name {}"),
        ("sales", "sale id;date;sku;amount", "S;2026-11-02;{};{}"),
    ],
)
def test_what_a_file_tells_twice_and_differently_loads_in_neither_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str, header: str, row: str, apart: int
) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    rows = [("A", 10), *((f"B{number}", 1) for number in range(apart)), ("A", 20), ("C", 3)]
    drop(tmp_path, "a.csv", "\n".join([header, *(row.format(*each) for each in rows)]))
    found = read(tmp_path, stream)
    assert len(records(found)) == apart + 1
    assert lines_of(reasons(found)) == ["2", str(3 + apart)]
    assert all(f"in lines 2 and {3 + apart}" in each for each in reasons(found))
    if stream == "stock":
        return
    # Alone each of them would fit: only a person says which is right.
    first, *_ = [row for page in found for row in page.rejected]
    (again,) = source(tmp_path).reread(stream, [StoredRow(first.raw, "")])
    assert again.reason is not None
    chosen = {name: value for name, value in json.loads(first.raw).items() if name != "doubt"}
    (again,) = source(tmp_path).reread(stream, [StoredRow(json.dumps(chosen).encode(), "")])
    assert again.reason is None and len(again.records) == 1


def test_stock_is_judged_by_sku_and_place_and_a_repeated_state_is_none_too_many(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "sku;warehouse;available\nA;Kazan;1\nA;Moscow;2\nA;Kazan;1,0\n")
    found = read(tmp_path, "stock")
    assert (len(records(found)), reasons(found)) == (2, [])


def test_a_receipt_has_several_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS", 1)
    drop(tmp_path, "a.csv", "чек;дата;артикул;сумма\nCHK;02.11.2026;A1;100\nCHK;02.11.2026;A2;250\n")
    found = read(tmp_path, "sales")
    told = [each for each in records(found) if isinstance(each, SaleRecord)]
    assert [(each.sku_id, each.amount) for each in told] == [("A1", 1_000_000), ("A2", 2_500_000)]
    assert len({each.sale_id for each in told}) == 2


def test_the_same_sale_twice_may_be_one_or_two(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "чек;дата;артикул;сумма\nCHK;02.11.2026;A1;100\nCHK;02.11.2026;A1;100\n")
    found = read(tmp_path, "sales")
    assert records(found) == [] and len(reasons(found)) == 2


# --- lines that belong together


@pytest.mark.parametrize(
    ("stream", "header"),
    [("orders", HEADER), ("returns", "return id;date;sku;quantity\n"), ("supplies", "supply id;date;sku;quantity\n")],
)
def test_one_bad_line_holds_all_that_belong_to_it_and_is_mended_among_them(
    tmp_path: Path, stream: str, header: str
) -> None:
    drop(tmp_path, "a.csv", header + "O1;2026-11-02;A;1\nO1;2026-11-02;B;many\nO2;2026-11-02;A;1\n")
    found = read(tmp_path, stream)
    assert len(records(found)) == 1
    (row,) = [row for page in found for row in page.rejected]
    assert row.key == "O1"
    assert row.reason.startswith("a.csv, line 3 of 2 to 3: quantity: received 'many'")
    stored = json.loads(row.raw)
    assert [each["sku"] for each in stored["rows"]] == ["A", "B"]
    stored["rows"][1]["quantity"] = "2"
    (again,) = source(tmp_path).reread(stream, [StoredRow(json.dumps(stored).encode(), "")])
    assert again.reason is None and len(again.records) == 2
    # By this name it is known whether it has been told since.
    assert all(row.key in keys_of(each) for each in again.records)


@pytest.mark.parametrize(
    "bad",
    ["O1;2026-11-02;C;1;more", 'O1;2026-11-02;"15 tablet;1', 'O1;2026-11-02;"C;1\nO3;2026-11-02;"D;1'],
)
def test_a_line_whose_cells_cannot_be_told_apart_holds_its_order_too(tmp_path: Path, bad: str) -> None:
    drop(tmp_path, "a.csv", f"{HEADER}O1;2026-11-02;A;1\n{bad}\nO2;2026-11-02;A;1\n")
    found = read(tmp_path, "orders")
    assert {each.order_id for each in records(found) if isinstance(each, OrderRecord)} == {"O2"}
    assert next(row.key for page in found for row in page.rejected) == "O1"


def test_an_order_that_names_a_sku_twice_waits(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", f"{HEADER}O1;2026-11-02;A;1\nO1;2026-11-02;A;1\n")
    found = read(tmp_path, "orders")
    assert records(found) == [] and "add them up" in reasons(found)[0]


# --- files


def test_a_link_is_told_of_and_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0\nsku;name\nA;Tea\n")
    place = tmp_path / "drop"
    place.mkdir()
    (place / "x.csv").symlink_to(secret)
    (place / "gone.csv").symlink_to(tmp_path / "nowhere")
    drop(place, "good.csv", "sku;name\nB;Cup\n")
    found = read(place, "catalogue")
    assert [each.sku_id for each in records(found) if isinstance(each, CatalogueRecord)] == ["B"]
    assert sorted(each.partition(":")[0] for each in reasons(found)) == ["gone.csv, line 1", "x.csv, line 1"]
    assert not any(b"root" in page.raw.body for page in found)
    assert not any(b"root" in row.raw for page in found for row in page.rejected)


def test_a_file_that_becomes_a_link_while_it_is_read_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sku;name\nA;Tea\n")
    place = tmp_path / "drop"
    place.mkdir()
    (place / "x.csv").symlink_to(secret)
    monkeypatch.setattr(stat, "S_ISREG", lambda mode: True)
    monkeypatch.setattr(stat, "S_ISLNK", lambda mode: False)
    with pytest.raises(SourceUnreachableError):
        read(place, "catalogue")


def test_a_file_that_is_taken_away_while_it_is_read_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(tmp_path, "a.csv", "sku;available\nA;5\n")

    def taken_away(table: Table, *how: Any) -> AbstractContextManager[Spooled]:
        path.unlink()
        return spooled(table, *how)

    monkeypatch.setattr("micore.sources.files.source.spooled", taken_away)
    assert records(read(tmp_path, "stock")) == []


def test_a_killed_process_would_leave_nothing_of_a_file_that_is_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, folder = tmp_path / "temporary", tmp_path / "drop"
    temporary.mkdir()
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(spool, "ROWS_IN_MEMORY", 2)
    rows = "".join(f"S{number};W{number % 3};{number}\n" for number in range(9))
    drop(folder, "a.csv", "sku;warehouse;available\n" + rows)
    told: list[tuple[str, ...]] = []
    for page in source(folder).read("stock", None):
        assert list(temporary.iterdir()) == []
        told += [(str(each.place_id), each.sku_id) for each in page.records if isinstance(each, StockRecord)]
    assert [sku for _, sku in told] == ["S0", "S3", "S6", "S1", "S4", "S7", "S2", "S5", "S8"], (
        "place by place, in order"
    )
    assert len({place for place, _ in told}) == 3


def test_a_name_in_letters_of_another_system_can_be_stored(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xee\xf1\xf2.csv"
    Path(os.fsdecode(name)).write_text("sku;name\nA;\n")
    found = read(tmp_path, "catalogue")
    assert all(each.encode() for each in (*reasons(found), *(page.raw.endpoint for page in found)))
    assert len(reasons(found)) == 1
