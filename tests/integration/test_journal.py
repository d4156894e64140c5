"""Every committed change is in the transaction log before `write` returns, in the order of the commits, or it is said
why not; database and log that do not belong together are refused."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from micore.errors import StorageError
from micore.services.log_replay import begin_anew, replay_log
from micore.storage import migrations
from micore.storage.bulk import bulk_for
from micore.storage.changes import unpack
from micore.storage.database import Database
from micore.storage.events import Said, append_event
from micore.storage.journal import LoggedJournal, acting, write_events
from micore.storage.log_lines import FILE, Record
from micore.storage.replaying import Replay
from micore.storage.tables import (
    account,
    event,
    journal_change,
    journal_head,
    listing,
    sku,
    source_note,
    stock_snapshot,
)
from micore.storage.transaction_log import TransactionLog

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ACCOUNT = {"source": "ozon", "name": "shop", "currency": "RUB", "created_at": 1}


def opened(url: str, folder: Path, **how: Any) -> Database:
    journal = LoggedJournal(TransactionLog(folder, **how))
    database = Database(url, journal=journal)
    try:
        journal.look(database)
        migrations.upgrade(database)
        journal.open(database)
    except StorageError:
        database.close()
        raise
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def database(migrated_url: str, folder: Path) -> Iterator[Database]:
    made = opened(migrated_url, folder)
    yield made
    made.close()


def records(folder: Path) -> list[Record]:
    return list(TransactionLog(folder).records())


def add_account(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(insert(account).values(**{**ACCOUNT, "external_id": name}))


def told_rows(record: Record) -> dict[str, list[dict[str, Any]]]:
    return {
        each.table: [dict(zip(each.columns, row, strict=True)) for row in each.rows]
        for each in unpack(record.changes)
        if each.rows
    }


def test_a_change_is_in_the_log_when_write_returns(database: Database, folder: Path) -> None:
    add_account(database, "1")
    last = records(folder)[-1]
    assert last.rows == {"account": 1}
    assert told_rows(last)["account"][0]["external_id"] == "1"
    with database.read() as connection:
        assert connection.execute(select(journal_head.c.seq)).scalar() == last.seq
        assert connection.execute(select(event.c.kind).where(event.c.seq == last.seq)).scalar() == "rows.written"


def test_what_is_said_stands_with_what_changed(database: Database, folder: Path) -> None:
    with acting("sync:7", "ozon"), database.write() as connection:
        connection.execute(insert(account).values(**ACCOUNT, external_id="1"))
    with database.write() as connection:
        for kind in ("one", "two"):
            append_event(connection, at=5, kind=kind, actor="me", subject="it", payload={"n": 1})
        connection.execute(update(account).values(name="other"))
    first, one, two = records(folder)[-3:]
    assert (first.kind, first.actor, first.subject) == ("rows.written", "sync:7", "ozon")
    assert [(each.kind, each.actor, each.more, bool(each.changes)) for each in (one, two)] == [
        ("one", "me", True, False),
        ("two", "me", False, True),
    ]
    assert told_rows(two)["account"][0]["name"] == "other"


def test_nothing_is_written_for_a_transaction_that_changes_nothing(database: Database, folder: Path) -> None:
    before = len(records(folder))
    with database.write() as connection:
        connection.execute(update(account).where(account.c.id == 1).values(name="nobody"))
    assert len(records(folder)) == before


def test_what_is_rolled_back_is_neither_logged_nor_said_later(database: Database, folder: Path) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(account).values(**ACCOUNT, external_id="gone"))
            append_event(connection, at=1, kind="never", actor="a", subject="", payload={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    add_account(database, "kept")
    last = records(folder)[-1]
    assert [row["external_id"] for row in told_rows(last)["account"]] == ["kept"]
    assert "never" not in {each.kind for each in records(folder)}
    assert [each.seq for each in records(folder)] == list(range(1, last.seq + 1))


def test_a_row_that_is_touched_often_is_told_once_as_it_was_left(database: Database, folder: Path) -> None:
    columns = {"account_id": "int", "name": "text", "text": "text", "changed_at": "int"}
    add_account(database, "1")
    with database.write() as connection:
        for version in ("a", "b", "c"):
            # An upsert gives its conflict clause to the statements of triggers, on SQLite.
            bulk_for(connection).put(
                connection, "source_note", columns, ["account_id", "name"], [(1, "n", version, 1), (1, "m", version, 1)]
            )
        connection.execute(update(source_note).where(source_note.c.name == "n").values(text="d"))
    last = records(folder)[-1]
    assert last.rows == {"source_note": 2}
    assert sorted((row["name"], row["text"]) for row in told_rows(last)["source_note"]) == [("m", "c"), ("n", "d")]


def test_gone_rows_and_changed_keys_are_told(database: Database, folder: Path) -> None:
    add_account(database, "1")
    with database.write() as connection:
        for name in ("stays", "goes", "moves"):
            connection.execute(insert(source_note).values(account_id=1, name=name, text="", changed_at=1))
    with database.write() as connection:
        connection.execute(source_note.delete().where(source_note.c.name == "goes"))
        connection.execute(update(source_note).where(source_note.c.name == "moves").values(name="moved"))
    (part,) = unpack(records(folder)[-1].changes)
    assert sorted(part.gone) == [[1, "goes"], [1, "moves"]]
    assert [row[part.columns.index("name")] for row in part.rows] == ["moved"]


def test_large_transactions_lie_in_parts_and_are_replayed_whole(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    columns = {"account_id": "int", "name": "text", "text": "text", "changed_at": "int"}
    add_account(database, "1")
    with database.write() as connection:
        rows = [(1, f"{n:06}", "x", 1) for n in range(12_000)]
        bulk_for(connection).put(connection, "source_note", columns, ["account_id", "name"], rows)
    parts = records(folder)[-3:]
    assert [(each.part, each.parts, each.rows["source_note"]) for each in parts] == [
        (1, 3, 5_000),
        (2, 3, 5_000),
        (3, 3, 2_000),
    ]
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")
    replay_log(again, TransactionLog(folder))
    with again.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM source_note")).scalar() == 12_000
    again.close()


def test_rows_that_change_places_are_replayed(database: Database, folder: Path, tmp_path: Path) -> None:
    add_account(database, "1")
    with database.write() as connection:
        for number in (1, 2):
            connection.execute(
                insert(listing).values(
                    account_id=1, external_id=str(number), offer_id="", name="", archived=False, changed_at=1
                )
            )
            connection.execute(insert(sku).values(account_id=1, listing_id=number, external_id=f"s{number}"))
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")
    replay_log(again, TransactionLog(folder))
    with database.write() as connection:
        for number, name in ((1, "between"), (2, "1"), (1, "2")):
            connection.execute(update(listing).where(listing.c.id == number).values(external_id=name))
    replay_log(again, TransactionLog(folder))
    with again.read() as connection:
        told = connection.execute(select(listing.c.id, listing.c.external_id, listing.c.archived).order_by("id")).all()
        assert [tuple(row) for row in told] == [(1, "2", False), (2, "1", False)]
        assert connection.execute(select(sku.c.id)).scalars().all() == [1, 2]
    again.close()


def test_new_rows_get_new_numbers_after_a_replay(database: Database, folder: Path, postgres_url: str) -> None:
    add_account(database, "1")
    again = opened_after_replay(postgres_url, folder)
    add_account(again, "2")
    with again.read() as connection:
        assert connection.execute(select(account.c.id).order_by(account.c.id)).scalars().all() == [1, 2]
    again.close()


def opened_after_replay(url: str, folder: Path) -> Database:
    copied = folder.with_name("copied")
    shutil.copytree(folder, copied)
    plain = Database(url)
    replay_log(plain, TransactionLog(copied))
    plain.close()
    return opened(url, copied)


def test_writers_at_once_are_logged_in_the_order_of_their_commits(database: Database, folder: Path) -> None:
    def write(name: str) -> None:
        for number in range(15):
            add_account(database, f"{name}-{number}")

    threads = [threading.Thread(target=write, args=(f"writer {n}",)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = records(folder)
    assert [each.seq for each in found] == list(range(1, len(found) + 1))
    told = [row["external_id"] for each in found for row in told_rows(each).get("account", [])]
    assert len(told) == len(set(told)) == 120
    with database.read() as connection:
        assert set(connection.execute(select(account.c.external_id)).scalars()) == set(told)


def test_two_processes_on_one_database_keep_one_log(migrated_postgres_url: str, folder: Path) -> None:
    # Two instances share no memory: each is to the other what another process is.
    one, two = opened(migrated_postgres_url, folder), opened(migrated_postgres_url, folder)
    for number in range(6):
        add_account((one, two)[number % 2], str(number))
    told = [row["external_id"] for each in records(folder) for row in told_rows(each).get("account", [])]
    assert told == [str(number) for number in range(6)]
    one.close()
    two.close()


class Disk:
    """Syncs, or says that the disk is full."""

    full = False

    def sync(self, fd: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(fd)


def test_a_log_that_cannot_be_written_stops_writing_until_it_can(migrated_url: str, folder: Path) -> None:
    disk = Disk()
    database = opened(migrated_url, folder, sync=disk.sync)
    disk.full = True
    with pytest.raises(StorageError, match="No space left"):
        add_account(database, "not acknowledged")
    assert "No space left" in (database.journal.state().problem or "")
    with pytest.raises(StorageError, match="No space left"):
        add_account(database, "not even begun")
    disk.full = False
    add_account(database, "again")
    assert database.journal.state().problem is None
    told = [row["external_id"] for each in records(folder) for row in told_rows(each).get("account", [])]
    assert told == ["not acknowledged", "again"]
    database.close()


def test_what_was_committed_before_a_crash_is_logged_at_the_next_start(migrated_url: str, folder: Path) -> None:
    disk = Disk()
    database = opened(migrated_url, folder, sync=disk.sync)
    add_account(database, "1")
    disk.full = True
    with pytest.raises(StorageError):
        add_account(database, "2")
    database.close()
    opened(migrated_url, folder).close()
    told = [row["external_id"] for each in records(folder) for row in told_rows(each).get("account", [])]
    assert told == ["1", "2"]


def test_changes_leave_the_database_when_the_log_has_them(database: Database) -> None:
    for number in range(5):
        add_account(database, str(number))
    with database.read() as connection:
        kept = set(connection.execute(select(journal_change.c.seq)).scalars())
        seq = connection.execute(select(journal_head.c.seq)).scalar()
    assert kept == {seq}


# ---------------------------------------------------------------------- database and log that do not belong together


def _lose_database(database: Database, folder: Path) -> None:
    del folder
    with database.install() as connection:
        for table in ("journal_head", "journal_change"):
            connection.execute(text(f"DROP TABLE {table}"))


def _older_database(database: Database, folder: Path) -> None:
    del folder
    with database.install() as connection:
        connection.execute(text("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"))
        connection.execute(text("UPDATE journal_head SET seq = seq - 1, logged = seq - 1"))


def _shorter_log(database: Database, folder: Path) -> None:
    del database
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    (folder / FILE).write_bytes(b"".join(lines[:-2]))


def _lost_log(database: Database, folder: Path) -> None:
    del database
    shutil.rmtree(folder)


def _other_log(database: Database, folder: Path) -> None:
    with database.install() as connection:
        connection.execute(text("UPDATE journal_head SET log = 'another'"))
    del folder


def _other_past(database: Database, folder: Path) -> None:
    with database.install() as connection:
        connection.execute(text("UPDATE event SET at = at + 1"))
    del folder


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_lose_database, "is empty, but the transaction log"),
        (_older_database, "is older than its log"),
        (_shorter_log, "its end was lost|no longer holds what followed"),
        (_lost_log, "no longer holds what followed"),
        (_other_log, "belongs to another database"),
        (_other_past, "tell different things"),
    ],
)
def test_a_database_and_a_log_that_do_not_belong_together_are_refused(
    database: Database, folder: Path, harm: Callable[[Database, Path], None], says: str
) -> None:
    for number in range(4):
        add_account(database, str(number))
    database.close()
    harm(database, folder)
    url = database.dialect.url.render_as_string(hide_password=False)
    with pytest.raises(StorageError, match=says) as caught:
        opened(url, folder)
    assert caught.value.remedy


def test_a_new_log_begins_with_the_database_as_it_is(database: Database, folder: Path) -> None:
    add_account(database, "1")
    database.close()
    _lost_log(database, folder)
    kept = begin_anew(database, TransactionLog(folder), now=NOW)
    assert kept is None
    add_account(database, "2")
    first, last = records(folder)
    assert (first.kind, first.payload["empty"]) == ("log.begun", False)
    assert told_rows(last)["account"][0]["external_id"] == "2"
    # Such a log cannot make a database from nothing, and says so.
    again = Database(f"sqlite:///{folder.parent / 'again.db'}")
    with pytest.raises(StorageError, match="held rows already"):
        replay_log(again, TransactionLog(folder))
    again.close()


def test_an_old_log_is_kept_beside_the_new_one(database: Database, folder: Path) -> None:
    add_account(database, "1")
    kept = begin_anew(database, TransactionLog(folder), now=NOW)
    assert kept is not None
    assert kept.name == "log-before-20261120-000000Z"
    assert [row["external_id"] for row in told_rows(list(TransactionLog(kept).records())[-1])["account"]] == ["1"]
    assert [each.kind for each in records(folder)] == ["log.begun"]


def test_an_older_copy_is_brought_up_from_the_log(migrated_sqlite_url: str, folder: Path, tmp_path: Path) -> None:
    database = opened(migrated_sqlite_url, folder)
    add_account(database, "1")
    database.close()
    assert database.path is not None
    shutil.copy(database.path, tmp_path / "older.db")
    database = opened(migrated_sqlite_url, folder)
    add_account(database, "2")
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")
    done = replay_log(older, TransactionLog(folder))
    assert (done.transactions, done.rows) == (1, 1)
    with older.read() as connection:
        assert connection.execute(select(account.c.external_id)).scalars().all() == ["1", "2"]
    older.close()
    opened(f"sqlite:///{tmp_path / 'older.db'}", folder).close()
    database.close()


def test_a_replay_ends_at_an_instant_with_a_whole_transaction(migrated_url: str, folder: Path, tmp_path: Path) -> None:
    clock = iter(range(1_000, 2_000))
    journal = LoggedJournal(TransactionLog(folder), now=lambda: next(clock))
    database = Database(migrated_url, journal=journal)
    journal.open(database)
    for number in range(4):
        add_account(database, str(number))
    at = records(folder)[2].at
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")
    done = replay_log(again, TransactionLog(folder), until=at)
    assert (done.transactions, done.left, done.at) == (3, 2, at)
    with again.read() as connection:
        assert connection.execute(select(account.c.external_id)).scalars().all() == ["0", "1"]
    again.close()
    database.close()


def test_two_that_start_at_once_begin_one_log(migrated_url: str, folder: Path) -> None:
    journals = [LoggedJournal(TransactionLog(folder)) for _ in range(2)]
    one, two = (Database(migrated_url, journal=each) for each in journals)
    write = journals[0]._write

    def slow(database: Database, belongs: str | None) -> None:
        # Between its commit and its line the other one starts, and takes the line along.
        journals[1].open(two)
        add_account(two, "two")
        write(database, belongs)

    journals[0]._write = slow  # type: ignore[method-assign]
    journals[0].begin_log(one)
    journals[0]._write = write  # type: ignore[method-assign]
    add_account(one, "one")
    assert [each.kind for each in records(folder)] == ["log.begun", "rows.written", "rows.written"]
    TransactionLog(folder).verify()
    one.close()
    two.close()


def test_a_transaction_of_many_parts_is_caught_up_whole(
    migrated_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micore.storage.journal.RECORDS_AT_ONCE", 4)
    monkeypatch.setattr("micore.storage.noting.ROWS_PER_PART", 2)
    disk = Disk()
    database = opened(migrated_url, folder, sync=disk.sync)
    add_account(database, "1")
    columns = {"account_id": "int", "name": "text", "text": "text", "changed_at": "int"}
    rows = [(1, f"{n:06}", "x", 1) for n in range(21)]

    def put() -> None:
        with database.write() as connection:
            bulk_for(connection).put(connection, "source_note", columns, ["account_id", "name"], rows)

    disk.full = True
    with pytest.raises(StorageError):
        put()
    disk.full = False
    add_account(database, "2")
    found = records(folder)
    assert sum(each.rows.get("source_note", 0) for each in found) == 21
    assert [each.seq for each in found if each.part == 1] == list(range(1, found[-1].seq + 1))
    assert {(each.part, each.parts) for each in found if "source_note" in each.rows} == {(n, 11) for n in range(1, 12)}
    database.close()


def test_a_process_that_knows_more_than_a_database_that_went_back(migrated_sqlite_url: str, folder: Path) -> None:
    database = opened(migrated_sqlite_url, folder)
    add_account(database, "1")
    database.close()
    assert database.path is not None
    earlier = database.path.read_bytes()
    for number in range(2, 8):
        add_account(database, str(number))
    database.close()
    database.path.write_bytes(earlier)
    # As a return to an earlier state leaves them: another history, and a process that still knows the old one.
    with database.install() as connection:
        connection.execute(update(journal_head).values(log="another"))
        known = database.journal.log.known()  # type: ignore[attr-defined]
        head = write_events(connection, [Said(1, "k", "a", "", {})], known=known)
    assert (head.seq, head.logged) == (3, 1)
    database.close()


def test_a_replay_that_was_broken_off_must_be_taken_up(database: Database, folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        add_account(database, str(number))
    url = f"sqlite:///{tmp_path / 'again.db'}"
    again = Database(url)
    replay = Replay(again)
    replay.run(TransactionLog(folder).records())
    again.close()
    copied = shutil.copytree(folder, tmp_path / "copied")
    with pytest.raises(StorageError, match="broken off"):
        opened(url, copied)
    again = Database(url)
    replay_log(again, TransactionLog(copied))
    again.close()
    opened(url, copied).close()


def test_a_replay_that_is_refused_changes_nothing(database: Database, folder: Path, tmp_path: Path) -> None:
    add_account(database, "1")
    other = opened(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other")
    add_account(other, "2")
    add_account(other, "3")
    with other.write() as connection:
        connection.execute(
            insert(stock_snapshot).values(account_id=1, run_id=1, scope="fbo", as_of=1, state="staged", complete=False)
        )
    other.close()
    plain = Database(f"sqlite:///{tmp_path / 'other.db'}")
    add_account(database, "4")
    add_account(database, "5")
    with pytest.raises(StorageError, match="different histories"):
        replay_log(plain, TransactionLog(folder))
    with plain.read() as connection:
        assert connection.execute(select(stock_snapshot.c.state)).scalars().all() == ["staged"]
    plain.close()
