"""The schema's versions: bring a database to the present one, say where it stands, refuse what is newer.

Alembic is loaded only to move a database: most starts find it where it should be.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from micore.errors import StorageError
from micore.storage.database import Database
from micore.storage.events import append_event
from micore.storage.journal import SCHEMA_MIGRATED

if TYPE_CHECKING:
    from alembic.config import Config


def head() -> str:
    """The revision this program works with."""
    return revisions()[0]


def current(connection: Connection) -> str | None:
    """The revision a database stands at; None when it has never been migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(database: Database, revision: str = "head", *, said: bool = True) -> str:
    """Bring the database up to a revision, each step in its own transaction; returns the revision it stands at.
    `said=False` leaves no event of it, for those who repeat one.

    Raises StorageError when the database is newer than this program.
    """
    with database.read() as connection:
        if revision == "head" and current(connection) == head():
            return head()
    _run(database, "upgrade", revision, said=said)
    with database.read() as connection:
        return current(connection) or ""


def downgrade(database: Database, revision: str, *, said: bool = True) -> None:
    """Take steps back, down to `revision` ("base": an empty database)."""
    _run(database, "downgrade", revision, said=said)


def check(connection: Connection) -> str:
    """The database's revision when it is the present one.

    Raises StorageError when it was never migrated, is older or is newer than this program.
    """
    found = current(connection)
    if found is None:
        raise StorageError("The database holds no schema yet.", remedy="Run `micore db migrate`.")
    _refuse_unknown(found)
    if found != head():
        raise StorageError(
            f"The database stands at revision {found}, this program works with {head()}.",
            remedy="Run `micore db migrate`.",
        )
    return found


def _run(database: Database, verb: str, revision: str, *, said: bool) -> None:
    from alembic import command

    with database.migrate() as connection:
        found = current(connection)
        if found is not None:
            _refuse_unknown(found)
        settings = config()
        settings.attributes["connection"] = connection
        getattr(command, verb)(settings, revision)
        reached = current(connection)
        if said and found not in (None, reached) and inspect(connection).has_table("journal_head"):
            # Whoever replays the log changes its schema here, too.
            append_event(
                connection,
                at=time.time_ns() // 1000,
                kind=SCHEMA_MIGRATED,
                actor="micore",
                subject="",
                payload={"from": found, "to": reached},
            )


def _refuse_unknown(found: str) -> None:
    if found not in revisions():
        raise StorageError(
            f"The database stands at revision {found}, which this program (at {head()}) does not know: it is newer.",
            remedy="Start the newer micore, or restore a backup made by this version.",
        )


@cache
def revisions() -> list[str]:
    """All revisions of this program by the names of their files, the newest first; they do not change while it runs."""
    files = (Path(__file__).parent / "versions").glob("[0-9]*_*.py")
    return sorted((file.name.partition("_")[0] for file in files), reverse=True)


def config() -> Config:
    """Alembic's settings, without an ini file."""
    from alembic.config import Config

    made = Config()
    # A per cent sign in the path would be read as an interpolation.
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made
