"""What a copy of a database is, whichever database it is of; one class for each of them stands beside this file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from micore.storage.manifests import Manifest
from micore.storage.tables import metadata

FILE_NAME = "database"
REVISION = "SELECT version_num FROM alembic_version"
LAST_NUMBER = ("journal_head", "SELECT max(seq) FROM journal_head")
"""The table of the journal, which older databases do not have, and the statement for its last number."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy, and what is in it to the row."""

    path: Path
    database: Literal["sqlite", "postgresql"]
    schema: str
    """Its revision."""
    sequence: int
    """The last number of its journal; 0 where there is none."""
    rows: dict[str, int]
    """By table."""


class Copies(ABC):
    """Takes copies of one database while it is written to, and checks them."""

    @abstractmethod
    def take(self, folder: Path) -> Copied:
        """Copy the database, as it is at one moment, into a new file of this folder.

        Raises StorageError where that cannot be, OSError when the disk does not take it.
        """


def counted_tables(present: set[str]) -> list[str]:
    """The tables whose rows a manifest tells: those of ours that are there."""
    return sorted(set(metadata.tables) & present)


def differing(manifest: Manifest, schema: str | None, rows: dict[str, int]) -> list[str]:
    """How a copy differs from what its manifest says, in words; empty where it does not."""
    found = [] if schema == manifest.schema else [f"its schema is {schema}, its manifest says {manifest.schema}"]
    return found + [
        f"{table} holds {rows.get(table, 0):,} rows, its manifest says {count:,}"
        for table, count in manifest.rows.items()
        if rows.get(table) != count
    ]
