"""What can be believed: the ranges a figure or an instant must lie in, whatever marketplace tells it.

The bounds are wide. They are there for figures that nobody can mean, not for those that surprise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from micore.domain.instants import MICROS_PER_SECOND, instant, micros
from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    Record,
    ReturnRecord,
    SaleRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.domain.units import TEN_THOUSANDTHS
from micore.errors import RecordRejectedError

MOST_PIECES = 100_000_000
"""Of one sku in one row."""
MOST_MONEY = 10_000_000_000 * TEN_THOUSANDTHS
"""Ten-thousandths; enough for a flat in any currency that goods are sold in."""
EARLIEST = micros(datetime(2000, 1, 1, tzinfo=UTC))
"""Before any of these marketplaces sold anything."""
AHEAD = 2 * 86_400 * MICROS_PER_SECOND
"""How far a fact may lie in the future: zones differ, and clocks go wrong."""

_PAST: dict[type, tuple[str, ...]] = {
    OrderRecord: ("ordered_at", "cancelled_at"),
    ReturnRecord: ("returned_at", "finished_at"),
    SupplyRecord: ("created_at", "changed_at"),
    CatalogueRecord: ("created_at",),
}
"""Instants of each kind of record at which something has happened; a booked arrival may lie ahead."""

_DAYS: dict[type, str] = {SaleRecord: "day", FinanceRecord: "day", StorageCostRecord: "day", FunnelRecord: "day"}
"""What is told by the day has happened on it."""


def check_instants(records: Sequence[Record], now: int) -> None:
    """Raise RecordRejectedError where one of the records, of whatever kinds, happened before there was a marketplace
    or after `now`, which is the marketplace's clock."""
    for kind in set(map(type, records)):
        for name in _PAST.get(kind, ()):
            told = cast("list[int]", _told(records, kind, name))
            if told:
                check_instant(name, min(told), now)
                check_instant(name, max(told), now)
        if kind in _DAYS:
            days = cast("list[str]", _told(records, kind, _DAYS[kind]))
            check_day(_DAYS[kind], min(days), now)
            check_day(_DAYS[kind], max(days), now)


def _told(records: Sequence[Record], kind: type, name: str) -> list[object]:
    """A column of the records of one kind, where it is told."""
    column = cast("type[Record]", kind)._fields.index(name)
    return [value for record in records if type(record) is kind and (value := record[column]) is not None]


def check_day(name: str, day: str, now: int) -> None:
    """Raise RecordRejectedError where nothing can have happened on a day, written as 2026-11-23."""
    first, last = f"{instant(EARLIEST):%Y-%m-%d}", f"{instant(now + AHEAD):%Y-%m-%d}"
    if not first <= day <= last:
        raise RecordRejectedError(reason=name, received=day, allowed=f"{first} to {last}")


def check_instant(name: str, value: int, now: int) -> None:
    """Raise RecordRejectedError where something cannot have happened at an instant."""
    if not EARLIEST <= value <= now + AHEAD:
        raise RecordRejectedError(
            reason=name, received=_shown(value), allowed=f"{_shown(EARLIEST)} to {_shown(now + AHEAD)}"
        )


def _shown(value: int) -> str:
    try:
        return f"{instant(value):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return "after the year 9999"
