"""Throw-away databases for the benchmarks, with the durability that an installation has."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg

from benchmarks.measure import CpuClock, children
from micore.storage.database import Database
from micore.storage.migrations import upgrade
from tests.support.keeper import Postgresql

_numbers = itertools.count(1)


class DurablePostgresql(Postgresql):
    """As the tests' server, but durable: fsync, full pages and synchronous commits as PostgreSQL's own defaults are."""

    settings: ClassVar[tuple[str, ...]] = (
        "unix_socket_directories=",
        "listen_addresses=127.0.0.1",
        "shared_buffers=512MB",
        "max_wal_size=4GB",
        "timezone=UTC",
        "log_min_messages=warning",
        "jit=off",
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @property
    def pid(self) -> int:
        """The postmaster."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def backends(self) -> list[int]:
        """Processes that serve a client: not the checkpointer, nor autovacuum."""
        return [pid for pid in children(self.pid) if _title(pid).startswith(f"postgres: {self.user} ")]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a benchmark keeps databases of one kind."""

    kind: str
    """ "SQLite" or "PostgreSQL"."""
    folder: Path
    """Files of the benchmark; the database server may read them."""
    new_url: Callable[[], str]
    """The URL of an empty database that nobody has used yet."""
    clock: CpuClock
    """This process and, with a server, its backends."""

    @contextmanager
    def database(self) -> Iterator[Database]:
        """An empty, migrated database."""
        database = Database(self.new_url())
        upgrade(database)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def sqlite_home() -> Iterator[Home]:
    """Databases that are files."""
    with tempfile.TemporaryDirectory(prefix="micore-bench-") as name:
        folder = Path(name)
        yield Home("SQLite", folder, lambda: f"sqlite:///{folder}/{next(_numbers)}.db", CpuClock())


@contextmanager
def postgresql_home() -> Iterator[Home]:
    """Databases on a server of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="micore-bench-")))
        server = DurablePostgresql(folder)
        # What initdb and pg_ctl have to say would stand between the figures.
        log = stack.enter_context((folder / "server-programs.log").open("w"))
        stack.enter_context(redirect_stderr(log))
        port = server.start()
        address = f"postgresql://{server.user}@127.0.0.1:{port}"

        def new_url() -> str:
            database = f"bench_{next(_numbers)}"
            with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {database}".encode())
            return f"{address}/{database}"

        try:
            yield Home("PostgreSQL", folder, new_url, CpuClock(server.backends))
        finally:
            server.stop()


HOMES = (sqlite_home, postgresql_home)


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""
