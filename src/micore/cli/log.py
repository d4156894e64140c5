"""`micore log`: look at the transaction log, check it, put it back into a database, begin a new one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from micore.app import logged_database, open_database
from micore.cli.output import console, local_time, print_json, print_table
from micore.cli.settings import settings_in_force
from micore.config import Settings
from micore.domain.instants import instant
from micore.errors import StorageError
from micore.services.log_replay import begin_anew, replay_log
from micore.storage.database import Database, WriterInfo, WriterLock
from micore.storage.log_lines import Record
from micore.storage.transaction_log import TransactionLog
from micore.telemetry.logs import set_up_logs

app = typer.Typer(
    add_completion=False, help="The transaction log: every change, as it was acknowledged.", no_args_is_help=True
)


@app.command("verify")
def verify(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Read the whole log: the hash of every line, the chain, the sums of sealed files. Exit code 1 for damage."""
    log = _log(_settings())
    report = log.verify()
    if as_json:
        print_json(report)
        return
    if not report.records:
        console.print(f"There is no record in {log.folder} yet.")
        return
    console.print(
        f"{report.records:,} records ({report.first:,} to {report.head.seq:,}) of {report.transactions:,} transactions "
        f"in {report.files} files, {report.size_bytes / 1e6:,.1f} MB: whole.",
        soft_wrap=True,
    )
    if report.torn_bytes:
        console.print(
            f"Behind them stand {report.torn_bytes:,} bytes of a line that was being written; nothing of it was "
            "acknowledged, and the next write cuts it off.",
            soft_wrap=True,
        )


@app.command("tail")
def tail(
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=10_000, help="How many records.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the newest records, oldest first: when, who, what, how many rows of which tables."""
    settings = _settings()
    zone = ZoneInfo(settings.time_zone)
    log = _log(settings)
    # Each number has a record at least.
    newest = deque(log.records(after=max(0, log.head().seq - number)), maxlen=number)
    if as_json:
        print_json([_shown(record) for record in newest])
        return
    print_table(
        "",
        ["record", "time", "kind", "by", "about", "rows"],
        [
            [
                f"{record.seq}" if record.parts == 1 else f"{record.seq} ({record.part} of {record.parts})",
                local_time(instant(record.at), zone),
                record.kind,
                record.actor,
                record.subject,
                ", ".join(f"{table} {rows:,}" for table, rows in record.rows.items()),
            ]
            for record in newest
        ],
    )


@app.command("replay")
def replay() -> None:
    """Bring the database up to its log, after it was lost or put back from an older copy. May be repeated."""
    settings = _settings()
    with _writing(settings) as database:
        log = _log(settings)
        done = replay_log(database, log)
        open_database(database)
    if not done.transactions:
        console.print(f"Nothing to do: the database has all that the log holds, and ends with record {done.seq:,}.")
        return
    console.print(
        f"{done.transactions:,} transactions with {done.rows:,} rows are back; the database ends with record "
        f"{done.seq:,} of {local_time(instant(done.at), ZoneInfo(settings.time_zone))}.",
        soft_wrap=True,
    )


@app.command("begin")
def begin(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Begin a new log for the database as it is, and keep the old one beside it. Make a backup before and after."""
    settings = _settings()
    if not yes:
        typer.confirm(
            "What is not in the database or in a backup cannot be brought back from the log any more. Begin a new one?",
            abort=True,
        )
    with _writing(settings) as database:
        kept = begin_anew(database, _log(settings), now=datetime.now(UTC))
    console.print(f"A new log begins in {settings.data_root / 'log'}. Make a backup now.", soft_wrap=True)
    if kept is not None:
        console.print(f"The old one lies in {kept}.", soft_wrap=True)


def _settings() -> Settings:
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    return settings


def _log(settings: Settings) -> TransactionLog:
    folder = settings.data_root / "log"
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is no folder.", remedy="Move it away; the transaction log lies there.")
    return TransactionLog(folder)


@contextmanager
def _writing(settings: Settings) -> Iterator[Database]:
    """The database for this process alone, where only one may write."""
    database = logged_database(settings)
    lock = None if database.path is None else WriterLock(database.path)
    if lock is not None:
        lock.acquire(WriterInfo(os.getpid(), ""))
    try:
        database.dialect.restores(settings.data_root).finish()
        yield database
    finally:
        database.close()
        if lock is not None:
            lock.release()


def _shown(record: Record) -> dict[str, object]:
    return {
        "seq": record.seq,
        "part": record.part,
        "parts": record.parts,
        "at": instant(record.at),
        "kind": record.kind,
        "actor": record.actor,
        "subject": record.subject,
        "payload": record.payload,
        "rows": record.rows,
    }
