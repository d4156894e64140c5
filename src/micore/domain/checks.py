"""What can be believed: the ranges a figure or an instant must lie in, whatever marketplace tells it.

The bounds are wide. They are there for figures that nobody can mean, not for those that surprise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from micore.domain.instants import MICROS_PER_SECOND, instant, micros
from micore.domain.records import CatalogueRecord, OrderRecord, Record, ReturnRecord, SaleRecord, SupplyRecord
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


def check_instants(records: Sequence[Record], now: int) -> None:
    """Raise RecordRejectedError where one of the records, all of one kind, happened before there was a marketplace or
    after `now`, which is the marketplace's clock."""
    if not records:
        return
    kind = type(records[0])
    for name in _PAST.get(kind, ()):
        column = kind._fields.index(name)
        told = cast("list[int]", [value for record in records if (value := record[column]) is not None])
        if told:
            check_instant(name, min(told), now)
            check_instant(name, max(told), now)
    if kind is SaleRecord:
        days = [record.day for record in records if isinstance(record, SaleRecord)]
        first, last = f"{instant(EARLIEST):%Y-%m-%d}", f"{instant(now + AHEAD):%Y-%m-%d}"
        for day in (min(days), max(days)):
            if not first <= day <= last:
                raise RecordRejectedError(reason="day", received=day, allowed=f"{first} to {last}")


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
