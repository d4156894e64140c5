"""The command line: a file per noun; parses, calls a service, prints."""

from __future__ import annotations

import sys

import typer

from micore.cli import config, db, demo, serve, simulator, sync
from micore.cli.output import fail
from micore.errors import MicoreError

app = typer.Typer(
    name="micore",
    help="Inventory for marketplace sellers: read Ozon and Wildberries, see what needs a decision.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.add_typer(sync.app, name="sync")
app.add_typer(db.app, name="db")
app.add_typer(config.app, name="config")
app.command("simulator")(simulator.simulator)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"micore {installed('micore')}")
        raise typer.Exit


def main() -> None:
    """The `micore` program. Errors of ours end with their text and remedy, and exit code 1."""
    try:
        app()
    except MicoreError as error:
        fail(error)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)
