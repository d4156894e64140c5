"""The exchange of live files for others, whole or not at all: whatever stops it, its end is all old or all new.

An intent file beside the database names every path before the first is touched. From the instant it is on the disk the
exchange belongs to whoever comes next: `finish` takes it to its end, forward, or back where something of the new is
missing. What was live is kept in a folder `before-<instant>` beside it, so `undo` is one more exchange.

A database file alone must never be replaced: with the old one's write-ahead log beside it, SQLite writes pages of the
old database into the new one. Database, `-wal`, `-shm` and the transaction log change together.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from micore.errors import NotFoundError, StorageError

RECORD = "exchange.json"
"""The intent, kept in the `before-` folder when the exchange is over."""
PREFIX = "before-"
WAIT_SECONDS = 10.0
"""Renames take milliseconds: whoever waits longer than this has met a lock that is held for something else."""


class Held(Protocol):
    """A lock that says whether it is held."""

    @property
    def held(self) -> bool: ...


class Files:
    """Every step that changes the disk, one method each, so that a test can stop between any two."""

    def write(self, path: Path, content: bytes) -> None:
        """A whole file with this content, on the disk when this returns."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, path: Path, to: Path) -> None:
        """Under another name on the same file system; a file that has that name goes."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """A file, or a folder with all that is in it."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def make_folder(self, path: Path) -> None:
        """A folder for this user alone."""
        path.mkdir(mode=0o700, exist_ok=True)

    def sync(self, path: Path) -> None:
        """Make a file's content, or a folder's names, last through a power cut."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


DISK = Files()


@dataclass(frozen=True, slots=True)
class _Entry:
    live: Path
    staged: Path | None
    aside: Path
    had: bool
    """Whether there was something live when the exchange began."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A state that an exchange has moved aside."""

    folder: Path
    replaced_at: datetime
    """Until when it was live."""
    size_bytes: int


def exchange(
    key: Path, pairs: Sequence[tuple[Path, Path | None]], *, lock: Held, now: datetime, files: Files = DISK
) -> Path:
    """Put each staged path in the place of its live one; None: nothing is there afterwards. `key` is the database file.

    Returns the folder that keeps the old database. Each staged path lies on the file system of its live one. Raises
    StorageError when the disk refuses; then everything is as it was.
    """
    if not lock.held:
        raise RuntimeError("exchange() without the writer lock: a running micore would write into what is moved.")
    finish(key, files=files)
    name = _free_name([live.parent for live, _ in pairs], now)
    entries = [_Entry(live, staged, live.parent / name / live.name, _there(live)) for live, staged in pairs]
    try:
        for staged in (entry.staged for entry in entries):
            if staged is not None:
                _sync_tree(staged, files)
        for folder in _folders(entry.aside for entry in entries):
            files.make_folder(folder)
            files.sync(folder.parent)
        _write_intent(key, entries, now, files)
    except OSError as error:
        raise _refused(key, error) from error
    try:
        _forward(key, entries, files)
    except OSError as error:
        try:
            _back(key, entries, files)
        except OSError as again:
            raise _stuck(key, again) from error
        raise _refused(key, error) from error
    return key.parent / name


def finish(key: Path, *, files: Files = DISK) -> str | None:
    """Take an interrupted exchange to its end, under the writer lock: "forward", "back", or None where there was none.

    Raises StorageError when the intent cannot be read or the disk refuses.
    """
    marker = marker_of(key)
    try:
        if not marker.exists():
            return None
        intent = _read(key, marker)
        forward = _can_go_forward(intent.entries)
        (_forward if forward else _back)(key, intent.entries, files)
    except OSError as error:
        raise _stuck(key, error) from error
    return "forward" if forward else "back"


def settle(key: Path) -> None:
    """For whoever opens the database: wait for an exchange under way, finish an interrupted one.

    Raises StorageError when another process keeps the lock: it is restoring right now.
    """
    if not marker_of(key).exists():
        return
    lock = FileLock(str(key) + ".lock", thread_local=False)
    try:
        lock.acquire(timeout=WAIT_SECONDS, poll_interval=0.01)
    except Timeout:
        raise StorageError(
            f"The database {key} is being restored by another micore process.",
            remedy="Wait until `micore restore` has ended, then try again.",
        ) from None
    try:
        finish(key)
    finally:
        lock.release()


def kept(key: Path) -> list[Kept]:
    """The states that were moved aside and are whole, the newest first."""
    found = []
    for record in sorted(key.parent.glob(f"{PREFIX}*/{RECORD}")):
        intent = _read(key, record)
        if all(_there(entry.aside) for entry in intent.entries if entry.had):
            size = sum(_size(entry.aside) for entry in intent.entries if entry.had)
            found.append(Kept(record.parent, intent.at, size))
    return sorted(found, key=lambda each: (each.replaced_at, each.folder.name), reverse=True)


def undo(key: Path, *, lock: Held, now: datetime, files: Files = DISK) -> Path:
    """Exchange back what the last exchange has moved aside; done twice, it changes nothing.

    Returns the folder that keeps what was live until now. Raises NotFoundError when nothing was moved aside.
    """
    finish(key, files=files)
    last = next(iter(kept(key)), None)
    if last is None:
        raise NotFoundError("restore to undo in", str(key.parent))
    entries = _read(key, last.folder / RECORD).entries
    pairs = [(entry.live, entry.aside if entry.had else None) for entry in entries]
    folder = exchange(key, pairs, lock=lock, now=max(now, last.replaced_at), files=files)
    # Only names are left there; the record without its files is no state any more.
    (last.folder / RECORD).unlink()
    for emptied in _folders(entry.aside for entry in entries):
        _remove_empty(emptied)
    return folder


