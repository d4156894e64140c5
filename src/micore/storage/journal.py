"""The journal of a database: what each transaction did becomes rows of the one event stream in that transaction, and
then lines of the transaction log, before anybody is told that it is done.

Events are numbered at the end of their transaction under a lock, so numbers grow in the order of the commits and have
no gaps. The log follows the database: whoever has committed writes what the log does not hold yet, his own lines or
those of others who wait at the same time, and syncs once for all. A crash between commit and line leaves the lines in
the database (`journal_change`); the next start writes them.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from sqlalchemy import Connection, case, delete, func, insert, inspect, literal, select, update

from micore.errors import StorageError
from micore.storage import changes, noting
from micore.storage.events import Said, take_said
from micore.storage.log_lines import Head, Record
from micore.storage.tables import event, journal_change, journal_head
from micore.storage.transaction_log import TransactionLog
from micore.telemetry import metrics

if TYPE_CHECKING:
    from micore.storage.database import Database

log = structlog.get_logger(__name__)

LOG_BEGUN = "log.begun"
HISTORY_LEFT = "log.history_left"
SCHEMA_MIGRATED = "schema.migrated"
ROWS_WRITTEN = "rows.written"
RECORDS_AT_ONCE = 500
NO_HEAD = Head()
REPLAYING = -1
"""`logged` of a database that a replay has not brought to its end."""

_acting: ContextVar[tuple[str, str]] = ContextVar("acting", default=("micore", ""))


@contextlib.contextmanager
def acting(actor: str, subject: str = "") -> Iterator[None]:
    """Whose transactions those of the block are, where they do not say themselves what they do."""
    before = _acting.set((actor, subject))
    try:
        yield
    finally:
        _acting.reset(before)


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a transaction has to have in the log."""

    first: int
    last: int
    records: list[Record]


