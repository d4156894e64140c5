"""Transactions on both databases: what they keep, who waits for whom, and what is said when one cannot be used."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from micore.errors import ConflictError, SettingsError, StorageError, StorageRefusedError
from micore.storage.database import Database, WriterInfo, WriterLock
from micore.storage.dialects import check_sqlite_version
from micore.telemetry import metrics


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.write() as connection:
        connection.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY, words TEXT)"))
    yield made
    made.close()


def words(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT words FROM note ORDER BY id")).scalars())


def add(database: Database, number: int, said: str = "x") -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO note VALUES (:id, :words)"), {"id": number, "words": said})


class TestTransactions:
    def test_commits_at_the_end(self, database: Database) -> None:
        add(database, 1, "привет")
        assert words(database) == ["привет"]

    def test_an_exception_takes_everything_back(self, database: Database) -> None:
        def fail() -> None:
            with database.write() as connection:
                connection.execute(text("INSERT INTO note VALUES (1, 'x')"))
                raise ValueError("stop")

        with pytest.raises(ValueError, match="stop"):
            fail()
        assert words(database) == []
        add(database, 1)

    def test_a_reader_sees_one_snapshot(self, database: Database) -> None:
        with database.read() as connection:
            count = text("SELECT count(*) FROM note")
            assert connection.execute(count).scalar_one() == 0
            add(database, 1)
            assert connection.execute(count).scalar_one() == 0
        assert words(database) == ["x"]

    def test_a_reader_cannot_write(self, database: Database) -> None:
        with pytest.raises((DBAPIError, StorageRefusedError)), database.read() as connection:
            connection.execute(text("INSERT INTO note VALUES (1, 'x')"))
        assert words(database) == []

    def test_many_writers_lose_nothing(self, database: Database) -> None:
        def work(first: int) -> None:
            for number in range(first, first + 10):
                add(database, number)

        threads = [threading.Thread(target=work, args=(each * 10,)) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(words(database)) == 80

    def test_statements_are_timed(self, database: Database) -> None:
        def observed() -> float:
            return metrics.REGISTRY.get_sample_value("db_query_duration_seconds_count", {"op": "read"}) or 0

        before = observed()
        words(database)
        assert observed() == before + 1

    def test_nobody_else_can_serialise_on_the_same_name(self, database: Database) -> None:
        entered = threading.Event()
        order: list[str] = []

        def other() -> None:
            entered.set()
            with database.write() as connection:
                database.dialect.serialise(connection, "publish")
                order.append("second")

        with database.write() as connection:
            database.dialect.serialise(connection, "publish")
            thread = threading.Thread(target=other)
            thread.start()
            entered.wait()
            thread.join(0.2)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]

    def test_tells_about_itself(self, database: Database) -> None:
        with database.read() as connection:
            assert database.dialect.version(connection)[0].isdigit()
            assert database.dialect.sizes_bytes(connection)["database"] > 0
            assert database.dialect.integrity_problems(connection) == []


class TestSqlite:
    def test_an_acknowledged_write_is_on_the_disk(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        with database.write() as connection:
            settings = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        database.close()
        assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}

    def test_the_library_is_new_enough(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        with database.read() as connection:
            version = tuple(map(int, database.dialect.version(connection).split(".")))
        database.close()
        assert version >= (3, 51, 3)

    @pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
    def test_older_libraries_are_refused(self, version: tuple[int, ...]) -> None:
        with pytest.raises(StorageError, match=r"needs 3\.51\.3") as caught:
            check_sqlite_version(version)
        assert "pysqlite3" in caught.value.remedy

    def test_a_file_that_another_program_holds(self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("micore.storage.dialects.BUSY_TIMEOUT_MS", 50)
        one, other = Database(sqlite_url), Database(sqlite_url)
        with pytest.raises(StorageError, match="is busy"), one.write(), other.write():
            pass
        with other.write():
            pass
        one.close()
        other.close()

    def test_write_inside_write_is_a_mistake(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        with pytest.raises(RuntimeError, match="pass the connection on"), database.write(), database.write():
            pass
        with database.write():
            pass
        database.close()

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "micore.db").write_bytes(b"not a database at all" * 100)
        database = Database(f"sqlite:///{tmp_path / 'micore.db'}")
        with pytest.raises(StorageError, match="cannot be opened"), database.read():
            pass

    def test_a_folder_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        database = Database(f"sqlite:///{tmp_path / 'file' / 'micore.db'}")
        with pytest.raises(StorageError, match="cannot be opened"), database.read():
            pass


class TestPostgresql:
    def test_a_server_that_does_not_answer(self) -> None:
        database = Database("postgresql://me:hunter22@127.0.0.1:1/nothing")
        with pytest.raises(StorageError, match="does not answer") as caught, database.read():
            pass
        assert "hunter22" not in str(caught.value)
        assert "MICORE_DATABASE_URL" in caught.value.remedy

    def test_a_database_that_is_not_there(self, postgres_url: str) -> None:
        database = Database(postgres_url.rpartition("/")[0] + "/no_such_database")
        with pytest.raises(StorageError, match="no_such_database"), database.read():
            pass


@pytest.mark.parametrize("url", ["mysql://h/db", "", "sqlite://", "sqlite:///:memory:", "postgresql"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="MICORE_DATABASE_URL"):
        Database(url)


def _hold(path: str, ready: object, done: object) -> None:
    lock = WriterLock(Path(path))
    lock.acquire(WriterInfo(4711, "http://127.0.0.1:9999"))
    ready.set()  # type: ignore[attr-defined]
    done.wait()  # type: ignore[attr-defined]
    # No release: the end of the process must be enough.


class TestWriterLock:
    def test_tells_who_holds_it_until_that_process_ends(self, tmp_path: Path) -> None:
        path = tmp_path / "db" / "micore.db"
        context = multiprocessing.get_context("spawn")
        ready, done = context.Event(), context.Event()
        process = context.Process(target=_hold, args=(str(path), ready, done))
        process.start()
        assert ready.wait(30)
        lock = WriterLock(path)
        assert lock.holder() == WriterInfo(4711, "http://127.0.0.1:9999")
        with pytest.raises(ConflictError, match="process id 4711"):
            lock.acquire(WriterInfo(1, ""))
        done.set()
        process.join()
        assert lock.holder() is None
        lock.acquire(WriterInfo(2, ""))
        lock.release()

    def test_is_free_after_release(self, tmp_path: Path) -> None:
        lock = WriterLock(tmp_path / "micore.db")
        assert lock.holder() is None
        lock.acquire(WriterInfo(1, "u"))
        assert lock.holder() == WriterInfo(1, "u")
        lock.release()
        assert lock.holder() is None
        lock.release()
