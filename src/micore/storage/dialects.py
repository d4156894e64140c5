"""Every difference between SQLite and PostgreSQL, one class each; nothing else asks which database it is.

A dialect makes the engines, opens transactions the way its database wants them, and spells what the two spell
differently. It holds no connection and no state of the shop.
"""

from __future__ import annotations

import contextlib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from micore.errors import SettingsError, StorageError, StorageRefusedError
from micore.storage import postgresql_replays, swap
from micore.storage.durable import make_folder
from micore.telemetry import metrics

if TYPE_CHECKING:
    from micore.storage.copies import Copies
    from micore.storage.manifests import Manifest
    from micore.storage.restores import Restores

SQLITE_MINIMUM = (3, 51, 3)
POSTGRESQL_MINIMUM = 15
CONNECT_TIMEOUT_SECONDS = 5
BUSY_TIMEOUT_MS = 5000
OPEN_ATTEMPTS = 5
MIGRATION_WAIT_MS = 10 * 60 * 1000
"""Another starting process may be rebuilding a large table: whoever comes second waits for it."""


_NOTHING_LOST = "Nothing that was acknowledged is lost; it works again by itself as soon as that is mended."
_SQLITE_REFUSALS = {
    "database or disk is full": f"Make room on the disk of the database. {_NOTHING_LOST}",
    "disk I/O error": f"Look into the system's log for errors of the disk, and make room on it. {_NOTHING_LOST}",
    "unable to open database file": "Let this user open files beside the database, and more of them at once where the "
    f"system says that too many are open. {_NOTHING_LOST}",
    "attempt to write a readonly database": f"Let this user write to the database and its folder. {_NOTHING_LOST}",
}
_POSTGRESQL_REFUSALS = {
    "53": f"The server has no room, memory or connection left; its log says which. {_NOTHING_LOST}",
    "58": f"The server's disk fails; its log says how. {_NOTHING_LOST}",
}
"""By the class of the SQLSTATE."""


class Dialect(ABC):
    """What the rest of storage may ask a database for. Connections are SQLAlchemy Core connections."""

    name: ClassVar[str]
    """"sqlite" or "postgresql"."""
    one_writer: ClassVar[bool]
    """Whether only one transaction in the world can write at a time, so that writers queue in the process."""

    def __init__(self, url: URL) -> None:
        self.url = url

    @abstractmethod
    def reader_engine(self, connections: int) -> Engine:
        """Transactions that see one snapshot and cannot write."""

    @abstractmethod
    def writer_engine(self, connections: int) -> Engine:
        """Transactions that may write; on SQLite they take the write lock when they begin."""

    @abstractmethod
    def version(self, connection: Connection) -> str:
        """The library's or server's own version, "3.53.4"."""

    @abstractmethod
    def sizes_bytes(self, connection: Connection) -> dict[str, int]:
        """What the database takes on disk: `database`, and `wal` where there is a separate log."""

    @abstractmethod
    def insert(self, table: Table) -> Any:
        """The dialect's insert, which has `on_conflict_do_update` and `excluded`."""

    @abstractmethod
    def serialise(self, connection: Connection, name: str) -> None:
        """Hold everybody else off who serialises on this name, until this write transaction ends."""

    @abstractmethod
    def refusal(self, error: BaseException | None) -> str | None:
        """What to do about a driver's error by which the disk, or the system, refuses its service; None for others."""

    @abstractmethod
    def integrity_problems(self, connection: Connection, *, thorough: bool = False) -> list[str]:
        """What the database finds wrong with its own files; empty when nothing is. `thorough`: indexes, too."""

    @abstractmethod
    def restores(self, home: Path) -> Restores:
        """What restores backups into the database; `home` is the data root, for what is half done."""

    @abstractmethod
    def references_unchecked(self, connection: Connection) -> AbstractContextManager[None]:
        """For migrations, around their transaction: tables may be rebuilt, and `check_references` ends it."""

    @abstractmethod
    def check_references(self, connection: Connection) -> None:
        """Raise StorageError when rows refer to rows that do not exist; at the end of a migration's transaction."""

    @abstractmethod
    def copies(self) -> Copies:
        """What takes copies of the database for backups."""

    @abstractmethod
    def references_wait(self, connection: Connection) -> None:
        """Let references be checked at this transaction's end, not at each step."""

    @abstractmethod
    def end_replay(self, connection: Connection) -> None:
        """After rows were written with their numbers: let references be checked at each step again, and new rows get
        numbers behind those that were written."""

    def raw(self, connection: Connection) -> Any:
        """The driver's own connection, inside the same transaction: for bulk paths."""
        return connection.connection.driver_connection


