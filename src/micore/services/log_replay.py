"""Brings a database up to its transaction log, and lets a new log begin."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from micore.errors import StorageError
from micore.storage.database import Database
from micore.storage.durable import sync_folder
from micore.storage.journal import LoggedJournal
from micore.storage.migrations import upgrade
from micore.storage.replaying import Replay, Replayed
from micore.storage.transaction_log import TransactionLog

log = structlog.get_logger(__name__)


def replay_log(
    database: Database, source: TransactionLog, *, until: int | None = None, despite_damage: bool = False
) -> Replayed:
    """Put back what the database lacks, up to the end of the log, to the last transaction that was written by `until`
    (microseconds since 1970-01-01 UTC), or to where the log is damaged. May be repeated after it was broken off.

    Raises StorageError, LogDamagedError: what lies before the damage is back then.
    """
    replay = Replay(database)
    try:
        records = source.records(after=replay.starts_after())
        done = replay.run(records, until=until, despite_damage=despite_damage)
    finally:
        if replay.unfinished:
            replay.finish()
    log.info("log.replayed", transactions=done.transactions, rows=done.rows, seq=done.seq, left=done.left)
    return done


def begin_anew(database: Database, source: TransactionLog, *, now: datetime) -> Path | None:
    """Put the log aside and let another begin with the database as it is. Returns where the old one lies; None where
    there was none.

    Raises StorageError.
    """
    journal = database.journal
    assert isinstance(journal, LoggedJournal)
    kept: Path | None = None
    journal.leave_log(database)
    journal.close()
    if source.folder.exists():
        kept = source.folder.with_name(f"{source.folder.name}-before-{now:%Y%m%d-%H%M%SZ}")
        try:
            source.folder.rename(kept)
            sync_folder(kept.parent)
        except OSError as error:
            raise StorageError(
                f"The log in {source.folder} cannot be put aside: {error.strerror or error}.",
                remedy="Mend the rights of the folder above it, then run `micore log begin` again.",
            ) from error
    upgrade(database)
    journal.open(database)
    return kept
