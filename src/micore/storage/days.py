"""The business days of what is stored, when the shop's calendar changes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import Connection, func, select, text

from micore.domain.instants import business_day, micros
from micore.storage.bulk import bulk_for
from micore.storage.tables import order_line

_DAY = timedelta(days=1)
_FARTHEST = 2
"""Days; the zones of the world are at most 26 hours apart."""


def redate_orders(connection: Connection, zone: tzinfo) -> int:
    """Put every order line on its day in this zone, however long ago it was read. Returns how many were on another."""
    oldest, newest = connection.execute(
        select(func.min(order_line.c.ordered_at), func.max(order_line.c.ordered_at))
    ).one()
    if oldest is None:
        return 0
    rows = []
    day, last = business_day(oldest, zone), business_day(newest, zone)
    while day <= last:
        starts, ends = _midnight(day, zone), _midnight(day + _DAY, zone)
        others = (day + _DAY * apart for apart in range(-_FARTHEST, _FARTHEST + 1) if apart)
        rows += [(other.isoformat(), starts, ends, day.isoformat()) for other in others]
        day += _DAY
    columns = {"other": "text", "starts": "int", "ends": "int", "day": "text"}
    bulk_for(connection).stage(connection, "stage_day", columns, rows)
    # Joined by equality first, so that neither database compares every line with every day.
    return connection.execute(
        text(
            """
            UPDATE order_line SET ordered_day = d.day
            FROM stage_day d
            WHERE order_line.ordered_day = d.other
              AND order_line.ordered_at >= d.starts AND order_line.ordered_at < d.ends
            """
        )
    ).rowcount


def _midnight(day: date, zone: tzinfo) -> int:
    return micros(datetime.combine(day, time.min, zone))
