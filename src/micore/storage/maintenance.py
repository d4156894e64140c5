"""How the database is: version, revision, sizes, rows, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from micore.errors import StorageError
from micore.storage import migrations
from micore.storage.database import Database
from micore.storage.events import next_generation
from micore.storage.tables import event, metadata

DatabaseFailure = SQLAlchemyError
"""What reading a damaged database raises, for those who know no SQL."""


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """What `micore db info` shows."""

    url: str
    """Without its password."""
    kind: str
    version: str
    revision: str | None
    head: str
    """The revision this program works with."""
    sizes_bytes: dict[str, int]
    rows: dict[str, int]
    """By table; empty where there is no schema yet."""


def revision(database: Database) -> str | None:
    """The schema revision a database stands at; None when it has none."""
    with database.read() as connection:
        return migrations.current(connection)


def info(database: Database) -> DatabaseInfo:
    """Everything `micore db info` shows; counts rows, so it reads the whole database once."""
    with database.read() as connection:
        present = set(inspect(connection).get_table_names())
        rows = {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in sorted(metadata.tables.values(), key=lambda each: each.name)
            if table.name in present
        }
        return DatabaseInfo(
            url=database.shown_url,
            kind=database.dialect.name,
            version=database.dialect.version(connection),
            revision=migrations.current(connection),
            head=migrations.head(),
            sizes_bytes=database.dialect.sizes_bytes(connection),
            rows=rows,
        )


def writes_since(database: Database, since: int) -> int:
    """How many writes were acknowledged after an instant in microseconds."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).where(event.c.at > since)).scalar_one())


def thorough_problems(database: Database) -> list[str]:
    """As `problems`, with every index compared with its table: takes long, about a minute for 1 GB."""
    try:
        with database.read() as connection:
            return database.dialect.integrity_problems(connection, thorough=True)
    except (StorageError, SQLAlchemyError) as error:
        return [str(error)]


def problems(database: Database) -> list[str]:
    """What is wrong; empty when nothing is. Reads the whole file on SQLite."""
    with database.read() as connection:
        found = database.dialect.integrity_problems(connection)
        try:
            migrations.check(connection)
        except StorageError as error:
            found.append(str(error))
    return found


PROBE = "probe"
"""A generation that nobody asks for: counting it up is a write as any other."""


def still_refused(database: Database, *, now: int) -> StorageError | None:
    """Whether the disk refuses us still, asked by a write of our own: nobody else may write for hours.

    None where it has not, or serves us again.
    """
    if database.refused is None:
        return None
    try:
        with database.write() as connection:
            next_generation(connection, PROBE, now=now)
    except StorageError as error:
        return error
    database.refused = None
    return None
