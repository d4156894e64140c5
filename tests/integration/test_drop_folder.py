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
        options = {"folder": str(self.folder), "rest_seconds": "0"}
        slot = SourceSlot("files", "Files", FilesSource.streams, lambda tools: FilesSource(options, tools), None)
        shop = Shop()
        service = SyncService(
            database=self.database,
            raw_store=self._raw,
            sources={"files": slot},
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            shop=shop,
            schedule=Schedule.parse("off", shop.zone),
            owner="test",
        )
        service.request(trigger=Trigger.COMMAND, full=full, believe=believe)
        ended = service.work_once()
        assert ended is not None
        return ended

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
