"""`micore config`: which settings are in force, and whether they are right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from micore import config
from micore.app import installed_source_options, made_source
from micore.cache import RedisCache
from micore.cli.output import console, print_json, warn
from micore.cli.settings import warn_of_unreadable_lines
from micore.slots import PluginOption
from micore.sources.base import SourceTools

app = typer.Typer(add_completion=False, help="Look at the settings.", no_args_is_help=True)


@app.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every setting in force, with the secrets masked."""
    plugins = config.slot_options(installed_source_options())
    settings = config.load_settings(installed_source_options())
    values = config.shown(settings, plugins)
    if as_json:
        print_json(values)
        return
    described = {each.name: each.description for each in config.facts(plugins)}
    for name, value in values.items():
        # Two lines instead of a row of a table: names and meanings are long, terminals are not.
        console.print(f"[bold]{name}[/]={escape(value)}", soft_wrap=True)
        console.print(Padding(escape(described[name]), (0, 0, 0, 4)), style="dim")


@app.command("check")
def check() -> None:
    """Check all settings and name what is missing to read a marketplace. Exit code 1 when one is wrong."""
    plugins = installed_source_options()
    warn_of_unreadable_lines()
    for name, meant in config.unused_variables(plugins).items():
        warn(f"{name} is no setting and is passed over" + (f"; did you mean {meant}?" if meant else "."))
    settings = config.load_settings(plugins)
    if settings.redis_url is not None:
        RedisCache(settings.redis_url.get_secret_value(), namespace="micore").close()
    told = [_state(slot, options) for slot, options in sorted(config.slot_options(plugins).items())]
    console.print("The settings are right.")
    for line in told:
        console.print(line, soft_wrap=True)


def _state(slot: str, options: Sequence[PluginOption]) -> str:
    """Whether a source is configured; raises SettingsError for an option that the source does not take."""
    values, missing = config.source_options(slot, options)
    if missing:
        return f"{slot} is left out: {', '.join(missing)} not set."
    # Made as a sync makes it, and asked nothing: the source itself knows what its options may be.
    made_source(
        slot, values, SourceTools(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)
    ).close()
    return f"{slot} is configured. Whether its key is accepted, the first `micore sync` tells."
