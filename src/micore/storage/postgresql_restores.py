"""Restores of a PostgreSQL database: into a new database beside it, checked, then both renamed in one transaction.

The transaction log is a folder and cannot be in that transaction. A note beside it says what is under way: as long as
the new database still has its first name nothing was renamed, and afterwards the log has to follow.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock, Timeout
from psycopg import errors, sql
from sqlalchemy import URL

from micore.domain.restore_views import KeptState
from micore.errors import ArchiveError, ConflictError, NotFoundError, StorageError
from micore.storage import swap
from micore.storage.archives import Archive
from micore.storage.copies import REVISION, counted_tables, differing
from micore.storage.durable import replace_file, sync_folder
from micore.storage.manifests import Manifest
from micore.storage.postgresql_copies import program_of
from micore.storage.restores import LOG, STAGING, Restores, Staged, refuse_other_kind, unpack_log

NOTE = "exchanging.json"
LOCK = "restore.lock"
OURS = "micore"
"""How the names of all our programs begin, as the server knows them."""
MAINTENANCE = ("postgres", "template1")
ATTEMPTS = 5
LONGEST_NAME = 63 - len("_before_20261124_020000z")
_STAMP = "%Y%m%d_%H%M%Sz"
Administration = psycopg.Connection[Any]


class PostgresqlRestores(Restores):
    """Restores into one database of a server."""

    name = "postgresql"

    def __init__(self, url: URL, home: Path) -> None:
        self._url = url
        self._home = home
        self._live = str(url.database)
        self._lock = FileLock(home / LOCK, thread_local=False)

    @property
    def held(self) -> bool:
        """Whether we are the only one who restores."""
        return self._lock.is_locked

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConflictError("Another micore process is restoring this database; wait for its end.") from None
        try:
            self._finish()
            self._sweep()
            try:
                yield
            finally:
                self._sweep()
        finally:
            self._lock.release()

    def _sweep(self) -> None:
        """Take away what is half done, unless it is in the middle of its exchange."""
        if (self._home / NOTE).exists():
            return
        for left in self._home.glob(f"{STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        with self._administration() as server:
            for name in self._databases(server, "restore"):
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def finish(self) -> None:
        if (self._home / NOTE).exists():
            with self.alone():
                pass

    def stage(self, archive: Archive, folder: Path) -> Staged:
        refuse_other_kind(archive.manifest, self.name, archive.path)
        if len(self._live.encode()) > LONGEST_NAME:
            raise StorageError(
                f"The name of the database {self._live} has more than {LONGEST_NAME} bytes: it cannot be kept aside.",
                remedy="Rename the database and mend MICORE_DATABASE_URL.",
            )
        dump = folder / "database"
        for part in archive.manifest.parts:
            if part.kind == "database":
                archive.unpack(part, dump)
        name = f"{self._live}_restore_{folder.name.rpartition('-')[2]}"
        with self._administration() as server:
            self._create(server, name)
            program = program_of("pg_restore", server.info.server_version // 10_000)
        self._fill(program, dump, name, archive.path)
        dump.unlink()
        problems = self._problems(name, archive.manifest)
        if problems:
            raise ArchiveError(str(archive.path), problem="of its database: " + "; ".join(problems))
        url = self._url.set(drivername="postgresql", database=name)
        return Staged(url.render_as_string(hide_password=False), unpack_log(archive, folder))

    def exchange(self, staged: Staged, now: datetime) -> str:
        new = staged.url.rpartition("/")[2].partition("?")[0]
        now = self._free_instant(now)
        note = {"new": new, "at": now.isoformat(), "log": None if staged.log is None else str(staged.log)}
        replace_file(self._home / NOTE, json.dumps(note).encode())
        try:
            kept = self._rename(new, now)
        except BaseException:
            self._forget_note()
            raise
        self._finish()
        return kept

    def undo(self, now: datetime) -> str:
        with self._administration() as server:
            before = self._databases(server, "before")
        if not before:
            raise NotFoundError("restore to undo of", self._live)
        was = _instant(before[-1])
        now = self._free_instant(max(now, was + timedelta(seconds=1)))
        folder = self._log_folder(was)
        log = folder / LOG if folder.exists() else None
        note = {"new": before[-1], "at": now.isoformat(), "log": None if log is None or not log.exists() else str(log)}
        replace_file(self._home / NOTE, json.dumps(note).encode())
        try:
            kept = self._rename(before[-1], now)
        except BaseException:
            self._forget_note()
            raise
        self._finish()
        shutil.rmtree(folder, ignore_errors=True)
        return kept

    def kept(self) -> list[KeptState]:
        with self._administration() as server:
            names = self._databases(server, "before")
            return [
                KeptState(
                    name=name,
                    replaced_at=_instant(name),
                    size_bytes=int(_value(server, "SELECT pg_database_size(%s)", name)),
                )
                for name in reversed(names)
            ]

    # ---------------------------------------------------------------------------------------------------- the exchange

    def _rename(self, new: str, now: datetime) -> str:
        """Both names at once; sessions of micore are ended, those of others are not."""
        kept = f"{self._live}_before_{now.astimezone(UTC).strftime(_STAMP).lower()}"
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        for attempt in range(1, ATTEMPTS + 1):
            with self._administration() as server:
                self._end_ours(server, new)
                try:
                    with server.transaction():
                        if self._exists(server, self._live):
                            server.execute(rename.format(sql.Identifier(self._live), sql.Identifier(kept)))
                        server.execute(rename.format(sql.Identifier(new), sql.Identifier(self._live)))
                    return kept
                except errors.ObjectInUse as error:
                    # A running micore has connected again between our two statements.
                    if attempt == ATTEMPTS:
                        raise StorageError(
                            f"The database {self._live} is in use again and again: {_first_line(error)}",
                            remedy="Stop `micore serve` and what else uses it, then restore again.",
                        ) from error
                except errors.InsufficientPrivilege as error:
                    raise _lacks_right(self._url, error) from error
        raise AssertionError("the loop ends by itself")

    def _end_ours(self, server: Administration, new: str) -> None:
        sessions = server.execute(
            "SELECT pid, usename, application_name FROM pg_stat_activity"
            " WHERE datname = ANY(%s) AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            [[self._live, new]],
        ).fetchall()
        others = [f"{name or 'a program'} of {user}" for _, user, name in sessions if not str(name).startswith(OURS)]
        if others:
            raise ConflictError(
                f"The database {self._live} is in use by {', '.join(sorted(set(others)))}; close that first."
            )
        for pid, _, _ in sessions:
            server.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    def _finish(self) -> None:
        """Let the log follow a database that was renamed; forget the note of one that was not."""
        note = self._home / NOTE
        if not note.exists():
            return
        try:
            told = json.loads(note.read_bytes())
            new, at = str(told["new"]), datetime.fromisoformat(told["at"])
            staged = None if told["log"] is None else Path(told["log"])
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"{note}, which says what a restore was about to do, cannot be read: {error!r}.",
                remedy=f"Look by `psql -l` which databases begin with {self._live}_, rename them by hand, remove it.",
            ) from None
        live_log = self._home / LOG
        swap.finish(live_log)
        with self._administration() as server:
            renamed = not self._exists(server, new)
        if renamed and not (self._log_folder(at) / swap.RECORD).exists():
            swap.exchange(live_log, [(live_log, staged)], lock=self, now=at)
        self._forget_note()

    def _forget_note(self) -> None:
        (self._home / NOTE).unlink()
        sync_folder(self._home)

    def _log_folder(self, at: datetime) -> Path:
        return self._home / f"{swap.PREFIX}{at.astimezone(UTC).strftime('%Y%m%d-%H%M%SZ')}"

    def _free_instant(self, now: datetime) -> datetime:
        """`now`, or the first second after it under which nothing is kept yet."""
        with self._administration() as server:
            taken = {_instant(name) for name in self._databases(server, "before")}
        now = now.astimezone(UTC).replace(microsecond=0)
        while now in taken or self._log_folder(now).exists():
            now += timedelta(seconds=1)
        return now

    # ----------------------------------------------------------------------------------------------------- the server

    @contextmanager
    def _administration(self, database: str | None = None) -> Iterator[Administration]:
        """A connection to a database that is not exchanged; each statement its own transaction."""
        refusal: psycopg.Error | None = None
        for name in [database] if database else MAINTENANCE:
            url = self._url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
            try:
                connection = psycopg.connect(
                    url, autocommit=True, connect_timeout=5, application_name=f"{OURS} restore"
                )
            except psycopg.OperationalError as error:
                refusal = error
                continue
            with connection:
                yield connection
            return
        raise StorageError(
            f"The server of {self._url.render_as_string()} lets this user into neither of the databases "
            f"{' and '.join(MAINTENANCE)}: {_first_line(refusal)}",
            remedy="Start the server, or allow this user one of them: a database cannot be renamed from inside.",
        )

    def _create(self, server: Administration, name: str) -> None:
        like = server.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = %s",
            [self._live],
        ).fetchone()
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        if like is not None:
            statement += sql.SQL(" ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*map(sql.Literal, like))
        try:
            server.execute(statement)
        except errors.InsufficientPrivilege as error:
            raise _lacks_right(self._url, error) from error

    def _fill(self, program: Path, dump: Path, name: str, file: Path) -> None:
        environment = {**os.environ, "PGAPPNAME": f"{OURS} restore"}
        if self._url.password is not None:
            environment["PGPASSWORD"] = str(self._url.password)
        shown = self._url.set(drivername="postgresql", database=name)._replace(password=None)
        ended = subprocess.run(
            [
                program,
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-password",
                "--jobs=2",
                f"--dbname={shown.render_as_string(hide_password=False)}",
                dump,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip()
            raise StorageError(
                f"pg_restore could not bring {file} into the new database {name}: {said[-500:]}",
                remedy="Nothing live was touched. Make room on the server's disk, or restore another backup.",
            )

    def _problems(self, name: str, manifest: Manifest) -> list[str]:
        with self._administration(name) as server:
            present = {row[0] for row in server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
            rows = {
                table: int(_value(server, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))))
                for table in counted_tables(present)
            }
            schema = str(_value(server, REVISION)) if "alembic_version" in present else None
        return differing(manifest, schema, rows)

    def _databases(self, server: Administration, what: str) -> list[str]:
        """The databases that are called as this one is, with `what` behind it; the oldest first."""
        form = re.compile(rf"{re.escape(self._live)}_{what}_(\d{{8}}_\d{{6}}z|[0-9a-f]{{6}})")
        return sorted(name for (name,) in server.execute("SELECT datname FROM pg_database") if form.fullmatch(name))

    def _exists(self, server: Administration, name: str) -> bool:
        return bool(_value(server, "SELECT count(*) FROM pg_database WHERE datname = %s", name))


def _instant(name: str) -> datetime:
    stamp = "_".join(name.split("_")[-2:])
    return datetime.strptime(stamp.removesuffix("z"), _STAMP.removesuffix("z")).replace(tzinfo=UTC)


def _value(server: Administration, statement: Any, *values: Any) -> Any:
    row = server.execute(statement, values).fetchone()
    assert row is not None
    return row[0]


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().split("\n", 1)[0]


def _lacks_right(url: URL, error: psycopg.Error) -> StorageError:
    user = url.username or "this user"
    return StorageError(
        f"{user} may not make and rename databases on the server of {url.render_as_string()}: {_first_line(error)}",
        remedy=f'As an administrator: ALTER ROLE "{user}" CREATEDB; and ALTER DATABASE "{url.database}" OWNER TO '
        f'"{user}"; then restore again. The right can be taken away afterwards.',
    )
