"""Runs that a command asks for: worked on here, or by the server that has the database, and watched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import msgspec
import typer

from micore.app import App, build_app, installed_source_options
from micore.cli.output import console
from micore.cli.progress import OPEN, REFRESH_SECONDS, follow
from micore.cli.settings import settings_in_force
from micore.config import ENV_FILE
from micore.domain.run_views import Run, RunState
from micore.errors import ConflictError, NoMarketplaceError, RequestError, RunEndedError
from micore.slots import option_variables
from micore.storage.database import WriterInfo
from micore.telemetry.logs import set_up_logs


def ready_app() -> App:
    """Everything by the settings in force, the database migrated, logs kept off the terminal."""
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    ready = build_app(settings)
    ready.open()
    return ready


# ------------------------------------------------------------------------------------------ work it ourselves


def by_itself(ready: App, request: Callable[[], list[Run]]) -> list[Run]:
    """Work on the requested runs in this process; Ctrl-C lets the present step end."""
    with writing(ready):
        ready.sync.recover()
        ids = [run.id for run in request()]
        worker = threading.Thread(target=_work_off, args=(ready, ids), daemon=True)
        worker.start()

        def over(seconds: float) -> None:
            """What another process works on is looked at now and then."""
            if worker.is_alive():
                worker.join(seconds)
            else:
                time.sleep(REFRESH_SECONDS)

        try:
            return follow(lambda: [ready.sync.run(run_id) for run_id in ids], over=over)
        except KeyboardInterrupt:
            console.print("Stopping after the present step ...")
            for run_id in ids:
                with suppress(RunEndedError):
                    ready.sync.stop(run_id)
            ready.sync.stopping.set()
            worker.join(30)
            console.print(
                "What is loaded stays; the next `micore sync` or `micore serve` goes on from there. "
                "`micore sync runs` shows what waits.",
                soft_wrap=True,
            )
            raise typer.Exit(130) from None
        finally:
            worker.join(30)


def check_that_there_is_a_key(ready: App, wanted: str | None) -> None:
    """Raise NoMarketplaceError, which tells a newcomer what to do, where nothing that is wanted can be read."""
    slots = [slot for slot in ready.sync.sources.values() if wanted in (None, slot.name)]
    if not slots or any(slot.open is not None for slot in slots):
        return
    options = installed_source_options()
    needed = [
        f"  {option_variables(slot.name, option.name)[0]}: {option.help}"
        for slot in slots
        for option in options.get(slot.plugin, ())
        if option.required
    ]
    raise NoMarketplaceError({slot.title: slot.reason or "" for slot in slots}, needed, has_file=ENV_FILE.is_file())


def _work_off(ready: App, ids: Sequence[int]) -> None:
    while any(ready.sync.run(run_id).state in OPEN for run_id in ids) and not ready.sync.stopping.is_set():
        if ready.sync.work_once() is None:
            # Another worker of this database has it.
            ready.sync.stopping.wait(0.5)


@contextmanager
def writing(ready: App) -> Iterator[None]:
    """Be the one process that writes, where only one may."""
    lock = ready.writer_lock()
    if lock is None:
        yield
        return
    lock.acquire(WriterInfo(os.getpid(), ""))
    try:
        yield
    finally:
        lock.release()


# --------------------------------------------------------------------------------------- or let the server do it


def server_of(ready: App) -> str | None:
    """Where a running server on this database answers; None where there is none."""
    lock = ready.writer_lock()
    holder = None if lock is None else lock.holder()
    return holder.url if holder is not None and holder.url else None


def watch(server: str, ids: Sequence[int]) -> list[Run]:
    """Follow runs that the server works on; Ctrl-C leaves them to it."""

    def read() -> list[Run]:
        return [msgspec.convert(ask_server(server, "GET", f"/api/v1/sync/runs/{run_id}"), Run) for run_id in ids]

    try:
        return follow(read)
    except KeyboardInterrupt:
        numbers = " and ".join(f"`micore sync stop {run_id}`" for run_id in ids)
        console.print(f"The server goes on with it; {numbers} stops it.", soft_wrap=True)
        raise typer.Exit(130) from None


def end_with(ended: Sequence[Run]) -> None:
    """Leave with the exit code of these runs: 0 all is in, 2 some of it is not, 1 nothing could be read."""
    if any(run.state == RunState.FAILED for run in ended):
        raise typer.Exit(1)
    if any(run.state != RunState.DONE for run in ended):
        raise typer.Exit(2)


def ask_server(server: str, method: str, path: str, body: Any = None) -> Any:
    """One request to our own API. Raises RequestError with the server's words for what is not there, ConflictError."""
    try:
        answer = httpx2.request(method, server + path, json=body, timeout=30)
    except httpx2.HTTPError as error:
        raise ConflictError(
            f"The server at {server} does not answer ({error}); it may be starting or ending."
        ) from None
    if answer.status_code >= 400:
        detail = answer.json().get("detail", answer.text)
        raise RequestError(detail) if answer.status_code == 404 else ConflictError(f"The server refused: {detail}")
    return answer.json()
