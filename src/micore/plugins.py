"""Families of plug-ins: one entry-point group each; built-ins come in by the same door."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from micore.errors import PluginError
from micore.slots import plugin_of

SOURCES = "micore.sources"


def registered(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, sorted; raises PluginError when two claim one name, or one
    ends in a number."""
    return _registered(group, tuple(sys.path))


@cache
def _registered(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Looked for once: that reads the names of all installed packages, and each command asks a dozen times."""
    del path  # entry points are found along it
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda each: each.name):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise PluginError(f"{group}: {point.value} and {other.value} both claim the name {point.name!r}.")
        if plugin_of(point.name) != point.name:
            raise PluginError(
                f"{group}: {point.name!r} ({point.value}) ends like a further account; rename the plug-in."
            )
        found[point.name] = point
    return found


def load(group: str, name: str) -> Any:
    """The object behind a name; raises PluginError naming what is there, or what broke."""
    points = registered(group)
    if name not in points:
        raise PluginError(f"{group}: there is no {name!r}; installed: {', '.join(points) or 'none'}.")
    try:
        return points[name].load()
    except Exception as error:
        raise PluginError(f"{group}: {name!r} ({points[name].value}) cannot be loaded: {error}") from error
