"""Copies of a PostgreSQL database by `pg_dump` of the server's own version, from the snapshot whose rows it counts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

from micore.errors import StorageError
from micore.storage.copies import FILE_NAME, LAST_NUMBER, REVISION, Copied, Copies, counted_tables, differing
from micore.storage.durable import sync_file
from micore.storage.manifests import Manifest

CONNECT_TIMEOUT_SECONDS = 5
PROGRAM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
"""Where systems put the programs of several versions beside each other."""

_COPY = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(')


class PostgresqlCopies(Copies):
    """Dumps of one database of a server, in PostgreSQL's custom format, not compressed."""

    def __init__(self, url: URL) -> None:
        self._url = url

    def take(self, folder: Path) -> Copied:
        target = folder / FILE_NAME
        with self._snapshot() as (connection, snapshot):
            program = program_of("pg_dump", connection.info.server_version // 10_000)
            present = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables")}
            if "alembic_version" not in present:
                raise StorageError(
                    f"There is no database of micore in {self._url.render_as_string()} yet.",
                    remedy="`micore db migrate` makes it, and so does the first start of micore.",
                )
            self._dump(program, snapshot, target)
            copied = Copied(
                target,
                database="postgresql",
                schema=str(_value(connection, REVISION)),
                sequence=_sequence(connection, present),
                rows={
                    table: int(_value(connection, f'SELECT count(*) FROM "{table}"'))
                    for table in counted_tables(present)
                },
            )
        sync_file(target)
        return copied

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[psycopg.Connection[Any], str]]:
        """A transaction that sees one moment, and the name by which pg_dump sees the same."""
        try:
            connection: psycopg.Connection[Any] = psycopg.connect(
                self._url.set(drivername="postgresql").render_as_string(hide_password=False),
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                application_name="micore backup",
            )
        except psycopg.OperationalError as error:
            raise StorageError(
                f"The database {self._url.render_as_string()} does not answer: {str(error).splitlines()[0]}",
                remedy="Start the database or mend MICORE_DATABASE_URL; `micore db check` tells more.",
            ) from error
        with connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection, str(_value(connection, "SELECT pg_export_snapshot()"))

    def _dump(self, program: Path, snapshot: str, target: Path) -> None:
        # The password goes by the environment: arguments are there for every user of the machine to read.
        environment = {**os.environ, "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_SECONDS)}
        if self._url.password is not None:
            environment["PGPASSWORD"] = str(self._url.password)
        shown = self._url.set(drivername="postgresql")._replace(password=None).render_as_string(hide_password=False)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        ended = subprocess.run(
            [
                program,
                "--format=custom",
                "--compress=0",  # the archive is compressed as a whole
                "--no-owner",
                "--no-privileges",
                "--no-password",
                f"--snapshot={snapshot}",
                f"--file={target}",
                f"--dbname={shown}",
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip()
            raise StorageError(
                f"pg_dump could not copy {self._url.render_as_string()}: {said[-500:]}",
                remedy="Make room on the disk of the backups, and let this user of PostgreSQL read every table.",
            )


def problems(path: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a dump that was read back; empty when nothing is. Reads all of it, and counts its rows.

    Raises StorageError where no `pg_restore` is installed.
    """
    program = program_of("pg_restore", None)
    with subprocess.Popen(
        [program, "--file=-", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reading:
        assert reading.stdout is not None and reading.stderr is not None
        rows, schema = _told(reading.stdout)
        said = reading.stderr.read().decode(errors="replace").strip()
    if reading.returncode != 0:
        return [f"pg_restore cannot read it ({said[-300:]})"]
    return differing(manifest, schema, rows)


def _told(lines: Any) -> tuple[dict[str, int], str | None]:
    """The rows of each table in the script that a dump stands for, and its revision: one row is one line."""
    rows: Counter[str] = Counter()
    table, schema = None, None
    for line in lines:
        if table is None:
            found = _COPY.match(line)
            if found:
                table = found[1].decode()
                rows[table] += 0
        elif line == b"\\.\n":
            table = None
        else:
            rows[table] += 1
            if table == "alembic_version":
                schema = line.decode().strip()
    return dict(rows), schema


def program_of(name: str, major: int | None) -> Path:
    """A program of PostgreSQL: of this major version, or the newest there is. Raises StorageError naming the package.

    A dump is made by the server's own version: an older program refuses, and what a newer one writes its own
    `pg_restore` may not read.
    """
    found = {version: path for path in _candidates(name) if (version := _major(path)) is not None}
    wanted = major if major is not None else max(found, default=None)
    if wanted is None or wanted not in found:
        there = ", ".join(str(each) for each in sorted(found)) or "none"
        needed = f"{name} of PostgreSQL {major}" if major is not None else name
        raise StorageError(
            f"{needed} is not installed; found on this machine: {there}.",
            remedy=f"Install the package postgresql-client{f'-{major}' if major is not None else ''}, "
            "or put the program's folder on the PATH.",
        )
    return found[wanted]


def _candidates(name: str) -> Iterator[Path]:
    for pattern in PROGRAM_FOLDERS:
        yield from sorted(Path("/").glob(f"{pattern.removeprefix('/')}/{name}"))
    # Later ones win: what is first on the PATH is what this user means.
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for folder in reversed(folders):
        path = shutil.which(name, path=folder) if folder else None
        if path:
            yield Path(path)


def _major(program: Path) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None


def _value(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _sequence(connection: psycopg.Connection[Any], present: set[str]) -> int:
    if LAST_NUMBER[0] not in present:
        return 0
    return int(_value(connection, LAST_NUMBER[1]) or 0)
