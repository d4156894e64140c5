"""What lies in the folder, which of it is finished, and how far it has been read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from micore.domain.instants import MICROS_PER_SECOND, micros
from micore.errors import SourceUnreachableError

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
NANOS_PER_MICRO = 1000


class FilesCursor(msgspec.Struct, omit_defaults=True):
    """How far the folder has been read. Times are nanoseconds since 1970 by the clock of the file system.

    A file counts as new by its change time, which the system sets itself also for a file that is copied in with an old
    date: what came later than `read_to` has not been read, what came earlier never needs to be again.
    """

    read_to: int = 0
    until: int = 0
    """Inside of a reading: up to when it reads."""
    as_of: datetime | None = None
    written_at: int = 0
    """Modification time of the file to go on with."""
    file: str = ""
    scope: str = ""
    """Stock: the place to go on with."""
    rows: int = 0
    """Rows of it that are behind us."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A file; they sort by when they were written, because what was written last counts."""

    written_at: int
    name: str
    changed_at: int
    path: Path
    is_link: bool = False
    """It lies elsewhere, and is told of but never read: whoever may drop a file could show us any file of ours."""

    def is_as_it_was(self) -> bool:
        """Nobody has changed, moved or deleted it since."""
        try:
            return self.path.lstat().st_ctime_ns == self.changed_at
        except FileNotFoundError:
            return False

    def as_of(self, now: datetime) -> datetime:
        """When it was written, never in the future."""
        return datetime.fromtimestamp(max(0, min(self.written_at // 10**9, int(now.timestamp()))), UTC)


def files_between(source: str, folder: Path, after: int, until: int) -> list[Found]:
    """The files that came after one time and have rested since another, oldest first. Raises SourceUnreachableError."""
    try:
        return sorted(_found(folder.iterdir(), after, until))
    except OSError as error:
        raise SourceUnreachableError(source, path=str(folder), problem=str(error.strerror)) from None


def nanos(instant: datetime) -> int:
    """As the file system counts."""
    return micros(instant) * NANOS_PER_MICRO


def rested(now: datetime, seconds: int) -> int:
    """Until when a file may have changed last to count as finished."""
    return (micros(now) - seconds * MICROS_PER_SECOND) * NANOS_PER_MICRO


def _found(paths: Iterable[Path], after: int, until: int) -> Iterable[Found]:
    for path in paths:
        # Programs that are still writing call their files .name, ~$name or name.part.
        if path.suffix.casefold() not in SUFFIXES or path.name.startswith((".", "~")):
            continue
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        is_link = stat.S_ISLNK(found.st_mode)
        if (is_link or stat.S_ISREG(found.st_mode)) and after < found.st_ctime_ns <= until:
            yield Found(found.st_mtime_ns, shown(path.name), found.st_ctime_ns, path, is_link)


def shown(name: str) -> str:
    """A file's name as text; what another system wrote in its own letters may be none."""
    return os.fsencode(name).decode("utf-8", "replace")
