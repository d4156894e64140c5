"""Backups: the raw copy beside a plain one, a writer's pace beside it, and the seconds that each step takes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.homes import HOMES, Home
from benchmarks.made_up import MadeUpShop, fill_catalogue
from benchmarks.measure import Figure, median_ratio
from micore.domain.backup_views import Backup, BackupTrigger
from micore.services.backups import NICENESS, Backups, Configuration
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Database
from micore.storage.events import next_generation
from micore.storage.sqlite_copies import SqliteCopies

ROUNDS = 9
WINDOW_SECONDS = 1.5
COPY_GOAL = 1.8
WRITER_GOAL = 1 / 0.95
GIGABYTE = 1e9


def run(*, quick: bool) -> Iterator[Figure]:
    """What a copy costs beside a plain one on SQLite; on both databases what a whole backup takes."""
    shop = MadeUpShop(20_000 if quick else 400_000)
    for at_home in HOMES:
        with at_home() as home, home.database() as database:
            fill_catalogue(database, shop)
            # With its last connection the log goes into the file: else there would be nothing to copy plainly.
            database.close()
            if database.path is not None:
                yield _raw_copy(database, database.path, home.folder)
                yield _writer(database, home.folder)
            yield from _whole(home, database)


def _taken(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _online_copy(database: Database, folder: Path) -> None:
    copies = database.dialect.copies()
    assert isinstance(copies, SqliteCopies)
    with TemporaryDirectory(dir=folder) as name:
        copies.copy_to(Path(name) / "copy")


def _copy_as_backups_do(database: Database, folder: Path) -> None:
    """In a thread that lets the others go first."""

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        _online_copy(database, folder)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _plain_copy(source: Path, folder: Path) -> None:
    target = folder / "plain"
    with source.open("rb") as original, target.open("wb") as copy:
        shutil.copyfileobj(original, copy, 1024 * 1024)
        copy.flush()
        os.fsync(copy.fileno())
    target.unlink()


def _raw_copy(database: Database, source: Path, folder: Path) -> Figure:
    sides: dict[str, Callable[[], None]] = {
        "online": lambda: _online_copy(database, folder),
        "plain": lambda: _plain_copy(source, folder),
    }
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS):
        for name in sorted(sides, reverse=bool(turn % 2)):
            found[name].append(_taken(sides[name]))
    megabytes = source.stat().st_size / 1e6
    return Figure(
        "backup",
        "SQLite: raw copy of a backup by a plain copy of the file",
        median_ratio(found["online"], found["plain"]),
        "x",
        COPY_GOAL,
        f"{megabytes:,.0f} MB, durable ({median(found['online']):.2f} s), beside read, write and fsync "
        f"({median(found['plain']):.2f} s); walls, median of {ROUNDS} rounds",
    )


class _Writer(threading.Thread):
    """Commits durably, one row after the other, and notes when."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self._database = database
        self.ended = threading.Event()
        self.at: list[float] = []

    def run(self) -> None:
        while not self.ended.is_set():
            with self._database.write() as connection:
                next_generation(connection, "benchmark", now=1)
            self.at.append(time.perf_counter())

    def seconds_each(self, during: Callable[[], object]) -> float:
        """Seconds between two commits while something is done, until at least the window is over."""
        started, done = time.perf_counter(), False
        while not done:
            during()
            done = time.perf_counter() - started >= WINDOW_SECONDS
        past = time.perf_counter()
        return (past - started) / max(1, sum(started <= at <= past for at in self.at))


def _writer(database: Database, folder: Path) -> Figure:
    writer = _Writer(database)
    writer.start()
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(writer.seconds_each(lambda: time.sleep(WINDOW_SECONDS)))
        beside.append(writer.seconds_each(lambda: _copy_as_backups_do(database, folder)))
    writer.ended.set()
    writer.join()
    return Figure(
        "backup",
        "SQLite: a writer's commit beside the raw copy by alone",
        median_ratio(beside, alone),
        "x",
        WRITER_GOAL,
        f"durable commits of one row, {median(beside) * 1e3:.2f} ms beside {median(alone) * 1e3:.2f} ms; "
        f"walls, windows taking turns, median of {ROUNDS}",
    )


def _whole(home: Home, database: Database) -> Iterator[Figure]:
    backups = Backups(
        database=database,
        home=home.folder,
        folder=BackupFolder(home.folder / "backups"),
        program="0",
        configuration=lambda: Configuration("", ""),
    )
    made = [backups.create(BackupTrigger.COMMAND) for _ in range(3)]
    size = made[0].database_bytes
    steps: dict[str, Callable[[Backup], float]] = {
        "copied": lambda each: each.copy_seconds,
        "packed": lambda each: each.pack_seconds,
        "read back and checked": lambda each: each.verify_seconds,
    }
    for words, seconds in steps.items():
        yield Figure(
            "backup",
            f"{home.kind}: backup {words}, a GB of database",
            median(map(seconds, made)) / size * GIGABYTE,
            "s",
            None,
            f"{size / 1e6:,.0f} MB; wall, median of {len(made)}",
        )
    yield Figure(
        "backup",
        f"{home.kind}: archive by copy of the database",
        made[0].size_bytes / size,
        "x",
        None,
        f"{made[0].size_bytes / 1e6:,.1f} MB of {size / 1e6:,.0f} MB",
    )
