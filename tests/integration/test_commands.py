"""The commands that look after the database, the settings and the server, run as people run them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from micore.simulator import Clock, Shop, serve_in_thread
from micore.storage.database import Database
from tests.support import commands
from tests.support.real_sync import OPTIONS, installed


def environment(tmp_path: Path, **given: str) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(tmp_path), "MICORE_HOME": str(tmp_path / "home"), "COLUMNS": "200", **given}


def micore(tmp_path: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    return commands.run(tmp_path, words, environment(tmp_path, **given))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(tmp_path: Path, port: int, **given: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "micore", "serve", "--no-schedule", "--port", str(port)],
        cwd=tmp_path,
        env=environment(tmp_path, **given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in first, (first, process.stderr and process.stderr.read())
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def test_a_database_is_made_told_about_and_checked(tmp_path: Path, database_url: str) -> None:
    given = {"MICORE_DATABASE_URL": database_url}
    empty = micore(tmp_path, "db", "check", **given)
    assert (empty.returncode, "micore db migrate" in empty.stderr) == (1, True)
    assert "There is no database of micore" in empty.stderr
    assert "backup" not in empty.stderr
    assert "to 0" in micore(tmp_path, "db", "migrate", **given).stdout
    assert "Nothing to do" in micore(tmp_path, "db", "migrate", **given).stdout
    facts = json.loads(micore(tmp_path, "db", "info", "--json", **given).stdout)
    assert facts["revision"] == facts["head"]
    assert facts["rows"]["product_summary"] == 0
    assert "is well" in micore(tmp_path, "db", "check", **given).stdout
    assert "product_summary" in micore(tmp_path, "db", "info", **given).stdout


def test_settings_are_shown_without_secrets_and_checked(tmp_path: Path) -> None:
    given = {"OZON_API_KEY": "canary-key", "MICORE_DATABASE_URL": "postgresql://me:canary-word@h/db"}
    shown = micore(tmp_path, "config", "show", "--json", **given)
    assert json.loads(shown.stdout)["MICORE_PORT"] == "8083"
    assert "canary" not in shown.stdout + shown.stderr + micore(tmp_path, "config", "show", **given).stdout
    assert "MICORE_OZON_CLIENT_ID" in micore(tmp_path, "config", "check", **given).stdout
    wrong = micore(tmp_path, "config", "check", MICORE_PORT="high")
    assert (wrong.returncode, "MICORE_PORT" in wrong.stderr, wrong.stdout) == (1, True, "")


OZON = {"OZON_CLIENT_ID": "1", "OZON_API_KEY": "k"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (OZON, None),
        ({**OZON, "OZON_HISTORY_DAYS": "lots"}, "MICORE_OZON_HISTORY_DAYS: received 'lots'"),
        ({**OZON, "OZON_API_KEY": "ключ"}, "MICORE_OZON_API_KEY: received other than plain characters"),
        ({"WILDBERRIES_API_TOKEN": "k", "WILDBERRIES_HISTORY_DAYS": "0"}, "MICORE_WILDBERRIES_HISTORY_DAYS"),
        ({"MICORE_REDIS_URL": "redis://localhost/0?none=1"}, "MICORE_REDIS_URL"),
    ],
)
def test_settings_are_only_right_when_the_sources_take_them(
    tmp_path: Path, given: dict[str, str], says: str | None
) -> None:
    result = micore(tmp_path, "config", "check", **given)
    if says is None:
        assert (result.returncode, result.stderr) == (0, "")
        assert "ozon is configured" in result.stdout
    else:
        assert (result.returncode, result.stdout) == (1, "")
        assert says in result.stderr
        assert "Traceback" not in result.stderr


def test_what_is_passed_over_is_told_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MICORE_PORT=9001\nthis is garbage\n")
    result = micore(tmp_path, "config", "check", WB_TOKEN="k")
    assert result.returncode == 0
    assert result.stderr.count("line 2") == 1
    assert "WB_TOKEN is no setting and is passed over; did you mean MICORE_WILDBERRIES_API_TOKEN?" in result.stderr
    assert micore(tmp_path, "db", "migrate").stderr.count("line 2") == 1


def test_settings_can_be_read_on_a_narrow_terminal(tmp_path: Path) -> None:
    shown = micore(tmp_path, "config", "show", COLUMNS="80").stdout
    assert "\nMICORE_SYNC_SCHEDULE=*/30 * * * *\n    When `serve` syncs by itself" in shown


def test_a_misspelt_command_gets_the_nearest(tmp_path: Path) -> None:
    result = micore(tmp_path, "synk")
    assert (result.returncode, "Did you mean 'sync'?" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "given", "says"),
    [
        # A file in the way, and a place where not even root makes folders.
        (["serve", "--no-schedule"], {"MICORE_HOME": "a-file"}, "a-file/db"),
        (["serve", "--no-schedule"], {"MICORE_HOME": "/proc/micore"}, "/proc/micore/db"),
        (["sync"], {"MICORE_HOME": "a-file"}, "a-file/db"),
        (["sync", "runs"], {"MICORE_REDIS_URL": "foo"}, "MICORE_REDIS_URL"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    tmp_path: Path, words: list[str], given: dict[str, str], says: str
) -> None:
    (tmp_path / "a-file").touch()
    result = micore(tmp_path, *words, MICORE_PORT=str(free_port()), **given)
    assert (result.returncode, result.stderr.count("Error: ")) == (1, 1)
    assert says in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_cleanly_by_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with serving(tmp_path, port) as process:
        health = get(port, "/health")
        assert (health["status"], health["database"], health["cache"]) == ("ok", "connected", "connected")
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in errors) == (0, False)


def test_a_second_server_is_refused_with_the_reason(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port) as process:
        same_port = micore(tmp_path, "serve", "--port", str(port))
        assert (same_port.returncode, "taken by another program" in same_port.stderr) == (1, True)
        same_database = micore(tmp_path, "serve", "--port", str(free_port()))
        assert (same_database.returncode, f"process id {process.pid}" in same_database.stderr) == (1, True)
        assert get(port, "/readyz")["status"] == "ready"


def test_a_server_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    with serving(tmp_path, port, MICORE_DATABASE_URL=postgres_url):
        assert get(port, "/api/v1/dashboard")["generation"] == 0
        assert get(port, "/health")["status"] == "ok"
    assert not (tmp_path / "home" / "db").exists()


NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def spoiled(migrated_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of an installation whose orders came from a marketplace that told numbers as words."""
    shop = Shop(seed=7, products=30, days=25, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as market:
        market.simulator.faults.add("types@/posting/fbo")
        with installed(market, "ozon", migrated_url, tmp_path / "home", now=lambda: NOW) as made:
            assert made.sync().rows_rejected == 1
    ozon = OPTIONS["ozon"]
    return {
        "MICORE_DATABASE_URL": migrated_url,
        "MICORE_OZON_CLIENT_ID": ozon["client_id"],
        "MICORE_OZON_API_KEY": ozon["api_key"],
    }


def mended(given: dict[str, str], received: str) -> str:
    """A row of an order as it was before its numbers became words."""
    row = json.loads(received.replace('"н/д"', "1"))
    query = text("SELECT k.external_id FROM sku k JOIN listing l ON l.id = k.listing_id WHERE l.offer_id = :offer")
    database = Database(given["MICORE_DATABASE_URL"])
    with database.read() as connection:
        for product in row["products"]:
            sku = connection.execute(query, {"offer": product["offer_id"]}).scalars().first()
            product["sku"] = int(str(sku))
    database.close()
    return json.dumps(row, ensure_ascii=False)


class TestQuarantine:
    def test_rows_of_a_sync_are_seen_tried_mended_dropped_and_taken_back(
        self, tmp_path: Path, spoiled: dict[str, str]
    ) -> None:
        def told(*words: str, code: int = 0) -> str:
            ran = micore(tmp_path, "quarantine", *words, **spoiled)
            assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stdout + ran.stderr
            return ran.stdout + ran.stderr

        (row,) = json.loads(told("list", "--rows", "--stream", "orders", "--json"))["items"]
        number = str(row["id"])
        assert "your decision" in told("list")
        assert '"н/д"' in told("show", number)
        assert "still cannot be believed" in told("replay", number, code=2)
        assert "1 row dropped." in told("drop", number, "--reason", "a test order")
        assert "dropped: a test order" in told("show", number)
        assert "none of these rows waits" in told("drop", number, "--reason", "again")
        assert "None of these rows waits" in told("replay", number)
        assert "1 row waits again." in told("restore", number)
        assert "none of these rows is dropped" in told("restore", number)
        with serving(tmp_path, free_port(), **spoiled):
            assert "1 row dropped." in told("drop", number, "--reason", "a test order")
            assert "1 row waits again." in told("restore", number)
            assert "still cannot be believed" in told("replay", number, code=2)
        received = json.loads(told("show", number, "--json"))["received"]
        (tmp_path / "row.json").write_text(received)
        refused = told("fix", number, "row.json", code=1)
        assert "allowed: what its reader takes; " in refused
        assert ".." not in refused
        (tmp_path / "row.json").write_text(mended(spoiled, received))
        told("fix", number, "row.json")
        assert json.loads(told("show", number, "--json"))["row"]["state"] == "loaded"
        assert "There is no row in quarantine '999999'." in told("show", "999999", code=1)

    def test_names_that_nothing_has_are_refused(self, tmp_path: Path) -> None:
        told = micore(tmp_path, "quarantine", "list", "--source", "ozom")
        assert told.returncode != 0
        assert "--source: received 'ozom'; allowed: " in told.stderr + told.stdout
        assert "Nothing waits" not in told.stdout
        empty = micore(tmp_path, "quarantine", "list", "--source", "ozon", "--json")
        assert (empty.returncode, json.loads(empty.stdout)["groups_total"]) == (0, 0)

    def test_a_server_names_the_row_that_is_not_there(self, tmp_path: Path) -> None:
        (tmp_path / "row.json").write_text("{}")
        port = free_port()
        with serving(tmp_path, port):
            told = micore(tmp_path, "quarantine", "fix", "99", "row.json")
        assert told.returncode == 1
        assert "There is no row in quarantine '99'." in told.stderr + told.stdout
