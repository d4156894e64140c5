"""Two states of a database with its transaction log to exchange; a checker that tells a whole one from a mixture."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from micore.storage import swap
from micore.storage.database import Database, WriterInfo, WriterLock
from micore.storage.dialects import _sqlite_driver

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OLD_ROWS, NEW_ROWS = 700, 1300


class StoppedError(Exception):
    """The process stops here."""


@dataclass(frozen=True)
class Home:
    """A data root with a live database, its log, and a staged state of both."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "db" / "micore.db"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def staging(self) -> Path:
        return self.root / "restore-1"

    @property
    def pairs(self) -> list[tuple[Path, Path | None]]:
        return [
            (self.database, self.staging / "micore.db"),
            (self.database.with_name("micore.db-wal"), None),
            (self.database.with_name("micore.db-shm"), None),
            (self.log, self.staging / "log"),
        ]


def make_template(root: Path) -> Home:
    """The old state as a killed micore leaves it, with committed rows in its `-wal`; the new one staged."""
    home = Home(root)
    home.database.parent.mkdir(parents=True)
    home.staging.mkdir()
    crashed = root / "crashed.db"
    connection = _filled(crashed, OLD_ROWS, "old")
    # Copied while it is open: nobody has checkpointed.
    for ending in ("", "-wal", "-shm"):
        shutil.copyfile(f"{crashed}{ending}", f"{home.database}{ending}")
    connection.close()
    crashed.unlink()
    assert home.database.with_name("micore.db-wal").stat().st_size > 50_000
    connection = _filled(home.staging / "micore.db", NEW_ROWS, "new")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    for folder, state in ((home.log, "old"), (home.staging / "log", "new")):
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.jsonl").write_text(f"{state} {number}\n")
    return home


def copied(template: Home, root: Path) -> Home:
    """The same two states somewhere else."""
    shutil.copytree(template.root, root)
    return Home(root)


def state_of(home: Home) -> str:
    """ "old" or "new", read as micore's next start reads it; AssertionError names what is not whole."""
    lock = WriterLock(home.database)
    lock.acquire(WriterInfo(os.getpid(), ""))
    try:
        database = Database(f"sqlite:///{home.database}")
        try:
            with database.read() as connection:
                problems = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
                assert problems == ["ok"], problems
                rows = connection.exec_driver_sql("SELECT word, count(*), max(id) FROM note GROUP BY word").all()
        finally:
            database.close()
        logged = {path.read_text().split()[0] for path in home.log.iterdir()}
        assert len(list(home.log.iterdir())) == 3
        assert logged in ({"old"}, {"new"}), logged
        state = logged.pop()
        assert [tuple(row) for row in rows] == [(state * 40, count := {"old": OLD_ROWS, "new": NEW_ROWS}[state], count)]
        assert not swap.marker_of(home.database).exists()
        return state
    finally:
        lock.release()


def exchanged(home: Home, files: swap.Files = swap.DISK) -> None:
    """The exchange, under the writer lock."""
    lock = WriterLock(home.database)
    lock.acquire(WriterInfo(os.getpid(), ""))
    try:
        swap.exchange(home.database, home.pairs, lock=lock, now=NOW, files=files)
    finally:
        lock.release()


class CountedFiles(swap.Files):
    """Calls `at` before and after each step, with the step's number and whether it is done."""

    def __init__(self, at: Callable[[int, bool], None]) -> None:
        self._at = at
        self.steps = 0

    def _step(self, work: Callable[[], None]) -> None:
        self.steps += 1
        self._at(self.steps, False)
        work()
        self._at(self.steps, True)

    def write(self, path: Path, content: bytes) -> None:
        self._step(lambda: super(CountedFiles, self).write(path, content))

    def rename(self, path: Path, to: Path) -> None:
        self._step(lambda: super(CountedFiles, self).rename(path, to))

    def remove(self, path: Path) -> None:
        self._step(lambda: super(CountedFiles, self).remove(path))

    def make_folder(self, path: Path) -> None:
        self._step(lambda: super(CountedFiles, self).make_folder(path))

    def sync(self, path: Path) -> None:
        self._step(lambda: super(CountedFiles, self).sync(path))


def stops_at(number: int, *, done: bool) -> CountedFiles:
    """Files that raise at one step, before or after it is done."""

    def at(step: int, is_done: bool) -> None:
        if (step, is_done) == (number, done):
            raise StoppedError

    return CountedFiles(at)


def kills_at(number: int, *, done: bool) -> CountedFiles:
    """Files that kill their process at one step."""

    def at(step: int, is_done: bool) -> None:
        if (step, is_done) == (number, done):
            os.kill(os.getpid(), signal.SIGKILL)

    return CountedFiles(at)


class CutFiles(swap.Files):
    """A disk that keeps renames for sure only once both folders are synced: at a power cut some of the rest are lost.

    Each folder keeps its own changes in their order, and a rename between two folders may reach either first; we let
    the whole rename be kept or lost, which a journal does.
    """

    def __init__(self, at_step: int, seed: int) -> None:
        self._left = at_step
        self._draw = random.Random(seed)
        self._unsynced: list[tuple[set[Path], Callable[[], None]]] = []

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._cut()
            raise StoppedError

    def rename(self, path: Path, to: Path) -> None:
        self._step()
        replaced = to.read_bytes() if to.is_file() else None
        super().rename(path, to)

        def taken_back() -> None:
            if not to.exists():
                return
            if path.exists():
                # Another file has come under the old name since, for good: this one has no name left.
                super(CutFiles, self).remove(to)
                return
            to.rename(path)
            if replaced is not None:
                to.write_bytes(replaced)

        self._unsynced.append(({path.parent, to.parent}, taken_back))

    def sync(self, path: Path) -> None:
        self._step()
        super().sync(path)
        for folders, _ in self._unsynced:
            folders.discard(path)
        self._unsynced = [each for each in self._unsynced if each[0]]

    def _cut(self) -> None:
        for _, taken_back in reversed(self._unsynced):
            if self._draw.random() < 0.5:
                taken_back()


def _filled(path: Path, rows: int, word: str) -> sqlite3.Connection:
    connection: sqlite3.Connection = _sqlite_driver().connect(str(path), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, word TEXT)")
    # Many small transactions: pages of different ages in the log.
    for first in range(1, rows + 1, 100):
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO note VALUES (?, ?)", [(number, word * 40) for number in range(first, first + 100)]
        )
        connection.execute("COMMIT")
        if first == 1:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection
