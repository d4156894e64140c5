"""What is recorded: the product at work, by a task's name. It tells which of its writes it has acknowledged.

python -m tests.power.living TASK HOME '{"what": "it needs"}'
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from micore.domain.backup_views import BackupTrigger
from micore.domain.run_views import RunState, Trigger
from micore.errors import MicoreError
from micore.services.backups import Backups, Configuration
from micore.services.restoring import Restoring
from micore.storage import events, flows, migrations
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Connection, Database
from micore.storage.journal import LoggedJournal
from micore.storage.transaction_log import TransactionLog
from tests.power.living_tables import ACCOUNT_ID, COUNTER, PAYLOAD, database_of, open_account, url_of
from tests.support import swapping
from tests.support.real_sync import Addresses, installed
from tests.unit.sources.clocks import HandClock

WRITERS = 3


class Acknowledgements:
    """A line for each write that somebody was told is done; the recorder sees it in its place."""

    def __init__(self) -> None:
        self._file = os.open(os.environ["POWER_ACKS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(self, what: str) -> None:
        """This has been acknowledged."""
        os.write(self._file, f"{what}\n".encode())


def writes(
    home: Path,
    acks: Acknowledgements,
    *,
    commits: int,
    synchronous: str = "FULL",
    checkpoint_pages: int = 150,
    seed: int = 0,
) -> None:
    """Threads write rows of several tables, a transaction each, and acknowledge it."""
    database = _opened(home, synchronous, checkpoint_pages)
    _together(database, acks, commits, seed)
    database.close()


def first_start(home: Path, acks: Acknowledgements, *, commits: int) -> None:
    """From nothing: folders, database and schema are made, then it writes."""
    database = Database(url_of(home))
    migrations.upgrade(database)
    open_account(database)
    for number in range(commits):
        write_one(database, f"0-{number}", 1)
        acks.tell(f"0-{number}")
    database.close()


def logged(home: Path, acks: Acknowledgements, *, commits: int, synced: bool = True, seed: int = 0) -> None:
    """From nothing, with the transaction log, whose files are sealed again and again. `synced=False` is a log that is
    written and not synced, as no product may do it."""
    log = TransactionLog(home / "log", segment_bytes=8_000, sync=os.fdatasync if synced else _not_at_all)
    journal = LoggedJournal(log)
    database = Database(url_of(home), journal=journal)
    migrations.upgrade(database)
    journal.open(database)
    open_account(database)
    _together(database, acks, commits, seed)
    database.close()


def _not_at_all(_handle: int) -> None:
    """The mutant's sync."""


def _together(database: Database, acks: Acknowledgements, commits: int, seed: int) -> None:
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        chance = random.Random(seed * 100 + writer)
        try:
            for number in range(commits):
                write_one(database, f"{writer}-{number}", chance.choice((1, 3, 40)))
                acks.tell(f"{writer}-{number}")
        except BaseException as error:  # noqa: BLE001 - the thread's own end
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def write_one(database: Database, name: str, rows: int) -> None:
    """One transaction of the product's own stores: so many returns, and the event that says how many."""
    told = [
        flows.ReturnRow(f"{name}:{n}", 1, None, "FBO", "buyer", "back", 1000, PAYLOAD, 1, "2026-11-20", None, None)
        for n in range(rows)
    ]
    with database.write() as connection:
        flows.merge_returns(connection, ACCOUNT_ID, told, now=1)
        events.append_event(connection, at=1, kind="power", actor="test", subject=name, payload={"rows": rows})


def copies(home: Path, acks: Acknowledgements, *, commits: int, every: int, seed: int = 0) -> None:
    """What nobody should do: between writes the file of the live database is copied, and that is called a backup."""
    database = _opened(home)
    for number in range(commits):
        write_one(database, f"0-{number}", 3)
        acks.tell(f"0-{number}")
        if number % every == every - 1:
            shutil.copyfile(database_of(home), home / f"copy-{number}.db")
            acks.tell(f"copy-{number}")
    database.close()


def sync(home: Path, acks: Acknowledgements, *, url: str, now: str, synchronous: str = "FULL") -> None:
    """A sync of a simulated marketplace; each of its transactions counts itself and is acknowledged."""
    _count_transactions(acks)
    with _installed(home, url, now) as micore:
        if synchronous != "FULL":
            _set(micore.database, f"synchronous={synchronous}")
        run = micore.sync()
        assert run.state == RunState.DONE, run.message
    acks.tell("done")


