"""The shop at one instant as Wildberries sees it: cards with sizes, the pooled warehouse, the seller's warehouses."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from micore.simulator.shop.cards import Card
from micore.simulator.shop.consignments import Consignments
from micore.simulator.shop.places import Kind
from micore.simulator.shop.shop import Books, Shop
from micore.simulator.wildberries.units import Ledgers, Units

Ints = NDArray[np.int64]


class View:
    """One instant of the shop."""

    def __init__(self, shop: Shop, now_us: int, ledgers: Ledgers) -> None:
        self.shop, self.now_us, self.goods, self.ledgers = shop, now_us, shop.goods, ledgers

    def at(self, instant_us: int) -> View:
        """The same shop at another instant."""
        return View(self.shop, instant_us, self.ledgers)

    @functools.cached_property
    def books(self) -> Books:
        """Everything that happened, up to this instant and more."""
        return self.shop.books(self.now_us)

    @functools.cached_property
    def units(self) -> Units:
        """Every unit ordered, up to this instant and more."""
        return self.ledgers.units(self.books)

    @functools.cached_property
    def consignments(self) -> Consignments:
        """Every supply to Wildberries' own warehouses, up to this instant and more."""
        return self.ledgers.consignments(self.books)

    def cards(self, *, trashed: bool) -> list[int]:
        """First products of the cards that exist (or lie in the basket) by now, in the order of nmID."""
        first = self.shop.wb_cards
        first = first[self.shop.created_us[first] <= self.now_us]
        first = first[(self.shop.archived_us(first) <= self.now_us) == trashed]
        return [int(k) for k in first[np.argsort(self.goods.nm_id[first])]]

    def card(self, first: int) -> Card:
        """The card that starts with a product."""
        return self.shop.cards.card(first)

    def edited_us(self, firsts: Ints) -> Ints:
        """When cards were last changed."""
        return self.shop.cards.all_edited_us(firsts, self.now_us, self.shop.created_us[firsts])

    def sizes(self, first: int) -> list[int]:
        """Products that are the sizes of a card."""
        return self.shop.card_products(first)

    def pairs(self, *kinds: Kind) -> Ints:
        """Pairs of existing, not thrown away products in places of these kinds, in the order of nmID and chrtID."""
        pairs = self.shop.pairs
        chosen = np.isin(self.shop.place_kind, [int(kind) for kind in kinds]) & (pairs.product < self.shop.products)
        chosen &= self.shop.created_us[pairs.product] <= self.now_us
        chosen &= self.shop.archived_us(pairs.product) > self.now_us
        found = np.flatnonzero(chosen)
        product = pairs.product[found]
        return found[np.lexsort((pairs.place[found], self.goods.chrt_id[product], self.goods.nm_id[product]))]
