"""`micore serve`: the dashboard, the API, the schedule and the syncs, in one process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from micore.api.parts import Parts
from micore.api.server import Server, bind
from micore.app import App, SyncDesk, build_app, web_folder
from micore.cli.output import console
from micore.cli.settings import settings_in_force
from micore.storage.database import WriterInfo
from micore.telemetry.logs import set_up_logs
from micore.worker import Worker
from micore.worker.backups import BackupWorker


def serve(
    host: Annotated[str | None, typer.Option(help="Loopback address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the dashboard and the API.")] = None,
    schedule: Annotated[bool, typer.Option("--schedule/--no-schedule", help="Sync by the schedule.")] = True,
) -> None:
    """Serve the dashboard and the API, and sync by the schedule. Ctrl-C ends it."""
    given: dict[str, Any] = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = settings_in_force(**given)
    set_up_logs(settings)
    ready = build_app(settings)
    try:
        with served(ready, scheduled=schedule) as server:
            console.print(f"The dashboard is at {settings.url}  (Ctrl-C ends it)")
            server.wait()
    finally:
        ready.close()


class Served:
    """A running server and its worker."""

    def __init__(self, worker: Worker, server: Server) -> None:
        self._worker, self._server = worker, server

    def wake(self) -> None:
        """Let the worker look into the queue now."""
        self._worker.wake()

    def schedule(self) -> None:
        """Begin to keep the schedule, if that has not begun yet."""
        self._worker.schedule()

    def wait(self) -> None:
        """Return when the server has ended; a signal ends the wait."""
        self._server.wait()


@contextmanager
def served(ready: App, *, scheduled: bool = True) -> Iterator[Served]:
    """Serve inside the block. Ctrl-C and SIGTERM leave the block quietly; the present step of a sync ends first.

    Raises ConflictError when another process writes to this database, SettingsError when the port is taken.
    """
    settings = ready.settings
    with ExitStack() as stack, _ended_by_signals():
        listener = stack.enter_context(bind(settings.host, settings.port))
        lock = ready.writer_lock()
        if lock is not None:
            lock.acquire(WriterInfo(os.getpid(), settings.url))
            stack.callback(lock.release)
        ready.restoring.finish()
        ready.open()
        ready.restoring.settle()
        ready.sync.recover()
        worker = Worker(ready.sync, scheduled=scheduled)
        server = Server(parts_of(ready, worker), listener)
        server.start()
        stack.callback(server.stop)
        worker.start()
        # Has work only after a restore; as a daemon it keeps nobody waiting at the end.
        threading.Thread(target=ready.restoring.check_integrity, name="micore-check", daemon=True).start()
        # Ended first: what it still publishes reaches the browsers.
        stack.callback(worker.stop)
        backups = BackupWorker(ready.backup_desk, scheduled=scheduled)
        backups.start()
        stack.callback(backups.stop)
        yield Served(worker, server)


def parts_of(ready: App, worker: Worker) -> Parts:
    """What the routes need of these parts."""
    return Parts(
        meta=ready.meta,
        dashboards=ready.dashboards,
        products=ready.products,
        explanations=ready.explanations,
        health=ready.health,
        sync=SyncDesk(ready.sync, worker.wake),
        backfills=replace(ready.backfills, wake=worker.wake),
        reconciliations=replace(ready.reconciliations, wake=worker.wake),
        quarantine=replace(ready.quarantine, wake=worker.wake),
        live=ready.live,
        cache=ready.cache,
        key_tests=ready.key_tests,
        backups=ready.backup_desk,
        web=web_folder(),
    )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal act like Ctrl-C, and none of them looks like a failure."""
    in_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGTERM, signal.SIGHUP) if in_main else ()
    previous = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        console.print("Ended.", style="dim")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
