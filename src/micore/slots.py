"""Several accounts of one marketplace, by settings alone: `MICORE_OZON_...` is the slot "ozon", `MICORE_OZON_2_...` the
slot "ozon-2", and so on. A slot is what is read: one plug-in with one key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

PREFIX = "MICORE_"
MOST_ACCOUNTS = 99
"""Of one marketplace."""
_FURTHER = re.compile(r"(.+)-([2-9]|[1-9][0-9])")


class PluginOption(Protocol):
    """One setting of a plug-in, as its family describes it."""

    @property
    def name(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def secret(self) -> bool: ...
    @property
    def required(self) -> bool: ...
    @property
    def default(self) -> str | None: ...


PluginOptions = Mapping[str, Sequence[PluginOption]]
"""The options of every installed source, by plug-in name; or of every slot, by slot name."""


def plugin_of(slot: str) -> str:
    """The plug-in that a slot is read with: "ozon" of "ozon-2"."""
    found = _FURTHER.fullmatch(slot)
    return found[1] if found else slot


def number_of(slot: str) -> int:
    """Which account of its marketplace a slot is, from 1."""
    found = _FURTHER.fullmatch(slot)
    return int(found[2]) if found else 1


def with_further(plugins: PluginOptions, variables: Iterable[str]) -> PluginOptions:
    """The options by slot: each plug-in's first, behind it those further ones that some variable names."""
    numbers: dict[str, set[int]] = {plugin: set() for plugin in plugins}
    patterns = {
        plugin: re.compile(rf"(?:{PREFIX})?{variable_part(plugin)}_([2-9]|[1-9][0-9])_.+") for plugin in plugins
    }
    for name in variables:
        for plugin, pattern in patterns.items():
            found = pattern.fullmatch(name)
            if found:
                numbers[plugin].add(int(found[1]))
    slots: dict[str, Sequence[PluginOption]] = {}
    for plugin, options in plugins.items():
        slots[plugin] = options
        slots |= {f"{plugin}-{number}": options for number in sorted(numbers[plugin])}
    return slots


def variable_part(slot: str) -> str:
    """A slot's name inside variables: "OZON_2"."""
    return slot.upper().replace("-", "_")


def option_variables(slot: str, option: str) -> tuple[str, str]:
    """The variables that set a slot's option, the preferred one first."""
    short = f"{variable_part(slot)}_{option.upper()}"
    return PREFIX + short, short
