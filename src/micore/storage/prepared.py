"""Statements compiled once and run as text: for the few that run with every page, building costs more than running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """A statement with named bind parameters; its text is kept per kind of database.

    Results come as the driver gives them: a truth value is 0 or 1 on SQLite. Lists cannot be bound.
    """

    def __init__(self, build: Callable[[], ClauseElement]) -> None:
        self._build = build
        self._compiled: dict[str, Any] = {}

    def __call__(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Run it in the connection's transaction; returns all rows."""
        compiled: Any = self._compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = self._build().compile(dialect=connection.dialect)
            self._compiled[connection.dialect.name] = compiled
        values = compiled.construct_params(parameters)
        given = tuple(values[name] for name in compiled.positiontup) if compiled.positional else values
        return list(connection.exec_driver_sql(compiled.string, given))
