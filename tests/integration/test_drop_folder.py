"""Files dropped into a folder, synced into both databases."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from micore.domain.run_views import Run, RunState, Trigger
from micore.services.quarantine import Quarantine
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import SourceSlot, SyncService
from micore.sources.files import FilesSource
from micore.storage.database import Database
from micore.storage.raw import RawStore

MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Office:
    """A folder, a database, and somebody who drops files."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url)
        self.folder = folder / "drop"
        self.folder.mkdir()
        self._raw = RawStore(folder / "raw")

    def drop(self, name: str, content: str | bytes, *, at: datetime = MORNING, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def sync(self, *, full: bool = False, believe: bool = False) -> Run:
        time.sleep(0.02)  # the file system's clock ticks in milliseconds
        service = self._service()
        service.request(trigger=Trigger.COMMAND, full=full, believe=believe)
        ended = service.work_once()
        assert ended is not None
        return ended

    def mend(self, row_id: int, row: bytes) -> None:
        service = self._service()
        Quarantine(service).fix(row_id, row.decode(), by="test", trigger=Trigger.COMMAND)
        assert service.work_once() is not None

    def _service(self) -> SyncService:
        options = {"folder": str(self.folder), "rest_seconds": "0"}
        slot = SourceSlot("files", "Files", FilesSource.streams, lambda tools: FilesSource(options, tools), None)
        shop = Shop()
        return SyncService(
            database=self.database,
            raw_store=self._raw,
            sources={"files": slot},
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            shop=shop,
            schedule=Schedule.parse("off", shop.zone),
            owner="test",
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def stock(self) -> dict[tuple[str, str], int]:
        found = self.rows(
            "SELECT k.external_id, p.external_id, s.available FROM stock s JOIN sku k ON k.id = s.sku_id "
            "JOIN place p ON p.id = s.place_id"
        )
        return {(sku, place): units // 1000 for sku, place, units in found}

    def close(self) -> None:
        self._raw.close()
        self.database.close()


@pytest.fixture
def office(migrated_url: str, tmp_path: Path) -> Iterator[Office]:
    made = Office(migrated_url, tmp_path)
    yield made
    made.close()


def test_every_template_loads_as_it_is(office: Office) -> None:
    for name, content in FilesSource.templates.items():
        office.drop(f"{name}.csv", content)
    run = office.sync()
    assert (run.state, run.message) == (RunState.DONE, None)
    assert {each.stream: each.rows_read for each in run.streams} == dict.fromkeys(FilesSource.templates, 1)
    assert office.stock() == {("TEA-100", "W1"): 42}
    assert office.rows("SELECT name FROM place") == [("Main warehouse",)]
    assert office.rows("SELECT price, currency FROM listing") == [(2_490_000, "RUB")]
    assert office.rows("SELECT state, quantity, price FROM order_line") == [("shipped", 2000, 2_490_000)]
    assert office.rows("SELECT amount, commission FROM sale") == [(4_980_000, 498_000)]


def test_an_unchanged_file_is_never_read_again_and_a_changed_one_is(office: Office) -> None:
    office.drop("catalogue.csv", "sku;name\nA;Tea\nB;Cup\n")
    office.drop("stock.csv", "sku;available\nA;5\nB;7\n")
    first = office.sync()
    again = office.sync()
    assert (first.rows_read, again.rows_read) == (4, 0)
    assert again.state == RunState.DONE
    assert office.stock() == {("A", "main"): 5, ("B", "main"): 7}
    office.drop("stock.csv", "sku;available\nA;6\nB;7\n", at=MORNING + timedelta(hours=1))
    assert office.sync().rows_read == 2
    assert office.stock() == {("A", "main"): 6, ("B", "main"): 7}
    assert office.sync(full=True).rows_read == 4


def test_a_bad_row_waits_in_quarantine_and_the_good_ones_load(office: Office) -> None:
    office.drop("ostatki.csv", "Артикул;Склад;Остаток\nA;Мытищи;5\nB;Мытищи;many\nC;Мытищи;1,5\n", encoding="cp1251")
    run = office.sync()
    assert run.state == RunState.GAPS
    assert office.stock() == {("A", "Мытищи"): 5, ("C", "Мытищи"): 1}
    ((key, reason),) = office.rows("SELECT row_key, reason FROM quarantine")
    assert key == "B"
    assert reason.startswith("ostatki.csv, line 3: available: received 'many'")


def test_a_stock_file_tells_all_of_its_places_and_nothing_of_others(office: Office) -> None:
    office.drop("both.csv", "sku;warehouse;available\nA;Kazan;5\nA;Moscow;9\nB;Kazan;2\n")
    office.sync()
    office.drop("kazan.csv", "sku;warehouse;available\nA;Kazan;4\nC;Kazan;1\n", at=MORNING + timedelta(hours=2))
    office.sync()
    assert office.stock() == {("A", "Kazan"): 4, ("B", "Kazan"): 0, ("C", "Kazan"): 1, ("A", "Moscow"): 9}
    as_of = dict(office.rows("SELECT scope, max(as_of) FROM stock_snapshot WHERE state = 'published' GROUP BY scope"))
    assert as_of["Kazan"] - as_of["Moscow"] == 2 * 3_600_000_000


def test_a_file_that_shrank_is_held_until_somebody_believes_it(office: Office) -> None:
    office.drop("stock.csv", "sku;available\n" + "".join(f"S{number};3\n" for number in range(60)))
    office.sync()
    office.drop("stock.csv", "sku;available\nS1;3\n", at=MORNING + timedelta(hours=1))
    assert "only 1 of 60" in (office.sync().message or "")
    assert len([units for units in office.stock().values() if units]) == 60
    # The file has not changed since; what was held is read once more, and two that agree are believed.
    assert office.sync().state == RunState.DONE
    assert len([units for units in office.stock().values() if units]) == 1


ORDERS = "order id;date;sku;quantity\n"


def test_a_bad_line_of_an_order_cancels_nothing_and_loads_once_it_is_mended(office: Office) -> None:
    lines = "SELECT k.external_id, l.state, l.quantity FROM order_line l JOIN sku k ON k.id = l.sku_id ORDER BY 1"
    office.drop("orders.csv", f"{ORDERS}O1;02.11.2026;A;1\nO1;02.11.2026;B;1\n")
    office.sync()
    office.drop("orders.csv", f"{ORDERS}O1;02.11.2026;A;1\nO1;02.11.2026;B;many\n", at=MORNING + timedelta(hours=1))
    assert office.sync().state == RunState.GAPS
    assert office.rows(lines) == [("A", "ordered", 1000), ("B", "ordered", 1000)]
    ((row_id, raw),) = office.rows("SELECT id, bytes FROM quarantine WHERE state = 'waiting'")
    office.mend(row_id, bytes(raw).replace(b"many", b"3"))
    assert office.rows("SELECT state FROM quarantine") == [("loaded",)]
    assert office.rows(lines) == [("A", "ordered", 1000), ("B", "ordered", 3000)]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("orders", ORDERS),
        ("returns", "return id;date;sku;quantity\n"),
        ("supplies", "supply id;date;sku;quantity\n"),
        ("sales", "sale id;date;sku;amount\n"),
    ],
)
def test_a_mended_file_closes_what_waits_and_old_rows_never_come_after_it(
    office: Office, name: str, header: str
) -> None:
    office.drop("a.csv", f"{header}O1;02.11.2026;A;1\nO1;02.11.2026;B;many\n")
    office.sync()
    office.drop("a.csv", f"{header}O1;02.11.2026;A;1\nO1;02.11.2026;B;2\n", at=MORNING + timedelta(hours=1))
    assert office.sync().state == RunState.DONE
    assert office.rows("SELECT state, note FROM quarantine") == [("superseded", "a later answer told it anew")]


def test_what_no_database_can_hold_ends_no_run(office: Office) -> None:
    office.drop("a.csv", "sku;name\nA\x001;Tea\nA2;Tea\x00 x\nA3;Tea\n")
    office.drop("b.csv", f"{ORDERS}O\x001;02.11.2026;A;1\n")
    office.drop("c.csv", "sku;available\nA\x00;1\nA3;2\n")
    run = office.sync()
    assert (run.state, run.rows_rejected) == (RunState.GAPS, 4)
    assert office.stock() == {("A3", "main"): 2}


def test_contradictions_keep_the_figure_of_before(office: Office) -> None:
    office.drop("stock.csv", "sku;available\nA;5\nB;7\n")
    office.sync()
    filler = "".join(f"S{number};1\n" for number in range(2_500))
    office.drop("stock.csv", f"sku;available\nA;10\nB;8\n{filler}A;20\n", at=MORNING + timedelta(hours=1))
    assert office.sync().rows_rejected == 2
    stock = office.stock()
    assert (stock["A", "main"], stock["B", "main"]) == (5, 8)
    assert office.rows(
        "SELECT k.external_id FROM stock s JOIN sku k ON k.id = s.sku_id WHERE s.stale_from IS NOT NULL"
    ) == [("A",)]


def test_each_line_of_a_receipt_is_a_sale(office: Office) -> None:
    office.drop("a.csv", "sale id;date;sku;amount\nCHK;02.11.2026;A1;100\nCHK;02.11.2026;A2;250\n")
    office.sync()
    assert office.rows("SELECT amount FROM sale ORDER BY amount") == [(1_000_000,), (2_500_000,)]
