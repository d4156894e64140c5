"""The disk refuses: it is full, it fails, or no more files can be opened. That is said in words, and it passes."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from sqlalchemy import text

from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage import maintenance, tables
from micore.storage.database import Database
from tests.power.living_tables import settle, url_of
from tests.power.recording import failing, record
from tests.support.keeper import free_port
from tests.support.real_sync import content_of
from tests.support.running import process_of

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FOR_EVER = -1


class Served(NamedTuple):
    """A running micore whose disk fails when the file `faults` says so."""

    url: str
    home: Path
    faults: Path

    def decide(self, what: str) -> httpx2.Response:
        body: dict[str, Any] = {"ids": [1], "reason": "test"}
        return httpx2.post(f"{self.url}/api/v1/quarantine/{what}", json=body, timeout=60, trust_env=False)

    def health(self) -> Any:
        return httpx2.get(f"{self.url}/health", timeout=60, trust_env=False).json()

    def fail(self, letters: str, error: int) -> None:
        self.faults.write_text(f"{letters} {error} 0 {FOR_EVER}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    home = settle(tmp_path / "home")
    database = Database(url_of(home))
    with database.write() as connection:
        row = {"id": 1, "account_id": 1, "stream": "orders", "run_id": 1, "row_key": "1", "reason": "test"}
        connection.execute(tables.quarantine.insert(), [row | {"bytes": b"{}", "received_at": 1}])
    database.close()
    faults = tmp_path / "faults"
    faults.write_text("")
    environment = {**failing(home, faults), "PATH": os.environ["PATH"], "MICORE_HOME": str(home)}
    environment |= {"MICORE_DATABASE_URL": url_of(home), "MICORE_OZON_CLIENT_ID": "1", "MICORE_OZON_API_KEY": "k"}
    environment |= {"MICORE_OZON_BASE_URL": "http://127.0.0.1:9", "MICORE_SYNC_SCHEDULE": "off"}
    url = f"http://127.0.0.1:{(port := free_port())}"
    serve = [sys.executable, "-m", "micore", "serve", "--port", str(port), "--no-schedule"]
    with process_of(serve, tmp_path, environment, f"{url}/livez"):
        yield Served(url, home, faults)


@pytest.mark.parametrize(
    ("letters", "error"), [("w", errno.ENOSPC), ("w", errno.EIO), ("f", errno.EIO)], ids=["full", "write", "fsync"]
)
def test_a_server_says_so_reads_on_and_recovers(served: Served, letters: str, error: int) -> None:
    assert served.decide("drop").status_code == 200
    before = served.health()
    assert before["status"] == "ok", before
    served.fail(letters, error)
    refused = served.decide("restore")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (503, "storage"), refused.text
    assert "refused by the disk" in refused.json()["detail"]
    assert "works again by itself" in refused.json()["remedy"]
    ill = served.health()
    assert (ill["status"], ill["database"]) == ("degraded", "connected")
    assert any("refused by the disk" in problem for problem in ill["problems"])
    products = httpx2.get(f"{served.url}/api/v1/products", timeout=60, trust_env=False)
    assert products.status_code == 200, "what needs no write is answered"
    served.faults.write_text("")
    assert served.health()["status"] == "ok", "without a restart, and before anybody writes"
    assert served.decide("restore").status_code == 200
    database = Database(url_of(served.home))
    with database.read() as connection:
        told = connection.execute(text("SELECT kind FROM event WHERE kind LIKE 'quarantine.%' ORDER BY seq")).scalars()
        assert list(told) == ["quarantine.dropped", "quarantine.taken_back"], "the refused one left nothing"
    assert maintenance.problems(database) == []
    database.close()


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    """A small shop whose clock stands still."""
    shop = Shop(seed=7, products=6, days=10, today=NOW.date())
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


@pytest.mark.parametrize(
    ("letters", "error", "calls"),
    [
        ("w", errno.ENOSPC, [0, 1, 5, 34, 89]),
        ("f", errno.EIO, [0, 2, 5, 13]),
        ("om", errno.EMFILE, [0, 1, 2, 3]),
    ],
    ids=["no room", "no sync", "no file"],
)
def test_a_sync_of_which_the_nth_call_fails_is_whole_the_next_time(
    market: Running, tmp_path: Path, letters: str, error: int, calls: list[int]
) -> None:
    for number in calls:
        settle(tmp_path / "home" / str(number), counter=True)
    faults = tmp_path / "faults"
    told: dict[str, Any] = {"letters": letters, "error": error, "calls": calls, "faults": str(faults)}
    recording = record("failing_syncs", tmp_path / "home", url=market.ozon_url, now=NOW.isoformat(), **told)
    lines = b"".join(each.data for each in recording.journal if each.operation == "a").decode().splitlines()
    ends = [json.loads(line) for line in lines]
    assert [number for number, *_ in ends] == calls
    assert [ended for *_, ended in ends] == ["done"] * len(calls), ends
    assert any("failed" in first or "Error" in first for _, first, _ in ends), "some of them met the fault"
    assert not [first for _, first, _ in ends if "fault of micore" in first], ends
    contents = []
    for number in calls:
        database = Database(url_of(recording.lived / str(number)))
        assert maintenance.problems(database) == []
        found = content_of(database)
        # Since when a sku's stock is told: by the marketplace's clock, which stands still here, so that what a second
        # reading tells is not newer.
        contents.append({**found, "sku": [row[:-1] for row in found["sku"]]})
        database.close()
    for number, each in zip(calls, contents, strict=True):
        differing = [name for name, rows in each.items() if rows != contents[-1][name]]
        assert differing == [], f"after the fault at call {number}"
