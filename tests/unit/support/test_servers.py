"""The throw-away servers: fresh for each test, shared by all, gone with the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from micore.storage import migrations
from micore.storage.database import Database
from tests.support import programs
from tests.support.databases import postgresql_database, postgresql_template
from tests.support.servers import REPOSITORY

HOLD_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as alive:
    fcntl.lockf(alive, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_database_is_empty_and_gone_afterwards() -> None:
    with postgresql_database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE leftover (n int)")
        with postgresql_database() as other, psycopg.connect(other) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_template_is_built_once_and_copied() -> None:
    built = []

    def build(url: str) -> None:
        built.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE seed AS SELECT 7 AS n")

    for _ in range(2):
        name = postgresql_template(f"unit_{os.getpid()}", build)
        with postgresql_database(name) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT n FROM seed").fetchone() == (7,)
    assert len(built) == 1


def test_database_url_is_one_of_both(database_url: str) -> None:
    assert database_url.startswith(("sqlite:////", "postgresql://micore@127.0.0.1:"))


def test_migrated_copies_have_the_schema_and_are_apart(migrated_url: str) -> None:
    database = Database(migrated_url)
    try:
        with database.read() as connection:
            assert migrations.current(connection) == migrations.head()
    finally:
        database.close()


@pytest.mark.parametrize("attempt", [1, 2])
def test_redis_is_empty_for_each_test(redis_url: str, attempt: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("attempt", attempt)


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_server_ends_when_its_run_is_killed(kind: str, tmp_path: Path) -> None:
    """The one that holds the lock dies without a word; the keeper must notice and leave nothing behind."""
    alive = tmp_path / "alive"
    alive.touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(alive)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.keeper", kind, str(alive)],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": "/tmp"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with keeper:
            assert keeper.stdout is not None
            assert json.loads(keeper.stdout.readline())["port"] > 0
            holder.kill()
            assert keeper.wait(timeout=30) == 0


def test_missing_program_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        programs.ProgramMissingError, match=r"Chromium \(or Chrome\) is not on this machine: run scripts/test-needs"
    ):
        programs.browser()
