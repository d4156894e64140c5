"""What a unit costs its buyer and brings its seller: the same figures in every section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.shop.shop import Shop
from micore.simulator.wildberries.units import Units

Ints = NDArray[np.int64]

COMMISSION_PERMILLE = 195
ACQUIRING_PERMILLE = 15


@dataclass(frozen=True)
class Deals:
    """Columns with one entry per unit, in kopecks; `price` is after the seller's discount, `paid` after all.

    `passed_on` is what the seller gets for it.
    """

    full: Ints
    discount_percent: Ints
    price: Ints
    spp_percent: Ints
    paid: Ints
    passed_on: Ints


def deals(shop: Shop, units: Units, which: Ints) -> Deals:
    """The deals of units, at the prices of their orders' creation."""
    now, old = shop.cards.price_columns(units.k[which], units.created_us[which])
    percent = np.rint((1 - now / old) * 100).astype(np.int64)
    price = old * (100 - percent)
    spp = (units.number[which] >> np.uint64(17)).astype(np.int64) & 31
    kept = 1000 - COMMISSION_PERMILLE - ACQUIRING_PERMILLE
    return Deals(old * 100, percent, price, spp, price * (100 - spp) // 10_000 * 100, (price * kept + 500) // 1000)
