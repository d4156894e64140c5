"""`micore sync` as a user meets it: another database by one setting, power pulled, a wrong key, a marketplace away."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage.database import Database
from tests.support import commands

PRODUCTS, DAYS = 60, 40


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    """A shop whose clock stands still: every reading of it says the same."""
    shop = Shop(seed=7, products=PRODUCTS, days=DAYS, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(datetime(2026, 11, 20, 9, tzinfo=UTC), frozen=True), limits=False) as running:
        yield running


@dataclass
class Installation:
    """One data root and its environment."""

    home: Path
    base_url: str
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MICORE_HOME": str(self.home),
            "MICORE_OZON_CLIENT_ID": "1000001",
            "MICORE_OZON_API_KEY": "a-key-that-must-stay-secret",
            "MICORE_OZON_BASE_URL": self.base_url,
            "MICORE_OZON_HISTORY_DAYS": str(DAYS),
            **self.settings,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "micore", *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Its exit code and all that it said. Forked from what has loaded everything; `start` begins from nothing."""
        done = commands.run(self.home, arguments, self.environment)
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def database(self) -> Iterator[Database]:
        url = self.settings.get("MICORE_DATABASE_URL", f"sqlite:///{self.home}/db/micore.db")
        opened = Database(url)
        try:
            yield opened
        finally:
            opened.close()

    def content(self) -> dict[str, list[tuple[object, ...]]]:
        """What the shop's facts are, without ids and instants of ours."""
        queries = {
            "stock": "SELECT k.external_id, p.external_id, s.available, s.reserved, s.inbound FROM stock s"
            " JOIN sku k ON k.id = s.sku_id JOIN place p ON p.id = s.place_id",
            "orders": "SELECT o.order_id, k.external_id, o.state, o.quantity, o.price, o.version FROM order_line o"
            " JOIN sku k ON k.id = o.sku_id",
            "versions": "SELECT o.order_id, k.external_id, e.version, e.state FROM demand_event e"
            " JOIN order_line o ON o.id = e.order_line_id JOIN sku k ON k.id = o.sku_id",
            "sales": "SELECT external_id, amount, sold_day FROM sale",
            "summary": "SELECT code, name, status, available, sold_30d, revenue_30d, cover_tenths FROM product_summary",
            "cards": "SELECT external_id, name, price FROM listing",
        }
        with self.database() as database, database.read() as connection:
            return {
                name: sorted((tuple(row) for row in connection.execute(text(query))), key=repr)
                for name, query in queries.items()
            }

    def problems(self) -> list[str]:
        with self.database() as database, database.read() as connection:
            return database.dialect.integrity_problems(connection)


@pytest.fixture
def installation(tmp_path: Path, market: Running) -> Installation:
    return Installation(tmp_path, market.ozon_url)


def test_postgresql_by_one_setting_holds_the_same(tmp_path: Path, market: Running, postgres_url: str) -> None:
    contents = []
    for name, settings in (("sqlite", {}), ("postgresql", {"MICORE_DATABASE_URL": postgres_url})):
        home = tmp_path / name
        home.mkdir()
        made = Installation(home, market.ozon_url, settings)
        code, said = made.run("sync")
        assert code == 0, said
        contents.append(made.content())
    assert contents[0]["orders"]
    assert contents[0] == contents[1]


def test_the_documents_names_select_postgresql(tmp_path: Path, market: Running, migrated_postgres_url: str) -> None:
    host, _, name = migrated_postgres_url.removeprefix("postgresql://").partition("@")[2].partition("/")
    user = migrated_postgres_url.removeprefix("postgresql://").partition("@")[0]
    address, _, port = host.partition(":")
    settings = {"PG_HOST": address, "PG_PORT": port, "PG_NAME": name, "PG_USER": user}
    code, said = Installation(tmp_path, market.ozon_url, settings).run("sync", "--stream", "warehouses")
    assert code == 0, said
    assert not (tmp_path / "db").exists()


