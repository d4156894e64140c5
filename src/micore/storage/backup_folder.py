"""The folder of the backups: how their files are named, what is half done, the link to the newest, the history.

A file has its final name only when it has been read back, and `latest` points to such a file only. What a killed
process has left is in a folder `.making-*` and goes with the next backup.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from micore.domain.backup_views import Backup, BackupState
from micore.errors import ConflictError
from micore.storage.durable import make_folder, sync_folder

LATEST = "latest"
HISTORY = "history.jsonl"
LOCK = ".lock"
_MAKING = ".making-"
_NAME = re.compile(r"micore-backup-(\d{8}-\d{6})Z-([0-9a-f]{8})\.tar")
_INSTANT = "%Y%m%d-%H%M%S"


class BackupFolder:
    """One folder of backups. Methods raise OSError where the disk does not take or give what they need."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who makes or deletes backups here; what an earlier process has left half done is gone then.

        Raises ConflictError when another process, or another thread of this one, is at it.
        """
        # For the owner alone: a backup is the whole shop.
        make_folder(self.path, mode=0o700)
        lock = FileLock(self.path / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ConflictError(f"A backup is being made in {self.path} already; wait for its end.") from None
        try:
            for left in self.path.glob(f"{_MAKING}*"):
                _remove(left)
            yield
        finally:
            lock.release()

    @contextmanager
    def making(self, backup_id: str) -> Iterator[Path]:
        """A private folder for what is half done, on the file system of the backups; it is gone afterwards."""
        folder = self.path / f"{_MAKING}{backup_id}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove(folder)

    def file(self, backup_id: str, at: datetime) -> Path:
        """Where the archive of a backup belongs."""
        return self.path / f"micore-backup-{at.astimezone(UTC).strftime(_INSTANT)}Z-{backup_id}.tar"

    def put_in_place(self, made: Path, file: Path) -> None:
        """Give a verified archive its name, durably."""
        made.rename(file)
        sync_folder(self.path)

    def point_latest_to(self, file: Path) -> None:
        """Let `latest` name this archive, at once: there is no moment without it."""
        link = self.path / f"{_MAKING}{secrets.token_hex(4)}"
        link.symlink_to(file.name)
        link.replace(self.path / LATEST)
        sync_folder(self.path)

    def delete(self, file: Path) -> None:
        """Take a backup away, durably."""
        file.unlink(missing_ok=True)
        sync_folder(self.path)

    def append(self, entry: Backup) -> None:
        """Add a line to the history, durably. A line without its end (the power went) is ended first."""
        make_folder(self.path, mode=0o700)
        handle = os.open(self.path / HISTORY, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            line = (b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n"
            view = memoryview(line)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(self.path)

    def history(self) -> list[Backup]:
        """Every backup and attempt, in the order in which they were made, as it is now.

        The order is that of the lines, not that of their instants: a clock can be set back. Files that no line tells of
        come first.
        """
        told = {entry.id: entry for entry in self._lines()}
        present = self._archives()
        unknown = [
            Backup(id=backup_id, at=at, state=BackupState.UNKNOWN, file=str(file), size_bytes=_size(file))
            for backup_id, (at, file) in sorted(present.items(), key=lambda each: each[1])
            if backup_id not in told
        ]
        return unknown + [_as_it_is(entry) for entry in told.values()]

    def _lines(self) -> Iterator[Backup]:
        """The lines that can be read; the last one of an id says how it is."""
        try:
            content = (self.path / HISTORY).read_bytes()
        except FileNotFoundError:
            return
        for line in content.splitlines():
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield msgspec.json.decode(line, type=Backup)

    def _archives(self) -> dict[str, tuple[datetime, Path]]:
        found: dict[str, tuple[datetime, Path]] = {}
        with contextlib.suppress(FileNotFoundError):
            for file in self.path.iterdir():
                match = _NAME.fullmatch(file.name)
                with contextlib.suppress(ValueError):
                    if match and file.is_file() and not file.is_symlink():
                        at = datetime.strptime(match[1], _INSTANT).replace(tzinfo=UTC)
                        found[match[2]] = (at, file)
        return found


def _as_it_is(entry: Backup) -> Backup:
    """An entry of the history, with what has become of its file."""
    if entry.state is not BackupState.VERIFIED or entry.file is None:
        return entry
    return entry if _size(Path(entry.file)) == entry.size_bytes else replace(entry, state=BackupState.MISSING)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
