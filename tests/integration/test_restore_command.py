"""`micore restore` as people type it, on both databases; and what `micore serve` does afterwards."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
from dotenv import dotenv_values
from sqlalchemy import text

from micore.storage import migrations
from micore.storage.database import Database
from micore.storage.events import append_event
from micore.storage.recovery_key import RecoveryKey
from tests.support import commands
from tests.support.backing_up import number


def environment(tmp_path: Path, url: str) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "MICORE_HOME": str(tmp_path / "home"),
        "MICORE_DATABASE_URL": url,
        "COLUMNS": "200",
    }


def micore(tmp_path: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.run(tmp_path, words, environment(tmp_path, url))


def typed(tmp_path: Path, url: str, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """With somebody who types."""
    return subprocess.run(
        [sys.executable, "-m", "micore", *words],
        cwd=tmp_path,
        env=environment(tmp_path, url),
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


LATER = 4_000_000_000_000_000
"""In microseconds: after any backup of today."""


def write(database: Database, count: int, at: int) -> None:
    """Acknowledged writes, each with its event."""
    for each in range(count):
        with database.write() as connection:
            append_event(connection, at=at, kind="test", actor="test", subject=str(each), payload={})
    database.close()


def written(database: Database) -> int:
    """How many there are."""
    with database.read() as connection:
        found = int(connection.execute(text("SELECT count(*) FROM event WHERE kind = 'test'")).scalar_one())
    database.close()
    return found


def test_a_backup_is_inspected_restored_and_taken_back(tmp_path: Path, migrated_url: str) -> None:
    database = Database(migrated_url)
    write(database, 5, at=1)
    made = json.loads(micore(tmp_path, migrated_url, "backup", "create", "--json").stdout)
    write(database, 3, at=LATER)

    shown = micore(tmp_path, migrated_url, "restore", "inspect", "latest")
    assert shown.returncode == 0, shown.stderr
    assert made["id"] in shown.stdout
    assert "Would be lost: 3 writes" in shown.stdout
    rows = next(line.split() for line in shown.stdout.splitlines() if line.startswith("event "))
    assert rows == ["event", "5", "8"]

    unasked = micore(tmp_path, migrated_url, "restore", "run", made["id"])
    assert (unasked.returncode, "Nothing has changed." in unasked.stdout) == (1, True)
    wrong = typed(tmp_path, migrated_url, "yes\n", "restore", "run", made["file"])
    assert (wrong.returncode, "Nothing has changed." in wrong.stdout) == (1, True)
    assert written(database) == 8

    done = typed(tmp_path, migrated_url, f"{made['id']}\n", "restore", "run", made["file"])
    assert done.returncode == 0, done.stderr
    assert "micore restore undo" in done.stdout
    assert written(database) == 5
    listed = json.loads(micore(tmp_path, migrated_url, "restore", "list", "--json").stdout)
    assert [each["id"] for each in listed["backups"]] == [made["id"]]
    assert len(listed["kept"]) == 1
    assert (listed["last"]["id"], listed["last"]["settled"], listed["last"]["integrity"]) == (
        made["id"],
        True,
        "pending",
    )

    back = micore(tmp_path, migrated_url, "restore", "undo", "--yes")
    assert back.returncode == 0, back.stderr
    assert written(database) == 8
    assert "Moved aside by restores" in micore(tmp_path, migrated_url, "restore", "list").stdout
    assert typed(tmp_path, migrated_url, "undo\n", "restore", "undo").returncode == 0
    assert written(database) == 5


def test_what_cannot_be_restored_is_said_in_one_line(tmp_path: Path, migrated_sqlite_url: str) -> None:
    (tmp_path / "some.tar").write_bytes(b"no archive at all")
    said = micore(tmp_path, migrated_sqlite_url, "restore", "run", "some.tar", "--yes")
    assert said.returncode == 1
    assert "no recovery key" in said.stderr
    micore(tmp_path, migrated_sqlite_url, "backup", "key")
    said = micore(tmp_path, migrated_sqlite_url, "restore", "run", "some.tar", "--yes")
    assert said.returncode == 1
    assert "is not a whole backup of micore" in said.stderr
    assert "Traceback" not in said.stderr
    said = micore(tmp_path, migrated_sqlite_url, "restore", "run", "1234abcd", "--yes")
    assert "restore list" in said.stderr


def test_serve_checks_the_whole_database_afterwards(tmp_path: Path, migrated_sqlite_url: str) -> None:
    database = Database(migrated_sqlite_url)
    number(database, 5)
    database.close()
    made = json.loads(micore(tmp_path, migrated_sqlite_url, "backup", "create", "--json").stdout)
    assert micore(tmp_path, migrated_sqlite_url, "restore", "run", made["file"], "--yes").returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "micore", "serve", "--port", str(port), "--no-schedule"],
        cwd=tmp_path,
        env=environment(tmp_path, migrated_sqlite_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if "restore.checked" in line:
                    break
            health = httpx2.get(f"http://127.0.0.1:{port}/health", timeout=30).json()
            measured = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        finally:
            server.terminate()
    assert health["restored"] == "ok"
    assert "inv_restore_last_success_timestamp_seconds 1." in measured


class TestBootstrap:
    def backup(self, tmp_path: Path, url: str) -> Path:
        """A backup with everything, of a shop on another machine; its key lies beside it."""
        database = Database(url)
        write(database, 4, at=1)
        first = tmp_path / "first"
        given = environment(first, url) | {
            "MICORE_CURRENCY": "EUR",
            "MICORE_SHOP_NAME": "Anna's shop #1",
            "MICORE_OZON_CLIENT_ID": "1234",
            "MICORE_OZON_API_KEY": "it's a #secret",
        }
        first.mkdir()
        made = commands.run(first, ("backup", "create", "--with-secrets", "--json"), given)
        assert made.returncode == 0, made.stderr
        return Path(json.loads(made.stdout)["file"])

    def bootstrap(self, folder: Path, file: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
        folder.mkdir(exist_ok=True)
        key = str(file.parents[1] / "recovery.key")
        command = ("restore", "bootstrap", str(file), "--recovery-key-file", key, *words)
        clean = {"PATH": os.defpath, "HOME": str(folder), "COLUMNS": "200"}
        return commands.run(folder, command, clean | given)

    def test_sealed_keys_come_back_and_places_of_the_old_machine_do_not(
        self, tmp_path: Path, migrated_sqlite_url: str
    ) -> None:
        file, new = self.backup(tmp_path, migrated_sqlite_url), tmp_path / "new"
        said = self.bootstrap(new, file)
        assert said.returncode == 0, said.stderr
        assert "Not in the backup" not in said.stdout
        written = dotenv_values(new / ".env")
        assert written == {
            "MICORE_CURRENCY": "EUR",
            "MICORE_SHOP_NAME": "Anna's shop #1",
            "MICORE_OZON_CLIENT_ID": "1234",
            "MICORE_OZON_API_KEY": "it's a #secret",
        }
        assert (new / ".env").stat().st_mode & 0o777 == 0o600
        assert "it's a #secret" not in said.stdout + said.stderr
        assert written_in(new) == 4
        assert (new / "storage" / "recovery.key").read_text() == (file.parents[1] / "recovery.key").read_text()

    def test_what_is_there_is_not_overwritten(self, tmp_path: Path, migrated_sqlite_url: str) -> None:
        file, new = self.backup(tmp_path, migrated_sqlite_url), tmp_path / "new"
        new.mkdir()
        (new / ".env").write_text("MICORE_CURRENCY=USD\n")
        assert self.bootstrap(new, file).returncode == 0
        assert (new / ".env").read_text() == "MICORE_CURRENCY=USD\n"
        other = tmp_path / "other"
        other.mkdir()
        shop = Database(f"sqlite:///{other / 'storage' / 'db' / 'micore.db'}")
        migrations.upgrade(shop)
        write(shop, 2, at=1)
        said = self.bootstrap(other, file)
        assert (said.returncode, "There is a shop" in said.stderr) == (1, True)
        assert written_in(other) == 2
        keyed = tmp_path / "keyed"
        (keyed / "storage").mkdir(parents=True)
        (keyed / "storage" / "recovery.key").write_text(RecoveryKey(b"x" * 32).text)
        said = self.bootstrap(keyed, file)
        assert (said.returncode, "another installation" in said.stderr) == (1, True)
        assert not (keyed / "storage" / "db").exists()


def written_in(folder: Path) -> int:
    """How many writes the shop of an empty machine holds."""
    return written(Database(f"sqlite:///{folder / 'storage' / 'db' / 'micore.db'}"))
