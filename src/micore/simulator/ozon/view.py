"""The shop at one instant as Ozon sees it; found products by any of their three identifiers, totals per scheme."""

from __future__ import annotations

import functools
import weakref

import numpy as np
from numpy.typing import NDArray

from micore.simulator.shop.places import PLACES, Kind
from micore.simulator.shop.shop import Books, Shop

Ints = NDArray[np.int64]


class Index:
    """Finds products by identifier. Built once per shop."""

    def __init__(self, shop: Shop) -> None:
        products = shop.ozon_products
        self.by_product_id = dict(zip(shop.goods.product_id[products].tolist(), products.tolist(), strict=True))
        self.by_sku = dict(zip(shop.goods.sku[products].tolist(), products.tolist(), strict=True))
        self._shop: weakref.ref[Shop] = weakref.ref(shop)

    @functools.cached_property
    def by_offer(self) -> dict[str, int]:
        """Seller's article to product."""
        shop = self._shop()
        assert shop is not None, "the shop outlives its index"
        return {shop.cards.card(k).offer_id: k for k in shop.ozon_products.tolist()}


class View:
    """One instant of the shop."""

    def __init__(self, shop: Shop, index: Index, now_us: int) -> None:
        self.shop, self.index, self.now_us = shop, index, now_us
        self.goods, self.pairs = shop.goods, shop.pairs

    @functools.cached_property
    def books(self) -> Books:
        """Everything that happened, up to this instant and more."""
        return self.shop.books(self.now_us)

    def exists(self, products: Ints) -> NDArray[np.bool_]:
        """Which products have been created by now."""
        return np.asarray(self.shop.created_us[products] <= self.now_us)

    def archived(self, products: Ints) -> NDArray[np.bool_]:
        """Which products are archived by now."""
        return np.asarray(self.shop.archived_us(products) <= self.now_us)

    def found(self, *, skus: list[int], product_ids: list[int], offers: list[str]) -> Ints:
        """Existing products of the given identifiers, each once, in the order asked for."""
        wanted: dict[int, None] = {}
        for ids, known in ((skus, self.index.by_sku), (product_ids, self.index.by_product_id)):
            wanted.update((known[number], None) for number in ids if number in known)
        if offers:
            wanted.update((self.index.by_offer[offer], None) for offer in offers if offer in self.index.by_offer)
        products = np.array(list(wanted), dtype=np.int64)
        return products[self.exists(products)]

    def pair_rows(self, products: Ints, *kinds: Kind) -> tuple[Ints, Ints]:
        """Pairs of many products in places of these kinds: (position in `products`, pair), in order."""
        first, end = self.pairs.first[products], self.pairs.first[products + 1]
        counts = end - first
        owner = np.repeat(np.arange(len(products)), counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        pair = np.repeat(first, counts) + offset
        inside = np.isin(self.shop.place_kind[pair], [int(kind) for kind in kinds])
        return owner[inside], pair[inside]

    def totals(self, products: Ints, *kinds: Kind) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """(present, reserved, sold this way) of each product over places of these kinds."""
        owner, pair = self.pair_rows(products, *kinds)
        reserved = self.books.reserved.at(pair, self.now_us)
        present = self.books.available.at(pair, self.now_us) + reserved
        size = len(products)
        return (
            np.bincount(owner, weights=present, minlength=size).astype(np.int64),
            np.bincount(owner, weights=reserved, minlength=size).astype(np.int64),
            np.bincount(owner, minlength=size) > 0,
        )

    def visible(self, visibility: str) -> Ints:
        """Products of a `visibility` filter, in the order of their product_id."""
        products = self.shop.ozon_products
        products = products[self.exists(products)]
        archived = self.archived(products)
        if visibility in {"ARCHIVED", "MANUAL_ARCHIVED"}:
            return products[archived]
        products = products[~archived]
        if visibility in _ALL:
            return products
        if visibility in _BY_STOCK:
            owner, pair = self.pair_rows(products, Kind.OZON_FBO, Kind.OZON_FBS, Kind.OZON_RFBS)
            available = self.books.available.at(pair, self.now_us)
            stocked = np.bincount(owner, weights=available, minlength=len(products)) > 0
            return np.asarray(products[stocked == _BY_STOCK[visibility]])
        return products[:0]


_ALL = {"ALL", "MODERATED", "VALIDATION_STATE_SUCCESS", "BARCODE_EXISTS", "READY_TO_SUPPLY"}
_BY_STOCK = {
    "VISIBLE": True, "IN_SALE": True, "VISIBLE_WITH_FBO_STOCK": True,
    "INVISIBLE": False, "EMPTY_STOCK": False, "TO_SUPPLY": False,
}  # fmt: skip
VISIBILITIES = (
    "ALL", "VISIBLE", "INVISIBLE", "EMPTY_STOCK", "NOT_MODERATED", "MODERATED", "DISABLED", "STATE_FAILED",
    "READY_TO_SUPPLY", "VALIDATION_STATE_PENDING", "VALIDATION_STATE_FAIL", "VALIDATION_STATE_SUCCESS", "TO_SUPPLY",
    "IN_SALE", "REMOVED_FROM_SALE", "BANNED", "OVERPRICED", "CRITICALLY_OVERPRICED", "EMPTY_BARCODE",
    "BARCODE_EXISTS", "QUARANTINE", "ARCHIVED", "OVERPRICED_WITH_STOCK", "PARTIAL_APPROVED", "AUTO_ARCHIVED",
    "MANUAL_ARCHIVED", "SEASONAL_AUTO_ARCHIVED", "VISIBLE_WITH_FBO_STOCK",
)  # fmt: skip
SELLER_SCHEMES = (("fbs", Kind.OZON_FBS), ("rfbs", Kind.OZON_RFBS))
CLUSTER_OF_PLACE = [place.cluster for place in PLACES]
