"""The units that buyers ordered on Wildberries: one order is one unit, with its own `srid` and its own fate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US
from micore.simulator.shop.consignments import Consignments, make_consignments
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import WB_POOL, WB_SELLER
from micore.simulator.shop.shop import Books, Shop

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

NEVER_US = np.int64(2**62)
KEPT_DAYS = 90
"""The statistics keep an order for this long after it was placed."""


@dataclass(frozen=True)
class Units:
    """Columns with one entry per ordered unit, in the order of creation; instants that never come are NEVER_US.

    `seen_us` is when the order reached the services that tell of it, `final_us` when it was bought or cancelled;
    `refused` were cancelled at the pick-up point, `sellable` go back to stock if they come back.
    """

    k: Ints
    pair: Ints
    place: Ints
    created_us: Ints
    seen_us: Ints
    packed_us: Ints
    shipped_us: Ints
    final_us: Ints
    returned_us: Ints
    restocked_us: Ints
    cancelled: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    sellable: NDArray[np.bool_]
    cluster: Ints
    number: Words

    def created_between(self, since_us: int, to_us: int) -> Ints:
        """Positions of the units ordered in a period, its end not included."""
        low, high = np.searchsorted(self.created_us, [since_us, to_us])
        return np.arange(low, high, dtype=np.int64)

    def srids(self, which: Ints) -> list[str]:
        """The orders' ids, which every section tells alike."""
        return [f"{word % 80 + 10}.r{word:016x}{word * 0x9E3779B97F4A7C15 % 2**64:016x}.{word % 3}.0"
                for word in self.number[which].tolist()]  # fmt: skip


class Ledgers:
    """Makes the columns and the numbered supplies once per state of the books."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._made: tuple[Books, Units, Consignments] | None = None

    def units(self, books: Books) -> Units:
        """The units of these books."""
        return self._of(books)[1]

    def consignments(self, books: Books) -> Consignments:
        """The supplies to Wildberries' own warehouses."""
        return self._of(books)[2]

    def _of(self, books: Books) -> tuple[Books, Units, Consignments]:
        if self._made is None or self._made[0] is not books:
            supplies = make_consignments(books.supplied, self._shop.pairs, WB_POOL)
            self._made = (books, _make_units(self._shop, books), supplies)
        return self._made


def _make_units(shop: Shop, books: Books) -> Units:
    postings = books.postings
    index = np.flatnonzero(np.isin(postings.place, [*WB_POOL, *WB_SELLER])).astype(np.int64)
    # Every posting on Wildberries is one line of one unit, so its first line is all of it.
    pair = books.lines.pair[postings.line_first[index]].astype(np.int64)
    created, outcome = postings.created_us[index], postings.outcome[index]

    def after(stage: NDArray[np.uint32], comes: NDArray[np.bool_] | None = None) -> Ints:
        when = created + stage[index].astype(np.int64) * SECOND_US
        return np.asarray(when if comes is None else np.where(comes, when, NEVER_US))

    final = after(postings.final_s)
    cancelled = np.isin(outcome, (Outcome.CANCELLED, Outcome.CANCELLED_AFTER_SHIP))
    early = outcome == Outcome.CANCELLED
    packed, shipped = after(postings.packed_s), after(postings.shipped_s)
    return Units(
        k=shop.pairs.product[pair],
        pair=pair,
        place=postings.place[index].astype(np.int64),
        created_us=created,
        seen_us=after(postings.visible_s),
        packed_us=np.where(early & (packed >= final), NEVER_US, packed),
        shipped_us=np.where(early, NEVER_US, shipped),
        final_us=final,
        returned_us=after(postings.returned_s, outcome == Outcome.RETURNED),
        restocked_us=after(postings.restocked_s, outcome != Outcome.DELIVERED),
        cancelled=cancelled,
        refused=outcome == Outcome.CANCELLED_AFTER_SHIP,
        sellable=postings.back_to_stock[index],
        cluster=postings.buyer_cluster[index].astype(np.int64),
        number=postings.number[index],
    )


def kept_since_us(at_us: int) -> int:
    """The earliest order that the statistics still tell of."""
    return at_us - KEPT_DAYS * DAY_US
