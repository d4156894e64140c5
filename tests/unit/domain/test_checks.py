"""Which days and instants are believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from micore.domain.checks import check_instants
from micore.domain.instants import micros
from micore.domain.records import FinanceKind, FinanceRecord, FunnelRecord, Record, SaleRecord, StorageCostRecord
from micore.errors import RecordRejectedError

NOW = micros(datetime(2026, 11, 22, 9, tzinfo=UTC))


def booked(day: str) -> Record:
    return FinanceRecord("1:sale", "7", None, day, FinanceKind.SALE, 10_000, "RUB", "")


def sold(day: str) -> Record:
    return SaleRecord("1", None, "7", day, 10_000, None, "RUB")


def kept(day: str) -> Record:
    return StorageCostRecord("1", "7", None, day, 10_000, "RUB", None, None)


def looked_at(day: str) -> Record:
    return FunnelRecord("1", "7", day, 1, 1, 1, 1, 0, 0)


@pytest.mark.parametrize("make", [booked, sold, kept, looked_at])
@pytest.mark.parametrize("day", ["1999-12-31", "2026-11-25", "2066-11-12"])
def test_money_of_a_day_that_cannot_be_is_refused_wherever_it_stands(make: Callable[[str], Record], day: str) -> None:
    good = [booked("2026-11-22"), sold("2000-01-01"), kept("2026-11-24")]
    check_instants(good, NOW)
    with pytest.raises(RecordRejectedError, match=f"received {day}"):
        check_instants([*good, make(day)], NOW)
