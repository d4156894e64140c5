"""Order lines and their versions, and the money booked for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from micore.storage.bulk import Columns, bulk_for

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
    differs = " OR ".join(
        f"l.{name} IS DISTINCT FROM s.{name}"
        if name != "cancelled_at"
        else "(l.cancelled_at IS NULL AND s.cancelled_at IS NOT NULL)"
        for name in _VERSIONED
    )
    changed = connection.execute(
        text(
            f"""
            INSERT INTO order_line (account_id, order_id, sku_id, place_id, scheme, state, quantity, price, currency,
                                    ordered_at, ordered_day, cancelled_at, version, known_from, raw_page_id)
            SELECT :account, s.order_id, s.sku_id, coalesce(s.place_id, l.place_id), s.scheme, s.state, s.quantity,
                   s.price, s.currency, s.ordered_at, s.ordered_day, coalesce(l.cancelled_at, s.cancelled_at),
                   coalesce(l.version, 0) + 1, :now, s.raw_page_id
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
        {"account": account_id, "now": now},
    ).scalars()
    skus = list(changed) + _cancel_missing(connection, account_id, now)
    if skus:
        connection.execute(
            text(
                """
                INSERT INTO demand_event (order_line_id, version, state, quantity, price, known_at, raw_page_id)
                SELECT l.id, l.version, l.state, l.quantity, l.price, l.known_from, l.raw_page_id
                FROM order_line l
                WHERE l.account_id = :account AND l.order_id IN (SELECT order_id FROM stage_order)
                ON CONFLICT (order_line_id, version) DO NOTHING
                """
            ),
            {"account": account_id},
        )
    return skus


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
                  AND NOT EXISTS (SELECT 1 FROM stage_order s
                                  WHERE s.order_id = order_line.order_id AND s.sku_id = order_line.sku_id)
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
    raw_page_id: int | None


def merge_sales(connection: Connection, account_id: int, rows: Sequence[SaleRow], *, now: int) -> int:
    """Write booked amounts that are new or differ; of rows with the same key the last counts. Returns how many."""
    unique = {row.external_id: row for row in rows}
    bulk_for(connection).stage(connection, "stage_sale", _SALE, [unique[key] for key in sorted(unique)])
    values = [name for name in _SALE if name not in ("external_id", "raw_page_id")]
    differs = " OR ".join(f"l.{name} IS DISTINCT FROM s.{name}" for name in values)
    written = connection.execute(
        text(
            f"""
            INSERT INTO sale (account_id, external_id, {", ".join(values)}, known_from, raw_page_id)
            SELECT :account, s.external_id, {", ".join(f"s.{name}" for name in values)}, :now, s.raw_page_id
            FROM stage_sale s
            LEFT JOIN sale l ON l.account_id = :account AND l.external_id = s.external_id
            WHERE l.id IS NULL OR {differs}
            ON CONFLICT (account_id, external_id) DO UPDATE SET
              {", ".join(f"{name} = excluded.{name}" for name in values)},
              known_from = excluded.known_from, raw_page_id = excluded.raw_page_id
            RETURNING sku_id
            """
        ),
        {"account": account_id, "now": now},
    ).scalars()
    return len(list(written))
