"""Reading the past of a product: its stock intervals and its order lines by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Integer, case, cast, func, literal, null, select, union_all

from micore.domain.records import OrderState
from micore.storage.tables import order_line, stock, stock_history


class Interval(NamedTuple):
    """What one place held of one sku from an instant until the next interval of that pair begins; microseconds."""

    sku_id: int
    place_id: int
    valid_from: int
    valid_until: int | None
    """None: still so."""
    available: int | None


class DemandDay(NamedTuple):
    """Order lines of a day: thousandths, and ten-thousandths of the currency unit."""

    day: str
    ordered: int
    """Not cancelled."""
    cancelled: int
    revenue: int
    """Of what is not cancelled."""


def intervals(connection: Connection, sku_ids: Sequence[int], *, since: int) -> list[Interval]:
    """All that was valid at `since` or later, as it is known now; by sku, place and time.

    A stretch that was corrected later is there once, in its last known form.
    """
    closed = select(
        stock_history.c.sku_id,
        stock_history.c.place_id,
        stock_history.c.valid_from,
        stock_history.c.valid_until,
        stock_history.c.available,
        stock_history.c.known_from,
    ).where(stock_history.c.sku_id.in_(sku_ids), stock_history.c.valid_until > since)
    still = select(
        stock.c.sku_id,
        stock.c.place_id,
        stock.c.valid_from,
        cast(null(), BigInteger),
        stock.c.available,
        stock.c.known_from,
    ).where(stock.c.sku_id.in_(sku_ids))
    both = union_all(closed, still).subquery()
    rows = connection.execute(
        select(both).order_by(both.c.sku_id, both.c.place_id, both.c.valid_from, both.c.known_from)
    )
    found: dict[tuple[int, int, int], Interval] = {}
    for row in rows:
        # Of two readings that began at the same instant the later known one counts.
        found[row[0], row[1], row[2]] = Interval(*row[:5])
    return list(found.values())


def first_reading(connection: Connection, sku_ids: Sequence[int]) -> int | None:
    """The oldest instant with a stock figure; None when there is none."""
    oldest = [
        connection.execute(select(func.min(each.c.valid_from)).where(each.c.sku_id.in_(sku_ids))).scalar()
        for each in (stock_history, stock)
    ]
    return min((instant for instant in oldest if instant is not None), default=None)


def demand(connection: Connection, sku_ids: Sequence[int], *, first_day: str, last_day: str) -> list[DemandDay]:
    """Units and money ordered per business day; days without orders are missing."""
    cancelled = order_line.c.state == OrderState.CANCELLED.value
    zero = literal(0, Integer)
    money = order_line.c.quantity * func.coalesce(order_line.c.price, 0)
    rows = connection.execute(
        select(
            order_line.c.ordered_day,
            func.sum(case((cancelled, zero), else_=order_line.c.quantity)),
            func.sum(case((cancelled, order_line.c.quantity), else_=zero)),
            func.sum(case((cancelled, zero), else_=money)),
        )
        .where(
            order_line.c.sku_id.in_(sku_ids),
            order_line.c.ordered_day >= first_day,
            order_line.c.ordered_day <= last_day,
        )
        .group_by(order_line.c.ordered_day)
        .order_by(order_line.c.ordered_day)
    )
    # Thousandths times ten-thousandths are ten-millionths; what is left over is below any coin.
    return [DemandDay(day, int(ordered), int(lost), int(revenue) // 1000) for day, ordered, lost, revenue in rows]
