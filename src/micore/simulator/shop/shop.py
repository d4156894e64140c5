"""The shop as the servers see it: goods, places, every quantity at an instant. Asked about later days it lives on."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US
from micore.simulator.shop.cards import Cards
from micore.simulator.shop.demand import daily_units, load_patterns
from micore.simulator.shop.goods import FAMILY, NEVER, make_goods, make_pairs
from micore.simulator.shop.levels import Levels
from micore.simulator.shop.life import Life, Lines, Lost, Postings
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import PLACES, Kind
from micore.simulator.shop.supplies import Supplied

Ints = NDArray[np.int64]

_STEP_DAYS = 28


@dataclass(frozen=True)
class Books:
    """Everything that happened up to a day, ready to be asked. All levels are in whole units per pair."""

    postings: Postings
    lines: Lines
    supplied: Supplied
    lost: Lost
    available: Levels
    reserved: Levels
    to_client: Levels
    from_client: Levels
    requested: Levels
    transit: Levels
    preparing: Levels
    ordered: Levels


class Shop:
    """One seller's shop on both marketplaces; a function of its arguments and of the instant asked about."""

    def __init__(self, seed: int, products: int, days: int, today: date) -> None:
        """`days` of history end with the Moscow day `today`; after it the shop lives on.

        Raises ValueError when `products` or `days` is not positive.
        """
        if products < 1 or days < 1:
            raise ValueError(f"a shop needs at least 1 product and 1 day, not products={products}, days={days}")
        self.seed, self.products, self.days, self.today = seed, products, days, today
        self.patterns = load_patterns(today)
        self.goods = make_goods(seed, products, days, self.patterns)
        self.pairs = make_pairs(seed, self.goods)
        usual_price = float(np.median(self.patterns.price))
        self.cards = Cards(seed, self.goods, np.sqrt(self.patterns.price[self.goods.series] / usual_price))
        self._life = Life(seed, products, days, today, self.patterns, self.goods, self.pairs)
        self.start_us = self._life.start_us
        self.created_us = self._created()
        self.place_kind = np.array([int(place.kind) for place in PLACES])[self.pairs.place]
        self._lock = threading.Lock()
        self._books: Books | None = None
        self._extend(days - 1)

    def _created(self) -> Ints:
        goods = self.goods
        day = goods.launch_day - goods.created_days_before_launch
        minute = (goods.sku * 7919) % (10 * 60) + 9 * 60
        fraction = (goods.product_id * 104_729) % SECOND_US
        sized_first = np.where(goods.sized, np.arange(goods.count) // FAMILY * FAMILY, np.arange(goods.count))
        return np.asarray((self.start_us + day * DAY_US + minute * 60 * SECOND_US + fraction)[sized_first])

    def archived_us(self, k: Ints) -> Ints:
        """When products left the shop; far in the future for those that stay."""
        day = self.goods.archived_day[k]
        return np.asarray(np.where(day >= NEVER, np.int64(2**62), self.start_us + day * DAY_US + 12 * 3600 * SECOND_US))

    def books(self, at_us: int) -> Books:
        """The books that know everything up to an instant (and more)."""
        day = (at_us - self.start_us) // DAY_US
        with self._lock:
            if day >= self._life.next_day:
                self._extend(-(-int(day + 1) // _STEP_DAYS) * _STEP_DAYS)
            assert self._books is not None, "the constructor fills the books"
            return self._books

    def _extend(self, day: int) -> None:
        self._life.run_to(day)
        postings, lines, supplied, lost = self._life.records()
        self._books = _make_books(self.start_us, self._life.initial, postings, lines, supplied, lost)

    def initial(self) -> Ints:
        """Stock of each pair at the first instant of the history."""
        return self._life.initial.copy()

    def demand(self, day: int) -> Ints:
        """True units wanted of each product on a day of the history, in stock or not."""
        goods = self.goods
        selling = (goods.launch_day <= day) & (day < goods.archived_day)
        wanted = daily_units(self.seed, self.patterns, goods.series, goods.phase_weeks, goods.chance, day, self.days)
        return np.asarray((wanted * selling)[: self.products])

    def pairs_of(self, k: int, *kinds: Kind) -> Ints:
        """Positions of a product's pairs in places of these kinds."""
        first, end = int(self.pairs.first[k]), int(self.pairs.first[k + 1])
        which = np.arange(first, end, dtype=np.int64)
        inside = np.isin(self.place_kind[first:end], [int(kind) for kind in kinds])
        return np.asarray(which[inside])

    def pairs_in(self, place: int) -> Ints:
        """Positions of the pairs of real products in a place."""
        inside = (self.pairs.place == place) & (self.pairs.product < self.products)
        return np.flatnonzero(inside).astype(np.int64)

    @functools.cached_property
    def ozon_products(self) -> Ints:
        """Products sold on Ozon, in the order of their product_id."""
        chosen = np.flatnonzero(self.goods.on_ozon[: self.products])
        return chosen[np.argsort(self.goods.product_id[chosen])].astype(np.int64)

    @functools.cached_property
    def wb_cards(self) -> Ints:
        """First product of each Wildberries card."""
        chosen = np.flatnonzero(self.goods.on_wb[: self.products])
        return np.asarray(chosen[~self.goods.sized[chosen] | (chosen % FAMILY == 0)].astype(np.int64))

    def card_products(self, first: int) -> list[int]:
        """The products that are the sizes of the card that starts with product `first`."""
        if not self.goods.sized[first]:
            return [first]
        return list(range(first, min(first + FAMILY, self.products)))


def _make_books(
    start_us: int, initial: Ints, postings: Postings, lines: Lines, supplied: Supplied, lost: Lost
) -> Books:
    created = postings.created_us[lines.posting]
    pair, quantity = lines.pair.astype(np.int64), lines.quantity.astype(np.int64)
    none = np.zeros_like(initial)

    def when(stage: NDArray[np.uint32]) -> Ints:
        return np.asarray(created + stage[lines.posting].astype(np.int64) * SECOND_US)

    outcome = postings.outcome[lines.posting]
    unshipped = outcome == Outcome.CANCELLED
    leaves = np.where(unshipped, when(postings.final_s), when(postings.shipped_s))
    back = postings.back_to_stock[lines.posting]
    restocked = when(postings.restocked_s)
    comes_back = np.isin(outcome, (Outcome.CANCELLED_AFTER_SHIP, Outcome.RETURNED))

    def between(which: Ints, start: Ints, end: Ints, units: Ints) -> Levels:
        stay = end > start
        which, start, end, units = which[stay], start[stay], end[stay], units[stay]
        twice = np.concatenate
        return Levels(len(initial), start_us, none, twice([which, which]), twice([start, end]), twice([units, -units]))

    shipped = ~unshipped
    return Books(
        postings=postings, lines=lines, supplied=supplied, lost=lost,
        available=Levels(
            len(initial), start_us, initial,
            np.concatenate([pair, pair[back], supplied.pair]),
            np.concatenate([created, restocked[back], supplied.available_us]),
            np.concatenate([-quantity, quantity[back], supplied.quantity]),
        ),
        reserved=between(pair, created, leaves, quantity),
        to_client=between(pair[shipped], leaves[shipped], when(postings.final_s)[shipped], quantity[shipped]),
        from_client=between(
            pair[comes_back], when(postings.returned_s)[comes_back], restocked[comes_back], quantity[comes_back]
        ),
        requested=between(supplied.pair, supplied.requested_us, supplied.dispatched_us, supplied.quantity),
        transit=between(supplied.pair, supplied.dispatched_us, supplied.arrived_us, supplied.quantity),
        preparing=between(supplied.pair, supplied.arrived_us, supplied.available_us, supplied.quantity),
        ordered=Levels(len(initial), start_us, none, pair, created, quantity),
    )  # fmt: skip
