"""Our tables beside the marketplace's own figures, stream by stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time

from micore.domain.instants import DayTurner, micros
from micore.domain.reconcile_views import (
    HARMLESS,
    DayCompared,
    DifferenceClass,
    DifferenceRow,
    DifferenceSum,
    Reconciliation,
)
from micore.domain.reconciling import (
    Difference,
    Line,
    by_class,
    compare_lines,
    compare_sums,
)
from micore.domain.run_views import StreamState
from micore.domain.units import TEN_THOUSANDTHS, shown_money, shown_quantity
from micore.services.comparing import MOSCOW, Compared, recent, refuse_silence
from micore.services.loaders import Outcome
from micore.services.reconcile_sales import compare_accrued, compare_sales
from micore.services.reconcile_stock import compare_held
from micore.services.statements import compare_finance
from micore.services.sync_work import SyncWork
from micore.sources.base import Stream
from micore.sources.own_figures import (
    OwnAccruedSource,
    OwnFiguresSource,
    OwnOrders,
    OwnSalesSource,
    OwnSaleSumsSource,
    OwnStatementsSource,
)
from micore.sources.ranges import cut
from micore.storage import reconciliations, runs
from micore.telemetry import metrics

DAY = 86_400_000_000
"""Microseconds."""
MOST_EXAMPLES = 200


def reconcile(work: SyncWork, stream: Stream) -> Outcome:
    """Compare one stream and keep what came of it. Raises what the source raises."""
    source, params = work.source, work.params
    assert isinstance(source, OwnFiguresSource)
    assert params.first_day is not None and params.end_day is not None
    days = date.fromisoformat(params.first_day), date.fromisoformat(params.end_day)
    told = stream.name in source.reconciled
    compared = _compared(work, source, stream.name, *days) if told else Compared([], [], 0)
    result = _shown(work, stream.name, compared.range or days, compared)
    result = replace(result, compared=told, untold=list(source.untold.get(stream.name, ())))
    with work.database.write() as connection:
        reconciliations.save(connection, result, account_id=work.account_id, now=work.now_micros())
        runs.count_rows(
            connection, work.run_id, stream.name, pages=1, read=compared.rows, loaded=0, unchanged=0, rejected=0
        )
        work.keep_lease(connection)
    # Nothing of what was not compared: a 0 would say that it agrees.
    for each in DifferenceClass if told else ():
        rows = next((sums.rows for sums in result.differences if sums.kind is each), 0)
        metrics.RECONCILED_ROWS.labels(work.slot, stream.name, each.value).set(rows)
    return Outcome(StreamState.DONE, _finding(result))


def _compared(work: SyncWork, source: OwnFiguresSource, stream: str, first_day: date, end_day: date) -> Compared:
    if stream == "finance":
        if isinstance(source, OwnAccruedSource):
            return compare_accrued(work, source, first_day, end_day)
        assert isinstance(source, OwnStatementsSource)
        return compare_finance(work, source, first_day, end_day)
    if stream == "sales":
        assert isinstance(source, (OwnSalesSource, OwnSaleSumsSource))
        return compare_sales(work, source, first_day, end_day)
    return compare_held(work, source) if stream == "stock" else _orders(work, source, first_day, end_day)


def _finding(result: Reconciliation) -> str | None:
    said = [f"{each.scheme} was not compared: {each.why}" for each in result.failed_schemes]
    if result.findings:
        kinds = ", ".join(_counted(each) for each in result.differences if not each.harmless)
        said.append(f"{result.findings:,} rows differ from the marketplace's own figures ({kinds}).")
    return " ".join(said) or None


def _counted(told: DifferenceSum) -> str:
    members = ", ".join(dict.fromkeys(row.member for row in told.examples if row.member))
    return f"{told.kind.value} {told.rows:,}" + (f": {members}" if members else "")


def _orders(work: SyncWork, source: OwnFiguresSource, first_day: date, end_day: date) -> Compared:
    own = source.own_orders(first_day, end_day)
    since, to = _midnight(first_day), _midnight(end_day)
    with work.database.read() as connection:
        ours = reconciliations.our_lines(connection, work.account_id, since=since - DAY, to=to + DAY)
        read_to = recent(work, reconciliations.read_to(connection, work.account_id, "orders"))
        rejected = reconciliations.quarantined(connection, work.account_id, "orders")
    # A walk that had to begin again tells rows twice.
    theirs = list({each[:2]: Line(*each) for each in own.lines}.values())
    turner = DayTurner(MOSCOW)

    def inside(line: Line) -> bool:
        return since <= line.ordered_at < to

    refuse_silence(source, "orders", told=bool(theirs), here=any(inside(line) for line in ours))
    found = compare_lines(
        theirs,
        ours,
        inside=inside,
        day_of=turner.day,
        read_to=read_to,
        quarantined=rejected,
        same_place=source.same_place,
    )
    listed = _by_day(theirs, inside, turner.day)
    sums = listed if own.sums is None else {each.day.isoformat(): each.quantity for each in own.sums}
    found += compare_sums(sums, listed, complete_before=_complete_before(own, end_day))
    here = _by_day(ours, inside, turner.day)
    days = [
        DayCompared(window.first_day, None, _units(sums.get(each, 0)), _units(here.get(each, 0)))
        for window in cut(first_day, end_day, days=1)
        for each in [window.first_day.isoformat()]
    ]
    return Compared([*days, *_order_places(source, theirs, ours, inside)], found, len(theirs))


def _order_places(
    source: OwnFiguresSource, theirs: Sequence[Line], ours: Sequence[Line], inside: Callable[[Line], bool]
) -> list[DayCompared]:
    """Units ordered by place, of all days together; ours stand where theirs say, if that may be their place."""
    told: Counter[str | None] = Counter()
    here: Counter[str | None] = Counter()
    of_line = {(line.order_id, line.sku_id): line.place for line in theirs}
    for line in filter(inside, theirs):
        told[line.place] += line.quantity
    for line in filter(inside, ours):
        named = of_line.get((line.order_id, line.sku_id), line.place)
        same = line.place is not None and named is not None and source.same_place(named, line.place)
        # A place that the marketplace does not tell is not held against one that is known here.
        here[named if same or named is None else line.place] += line.quantity
    places = sorted(told.keys() | here.keys(), key=lambda each: (each is None, each or ""))
    compared = [DayCompared(None, None, _units(told[place]), _units(here[place]), place) for place in places]
    pool = source.pooled_place
    return [replace(each, place=None, pooled=True) if pool and each.place == pool else each for each in compared]


def _complete_before(own: OwnOrders, end_day: date) -> str:
    """The first day whose sum is not whole."""
    if own.sums_until is None:
        return end_day.isoformat()
    return own.sums_until.astimezone(MOSCOW).date().isoformat()


def _by_day(lines: Sequence[Line], inside: Callable[[Line], bool], day_of: Callable[[int], str]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for line in lines:
        if inside(line):
            sums[day_of(line.ordered_at)] += line.quantity
    return dict(sums)


def _shown(work: SyncWork, stream: str, days: tuple[date, date], compared: Compared) -> Reconciliation:
    with work.database.read() as connection:
        run = runs.get_run(connection, work.run_id, now=work.now_micros())
        names = reconciliations.place_names(connection, work.account_id)
    sums = [_sum(kind, rows, work.shop.currency, names) for kind, rows in by_class(compared.differences).items()]
    return Reconciliation(
        run_id=work.run_id,
        source=run.source,
        account=run.account,
        stream=stream,
        first_day=days[0],
        end_day=days[1],
        checked_at=work.now(),
        findings=sum(each.rows for each in sums if not each.harmless),
        days=[replace(each, place=_named(each.place, names)) for each in compared.days],
        differences=sums,
        statements=compared.statements,
        by_report=compared.by_report,
        failed_schemes=compared.failed_schemes,
    )


def _named(place_id: str | None, names: Mapping[str, str]) -> str | None:
    return None if place_id is None else names.get(place_id, place_id)


def _sum(kind: DifferenceClass, rows: Sequence[Difference], currency: str, names: Mapping[str, str]) -> DifferenceSum:
    amounts: dict[str, int] = {}
    for row in rows:
        if row.amount is not None:
            told = row.currency or currency
            amounts[told] = amounts.get(told, 0) + row.amount
    shown = [shown_money(amount, told) for told, amount in sorted(amounts.items())]
    return DifferenceSum(
        kind=kind,
        harmless=kind in HARMLESS,
        rows=len(rows),
        units=shown_quantity(sum(row.units for row in rows)) or 0,
        examples=[_example(row, names) for row in rows[:MOST_EXAMPLES]],
        amounts=[money for money in shown if money is not None],
    )


def _example(row: Difference, names: Mapping[str, str]) -> DifferenceRow:
    common = DifferenceRow(
        day=_day(row.day),
        order_id=row.order_id,
        sku=row.sku_id,
        scheme=row.scheme,
        theirs=None,
        ours=None,
        place=_named(row.place_id, names),
        last_day=_day(row.last_day),
        member=row.member,
    )
    if row.currency is not None:
        theirs, ours = (shown_money(each, row.currency) for each in (row.theirs, row.ours))
        return replace(common, theirs_money=theirs, ours_money=ours)
    show = _price if row.kind is DifferenceClass.PRICE else shown_quantity
    return replace(common, theirs=show(row.theirs), ours=show(row.ours))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _units(thousandths: int) -> float:
    return shown_quantity(thousandths) or 0


def _price(value: int | None) -> float | None:
    return None if value is None else value / TEN_THOUSANDTHS


def _midnight(day: date) -> int:
    return micros(datetime.combine(day, time(), MOSCOW))
