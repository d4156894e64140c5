"""What the buyers of one day want, and the fate of each posting: all drawn from the posting's own number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import SECOND_US
from micore.simulator.draws import Draws, Floats, choose
from micore.simulator.shop.demand import Patterns, daily_units
from micore.simulator.shop.goods import BASKET, Goods, Pairs
from micore.simulator.shop.places import CLUSTERS, PLACES, Kind

Ints = NDArray[np.int64]

HOUR, DAY = 3600.0, 86_400.0
LONGEST_DAYS = 88
"""Nothing that a posting brings back to stock comes later than this after the order."""

_HOURS = np.array(
    [9, 5, 3, 2, 2, 3, 6, 11, 19, 27, 34, 38, 40, 41, 40, 39, 38, 39, 42, 47, 52, 50, 38, 20], dtype=float
)
_HOUR_SHARES = np.cumsum(_HOURS) / _HOURS.sum()
_ONE_UNIT_EACH = np.array([place.kind in (Kind.WB_OWN, Kind.WB_SELLER) for place in PLACES])
_SELLER_HELD = np.array([place.kind in (Kind.OZON_FBS, Kind.OZON_RFBS, Kind.WB_SELLER) for place in PLACES])
_PLACE_CLUSTER = np.array([place.cluster for place in PLACES])
_CLUSTER_SHARES = np.cumsum([0.36, 0.16, 0.11, 0.11, 0.08, 0.07, 0.08, 0.03])


class Outcome(IntEnum):
    """How a posting ends."""

    DELIVERED = 0
    CANCELLED = 1
    CANCELLED_AFTER_SHIP = 2
    RETURNED = 3


@dataclass(frozen=True)
class Wanted:
    """The units wanted on one day, grouped into postings (a stretch of units each) and lines (a product each).

    Per unit: product, pair, posting. Per posting: first unit's key (product, number), created.
    """

    pair: Ints
    product: Ints
    posting: Ints
    key_product: Ints
    key_number: Ints
    created_us: Ints


@dataclass(frozen=True)
class Fates:
    """Columns with one entry per posting; stages are whole seconds after creation, 0 where a stage does not come."""

    packed_s: Ints
    shipped_s: Ints
    final_s: Ints
    returned_s: Ints
    restocked_s: Ints
    outcome: Ints
    back_to_stock: NDArray[np.bool_]
    visible_s: Ints
    buyer_cluster: Ints
    number: NDArray[np.uint64]


def wanted_units(
    seed: int, patterns: Patterns, goods: Goods, pairs: Pairs, pair_keys: Floats, day: int, days: int, start_us: int
) -> Wanted:
    """Everything buyers want on a day of the history, whether in stock or not."""
    selling = (goods.launch_day <= day) & (day < goods.archived_day)
    units = daily_units(seed, patterns, goods.series, goods.phase_weeks, goods.chance, day, days) * selling
    product = np.repeat(np.arange(goods.count, dtype=np.int64), units)
    number = np.arange(len(product)) - np.repeat(np.cumsum(units) - units, units)
    date_key = day - days
    draws = Draws(seed, product, date_key, number)
    slot = np.searchsorted(pair_keys, product + draws.uniform("place"), side="right")
    pair = np.minimum(slot, pairs.first[product + 1] - 1).astype(np.int64)
    order = np.argsort(pairs.place[pair], kind="stable")
    pair, product, number = pair[order], product[order], number[order]
    alone_draw = draws.uniform("posting of its own")[order]
    place = pairs.place[pair]
    basket = product // BASKET
    starts = np.ones(len(product), dtype=bool)
    starts[1:] = (place[1:] != place[:-1]) | (basket[1:] != basket[:-1])
    rank = np.arange(len(product)) - np.maximum.accumulate(np.where(starts, np.arange(len(product)), 0))
    starts |= _ONE_UNIT_EACH[place] | (rank % 3 == 0) | (alone_draw < 0.45)
    head = np.flatnonzero(starts)
    key_product, key_number = product[head], number[head]
    return Wanted(
        pair=pair,
        product=product,
        posting=np.cumsum(starts) - 1,
        key_product=key_product,
        key_number=key_number,
        created_us=start_us + _time_of_day(Draws(seed, key_product, date_key, key_number)),
    )


def _time_of_day(draws: Draws) -> Ints:
    hour = choose(_HOUR_SHARES, draws.uniform("hour"))
    return np.asarray(((hour + draws.uniform("within the hour")) * HOUR * SECOND_US).astype(np.int64))


def fates(seed: int, wanted: Wanted, which: Ints, place: Ints, date_key: int) -> Fates:
    """Draw what happens to the postings `which` that leave from `place`."""
    draws = Draws(seed, wanted.key_product[which], date_key, wanted.key_number[which])
    draw = draws.uniform
    seller = _SELLER_HELD[place]
    packed = np.where(seller, 0.7 * HOUR + 19 * HOUR * draw("packed"), 300 + 2 * HOUR * draw("packed"))
    shipped = packed + np.where(
        seller, 3 * HOUR + 40 * HOUR * draw("shipped"), 1.5 * HOUR + 26 * HOUR * draw("shipped")
    )
    home = _PLACE_CLUSTER[place]
    buyer = np.where(draw("near") < 0.68, home, choose(_CLUSTER_SHARES, draw("buyer")))
    travel = np.exp(0.55 + 0.4 * draws.normal("travel")) + np.where(buyer == home, 0.0, 2.2)
    fate = draw("fate")
    early = np.where(seller, 0.05, 0.035)
    outcome = np.select(
        [fate < early, fate < early + 0.035, fate < early + 0.07],
        [Outcome.CANCELLED, Outcome.CANCELLED_AFTER_SHIP, Outcome.RETURNED],
        Outcome.DELIVERED,
    )
    slow = np.where(draw("slow") < 0.012, 12 + 28 * draw("how slow"), 0.0)
    arrived = shipped + (travel.clip(0.3, 14.0) + slow) * DAY
    refused = arrived + 8 * DAY * draw("waited")
    final = np.select(
        [outcome == Outcome.CANCELLED, outcome == Outcome.CANCELLED_AFTER_SHIP],
        [600 + (shipped - 900) * draw("cancelled"), refused],
        arrived + 3 * DAY * draw("picked up") ** 2,
    )
    returned = np.select(
        [outcome == Outcome.CANCELLED_AFTER_SHIP, outcome == Outcome.RETURNED],
        [final, final + (0.3 + 13 * draw("returned")) * DAY],
        0.0,
    )
    journey = np.minimum(returned + (3 + 16 * draw("way back") ** 1.5) * DAY, LONGEST_DAYS * DAY)
    restocked = np.where(outcome == Outcome.CANCELLED, final, np.where(returned > 0, journey, 0.0))
    late = np.where(draw("seen late") < 0.025, 120 + 6 * HOUR * draw("how late") ** 2, 3 + 40 * draw("how late"))
    return Fates(
        packed_s=packed.astype(np.int64),
        shipped_s=shipped.astype(np.int64),
        final_s=final.astype(np.int64),
        returned_s=returned.astype(np.int64),
        restocked_s=restocked.astype(np.int64),
        outcome=outcome.astype(np.int64),
        back_to_stock=(outcome == Outcome.CANCELLED) | ((returned > 0) & (draw("sellable") < 0.92)),
        visible_s=late.astype(np.int64),
        buyer_cluster=np.minimum(buyer, len(CLUSTERS) - 1).astype(np.int64),
        number=draws.words("posting number"),
    )
