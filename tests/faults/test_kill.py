"""`kill -9` at random points of syncs: nothing lost, nothing double, nothing half.

A process is killed with SIGKILL at a random instant of its processor time or of real time, again and again: in first
syncs, in later ones and in those that take up what was left, with a look at the tables after each death. At each hour
of the marketplace one is let live to its end; then the tables must hold what one holds that was never killed.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from micore.services.log_replay import replay_log
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage import tables
from micore.storage.database import Database
from micore.storage.raw import RawLocation, RawStore
from micore.storage.transaction_log import TransactionLog
from tests.support.databases import migrate, postgresql_database, postgresql_template, sqlite_template
from tests.support.real_sync import OPTIONS, Content, content_of
from tests.support.victim import PHASES

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOURS = (0, 6, 24, 48)
"""Of the marketplace's clock, at which is synced."""
LEASE_RUNS_OUT = timedelta(seconds=301)
MOST_ATTEMPTS = 5
KILLS = 75
"""For each marketplace on each database."""
SOAK_KILLS = 2_500

SCOPES = (
    "SELECT p.stock_scope, k.external_id, p.external_id, s.available, s.present, s.reserved, s.inbound"
    " FROM stock s JOIN sku k ON k.id = s.sku_id JOIN place p ON p.id = s.place_id"
)
IMPOSSIBLE = {
    "versions of an order line are not 1, 2, 3 ...": "SELECT o.order_id, o.version, count(e.version) FROM order_line o"
    " LEFT JOIN demand_event e ON e.order_line_id = o.id GROUP BY o.id, o.order_id, o.version"
    " HAVING count(e.version) <> o.version OR max(e.version) <> o.version",
    "an interval of stock ends where none begins": "SELECT h.* FROM stock_history h WHERE NOT EXISTS"
    " (SELECT 1 FROM stock s WHERE s.sku_id = h.sku_id AND s.place_id = h.place_id AND s.valid_from = h.valid_until)"
    " AND NOT EXISTS (SELECT 1 FROM stock_history n WHERE n.sku_id = h.sku_id AND n.place_id = h.place_id"
    " AND n.valid_from = h.valid_until)",
    "a row waits in quarantine twice for one run": "SELECT run_id, stream, row_key, count(*) FROM quarantine"
    " WHERE stream IN ('orders', 'sales') GROUP BY run_id, stream, row_key HAVING count(*) > 1",
    "the dashboard's units are not those of the stock": "SELECT * FROM (SELECT"
    " (SELECT coalesce(sum(available), 0) FROM product_summary) AS shown,"
    " (SELECT coalesce(sum(available), 0) FROM stock) AS held) AS both_sums WHERE shown <> held",
    "two runs of one source are open": "SELECT source FROM run WHERE state IN ('queued', 'running')"
    " GROUP BY source HAVING count(*) > 1",
}
"""What no reader may ever find, whenever he looks."""


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    shop = Shop(seed=7, products=12, days=20, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(START, frozen=True), limits=False) as running:
        yield running


@dataclass
class Killing:
    """One installation, and the program that kills its syncs."""

    market: Running
    source: str
    url: str
    root: Path
    program: subprocess.Popen[str]
    deaths: int = 0
    deaths_of_run: int = 0
    syncs: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    pages_checked: int = 0
    whole_run: dict[str, float] = field(default_factory=dict)
    """How long one lasts that is not killed: in processor time, in real time, in commits."""

    def sync(self, **how: Any) -> dict[str, Any]:
        """One process. Raises AssertionError where it neither was killed nor came to its end."""
        assert self.program.stdin is not None and self.program.stdout is not None
        # The one before must be found dead: its lease has run out.
        now = self.market.clock.now() + self.syncs * LEASE_RUNS_OUT
        self.syncs += 1
        self.program.stdin.write(json.dumps({"now": now.isoformat(), **how}) + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        assert line, "the program that kills has ended itself"
        told: dict[str, Any] = json.loads(line)
        if told["killed"]:
            self.deaths += 1
            self.deaths_of_run += 1
            self.phases[told["phase"]] += 1
            return told
        given_up = told["code"] == 3 and self.deaths_of_run >= MOST_ATTEMPTS
        assert told["code"] == 0 or given_up, told
        self.deaths_of_run = 0
        self.whole_run = told["whole"]
        return told

    def sync_to_the_end(self) -> None:
        """A process that is let live, and another where the first finds a run that has to be given up."""
        while self.sync()["code"] != 0:
            pass

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Opened for a look only: with a connection held, SQLite would not have to recover anything."""
        opened = Database(self.url)
        try:
            yield opened
        finally:
            opened.close()

    def content(self) -> Content:
        with self.database() as database:
            return content_of(database)

    def scopes(self) -> dict[str, set[tuple[Any, ...]]]:
        """The stock that is shown, by what is published together."""
        with self.database() as database, database.read() as connection:
            found: dict[str, set[tuple[Any, ...]]] = {}
            for scope, *row in connection.execute(text(SCOPES)):
                found.setdefault(scope, set()).add(tuple(row))
            return found

    def check(self, before: dict[str, set[Any]], after: dict[str, set[Any]]) -> None:
        """What must hold at any moment, `before` and `after` being the stock of the hours around it."""
        with self.database() as database, database.read() as connection:
            if database.path is None:
                _wait_until_alone(connection)
            for what, query in IMPOSSIBLE.items():
                found = connection.execute(text(query)).all()
                assert found == [], f"{what}: {found[:3]}"
            self._check_raw(connection)
        for scope, rows in self.scopes().items():
            assert rows in (before.get(scope, set()), after.get(scope, set())), f"half of a reading of {scope} is shown"

    def _check_raw(self, connection: Any) -> None:
        page = tables.raw_page
        store = RawStore(self.root / "raw")
        for row in connection.execute(select(page).where(page.c.id > self.pages_checked).order_by(page.c.id)):
            body = store.read(RawLocation(row.segment, row.position, row.length))
            assert sha256(body).hexdigest() == row.sha256
            self.pages_checked = row.id


def _wait_until_alone(connection: Any) -> None:
    """The server notices after a moment that a client is dead, and may finish its last statement meanwhile."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    until = time.monotonic() + 30
    while connection.execute(others).scalar_one():
        assert time.monotonic() < until
        time.sleep(0.002)
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))


