"""Puts the records of a transaction log into a database: the rows as each transaction left them, and its events.

Records are merged into stretches of many transactions; a database is always at the end of one. What a database is
made of other rows is made anew by `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from micore.errors import StorageError
from micore.storage import migrations
from micore.storage.changes import Outcome, unpack
from micore.storage.database import Database
from micore.storage.events import STOCK, current_generation
from micore.storage.journal import LOG_BEGUN, REPLAYING, SCHEMA_MIGRATED, JournalHead, packed_json, read_head
from micore.storage.log_lines import LogDamagedError, Record
from micore.storage.summary import SummaryBasis, refresh
from micore.storage.tables import (
    event,
    journal_change,
    journal_head,
    product_summary,
    sku,
    status_total,
    stock_snapshot,
    stock_staging,
    summary_dirty,
)

ROWS_AT_ONCE = 20_000
RECORDS_AT_ONCE = 2_000


@dataclass(slots=True)
class Replayed:
    """What was put back."""

    transactions: int = 0
    rows: int = 0
    seq: int = 0
    """The database now ends with this record."""
    at: int = 0
    """When that was written; 0 where none was."""
    left: int = 0
    """Whole transactions behind the instant that was asked for."""
    damage: str | None = None
    """Why reading ended before the end of the log, where that was allowed."""


class Replay:
    """Brings one database forward. Nothing else may write to it meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outcome = Outcome()
        self._events: list[dict[str, Any]] = []
        self._head: JournalHead | None = None
        self.done = Replayed()
        self.unfinished = False
        """`finish` has to be called: rows were put back, now or by a replay that was broken off."""

    def starts_after(self) -> int:
        """The record behind which reading begins: the last one that the database has is looked at, too."""
        with self._database.read() as connection:
            head = read_head(connection)
        return 0 if head is None else max(0, head.seq - 1)

    def run(self, records: Iterable[Record], *, until: int | None = None, despite_damage: bool = False) -> Replayed:
        """Put back all whole transactions, up to the first one that was written after `until` (microseconds), or, where
        that is allowed, up to where the log is damaged.

        Raises LogDamagedError, StorageError for records that do not follow this database or are of a newer program.
        """
        with self._database.read() as connection:
            self._head = read_head(connection)
        self.unfinished = self._head is not None and self._head.logged == REPLAYING
        transaction: list[Record] = []
        checked = False
        try:
            for record in records:
                if not checked:
                    self._check_first(record)
                    checked = True
                if self._head is not None and record.seq <= self._head.seq:
                    if record.seq == self._head.seq:
                        self._check_same(record)
                    continue
                transaction.append(record)
                if not record.ends_transaction:
                    continue
                if self.done.left or (until is not None and record.at > until):
                    self.done.left += 1
                else:
                    self._take(transaction)
                transaction = []
        except LogDamagedError as error:
            # What lies behind the instant that was asked for is not wanted, damaged or not.
            if not self.done.left:
                if not despite_damage:
                    raise
                self.done.damage = str(error)
        finally:
            # What was read is whole; an error behind it does not undo it.
            self._flush()
        if self._head is not None:
            self.done.seq = self._head.seq
        return self.done

    def finish(self) -> None:
        """Make anew what is made of other rows, as it was shown last; nothing where there is no schema."""
        if self._head is None:
            return
        with self._database.replay() as connection:
            connection.execute(update(journal_head).values(logged=journal_head.c.seq))
            connection.execute(delete(stock_staging))
            connection.execute(
                update(stock_snapshot)
                .where(stock_snapshot.c.state == "staged")
                .values(state="dropped", reason="the database was put back from the log; the next sync reads it anew")
            )
            keys = select(product_summary.c.product_key).union(
                select(func.coalesce(sku.c.item_id, -sku.c.id)), select(summary_dirty.c.product_key)
            )
            every = list(connection.execute(keys).scalars())
            connection.execute(delete(summary_dirty))
            connection.execute(delete(product_summary))
            connection.execute(delete(status_total))
            if every:
                connection.execute(insert(summary_dirty), [{"product_key": key} for key in every])
            _, note = current_generation(connection, STOCK)
            if note is not None:
                refresh(connection, SummaryBasis.of_note(note))
            self._database.dialect.end_replay(connection)

    def _check_first(self, record: Record) -> None:
        if self._head is None:
            if record.kind != LOG_BEGUN or not record.payload.get("empty"):
                raise StorageError(
                    f"The log begins with record {record.seq:,}, when the database held rows already: it cannot be "
                    "made of the log alone.",
                    remedy="Restore a backup first; `micore restore run` puts the log behind it.",
                )
            revision = str(record.payload["schema"])
            self._check_revision(revision)
            migrations.upgrade(self._database, revision, said=False)
            with self._database.replay() as connection:
                self._write_head(connection, record.log, record.seq - 1)
            self._head = JournalHead(record.log, record.seq - 1, record.seq - 1)
        elif record.seq == self._head.seq + 1 and not continues(self._head, record):
            raise _other_history(record.seq - 1)
        elif record.seq > self._head.seq + 1:
            raise StorageError(
                f"The log begins with record {record.seq:,}, the database ends with {self._head.seq:,}: what lies "
                "between is in neither.",
                remedy="Take a newer backup.",
            )

    def _check_same(self, record: Record) -> None:
        """The last event that both have must be the same: one history."""
        assert self._head is not None
        with self._database.read() as connection:
            at = connection.execute(select(event.c.at).where(event.c.seq == record.seq)).scalar()
        if record.log != self._head.log or at != record.at:
            raise _other_history(record.seq)

    @staticmethod
    def _check_revision(revision: str) -> None:
        if revision not in migrations.revisions():
            raise StorageError(
                f"The log was written with schema {revision}, which this program (at {migrations.head()}) does not "
                "know: it is newer.",
                remedy="Replay it with the newer micore.",
            )

    def _take(self, transaction: list[Record]) -> None:
        for record in transaction:
            part = unpack(record.changes)
            if not self._outcome.takes(part):
                self._flush()
            self._outcome.add(part)
            self.done.rows += sum(record.rows.values())
            if record.part == 1:
                self._events.append(
                    {
                        "seq": record.seq, "at": record.at, "kind": record.kind, "actor": record.actor,
                        "subject": record.subject,
                        "payload": packed_json(record.payload),
                    }
                )  # fmt: skip
        last = transaction[-1]
        self._head = JournalHead(last.log, last.seq, last.seq)
        self.done.transactions += 1
        self.done.at = last.at
        if last.kind == SCHEMA_MIGRATED:
            self._flush()
            self._migrate(str(last.payload["to"]))
        elif self._outcome.size >= ROWS_AT_ONCE or len(self._events) >= RECORDS_AT_ONCE:
            self._flush()

    def _migrate(self, revision: str) -> None:
        self._check_revision(revision)
        with self._database.read() as connection:
            present = migrations.current(connection) or ""
        if present < revision:
            migrations.upgrade(self._database, revision, said=False)
        elif present > revision:
            migrations.downgrade(self._database, revision, said=False)

    def _flush(self) -> None:
        if not self._events:
            return
        assert self._head is not None
        self.unfinished = True
        events, self._events = self._events, []
        outcome, self._outcome = self._outcome, Outcome()
        with self._database.replay() as connection:
            outcome.put(connection)
            connection.execute(insert(event), events)
            self._write_head(connection, self._head.log, self._head.seq)

    @staticmethod
    def _write_head(connection: Connection, log: str | None, seq: int) -> None:
        connection.execute(delete(journal_change))
        connection.execute(update(journal_head).values(log=log, seq=seq, logged=REPLAYING))


def continues(head: JournalHead, record: Record) -> bool:
    """Whether the first record of a log, with the next number, is of the same history as the database."""
    if head.log is None:
        return record.kind == LOG_BEGUN and bool(record.payload.get("empty"))
    return head.log in (record.log, record.payload.get("former"))


def _other_history(seq: int) -> StorageError:
    return StorageError(
        f"The database and the log tell different things of record {seq:,}: they belong to different histories.",
        remedy="Restore without the log (`--backup-only`), or take a backup of the log's own history.",
    )
