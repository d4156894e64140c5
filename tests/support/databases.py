"""Empty databases for tests: a PostgreSQL database of its own per test, made on the run's throw-away server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from filelock import FileLock
from psycopg import sql

from tests.support.servers import RUN_DIR_VARIABLE, Server, server

_numbers = itertools.count(1)


@contextmanager
def postgresql_database(template: str = "template0") -> Iterator[str]:
    """A database of its own, `postgresql://user@127.0.0.1:port/name`; dropped at the end whoever is still connected."""
    running = server("postgresql")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with _administration(running) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield _url(running, name)
    finally:
        with _administration(running) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def postgresql_template(name: str, build: Callable[[str], None]) -> str:
    """The name of a database that `build(url)` filled once in this test run; give it to `postgresql_database`.

    `build` must leave no connection open: PostgreSQL copies only databases that nobody uses.
    """
    running = server("postgresql")
    folder = Path(os.environ[RUN_DIR_VARIABLE])
    done = folder / f"template-{name}"
    template = f"template_{name}"
    with FileLock(folder / f"template-{name}.lock"):
        if not done.exists():
            with _administration(running) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(template)))
            build(_url(running, template))
            done.touch()
    return template


def sqlite_template(name: str, build: Callable[[str], None]) -> Path:
    """The SQLite file that `build(url)` filled once in this test run; copy it, never open it."""
    folder = Path(os.environ[RUN_DIR_VARIABLE])
    done, template = folder / f"sqlite-{name}", folder / f"sqlite-{name}.db"
    with FileLock(folder / f"sqlite-{name}.lock"):
        if not done.exists():
            build(f"sqlite:///{template}")
            done.touch()
    return template


def migrate(url: str) -> None:
    """Give an empty database the newest schema, and leave no connection behind."""
    from micore.storage import migrations
    from micore.storage.database import Database

    database = Database(url)
    try:
        migrations.upgrade(database)
    finally:
        database.close()


def _url(running: Server, name: str) -> str:
    return f"postgresql://{running.user}@127.0.0.1:{running.port}/{name}"


def _administration(running: Server) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(_url(running, "postgres"), autocommit=True)
