"""What each product is, as numbers: marketplaces, places, identifiers, demand size, stock policy, life span.

All columns come from the product's own number, so product k is the same in a shop of ten and of a hundred thousand.
Products stand in families of four neighbours; in some families the neighbours are the sizes of one Wildberries card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.draws import Floats, normal, uniform, words
from micore.simulator.shop import places
from micore.simulator.shop.demand import Patterns

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FAMILY = 4
BASKET = 32
"""Neighbours that buyers put into one order; the shop is completed to whole baskets: none depends on its size."""
CATEGORIES = 20
SIZED_CATEGORIES = (4, 5, 16)
NEVER = 1 << 30


@dataclass(frozen=True)
class Goods:
    """Columns with one entry per product; days are counted from the first day of the history.

    `archived_day` is NEVER for products that stay. `cover_days`, `floor_units` and
    `reorder_at` (share of the target) are the seller's stock policy.
    """

    count: int
    category: Ints
    sized: Flags
    discounted: Flags
    on_ozon: Flags
    on_wb: Flags
    series: Ints
    phase_weeks: Ints
    chance: Floats
    launch_day: Ints
    created_days_before_launch: Ints
    archived_day: Ints
    stop_supply_day: Ints
    floor_units: Floats
    cover_days: Floats
    reorder_at: Floats
    pack: Ints
    product_id: Ints
    sku: Ints
    nm_id: Ints
    imt_id: Ints
    chrt_id: Ints


@dataclass(frozen=True)
class Pairs:
    """Columns with one entry per (product, place) where the product is sold from; sorted by product, then place.

    `first` (products + 1 entries) finds a product's pairs; `cumulative` are its demand shares summed up, last one 1.
    """

    product: Ints
    place: Ints
    share: Floats
    cumulative: Floats
    first: Ints


def identifiers(numbers: Ints, start: int, prime: int, factor: int) -> Ints:
    """Unique numbers that look arbitrary: multiplication modulo a prime permutes."""
    return start + (numbers * factor + factor // 3) % prime


def make_goods(seed: int, products: int, days: int, patterns: Patterns) -> Goods:
    """Draw the columns of all products, the last basket completed."""
    count = -(-products // BASKET) * BASKET
    k = np.arange(count, dtype=np.int64)
    family = k // FAMILY
    category = (uniform(seed, "category", family) * CATEGORIES).astype(np.int64)
    sized = np.isin(category, SIZED_CATEGORIES) & (uniform(seed, "sized", family) < 0.75)
    series = np.where(k < patterns.count, k, (uniform(seed, "series", k) * patterns.count).astype(np.int64))
    phase = np.where(k < patterns.count, 0, (uniform(seed, "phase", k) * 52).astype(np.int64))
    draw = uniform(seed, "markets", np.where(sized, family, k + (1 << 40)))
    discounted = ~sized & (uniform(seed, "discounted", k) < 0.012)
    on_ozon, on_wb = (draw < 0.87) | discounted, (draw >= 0.25) & ~discounted
    launched = days - 3 - (uniform(seed, "launch day", k) * min(60, max(1, days // 3))).astype(np.int64)
    late = (uniform(seed, "launched lately", family) < 0.04) & ~discounted
    launch = np.where(late, np.maximum(launched, 0), patterns.first_day(series, phase, days))
    mean = np.clip(patterns.orders_mean[series] * np.exp(-0.25 + 0.45 * normal(seed, "size", k)), 0.02, 7.0)
    chance = np.minimum(mean / patterns.units_mean[series], 0.95) * np.where(discounted, 0.15, 1.0)
    unit = np.where(sized, family * FAMILY, k)  # the sizes of one card leave together
    leaves = uniform(seed, "leaves", unit) < 0.05
    lives = 120 + (uniform(seed, "leave day", unit) * days).astype(np.int64)
    archived = np.where(leaves, launch[unit].clip(0) + lives, NEVER)
    # Goods that the seller buys no more, though their cards stay: they run out for good.
    drop_day = (days * (0.2 + 0.75 * uniform(seed, "drop day", k))).astype(np.int64)
    dropped = np.where(uniform(seed, "dropped", k) < 0.07, drop_day, NEVER)
    return Goods(
        count=count, category=category, sized=sized, discounted=discounted, on_ozon=on_ozon, on_wb=on_wb,
        series=series, phase_weeks=phase, chance=chance, launch_day=launch,
        created_days_before_launch=10 + (uniform(seed, "created", k) ** 2 * 500).astype(np.int64),
        archived_day=archived,
        stop_supply_day=np.minimum(archived - 70, dropped),
        floor_units=_floor_units(seed, k) * np.where(discounted, 0.08, 1.0),
        cover_days=28.0 + 50.0 * uniform(seed, "cover", k),
        reorder_at=np.where(uniform(seed, "neglected", k) < 0.19, 0.03, 0.5),
        pack=np.array([1, 2, 5, 6, 10, 12])[(uniform(seed, "pack", k) * 6).astype(np.int64)],
        product_id=identifiers(k, 200_000_000, 899_999_963, 389_472_911),
        sku=identifiers(k, 1_100_000_000, 899_999_963, 611_953_843),
        nm_id=identifiers(unit, 100_000_000, 499_999_993, 271_828_183),
        imt_id=identifiers(family, 70_000_000, 399_999_959, 141_421_357),
        chrt_id=identifiers(k, 300_000_000, 599_999_971, 314_159_269),
    )  # fmt: skip


def _floor_units(seed: int, k: Ints) -> Floats:
    """Units the seller likes to have in one marketplace whatever the sales: a few dozen, of some far too many."""
    usual = np.exp(3.95 + 0.40 * normal(seed, "floor", k))
    heap = np.exp(5.30 + 0.35 * normal(seed, "heap", k))
    lean = np.exp(3.00 + 0.40 * normal(seed, "lean", k))
    habit = uniform(seed, "hoards", k)
    return np.asarray(np.select([habit < 0.19, habit < 0.29], [heap, lean], usual), dtype=np.float64)


def make_pairs(seed: int, goods: Goods) -> Pairs:
    """Choose the places of every product and how its demand is shared between them."""
    count = goods.count
    weights = np.zeros((count, len(places.PLACES)))
    k = np.arange(count, dtype=np.int64)
    scheme = uniform(seed, "scheme", k)
    ozon_scale = np.where(goods.on_ozon, np.where(goods.on_wb, 0.45 + 0.3 * uniform(seed, "market share", k), 1.0), 0.0)
    wb_scale = np.where(goods.on_wb, 1.0 - ozon_scale, 0.0)
    held = np.where(scheme < 0.55, 1.0, np.where(scheme < 0.85, 0.75, 0.0))
    _spread(seed, weights, places.OZON_FBO, ozon_scale * held, 1 + (uniform(seed, "fbo places", k) ** 2 * 5))
    _spread(seed, weights, places.OZON_SELLER, ozon_scale * (1 - held), 1 + uniform(seed, "fbs places", k) * 2)
    wb_held = np.where(uniform(seed, "wb scheme", k) < 0.7, 1.0, 0.4 * (uniform(seed, "wb mixed", k) < 0.6))
    _spread(seed, weights, places.WB_POOL, wb_scale * wb_held, np.ones(count))
    _spread(seed, weights, places.WB_SELLER, wb_scale * (1 - wb_held), 1 + uniform(seed, "wb places", k) * 2)
    product, place = np.nonzero(weights > 0)
    share = weights[product, place]
    total = np.bincount(product, weights=share, minlength=count)
    share = share / total[product]
    first = np.searchsorted(product, np.arange(count + 1)).astype(np.int64)
    running = np.cumsum(share)
    before = np.concatenate([[0.0], running])[first[product]]
    return Pairs(product.astype(np.int64), place.astype(np.int64), share, running - before, first)


def _spread(seed: int, weights: Floats, where: list[int], scale: Floats, number: Floats) -> None:
    """Give each product its `number` (1 up to all) of the places `where`, with weights that sum to `scale`."""
    k = np.arange(len(weights), dtype=np.int64)[:, None]
    column = np.array(where)[None, :]
    base = np.array([places.PLACES[p].weight for p in where])[None, :]
    key = -np.log(np.maximum(uniform(seed, "place key", k, column), 1e-12)) / base
    rank = np.argsort(np.argsort(key, axis=1), axis=1)
    chosen = rank < number.astype(np.int64)[:, None]
    share = np.where(chosen, base * (0.5 + uniform(seed, "place share", k, column)), 0.0)
    weights[:, where] = share / share.sum(axis=1, keepdims=True) * scale[:, None]


def posting_seed(seed: int) -> int:
    """A seed of its own for order numbers, so that they tell nothing about the draws behind the shop."""
    return int(words(seed, "posting numbers")[0] >> np.uint64(1))
