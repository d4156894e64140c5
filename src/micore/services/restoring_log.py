"""The transaction log behind a backup: what was acknowledged after it is put back, and the log goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from micore.domain.instants import instant, micros
from micore.errors import StorageError
from micore.services.log_replay import replay_log
from micore.storage.database import Database
from micore.storage.journal import HISTORY_LEFT, JournalHead, LoggedJournal, event_at, read_head
from micore.storage.replaying import Replayed, continues
from micore.storage.restores import LOG, Staged
from micore.storage.transaction_log import TransactionLog, copy_until


@dataclass(frozen=True, slots=True)
class Wanted:
    """Up to when the log is to be put back: to its end, to an instant, or not at all."""

    until: datetime | None = None
    backup_only: bool = False
    despite_damage: bool = False
    """Up to where a damaged log is whole."""


WHOLE = Wanted()
"""All of the log."""


def bring_up(staged: Staged, folder: Path, live: Path, wanted: Wanted) -> tuple[Staged, Replayed]:
    """Put what the log holds behind the staged database, and lay the log ready that it goes on with.

    `live` is the log of the shop as it is; where it holds nothing, that of the backup is taken. Where something of the
    log is left out, the history that is left ends there: the log says so and goes on under another name, and a backup
    of the history that was left can be told from one of this.

    Raises StorageError, LogDamagedError where the log cannot do what is wanted; nothing live is touched.
    """
    database = Database(staged.url)
    try:
        with database.read() as connection:
            head = read_head(connection)
        if head is None or head.log is None:
            _refuse_instant(wanted, "the backup is from before the log began")
            return replace(staged, log=None), Replayed()
        source, problem = _source(database, head, [each for each in (live, staged.log) if each is not None])
        if source is None:
            _refuse_instant(wanted, problem or "there is no transaction log")
            if problem is not None and not wanted.backup_only:
                raise StorageError(
                    f"The transaction log cannot be put behind this backup: {problem}.",
                    remedy="`--backup-only` restores the backup alone; what was written after it is then lost.",
                )
            LoggedJournal(TransactionLog(folder / LOG)).leave_log(database)
            return replace(staged, log=None), Replayed()
        return _follow(database, staged, folder, source, head, wanted)
    finally:
        database.close()


def _follow(
    database: Database, staged: Staged, folder: Path, source: TransactionLog, head: JournalHead, wanted: Wanted
) -> tuple[Staged, Replayed]:
    until = None if wanted.until is None else micros(wanted.until)
    if wanted.backup_only:
        done = Replayed(seq=head.seq)
    else:
        with database.read() as connection:
            at = event_at(connection, head.seq)
        if until is not None and at is not None and at > until:
            _refuse_instant(wanted, f"the backup ends with {instant(at):%Y-%m-%d %H:%M:%S} UTC, which is later")
        done = replay_log(database, source, until=until, despite_damage=wanted.despite_damage)
    target = folder / "log-behind"
    copy_until(source, done.seq, target)
    if done.damage is not None or wanted.backup_only or done.left:
        journal = LoggedJournal(TransactionLog(target))
        journal.begin_log(database, HISTORY_LEFT, left_after=done.seq)
        journal.close()
    return replace(staged, log=target), done


def _source(database: Database, head: JournalHead, folders: Sequence[Path]) -> tuple[TransactionLog | None, str | None]:
    """The first of these logs in which anything is written, where it continues a database; else None, and why not."""
    for log in map(TransactionLog, folders):
        try:
            # That of a shop that was only just begun gives way.
            if not any(record.rows for record in log.records()):
                continue
            problem = _problem(database, head, log)
        except StorageError as error:
            problem = str(error).rstrip(".")
        return (log, None) if problem is None else (None, problem)
    return None, None


def _problem(database: Database, head: JournalHead, log: TransactionLog) -> str | None:
    """Why a log does not continue a database; None where it does."""
    first = next(log.records(after=max(0, head.seq - 1)), None)
    if first is None:
        return f"it ends before record {head.seq:,}, with which the backup ends"
    if first.seq > head.seq + 1:
        return f"it begins with record {first.seq:,}, the backup ends with {head.seq:,}"
    with database.read() as connection:
        at = event_at(connection, head.seq)
    same = first.log == head.log and first.at == at if first.seq == head.seq else continues(head, first)
    return None if same else "it is of another history than the backup"


def _refuse_instant(wanted: Wanted, problem: str) -> None:
    if wanted.until is not None:
        raise StorageError(
            f"The shop cannot be brought to {wanted.until:%Y-%m-%d %H:%M:%S}: {problem}.",
            remedy="`micore restore list` shows the backups; take one that was made before that instant.",
        )
