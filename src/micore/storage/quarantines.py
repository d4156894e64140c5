"""Rows that could not be believed: why, from where, and their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert

from micore.storage.tables import quarantine


class Quarantined(NamedTuple):
    """A rejected row."""

    row_key: str
    reason: str
    raw: bytes
    raw_page_id: int
    snapshot_id: int | None


def add(
    connection: Connection, rows: Sequence[Quarantined], *, account_id: int, stream: str, run_id: int, now: int
) -> None:
    """Keep rejected rows; part of the transaction that loads the good ones of their page."""
    connection.execute(
        insert(quarantine),
        [
            {
                "account_id": account_id,
                "stream": stream,
                "run_id": run_id,
                "raw_page_id": row.raw_page_id,
                "snapshot_id": row.snapshot_id,
                "row_key": row.row_key,
                "reason": row.reason,
                "bytes": row.raw,
                "received_at": now,
            }
            for row in rows
        ],
    )
