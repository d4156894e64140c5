"""`micore simulator`: the marketplaces' APIs on local ports, with a living shop behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from micore.simulator.command import Options, run


def simulator(
    ozon_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Ozon's Seller API; 0 takes a free one.")
    ] = 9101,
    wildberries_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of all Wildberries hosts' paths; 0 takes a free one.")
    ] = 9102,
    seed: Annotated[int, typer.Option(help="Another number, another shop.")] = 7,
    products: Annotated[int, typer.Option(min=1, max=1_000_000, help="Size of the shop.")] = 1163,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of history up to --today.")] = 730,
    today: Annotated[
        str | None, typer.Option(help="Last day of the history; default: Moscow's date at the first start.")
    ] = None,
    clock: Annotated[str | None, typer.Option(help="Where the virtual clock starts (RFC3339); default: now.")] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="The clock does not tick by itself.")] = False,
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Switch the request limits off, for measuring.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:ARGUMENT][@PATH-PART][xCOUNT|%SHARE]",
            help="A fault on request, e.g. 429:30@ozon or dropped:sku@/stocks; may be given several times.",
        ),
    ] = None,
    ban: Annotated[
        float, typer.Option(min=0, help="Seconds of 429 for who is refused ten times within a minute; 0: no ban.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    state: Annotated[
        Path | None, typer.Option(help="Folder that keeps the shop's arguments, so that later starts go on with it.")
    ] = None,
) -> None:
    """Serve Ozon's and Wildberries' seller APIs with a living shop behind them, until Ctrl-C."""
    options = Options(
        ozon_port=ozon_port,
        wildberries_port=wildberries_port,
        host=host,
        seed=seed,
        products=products,
        days=days,
        today=today,
        clock=clock,
        frozen=frozen,
        limits=not no_limits,
        faults=tuple(fault or ()),
        ban_seconds=ban,
        state=state,
    )
    try:
        run(options, typer.echo)
    except (ValueError, OSError) as error:
        typer.echo(f"simulator: {error}", err=True)
        raise typer.Exit(2) from error
