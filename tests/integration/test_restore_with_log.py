"""A backup with the log behind it: nothing that was acknowledged is lost, or as much as was asked to be left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select

from micore.app import log_of_backup
from micore.domain.instants import instant
from micore.errors import StorageError
from micore.services.restoring_log import Wanted
from micore.storage import migrations
from micore.storage.archives import Archive
from micore.storage.database import Database
from micore.storage.journal import LoggedJournal
from micore.storage.restores import unpack_log
from micore.storage.tables import account, event
from micore.storage.transaction_log import TransactionLog
from tests.support.restoring import Restorable, restorable

ALL = Wanted()


@dataclass
class Logged:
    """A shop that keeps its log."""

    shop: Restorable
    database: Database
    folder: Path
    url: str

    def add(self, *names: str) -> None:
        for name in names:
            with self.database.write() as connection:
                connection.execute(
                    insert(account).values(source="ozon", external_id=name, name=name, currency="RUB", created_at=1)
                )

    def names(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(account.c.external_id).order_by(account.c.id)).scalars())

    def restore(self, file: Path, wanted: Wanted = ALL) -> Any:
        done = self.shop.restoring.run(file, wanted=wanted, confirmed=lambda _plan: True)
        self.start()
        return done

    def undo(self) -> None:
        self.shop.restoring.undo(lambda _last: True)
        self.start()

    def start(self) -> None:
        """What a start does."""
        journal = self.database.journal
        assert isinstance(journal, LoggedJournal)
        journal.open(self.database)

    def newest(self) -> datetime:
        with self.database.read() as connection:
            return instant(
                int(connection.execute(select(event.c.at).order_by(event.c.seq.desc()).limit(1)).scalar_one())
            )

    def log_names(self) -> int:
        return TransactionLog(self.folder).verify().records


@pytest.fixture
def logged(migrated_url: str, tmp_path: Path) -> Iterator[Logged]:
    home = tmp_path / "home"
    home.mkdir()
    clock = iter(datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=n) for n in range(10_000))
    journal = LoggedJournal(TransactionLog(home / "log"), now=lambda: int(next(clock).timestamp() * 1_000_000))
    database = Database(migrated_url, journal=journal)
    journal.open(database)
    shop = restorable(database, home, log_parts=partial(log_of_backup, database))
    made = Logged(shop, database, home / "log", migrated_url)
    yield made
    database.close()
    if database.path is None:
        url = str(database.dialect.url.set(database="postgres").render_as_string(hide_password=False))
        live = database.dialect.url.database
        with psycopg.connect(url, autocommit=True) as server:
            for (name,) in server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{live}\\_%"]):
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_what_was_written_after_the_backup_comes_back(logged: Logged) -> None:
    logged.add("1", "2")
    file = logged.shop.backup()
    logged.add("3", "4")
    done = logged.restore(file)
    assert logged.names() == ["1", "2", "3", "4"]
    assert (done.replayed, done.left) == (2, 0)
    logged.add("5")
    assert logged.names() == ["1", "2", "3", "4", "5"]
    assert TransactionLog(logged.folder).verify().torn_bytes == 0


def test_rows_that_others_refer_to_were_changed_after_the_backup(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    with logged.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET name = 'renamed'")
    logged.restore(file)
    with logged.database.read() as connection:
        assert connection.execute(select(account.c.name)).scalars().all() == ["renamed"]


def test_a_destroyed_database_comes_back_whole(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2", "3")
    if logged.database.path is not None:
        logged.database.close()
        logged.database.path.write_bytes(b"gone")
    else:
        with logged.database.install() as connection:
            connection.exec_driver_sql("DROP TABLE sku_barcode")
    logged.restore(file)
    assert logged.names() == ["1", "2", "3"]


def test_the_log_is_put_back_up_to_an_instant_and_goes_on_from_there(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2")
    until = logged.newest()
    logged.add("3", "4")
    done = logged.restore(file, Wanted(until))
    assert logged.names() == ["1", "2"]
    assert (done.replayed, done.left) == (1, 2)
    logged.add("5")
    assert logged.names() == ["1", "2", "5"]
    # The same backup with the log behind it now gives this history.
    logged.restore(file)
    assert logged.names() == ["1", "2", "5"]


def test_undo_brings_database_and_log_back_together(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2")
    until = logged.newest()
    logged.add("3")
    logged.restore(file, Wanted(until))
    logged.undo()
    assert logged.names() == ["1", "2", "3"]
    logged.add("4")
    logged.restore(file)
    assert logged.names() == ["1", "2", "3", "4"]


def test_a_backup_alone_leaves_the_log_out(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2")
    logged.restore(file, Wanted(backup_only=True))
    assert logged.names() == ["1"]
    logged.add("3")
    logged.restore(file)
    assert logged.names() == ["1", "3"]


def test_a_backup_of_a_history_that_was_left_is_refused_with_the_log(logged: Logged) -> None:
    logged.add("1")
    early = logged.shop.backup()
    logged.add("2")
    late = logged.shop.backup()
    logged.restore(early, Wanted(backup_only=True))
    logged.add("other", "another")
    with pytest.raises(StorageError, match="another history"):
        logged.restore(late)
    assert logged.names() == ["1", "other", "another"]
    logged.restore(late, Wanted(backup_only=True))
    assert logged.names() == ["1", "2"]
    logged.add("3")
    assert logged.names() == ["1", "2", "3"]


def test_an_instant_before_the_backup_is_refused(logged: Logged) -> None:
    logged.add("1")
    until = logged.newest()
    logged.add("2")
    file = logged.shop.backup()
    with pytest.raises(StorageError, match="which is later"):
        logged.restore(file, Wanted(until))
    assert logged.names() == ["1", "2"]


def test_without_a_log_an_instant_is_refused_and_the_backup_alone_is_restored(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup(db_only=True)
    logged.add("2")
    logged.database.close()
    shutil.rmtree(logged.folder)
    with pytest.raises(StorageError, match="there is no transaction log"):
        logged.restore(file, Wanted(datetime(2026, 12, 1, tzinfo=UTC)))
    logged.restore(file)
    assert logged.names() == ["1"]
    logged.add("3")
    assert [each.kind for each in TransactionLog(logged.folder).records()] == ["log.begun", "rows.written"]


def test_the_backup_brings_its_log_where_all_else_is_lost(logged: Logged) -> None:
    logged.add("1")
    first = logged.shop.backup()
    logged.add("2")
    second = logged.shop.backup()
    assert [len(each.read_bytes()) > 0 for each in (first, second)] == [True, True]
    logged.database.close()
    shutil.rmtree(logged.folder)
    logged.restore(second)
    assert logged.names() == ["1", "2"]
    logged.add("3")
    # The log goes on: what it holds by now is put behind the same backup.
    logged.restore(second)
    assert logged.names() == ["1", "2", "3"]
    # Behind the one before, too: each archive holds what the one before it did not.
    logged.restore(first)
    assert logged.names() == ["1", "2", "3"]


def test_each_archive_holds_the_part_of_the_log_that_the_last_did_not(logged: Logged, tmp_path: Path) -> None:
    journal = logged.database.journal
    assert isinstance(journal, LoggedJournal)
    seqs = []
    for number in range(3):
        logged.add(str(number))
        file = logged.shop.backup()
        with Archive.opened(file, logged.shop.backups.key()) as archive:
            folder = tmp_path / str(number)
            folder.mkdir()
            unpacked = unpack_log(archive, folder)
        assert unpacked is not None
        seqs.append([each.seq for each in TransactionLog(unpacked).records()])
    assert seqs == [[1, 2], [3], [4]]


def test_a_damaged_log_is_refused_before_anything_is_touched(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2", "3")
    logged.database.close()
    path = logged.folder / "transaction_log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-2] = lines[-2].replace(b"rows.written", b"rows.WRITTEN")
    path.write_bytes(b"".join(lines))
    with pytest.raises(StorageError, match="damaged"):
        logged.restore(file)
    assert logged.names() == ["1", "2", "3"]


def test_what_is_whole_of_a_damaged_log_comes_back_where_that_is_asked_for(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2", "3", "4")
    logged.database.close()
    path = logged.folder / "transaction_log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-2] = lines[-2].replace(b"rows.written", b"rows.WRITTEN")
    path.write_bytes(b"".join(lines))
    done = logged.restore(file, Wanted(despite_damage=True))
    assert "damaged" in done.damage
    assert logged.names() == ["1", "2"]
    logged.add("5")
    TransactionLog(logged.folder).verify()
    assert logged.names() == ["1", "2", "5"]


def test_a_damaged_log_does_not_keep_the_backup_alone_from_coming_back(logged: Logged) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.add("2")
    until = logged.newest()
    logged.add("3", "4")
    logged.database.close()
    path = logged.folder / "transaction_log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b"rows.written", b"rows.WRITTEN")
    path.write_bytes(b"".join(lines))
    logged.restore(file, Wanted(until))
    assert logged.names() == ["1", "2"]
    logged.restore(file, Wanted(backup_only=True))
    assert logged.names() == ["1"]
    logged.add("5")
    assert logged.names() == ["1", "5"]


def test_a_log_that_has_only_just_begun_gives_way_to_that_of_the_backup(logged: Logged, tmp_path: Path) -> None:
    logged.add("1")
    file = logged.shop.backup()
    logged.database.close()
    shutil.rmtree(logged.folder)
    fresh = LoggedJournal(TransactionLog(logged.folder))
    empty = Database(f"sqlite:///{tmp_path / 'fresh.db'}", journal=fresh)
    migrations.upgrade(empty)
    fresh.open(empty)
    empty.close()
    logged.restore(file)
    logged.add("2")
    assert logged.names() == ["1", "2"]
    assert [each.seq for each in TransactionLog(logged.folder).records()] == [1, 2, 3]
