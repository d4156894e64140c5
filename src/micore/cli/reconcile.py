"""`micore reconcile`: our tables beside the marketplaces' own figures."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
import typer

from micore.app import App
from micore.cli.output import console, figure, print_json, print_table
from micore.cli.working import ask_server, by_itself, end_with, ready_app, server_of, watch
from micore.domain.reconcile_views import Reconciliation
from micore.domain.run_views import Run, Trigger

_DAY = ["%Y-%m-%d"]


def reconcile(
    source: Annotated[str | None, typer.Option(help="Only this source; else all that tell own figures.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="First day; else seven before the end.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="The day after the last one; else today.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare orders and stock with the marketplaces' own figures, and sort what differs by why it does.

    Exit code 0: nothing differs that does not go away by itself; 2: something does; 1: nothing could be compared.
    """
    first_day, end_day = (None if each is None else each.date() for each in (first, end))
    ready = ready_app()
    try:
        server = server_of(ready)
        if server is None:
            request = partial(ready.reconciliations.request, source=source, first_day=first_day, end_day=end_day)
            ended = by_itself(ready, lambda: request(trigger=Trigger.COMMAND))
        else:
            asked = msgspec.to_builtins({"source": source, "first_day": first_day, "end_day": end_day})
            ended = watch(server, [run["id"] for run in ask_server(server, "POST", "/api/v1/reconciliations", asked)])
        results = _results(ready, ended)
    finally:
        ready.close()
    if as_json:
        print_json(results)
    else:
        for each in results:
            _print(each)
    end_with(ended)


def _results(ready: App, ended: list[Run]) -> list[Reconciliation]:
    return ready.reconciliations.results([run.id for run in ended])


def _print(told: Reconciliation) -> None:
    title = f"{told.source} {told.account}, {told.stream}, {told.first_day} to {told.end_day}"
    rows = [
        [
            str(each.day or ", ".join(filter(None, (each.scheme, each.place)))),
            figure(each.theirs),
            figure(each.ours),
            figure(each.theirs - each.ours),
        ]
        for each in told.days
    ]
    print_table(
        title, ["day, or scheme and place", "marketplace, units", "here, units", "difference"], rows, right=(1, 2, 3)
    )
    if not told.differences:
        if any(each.theirs or each.ours for each in told.days):
            console.print("Nothing differs.", style="green")
        else:
            console.print("Neither side has anything: there was nothing to compare.", style="yellow")
        return
    found = [
        [
            each.kind.value,
            "goes away by itself" if each.harmless else "look at it",
            figure(each.rows),
            figure(each.units),
            each.amount or "–",
            ", ".join(row.order_id or row.sku or str(row.day) for row in each.examples[:3]),
        ]
        for each in told.differences
    ]
    head = ["why", "", "rows", "units", "money", "for instance"]
    print_table("", head, found, right=(2, 3, 4))
