"""A backup becomes the live shop on both databases, row by row, and what it replaced comes back as well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from micore.cache import MemoryCache
from micore.errors import ArchiveError, ConflictError, MicoreError, NotFoundError, RecoveryKeyError, StorageError
from micore.services.health import Health
from micore.services.restoring import NotWantedError
from micore.services.shop import Shop
from micore.storage import archives, migrations, postgresql_restores, swap
from micore.storage.archives import Archive, Prepared
from micore.storage.database import Database, WriterInfo, WriterLock
from micore.storage.recovery_key import RecoveryKey
from tests.support.backing_up import number, numbers
from tests.support.restoring import Restorable, drop_kept, restorable, rows_of, synced_shop, tree


@pytest.fixture
def shop(migrated_url: str, tmp_path: Path) -> Iterator[Restorable]:
    database = Database(migrated_url)
    number(database, 20)
    made = restorable(database, tmp_path / "home")
    yield made
    drop_kept(made.database)
    database.close()


def databases(shop: Restorable) -> list[str]:
    """What is on the server beside the live database; nothing on SQLite."""
    if shop.database.path is not None:
        return []
    live = shop.database.dialect.url.database
    with shop.database.read() as connection:
        found = connection.execute(
            text("SELECT datname FROM pg_database WHERE starts_with(datname, :live)"), {"live": f"{live}_"}
        )
        return sorted(row[0] for row in found)


def repacked(file: Path, key: RecoveryKey, folder: Path, **changes: object) -> Path:
    """The same archive with another manifest, rightly signed."""
    folder.mkdir()
    with Archive.opened(file, key) as archive:
        manifest = archive.manifest
        parts = []
        for number_of, part in enumerate(manifest.parts):
            plain = folder / f"{number_of}.plain"
            archive.unpack(part, plain)
            packed = folder / f"{number_of}.packed"
            if part.kind in ("database", "configuration"):
                with plain.open("rb") as source:
                    parts.append(archives.prepare_compressed(part.kind, part.name, source, packed))
            else:
                parts.append(archives.prepare_plain(part.kind, part.name, plain))
    made = msgspec.structs.replace(manifest, parts=tuple(each.part for each in parts), **changes)
    target = folder / file.name
    archives.write(target, made, [Prepared(each.part, each.path) for each in parts], key)
    return target


def test_a_synced_shop_comes_back_row_by_row_and_so_does_what_was_live(migrated_url: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with synced_shop(migrated_url, home) as (micore, _market, a_day_later):
        shop = restorable(micore.database, home)
        before = shop.rows()
        assert len(before["order_line"]) > 20
        file = shop.backup()
        a_day_later()
        after = shop.rows()
        assert after["order_line"] != before["order_line"]
        shop.restore(file)
        assert shop.rows() == before
        shop.restoring.undo(lambda _last: True)
        assert shop.rows() == after
        shop.restoring.undo(lambda _last: True)
        assert shop.rows() == before
        # It is a shop and not a museum: the next sync reads what it lacks again.
        shop.restoring.settle()
        a_day_later()
        assert len(shop.rows()["order_line"]) >= len(after["order_line"])
        drop_kept(shop.database)


def test_what_would_be_lost_is_told_before(shop: Restorable) -> None:
    file = shop.backup()
    number(shop.database, 5, first=21)
    plan = shop.restoring.inspect(file)
    assert plan.differing == [("generation", 20, 25)]
    assert (plan.parts, plan.schema) == (["database", "configuration"], migrations.head())
    with pytest.raises(NotWantedError):
        shop.restoring.run(file, confirmed=lambda each: each != plan)
    assert numbers(shop.database) == list(range(1, 26))
    assert shop.restoring.last() is None


def test_a_live_database_that_is_gone_or_damaged_is_no_obstacle(migrated_sqlite_url: str, tmp_path: Path) -> None:
    database = Database(migrated_sqlite_url)
    number(database, 20)
    shop = restorable(database, tmp_path / "home")
    file = shop.backup()
    database.close()
    assert database.path is not None
    database.path.write_bytes(b"nothing that SQLite knows" * 1000)
    assert shop.restoring.inspect(file).live_rows is None
    shop.restore(file)
    assert numbers(database) == list(range(1, 21))
    database.close()
    database.path.unlink()
    shop.restore(file)
    assert numbers(database) == list(range(1, 21))
    database.close()


def test_answers_count_on_from_above_those_of_before(shop: Restorable) -> None:
    file = shop.backup()
    with shop.database.write() as connection:
        connection.execute(text("UPDATE generation SET number = 40 WHERE region = 'test 000003'"))
    shop.restore(file)
    shop.restoring.settle()
    shop.restoring.settle()
    found = {row[0]: row[1] for row in shop.rows()["generation"]}
    assert found["test 000003"] == 41
    assert found["test 000004"] == 2
    events = [row for row in shop.rows()["event"] if "database.restored" in row]
    assert len(events) == 1


class TestRefused:
    """With a line, and with everything as it was: rows, files and the server's databases."""

    def refused(self, shop: Restorable, file: Path, error: type[MicoreError], words: str) -> None:
        rows, files, beside = shop.rows(), tree(shop.home), databases(shop)
        with pytest.raises(error, match=words):
            shop.restore(file)
        assert shop.rows() == rows
        (shop.home / "restore.lock").unlink(missing_ok=True)
        assert tree(shop.home) == files
        assert databases(shop) == beside

    def test_a_flipped_byte(self, shop: Restorable, tmp_path: Path) -> None:
        file = shop.backup()
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "bad.tar").write_bytes(content)
        self.refused(shop, tmp_path / "bad.tar", ArchiveError, "not a whole backup")

    def test_a_backup_of_another_installation(self, shop: Restorable, tmp_path: Path) -> None:
        foreign = repacked(shop.backup(), shop.backups.key(), tmp_path / "same")
        key = RecoveryKey(b"x" * 32)
        other = repacked(foreign, shop.backups.key(), tmp_path / "again")
        with Archive.opened(other, shop.backups.key()) as archive:
            assert archive.manifest.rows
        shop.backups.key_path.write_text(key.text)
        self.refused(shop, foreign, ArchiveError, "another recovery key")
        shop.backups.key_path.unlink()
        self.refused(shop, foreign, RecoveryKeyError, "no recovery key")

    def test_rows_that_are_not_those_of_the_manifest(self, shop: Restorable, tmp_path: Path) -> None:
        file = shop.backup()
        with Archive.opened(file, shop.backups.key()) as archive:
            rows = dict(archive.manifest.rows) | {"generation": 19}
        lying = repacked(file, shop.backups.key(), tmp_path / "lying", rows=rows)
        self.refused(shop, lying, ArchiveError, "generation holds 20 rows, its manifest says 19")

    def test_a_newer_schema_and_another_kind(self, shop: Restorable, tmp_path: Path) -> None:
        file = shop.backup()
        newer = repacked(file, shop.backups.key(), tmp_path / "newer", schema="9999")
        self.refused(shop, newer, StorageError, "the backup is newer")
        kind = "sqlite" if shop.database.path is None else "postgresql"
        other = repacked(file, shop.backups.key(), tmp_path / "other", database=kind)
        self.refused(shop, other, StorageError, f"is a backup of a {kind} database")

    def test_no_room(self, shop: Restorable, monkeypatch: pytest.MonkeyPatch) -> None:
        file = shop.backup()
        usage = shutil.disk_usage(shop.home)
        monkeypatch.setattr("shutil.disk_usage", lambda _path: usage._replace(free=1000))
        self.refused(shop, file, StorageError, "are free")


