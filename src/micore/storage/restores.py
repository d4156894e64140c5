"""What a restore does with a database, whichever kind it is; one class for each of them stands beside this file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from micore.domain.restore_views import KeptState
from micore.errors import StorageError
from micore.storage import migrations
from micore.storage.archives import Archive
from micore.storage.manifests import Manifest, Part

STAGING = "restore-"
"""What begins so in the data root is half done, and goes with the next restore."""
LOG = "log"
"""The folder of the transaction log in the data root."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A database that lies ready beside the live one, unpacked and checked."""

    url: str
    """To open it, as MICORE_DATABASE_URL is spelled, with its password."""
    log: Path | None
    """The folder of its transaction log; None where the backup holds none."""


class Restores(ABC):
    """Unpacks databases beside a live one, and exchanges them whole."""

    name: str
    """"sqlite" or "postgresql"."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Be the one process that writes to the live database, as far as its kind lets us be sure of it.

        What an earlier restore has left half done is finished or gone then. Raises ConflictError naming who writes.
        """

    @abstractmethod
    def finish(self) -> None:
        """At a start: take an exchange that was interrupted to its end, where the writer lock does not do it."""

    @abstractmethod
    def stage(self, archive: Archive, folder: Path) -> Staged:
        """Unpack and check: pages, references, rows, schema. `folder` is the staging folder of this restore.

        Raises ArchiveError, StorageError; the live database is untouched.
        """

    @abstractmethod
    def exchange(self, staged: Staged, now: datetime) -> str:
        """Put the staged database and its log in the place of the live ones; returns where those are kept."""

    @abstractmethod
    def undo(self, now: datetime) -> str:
        """Exchange back what the last exchange moved aside; returns where that which was live is kept.

        Raises NotFoundError where nothing was moved aside.
        """

    @abstractmethod
    def kept(self) -> list[KeptState]:
        """What exchanges have moved aside, the newest first."""


def refuse_other_kind(manifest: Manifest, name: str, file: Path) -> None:
    """Raise StorageError for a backup of another kind of database, or of a schema that this program does not know."""
    if manifest.database != name:
        raise StorageError(
            f"{file} is a backup of a {manifest.database} database, and this shop's is {name}.",
            remedy="Set MICORE_DATABASE_URL to a database of the backup's kind, or restore another backup.",
        )
    if manifest.schema not in migrations.revisions():
        raise StorageError(
            f"{file} holds a database of revision {manifest.schema}; this micore knows those up to "
            f"{migrations.head()}: the backup is newer.",
            remedy=f"Install micore {manifest.program} or newer, then restore with it.",
        )


def unpack_log(archive: Archive, folder: Path) -> Path | None:
    """The files of the transaction log, in a folder `log` of the staging folder; None where the backup has none."""
    parts = list(log_parts(archive.manifest))
    if not parts:
        return None
    target = folder / LOG
    target.mkdir(mode=0o700)
    for part in parts:
        # One name without a slash, of letters, figures, dots and dashes: the manifest's reader has checked it.
        archive.unpack(part, target / part.name.removeprefix("log/"))
    return target


def log_parts(manifest: Manifest) -> Iterator[Part]:
    """The parts that are files of the log."""
    return (part for part in manifest.parts if part.kind == "log")
