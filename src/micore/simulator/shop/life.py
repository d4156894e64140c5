"""The shop lives, a day at a time: buyers order what is there, cancellations and supplies bring stock back.

What becomes available on a day can be sold from the next day on; so stock is never negative at any instant, however
the day's orders and arrivals interleave. State runs forward only; every day adds to lists that `records` joins.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_midnight_us
from micore.simulator.shop.demand import Patterns
from micore.simulator.shop.goods import Goods, Pairs
from micore.simulator.shop.orders import LONGEST_DAYS, Wanted, fates, wanted_units
from micore.simulator.shop.supplies import Policy, Supplied

Ints = NDArray[np.int64]
T = TypeVar("T")

_RING_DAYS = LONGEST_DAYS + 4
_FORGET = 0.03
_STAGE = np.uint32


@dataclass(frozen=True)
class Postings:
    """Columns with one entry per posting, in the order of creation; `*_s` are seconds after `created_us`.

    `line_first` has one entry more than there are postings.
    """

    created_us: Ints
    place: NDArray[np.uint8]
    packed_s: NDArray[np.uint32]
    shipped_s: NDArray[np.uint32]
    final_s: NDArray[np.uint32]
    returned_s: NDArray[np.uint32]
    restocked_s: NDArray[np.uint32]
    outcome: NDArray[np.uint8]
    back_to_stock: NDArray[np.bool_]
    visible_s: NDArray[np.uint32]
    buyer_cluster: NDArray[np.uint8]
    number: NDArray[np.uint64]
    line_first: Ints


@dataclass(frozen=True)
class Lines:
    """Columns with one entry per posting line: one product and its quantity in units."""

    posting: Ints
    pair: NDArray[np.int32]
    quantity: NDArray[np.uint8]


@dataclass(frozen=True)
class Lost:
    """Units that buyers wanted and did not find, per day and pair."""

    day: Ints
    pair: Ints
    units: Ints


class Life:
    """The running state and everything that happened so far."""

    def __init__(
        self, seed: int, products: int, days: int, today: date, patterns: Patterns, goods: Goods, pairs: Pairs
    ) -> None:
        self._seed, self._products, self._days = seed, products, days
        self._patterns, self._goods, self._pairs = patterns, goods, pairs
        self.start_us = moscow_midnight_us(today) - (days - 1) * DAY_US
        self.next_day = 0
        self._policy = Policy(seed, goods, pairs, days)
        self._pair_keys = pairs.product + pairs.cumulative
        self._rate = goods.chance[pairs.product] * patterns.units_mean[goods.series[pairs.product]] * pairs.share
        self.initial = self._policy.initial(self._rate)
        self._available = self.initial.copy()
        self._on_order = np.zeros(len(self.initial), dtype=np.int64)
        self._supply_ring = np.zeros((_RING_DAYS, len(self.initial)), dtype=np.int32)
        self._restock_ring = np.zeros((_RING_DAYS, len(self.initial)), dtype=np.int16)
        self._days_seen: list[tuple[dict[str, NDArray[np.generic]], Lines]] = []
        self._supplied: list[Supplied] = []
        self._lost: list[Lost] = []

    def run_to(self, day: int) -> None:
        """Live every day up to and including `day` (0 is the first day of the history)."""
        while self.next_day <= day:
            self._live(self.next_day)
            self.next_day += 1

    def _live(self, day: int) -> None:
        start_us = self.start_us + day * DAY_US
        slot = day % _RING_DAYS
        self._available += self._supply_ring[slot] + self._restock_ring[slot]
        self._on_order -= self._supply_ring[slot]
        self._supply_ring[slot] = 0
        self._restock_ring[slot] = 0
        wanted = wanted_units(
            self._seed, self._patterns, self._goods, self._pairs, self._pair_keys, day, self._days, start_us
        )
        served = self._serve(day, wanted)
        self._rate *= 1 - _FORGET
        np.add.at(self._rate, wanted.pair[served], _FORGET)
        self._record(day, wanted, served)
        self._restock_supplies(day, start_us)

    def _serve(self, day: int, wanted: Wanted) -> NDArray[np.bool_]:
        order = np.lexsort((wanted.created_us[wanted.posting], wanted.pair))
        pair = wanted.pair[order]
        starts = np.ones(len(pair), dtype=bool)
        starts[1:] = pair[1:] != pair[:-1]
        rank = np.arange(len(pair)) - np.maximum.accumulate(np.where(starts, np.arange(len(pair)), 0))
        served = np.empty(len(pair), dtype=bool)
        served[order] = rank < self._available[pair]
        np.subtract.at(self._available, wanted.pair[served], 1)
        missed = wanted.pair[~served & (wanted.product < self._products)]
        if missed.size:
            pairs, units = np.unique(missed, return_counts=True)
            self._lost.append(Lost(np.full(len(pairs), day), pairs, units.astype(np.int64)))
        return served

    def _record(self, day: int, wanted: Wanted, served: NDArray[np.bool_]) -> None:
        pair, posting = wanted.pair[served], wanted.posting[served]
        if not pair.size:
            return
        starts = np.ones(len(pair), dtype=bool)
        starts[1:] = (posting[1:] != posting[:-1]) | (pair[1:] != pair[:-1])
        head = np.flatnonzero(starts)
        quantity = np.diff(np.append(head, len(pair)))
        line_pair, line_posting = pair[head], posting[head]
        which, line_posting = np.unique(line_posting, return_inverse=True)
        place = self._pairs.place[line_pair[np.searchsorted(line_posting, np.arange(len(which)))]]
        fate = fates(self._seed, wanted, which, place, day - self._days)
        created = wanted.created_us[which]
        back = fate.back_to_stock[line_posting]
        again = (created + fate.restocked_s * SECOND_US)[line_posting][back]
        slot = ((again - self.start_us) // DAY_US + 1) % _RING_DAYS
        np.add.at(self._restock_ring, (slot, line_pair[back]), quantity[back].astype(np.int16))
        self._keep(created, place, fate, line_posting, line_pair, quantity)

    def _keep(
        self, created: Ints, place: Ints, fate: object, line_posting: Ints, line_pair: Ints, quantity: Ints
    ) -> None:
        """Keep the real products' lines (the last basket may hold some that the shop does not have)."""
        real = self._pairs.product[line_pair] < self._products
        kept = np.unique(line_posting[real])
        order = np.argsort(created[kept], kind="stable")
        kept = kept[order]
        columns: dict[str, NDArray[np.generic]] = {"created_us": created[kept], "place": place[kept].astype(np.uint8)}
        for field in fields(Postings):
            if field.name in {"created_us", "place", "line_first"}:
                continue
            column = getattr(fate, field.name)[kept]
            if field.name.endswith("_s"):
                column = column.astype(_STAGE)
            elif field.name in {"outcome", "buyer_cluster"}:
                column = column.astype(np.uint8)
            columns[field.name] = column
        position = np.full(len(created), -1, dtype=np.int64)
        position[kept] = np.arange(len(kept))
        new_posting = position[line_posting[real]]
        rows = np.argsort(new_posting, kind="stable")
        lines = Lines(
            new_posting[rows],
            line_pair[real][rows].astype(np.int32),
            quantity[real][rows].astype(np.uint8),
        )
        self._days_seen.append((columns, lines))

    def _restock_supplies(self, day: int, start_us: int) -> None:
        supplied = self._policy.order(day, start_us, self._available + self._on_order, self._rate)
        slot = ((supplied.available_us - self.start_us) // DAY_US + 1) % _RING_DAYS
        np.add.at(self._supply_ring, (slot, supplied.pair), supplied.quantity.astype(np.int32))
        np.add.at(self._on_order, supplied.pair, supplied.quantity)
        real = self._pairs.product[supplied.pair] < self._products
        self._supplied.append(Supplied(*(getattr(supplied, field.name)[real] for field in fields(Supplied))))

    def records(self) -> tuple[Postings, Lines, Supplied, Lost]:
        """Everything that happened, joined. Also joins the lists inside, so that a later call is cheap."""
        if not self._days_seen:
            self._days_seen.append(_nothing())
        names = list(self._days_seen[0][0])
        columns = {name: np.concatenate([day[name] for day, _ in self._days_seen]) for name in names}
        counts = [len(day["created_us"]) for day, _ in self._days_seen]
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
        lines = Lines(
            np.concatenate([line.posting + offset for (_, line), offset in zip(self._days_seen, offsets, strict=True)]),
            np.concatenate([line.pair for _, line in self._days_seen]),
            np.concatenate([line.quantity for _, line in self._days_seen]),
        )
        self._days_seen = [(columns, lines)]
        first = np.searchsorted(lines.posting, np.arange(len(columns["created_us"]) + 1)).astype(np.int64)
        postings = Postings(**columns, line_first=first)
        supplied = _joined(Supplied, self._supplied)
        lost = _joined(Lost, self._lost)
        self._supplied, self._lost = [supplied], [lost]
        return postings, lines, supplied, lost


def _joined(kind: type[T], parts: list[T]) -> T:
    empty = [np.zeros(0, dtype=np.int64)]
    return kind(*(np.concatenate([getattr(part, f.name) for part in parts] or empty) for f in fields(kind)))  # type: ignore[arg-type]


def _nothing() -> tuple[dict[str, NDArray[np.generic]], Lines]:
    kinds = {"created_us": np.int64, "number": np.uint64, "back_to_stock": np.bool_}
    small = {"place", "outcome", "buyer_cluster"}
    columns: dict[str, NDArray[np.generic]] = {}
    for field in fields(Postings):
        if field.name != "line_first":
            kind = kinds.get(field.name, np.uint8 if field.name in small else _STAGE)
            columns[field.name] = np.zeros(0, dtype=kind)
    return columns, Lines(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8))
