"""Restores of an SQLite database: the file, its `-wal` and `-shm`, and the transaction log are exchanged as one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from micore.domain.restore_views import KeptState
from micore.errors import ArchiveError, StorageError
from micore.storage import swap
from micore.storage.archives import Archive
from micore.storage.database import WriterInfo, WriterLock
from micore.storage.dialects import copy_problems
from micore.storage.restores import LOG, STAGING, Restores, Staged, refuse_other_kind, unpack_log


class SqliteRestores(Restores):
    """Restores into one file."""

    name = "sqlite"

    def __init__(self, path: Path, home: Path) -> None:
        self._path = path
        self._home = home
        self._lock = WriterLock(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._lock.acquire(WriterInfo(os.getpid(), ""))
        try:
            self._sweep()
            try:
                yield
            finally:
                self._sweep()
        finally:
            self._lock.release()

    def _sweep(self) -> None:
        """Take away what is half done, unless it is in the middle of its exchange."""
        if swap.marker_of(self._path).exists():
            return
        for folder in {self._home, self._path.parent}:
            for left in folder.glob(f"{STAGING}*"):
                shutil.rmtree(left, ignore_errors=True)

    def finish(self) -> None:
        """Nothing to do: whoever opens the database or takes the writer lock finishes."""

    def stage(self, archive: Archive, folder: Path) -> Staged:
        refuse_other_kind(archive.manifest, self.name, archive.path)
        place = folder
        if folder.stat().st_dev != self._path.parent.stat().st_dev:
            # A rename stays on its file system.
            place = self._path.parent / folder.name
            place.mkdir(mode=0o700)
        target = place / "micore.db"
        for part in archive.manifest.parts:
            if part.kind == "database":
                archive.unpack(part, target)
        problems = copy_problems(target, archive.manifest)
        if problems:
            raise ArchiveError(str(archive.path), problem="of its database: " + "; ".join(problems))
        return Staged(f"sqlite:///{target}", unpack_log(archive, folder))

    def exchange(self, staged: Staged, now: datetime) -> str:
        ready = Path(staged.url.removeprefix("sqlite:///"))
        for companion in self._companions(ready):
            if companion.exists() and companion.stat().st_size:
                raise StorageError(
                    f"{ready} was left open: its {companion.name} is not empty.",
                    remedy="Nothing has changed. Report this with the version of micore.",
                )
            companion.unlink(missing_ok=True)
        wal, shm = self._companions(self._path)
        pairs = [(self._path, ready), (wal, None), (shm, None), (self._home / LOG, staged.log)]
        return str(swap.exchange(self._path, pairs, lock=self._lock, now=now))

    def undo(self, now: datetime) -> str:
        return str(swap.undo(self._path, lock=self._lock, now=now))

    def kept(self) -> list[KeptState]:
        return [
            KeptState(name=str(each.folder), replaced_at=each.replaced_at, size_bytes=each.size_bytes)
            for each in swap.kept(self._path)
        ]

    def _companions(self, path: Path) -> tuple[Path, Path]:
        return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
