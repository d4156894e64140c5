"""Shops to back up, change and restore; everything in a database, to compare; everything in a folder, to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import inspect, text

from micore.domain.run_views import RunState
from micore.services.backups import Backups
from micore.services.restoring import Restoring
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage.database import Database
from tests.support.backing_up import backups_of
from tests.support.real_sync import Installation, installed

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Restorable:
    """A database with its data root, and what backs it up and restores it."""

    database: Database
    home: Path
    backups: Backups
    restoring: Restoring

    def backup(self, **options: Any) -> Path:
        """The archive of a new backup."""
        from micore.domain.backup_views import BackupTrigger

        made = self.backups.create(BackupTrigger.COMMAND, **options)
        assert made.file is not None
        return Path(made.file)

    def restore(self, file: Path) -> None:
        """Without a question."""
        self.restoring.run(file, confirmed=lambda _plan: True)

    def rows(self) -> Rows:
        """Everything in the database."""
        return rows_of(self.database)


def restorable(database: Database, home: Path, **changes: Any) -> Restorable:
    """The parts for one database and one data root."""
    home.mkdir(exist_ok=True)
    later = iter(NOW + timedelta(minutes=minute) for minute in range(1000))
    return Restorable(
        database, home, backups_of(database, home, **changes), Restoring(database, home, now=lambda: next(later))
    )


def rows_of(database: Database) -> Rows:
    """Every row of every table, sorted."""
    with database.read() as connection:
        return {
            table: sorted((tuple(row) for row in connection.execute(text(f'SELECT * FROM "{table}"'))), key=repr)
            for table in inspect(connection).get_table_names()
        }


def drop_kept(database: Database) -> None:
    """Databases that restores have left on the server of the tests; the database itself if no fixture made it."""
    if database.path is None:
        live = str(database.dialect.url.database)
        url = database.dialect.url.set(database="postgres").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as server:
            for (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
                if name.startswith(f"{live}_") or (name == live and name.endswith("_elsewhere")):
                    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def synced_shop(url: str, home: Path) -> Iterator[tuple[Installation, Running, Any]]:
    """An installation that has read a simulated Wildberries, the marketplace, and what reads it again a day later."""
    shop = Shop(seed=11, products=15, days=20, today=date(2026, 11, 20))
    now = [START]
    with (
        serve_in_thread(shop, Clock(START, frozen=True), limits=False) as market,
        installed(market, "wildberries", url, home, now=lambda: now[0]) as micore,
    ):
        assert micore.sync().state == RunState.DONE

        def a_day_later() -> None:
            market.clock.advance(86_400)
            now[0] += timedelta(days=1)
            assert micore.sync().state in (RunState.DONE, RunState.GAPS)

        yield micore, market, a_day_later


def tree(folder: Path) -> dict[str, str]:
    """Every path below a folder with its kind, rights and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = f"{about.st_mode:o} {content}"
    return found
