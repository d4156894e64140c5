"""A shop with some rows, and the backups of it, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from micore.services.backups import Backups, Configuration
from micore.storage.archives import Archive
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Database
from micore.storage.events import next_generation

AT = datetime(2026, 11, 24, 2, 0, 5, tzinfo=UTC)
SECRET = "a-key-that-nobody-may-read"


def number(database: Database, count: int, first: int = 1) -> None:
    """Write rows with these numbers, each in a transaction of its own."""
    for each in range(first, first + count):
        with database.write() as connection:
            next_generation(connection, f"test {each:06d}", now=each)


def numbers(database: Database) -> list[int]:
    """The numbers that `number` wrote, in order."""
    statement = text("SELECT region FROM generation WHERE region LIKE 'test %' ORDER BY region")
    with database.read() as connection:
        return [int(row[0].removeprefix("test ")) for row in connection.execute(statement)]


def backups_of(database: Database, home: Path, **changes: Any) -> Backups:
    """The backups of a data root, at a fixed moment."""
    made = Backups(
        database=database,
        home=home,
        folder=BackupFolder(home / "backups"),
        program="0.1.0",
        configuration=lambda: Configuration("MICORE_CURRENCY=RUB\n", f"MICORE_OZON_API_KEY={SECRET}\n"),
        now=lambda: AT,
    )
    return replace(made, **changes)


def unpacked(backups: Backups, file: str | None, kind: Any, target: Path) -> bytes:
    """What a part of an archive unpacks to."""
    assert file is not None
    with Archive.opened(Path(file), backups.key()) as archive:
        part = archive.manifest.part(kind)
        assert part is not None
        archive.unpack(part, target)
    return target.read_bytes()
