"""How commands speak: errors with their remedy, tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from micore.errors import MicoreError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def fail(error: MicoreError) -> NoReturn:
    """Say what is wrong and what to do next; exit code 1."""
    errors.print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
    for line in error.remedy.splitlines():
        errors.print(f"       {escape(line)}", soft_wrap=True)
    sys.exit(1)


def warn(text: str) -> None:
    """Say what is doubtful and does not keep us from going on."""
    errors.print(f"[bold yellow]Warning:[/] {escape(text)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Any view as JSON, for programs."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """A table for people; `right` names the columns of figures."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def local_time(instant: datetime | None, zone: Any) -> str:
    """An instant in the shop's zone; a dash for none."""
    return "–" if instant is None else instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def figure(value: float | None, show: Callable[[float], str] = lambda each: f"{each:,.0f}") -> str:
    """A figure with separators; a dash for unknown."""
    return "–" if value is None else show(value)