def test_an_older_schema_is_migrated_by_the_next_start(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    migrations.upgrade(database, "0011")
    shop = restorable(database, tmp_path / "home")
    file = shop.backup()
    migrations.upgrade(database)
    shop.restore(file)
    assert migrations.upgrade(database) == migrations.head()
    shop.restoring.settle()
    drop_kept(shop.database)
    database.close()


def test_nothing_to_undo(shop: Restorable) -> None:
    with pytest.raises(NotFoundError):
        shop.restoring.undo(lambda _last: True)


def test_not_while_another_process_writes(migrated_sqlite_url: str, tmp_path: Path) -> None:
    database = Database(migrated_sqlite_url)
    shop = restorable(database, tmp_path / "home")
    file = shop.backup()
    assert database.path is not None
    other = WriterLock(database.path)
    other.acquire(WriterInfo(4711, "http://127.0.0.1:8083"))
    with pytest.raises(ConflictError, match="4711"):
        shop.restore(file)
    other.release()
    shop.restore(file)
    database.close()


class TestTheWholeCheckAfterwards:
    def health(self, shop: Restorable) -> Health:
        return Health(shop.database, MemoryCache(), Shop(), version="1", restored=shop.restoring.last)

    def test_a_whole_database(self, shop: Restorable) -> None:
        assert self.health(shop).report().restored is None
        shop.restore(shop.backup())
        assert self.health(shop).report().restored == "pending"
        shop.restoring.check_integrity()
        report = self.health(shop).report()
        assert (report.restored, report.status) == ("ok", "ok")

    def test_an_index_without_its_rows(self, migrated_sqlite_url: str, tmp_path: Path) -> None:
        database = Database(migrated_sqlite_url)
        with database.write() as connection:
            connection.exec_driver_sql("CREATE INDEX bad ON generation (number)")
        number(database, 20)
        with database.write() as connection:
            # The quick check does not compare an index with its table.
            connection.exec_driver_sql("PRAGMA writable_schema=ON")
            connection.exec_driver_sql(
                "UPDATE sqlite_schema SET sql = 'CREATE INDEX bad ON generation (changed_at)' WHERE name = 'bad'"
            )
            connection.exec_driver_sql("PRAGMA writable_schema=OFF")
        database.close()
        shop = restorable(database, tmp_path / "home")
        shop.restore(shop.backup())
        shop.restoring.check_integrity()
        report = self.health(shop).report()
        assert (report.restored, report.status) == ("damaged", "degraded")
        assert "micore restore undo" in report.problems[-1]
        database.close()


class TestPostgresql:
    @pytest.fixture
    def shop(self, migrated_postgres_url: str, tmp_path: Path) -> Iterator[Restorable]:
        database = Database(migrated_postgres_url)
        number(database, 5)
        made = restorable(database, tmp_path / "home")
        yield made
        drop_kept(made.database)
        database.close()

    def test_sessions_of_micore_are_ended_and_others_are_not(self, shop: Restorable) -> None:
        file, url = shop.backup(), shop.database.dialect.url.render_as_string(hide_password=False)
        ours = Database(url)
        assert len(numbers(ours)) == 5
        with psycopg.connect(url, application_name="report") as other:
            with pytest.raises(ConflictError, match="in use by report"):
                shop.restore(file)
            assert other.execute("SELECT 1").fetchone() == (1,)
        number(shop.database, 2, first=6)
        shop.restore(file)
        assert len(numbers(ours)) == 5, "it connects again, to what was restored"
        ours.close()

    def test_interrupted_between_the_database_and_its_log(
        self, shop: Restorable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = shop.home / "log"
        log.mkdir()
        (log / "transaction_log.jsonl").write_text("old\n")
        file = shop.backup(db_only=True)
        number(shop.database, 2, first=6)

        class KilledError(BaseException):
            pass

        def killed(*_arguments: object, **_named: object) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(swap, "exchange", killed)
            with pytest.raises(KilledError):
                shop.restore(file)
        assert log.exists()
        shop.restoring.finish()
        assert not log.exists()
        assert len(numbers(shop.database)) == 5
        shop.restoring.undo(lambda _last: True)
        assert (log / "transaction_log.jsonl").read_text() == "old\n"
        assert len(numbers(shop.database)) == 7

    def test_interrupted_before_the_database(self, shop: Restorable, monkeypatch: pytest.MonkeyPatch) -> None:
        class KilledError(BaseException):
            pass

        def killed(*_arguments: object) -> None:
            raise KilledError

        file = shop.backup()
        with monkeypatch.context() as patch:
            patch.setattr(postgresql_restores.PostgresqlRestores, "_rename", killed)
            # What a killed process does not come to.
            patch.setattr(postgresql_restores.PostgresqlRestores, "_forget_note", lambda _self: None)
            with pytest.raises(KilledError):
                shop.restore(file)
        assert len(databases(shop)) == 1
        shop.restoring.finish()
        assert databases(shop) == []
        assert len(numbers(shop.database)) == 5

    def test_a_user_who_may_not_make_databases(self, shop: Restorable, tmp_path: Path) -> None:
        url = shop.database.dialect.url
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as server:
            server.execute("DROP ROLE IF EXISTS plain_user")
            server.execute("CREATE ROLE plain_user LOGIN")
            server.execute("GRANT pg_read_all_data, pg_write_all_data TO plain_user")
        plain = Database(url.set(username="plain_user").render_as_string(hide_password=False))
        theirs = restorable(plain, tmp_path / "home")
        file = shop.backup()
        with pytest.raises(StorageError, match="may not make and rename databases") as caught:
            theirs.restore(file)
        assert 'ALTER ROLE "plain_user" CREATEDB' in caught.value.remedy
        plain.close()


def test_rows_are_compared_whole(migrated_url: str) -> None:
    """The comparison above would see one changed cell."""
    database = Database(migrated_url)
    number(database, 3)
    before = rows_of(database)
    with database.write() as connection:
        connection.execute(text("UPDATE generation SET changed_at = 9 WHERE region = 'test 000002'"))
    assert rows_of(database) != before
    database.close()
