"""Backups: one archive of the shop, read back whole before it counts as one."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from micore.domain.backup_views import Backup, BackupState, BackupTrigger
from micore.domain.retention import outlived
from micore.errors import ArchiveError, BackupError, ConflictError, MicoreError, RecoveryKeyError
from micore.storage import archives, recovery_key, sealed_secrets
from micore.storage.archives import Archive, Prepared
from micore.storage.backup_folder import BackupFolder
from micore.storage.copies import Copied
from micore.storage.database import Database
from micore.storage.dialects import copy_problems
from micore.storage.durable import forget_cached
from micore.storage.manifests import Manifest
from micore.storage.recovery_key import RecoveryKey

log = structlog.get_logger(__name__)

NICENESS = 15
"""Of the thread that makes a backup, between 0 and 19: a writer beside it goes on at its pace."""


def _no_log(_after: int, _folder: Path) -> Sequence[Path]:
    return ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of an installation, as lines of a `.env`."""

    plain: str
    """Those that are not secret, and the names of the secret ones as comments."""
    secret: str
    """The secret ones, with their values."""


@dataclass(frozen=True)
class Backups:
    """Makes backups, checks them, and tells which there are. Reads the database and writes nothing to it."""

    database: Database
    home: Path
    """The data root: the recovery key lies there."""
    folder: BackupFolder
    """Where backups go unless they are sent elsewhere; the history of all of them is there."""
    program: str
    """The version of micore."""
    configuration: Callable[[], Configuration]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    retention: timedelta = timedelta(days=30)
    """Older ones are deleted, but never the three made last that were verified."""
    log_parts: Callable[[int, Path], Sequence[Path]] = _no_log
    """The transaction log behind a record, up to at least the copy of the database taken just before, laid out as whole
    files in an empty folder. So the archives hold the log one after another, each of them what the last did not."""

    @property
    def key_path(self) -> Path:
        """Where the recovery key lies."""
        return self.home / recovery_key.FILE_NAME

    def key(self) -> RecoveryKey:
        """The recovery key, made now where there is none. Raises RecoveryKeyError."""
        return recovery_key.load_or_make(self.key_path)

    def history(self) -> list[Backup]:
        """Every backup and attempt, the newest first. Raises BackupError where the folder cannot be read."""
        try:
            return self.folder.history()[::-1]
        except OSError as error:
            raise _explained(error, self.folder.path, "The backups cannot be listed") from error

    def create(
        self, trigger: BackupTrigger, *, to: Path | None = None, db_only: bool = False, with_secrets: bool = False
    ) -> Backup:
        """Make a backup and read it back; `to` is another folder for this one.

        Raises ConflictError while another one is being made, and BackupError when it could not be made or read back:
        those that there were are untouched then, and the history tells why.
        """
        target = self.folder if to is None else BackupFolder(to.expanduser().resolve())
        begun = Backup(
            id=secrets.token_hex(4),
            at=self.now().astimezone(UTC).replace(microsecond=0),
            state=BackupState.FAILED,
            trigger=trigger,
        )
        with ExitStack() as stack:
            try:
                # Its own folder too: never two backups of one shop at once, wherever they go.
                for path in dict.fromkeys((self.folder.path, target.path)):
                    stack.enter_context(BackupFolder(path).alone())
                made = _after_the_others(_Making(self, target, begun, db_only=db_only, with_secrets=with_secrets).run)
                self._delete_outlived()
            except ConflictError:
                raise
            except (OSError, MicoreError) as error:
                failed = _explained(error, target.path)
                # The disk may be full; the error below says it then.
                with suppress(OSError):
                    self.folder.append(replace(begun, problem=f"{failed} {failed.remedy}"))
                log.warning("backup.failed", id=begun.id, trigger=trigger.value, problem=str(failed))
                raise failed from error
        log.info(
            "backup.made",
            id=made.id,
            trigger=trigger.value,
            file=made.file,
            size_bytes=made.size_bytes,
            database_bytes=made.database_bytes,
            rows=made.rows,
            copy_seconds=made.copy_seconds,
            pack_seconds=made.pack_seconds,
            verify_seconds=made.verify_seconds,
        )
        return made

    def _delete_outlived(self) -> None:
        """Delete what has outlived its days; called when a newer one has just been verified, by who is alone here."""
        kept = [
            each
            for each in self.folder.history()
            if each.state is BackupState.VERIFIED
            and each.file is not None
            and Path(each.file).parent == self.folder.path  # what was sent elsewhere is not ours to delete
        ]
        for place in outlived([each.at for each in kept], now=self.now(), kept=self.retention):
            old = kept[place]
            assert old.file is not None
            try:
                self.folder.delete(Path(old.file))
                self.folder.append(replace(old, state=BackupState.DELETED))
            except OSError as error:
                # The new one is in place; the next will try again.
                log.warning("backup.not_deleted", id=old.id, file=old.file, problem=error.strerror)
                return
            log.info("backup.deleted", id=old.id, file=old.file, at=old.at.isoformat())

    def verify(self, file: Path, key: RecoveryKey | None = None) -> Manifest:
        """Read a backup whole: every sum, its database unpacked and checked, its rows counted.

        The key is this installation's unless another is given. Raises ArchiveError for what is not whole,
        RecoveryKeyError, ConflictError while a backup is being made, BackupError when there is no room to unpack it.
        """
        believed = key or recovery_key.load(self.key_path)
        try:
            with self.folder.alone(), self.folder.making("verify") as scratch:
                return read_back(file, believed, scratch)
        except OSError as error:
            raise _explained(error, self.folder.path, "The backup could not be unpacked") from error


