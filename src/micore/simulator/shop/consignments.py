"""Supplies as the marketplaces number them: what went to one warehouse together, in the order of being asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.shop.goods import Pairs
from micore.simulator.shop.supplies import GROUPS, Supplied

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Consignments:
    """Columns with one entry per consignment, and its rows: `first` (one entry more) finds pairs and quantities."""

    place: Ints
    requested_us: Ints
    dispatched_us: Ints
    arrived_us: Ints
    available_us: Ints
    first: Ints
    pair: Ints
    quantity: Ints

    def rows(self, number: int) -> slice:
        """Where the rows of a consignment lie in `pair` and `quantity`."""
        return slice(int(self.first[number]), int(self.first[number + 1]))

    def units(self, number: int) -> int:
        """Units of all products together."""
        return int(self.quantity[self.rows(number)].sum())

    def asked_by(self, now_us: int) -> int:
        """How many were asked for by now."""
        return int(np.searchsorted(self.requested_us, now_us, side="right"))


def make_consignments(supplied: Supplied, pairs: Pairs, places: list[int]) -> Consignments:
    """Gather the supplies to some places. Later supplies come behind, so numbers stay as the shop lives on."""
    here = np.flatnonzero(np.isin(pairs.place[supplied.pair], places))
    pair = supplied.pair[here]
    place, group = pairs.place[pair], pairs.product[pair] % GROUPS
    order = np.lexsort((pair, group, place, supplied.requested_us[here]))
    here, place, group = here[order], place[order], group[order]
    requested = supplied.requested_us[here]
    starts = np.ones(len(here), dtype=bool)
    starts[1:] = (requested[1:] != requested[:-1]) | (place[1:] != place[:-1]) | (group[1:] != group[:-1])
    head = np.flatnonzero(starts)
    leaders = here[head]
    return Consignments(
        place=place[head],
        requested_us=supplied.requested_us[leaders],
        dispatched_us=supplied.dispatched_us[leaders],
        arrived_us=supplied.arrived_us[leaders],
        available_us=supplied.available_us[leaders],
        first=np.append(head, len(here)).astype(np.int64),
        pair=supplied.pair[here],
        quantity=supplied.quantity[here],
    )
