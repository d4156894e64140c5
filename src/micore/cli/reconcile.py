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
from micore.domain.reconcile_views import DayCompared, DifferenceRow, Reconciliation, StatementCompared, Untold
from micore.domain.run_views import Run, Trigger
from micore.domain.units import Money

_DAY = ["%Y-%m-%d"]
UNTOLD = {
    Untold.SALES_MONEY: "what is passed on for sales",
    Untold.SALES_UNITS: "how many were sold",
    Untold.SALES_PLACES: "where sales came from",
    Untold.ORDER_PLACES: "where orders ship from by a second method (the same lists, asked again)",
    Untold.SELLER_ORDER_PLACES: "which of your warehouses orders ship from",
    Untold.MARKETPLACE_ORDER_PLACES: "which of the marketplace's warehouses orders ship from",
    Untold.MARKETPLACE_STOCK_PLACES: "what each of the marketplace's warehouses holds",
    Untold.SELLER_STOCK_PLACES: "what each of your own warehouses holds",
}
"""What of a stream has no figure of the marketplace's beside it."""


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
    """Compare orders, sales, stock and payouts with the marketplaces' own figures, and sort what differs by its reason.

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
    if told.failed is not None:
        # What was compared before is not what this run was asked for.
        console.print(f"{title}: the comparison failed. {told.failed.why}", style="red")
        return
    if not told.compared:
        console.print(f"{title}: not compared, micore reads no second figure of it.", style="yellow")
        return
    if told.by_report:
        _print_statements(title, told.statements)
    else:
        _print_days(title, told.days)
    if told.untold:
        console.print(f"Not told by the marketplace: {', '.join(UNTOLD[each] for each in told.untold)}.")
    for failed in told.failed_schemes:
        console.print(f"{failed.scheme} was not compared: {failed.why}", style="yellow")
    if not told.differences:
        if told.statements or any(map(_tells, told.days)):
            console.print(
                "Nothing differs in what was compared." if told.failed_schemes else "Nothing differs.", style="green"
            )
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


def _tells(compared: DayCompared) -> bool:
    return bool(compared.theirs or compared.ours or compared.theirs_money or compared.ours_money)


def _print_days(title: str, days: list[DayCompared]) -> None:
    rows = [
        [
            ", ".join(filter(None, (str(each.day or ""), each.scheme, each.place, each.member))) or _unplaced(each),
            *_sides(each),
        ]
        for each in days
    ]
    head = ["of", "marketplace", "here", "difference, units"]
    print_table(title, head, rows, right=(1, 2, 3))


def _unplaced(compared: DayCompared) -> str:
    return "all of the marketplace's warehouses together" if compared.pooled else "place not told"


def _sides(compared: DayCompared) -> list[str]:
    theirs, ours = compared.theirs, compared.ours
    if theirs is None or ours is None:
        return [_money(compared.theirs_money), _money(compared.ours_money), ""]
    return [figure(theirs), figure(ours), figure(theirs - ours)]


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
    if row.order_id is not None:
        return f"{row.member} of {row.order_id}"
    sides = f"marketplace {_money(row.theirs_money)}, here {_money(row.ours_money)}"
    days = f"{row.day} to {row.last_day}" if row.last_day else str(row.day)
    return f"{row.member} of {days}: {sides}"
