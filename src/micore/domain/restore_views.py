"""Restores as people see them: what a backup would bring, what would be lost by it, what became of the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A backup beside what is live now."""

    __pydantic_config__ = _DOCS

    file: str
    id: str
    """Eight hexadecimal figures; whoever restores types them."""
    made_at: datetime
    program: str
    """The version of micore that made it."""
    schema: str
    """The database's revision in it."""
    database: str
    """"sqlite" or "postgresql": it can only be restored into the same kind."""
    parts: list[str]
    """What it holds: database, configuration, secrets, log."""
    unpacked_bytes: int
    """What restoring it takes on the disk, beside what is live."""
    rows: dict[str, int]
    """In the backup, by table."""
    live_rows: dict[str, int] | None
    """In the live database, by table; None where that cannot be read."""
    lost_writes: int | None
    """Acknowledged writes since the backup was made; None where the live database cannot be read."""
    log: bool = False
    """A transaction log is there that may bring them back."""

    @property
    def differing(self) -> list[tuple[str, int, int]]:
        """(table, rows in the backup, rows now) where they differ."""
        now = self.live_rows or {}
        return [
            (table, self.rows.get(table, 0), now.get(table, 0))
            for table in sorted(self.rows | now)
            if self.rows.get(table, 0) != now.get(table, 0)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """What was live before a restore, or before it was undone."""

    __pydantic_config__ = _DOCS

    name: str
    """A folder beside the database, or a database of the server."""
    replaced_at: datetime
    """Until when it was live."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The last restore, as `restored.json` in the data root tells."""

    __pydantic_config__ = _DOCS

    id: str
    """Of the backup; "undo" where a restore was undone."""
    at: datetime
    kept_as: str = ""
    """Where what was live before is kept."""
    seconds: float = 0.0
    """From the first byte read to the exchange, checks included."""
    bytes: int = 0
    """Of the database in the backup."""
    replayed: int = 0
    """Transactions that came back from the transaction log."""
    damage: str | None = None
    """Why the log was put back only in part, where that was allowed."""
    left: int = 0
    """Transactions of the log that were written after the instant that was asked for."""
    settled: bool = False
    """Whether the shop has begun to count its answers anew, so that no cache shows what was before."""
    beyond: dict[str, int] = field(default_factory=dict)
    """The generation of each region before the restore: the next ones lie above."""
    integrity: str = "pending"
    """"pending" until the whole database has been checked in the background; then "ok" or what is wrong."""
