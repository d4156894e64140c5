"""The worker: turns the schedule into runs and works on them, one at a time, in a thread of its own."""

from __future__ import annotations

import threading
from datetime import datetime

import structlog

from micore.services.sync import SyncService

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Worker:
    """A thread that syncs; `stop` lets the present step end and gives its run back to the queue."""

    def __init__(self, service: SyncService, *, scheduled: bool = True) -> None:
        self._service = service
        self._scheduled = threading.Event()
        if scheduled:
            self._scheduled.set()
        self._thread = threading.Thread(target=self._work, name="micore-worker", daemon=True)
        self._wake = threading.Event()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def schedule(self) -> None:
        """Begin to keep the schedule, if that has not begun yet."""
        self._scheduled.set()
        self._wake.set()

    def wake(self) -> None:
        """Look into the queue now."""
        self._wake.set()

    def stop(self, timeout_seconds: float = 30) -> None:
        """End after the present step; returns when it has, or when the time is up."""
        self._service.stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    @property
    def alive(self) -> bool:
        """Whether the thread still works; health asks."""
        return self._thread.is_alive()

    def _work(self) -> None:
        service = self._service
        last_tick: datetime | None = None
        while not service.stopping.is_set():
            try:
                if self._scheduled.is_set():
                    if last_tick is None:
                        last_tick = service.now()
                        service.catch_up()
                    last_tick = service.enqueue_due(last_tick)
                if service.work_once() is None:
                    self._wake.wait(LOOK_EVERY_SECONDS)
                    self._wake.clear()
            except Exception:
                # The database may be away for a while; the worker outlives that.
                log.exception("worker.failed")
                service.stopping.wait(PAUSE_AFTER_FAILURE_SECONDS)
