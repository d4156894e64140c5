"""Migrations on both databases: they build what tables.py says, go up and down, and refuse what they do not know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from micore.errors import StorageError
from micore.storage import dialects, maintenance, migrations, search
from micore.storage.database import Database
from micore.storage.tables import metadata

SEARCH = "product_search"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def spelled(index: Any) -> str:
    """An index as text; a partial one's condition is an object whose own text would name its address."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def schema(connection: Connection) -> dict[str, Any]:
    """All that the database itself knows of the tables of tables.py."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": [{key: str(value) for key, value in column.items()} for column in inspector.get_columns(name)],
            "key": inspector.get_pk_constraint(name),
            "references": sorted(map(str, inspector.get_foreign_keys(name))),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "indexes": sorted(map(spelled, inspector.get_indexes(name))),
            "options": str(inspector.get_table_options(name)),
        }
        for name in sorted(inspector.get_table_names())
        if not name.startswith(SEARCH) and name != "alembic_version"
    }


class TestUpgrade:
    def test_builds_what_the_tables_say(self, database: Database) -> None:
        with database.write() as connection:
            metadata.create_all(connection)
            declared = schema(connection)
            metadata.drop_all(connection)
        migrations.upgrade(database)
        with database.read() as connection:
            assert schema(connection) == declared

    def test_files_are_called_as_alembic_knows_them(self) -> None:
        walked = [script.revision for script in ScriptDirectory.from_config(migrations.config()).walk_revisions()]
        assert migrations.revisions() == walked

    def test_a_database_that_stands_there_is_not_moved(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        migrations.upgrade(database)
        monkeypatch.setattr(Database, "migrate", None)
        assert migrations.upgrade(database) == migrations.head()

    def test_alembic_finds_no_difference(self, database: Database) -> None:
        migrations.upgrade(database)
        with database.write() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                    "include_name": lambda name, kind, _parents: not (kind == "table" and name.startswith(SEARCH)),
                },
            )
            assert compare_metadata(context, metadata) == []

    def test_twice_is_once(self, database: Database) -> None:
        assert migrations.upgrade(database) == migrations.upgrade(database) == migrations.head()

    def test_two_at_once(self, database_url: str) -> None:
        failures: list[BaseException] = []

        def work() -> None:
            own = Database(database_url)
            try:
                migrations.upgrade(own)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)
            finally:
                own.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    def test_it_waits_longer_than_other_writers_for_another_one(
        self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dialects, "BUSY_TIMEOUT_MS", 20)
        first, second = Database(sqlite_url), Database(sqlite_url)
        done = threading.Event()
        try:
            with first.migrate() as connection:
                connection.execute(text("CREATE TABLE being_rebuilt (id INTEGER)"))

                def upgrade() -> None:
                    migrations.upgrade(second)
                    done.set()

                waiting = threading.Thread(target=upgrade)
                waiting.start()
                assert not done.wait(0.5)
            waiting.join()
            assert done.is_set()
        finally:
            first.close()
            second.close()

    def test_down_and_up_again(self, database: Database) -> None:
        migrations.upgrade(database)
        before = tables(database)
        migrations.downgrade(database, "base")
        assert tables(database) == {"alembic_version"}
        migrations.upgrade(database)
        assert tables(database) == before

    def test_a_failed_step_leaves_nothing(self, database: Database) -> None:
        with database.write() as connection:
            # In the way of the migration, half-way through it.
            connection.execute(text("CREATE TABLE run (id INTEGER)"))
        with pytest.raises(Exception, match="run"):
            migrations.upgrade(database)
        assert tables(database) - {"run"} == set()


class TestRefusal:
    def test_an_empty_database(self, database: Database) -> None:
        with database.read() as connection, pytest.raises(StorageError, match="no schema") as caught:
            migrations.check(connection)
        assert "micore db migrate" in caught.value.remedy

    def test_a_newer_database(self, database: Database) -> None:
        migrations.upgrade(database)
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StorageError, match=r"9999.*newer"):
            migrations.upgrade(database)
        with database.read() as connection, pytest.raises(StorageError, match="newer"):
            migrations.check(connection)
        assert any("newer" in problem for problem in maintenance.problems(database))

    def test_the_present_one_is_welcome(self, database: Database) -> None:
        migrations.upgrade(database)
        with database.read() as connection:
            assert migrations.check(connection) == migrations.head()
        assert maintenance.problems(database) == []


def test_info_counts_rows(database: Database) -> None:
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(metadata.tables["generation"].insert().values(region="stock", number=1, changed_at=0))
    found = maintenance.info(database)
    assert found.rows["generation"] == 1
    assert set(found.rows) == set(metadata.tables)
    assert (found.revision, found.head) == (migrations.head(), migrations.head())


def test_references_are_checked_after_a_migration(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    migrations.upgrade(database)
    orphan = text("INSERT INTO sku (account_id, listing_id, external_id) VALUES (1, 99, 'x')")
    with pytest.raises(StorageError, match="refer to rows that do not exist"), database.migrate() as connection:
        connection.execute(orphan)
    with pytest.raises(Exception, match="FOREIGN KEY"), database.write() as connection:
        connection.execute(orphan)
    database.close()


def test_search_works_without_the_extension(postgres_url: str) -> None:
    database = Database(postgres_url)
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(text("DROP INDEX IF EXISTS ix_product_search_text"))
        connection.execute(text("DROP EXTENSION IF EXISTS pg_trgm"))
        assert search.upsert(connection, [(1, "Рубашка")]) == 1
    database.close()


def test_amounts_that_are_not_paid_go_and_no_others(database: Database) -> None:
    migrations.upgrade(database)
    migrations.downgrade(database, "0008")
    columns = "external_id, booking_id, booked_day, kind, amount, currency, name, known_from"
    with database.write() as connection:
        for number, source in enumerate(("wildberries", "wildberries-2", "ozon"), 1):
            connection.execute(
                text(
                    "INSERT INTO account (id, source, external_id, name, currency, created_at) "
                    "VALUES (:id, :source, :source, :source, 'RUB', 1)"
                ),
                {"id": number, "source": source},
            )
            connection.execute(
                text(
                    f"INSERT INTO finance_line (account_id, {columns}) "
                    "VALUES (:id, :name, '7', '2026-11-12', 'other', -1, 'RUB', '', 1)"
                ),
                [{"id": number, "name": f"7:{part}"} for part in ("sale", "carriage", "discount", "delivery")],
            )
    migrations.upgrade(database)
    with database.read() as connection:
        found = connection.execute(text("SELECT account_id, external_id FROM finance_line ORDER BY 1, 2")).all()
    left = [(account, f"7:{part}") for account in (1, 2) for part in ("delivery", "sale")]
    assert [tuple(row) for row in found] == left + [
        (3, f"7:{part}") for part in ("carriage", "delivery", "discount", "sale")
    ]


def test_a_funnel_that_is_gone_is_read_anew(database: Database) -> None:
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, source, external_id, name, currency, created_at) "
                "VALUES (1, 'wildberries', '1', 'a', 'RUB', 1)"
            )
        )
        for stream in ("funnel", "orders"):
            named = {"stream": stream}
            connection.execute(
                text(
                    "INSERT INTO stream_state (account_id, stream, cursor, complete, changed_at) "
                    "VALUES (1, :stream, '{}', true, 1)"
                ),
                named,
            )
            connection.execute(
                text(
                    "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
                    "VALUES (1, :stream, 1, 'a', 'b', 'c', 1)"
                ),
                named,
            )
    migrations.downgrade(database, "0010")
    migrations.upgrade(database)
    with database.read() as connection:
        for table in ("stream_state", "quarantine"):
            assert connection.execute(text(f"SELECT stream FROM {table}")).scalars().all() == ["orders"], table


def test_returns_keep_their_quantity_and_those_without_go_with_the_schema(database: Database) -> None:
    def told() -> list[tuple[Any, ...]]:
        with database.read() as connection:
            query = "SELECT id, return_id, quantity, returned_day, finished_at FROM return_line ORDER BY id"
            return [tuple(row) for row in connection.execute(text(query))]

    def put(number: int, quantity: int | None) -> None:
        with database.write() as connection:
            connection.execute(
                text(
                    "INSERT INTO return_line (id, account_id, return_id, sku_id, scheme, kind, state, quantity, "
                    "reason, returned_at, returned_day, known_from) "
                    "VALUES (:id, 1, :name, 5, '', 'buyer', 'back', :quantity, '', 1, '2026-11-12', 1)"
                ),
                {"id": number, "name": f"R-{number}", "quantity": quantity},
            )

    migrations.upgrade(database)
    migrations.downgrade(database, "0012")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, source, external_id, name, currency, created_at) "
                "VALUES (1, 'ozon', '1', 'a', 'RUB', 1)"
            )
        )
    put(1, 2000)
    with pytest.raises(Exception, match=r"quantity|null"):
        put(2, None)
    migrations.upgrade(database)
    put(2, None)
    kept = (1, "R-1", 2000, "2026-11-12", None)
    assert told() == [kept, (2, "R-2", None, "2026-11-12", None)]
    migrations.downgrade(database, "0012")
    assert told() == [kept]
