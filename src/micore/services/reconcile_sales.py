"""What was sold, given back and booked beside what the marketplace tells: unit by unit, or by the sums of each day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from micore.domain.instants import DayTurner
from micore.domain.reconcile_views import DayCompared
from micore.domain.sold import ACCRUED, COMMISSION, RETURN, SALE, Excuses, Sold, SumKey, compare_sold, compare_sold_sums
from micore.domain.units import MILLI, shown_money, shown_quantity
from micore.services.comparing import MOSCOW, Compared, recent, refuse_silence
from micore.services.sync_work import SyncWork
from micore.sources.own_figures import (
    OwnAccruedSource,
    OwnFiguresSource,
    OwnSale,
    OwnSalesSource,
    OwnSaleSum,
    OwnSaleSumsSource,
)
from micore.sources.ranges import cut
from micore.storage import reconciliations

STREAM, FINANCE = "sales", "finance"
MEMBERS = (SALE, RETURN, COMMISSION, ACCRUED)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


def compare_sales(work: SyncWork, source: OwnSalesSource | OwnSaleSumsSource, first: date, end: date) -> Compared:
    """The sales of these days, the end left out. Raises what the source raises."""
    if isinstance(source, OwnSalesSource):
        return _by_unit(work, source, first, end)
    return _by_sums(work, source, first, end)


def _by_unit(work: SyncWork, source: OwnSalesSource, first: date, end: date) -> Compared:
    turner = DayTurner(MOSCOW)
    theirs = [_sold(each, turner) for each in source.own_sales(first)]
    with work.database.read() as connection:
        ours = reconciliations.our_sold(connection, work.account_id, since=(first - _DAY).isoformat())
        read_to = recent(work, reconciliations.read_to(connection, work.account_id, STREAM))
        waiting = reconciliations.waiting_rows(connection, work.account_id, STREAM)
    days = first.isoformat(), end.isoformat()
    refuse_silence(source, STREAM, told=bool(theirs), here=any(days[0] <= each.day < days[1] for each in ours))
    settled_to = None if read_to is None else read_to - source.sales_settle // _MICROSECOND
    excuses = Excuses(settled_to, {source.sold_order(row) for row in waiting})
    found = compare_sold(theirs, ours, first_day=days[0], end_day=days[1], excuses=excuses)
    told, here = _sums(theirs), _sums(ours)
    shown = [
        DayCompared(
            window.first_day,
            None,
            shown_quantity(told[window.first_day.isoformat(), member]),
            shown_quantity(here[window.first_day.isoformat(), member]),
            member=member,
        )
        for window in cut(first, end, days=1)
        for member in (SALE, RETURN)
    ]
    return Compared(shown, found, len(theirs))


def _sold(told: OwnSale, turner: DayTurner) -> Sold:
    return Sold(
        told.order_id,
        told.sku_id,
        turner.day(told.at),
        told.returned,
        given_back=MILLI if told.returned else 0,
        ordered_day=turner.day(told.ordered_at),
        at=told.at,
    )


def _sums(sold: Iterable[Sold]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for each in sold:
        sums[each.day, each.member] += each.given_back if each.returned else each.sold
    return sums


def compare_accrued(work: SyncWork, source: OwnAccruedSource, first: date, end: date) -> Compared:
    """All that was booked on these days, the end left out. Raises what the source raises."""
    told = source.own_accrued(first, end)
    with work.database.read() as connection:
        ours = reconciliations.our_booked_sums(connection, work.account_id, since=first.isoformat(), to=end.isoformat())
    return _compared_sums(work, source, _OfStream(FINANCE, FINANCE, source.booked_day), told, ours)


def _by_sums(work: SyncWork, source: OwnSaleSumsSource, first: date, end: date) -> Compared:
    told = source.own_sale_sums(first, end)
    with work.database.read() as connection:
        ours = reconciliations.our_sold_sums(connection, work.account_id, since=first.isoformat(), to=end.isoformat())
    return _compared_sums(work, source, _OfStream(STREAM, source.sales_stream, source.sale_day), told, ours)


class _OfStream(NamedTuple):
    """Where sums of days come from."""

    name: str
    read_by: str
    """The stream whose rows they are made of here."""
    day_of: Callable[[bytes], date | None]
    """The day of a rejected row of that stream."""


def _compared_sums(
    work: SyncWork, source: OwnFiguresSource, of: _OfStream, told: Sequence[OwnSaleSum], ours: Mapping[SumKey, int]
) -> Compared:
    theirs: Counter[SumKey] = Counter()
    for each in told:
        theirs[each.day.isoformat(), each.member, each.currency] += each.amount
    with work.database.read() as connection:
        read_to = recent(work, reconciliations.read_to(connection, work.account_id, of.read_by))
        rows = reconciliations.waiting_rows(connection, work.account_id, of.read_by)
    refuse_silence(source, of.name, told=any(theirs.values()), here=any(ours.values()))
    days = {of.day_of(row) for row in rows}
    found = compare_sold_sums(
        theirs,
        ours,
        read_to=None if read_to is None else DayTurner(MOSCOW).day(read_to),
        waiting={None if day is None else day.isoformat() for day in days},
    )
    shown = [
        DayCompared(
            date.fromisoformat(day),
            None,
            None,
            None,
            member=member,
            theirs_money=shown_money(theirs.get((day, member, currency)), currency),
            ours_money=shown_money(ours.get((day, member, currency)), currency),
        )
        for day, member, currency in sorted(theirs.keys() | ours.keys(), key=_by_day)
    ]
    return Compared(shown, found, len(theirs))


def _by_day(key: SumKey) -> tuple[str, str, int]:
    return key[0], key[2], MEMBERS.index(key[1])
