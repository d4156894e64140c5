"""How many rows each stream had, by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from micore.storage.tables import sku, stream_volume

BELIEVED, DOUBTED = "believed", "doubted"
DAYS = {
    "orders": ("order_line", "ordered_day"),
    "sales": ("sale", "sold_day"),
    "returns": ("return_line", "returned_day"),
}
"""Streams whose rows belong to business days, with their table and its column."""


def newest_day(connection: Connection, account_id: int, stream: str) -> date | None:
    """The last day that was counted of a stream."""
    found = connection.execute(
        select(func.max(stream_volume.c.day)).where(
            stream_volume.c.account_id == account_id, stream_volume.c.stream == stream
        )
    ).scalar()
    return None if found is None else date.fromisoformat(found)


def doubted_days(connection: Connection, account_id: int, stream: str) -> list[date]:
    """Days whose rows were too few when they were counted, oldest first."""
    found = connection.execute(
        select(stream_volume.c.day)
        .where(
            stream_volume.c.account_id == account_id,
            stream_volume.c.stream == stream,
            stream_volume.c.state == DOUBTED,
        )
        .order_by(stream_volume.c.day)
    )
    return [date.fromisoformat(day) for day in found.scalars()]


def incomplete_days(connection: Connection, sku_ids: Sequence[int]) -> set[str]:
    """Days of which not all orders of these skus' accounts are stored, as far as is known."""
    found = connection.execute(
        select(stream_volume.c.day).where(
            stream_volume.c.account_id.in_(select(sku.c.account_id).where(sku.c.id.in_(sku_ids))),
            stream_volume.c.stream == "orders",
            stream_volume.c.scope == "",
            stream_volume.c.state == DOUBTED,
        )
    )
    return set(found.scalars())


def products_of_day(connection: Connection, account_id: int, day: date) -> list[int]:
    """The keys of the products that have an order line on a day."""
    found = connection.execute(
        text(
            "SELECT DISTINCT coalesce(k.item_id, -k.id) FROM order_line o JOIN sku k ON k.id = o.sku_id "
            "WHERE o.account_id = :account AND o.ordered_day = :day"
        ),
        {"account": account_id, "day": day.isoformat()},
    )
    return [int(key) for key in found.scalars()]


def counted(
    connection: Connection, account_id: int, stream: str, since: date, before: date
) -> tuple[dict[date, int], int]:
    """Rows by day from `since` on and before `before`, and the id of the newest row.

    Rows of a day are read no earlier than on that day, so only those written since a count before it are looked at.
    """
    table, column = DAYS[stream]
    mark = connection.execute(
        select(func.max(stream_volume.c.last_id)).where(
            stream_volume.c.account_id == account_id,
            stream_volume.c.stream == stream,
            stream_volume.c.counted_day < since.isoformat(),
        )
    ).scalar()
    found = connection.execute(
        text(
            f"SELECT {column} AS day, count(*) AS rows FROM {table} WHERE id > :mark AND account_id = :account "
            f"AND {column} >= :since AND {column} < :before GROUP BY {column}"
        ),
        {"mark": mark or 0, "account": account_id, "since": since.isoformat(), "before": before.isoformat()},
    )
    rows = {date.fromisoformat(each.day): int(each.rows) for each in found}
    newest = connection.execute(text(f"SELECT max(id) FROM {table}")).scalar()
    return rows, int(newest or 0)


class Counted(NamedTuple):
    """A day of a stream."""

    day: date
    rows: int
    state: str


def history(
    connection: Connection, account_id: int, stream: str, scope: str, day: date, *, weeks: int
) -> list[Counted]:
    """What was counted in so many weeks up to a day, oldest first."""
    found = connection.execute(
        select(stream_volume.c.day, stream_volume.c.rows, stream_volume.c.state)
        .where(
            stream_volume.c.account_id == account_id,
            stream_volume.c.stream == stream,
            stream_volume.c.scope == scope,
            stream_volume.c.day <= day.isoformat(),
            stream_volume.c.day >= (day - timedelta(weeks=weeks)).isoformat(),
        )
        .order_by(stream_volume.c.day)
    )
    return [Counted(date.fromisoformat(row.day), int(row.rows), row.state) for row in found]


def remember(
    connection: Connection,
    account_id: int,
    stream: str,
    scope: str,
    days: Sequence[Counted],
    *,
    counted_day: date,
    last_id: int = 0,
) -> None:
    """Keep what was counted; of a day that was counted before, when and behind which row stays."""
    if days:
        connection.execute(
            text(
                "INSERT INTO stream_volume (account_id, stream, scope, day, rows, state, counted_day, last_id) "
                "VALUES (:account, :stream, :scope, :day, :rows, :state, :counted_day, :last_id) "
                "ON CONFLICT (account_id, stream, scope, day) "
                "DO UPDATE SET rows = excluded.rows, state = excluded.state"
            ),
            [
                {
                    "account": account_id,
                    "stream": stream,
                    "scope": scope,
                    "day": day.isoformat(),
                    "rows": rows,
                    "state": state,
                    "counted_day": counted_day.isoformat(),
                    "last_id": last_id,
                }
                for day, rows, state in days
            ],
        )
