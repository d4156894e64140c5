"""The command line: a file per noun; parses, calls a service, prints."""

from __future__ import annotations

import atexit
import difflib
import gc
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from micore.cli.output import fail
from micore.errors import MicoreError

COMMANDS = {
    "demo": "A living shop in one command: simulator, sync, dashboard.",
    "serve": "Serve the dashboard and the API, and sync by the schedule.",
    "sync": "Read the marketplaces now, and look at earlier runs.",
    "reconcile": "Compare orders and stock with the marketplaces' own figures.",
    "quarantine": "Rows that could not be believed: see them, mend them, try them again.",
    "backup": "Make, list and check backups; show the recovery key.",
    "restore": "Bring a backup back, and take that back.",
    "log": "The transaction log: look at it, check it, bring the database up to it.",
    "db": "Migrate, describe and check the database.",
    "config": "Show and check what settings are in force.",
    "source": "Look at the plug-ins that read marketplaces, check one, test a key.",
    "simulator": "Serve the marketplaces' APIs with a made-up shop behind them.",
}
"""Every command with its line of help; its module in this package has the same name."""


class _OnDemand(TyperGroup):
    """Loads a command's module when it is called: `micore config show` needs no web framework."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[:1] and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            meant = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(COMMANDS)}."
            ctx.fail(f"There is no command {args[0]!r}. {meant}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"micore.cli.{cmd_name}")
        if hasattr(module, "app"):
            return typer.main.get_command(module.app)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="micore",
    cls=_OnDemand,
    help="Inventory for marketplace sellers: read Ozon and Wildberries, see what needs a decision.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"micore {installed('micore')}")
        raise typer.Exit


YOUNG_OBJECTS = 50_000
"""A step of a sync makes about so many. Python's own 700 has each of them looked at several times, and all modules
with them: a tenth of a sync's processor time."""


def main() -> None:
    """The `micore` program. Errors of ours end with their text and remedy, and exit code 1."""
    gc.set_threshold(YOUNG_OBJECTS)
    # What lives at the end is given back with the process. Looking through all of it first takes a third of a second.
    atexit.register(gc.freeze)
    try:
        app()
    except MicoreError as error:
        fail(error)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)
