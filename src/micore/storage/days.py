"""The business days of what is stored, when the shop's calendar changes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import Connection, text

from micore.domain.instants import business_day, micros
from micore.storage.bulk import bulk_for

_DAY = timedelta(days=1)
_FARTHEST = 2
"""Days; the zones of the world are at most 26 hours apart."""


DATED = (("order_line", "ordered_at", "ordered_day"), ("return_line", "returned_at", "returned_day"))
"""Tables whose days follow from an instant; bookings come with the marketplace's own day."""


def redate(connection: Connection, zone: tzinfo) -> int:
    """Put every row on its day in this zone, however long ago it was read. Returns how many were on another."""
    return sum(_redate(connection, zone, *each) for each in DATED)


def _redate(connection: Connection, zone: tzinfo, table: str, at: str, day_of: str) -> int:
    oldest, newest = connection.execute(text(f"SELECT min({at}), max({at}) FROM {table}")).one()
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
            f"""
            UPDATE {table} SET {day_of} = d.day
            FROM stage_day d
            WHERE {table}.{day_of} = d.other AND {table}.{at} >= d.starts AND {table}.{at} < d.ends
            """
        )
    ).rowcount


def _midnight(day: date, zone: tzinfo) -> int:
    return micros(datetime.combine(day, time.min, zone))