def marker_of(key: Path) -> Path:
    """The intent file: as long as it is there, an exchange has begun and not ended."""
    return key.with_name(key.name + ".swap")


# ---------------------------------------------------------------------------------------------- the two ways to the end


def _forward(key: Path, entries: Sequence[_Entry], files: Files) -> None:
    for entry in entries:
        if entry.had and not _there(entry.aside):
            try:
                files.rename(entry.live, entry.aside)
            except FileNotFoundError:
                # The last reader has just closed, and SQLite took its emptied `-wal` away: an empty one says the same.
                files.write(entry.aside, b"")
    # A power cut may keep any of the renames since the last fsync: the old ones must be safe before the new ones come.
    _sync_all(entries, files)
    for entry in entries:
        if entry.staged is not None and _there(entry.staged):
            if entry.live.is_dir():
                files.remove(entry.live)
            files.rename(entry.staged, entry.live)
        elif entry.staged is None and _there(entry.live):
            # Somebody who opened the database between our two steps has left a new, empty file.
            files.remove(entry.live)
    _sync_all(entries, files)
    record = next(entry.aside.parent for entry in entries if entry.live == key) / RECORD
    files.rename(marker_of(key), record)
    files.sync(record.parent)
    files.sync(key.parent)


def _back(key: Path, entries: Sequence[_Entry], files: Files) -> None:
    for entry in entries:
        if entry.had and not _there(entry.aside):
            continue
        if _there(entry.live):
            if entry.staged is not None and not _there(entry.staged) and entry.staged.parent.is_dir():
                files.rename(entry.live, entry.staged)
            else:
                files.remove(entry.live)
        if entry.had:
            files.rename(entry.aside, entry.live)
    _sync_all(entries, files)
    files.remove(marker_of(key))
    files.sync(key.parent)
    for folder in _folders(entry.aside for entry in entries):
        _remove_empty(folder)


def _can_go_forward(entries: Sequence[_Entry]) -> bool:
    return all(
        entry.staged is None or _there(entry.staged) or (_there(entry.live) and (not entry.had or _there(entry.aside)))
        for entry in entries
    )


# -------------------------------------------------------------------------------------------------------- the intent


@dataclass(frozen=True, slots=True)
class _Intent:
    entries: list[_Entry]
    at: datetime


def _write_intent(key: Path, entries: Sequence[_Entry], now: datetime, files: Files) -> None:
    def spelled(path: Path | None) -> str | None:
        # Relative, so that a data root that is moved as a whole can still be taken back.
        return None if path is None else os.path.relpath(path, key.parent)

    intent = {
        "at": now.astimezone(UTC).isoformat(),
        "entries": [
            {
                "live": spelled(entry.live),
                "staged": spelled(entry.staged),
                "aside": spelled(entry.aside),
                "had": entry.had,
            }
            for entry in entries
        ],
    }
    marker = marker_of(key)
    written = marker.with_name(marker.name + ".new")
    files.write(written, json.dumps(intent, indent=1).encode())
    files.rename(written, marker)
    files.sync(marker.parent)


def _read(key: Path, path: Path) -> _Intent:
    def resolved(text: str | None) -> Path | None:
        return None if text is None else Path(os.path.normpath(key.parent / text))

    try:
        record = json.loads(path.read_bytes())
        entries = [
            _Entry(
                Path(os.path.normpath(key.parent / each["live"])),
                resolved(each["staged"]),
                Path(os.path.normpath(key.parent / each["aside"])),
                bool(each["had"]),
            )
            for each in record["entries"]
        ]
        return _Intent(entries, datetime.fromisoformat(record["at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{path}, which says what an exchange of the database was about to do, cannot be read: {error!r}.",
            remedy=f"The files of both states are on the disk, the old ones in {key.parent}/{PREFIX}*; "
            f"put one state whole into place, then remove {path}.",
        ) from None


# ------------------------------------------------------------------------------------------------------------- small


def _free_name(parents: Iterable[Path], now: datetime) -> str:
    stem = PREFIX + now.astimezone(UTC).strftime("%Y%m%d-%H%M%SZ")
    names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    taken = list(parents)
    return next(name for name in names if not any((parent / name).exists() for parent in taken))


def _folders(paths: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(path.parent for path in paths))


def _sync_all(entries: Sequence[_Entry], files: Files) -> None:
    paths = [path for entry in entries for path in (entry.aside, entry.live, entry.staged) if path is not None]
    for folder in _folders(paths):
        if folder.is_dir():
            files.sync(folder)


def _sync_tree(path: Path, files: Files) -> None:
    if path.is_dir():
        for each in sorted(path.iterdir()):
            _sync_tree(each, files)
    files.sync(path)


def _there(path: Path) -> bool:
    return os.path.lexists(path)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(_size(each) for each in path.iterdir())
    return path.stat().st_size


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _stuck(key: Path, error: OSError) -> StorageError:
    return StorageError(
        f"A restore of {key} was interrupted and cannot be taken to its end: {error}.",
        remedy="Let this user write there and start again; nothing is lost, both states are on the disk.",
    )


def _refused(key: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The files of {key} could not be exchanged: {error}.",
        remedy="Nothing has changed. Let this user write there, make room, and try again.",
    )
