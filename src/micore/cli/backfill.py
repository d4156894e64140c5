"""`micore sync backfill`: read days of the past again, beside live syncs."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Annotated

import msgspec
import typer

from micore.app import App
from micore.cli.output import console, figure, print_json, print_table
from micore.cli.working import ask_server, by_itself, end_with, ready_app, server_of, watch
from micore.domain.backfill_views import BackfillPlan
from micore.domain.run_views import Run, Trigger

_DAY = ["%Y-%m-%d"]


def backfill(
    source: Annotated[str, typer.Argument(help="The source to read, ozon for instance.")],
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day, by the marketplace's calendar.")],
    end: Annotated[datetime, typer.Option("--to", formats=_DAY, help="The day after the last one.")],
    streams: Annotated[
        str | None, typer.Option(help="Separated by commas: orders,finance; else all that have a past.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would fetch, and ask nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: for programs.")] = False,
) -> None:
    """Read chosen days of the past again.

    Live syncs go on and come first; what they have read since stays. Stopped or killed, it goes on where it was when
    the same days are asked for again. Exit codes as of `micore sync`.
    """
    wanted = None if streams is None else [each.strip() for each in streams.split(",")]
    days = {"first_day": first.date(), "end_day": end.date()}
    ready = ready_app()
    try:
        if dry_run:
            plan = ready.backfills.plan(source=source, streams=wanted, **days)
            print_json(plan) if as_json else _print_plan(plan)
            return
        ended = _backfilled(ready, source, wanted, **days)
    finally:
        ready.close()
    for run in ended:
        _print_found(run)
    end_with(ended)


def _backfilled(ready: App, source: str, streams: list[str] | None, *, first_day: date, end_day: date) -> list[Run]:
    server = server_of(ready)
    if server is None:
        request = partial(ready.backfills.request, source=source, streams=streams, first_day=first_day, end_day=end_day)
        return by_itself(ready, lambda: [request(trigger=Trigger.COMMAND)])
    asked = {"source": source, "streams": streams, "first_day": first_day, "end_day": end_day}
    console.print(f"The server at {server} does the work.", style="dim")
    told = ask_server(server, "POST", "/api/v1/sync/backfills", msgspec.to_builtins(asked))
    return watch(server, [told["id"]])


def _print_plan(plan: BackfillPlan) -> None:
    rows = [
        [
            each.stream,
            "–" if each.first_day is None else f"{each.first_day} to {each.end_day}",
            figure(each.windows),
            figure(each.requests_at_least),
            figure(each.seconds_at_least / 60, lambda minutes: f"{minutes:,.1f}"),
            ", ".join(f"{month.month}: {month.rows:,}" for month in each.here) or "none",
        ]
        for each in plan.streams
    ]
    head = ["stream", "days", "windows", "requests, at least", "minutes, at least", "rows here already"]
    print_table("", head, rows, right=(2, 3, 4))
    for each in plan.streams:
        if each.reason:
            console.print(f"{each.stream}: {each.reason}", soft_wrap=True)
    console.print("The last day is left out. Nothing was asked of the marketplace.", style="dim")


def _print_found(run: Run) -> None:
    rows = [
        [
            each.stream,
            f"{each.windows_done or 0} of {each.windows or 0}",
            figure(each.rows_new or 0),
            figure(each.rows_loaded - (each.rows_new or 0)),
            figure(each.rows_unchanged),
            figure(each.rows_rejected),
        ]
        for each in run.streams
    ]
    print_table("", ["stream", "windows", "new", "changed", "unchanged", "rejected"], rows, right=(1, 2, 3, 4, 5))
