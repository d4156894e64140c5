"""Sixteen writers at once, threads and processes, by the API and by command: nobody is told that the database is
locked, and no write takes another's place."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from sqlalchemy import text

from micore.storage import events, tables
from micore.storage.database import Database
from tests.support import commands
from tests.support.keeper import free_port
from tests.support.running import process_of

WRITERS = 16
SECONDS = 5.0
SOAK_SECONDS = 60.0
REGION = "sixteen"
CLIENTS, COMMANDS = 12, 4
PATIENCE_SECONDS = 120.0

spawning = multiprocessing.get_context("spawn")


def together(works: list[Callable[[], None]]) -> None:
    """Each in a thread of its own; raises what the first of them raised."""
    failed: list[BaseException] = []

    def tried(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failed.append(error)

    threads = [threading.Thread(target=tried, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def count_up(url: str, seconds: float, threads: int, told: Any) -> None:
    """Count the generation of one region up, an event with each; tell every number that came of it."""
    database, ends = Database(url), time.monotonic() + seconds
    numbers: list[int] = []

    def work() -> None:
        while time.monotonic() < ends:
            with database.write() as connection:
                number = events.next_generation(connection, REGION, now=1)
                events.append_event(connection, at=1, kind=REGION, actor="test", subject=str(number), payload={})
            numbers.append(number)

    try:
        together([work] * threads)
        told.put((numbers, ""))
    except Exception as error:  # noqa: BLE001 - the other process tells it
        told.put((numbers, f"{type(error).__name__}: {error}"))
    finally:
        database.close()


class TestCounting:
    """Read, add one, write back: what a lost update would show in."""

    def test_threads_and_processes_count_without_a_gap(self, migrated_url: str) -> None:
        self.counted(migrated_url, SECONDS)

    @pytest.mark.soak
    def test_for_a_minute(self, migrated_url: str) -> None:
        self.counted(migrated_url, SOAK_SECONDS)

    def counted(self, url: str, seconds: float) -> None:
        told = spawning.Queue()
        processes: list[SpawnProcess] = [
            spawning.Process(target=count_up, args=(url, seconds, WRITERS // 4, told)) for _ in range(4)
        ]
        for each in processes:
            each.start()
        heard = [told.get(timeout=seconds + PATIENCE_SECONDS) for _ in processes]
        assert [problem for _, problem in heard if problem] == []
        numbers = [number for some, _ in heard for number in some]
        for each in processes:
            each.join(PATIENCE_SECONDS)
        assert [each.exitcode for each in processes] == [0] * 4
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), "each number was given once"
        assert len(numbers) > WRITERS
        database = Database(url)
        with database.read() as connection:
            kept = connection.execute(text("SELECT number FROM generation WHERE region = :r"), {"r": REGION}).scalar()
            noted = connection.execute(text("SELECT subject FROM event WHERE kind = :r"), {"r": REGION}).scalars().all()
        database.close()
        assert kept == len(numbers)
        assert Counter(map(int, noted)) == Counter(numbers)


class Served(NamedTuple):
    """A running micore with a waiting row for each writer."""

    url: str
    environment: dict[str, str]
    home: Path
    database: Database


@pytest.fixture
def served(migrated_url: str, tmp_path: Path) -> Iterator[Served]:
    database = Database(migrated_url)
    with database.write() as connection:
        connection.execute(
            tables.account.insert().values(id=1, source="ozon", external_id="1", name="a", currency="RUB", created_at=1)
        )
        connection.execute(
            tables.quarantine.insert(),
            [
                {
                    "id": number, "account_id": 1, "stream": "orders", "run_id": 1, "row_key": str(number),
                    "reason": "test", "bytes": b"{}", "received_at": 1,
                }
                for number in range(1, CLIENTS + COMMANDS + 1)
            ],
        )  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "MICORE_HOME": str(tmp_path / "home")}
    environment |= {"MICORE_DATABASE_URL": migrated_url, "MICORE_OZON_CLIENT_ID": "1", "MICORE_OZON_API_KEY": "k"}
    environment |= {"MICORE_OZON_BASE_URL": "http://127.0.0.1:9", "MICORE_SYNC_SCHEDULE": "off"}
    url = f"http://127.0.0.1:{(port := free_port())}"
    serve = [sys.executable, "-m", "micore", "serve", "--port", str(port), "--no-schedule"]
    with closing(database), process_of(serve, tmp_path, environment, f"{url}/livez"):
        yield Served(url, environment, tmp_path, database)


class TestDeciding:
    """Rows of quarantine are dropped and taken back, by the API and by command, each by one writer again and again."""

    def test_the_api_beside_commands(self, served: Served) -> None:
        self.decided(served, SECONDS)

    @pytest.mark.soak
    def test_for_a_minute(self, served: Served) -> None:
        self.decided(served, SOAK_SECONDS)

    def decided(self, served: Served, seconds: float) -> None:
        done: Counter[str] = Counter()
        last: dict[int, str] = {}
        one_command = threading.Lock()
        ends = time.monotonic() + seconds

        def by_api(row: int, what: str) -> None:
            body: dict[str, Any] = {"ids": [row], "reason": "test"}
            answer = httpx2.post(f"{served.url}/api/v1/quarantine/{what}", json=body, timeout=60, trust_env=False)
            assert (answer.status_code, answer.json().get("rows")) == (200, 1), answer.text

        def by_command(row: int, what: str) -> None:
            words = ("quarantine", what, str(row), *(("--reason", "test") if what == "drop" else ()))
            with one_command:
                ended = commands.run(served.home, words, served.environment)
            assert (ended.returncode, "1 row" in ended.stdout) == (0, True), ended.stdout + ended.stderr

        def work(row: int, decide: Callable[[int, str], None]) -> Callable[[], None]:
            def repeated() -> None:
                while time.monotonic() < ends:
                    last[row] = "drop" if last.get(row) != "drop" else "restore"
                    decide(row, last[row])
                    done[f"{row} {last[row]}"] += 1

            return repeated

        together([work(row, by_api if row <= CLIENTS else by_command) for row in range(1, CLIENTS + COMMANDS + 1)])
        assert len(last) == CLIENTS + COMMANDS, "each has had its turn"
        assert self.states(served) == {
            row: {"drop": "dropped", "restore": "waiting"}[what] for row, what in last.items()
        }
        assert self.events(served) == sum(done.values())

    def states(self, served: Served) -> dict[int, str]:
        with served.database.read() as connection:
            return {row.id: row.state for row in connection.execute(text("SELECT id, state FROM quarantine"))}

    def events(self, served: Served) -> int:
        query = "SELECT count(*) FROM event WHERE kind IN ('quarantine.dropped', 'quarantine.taken_back')"
        with served.database.read() as connection:
            return int(connection.execute(text(query)).scalar_one())
