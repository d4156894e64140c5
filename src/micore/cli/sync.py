"""`micore sync`: read the marketplaces now, and look at earlier runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import httpx2
import msgspec
import typer

from micore.app import App, build_app, installed_source_options
from micore.cli.output import console, figure, local_time, print_json, print_table
from micore.cli.progress import OPEN, follow
from micore.cli.settings import settings_in_force
from micore.config import ENV_FILE, option_variables
from micore.domain.run_views import Run, RunPage, RunState, Trigger
from micore.errors import ConflictError, InvalidRequestError, NoMarketplaceError, NotFoundError, RunEndedError
from micore.storage.database import WriterInfo
from micore.storage.migrations import upgrade
from micore.telemetry.logs import set_up_logs

app = typer.Typer(
    help="Read the marketplaces, and look at earlier runs.", invoke_without_command=True, add_completion=False
)


@app.callback()
def sync(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option(help="Only this source, ozon for instance; else all with a key.")
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this stream: warehouses, catalogue, prices, stock, orders, sales, returns, supplies. Repeatable."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything the marketplace keeps, not only what is new.")
    ] = False,
    believe: Annotated[
        bool,
        typer.Option("--believe", help="Publish stock that has shrunk by more than half without a second reading."),
    ] = False,
) -> None:
    """Read the marketplaces now.

    A running server on the same database does the work and this command watches; else it works itself.
    Exit code 0: all is in; 2: some rows or streams are not; 1: nothing could be read.
    """
    if context.invoked_subcommand is not None:
        return
    ready = _ready()
    try:
        asked = {"source": source, "streams": stream or None, "full": full, "believe": believe}
        ended = _by_server(ready, asked) if _server(ready) else _by_itself(ready, asked)
    finally:
        ready.close()
    if any(run.state == RunState.FAILED for run in ended):
        raise typer.Exit(1)
    if any(run.state != RunState.DONE for run in ended):
        raise typer.Exit(2)


@app.command("runs")
def show_runs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    findings: Annotated[bool, typer.Option("--findings", help="Only runs that did not end well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the runs that are under way or wait, and earlier ones."""
    ready = _ready()
    try:
        opened = [] if findings else ready.sync.overview().running
        page = ready.sync.history(limit=limit, findings=findings)
        worked_on = _is_worked_on(ready)
    finally:
        ready.close()
    shown = [*reversed(opened), *page.items]
    if as_json:
        print_json(RunPage(items=shown, next_cursor=page.next_cursor))
        return
    rows = [
        [
            str(run.id),
            run.source,
            local_time(run.started_at, ready.shop.zone),
            _state(run, worked_on=worked_on),
            figure(run.rows_read),
            figure(run.rows_loaded),
            figure(run.rows_rejected),
            run.message or "",
        ]
        for run in shown
    ]
    print_table(
        "", ["run", "source", "started", "state", "read", "loaded", "rejected", "says"], rows, right=(0, 4, 5, 6)
    )


def _state(run: Run, *, worked_on: bool) -> str:
    if run.state == RunState.QUEUED or (run.state == RunState.RUNNING and not worked_on):
        return "waits" if run.started_at is None else "waits to go on"
    return run.state.value


def _is_worked_on(ready: App) -> bool:
    """Whether what is called running can be: not where only one process writes, and none does."""
    lock = ready.writer_lock()
    return lock is None or lock.holder() is not None


@app.command("stop")
def stop_run(
    run_id: Annotated[int, typer.Argument(help="Number of the run, from `micore sync runs` or the dashboard.")],
) -> None:
    """Ask a run to stop after its present step; the next sync goes on from there."""
    ready = _ready()
    try:
        server = _server(ready)
        if server is not None:
            _ask(server, "POST", f"/api/v1/sync/runs/{run_id}/stop")
        else:
            ready.sync.stop(run_id)
    finally:
        ready.close()
    console.print(f"Run {run_id} stops after its present step.")


def _ready() -> App:
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    ready = build_app(settings)
    upgrade(ready.database)
    return ready


# ------------------------------------------------------------------------------------------ work it ourselves


def _by_itself(ready: App, asked: dict[str, Any]) -> list[Run]:
    _check_that_there_is_a_key(ready, asked["source"])
    with _writing(ready):
        ready.sync.recover()
        requested = ready.sync.request(trigger=Trigger.COMMAND, **asked)
        ids = [run.id for run in requested]
        worker = threading.Thread(target=_work_off, args=(ready, ids), daemon=True)
        worker.start()
        try:
            return follow(lambda: [ready.sync.run(run_id) for run_id in ids])
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


def _check_that_there_is_a_key(ready: App, wanted: str | None) -> None:
    """Raise NoMarketplaceError, which tells a newcomer what to do, where nothing that is wanted can be read."""
    slots = [slot for slot in ready.sync.sources.values() if wanted in (None, slot.name)]
    if not slots or any(slot.open is not None for slot in slots):
        return
    options = installed_source_options()
    needed = [
        f"  {option_variables(slot.name, option.name)[0]}: {option.help}"
        for slot in slots
        for option in options[slot.name]
        if option.required
    ]
    raise NoMarketplaceError({slot.title: slot.reason or "" for slot in slots}, needed, has_file=ENV_FILE.is_file())


def _work_off(ready: App, ids: Sequence[int]) -> None:
    while any(ready.sync.run(run_id).state in OPEN for run_id in ids) and not ready.sync.stopping.is_set():
        if ready.sync.work_once() is None:
            # Another worker of this database has it.
            ready.sync.stopping.wait(0.5)


@contextmanager
def _writing(ready: App) -> Iterator[None]:
    lock = ready.writer_lock()
    if lock is None:
        yield
        return
    import os

    lock.acquire(WriterInfo(os.getpid(), ""))
    try:
        yield
    finally:
        lock.release()


# --------------------------------------------------------------------------------------- or let the server do it


def _server(ready: App) -> str | None:
    """Where a running server on this database answers; None where there is none."""
    lock = ready.writer_lock()
    holder = None if lock is None else lock.holder()
    return holder.url if holder is not None and holder.url else None


def _by_server(ready: App, asked: dict[str, Any]) -> list[Run]:
    server = _server(ready)
    assert server is not None
    if asked.pop("believe"):
        raise InvalidRequestError(
            "--believe", received="beside a running server", allowed="after stopping it, because a person must watch"
        )
    console.print(f"The server at {server} does the work.", style="dim")
    requested = _ask(server, "POST", "/api/v1/sync/runs", asked)
    ids = [run["id"] for run in requested]

    def read() -> list[Run]:
        return [msgspec.convert(_ask(server, "GET", f"/api/v1/sync/runs/{run_id}"), Run) for run_id in ids]

    try:
        return follow(read)
    except KeyboardInterrupt:
        numbers = " and ".join(f"`micore sync stop {run_id}`" for run_id in ids)
        console.print(f"The server goes on with it; {numbers} stops it.", soft_wrap=True)
        raise typer.Exit(130) from None


def _ask(server: str, method: str, path: str, body: Any = None) -> Any:
    try:
        answer = httpx2.request(method, server + path, json=body, timeout=30)
    except httpx2.HTTPError as error:
        raise ConflictError(
            f"The server at {server} does not answer ({error}); it may be starting or ending."
        ) from None
    if answer.status_code == 404:
        raise NotFoundError("run", path.rpartition("/")[2])
    if answer.status_code >= 400:
        detail = answer.json().get("detail", answer.text)
        raise ConflictError(f"The server refused: {detail}")
    return answer.json()
