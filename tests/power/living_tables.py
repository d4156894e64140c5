"""What the living process and those who judge what is left of it agree on."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import text

from micore.storage.database import Database
from tests.support.databases import migrate, sqlite_template

ACCOUNT_ID = 1
COUNTER = "power_counter"
"""A table of the tests: each transaction of a sync counts itself here."""
PAYLOAD = "возврат " * 20


def database_of(home: Path) -> Path:
    """The database of a data root."""
    return home / "db" / "micore.db"


def url_of(home: Path) -> str:
    """Its URL."""
    return f"sqlite:///{database_of(home)}"


def settle(home: Path, *, counter: bool = False) -> Path:
    """A new data root with a migrated database, an account and perhaps the counter; all of it durable."""
    database_of(home).parent.mkdir(parents=True)
    shutil.copyfile(sqlite_template("empty", migrate), database_of(home))
    database = Database(url_of(home))
    if counter:
        with database.write() as connection:
            connection.execute(text(f"CREATE TABLE {COUNTER} (number INTEGER NOT NULL)"))
            connection.execute(text(f"INSERT INTO {COUNTER} VALUES (0)"))
    else:
        open_account(database)
    database.close()
    return home


def open_account(database: Database) -> None:
    """The account that rows belong to."""
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, source, external_id, name, currency, created_at) "
                "VALUES (1, 'ozon', '1', 'a', 'RUB', 1)"
            )
        )
