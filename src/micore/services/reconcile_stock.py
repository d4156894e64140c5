"""Our stock beside the marketplace's own figures of it, each scheme apart: one that cannot be had leaves the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

import structlog

from micore.domain.reconcile_views import DayCompared, NotCompared
from micore.domain.reconciling import Difference, StockKey, compare_stock, may_have_moved
from micore.domain.units import shown_quantity
from micore.errors import LeaseLostError, MicoreError, StopRequestedError
from micore.services.comparing import Compared, StoredNote, recent, silence
from micore.services.sync_work import SyncWork
from micore.sources.own_figures import OwnFiguresSource
from micore.storage import reconciliations

STREAM = "stock"
DEMAND_SPAN = 28 * 86_400_000_000
"""Microseconds over which demand is taken, where it tells how much may have been sold since."""
_MICROSECOND = timedelta(microseconds=1)
_log = structlog.get_logger(__name__)


class _Told:
    """What the marketplace tells of each scheme, and why it does not of others."""

    def __init__(self) -> None:
        self.stock: dict[str, Counter[StockKey]] = {}
        self.asked_at: dict[str, int] = {}
        self.failed: dict[str, MicoreError] = {}

    def ask(self, work: SyncWork, source: OwnFiguresSource) -> None:
        """Raises StopRequestedError, LeaseLostError."""
        for schemes in source.stock_parts:
            asked_at = work.now_micros()
            try:
                rows = source.own_stock(schemes, StoredNote(work, f"{STREAM} {' '.join(schemes)}"))
            except (StopRequestedError, LeaseLostError):
                raise
            except MicoreError as error:
                _log.warning("reconcile.stock_failed", source=work.slot, schemes=schemes, error=str(error))
                self.failed |= dict.fromkeys(schemes, error)
                continue
            for row in rows:
                told = self.stock.setdefault(row.scheme, Counter())
                told[row.scheme, row.sku_id, row.place_id] += row.available
            self.asked_at |= dict.fromkeys(schemes, asked_at)


def compare_held(work: SyncWork, source: OwnFiguresSource) -> Compared:
    """What can be sold now. Raises what the source raises where no scheme at all could be compared."""
    told = _Told()
    told.ask(work, source)
    with work.database.read() as connection:
        stored = reconciliations.our_stock(connection, work.account_id)
        read_to = recent(work, reconciliations.read_to(connection, work.account_id, STREAM))
        ordered = reconciliations.ordered_since(connection, work.account_id, since=work.now_micros() - DEMAND_SPAN)
    days: list[DayCompared] = []
    found: list[Difference] = []
    for scheme, asked_at in told.asked_at.items():
        theirs = told.stock.get(scheme, Counter())
        ours = _ours(stored, scheme, by_place=any(place is not None for *_, place in theirs))
        # Never by what they tell: a scheme that they are silent about would agree with everything.
        if not theirs and any(ours.values()):
            told.failed[scheme] = silence(source, f"{STREAM} {scheme}")
            continue
        elapsed = 0 if read_to is None else asked_at - read_to + source.stock_lag // _MICROSECOND
        moved = {sku: may_have_moved(units, span=DEMAND_SPAN, elapsed=elapsed) for sku, units in ordered.items()}
        found += compare_stock(theirs, ours, moved=moved)
        days += _by_place(scheme, theirs, ours)
    compared = told.asked_at.keys() - told.failed.keys()
    if told.failed and not any(each in told.stock for each in compared):
        raise next(iter(told.failed.values()))
    failed = [NotCompared(scheme, str(told.failed[scheme])) for scheme in _worth_telling(source, told.failed, stored)]
    return Compared(days, found, sum(map(len, told.stock.values())), failed_schemes=failed)


def _ours(stored: Mapping[tuple[str, str, str], int], scheme: str, *, by_place: bool) -> Counter[StockKey]:
    ours: Counter[StockKey] = Counter()
    for (of, sku, place), units in stored.items():
        if of == scheme:
            ours[scheme, sku, place if by_place else None] += units
    return ours


def _worth_telling(source: OwnFiguresSource, failed: Collection[str], stored: Collection[StockKey]) -> Iterator[str]:
    """Of what failed, the schemes that this shop has; where it has none of a part, that part's first one."""
    held = {scheme for scheme, *_ in stored}
    for part in source.stock_parts:
        of_part = [scheme for scheme in part if scheme in failed]
        yield from [scheme for scheme in of_part if scheme in held] or of_part[:1]


def _by_place(scheme: str, theirs: Mapping[StockKey, int], ours: Mapping[StockKey, int]) -> list[DayCompared]:
    told, here = (_sums(each) for each in (theirs, ours))
    return [
        DayCompared(None, scheme, shown_quantity(told[place]), shown_quantity(here[place]), place)
        for place in sorted(told.keys() | here.keys(), key=lambda each: each or "")
    ]


def _sums(stock: Mapping[StockKey, int]) -> Counter[str | None]:
    sums: Counter[str | None] = Counter()
    for (*_, place), units in stock.items():
        sums[place] += units
    return sums