def test_killed_anywhere_and_resumed_it_holds_what_an_undisturbed_one_holds(tmp_path: Path, market: Running) -> None:
    calm, harried = (
        Installation(tmp_path / "calm", market.ozon_url),
        Installation(tmp_path / "harried", market.ozon_url),
    )
    for each in (calm, harried):
        each.home.mkdir()
    started = time.monotonic()
    undisturbed = calm.start("sync")
    said, _ = undisturbed.communicate(timeout=240)
    assert undisturbed.returncode == 0, said
    patience_seconds = time.monotonic() - started
    chance = random.Random(7)
    kills = 0
    while kills < 5:
        process = harried.start("sync")
        try:
            process.wait(chance.uniform(0.3, 1.0) * patience_seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        else:
            # It came through: what is left takes less than the whole did, or the machine is less busy now.
            patience_seconds *= 0.7
        process.communicate()
    code, said = harried.run("sync", "--full")
    assert code == 0, said
    assert harried.content() == calm.content()
    assert harried.problems() == []


def test_ctrl_c_stops_after_the_step_and_the_next_sync_goes_on(installation: Installation) -> None:
    process = installation.start("sync")
    database_file = installation.home / "db" / "micore.db"
    deadline = time.monotonic() + 120
    while not (database_file.exists() and _has_orders(installation)) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "goes on from there" in said
    code, said = installation.run("sync", "runs")
    assert "waits to go on" in said
    code, said = installation.run("sync")
    assert code == 0, said
    assert "waits" not in installation.run("sync", "runs")[1]
    code, said = installation.run("sync", "stop", "1")
    assert (code, "Run 1 has ended already (done)" in said) == (1, True)


def test_a_run_whose_program_was_killed_waits_to_go_on(installation: Installation) -> None:
    installation.run("db", "migrate")
    with installation.database() as database, database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at, started_at, lease_until)"
                " VALUES ('sync', 'ozon', 'running', 'command', '{}', 1, 1, 4000000000000000)"
            )
        )
    assert "waits to go on" in installation.run("sync", "runs")[1]
    said = installation.run("sync", "runs", "--json")[1]
    assert [run["state"] for run in json.loads(said)["items"]] == ["running"]


def _has_orders(installation: Installation) -> bool:
    with installation.database() as database, database.read() as connection:
        found = connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'order_line'")).scalar_one()
        return bool(found) and connection.execute(text("SELECT count(*) FROM order_line")).scalar_one() > 0


def test_a_wrong_key_says_so_and_what_to_do(installation: Installation) -> None:
    installation.settings["MICORE_OZON_API_KEY"] = "invalid"
    code, said = installation.run("sync")
    assert code == 1
    assert "Invalid Api-Key" in said
    assert "Make a new key" in said.replace("\n", " ")


def test_no_key_names_the_settings_to_set(installation: Installation) -> None:
    installation.settings.update({"MICORE_OZON_CLIENT_ID": "", "MICORE_OZON_API_KEY": ""})
    code, said = installation.run("sync")
    assert code == 1
    assert "Ozon: MICORE_OZON_CLIENT_ID and MICORE_OZON_API_KEY are not set" in said
    for told in ("cp .env.example .env", "MICORE_WILDBERRIES_API_TOKEN", "seller cabinet", "micore config check"):
        assert told in said


def test_a_marketplace_that_is_down_leaves_the_stock_and_ends_in_time(installation: Installation) -> None:
    code, said = installation.run("sync", "--stream", "catalogue", "--stream", "stock")
    assert code == 0, said
    before = installation.content()["stock"]
    with socket.socket() as nobody:
        # Bound but not listening: every connection is refused, and nobody else can take the port.
        nobody.bind(("127.0.0.1", 0))
        installation.base_url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        started = time.monotonic()
        code, said = installation.run("sync")
    assert code == 1
    assert "could not be read" in said
    assert time.monotonic() - started < 120
    assert installation.content()["stock"] == before


def test_no_secret_is_printed_logged_or_stored(installation: Installation) -> None:
    code, said = installation.run("sync", "--stream", "warehouses", "--stream", "catalogue")
    assert code == 0, said
    secret = "a-key-that-must-stay-secret"
    assert secret not in said
    code, said = installation.run("config", "show")
    assert secret not in said
    for path in installation.home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
