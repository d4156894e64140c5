"""The way to the database: transactions for reading and writing, timed; and the lock of SQLite's one writing process.

One transaction per use case, committed at the edge: `with database.write() as connection` commits when the block
ends and rolls back when it raises. Stores take the connection and never commit.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from micore.errors import ConflictError, StorageError, StorageRefusedError
from micore.storage import noting, swap
from micore.storage.dialects import Dialect, SqliteDialect, dialect_for
from micore.storage.durable import make_folder
from micore.storage.events import take_said
from micore.storage.journal import Journal, PlainJournal
from micore.telemetry import metrics

__all__ = ["Connection", "Database", "WriterInfo", "WriterLock"]
# `Connection` is what services hand from store to store without knowing SQL.

SLOW_STATEMENT_SECONDS = 0.5
READER_CONNECTIONS = 6
WRITER_CONNECTIONS = 4

log = structlog.get_logger(__name__)


class Database:
    """One database, by URL. Thread-safe; connects when it is first used.

    Raises SettingsError for a URL of another kind, StorageError for an SQLite library that is too old and, at the
    first transaction, for a server that is too old, does not answer or refuses the password.
    """

    def __init__(
        self, url: str, *, reader_connections: int = READER_CONNECTIONS, journal: Journal | None = None
    ) -> None:
        """`journal` says what becomes of transactions beside their rows; without one nothing is logged."""
        self.journal: Journal = journal or PlainJournal()
        self.dialect: Dialect = dialect_for(url)
        self.shown_url = self.dialect.url.render_as_string(hide_password=True)
        self._readers = self.dialect.reader_engine(reader_connections)
        self._writers = self.dialect.writer_engine(WRITER_CONNECTIONS)
        self._writing = threading.Lock()
        self._writing_thread: int | None = None  # only a thread that finds itself here looks closer
        self.refused: StorageRefusedError | None = None
        """Why the disk did not serve us last; stays until `maintenance.still_refused` finds that it does again."""
        for engine, operation in ((self._readers, "read"), (self._writers, "write")):
            _time_statements(engine, operation)

    @property
    def path(self) -> Path | None:
        """The database file on SQLite; None on a server."""
        return self.dialect.path if isinstance(self.dialect, SqliteDialect) else None

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one snapshot and writes nothing."""
        with self._usable(), self._readers.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; on SQLite it holds the write lock from its start, and writers of this process queue.

        What it did is in the transaction log when the block is left without an error, where one is kept. Raises
        StorageError before the transaction where the log cannot be written, and after it where it could not be any
        more: the change is then in the database, and goes into the log before the next one.
        """
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("write() inside write(): SQLite would wait for itself; pass the connection on instead.")
        self.journal.begin(self)
        with self._alone(), self._usable(), self._writers.connect() as connection:
            self.journal.prepare(connection)
            take_said(connection)
            with connection.begin():
                yield connection
                numbered = self.journal.number(connection)
        if numbered is not None:
            self.journal.follow(self, numbered)

    @contextlib.contextmanager
    def install(self) -> Iterator[Connection]:
        """A write transaction of the journal itself: nothing of it is noted."""
        with self._alone(), self._usable(), self._writers.connect() as connection:
            noting.release(connection)
            with connection.begin():
                self.dialect.serialise(connection, "migrate")
                yield connection

    @contextlib.contextmanager
    def migrate(self) -> Iterator[Connection]:
        """A write transaction in which tables may be rebuilt: references are checked at its end, not at each step."""
        self.journal.begin(self)
        with self._alone(), self._usable(), self._writers.connect() as connection:
            # Their triggers would hold on to tables that are rebuilt.
            noting.release(connection)
            take_said(connection)
            with self.dialect.references_unchecked(connection), connection.begin():
                # Two starting processes must not migrate at once; the second then finds nothing to do.
                self.dialect.serialise(connection, "migrate")
                yield connection
                self.dialect.check_references(connection)
                numbered = self.journal.number(connection, rows=False)
        if numbered is not None:
            self.journal.follow(self, numbered)

    @contextlib.contextmanager
    def replay(self) -> Iterator[Connection]:
        """A write transaction that repeats what was journalled: nothing of it is noted, and references to rows that
        are written later in it may be broken until its end, on SQLite until `check_references`."""
        with self._alone(), self._usable(), self._writers.connect() as connection:
            noting.release(connection)
            with self.dialect.references_unchecked(connection), connection.begin():
                self.dialect.references_wait(connection)
                yield connection

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Where only one transaction can write at a time, the others of this process wait here."""
        if not self.dialect.one_writer:
            yield
            return
        with self._writing:
            self._writing_thread = threading.get_ident()
            try:
                yield
            finally:
                self._writing_thread = None

    def close(self) -> None:
        """Give all connections back; the next transaction connects again."""
        self._readers.dispose()
        self._writers.dispose()
        self.journal.close()

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn a failure to connect, or to be served by the disk, into an error that says what to do; others pass."""
        try:
            yield
        except StorageRefusedError as error:
            self.refused = error
            raise
        except OperationalError as error:
            remedy = self.dialect.refusal(error.orig)
            if remedy is not None:
                self.refused = StorageRefusedError(self.shown_url, _first_line(error), remedy)
                # Where no more files could be opened SQLite opens one for reading only, and would keep it so.
                self._writers.dispose()
                raise self.refused from error
            if error.connection_invalidated or _is_connection_failure(error):
                raise StorageError(
                    f"The database {self.shown_url} does not answer: {_first_line(error)}",
                    remedy="Start the database or mend MICORE_DATABASE_URL; `micore db check` tells more.",
                ) from error
            raise


def _time_statements(engine: Engine, operation: str) -> None:
    observe = metrics.DB_QUERY_SECONDS.labels(operation).observe

    @event.listens_for(engine, "before_cursor_execute")
    def _before(connection: Connection, *_rest: Any) -> None:
        connection.info["statement_started"] = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def _after(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        seconds = time.perf_counter() - connection.info["statement_started"]
        observe(seconds)
        if seconds >= SLOW_STATEMENT_SECONDS:
            log.warning("db.slow_statement", operation=operation, seconds=round(seconds, 3), statement=statement[:500])


def _is_connection_failure(error: DBAPIError) -> bool:
    # psycopg raises a plain OperationalError without an SQLSTATE when it cannot reach or enter the server.
    return error.statement is None and getattr(error.orig, "sqlstate", None) is None


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class WriterInfo:
    """Who holds the writer lock."""

    pid: int
    url: str
    """Where its API answers; empty for a command that serves nothing."""


class WriterLock:
    """The one writing process of an SQLite database, told by a file lock beside it.

    The lock itself is the operating system's and ends with the process, however that ends; the file beside it only
    says who holds it.
    """

    def __init__(self, database_path: Path) -> None:
        self._path = database_path
        self._lock = FileLock(str(database_path) + ".lock", thread_local=False)
        self._info = Path(str(database_path) + ".writer")

    def acquire(self, info: WriterInfo) -> None:
        """Take the lock at once, and finish a restore that was interrupted; raises ConflictError naming the holder.

        Raises StorageError where nothing can be written beside the database.
        """
        with self._reachable():
            make_folder(self._info.parent)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                holder = self._read()
                who = "another micore process" if holder is None else f"micore with process id {holder.pid}"
                where = f" ({holder.url})" if holder is not None and holder.url else ""
                raise ConflictError(f"{who}{where} is writing to this database already.") from None
            written = self._info.with_suffix(f".{os.getpid()}")
            written.write_text(json.dumps(asdict(info)))
            written.replace(self._info)
        try:
            swap.finish(self._path)
        except StorageError:
            self.release()
            raise

    @property
    def held(self) -> bool:
        """Whether it is ours now."""
        return self._lock.is_locked

    def release(self) -> None:
        """Let the next one in. Does nothing when the lock is not held."""
        if self._lock.is_locked:
            self._info.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> WriterInfo | None:
        """Who holds the lock now; None when nobody does. Raises StorageError where the folder cannot be read."""
        if self._lock.is_locked:
            return self._read()
        with self._reachable():
            if not self._info.exists():
                return None
            try:
                # Only the lock tells the truth: the note outlives a killed process.
                self._lock.acquire(timeout=0)
            except Timeout:
                return self._read()
        self._lock.release()
        return None

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"The folder {self._info.parent} of the database cannot be used: {error.strerror or error}.",
                remedy="Let this user write there, or set MICORE_HOME (or MICORE_DATABASE_URL) to another place.",
            ) from error

    def _read(self) -> WriterInfo | None:
        try:
            return WriterInfo(**json.loads(self._info.read_text()))
        except (OSError, ValueError, TypeError):
            return None
