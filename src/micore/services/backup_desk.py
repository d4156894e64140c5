"""Backups as a server makes them, by the schedule and by a button, one at a time; and whether that goes well."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from micore.domain.backup_views import Backup, BackupAlarm, BackupState, BackupStatus, BackupTrigger
from micore.domain.instants import instant
from micore.errors import BackupError, ConflictError
from micore.services.backups import Backups
from micore.services.schedule import Schedule
from micore.storage.run_rows import first_created_at
from micore.telemetry import metrics

RETRY_AFTER = timedelta(hours=1)
GRACE = timedelta(hours=2)
"""A backup that was due longer ago than this, and was not made, is late: with a daily schedule after 26 hours."""


@dataclass
class _Work:
    """What the one thread that makes backups is doing; guarded by the desk's lock."""

    wanted: BackupTrigger | None = None
    since: datetime | None = None


class BackupDesk:
    """Takes requests for backups, and makes them where it is called from: see worker/backups.py. Thread-safe."""

    def __init__(
        self,
        backups: Backups,
        schedule: Schedule,
        *,
        now: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.backups = backups
        self.schedule = schedule
        self.wake = wake
        """Makes the worker look here; set by who starts it."""
        self._now = now
        self._lock = threading.Lock()
        self._work = _Work()
        self._scheduled_from: datetime | None = None

    def request(self) -> BackupStatus:
        """Have a backup made soon; returns at once. Raises ConflictError while one is being made."""
        with self._lock:
            if self._work.since is not None:
                raise ConflictError("A backup is being made already; wait for its end.")
            self._work = _Work(BackupTrigger.BUTTON, self._now())
        self.wake()
        return self.status()

    def work(self, *, scheduled: bool) -> Backup | None:
        """Make the backup that was asked for, or that is due; None when there is none to make, or it was not made."""
        with self._lock:
            trigger = self._work.wanted
            if trigger is None and scheduled and self._due():
                trigger = BackupTrigger.SCHEDULE
            if trigger is None:
                return None
            self._work = _Work(None, self._work.since or self._now())
        try:
            return self.backups.create(trigger)
        except (BackupError, ConflictError):
            # Its failure is in the history and in the log; a backup that somebody else makes is as good.
            return None
        finally:
            with self._lock:
                self._work = _Work()

    def history(self, limit: int) -> list[Backup]:
        """Backups and attempts, the newest first."""
        return self.backups.history()[:limit]

    def status(self) -> BackupStatus:
        """How the backups are. Brings the metrics up to date."""
        history = self.backups.history()
        verified = [each for each in history if each.state is BackupState.VERIFIED]
        attempts = [each for each in history if each.trigger is not None]
        alarm, problem = self._alarm(attempts, verified)
        with self._lock:
            since = self._work.since
        _measure(verified, alarm)
        return BackupStatus(
            running=since is not None,
            running_since=since,
            alarm=alarm,
            problem=problem,
            last=attempts[0] if attempts else None,
            last_verified=verified[0] if verified else None,
            verified=len(verified),
            next_at=self.schedule.next_after(self._now()),
            schedule=self.schedule.expression,
            retention_days=self.backups.retention.days,
            folder=str(self.backups.folder.path),
            key_file=str(self.backups.key_path),
            key_made=self.backups.key_path.exists(),
        )

    def _due(self) -> bool:
        """Whether the schedule has passed since the last attempt; one that failed is tried again after an hour."""
        now = self._now()
        if self._scheduled_from is None:
            self._scheduled_from = now
        last = next((each for each in self.backups.history() if each.trigger is not None), None)
        # Before the first backup, and after a clock that ran ahead was put right, ticks count from our start.
        after = self._scheduled_from if last is None or last.at > now else last.at
        if last is not None and last.state is BackupState.FAILED and last.trigger is BackupTrigger.SCHEDULE:
            return now - after >= RETRY_AFTER
        return self.schedule.latest_tick(after=after, until=now) is not None

    def _alarm(self, attempts: list[Backup], verified: list[Backup]) -> tuple[BackupAlarm | None, str | None]:
        if attempts and attempts[0].state is BackupState.FAILED:
            return BackupAlarm.FAILED, f"The last backup failed. {attempts[0].problem or ''}".strip()
        due = self.schedule.latest_tick(after=None, until=self._now() - GRACE)
        if due is None or (verified and verified[0].at >= due) or not self._has_been_working_at(due):
            return None, None
        last = "There is no backup" if not verified else f"The newest backup is of {_shown(verified[0].at)}"
        return BackupAlarm.LATE, f"{last}, one was due at {_shown(due)}. `micore backup create` makes one."

    def _has_been_working_at(self, due: datetime) -> bool:
        """Whether there was something to lose: before the first sync there is nothing."""
        with self.backups.database.read() as connection:
            first = first_created_at(connection)
        return first is not None and instant(first) < due


def _measure(verified: list[Backup], alarm: BackupAlarm | None) -> None:
    metrics.HEALTH.labels("backup").set(1 if alarm is None else 0.5)
    metrics.BACKUP_VERIFIED.set(len(verified))
    if not verified:
        return
    newest = verified[0]
    metrics.BACKUP_LAST_SUCCESS.set(newest.at.timestamp())
    metrics.BACKUP_SIZE_BYTES.set(newest.size_bytes)
    for step, seconds in (
        ("copy", newest.copy_seconds),
        ("pack", newest.pack_seconds),
        ("verify", newest.verify_seconds),
    ):
        metrics.BACKUP_SECONDS.labels(step).set(seconds)


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
