"""The settings as every command takes them."""

from __future__ import annotations

from typing import Any

from micore import config
from micore.app import installed_source_options
from micore.cli.output import warn


def settings_in_force(**given: Any) -> config.Settings:
    """The settings, with a warning for each line of .env that is passed over. `given` beats them, by field name.

    Raises SettingsError.
    """
    warn_of_unreadable_lines()
    return config.load_settings(installed_source_options(), **given)


def warn_of_unreadable_lines() -> None:
    """A line that nobody can read sets nothing; whoever wrote it should know."""
    for number in config.unreadable_lines():
        warn(f"{config.ENV_FILE}, line {number} is no setting and is passed over; a line is NAME=value or # a comment.")
