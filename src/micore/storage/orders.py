"""Order lines and their versions, and the money booked for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from micore.storage.bulk import Columns, bulk_for
from micore.storage.merging import merge_rows

_LINE: Columns = {
    "order_id": "text",
    "sku_id": "int",
    "place_id": "int",
    "scheme": "text",
    "state": "text",
    "quantity": "int",
    "price": "int",
    "currency": "text",
    "ordered_at": "int",
    "ordered_day": "text",
    "cancelled_at": "int",
    "raw_page_id": "int",
}
# What makes a new version. Where a line ships from may be told later than the order; an unknown never overwrites it.
_TOLD_STATE = """CASE WHEN s.state = 'ordered' AND l.state IN ('shipped', 'delivered', 'returned')
                        THEN l.state ELSE s.state END"""
"""An order list that only tells "ordered" does not take back what a booking told of the line."""
_VERSIONED = ("state", "scheme", "quantity", "price", "currency", "ordered_at", "ordered_day", "cancelled_at")


class OrderRow(NamedTuple):
    """An order line with our ids; the columns of the staging table."""

    order_id: str
    sku_id: int
    place_id: int | None
    scheme: str
    state: str
    quantity: int
    price: int | None
    currency: str | None
    ordered_at: int
    ordered_day: str
    cancelled_at: int | None
    raw_page_id: int | None


def merge_orders(connection: Connection, account_id: int, rows: Sequence[OrderRow], *, now: int) -> list[int]:
    """Write lines that are new or differ, each change as a version. Returns the sku ids of the changed lines.

    An order's lines come together, in one call; of rows with the same key the last one counts. A cancellation keeps
    the instant at which it was first told.
    """
    unique = {(row.order_id, row.sku_id): row for row in rows}
    bulk_for(connection).stage(connection, "stage_order", _LINE, [unique[key] for key in sorted(unique)])
    asked = {"account": account_id, "now": now}
    special = {
        "cancelled_at": "(l.cancelled_at IS NULL AND s.cancelled_at IS NOT NULL)",
        "state": f"l.state <> {_TOLD_STATE}",
    }
    differs = " OR ".join(special.get(name, f"l.{name} IS DISTINCT FROM s.{name}") for name in _VERSIONED)
    changed = connection.execute(
        text(
            f"""
            INSERT INTO order_line (account_id, order_id, sku_id, place_id, scheme, state, quantity, price, currency,
                                    ordered_at, ordered_day, cancelled_at, version, known_from, raw_page_id)
            SELECT :account, s.order_id, s.sku_id, coalesce(s.place_id, l.place_id), s.scheme, {_TOLD_STATE},
                   s.quantity, s.price, s.currency, s.ordered_at, s.ordered_day,
                   coalesce(l.cancelled_at, s.cancelled_at), coalesce(l.version, 0) + 1, :now, s.raw_page_id
            FROM stage_order s
            LEFT JOIN order_line l
              ON l.account_id = :account AND l.order_id = s.order_id AND l.sku_id = s.sku_id
            WHERE l.id IS NULL OR {differs} OR (l.place_id IS NULL AND s.place_id IS NOT NULL)
            ON CONFLICT (account_id, order_id, sku_id) DO UPDATE SET
              place_id = excluded.place_id, scheme = excluded.scheme, state = excluded.state,
              quantity = excluded.quantity, price = excluded.price, currency = excluded.currency,
              ordered_at = excluded.ordered_at, ordered_day = excluded.ordered_day,
              cancelled_at = excluded.cancelled_at, version = excluded.version,
              known_from = excluded.known_from, raw_page_id = excluded.raw_page_id
            RETURNING sku_id
            """
        ),
        asked,
    ).scalars()
    skus = list(changed) + _cancel_missing(connection, account_id, now)
    if skus:
        _keep_versions(
            connection, "l.account_id = :account AND l.order_id IN (SELECT order_id FROM stage_order)", asked
        )
    return skus


def fill_in_orders(connection: Connection, account_id: int, rows: Sequence[OrderRow], *, now: int) -> list[int]:
    """Write the lines of orders that are not known at all; of known ones only that they were given back after delivery.

    For reports that tell of orders long after, and less well than the lists of orders. Returns the sku ids of the lines
    that are new or changed.
    """
    bulk = bulk_for(connection)
    bulk.stage(connection, "stage_order", _LINE, list({(row.order_id, row.sku_id): row for row in rows}.values()))
    asked = {"account": account_id, "now": now}
    known = set(
        connection.execute(
            text(
                "SELECT DISTINCT order_id FROM order_line"
                " WHERE account_id = :account AND order_id IN (SELECT order_id FROM stage_order)"
            ),
            asked,
        ).scalars()
    )
    returned = connection.execute(
        text(
            """
            UPDATE order_line SET state = 'returned', version = version + 1, known_from = :now
            FROM stage_order s
            WHERE order_line.account_id = :account
              -- Named once more: SQLite would go through all lines of the account to join them.
              AND order_line.order_id IN (SELECT order_id FROM stage_order)
              AND order_line.order_id = s.order_id
              AND order_line.sku_id = s.sku_id AND order_line.state = 'delivered' AND s.state = 'returned'
            RETURNING order_line.id, order_line.sku_id
            """
        ),
        asked,
    ).all()
    if returned:
        bulk.stage(connection, "stage_line", {"id": "int"}, [(row.id,) for row in returned])
        _keep_versions(connection, "l.id IN (SELECT id FROM stage_line)", {})
    new = merge_orders(connection, account_id, [row for row in rows if row.order_id not in known], now=now)
    return [row.sku_id for row in returned] + new


def _keep_versions(connection: Connection, which: str, asked: Mapping[str, int]) -> None:
    """Append the present versions of these lines (l) to the events, where they are not there yet."""
    connection.execute(
        text(
            f"""
            INSERT INTO demand_event (order_line_id, version, state, quantity, price, known_at, raw_page_id)
            SELECT l.id, l.version, l.state, l.quantity, l.price, l.known_from, l.raw_page_id
            FROM order_line l
            WHERE {which}
            ON CONFLICT (order_line_id, version) DO NOTHING
            """
        ),
        asked,
    )


def _cancel_missing(connection: Connection, account_id: int, now: int) -> list[int]:
    """An order is told whole: a line it no longer has was taken out or moved to another order by a split.

    Left as it was, it would count twice. Returns the sku ids of these lines.
    """
    return list(
        connection.execute(
            text(
                """
                UPDATE order_line
                SET state = 'cancelled', version = version + 1, known_from = :now, raw_page_id = NULL,
                    cancelled_at = coalesce(cancelled_at, :now)
                WHERE account_id = :account AND state <> 'cancelled'
                  AND order_id IN (SELECT order_id FROM stage_order)
                  -- Not as NOT EXISTS: SQLite would read the whole staging table for each line.
                  AND (order_id, sku_id) NOT IN (SELECT order_id, sku_id FROM stage_order)
                RETURNING sku_id
                """
            ),
            {"account": account_id, "now": now},
        ).scalars()
    )


_SALE: Columns = {
    "external_id": "text",
    "order_id": "text",
    "sku_id": "int",
    "sold_day": "text",
    "amount": "int",
    "commission": "int",
    "currency": "text",
    "order_state": "text",
    "raw_page_id": "int",
}


class SaleRow(NamedTuple):
    """A booked amount with our sku id; the columns of the staging table."""

    external_id: str
    order_id: str | None
    sku_id: int
    sold_day: str
    amount: int
    commission: int | None
    currency: str
    order_state: str | None
    raw_page_id: int | None


def merge_sales(connection: Connection, account_id: int, rows: Sequence[SaleRow], *, now: int) -> list[int]:
    """Write booked amounts that are new or differ; of rows with the same key the last counts. Returns the sku ids of
    those that did."""
    return merge_rows(connection, "sale", _SALE, ("external_id",), rows, account_id=account_id, now=now)


def settle_orders(connection: Connection, account_id: int, order_ids: Collection[str], *, now: int) -> list[int]:
    """Bring the lines of these orders as far as their bookings say: delivered, or returned.

    For marketplaces whose orders do not tell it. A line that was cancelled stays so: money booked and taken back again
    is no sale. Returns the sku ids of the lines that changed.
    """
    if not order_ids:
        return []
    bulk = bulk_for(connection)
    bulk.stage(connection, "stage_settled", {"order_id": "text"}, [(each,) for each in sorted(order_ids)])
    changed = connection.execute(
        text(
            """
            WITH told AS (
              SELECT b.order_id, b.sku_id, max(b.order_state) AS state  -- "returned" is the greater of the two
              FROM sale b
              WHERE b.account_id = :account AND b.order_state IS NOT NULL
                AND b.order_id IN (SELECT order_id FROM stage_settled)
              GROUP BY b.order_id, b.sku_id
            )
            UPDATE order_line
            SET state = told.state, version = version + 1, known_from = :now
            FROM told
            WHERE order_line.account_id = :account
              -- Named once more: SQLite would go through all lines of the account to join them.
              AND order_line.order_id IN (SELECT order_id FROM stage_settled)
              AND order_line.order_id = told.order_id
              AND order_line.sku_id = told.sku_id AND order_line.state <> told.state
              AND order_line.state IN ('ordered', 'shipped', 'delivered')
            RETURNING order_line.id, order_line.sku_id
            """
        ),
        {"account": account_id, "now": now},
    ).all()
    if changed:
        bulk.stage(connection, "stage_line", {"id": "int"}, [(row.id,) for row in changed])
        _keep_versions(connection, "l.id IN (SELECT id FROM stage_line)", {})
    return [row.sku_id for row in changed]
