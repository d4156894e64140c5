"""`micore config`: which settings are in force, and whether they are right."""

from __future__ import annotations

from typing import Annotated

import typer

from micore import config
from micore.app import installed_source_options
from micore.cli.output import console, print_json, print_table

app = typer.Typer(add_completion=False, help="Look at the settings.", no_args_is_help=True)


@app.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every setting in force, with the secrets masked."""
    plugins = installed_source_options()
    settings = config.load_settings(plugins)
    values = config.shown(settings, plugins)
    if as_json:
        print_json(values)
        return
    described = {each.name: each.description for each in config.facts(plugins)}
    print_table("", ["setting", "in force", ""], [[name, value, described[name]] for name, value in values.items()])


@app.command("check")
def check() -> None:
    """Check all settings and name what is missing to read a marketplace. Exit code 1 when one is wrong."""
    plugins = installed_source_options()
    config.load_settings(plugins)
    console.print("The settings are right.")
    for source, options in sorted(plugins.items()):
        _, missing = config.source_options(source, options)
        if missing:
            console.print(f"{source} is left out: {', '.join(missing)} not set.")
        else:
            console.print(f"{source} is configured.")
