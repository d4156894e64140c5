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
from micore.domain.reconcile_views import DayCompared, DifferenceRow, Reconciliation, StatementCompared
from micore.domain.run_views import Run, Trigger
from micore.domain.units import Money

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
    """Compare orders, stock and payouts with the marketplaces' own figures, and sort what differs by why it does.

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
    if told.stream == "finance":
        _print_statements(title, told.statements)
    else:
        _print_days(title, told.days)
    if not told.differences:
        if told.statements or any(each.theirs or each.ours for each in told.days):
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
            ", ".join(_money(one) for one in each.amounts) or "–",
            ", ".join(_example(row) for row in each.examples[:3]),
        ]
        for each in told.differences
    ]
    head = ["why", "", "rows", "units", "money", "for instance"]
    print_table("", head, found, right=(2, 3, 4))


def _print_days(title: str, days: list[DayCompared]) -> None:
    rows = [
        [
            str(each.day or ", ".join(filter(None, (each.scheme, each.place)))),
            figure(each.theirs),
            figure(each.ours),
            figure(each.theirs - each.ours),
        ]
        for each in days
    ]
    head = ["day, or scheme and place", "marketplace, units", "here, units", "difference"]
    print_table(title, head, rows, right=(1, 2, 3))


def _print_statements(title: str, statements: list[StatementCompared]) -> None:
    rows = [
        [f"{each.first_day} to {each.last_day}", figure(each.reports), _money(each.theirs), _money(each.ours)]
        for each in statements
    ]
    print_table(title, ["days", "reports", "paid, marketplace", "paid, by what is stored"], rows, right=(1, 2, 3))


def _money(money: Money | None) -> str:
    return "nothing" if money is None else f"{money.amount} {money.currency}"


def _example(row: DifferenceRow) -> str:
    if row.member is None:
        return row.order_id or row.sku or str(row.day)
    sides = f"marketplace {_money(row.theirs_money)}, here {_money(row.ours_money)}"
    return f"{row.member} of {row.day} to {row.last_day}: {sides}"
