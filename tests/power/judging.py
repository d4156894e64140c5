"""Opens what a cut has left, as the product does at its next start, and says what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from micore.domain.backup_views import BackupState, BackupTrigger
from micore.errors import MicoreError
from micore.services.backups import Backups
from micore.services.log_replay import replay_log
from micore.storage import maintenance, migrations
from micore.storage.backup_folder import LATEST
from micore.storage.database import Database
from micore.storage.journal import LoggedJournal
from micore.storage.log_lines import LogDamagedError
from micore.storage.raw import RawLocation, RawStore
from micore.storage.transaction_log import TransactionLog
from tests.power.living import backups_of, write_one
from tests.power.living_tables import COUNTER, url_of
from tests.support import swapping
from tests.support.databases import migrate, sqlite_template

UNUSABLE = (DatabaseError, MicoreError, OSError)
"""What opening a state may raise; each is a finding."""
MOST_NAMED = 3


def damage(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the state that `writes` has left: rows that were acknowledged and are gone, rows that are there twice or in
    part, and what SQLite finds. A write must still be possible."""
    database = Database(url_of(home))
    try:
        found = maintenance.problems(database)
        found += _wrong_rows(database, acknowledged)
        write_one(database, "after-the-cut", 2)
        found += _wrong_rows(database, [*acknowledged, "after-the-cut"])
    except UNUSABLE as error:
        found = [f"{type(error).__name__}: {error}"]
    finally:
        database.close()
    return found


def damage_of_log(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the state that `logged` has left: the log alone does not make the shop that was acknowledged, or the next
    start does not find the two in one."""
    found = [f"from the log alone: {each}" for each in damage_without_database(home, acknowledged)]
    journal = LoggedJournal(TransactionLog(home / "log"))
    database = Database(url_of(home), journal=journal)
    try:
        journal.look(database)
        migrations.upgrade(database)
        journal.open(database)
        found += maintenance.problems(database)
        if acknowledged:
            found += _wrong_rows(database, acknowledged)
            write_one(database, "after-the-cut", 2)
            acknowledged = [*acknowledged, "after-the-cut"]
        journal.log.verify()
    except UNUSABLE as error:
        return [*found, f"{type(error).__name__}: {error}"]
    finally:
        database.close()
    return found + [f"afterwards: {each}" for each in damage_without_database(home, acknowledged)]


def damage_without_database(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """What is lacking when the database is destroyed: a copy of the log is all there is."""
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        copied, again = Path(scratch) / "log", Database(f"sqlite:///{scratch}/again.db")
        # Its schema is made beforehand: that is what takes time.
        shutil.copyfile(sqlite_template("migrated", migrate), f"{scratch}/again.db")
        if (home / "log").exists():
            shutil.copytree(home / "log", copied)
        try:
            # Behind what was acknowledged a line may be damaged that was being written: what lies before it is back.
            with contextlib.suppress(LogDamagedError):
                replay_log(again, TransactionLog(copied))
            return _wrong_rows(again, acknowledged)
        except UNUSABLE as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            again.close()


def damage_of_backups(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the folder that `backups` has left: backups that were acknowledged and cannot be read back or are not told of,
    a `latest` that cannot be, or that is older than what was acknowledged. Another one must still be possible."""
    made = [line.split()[1] for line in acknowledged if line.startswith("backup")]
    database = Database(url_of(home))
    service = backups_of(home, database)
    try:
        found = _unreadable(service, made)
        service.create(BackupTrigger.COMMAND)
        found += [f"left behind: {each.name}" for each in service.folder.path.glob(".making-*")]
    except UNUSABLE as error:
        found = [f"{type(error).__name__}: {error}"]
    finally:
        database.close()
    return found


def _unreadable(service: Backups, made: Sequence[str]) -> list[str]:
    told = {each.id: each for each in service.history()}
    found = [f"not in the history as verified: {each}" for each in made if told[each].state is not BackupState.VERIFIED]
    for each in made:
        file = told[each].file
        assert file is not None
        service.verify(Path(file))
    latest = service.folder.path / LATEST
    if latest.is_symlink():
        newest = service.verify(latest.resolve(strict=True)).id
        found += [f"latest is {newest}, older than {made[-1]}" for _ in "1" if newest in made[:-1]]
    elif made:
        found.append("there is no latest")
    return found


def damage_of_restore(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the state that `restore` has left, once the later write was acknowledged: neither the shop of before nor that
    of the backup, or not the backup's though that was told."""
    database = Database(url_of(home))
    try:
        found = maintenance.problems(database)
        with database.read() as connection:
            names = set(connection.execute(text("SELECT subject FROM event WHERE kind = 'power'")).scalars())
        found += _wrong_rows(database, sorted(names | {"kept-0"}))
    except UNUSABLE as error:
        return [f"{type(error).__name__}: {error}"]
    finally:
        database.close()
    allowed = [{"kept-0"}] if "restored" in acknowledged else [{"kept-0"}, {"kept-0", "later-0"}]
    return found if names in allowed else [*found, f"{sorted(names)} is neither the one nor the other"]


def damage_of_exchange(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the state that `exchange` has left: neither all old nor all new, or not what was acknowledged."""
    try:
        state = swapping.state_of(swapping.Home(home))
    except (*UNUSABLE, AssertionError) as error:
        return [f"{type(error).__name__}: {error}"]
    return [f"{state}, and new was acknowledged" for told in acknowledged[-1:] if told != state]


def _wrong_rows(database: Database, acknowledged: Sequence[str]) -> list[str]:
    with database.read() as connection:
        told = [
            (row.subject, json.loads(row.payload)["rows"])
            for row in connection.execute(text("SELECT subject, payload FROM event WHERE kind = 'power'"))
        ]
        ids = connection.execute(text("SELECT return_id FROM return_line")).scalars()
        held = Counter(each.partition(":")[0] for each in ids)
    events = Counter(name for name, _ in told)
    wrong = {
        "acknowledged and lost": set(acknowledged) - set(events),
        "there twice": {name for name, count in events.items() if count > 1},
        "there in part": {name for name, rows in told if held[name] != rows} | (set(held) - set(events)),
    }
    return [f"{what}: {len(names)}, {sorted(names)[:MOST_NAMED]}" for what, names in wrong.items() if names]


def damage_of_sync(home: Path, acknowledged: Sequence[str]) -> list[str]:
    """Of the state that `sync` has left: transactions that were acknowledged and are gone, stored answers that the
    database names and that cannot be read, and what SQLite finds."""
    database, raw_store = Database(url_of(home)), RawStore(home / "raw")
    try:
        found = maintenance.problems(database)
        with database.read() as connection:
            number = int(connection.execute(text(f"SELECT number FROM {COUNTER}")).scalar_one())
            named = connection.execute(text("SELECT sha256, segment, position, length FROM raw_page")).all()
        last = max((int(each) for each in acknowledged if each.isdigit()), default=0)
        if not last <= number <= last + 1:
            found.append(f"{number} transactions are there, {last} were acknowledged")
        for digest, *where in named:
            if sha256(raw_store.read(RawLocation(*where))).hexdigest() != digest:
                found.append(f"a stored answer is another one: {where}")
    except UNUSABLE as error:
        found = [f"{type(error).__name__}: {error}"]
    finally:
        raw_store.close()
        database.close()
    return found