@dataclass(frozen=True, slots=True)
class JournalHead:
    """Where a database's stream of events stands."""

    log: str | None
    seq: int
    logged: int


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log stands, for people."""

    kept: bool
    """False: nothing is logged, as in programs that only look."""
    seq: int
    """Of the newest record in the log that this process knows."""
    problem: str | None
    """Why the log cannot be written; None: it can."""


class Journal(Protocol):
    """What becomes of transactions beside their rows."""

    def begin(self, database: Database) -> None:
        """Before a transaction. Raises StorageError where it could not be acknowledged."""
        ...

    def prepare(self, connection: Connection) -> None:
        """On a connection, outside of transactions."""
        ...

    def number(self, connection: Connection, *, rows: bool = True) -> Numbered | None:
        """The last work of a transaction: its events, numbered. None where there are none to log."""
        ...

    def follow(self, database: Database, numbered: Numbered) -> None:
        """After the commit: when this returns the transaction is in the log. Raises StorageError."""
        ...

    def state(self) -> LogState:
        """How the log stands."""
        ...

    def close(self) -> None:
        """Give files back; the next transaction opens them again."""
        ...


class PlainJournal:
    """Events are written, nothing is logged."""

    def begin(self, database: Database) -> None:
        """Nothing to do."""

    def prepare(self, connection: Connection) -> None:
        """Nothing to do."""

    def number(self, connection: Connection, *, rows: bool = True) -> Numbered | None:
        """Only what was said."""
        del rows
        said = take_said(connection)
        if said:
            write_events(connection, said)
        return None

    def follow(self, database: Database, numbered: Numbered) -> None:
        """Nothing to do."""

    def state(self) -> LogState:
        """Nothing is kept."""
        return LogState(kept=False, seq=0, problem=None)

    def close(self) -> None:
        """Nothing to do."""


class LoggedJournal:
    """Keeps the transaction log beside the database."""

    def __init__(self, transaction_log: TransactionLog, *, now: Callable[[], int] | None = None) -> None:
        """`now` gives microseconds since 1970-01-01 UTC."""
        self.log = transaction_log
        self._now = now or (lambda: time.time_ns() // 1000)
        self._problem: str | None = None

    # ------------------------------------------------------------------------------------------- transactions

    def begin(self, database: Database) -> None:
        """A log that could not be written is brought up first: until then nothing more is acknowledged."""
        if self._problem is not None:
            self._write(database, database_log(database))
            log.info("log.caught_up", folder=str(self.log.folder))

    def prepare(self, connection: Connection) -> None:
        """Let the connection note which rows it touches."""
        noting.prepare(connection)

    def number(self, connection: Connection, *, rows: bool = True) -> Numbered | None:
        """Number what was said, with the rows that were changed; `rows=False` where they follow from what was said."""
        said = take_said(connection)
        parts = [(changes.count_rows(part), changes.pack(part)) for part in noting.collect(connection)] if rows else []
        if not said and not parts:
            return None
        if not said:
            actor, subject = _acting.get()
            said = [Said(self._now(), ROWS_WRITTEN, actor, subject, {})]
        head = write_events(connection, said, known=self.log.known())
        if head.log is None:
            return None  # the log has not begun
        first = head.seq - len(said) + 1
        connection.execute(delete(journal_change).where(journal_change.c.seq <= head.logged))
        records = _records_of(head.log, first, said, parts)
        connection.execute(
            insert(journal_change),
            [
                {
                    "seq": each.seq,
                    "part": each.part,
                    "rows": packed_json(each.rows),
                    "changes": each.changes,
                    "more": each.more,
                }
                for each in records
            ],
        )
        return Numbered(first, head.seq, records)

    def follow(self, database: Database, numbered: Numbered) -> None:
        """Bring the log up to a committed transaction."""
        with self._told(), self.log.writing() as head:
            if head.seq >= numbered.last and head.log == numbered.records[0].log:
                return  # whoever wrote before us took ours along
            if numbered.first == head.seq + 1 and head.log == numbered.records[0].log:
                self.log.append(numbered.records)
            else:
                self._write(database, numbered.records[0].log)

    def state(self) -> LogState:
        """What this process knows; asks no disk."""
        return LogState(kept=True, seq=self.log.known().seq, problem=self._problem)

    def close(self) -> None:
        """Give the log's file back."""
        self.log.close()

    # -------------------------------------------------------------------------------------------------- opening

    def look(self, database: Database) -> None:
        """Before the schema is touched: refuse a database that is not the one that the log belongs to.

        Raises StorageError.
        """
        with database.read() as connection:
            head = read_head(connection)
        synced = self.log.synced = 0 if head is None else max(0, head.logged)
        logged = self.log.head()
        if not logged.seq:
            return
        # Read again: while others write, the log is never ahead of what the database says after it.
        with database.read() as connection:
            head = read_head(connection)
        if head is None:
            raise StorageError(
                f"The database {database.shown_url} is empty, but the transaction log in {self.log.folder} holds "
                f"{logged.seq:,} records: the database was lost or moved.",
                remedy="`micore restore list` and `micore restore run` bring it back from a backup and the log, "
                "`micore log replay` from the log alone. If it is meant to begin anew: `micore log begin`.",
            )
        if head.logged == REPLAYING:
            raise StorageError(
                f"A replay of the log into the database {database.shown_url} was broken off before its end.",
                remedy="`micore log replay` takes it up again.",
            )
        self._refuse(database, replace(head, logged=synced), logged)

    def open(self, database: Database) -> None:
        """After the schema is the present one: begin the log where there is none, write what it lacks.

        Raises StorageError where database and log do not belong together, or the log cannot be written.
        """
        self.look(database)
        with database.read() as connection:
            head = read_head(connection)
            lacking = noting.lacks_triggers(connection)
        if lacking:
            with database.install() as connection:
                noting.install(connection)
        if head is None:
            raise StorageError("The database holds no schema yet.", remedy="Run `micore db migrate`.")
        if head.log is None:
            self.begin_log(database)
        self._write(database, database_log(database))

    def catch_up(self, database: Database) -> None:
        """Write what is committed and not in the log yet. Raises StorageError."""
        self._write(database, database_log(database))

    def begin_log(self, database: Database, kind: str = LOG_BEGUN, **told: Any) -> None:
        """Let the log of this database begin here; what was before is only in the database and in its backups."""
        fresh = uuid.uuid4().hex[:16]
        with database.install() as connection:
            here = read_head(connection)
            if kind == LOG_BEGUN and here is not None and here.log is not None:
                return  # another process that starts at the same time was quicker
            connection.execute(update(journal_head).values(log=fresh))
            former = None if here is None else here.log
            payload = {"empty": is_empty(connection), "schema": _revision(connection), "former": former, **told}
            said = [Said(self._now(), kind, _acting.get()[0], "", payload)]
            head = write_events(connection, said)
            connection.execute(delete(journal_change))
            connection.execute(insert(journal_change).values(seq=head.seq, part=1, rows="{}", changes=b"", more=False))
        # Another process may have taken the line along by now.
        self._write(database, fresh)

    def leave_log(self, database: Database) -> None:
        """The database no longer belongs to its log: the next `open` begins a new one."""
        with database.install() as connection:
            if read_head(connection) is not None:
                connection.execute(update(journal_head).values(log=None))

    def _refuse(self, database: Database, head: JournalHead, logged: Head) -> None:
        where = f"The transaction log in {self.log.folder}"
        anew = "If this database is the right one: make a backup, then `micore log begin`."
        if head.log != logged.log:
            raise StorageError(
                f"{where} belongs to another database than {database.shown_url}, or to another state of it.",
                remedy=f"Mend MICORE_HOME or MICORE_DATABASE_URL. {anew}",
            )
        if logged.seq > head.seq:
            raise StorageError(
                f"The database {database.shown_url} is older than its log: it ends with record {head.seq:,}, the log "
                f"with {logged.seq:,}. It was put back from a copy.",
                remedy="`micore log replay` brings it up to date from the log.",
            )
        if logged.seq < head.logged:
            raise StorageError(
                f"{where} ends with record {logged.seq:,}, and {head.logged:,} were written: its end was lost. The "
                "database holds all of it.",
                remedy="Make a backup, then `micore log begin` begins a new log.",
            )
        with database.read() as connection:
            at = event_at(connection, logged.seq)
        if at != logged.at:
            raise StorageError(
                f"{where} and the database {database.shown_url} tell different things of record {logged.seq:,}.",
                remedy=anew,
            )

    def _write(self, database: Database, belongs: str | None) -> None:
        """Write all committed events that the log does not hold."""
        with self._told(), self.log.writing() as head:
            after = head.seq
            while records := self._missing(database, belongs or "", after):
                after = self.log.append(records).seq
        self._problem = None

    def _missing(self, database: Database, belongs: str, after: int) -> list[Record]:
        with database.read() as connection:
            head = read_head(connection)
            every = (
                select(event, journal_change.c.part, journal_change.c.rows, journal_change.c.changes,
                       journal_change.c.more)
                .join(journal_change, journal_change.c.seq == event.c.seq)
                .where(event.c.seq > after)
                .order_by(event.c.seq, journal_change.c.part)
            )  # fmt: skip
            found = list(connection.execute(every.limit(RECORDS_AT_ONCE)))
            if len(found) == RECORDS_AT_ONCE:
                # The parts of one event go into the log together.
                last = found[-1].seq
                found = [row for row in found if row.seq != last] or list(
                    connection.execute(every.where(event.c.seq == last))
                )
        newest = 0 if head is None else head.seq
        whole = newest <= after if not found else not after or found[0].seq == after + 1
        if found and not after:
            whole = found[0].kind in (LOG_BEGUN, HISTORY_LEFT)
        if not whole:
            raise StorageError(
                f"The transaction log in {self.log.folder} ends with record {after:,}, and the database no longer "
                f"holds what followed (its newest is {newest:,}).",
                remedy="Make a backup, then `micore log begin` begins a new log.",
            )
        parts: dict[int, int] = {}
        for row in found:
            parts[row.seq] = max(parts.get(row.seq, 0), row.part)
        return [
            Record(
                log=belongs, seq=row.seq, part=row.part, parts=parts[row.seq], more=bool(row.more), at=row.at,
                kind=row.kind, actor=row.actor, subject=row.subject,
                payload=json.loads(row.payload) if row.part == 1 else {},
                rows=json.loads(row.rows), changes=bytes(row.changes),
            )
            for row in found
        ]  # fmt: skip

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Remember why the log cannot be written, until it can."""
        try:
            yield
        except StorageError as error:
            if self._problem is None:
                log.warning("log.cannot_be_written", folder=str(self.log.folder), error=str(error))
            self._problem = str(error)
            metrics.HEALTH.labels("transaction_log").set(0)
            raise
        self._problem = None
        metrics.HEALTH.labels("transaction_log").set(1)


def read_head(connection: Connection) -> JournalHead | None:
    """Where the stream of events stands; None for a database from before the journal."""
    if not inspect(connection).has_table("journal_head"):
        return None
    row = connection.execute(select(journal_head)).one_or_none()
    return None if row is None else JournalHead(row.log, row.seq, row.logged)


def event_at(connection: Connection, seq: int) -> int | None:
    """When an event was written, microseconds since 1970-01-01 UTC; None where there is none of this number."""
    return connection.execute(select(event.c.at).where(event.c.seq == seq)).scalar()


def database_log(database: Database) -> str | None:
    """The log that a database belongs to."""
    with database.read() as connection:
        head = read_head(connection)
    return None if head is None else head.log


def write_events(connection: Connection, said: Sequence[Said], *, known: Head = NO_HEAD) -> JournalHead:
    """Give events their numbers and write them; whoever else does so waits until this transaction ends. `known` is
    where the log ends as far as this process knows."""
    # Never backwards: another process may know of less. And only of this history: the database may have gone back.
    believed = (
        (journal_head.c.log == known.log)
        & (journal_head.c.logged < known.seq)
        & (journal_head.c.seq >= known.seq)
        & literal(known.whole)
    )
    newer = case((believed, known.seq), else_=journal_head.c.logged)
    row = connection.execute(
        update(journal_head)
        .values(seq=journal_head.c.seq + len(said), logged=newer)
        .returning(journal_head.c.log, journal_head.c.seq, journal_head.c.logged)
    ).one()
    first = int(row.seq) - len(said) + 1
    connection.execute(
        insert(event),
        [
            {
                "seq": first + place,
                "at": each.at,
                "kind": each.kind,
                "actor": each.actor,
                "subject": each.subject,
                "payload": packed_json(each.payload),
            }
            for place, each in enumerate(said)
        ],
    )
    return JournalHead(row.log, int(row.seq), int(row.logged))


def is_empty(connection: Connection) -> bool:
    """Whether the log can make this database from nothing."""
    return not any(
        connection.execute(select(func.count()).select_from(select(1).select_from(table).limit(1).subquery())).scalar()
        for table in changes.watched()
    )


def _records_of(
    belongs: str, first: int, said: Sequence[Said], parts: Sequence[tuple[dict[str, int], bytes]]
) -> list[Record]:
    """A line for each event; the last one carries the rows, in as many lines as they need."""
    records = [
        Record(
            log=belongs, seq=first + place, at=each.at, kind=each.kind, actor=each.actor, subject=each.subject,
            payload=each.payload, more=place < len(said) - 1,
        )
        for place, each in enumerate(said)
    ]  # fmt: skip
    last, carried = records.pop(), list(parts) or [({}, b"")]
    for number, (rows, packed) in enumerate(carried, start=1):
        records.append(
            Record(
                log=belongs, seq=last.seq, part=number, parts=len(carried), at=last.at, kind=last.kind,
                actor=last.actor, subject=last.subject, payload=last.payload if number == 1 else {},
                rows=rows, changes=packed,
            )
        )  # fmt: skip
    return records


def _revision(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def packed_json(value: Any) -> str:
    """JSON as events keep it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