@contextmanager
def killing(market: Running, source: str, url: str, root: Path) -> Iterator[Killing]:
    """An installation on an empty database of the newest schema."""
    root.mkdir()
    address = {"ozon": market.ozon_url, "wildberries": market.wildberries_url}[source]
    command = [sys.executable, "-m", "tests.support.victim", source, address, url, str(root)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield Killing(market, source, url, root, program)
    finally:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.close()
        program.stdout.close()
        program.wait(30)


@contextmanager
def databases(kind: str, root: Path) -> Iterator[tuple[str, str]]:
    """Two empty ones."""
    with ExitStack() as stack:
        if kind == "postgresql":
            template = postgresql_template("empty", migrate)
            yield tuple(stack.enter_context(postgresql_database(template)) for _ in range(2))  # type: ignore[misc]
            return
        files = [root / "calm.db", root / "harried.db"]
        for file in files:
            shutil.copyfile(sqlite_template("empty", migrate), file)
        yield tuple(f"sqlite:///{file}" for file in files)  # type: ignore[misc]


def kill_often(market: Running, source: str, kind: str, root: Path, kills: int, seed: int) -> Counter[str]:
    """What the processes were doing when they were killed; `kills` of them."""
    chance = random.Random(f"{seed} {source} {kind}")
    with (
        databases(kind, root) as (calm_url, harried_url),
        killing(market, source, calm_url, root / "calm") as calm,
        killing(market, source, harried_url, root / "harried") as harried,
    ):
        before: dict[str, set[Any]] = {}
        for step, hour in enumerate(HOURS):
            market.clock.set(START + timedelta(hours=hour))
            calm.syncs = harried.syncs = 0
            calm.sync_to_the_end()
            after = calm.scopes()
            harried.whole_run = calm.whole_run
            while harried.deaths < kills * (step + 1) // len(HOURS):
                harried.sync(**_some_death(chance, harried.whole_run))
                harried.check(before, after)
            harried.sync_to_the_end()
            _assert_same(harried.content(), calm.content())
            before = after
        with harried.database() as database, database.read() as connection:
            assert database.dialect.integrity_problems(connection) == []
        _assert_same(_made_of_the_log(harried), calm.content())
        return harried.phases


def _made_of_the_log(harried: Killing) -> Content:
    """What there would be if the database were lost."""
    log = TransactionLog(harried.root / "log")
    assert log.verify().torn_bytes == 0
    again = Database(f"sqlite:///{harried.root / 'again.db'}")
    try:
        replay_log(again, log)
        return content_of(again)
    finally:
        again.close()


def _some_death(chance: random.Random, whole_run: dict[str, float]) -> dict[str, Any]:
    by = chance.choice(("cpu", "wall", "commit"))
    if by == "commit":
        return {"kill_at_commit": (chance.randint(1, int(whole_run[by])), chance.random() < 0.5)}
    return {"kill_by": by, "kill_after_seconds": chance.uniform(0, whole_run[by])}


def _assert_same(harried: Content, calm: Content) -> None:
    for name, rows in calm.items():
        lost, extra = Counter(rows) - Counter(harried[name]), Counter(harried[name]) - Counter(rows)
        assert not lost and not extra, f"{name}: lost {list(lost)[:3]}, not there before {list(extra)[:3]}"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("source", OPTIONS)
def test_killed_anywhere_nothing_is_lost_double_or_half(
    market: Running, source: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phases = kill_often(market, source, kind, tmp_path, KILLS, seed=7)
    with capsys.disabled():
        print(source, kind, phases)
    assert sum(phases.values()) >= KILLS
    # Kills that only hit the waiting for answers would show nothing.
    assert sum(phases[phase] for phase in PHASES[3:]) >= KILLS / 5, phases


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("source", OPTIONS)
def test_killed_ten_thousand_times_nothing_is_lost_double_or_half(
    market: Running, source: str, kind: str, tmp_path: Path
) -> None:
    rounds = range(SOAK_KILLS // KILLS + 1)
    phases: Counter[str] = Counter()
    for number in rounds:
        (tmp_path / str(number)).mkdir()
        phases += kill_often(market, source, kind, tmp_path / str(number), KILLS, seed=1000 + number)
    assert sum(phases.values()) >= SOAK_KILLS