class SqliteDialect(Dialect):
    """One file in WAL mode, fully synchronous: an acknowledged write survives a power cut."""

    name = "sqlite"
    one_writer = True

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        if not url.database or url.database == ":memory:":
            raise SettingsError(
                "MICORE_DATABASE_URL", received="SQLite without a file", allowed="sqlite:////absolute/path/micore.db"
            )
        self.path = Path(url.database)
        self._driver = _sqlite_driver()

    def reader_engine(self, connections: int) -> Engine:
        return self._engine(connections, begin="BEGIN", cache_kib=16 * 1024, pragmas=("query_only=ON",))

    def writer_engine(self, connections: int) -> Engine:
        del connections  # SQLite has one writer; a second connection would only wait for the first
        return self._engine(1, begin="BEGIN IMMEDIATE", cache_kib=64 * 1024, pragmas=())

    def version(self, connection: Connection) -> str:
        return str(connection.execute(text("SELECT sqlite_version()")).scalar_one())

    def sizes_bytes(self, connection: Connection) -> dict[str, int]:
        del connection
        wal = self.path.with_name(self.path.name + "-wal")
        return {"database": _size(self.path), "wal": _size(wal)}

    def insert(self, table: Table) -> Any:
        return sqlite.insert(table)

    def serialise(self, connection: Connection, name: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE holds off every other writer already."""

    def refusal(self, error: BaseException | None) -> str | None:
        told = str(error)
        return next((remedy for words, remedy in _SQLITE_REFUSALS.items() if words in told), None)

    @contextlib.contextmanager
    def references_unchecked(self, connection: Connection) -> Iterator[None]:
        # Rebuilding a table drops the old one, and with the check on that would look like deleting all its rows.
        # The setting changes nothing inside a transaction, hence around it.
        driver_connection = self.raw(connection)
        driver_connection.execute("PRAGMA foreign_keys=OFF")
        driver_connection.execute(f"PRAGMA busy_timeout={MIGRATION_WAIT_MS}")
        try:
            yield
        finally:
            driver_connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            driver_connection.execute("PRAGMA foreign_keys=ON")

    def check_references(self, connection: Connection) -> None:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise StorageError(
                f"{len(broken)} rows refer to rows that do not exist; the first is in {broken[0][0]}.",
                remedy="Nothing was changed. Report this with the version of micore.",
            )

    def references_wait(self, connection: Connection) -> None:
        """Nothing to do inside of `references_unchecked`."""

    def end_replay(self, connection: Connection) -> None:
        """References are looked at once; numbers follow the largest there is."""
        self.check_references(connection)

    def restores(self, home: Path) -> Restores:
        from micore.storage.sqlite_restores import SqliteRestores

        return SqliteRestores(self.path, home)

    def integrity_problems(self, connection: Connection, *, thorough: bool = False) -> list[str]:
        check = "integrity_check" if thorough else "quick_check"
        found = [str(row[0]) for row in connection.execute(text(f"PRAGMA {check}(20)"))]
        found += [f"foreign key of {row[0]}" for row in connection.execute(text("PRAGMA foreign_key_check"))]
        return [problem for problem in found if problem != "ok"]

    def copies(self) -> Copies:
        from micore.storage.sqlite_copies import SqliteCopies

        return SqliteCopies(self._driver, self.path)

    def _engine(self, connections: int, *, begin: str, cache_kib: int, pragmas: tuple[str, ...]) -> Engine:
        engine = create_engine(
            "sqlite://",
            module=self._driver,
            creator=self._opener(cache_kib, pragmas),
            poolclass=_queue_pool(),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=30,
        )

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # The driver's own BEGIN would come late (at the first write) and deferred.
            try:
                self.raw(connection).execute(begin)
            except self._driver.OperationalError as error:
                remedy = self.refusal(error)
                if remedy is not None:
                    raise StorageRefusedError(self.path.as_posix(), str(error), remedy) from error
                metrics.DB_BUSY.inc()
                raise StorageError(
                    f"The database file {self.path} is busy: {error}.",
                    remedy="Try again. If it stays so, another program holds the file; `micore db check` tells more.",
                ) from error

        return engine

    def _opener(self, cache_kib: int, pragmas: tuple[str, ...]) -> Callable[[], Any]:
        def connect() -> Any:
            for _ in range(OPEN_ATTEMPTS):
                swap.settle(self.path)
                before = _inode(self.path)
                try:
                    connection = opened()
                except StorageError:
                    if not exchanged(before):
                        raise
                    continue
                if before is not None and not exchanged(before):
                    return connection
                # We have made the file, or a restore has moved it away while we opened it: look again which it is.
                connection.close()
            raise StorageError(
                f"The database file {self.path} is exchanged again and again.",
                remedy="Look which program does that, then try again.",
            )

        def exchanged(inode: int | None) -> bool:
            return swap.marker_of(self.path).exists() or inode not in (None, _inode(self.path))

        def opened() -> Any:
            try:
                make_folder(self.path.parent)
                connection = self._driver.connect(
                    str(self.path), timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
                )
                for pragma in (
                    f"busy_timeout={BUSY_TIMEOUT_MS}",
                    "journal_mode=WAL",
                    # NORMAL would lose acknowledged commits at a power cut.
                    "synchronous=FULL",
                    "foreign_keys=ON",
                    # A stray write through a mapped page could reach the file; reads gain little from it.
                    "mmap_size=0",
                    "temp_store=MEMORY",
                    f"cache_size=-{cache_kib}",
                    "wal_autocheckpoint=4000",
                    f"journal_size_limit={64 * 1024 * 1024}",
                    *pragmas,
                ):
                    connection.execute(f"PRAGMA {pragma}")
            except (self._driver.Error, OSError) as error:
                raise StorageError(
                    f"The database file {self.path} cannot be opened: {error}.",
                    remedy="Check that the folder exists, is writable and holds a micore database, "
                    "or set MICORE_DATABASE_URL to another file.",
                ) from error
            return connection

        return connect


class PostgresqlDialect(Dialect):
    """A server of version 15 or newer, by psycopg 3."""

    name = "postgresql"
    one_writer = False

    def reader_engine(self, connections: int) -> Engine:
        # REPEATABLE READ: all statements of one answer see one snapshot, as in SQLite.
        return self._engine(
            connections,
            isolation="REPEATABLE READ",
            options={"default_transaction_read_only": "on", "statement_timeout": "30s", "lock_timeout": "10s"},
        )

    def writer_engine(self, connections: int) -> Engine:
        return self._engine(
            connections, isolation="READ COMMITTED", options={"statement_timeout": "15min", "lock_timeout": "30s"}
        )

    def version(self, connection: Connection) -> str:
        return str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]

    def sizes_bytes(self, connection: Connection) -> dict[str, int]:
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return {"database": int(size)}

    def insert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def serialise(self, connection: Connection, name: str) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"micore {name}"})

    def refusal(self, error: BaseException | None) -> str | None:
        state = str(getattr(error, "sqlstate", None) or "")
        return _POSTGRESQL_REFUSALS.get(state[:2])

    def references_unchecked(self, connection: Connection) -> AbstractContextManager[None]:
        del connection
        return contextlib.nullcontext()

    def check_references(self, connection: Connection) -> None:
        """Nothing to do: the server checks at each step, and alters tables in place."""

    def references_wait(self, connection: Connection) -> None:
        postgresql_replays.let_references_wait(connection)

    def end_replay(self, connection: Connection) -> None:
        postgresql_replays.end(connection)

    def restores(self, home: Path) -> Restores:
        from micore.storage.postgresql_restores import PostgresqlRestores

        return PostgresqlRestores(self.url, home)

    def integrity_problems(self, connection: Connection, *, thorough: bool = False) -> list[str]:
        """Invalid indexes; a server checks its pages itself when it was set up with checksums."""
        del thorough
        statement = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        return [f"index {row[0]} is invalid" for row in connection.execute(statement)]

    def copies(self) -> Copies:
        from micore.storage.postgresql_copies import PostgresqlCopies

        return PostgresqlCopies(self.url)

    def _engine(self, connections: int, *, isolation: str, options: dict[str, str]) -> Engine:
        spelled = " ".join(f"-c {name}={value}" for name, value in {"timezone": "UTC", **options}.items())
        engine = create_engine(
            self.url.set(drivername="postgresql+psycopg"),
            isolation_level=isolation,
            connect_args={
                "options": spelled,
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "micore",
            },
            pool_size=connections,
            max_overflow=0,
            pool_timeout=30,
            pool_pre_ping=True,
            pool_use_lifo=True,
        )

        @event.listens_for(engine, "connect")
        def _check(driver_connection: Any, _record: object) -> None:
            version = driver_connection.info.server_version
            if version < POSTGRESQL_MINIMUM * 10_000:
                raise StorageError(
                    f"PostgreSQL {version // 10_000} answers at {self.url.host}; "
                    f"micore needs {POSTGRESQL_MINIMUM} or newer.",
                    remedy="Upgrade the server, or leave MICORE_DATABASE_URL out to use SQLite.",
                )

        return engine


def dialect_for(url: str) -> Dialect:
    """The dialect of a database URL; raises SettingsError for any other form."""
    allowed = "sqlite:////absolute/path/micore.db or postgresql://user:password@host:5432/database"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("MICORE_DATABASE_URL", received="a text that is no URL", allowed=allowed) from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        return SqliteDialect(parsed)
    if backend in {"postgresql", "postgres"}:
        return PostgresqlDialect(parsed.set(drivername="postgresql"))
    raise SettingsError("MICORE_DATABASE_URL", received=f"a {backend!r} database", allowed=allowed)


def copy_problems(path: Path, manifest: Manifest) -> list[str]:
    """What is wrong with an unpacked copy of the kind of database that its manifest names; empty when nothing is.

    Raises StorageError where a program that is needed to read it is not installed.
    """
    if manifest.database == SqliteDialect.name:
        from micore.storage import sqlite_copies

        return sqlite_copies.problems(_sqlite_driver(), path, manifest)
    from micore.storage import postgresql_copies

    return postgresql_copies.problems(path, manifest)


def check_sqlite_version(version: tuple[int, ...]) -> None:
    """Refuse libraries before 3.51.3: two connections that checkpoint at once can damage the file there."""
    if version < SQLITE_MINIMUM:
        raise StorageError(
            f"The SQLite library is {'.'.join(map(str, version))}; micore needs "
            f"{'.'.join(map(str, SQLITE_MINIMUM))} or newer, because older ones can corrupt a database in WAL mode.",
            remedy="Install the pysqlite3 package into micore's environment, or use PostgreSQL by MICORE_DATABASE_URL.",
        )


def _sqlite_driver() -> Any:
    """pysqlite3 where it is installed, else the module Python carries; raises StorageError when that is too old."""
    try:
        driver = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        driver = importlib.import_module("sqlite3.dbapi2")
    check_sqlite_version(tuple(driver.sqlite_version_info))
    # The driver looks long for a way to bind these types (2 us a value) unless it is told one (0.2 us).
    driver.register_adapter(type(None), lambda nothing: nothing)
    driver.register_adapter(bool, int)
    driver.register_adapter(bytes, lambda same: same)
    return driver


def _queue_pool() -> Any:
    from sqlalchemy.pool import QueuePool

    return QueuePool


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