def backups(home: Path, acks: Acknowledgements, *, many: int) -> None:
    """Backups, with some writes before each."""
    database = _opened(home)
    for number in range(many):
        write_one(database, f"0-{number}", 40)
        acks.tell(f"write 0-{number}")
        made = backups_of(home, database).create(BackupTrigger.COMMAND)
        acks.tell(f"backup {made.id}")
    database.close()


def backups_of(home: Path, database: Database) -> Backups:
    """The service that makes and checks them."""
    configuration = Configuration("MICORE_SHOP_NAME=power\n", "")
    return Backups(database, home, BackupFolder(home / "backups"), "test", lambda: configuration)


def restore(home: Path, acks: Acknowledgements) -> None:
    """A backup becomes the live shop; what was written after it goes."""
    database = _opened(home)
    write_one(database, "kept-0", 3)
    made = backups_of(home, database).create(BackupTrigger.COMMAND)
    write_one(database, "later-0", 3)
    acks.tell("later-0")
    assert made.file is not None
    Restoring(database, home).run(Path(made.file), confirmed=lambda _: True)
    acks.tell("restored")
    database.close()


def exchange(home: Path, acks: Acknowledgements) -> None:
    """A database and its log are exchanged for others, which were unpacked a moment ago."""
    there = swapping.Home(home)
    for file in [each for each in there.staging.rglob("*") if each.is_file()]:
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
    swapping.exchanged(there)
    acks.tell("new")


def failing_syncs(
    home: Path, acks: Acknowledgements, *, url: str, now: str, faults: str, letters: str, error: int, calls: list[int]
) -> None:
    """Syncs of which one call fails, each into a data root of its own; then again, by the same objects. What came of
    each is acknowledged: the first one's message, and how the second one ended."""
    clock, market = HandClock(), Addresses(url, url)
    for number in calls:
        place = home / str(number)
        begun = clock.seconds

        def at(begun: float = begun) -> datetime:
            return datetime.fromisoformat(now) + timedelta(seconds=clock.seconds - begun)

        with installed(market, "ozon", url_of(place), place, now=at) as micore:
            Path(faults).write_text(f"{letters} {error} {number} 1")
            try:
                run = micore.sync()
                first = f"{run.state}: {run.message} {run.remedy}"
            except MicoreError as refused:
                first = f"{type(refused).__name__}: {refused} {refused.remedy}"
            Path(faults).write_text("")
            clock.seconds += 1200  # the lease of a run whose end could not be written is over
            micore.service.request(trigger=Trigger.BUTTON)
            while (last := micore.service.work_once()) is not None:
                ended = last.state
            acks.tell(json.dumps([number, first, ended]))


def _installed(home: Path, url: str, now: str) -> Any:
    at = datetime.fromisoformat(now)
    return installed(Addresses(url, url), "ozon", url_of(home), home, now=lambda: at, owner="power")


def _count_transactions(acks: Acknowledgements) -> None:
    write = Database.write

    @contextlib.contextmanager
    def counted(self: Database) -> Iterator[Connection]:
        with write(self) as connection:
            yield connection
            connection.execute(text(f"UPDATE {COUNTER} SET number = number + 1"))
            number = connection.execute(text(f"SELECT number FROM {COUNTER}")).scalar_one()
        acks.tell(str(number))

    Database.write = counted  # type: ignore[method-assign]


def _opened(home: Path, synchronous: str = "FULL", checkpoint_pages: int = 0) -> Database:
    """The product says FULL itself; anything else is what the harness must catch. The sooner the log of SQLite goes
    into the database, the more cuts fall into that."""
    database = Database(url_of(home))
    if synchronous != "FULL":
        _set(database, f"synchronous={synchronous}")
    if checkpoint_pages:
        _set(database, f"wal_autocheckpoint={checkpoint_pages}")
    return database


def _set(database: Database, pragma: str) -> None:
    @event.listens_for(database._writers, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")


TASKS: dict[str, Callable[..., None]] = {
    "writes": writes,
    "first_start": first_start,
    "logged": logged,
    "copies": copies,
    "sync": sync,
    "backups": backups,
    "restore": restore,
    "exchange": exchange,
    "failing_syncs": failing_syncs,
}


if __name__ == "__main__":
    TASKS[sys.argv[1]](Path(sys.argv[2]), Acknowledgements(), **json.loads(sys.argv[3]))
