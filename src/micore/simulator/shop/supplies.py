"""The seller's simple ordering policy: each warehouse is looked at once a week, supplies take random lead times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US
from micore.simulator.draws import Floats, normal, uniform
from micore.simulator.shop.goods import Goods, Pairs
from micore.simulator.shop.places import PLACES, Kind

Ints = NDArray[np.int64]

LONGEST_LEAD_DAYS = 85
GROUPS = 3
"""Products of one warehouse travel in this many supplies a week, so that one late lorry does not empty everything."""

_SELLER = np.array([place.kind in (Kind.OZON_FBS, Kind.OZON_RFBS, Kind.WB_SELLER) for place in PLACES])
_WB = np.array([place.kind in (Kind.WB_OWN, Kind.WB_SELLER) for place in PLACES])


@dataclass(frozen=True)
class Supplied:
    """Columns with one entry per (supply, pair): requested, on its way, being prepared, available."""

    pair: Ints
    quantity: Ints
    requested_us: Ints
    dispatched_us: Ints
    arrived_us: Ints
    available_us: Ints


class Policy:
    """How much each pair should hold and when more is ordered."""

    def __init__(self, seed: int, goods: Goods, pairs: Pairs, days: int) -> None:
        self._seed = seed
        self._days = days
        self._goods = goods
        self._pairs = pairs
        market = pairs.product * 2 + _WB[pairs.place]
        in_market = np.bincount(market, weights=pairs.share, minlength=2 * goods.count)
        self.floor = goods.floor_units[pairs.product] * pairs.share / in_market[market]
        self._cover = goods.cover_days[pairs.product]
        self._by_place = [np.flatnonzero(pairs.place == place) for place in range(len(PLACES))]

    def target(self, which: Ints, rate: Floats) -> Floats:
        """Units that the seller wants to have of each pair, from what sold lately."""
        return np.asarray(np.maximum(self.floor[which], rate[which] * self._cover[which]))

    def initial(self, rate: Floats) -> Ints:
        """Stock on the first day of the history."""
        everyone = np.arange(len(self.floor), dtype=np.int64)
        there = self._goods.launch_day[self._pairs.product] <= 0
        fill = 0.35 + 0.7 * uniform(self._seed, "initial", self._pairs.product, self._pairs.place)
        return np.asarray(np.where(there, np.rint(self.target(everyone, rate) * fill), 0).astype(np.int64))

    def order(self, day: int, start_us: int, position: Ints, rate: Floats) -> Supplied:
        """What is ordered today, given stock plus what is on its way of every pair."""
        due = [pairs for place, pairs in enumerate(self._by_place) if place % 7 == day % 7]
        which = np.concatenate(due) if due else np.zeros(0, dtype=np.int64)
        product = self._pairs.product[which]
        wanted = (day >= self._goods.launch_day[product] - 24) & (day < self._goods.stop_supply_day[product])
        target = self.target(which, rate)
        which = which[wanted & (position[which] < self._goods.reorder_at[product] * target)]
        product, place = self._pairs.product[which], self._pairs.place[which]
        pack = self._goods.pack[product]
        missing = self.target(which, rate) - position[which]
        quantity = (np.ceil(missing / pack) * pack).astype(np.int64)
        key = (place, day - self._days, product % GROUPS)
        lead = 4.0 + np.exp(2.15 + 0.5 * normal(self._seed, "lead", *key))
        late = uniform(self._seed, "late", *key) < 0.07
        lead = np.minimum(lead + late * (7 + 16 * uniform(self._seed, "how late", *key)), LONGEST_LEAD_DAYS)
        requested = start_us + ((9.5 + 2 * uniform(self._seed, "asked", *key)) * 3600 * SECOND_US).astype(np.int64)
        # The seller's own warehouse takes goods in at once; Ozon and Wildberries sort them first.
        sorting = np.where(_SELLER[place], 0.0, 0.15 + 1.6 * uniform(self._seed, "sorting", *key))
        dispatched = requested + ((0.2 + 0.35 * uniform(self._seed, "loaded", *key)) * lead * DAY_US).astype(np.int64)
        available = requested + (lead * DAY_US).astype(np.int64)
        arrived = np.maximum(available - (sorting * DAY_US).astype(np.int64), dispatched)
        return Supplied(which, quantity, requested, dispatched, arrived, available)
