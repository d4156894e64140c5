"""`micore sync`: read the marketplaces now, and look at earlier runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from micore.app import App
from micore.cli.backfill import backfill
from micore.cli.output import console, figure, local_time, print_json, print_table
from micore.cli.working import (
    ask_server,
    by_itself,
    check_that_there_is_a_key,
    end_with,
    ready_app,
    server_of,
    watch,
)
from micore.domain.run_views import Run, RunKind, RunPage, RunState, Trigger
from micore.errors import InvalidRequestError


class _BySource(TyperGroup):
    """`micore sync ozon-2` is `micore sync --source ozon-2`: what is no command of ours is what to read."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["--source", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BySource,
    subcommand_metavar="[SOURCE | COMMAND] [ARGS]...",
    help="Read the marketplaces, and look at earlier runs.",
    invoke_without_command=True,
    add_completion=False,
)

app.command("backfill")(backfill)


@app.callback()
def sync(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(help="Only this one: ozon, or ozon-2 for its second account; else all with a key."),
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
    ready = ready_app()
    try:
        asked = {"source": source, "streams": stream or None, "full": full, "believe": believe}
        ended = _by_server(ready, asked) if server_of(ready) else _here(ready, asked)
    finally:
        ready.close()
    end_with(ended)


@app.command("runs")
def show_runs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    findings: Annotated[bool, typer.Option("--findings", help="Only runs that have something to say.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the runs that are under way or wait, and earlier ones."""
    ready = ready_app()
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
            run.source if run.kind is RunKind.SYNC else f"{run.source}, {run.first_day} to {run.end_day}",
            local_time(run.started_at, ready.shop.zone),
            _state(run, worked_on=worked_on, zone=ready.shop.zone),
            figure(run.rows_read),
            figure(run.rows_loaded),
            figure(run.rows_rejected),
            "\n".join([*filter(None, [run.message]), *_findings(run)]),
        ]
        for run in shown
    ]
    print_table(
        "", ["run", "source", "started", "state", "read", "loaded", "rejected", "says"], rows, right=(0, 4, 5, 6)
    )


def _findings(run: Run) -> list[str]:
    """What the streams of a run have to say, without what the run itself says already."""
    return [
        f"{stream.stream}: {each.message}"
        for stream in run.streams
        for each in stream.findings
        if each.message not in (run.message or "")
    ]


def _state(run: Run, *, worked_on: bool, zone: Any) -> str:
    if run.state == RunState.QUEUED or (run.state == RunState.RUNNING and not worked_on):
        return "waits" if run.started_at is None else "waits to go on"
    if run.waits_until is not None:
        return f"waits for a limit until {local_time(run.waits_until, zone)[11:]}"
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
    ready = ready_app()
    try:
        server = server_of(ready)
        if server is not None:
            ask_server(server, "POST", f"/api/v1/sync/runs/{run_id}/stop")
        else:
            ready.sync.stop(run_id)
    finally:
        ready.close()
    console.print(f"Run {run_id} stops after its present step.")


def _here(ready: App, asked: dict[str, Any]) -> list[Run]:
    check_that_there_is_a_key(ready, asked["source"])
    return by_itself(ready, lambda: ready.sync.request(trigger=Trigger.COMMAND, **asked))


def _by_server(ready: App, asked: dict[str, Any]) -> list[Run]:
    server = server_of(ready)
    assert server is not None
    if asked.pop("believe"):
        raise InvalidRequestError(
            "--believe", received="beside a running server", allowed="after stopping it, because a person must watch"
        )
    console.print(f"The server at {server} does the work.", style="dim")
    requested = ask_server(server, "POST", "/api/v1/sync/runs", asked)
    ids = [run["id"] for run in requested]

    return watch(server, ids)
