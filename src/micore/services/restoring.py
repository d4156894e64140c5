"""Restores: a backup becomes the live shop, whole or not at all, and what was live is kept beside it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from micore.domain.instants import micros
from micore.domain.restore_views import Inspection, KeptState, Restored
from micore.errors import MicoreError, StorageError
from micore.services.restoring_log import WHOLE, Wanted, bring_up
from micore.storage import durable, maintenance, recovery_key
from micore.storage.archives import Archive
from micore.storage.database import Database
from micore.storage.events import append_event, generations, raise_generations
from micore.storage.log_lines import SEALS
from micore.storage.manifests import Manifest
from micore.storage.recovery_key import RecoveryKey
from micore.storage.restores import LOG, STAGING, Restores

log = structlog.get_logger(__name__)

NOTE = "restored.json"
RESTORED = "database.restored"
UNPACKED = frozenset({"database", "log"})
"""Kinds of parts that a restore brings; they are checked while they are unpacked."""


@dataclass(frozen=True)
class Restoring:
    """Restores into the database of one installation."""

    database: Database
    home: Path
    """The data root: staging folders, the recovery key and the note of the last restore lie there."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def inspect(self, file: Path, key: RecoveryKey | None = None) -> Inspection:
        """What is in a backup, and what would be lost by restoring it. Its parts are not read here.

        Raises ArchiveError, RecoveryKeyError.
        """
        with Archive.opened(file, key or self._key()) as archive:
            manifest = archive.manifest
        live, lost = self._live(manifest.made_at)
        return Inspection(
            file=str(file),
            id=manifest.id,
            made_at=manifest.made_at,
            program=manifest.program,
            schema=manifest.schema,
            database=manifest.database,
            parts=list(dict.fromkeys(part.kind for part in manifest.parts)),
            unpacked_bytes=_unpacked_bytes(manifest),
            rows=dict(manifest.rows),
            live_rows=live,
            lost_writes=lost,
            log=self._has_log(),
        )

    def run(
        self,
        file: Path,
        key: RecoveryKey | None = None,
        *,
        wanted: Wanted = WHOLE,
        confirmed: Callable[[Inspection], bool],
    ) -> Restored:
        """Restore a backup, unless `confirmed` says no to what it would bring, and put the transaction log behind it.
        Nothing live is touched before the end.

        Raises ArchiveError for what is not whole, RecoveryKeyError, ConflictError while another process writes,
        StorageError where it cannot be done; everything is as it was then. StopRequestedError where it is not wanted.
        """
        key = key or self._key()
        restores = self._restores()
        durable.make_folder(self.home)
        with restores.alone():
            plan = self.inspect(file, key)
            if not confirmed(plan):
                raise NotWantedError
            started = time.perf_counter()
            beyond = self._generations()
            log_end = self._log_end()
            with self._staging(plan) as folder, Archive.opened(file, key) as archive:
                for part in archive.manifest.parts:
                    if part.kind not in UNPACKED:
                        # A backup that is damaged anywhere is not believed.
                        archive.check_part(part)
                staged = restores.stage(archive, folder)
                staged, replayed = bring_up(staged, folder, self.home / LOG, wanted)
                restored = Restored(
                    id=plan.id,
                    at=self.now(),
                    beyond=beyond,
                    bytes=archive.manifest.parts[0].bytes,
                    replayed=replayed.transactions,
                    left=replayed.left,
                    damage=replayed.damage,
                )
                self._refuse_if_written(log_end)
                return self._exchanged(restored, started, lambda: restores.exchange(staged, restored.at))

    def undo(self, confirmed: Callable[[KeptState], bool]) -> Restored:
        """Bring back what was live before the last restore; done twice, it changes nothing.

        Raises NotFoundError where nothing is kept, ConflictError, StorageError.
        """
        restores = self._restores()
        with restores.alone():
            for last in restores.kept()[:1]:
                if not confirmed(last):
                    raise NotWantedError
            started = time.perf_counter()
            restored = Restored(id="undo", at=self.now(), beyond=self._generations())
            return self._exchanged(restored, started, lambda: restores.undo(restored.at))

    def kept(self) -> list[KeptState]:
        """What earlier restores have moved aside, the newest first."""
        return self._restores().kept()

    # ------------------------------------------------------------------------------------------ what comes afterwards

    def last(self) -> Restored | None:
        """The last restore or its undoing; None where there was none."""
        try:
            return msgspec.json.decode((self.home / NOTE).read_bytes(), type=Restored)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("restore.note_unreadable", problem=str(error))
            return None

    def finish(self) -> None:
        """At a start, before the database is opened: take a restore that was interrupted to its end.

        Raises ConflictError while another process restores, StorageError.
        """
        self._restores().finish()

    def settle(self) -> None:
        """After a restore, once: count generations on from above those before, and write down that it happened.

        Caches and browsers know answers by their generation; a number that comes again would show what is gone.
        """
        restored = self.last()
        if restored is None or restored.settled:
            return
        with self.database.write() as connection:
            raise_generations(connection, restored.beyond, now=micros(self.now()))
            append_event(
                connection,
                at=micros(self.now()),
                kind=RESTORED,
                actor="micore",
                subject=restored.id,
                payload={"backup": restored.id, "at": restored.at.isoformat()},
            )
        self._note(replace(restored, settled=True))

    def check_integrity(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Check every page and index of a database that was restored, once; the result is in `last` and in /health.

        Takes about a minute for 1 GB, in a read transaction; left for the next start where `stopping` turns true.
        """
        restored = self.last()
        if restored is None or restored.integrity != "pending" or stopping():
            return
        problems = maintenance.thorough_problems(self.database)
        result = "ok" if not problems else "; ".join(problems)[:2000]
        (log.info if not problems else log.error)("restore.checked", id=restored.id, integrity=result)
        now = self.last()
        if now is not None and now.at == restored.at:
            self._note(replace(now, integrity=result))

    # --------------------------------------------------------------------------------------------------------- small

    def _restores(self) -> Restores:
        restores: Restores = self.database.dialect.restores(self.home)
        return restores

    def _log_end(self) -> tuple[int, int]:
        """How much the live log holds; another size means that somebody has written."""
        files = [each for each in (self.home / LOG).glob("*.jsonl") if each.name != SEALS]
        return len(files), sum(each.stat().st_size for each in files)

    def _refuse_if_written(self, log_end: tuple[int, int]) -> None:
        # On SQLite the writer lock keeps others off; a server lets them in.
        if self._log_end() != log_end:
            raise StorageError(
                "The shop was written to while the backup was made ready: that would be lost.",
                remedy="Nothing has changed. Stop `micore serve` and other commands, then restore again.",
            )

    def _has_log(self) -> bool:
        # Whether it is whole is looked at when it is put behind the backup.
        folder = self.home / LOG
        return folder.is_dir() and any(folder.glob("*.jsonl"))

    def _key(self) -> RecoveryKey:
        return recovery_key.load(self.home / recovery_key.FILE_NAME)

    def _exchanged(self, restored: Restored, started: float, exchange: Callable[[], str]) -> Restored:
        self.database.close()
        before = self.last()
        # Noted first: a process that is killed right after the exchange leaves what `settle` needs.
        self._note(restored)
        try:
            kept_as = exchange()
        except MicoreError:
            if before is not None:
                self._note(before)
            else:
                (self.home / NOTE).unlink()
            raise
        done = replace(restored, kept_as=kept_as, seconds=round(time.perf_counter() - started, 3))
        self._note(done)
        log.info("restore.done", id=done.id, seconds=done.seconds, kept_as=done.kept_as)
        return done

    @contextlib.contextmanager
    def _staging(self, plan: Inspection) -> Iterator[Path]:
        folder = self.home / f"{STAGING}{plan.id}-{secrets.token_hex(3)}"
        free = shutil.disk_usage(self.home).free
        if free < plan.unpacked_bytes:
            raise StorageError(
                f"Restoring {plan.file} takes {plan.unpacked_bytes / 1e6:,.0f} MB in {self.home}; "
                f"{free / 1e6:,.0f} MB are free.",
                remedy="Make room there: old states are in the folders that `micore restore list` names.",
            )
        try:
            folder.mkdir(mode=0o700)
            yield folder
        except OSError as error:
            raise StorageError(
                f"The backup could not be unpacked in {folder}: {error.strerror or error}.",
                remedy="Nothing live was touched. Make room, let this user write there, and try again.",
            ) from error

    def _note(self, restored: Restored) -> None:
        durable.replace_file(self.home / NOTE, msgspec.json.encode(restored))

    def _generations(self) -> dict[str, int]:
        try:
            with self.database.read() as connection:
                found = generations(connection)
        except (MicoreError, maintenance.DatabaseFailure):
            found = {}
        last = self.last()
        # Where the live database is damaged, those of the restore before are the best we know.
        return {**(last.beyond if last else {}), **found}

    def _live(self, since: datetime) -> tuple[dict[str, int] | None, int | None]:
        if self.database.path is not None and not self.database.path.exists():
            return None, None
        try:
            return maintenance.info(self.database).rows, maintenance.writes_since(self.database, micros(since))
        except (MicoreError, maintenance.DatabaseFailure):
            return None, None


class NotWantedError(MicoreError):
    """The person has not confirmed; nothing has changed."""


def _unpacked_bytes(manifest: Manifest) -> int:
    return sum(part.bytes for part in manifest.parts)
