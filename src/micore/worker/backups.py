"""The worker that makes backups: a thread of its own, so that a sync of hours and a backup of minutes do not wait."""

from __future__ import annotations

import threading

import structlog

from micore.services.backup_desk import BackupDesk

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 15.0


class BackupWorker:
    """A thread that makes what the desk was asked for, and what is due by its schedule."""

    def __init__(self, desk: BackupDesk, *, scheduled: bool) -> None:
        self._desk = desk
        self._scheduled = scheduled
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="micore-backups", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._desk.wake = self._wake.set
        self._thread.start()

    def stop(self, timeout_seconds: float = 2) -> None:
        """Begin nothing new. A backup under way ends with the process; what it leaves goes with the next one."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                made = self._desk.work(scheduled=self._scheduled)
            except Exception:
                # Whatever it was, the next backup shall be tried.
                log.exception("backup.worker_failed")
                made = None
            if made is None:
                self._wake.wait(LOOK_EVERY_SECONDS)
                self._wake.clear()
