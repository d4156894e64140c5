"""The schema's versions: bring a database to the present one, say where it stands, refuse what is newer."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from micore.errors import StorageError
from micore.storage.database import Database


def head() -> str:
    """The revision this program works with."""
    return _revisions()[0]


def current(connection: Connection) -> str | None:
    """The revision a database stands at; None when it has never been migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> str:
    """Bring the database up to a revision, each step in its own transaction; returns the revision it stands at.

    Raises StorageError when the database is newer than this program.
    """
    _run(database, "upgrade", revision)
    with database.read() as connection:
        return current(connection) or ""


def downgrade(database: Database, revision: str) -> None:
    """Take steps back, down to `revision` ("base": an empty database)."""
    _run(database, "downgrade", revision)


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


def _run(database: Database, verb: str, revision: str) -> None:
    with database.migrate() as connection:
        found = current(connection)
        if found is not None:
            _refuse_unknown(found)
        settings = config()
        settings.attributes["connection"] = connection
        getattr(command, verb)(settings, revision)


def _refuse_unknown(found: str) -> None:
    if found not in _revisions():
        raise StorageError(
            f"The database stands at revision {found}, which this program (at {head()}) does not know: it is newer.",
            remedy="Start the newer micore, or restore a backup made by this version.",
        )


@cache
def _revisions() -> list[str]:
    """All revisions of this program, the newest first; they do not change while it runs."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


def config() -> Config:
    """Alembic's settings, without an ini file."""
    made = Config()
    # A per cent sign in the path would be read as an interpolation.
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made
