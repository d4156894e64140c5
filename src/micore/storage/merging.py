"""Rows merged on their natural keys: written where they are new or differ, left alone where they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from micore.storage.bulk import Columns, Row, bulk_for

ORIGIN = "raw_page_id"
"""Which answer a row was read from; another answer with the same content is no change."""


def merge_rows(
    connection: Connection,
    table: str,
    columns: Columns,
    key: Sequence[str],
    rows: Sequence[Row],
    *,
    account_id: int,
    now: int,
    returning: str = "sku_id",
) -> list[Any]:
    """Write rows of one account into a table of facts; returns the sku ids of those that were new or differed, or
    another column of theirs.

    `columns` name the values of each row in their order, `returning` and `raw_page_id` among them; the table has
    `account_id` and `known_from` beside them, and is unique by account and `key`. Of rows with the same key the last
    one counts.
    """
    if not rows:
        return []
    places = [list(columns).index(name) for name in key]
    unique = {tuple(row[place] for place in places): row for row in rows}
    stage = f"stage_{table}"
    bulk_for(connection).stage(connection, stage, columns, [unique[each] for each in sorted(unique)])
    values = [name for name in columns if name not in key]
    same_key = " AND ".join(f"l.{name} = s.{name}" for name in key)
    differs = " OR ".join(f"l.{name} IS DISTINCT FROM s.{name}" for name in values if name != ORIGIN)
    written = connection.execute(
        text(
            f"""
            INSERT INTO {table} (account_id, {", ".join(columns)}, known_from)
            SELECT :account, {", ".join(f"s.{name}" for name in columns)}, :now
            FROM {stage} s
            LEFT JOIN {table} l ON l.account_id = :account AND {same_key}
            WHERE l.account_id IS NULL OR {differs}
            ON CONFLICT (account_id, {", ".join(key)}) DO UPDATE SET
              {", ".join(f"{name} = excluded.{name}" for name in values)}, known_from = excluded.known_from
            RETURNING {returning}
            """
        ),
        {"account": account_id, "now": now},
    ).scalars()
    return list(written)