def _after_the_others(work: Callable[[], Backup]) -> Backup:
    """Do it in a thread that the system lets run after the shop's own threads; returns or raises what it does."""
    made: list[Backup] = []
    failed: list[BaseException] = []

    def run() -> None:
        # Elsewhere this would slow the whole process down, and for good.
        if sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            made.append(work())
        except BaseException as error:  # noqa: BLE001 - raised below, where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="micore-backup", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


@dataclass(frozen=True)
class _Making:
    """One backup on its way from the database to its verified file."""

    backups: Backups
    target: BackupFolder
    begun: Backup
    db_only: bool
    with_secrets: bool

    def run(self) -> Backup:
        """The backup, in place. Raises OSError, MicoreError."""
        backups, begun = self.backups, self.begun
        key = backups.key()
        with self.target.making(begun.id) as scratch:
            started = time.perf_counter()
            copied = backups.database.dialect.copies().take(scratch)
            copied_at = time.perf_counter()
            archive, manifest = self._packed(copied, scratch, key)
            packed_at = time.perf_counter()
            read_back(archive, key, scratch)
            file = self.target.file(begun.id, begun.at)
            made = replace(
                begun,
                state=BackupState.VERIFIED,
                file=str(file),
                size_bytes=archive.stat().st_size,
                database_bytes=manifest.parts[0].bytes,
                rows=sum(manifest.rows.values()),
                copy_seconds=round(copied_at - started, 3),
                pack_seconds=round(packed_at - copied_at, 3),
                verify_seconds=round(time.perf_counter() - packed_at, 3),
                parts=list(dict.fromkeys(part.kind for part in manifest.parts)),
                schema=manifest.schema,
            )
            # Told before it has its name: a line without its file is seen, a file without its line is a stranger's.
            backups.folder.append(made)
            self.target.put_in_place(archive, file)
        self.target.point_latest_to(file)
        return made

    def _packed(self, copied: Copied, scratch: Path, key: RecoveryKey) -> tuple[Path, Manifest]:
        with copied.path.open("rb") as source:
            parts = [archives.prepare_compressed("database", "database.zst", source, scratch / "database.zst")]
        copied.path.unlink()
        parts += self._further(scratch, key, copied.sequence)
        manifest = Manifest(
            id=self.begun.id,
            made_at=self.begun.at,
            program=self.backups.program,
            schema=copied.schema,
            database=copied.database,
            sequence=copied.sequence,
            rows=copied.rows,
            parts=tuple(each.part for each in parts),
        )
        archive = scratch / "archive.tar"
        archives.write(archive, manifest, parts, key)
        (scratch / "database.zst").unlink()
        # What is read back shall come from the disk, not from memory.
        forget_cached(archive)
        return archive, manifest

    def _further(self, scratch: Path, key: RecoveryKey, sequence: int) -> list[Prepared]:
        """The parts beside the database."""
        parts: list[Prepared] = []
        if self.db_only and not self.with_secrets:
            return parts
        configuration = self.backups.configuration()
        if not self.db_only:
            plain = scratch / "configuration.env"
            plain.write_text(configuration.plain, encoding="utf-8")
            with plain.open("rb") as source:
                packed = scratch / "configuration.env.zst"
                parts.append(archives.prepare_compressed("configuration", "configuration.env.zst", source, packed))
        if self.with_secrets:
            sealed = scratch / "secrets.sealed"
            sealed.write_bytes(sealed_secrets.seal(configuration.secret, key, self.begun.id))
            parts.append(archives.prepare_plain("secrets", "secrets.sealed", sealed))
        if not self.db_only:
            laid_out = scratch / "log"
            laid_out.mkdir()
            files = self.backups.log_parts(self._last_sequence(key, sequence), laid_out)
            parts += [archives.prepare_plain("log", f"log/{path.name}", path) for path in files]
        return parts

    def _last_sequence(self, key: RecoveryKey, present: int) -> int:
        """Where the newest good backup in the folder ends; 0 where there is none, or the shop went back behind it."""
        for backup in self.backups.history():
            if backup.state != BackupState.VERIFIED or backup.file is None or "log" not in backup.parts:
                continue
            with suppress(ArchiveError, RecoveryKeyError, OSError), Archive.opened(Path(backup.file), key) as archive:
                last = archive.manifest.sequence
                return last if last <= present else 0
        return 0


