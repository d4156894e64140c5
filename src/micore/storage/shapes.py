"""The fields of each answer as they have been seen."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select, text

from micore.domain.shapes import FieldShape, Shape
from micore.storage.tables import stream_shape


def load(connection: Connection, account_id: int, endpoint: str) -> Shape:
    """What is known of an endpoint's answers; empty where none was looked at."""
    rows = connection.execute(
        select(stream_shape).where(stream_shape.c.account_id == account_id, stream_shape.c.endpoint == endpoint)
    )
    return {
        row.path: FieldShape(
            set(filter(None, row.types.split(","))),
            None if row.words is None else set(json.loads(row.words)),
            row.looked,
            row.present,
        )
        for row in rows
    }


def save(connection: Connection, account_id: int, endpoint: str, known: Shape, changed: Shape, *, now: int) -> None:
    """Keep what was seen; fields of `known` that have not changed are left alone."""
    fresh = {path: each for path, each in changed.items() if known.get(path) != each}
    if fresh:
        connection.execute(
            text(
                "INSERT INTO stream_shape "
                "(account_id, endpoint, path, types, words, looked, present, first_seen_at, last_seen_at) "
                "VALUES (:account, :endpoint, :path, :types, :words, :looked, :present, :now, :now) "
                "ON CONFLICT (account_id, endpoint, path) DO UPDATE SET types = excluded.types, "
                "words = excluded.words, looked = excluded.looked, "
                "last_seen_at = CASE WHEN excluded.present > stream_shape.present THEN excluded.last_seen_at "
                "ELSE stream_shape.last_seen_at END, present = excluded.present"
            ),
            [
                {
                    "account": account_id,
                    "endpoint": endpoint,
                    "path": path,
                    "types": ",".join(sorted(each.types)),
                    "words": None if each.words is None else json.dumps(sorted(each.words)),
                    "looked": each.looked,
                    "present": each.present,
                    "now": now,
                }
                for path, each in fresh.items()
            ],
        )
