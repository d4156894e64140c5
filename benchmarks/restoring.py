"""How long a shop is away when a backup is restored: every check included, on SQLite, from a cold archive."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure
from micore.domain.backup_views import BackupTrigger
from micore.services.backups import Backups, Configuration
from micore.services.restoring import Restoring
from micore.storage import durable, migrations
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Database

GIGABYTE = 1e9
ROWS_PER_GIGABYTE = 5_600_000
ROUNDS = 3
GOAL_SECONDS = 60.0
FILL = """
INSERT INTO event (at, kind, actor, subject, payload)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
SELECT n, 'stock.published', 'worker', 'wildberries-' || (n % 7),
       '{{"generation":' || n || ',"products":' || (n * 7919 % 100003) || ',"mark":"' || hex(randomblob(48)) || '"}}'
FROM numbers
"""


def run(*, quick: bool) -> Iterator[Figure]:
    """Seconds of a gigabyte, from the command's first byte to the shop's; the median of some rounds."""
    with tempfile.TemporaryDirectory(prefix="micore-bench-") as name:
        home = Path(name)
        database = Database(f"sqlite:///{home / 'db' / 'micore.db'}")
        migrations.upgrade(database)
        rows = ROWS_PER_GIGABYTE // (10 if quick else 1)
        with database.write() as connection:
            connection.exec_driver_sql(FILL.format(rows=rows))
        database.close()
        backups = Backups(
            database=database,
            home=home,
            folder=BackupFolder(home / "backups"),
            program="benchmark",
            configuration=lambda: Configuration("", ""),
        )
        made = backups.create(BackupTrigger.COMMAND)
        assert made.file is not None
        restored, undone = _rounds(Restoring(database, home), Path(made.file), home)
    size = made.database_bytes / GIGABYTE
    how = (
        f"a database of {size:.2f} GB, {rows:,} rows, its archive of {made.size_bytes / GIGABYTE:.2f} GB not cached; "
        f"unpacked, all sums, quick check, foreign keys, rows counted, exchanged; median of {ROUNDS}, wall clock"
    )
    yield Figure("restore", "a gigabyte restored, every check included", restored / size, "s", GOAL_SECONDS, how)
    how = f"the same database exchanged back; median of {ROUNDS}, wall clock"
    yield Figure("restore", "a restore taken back", undone, "s", None, how)


def _rounds(restoring: Restoring, file: Path, home: Path) -> tuple[float, float]:
    """The median seconds of a restore, and of its undoing."""
    restored, undone = [], []
    for _ in range(ROUNDS):
        durable.forget_cached(file)
        started = time.perf_counter()
        restoring.run(file, confirmed=lambda _plan: True)
        restored.append(time.perf_counter() - started)
        started = time.perf_counter()
        restoring.undo(lambda _last: True)
        undone.append(time.perf_counter() - started)
        # What was restored is moved aside by the undoing, and would fill the disk.
        for kept in restoring.kept():
            for left in Path(kept.name).iterdir():
                left.unlink()
            Path(kept.name).rmdir()
        _remove_empty_logs(home)
    return sorted(restored)[ROUNDS // 2], sorted(undone)[ROUNDS // 2]


def _remove_empty_logs(home: Path) -> None:
    for folder in home.glob("before-*"):
        if not any(folder.iterdir()):
            folder.rmdir()