def read_back(file: Path, key: RecoveryKey, scratch: Path) -> Manifest:
    """Check an archive to the byte and its database to the row; unpacks it in `scratch`, and leaves nothing there.

    Raises ArchiveError, StorageError where a program is missing to read it, OSError when the disk does not take it.
    """
    unpacked = scratch / "read back"
    with Archive.opened(file, key) as archive:
        manifest = archive.manifest
        try:
            for part in manifest.parts:
                if part.kind == "database":
                    archive.unpack(part, unpacked)
                else:
                    archive.check_part(part)
            problems = copy_problems(unpacked, manifest)
        finally:
            unpacked.unlink(missing_ok=True)
    if problems:
        raise ArchiveError(str(file), problem="of its database: " + "; ".join(problems))
    return manifest


def _explained(error: OSError | MicoreError, folder: Path, what: str = "No backup was made") -> BackupError:
    """Why there is none, and what helps."""
    if isinstance(error, ArchiveError):
        remedy = "Check the disk of the backups: what was written to it did not come back. Then try again."
        return BackupError(f"{what}: {error}", remedy=remedy)
    if isinstance(error, MicoreError):
        return BackupError(f"{what}: {error}", remedy=error.remedy)
    said = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        remedy = (
            f"Make room on the disk of {folder}: a backup needs one and a half times the size of the database while "
            "it is made. Or set BACKUP_LOCAL_PATH to a larger disk."
        )
    else:
        remedy = f"Let this user write to {folder}, or set BACKUP_LOCAL_PATH to another folder."
    return BackupError(f"{what}: {said} ({error.filename or folder}).", remedy=remedy)
