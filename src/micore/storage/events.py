"""The one append-only stream of what happened, and the generation of what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from micore.storage.tables import generation

STOCK = "stock"
"""The region of the dashboard, the products and their pages."""


@dataclass(frozen=True, slots=True)
class Said:
    """A thing that a transaction does, in words."""

    at: int
    kind: str
    actor: str
    subject: str
    payload: dict[str, Any]


def append_event(
    connection: Connection, *, at: int, kind: str, actor: str, subject: str, payload: dict[str, Any]
) -> None:
    """Say what this transaction does. It is written and numbered at the transaction's end, by `Database.write`."""
    connection.info.setdefault("said", []).append(Said(at, kind, actor, subject, payload))


def take_said(connection: Connection) -> list[Said]:
    """What was said in this transaction so far; it is forgotten here."""
    said: list[Said] = connection.info.pop("said", [])
    return said


def next_generation(connection: Connection, region: str, *, now: int, note: str | None = None) -> int:
    """Count a region's generation up by one; readers see it with the rows that changed."""
    # One statement: of two who read a number and write the next one, both would write the same.
    counted = connection.execute(
        text(
            """
            INSERT INTO generation (region, number, changed_at, note) VALUES (:region, 1, :now, :note)
            ON CONFLICT (region) DO UPDATE SET number = generation.number + 1, changed_at = excluded.changed_at,
              note = coalesce(excluded.note, generation.note)
            RETURNING number
            """
        ),
        {"region": region, "now": now, "note": note},
    )
    return int(counted.scalar_one())


def generations(connection: Connection) -> dict[str, int]:
    """The generation of every region."""
    rows = connection.execute(select(generation.c.region, generation.c.number))
    return {str(row.region): int(row.number) for row in rows}


def raise_generations(connection: Connection, beyond: Mapping[str, int], *, now: int) -> None:
    """Count every region on from above these numbers and its own: an answer of either is of no use any more."""
    here = generations(connection)
    for region in sorted({*here, *beyond}):
        number = max(here.get(region, 0), beyond.get(region, 0)) + 1
        if region in here:
            changed = update(generation).where(generation.c.region == region)
            connection.execute(changed.values(number=number, changed_at=now))
        else:
            connection.execute(insert(generation).values(region=region, number=number, changed_at=now))


def current_generation(connection: Connection, region: str) -> tuple[int, str | None]:
    """A region's generation (0 before the first) and what it was built with."""
    row = connection.execute(
        select(generation.c.number, generation.c.note).where(generation.c.region == region)
    ).one_or_none()
    return (0, None) if row is None else (int(row.number), row.note)
