"""What every test starts from: a clean environment, one way to a database, deterministic property tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Before any import of micore: the developer's own settings must not reach a test.
FOREIGN_PREFIXES = ("MICORE_", "PG", "REDIS_", "BACKUP_", "OZON_", "WB_", "WILDBERRIES_", "DATABASE_URL")
for _name in [name for name in os.environ if name.startswith(FOREIGN_PREFIXES)]:
    del os.environ[_name]

from tests.support.scratch import memory_folder  # noqa: E402

if "TMPDIR" not in os.environ and (_folder := memory_folder()) is not None:
    # Before anything asks where temporary files go; the workers and the servers inherit it.
    os.environ["TMPDIR"] = tempfile.tempdir = str(_folder)

from tests.support.databases import (  # noqa: E402
    migrate,
    postgresql_database,
    postgresql_template,
    sqlite_template,
)
from tests.support.servers import TestRun, server  # noqa: E402

# Deterministic everywhere: a run that fails here fails again there. `--hypothesis-profile=search` looks for new cases.
hypothesis.settings.register_profile(
    "default", derandomize=True, database=None, deadline=None, max_examples=60, print_blob=True
)
hypothesis.settings.register_profile("search", deadline=timedelta(seconds=5), max_examples=1000, print_blob=True)
hypothesis.settings.load_profile("default")

# What is logged of an error: without the values of every frame, which take rich seconds to draw.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

_run_key = pytest.StashKey[TestRun]()


class OneBrowser(LoadScopeScheduling):  # type: ignore[misc]
    """Journeys go to one worker, since they share a browser and a shop; every other test goes where there is room.

    Not by xdist's own groups: they change an attribute that pytest no longer reads, and nothing is grouped.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/e2e/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    return OneBrowser(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_run_key] = TestRun()


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(_run_key, None)
    if run is not None:
        run.close()


@pytest.fixture(autouse=True)
def _away_from_the_checkout(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory decides which `.env` and which data root are read: the developer's must not be."""
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    with postgresql_database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database file of this test's own, not made yet."""
    return f"sqlite:///{tmp_path / 'micore.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path) -> str:
    """An SQLite database with the newest schema and no rows: a copy of one that was migrated once in this run."""
    path = tmp_path / "micore.db"
    shutil.copyfile(sqlite_template("migrated", migrate), path)
    return f"sqlite:///{path}"


@pytest.fixture
def migrated_postgres_url() -> Iterator[str]:
    """A PostgreSQL database with the newest schema and no rows: a copy of one that was migrated once in this run."""
    with postgresql_database(postgresql_template("migrated", migrate)) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A database with the newest schema and no rows, once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "migrated_sqlite_url", "postgresql": "migrated_postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def redis_url(worker_id: str) -> str:
    """An empty Redis database; each xdist worker has its own number (publish/subscribe reaches all of them)."""
    import redis

    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    url = f"redis://127.0.0.1:{server('redis').port}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
