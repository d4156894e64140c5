"""Copies of an SQLite database by its online backup: in one step, beside a writer that goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from micore.errors import StorageError
from micore.storage.copies import FILE_NAME, LAST_NUMBER, REVISION, Copied, Copies, counted_tables, differing
from micore.storage.durable import sync_file
from micore.storage.manifests import Manifest

BUSY_TIMEOUT_SECONDS = 30


class SqliteCopies(Copies):
    """Copies of the database in one file."""

    def __init__(self, driver: Any, path: Path) -> None:
        self._driver = driver
        self._path = path

    def take(self, folder: Path) -> Copied:
        target = folder / FILE_NAME
        with self._explained():
            self.copy_to(target)
            with opened(self._driver, target) as copy:
                present = _tables(copy)
                if "alembic_version" not in present:
                    raise StorageError(
                        f"There is no database of micore in {self._path} yet.",
                        remedy="`micore db migrate` makes it, and so does the first start of micore.",
                    )
                return Copied(
                    target,
                    database="sqlite",
                    schema=str(copy.execute(REVISION).fetchone()[0]),
                    sequence=_sequence(copy, present),
                    rows=_rows(copy, counted_tables(present)),
                )

    def copy_to(self, target: Path) -> None:
        """The raw copy alone, into a new file, durable. Raises the driver's errors and OSError."""
        # Made here, so that nobody else may read it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._copy(target)
        sync_file(target)

    def _copy(self, target: Path) -> None:
        """A connection of its own, inside one read transaction: writers go on, and what they write is not in it."""
        source = f"file:{quote(str(self._path))}?mode=rw"  # read-only could not open a WAL that nobody has open
        with (
            closing(self._connect(source)) as original,
            closing(self._connect(f"file:{quote(str(target))}?mode=rw")) as copy,
        ):
            original.execute("PRAGMA query_only=ON")
            # A copy that is cut short is thrown away: it needs no journal, and is made durable at its end.
            copy.execute("PRAGMA synchronous=OFF")
            copy.execute("PRAGMA journal_mode=OFF")
            original.execute("BEGIN")
            original.backup(copy, pages=-1)
            original.execute("COMMIT")
            # The copy says, as the original, that a log stands beside it. None does.
            copy.execute("PRAGMA journal_mode=DELETE")

    def _connect(self, uri: str) -> Any:
        return self._driver.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            raise StorageError(
                f"The database file {self._path} cannot be copied: {error}.",
                remedy="Make room on the disk of the backups; `micore db check` tells whether the database is well.",
            ) from error


def problems(driver: Any, path: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a copy that was read back; empty when nothing is. Reads all of it."""
    try:
        with opened(driver, path) as copy:
            found = [str(row[0]) for row in copy.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
            found += [f"a foreign key of {row[0]} points nowhere" for row in copy.execute("PRAGMA foreign_key_check")]
            if found:
                return found
            schema = str(copy.execute(REVISION).fetchone()[0])
            present = _tables(copy)
            rows = _rows(copy, sorted(set(manifest.rows) & present))
            return differing(manifest, schema, rows)
    except driver.Error as error:
        return [f"SQLite cannot read it ({error})"]


@contextmanager
def opened(driver: Any, path: Path) -> Iterator[Any]:
    """A connection that only reads, to a file that nobody changes."""
    with closing(driver.connect(f"file:{quote(str(path))}?immutable=1", uri=True, isolation_level=None)) as connection:
        yield connection


def _tables(connection: Any) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _rows(connection: Any, tables: list[str]) -> dict[str, int]:
    return {table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]) for table in tables}


def _sequence(connection: Any, present: set[str]) -> int:
    if LAST_NUMBER[0] not in present:
        return 0
    return int(connection.execute(LAST_NUMBER[1]).fetchone()[0] or 0)
