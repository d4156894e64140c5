"""A product's card: name, articles, barcodes, brand, box, and its dated prices and costs. Made when asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US
from micore.simulator.draws import Point
from micore.simulator.shop.goods import FAMILY, Goods
from micore.simulator.shop.vocabulary import (
    BRANDS,
    CATEGORIES,
    COLOUR_CODES,
    COLOURS,
    RUSSIAN_SIZES,
    SIZES,
    Category,
)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Card:
    """What both marketplaces tell about a product; lengths in millimetres, weight in grams."""

    name: str
    title: str
    brand: str
    colour: str
    category: Category
    offer_id: str
    vendor_code: str
    ozon_barcodes: tuple[str, ...]
    wb_barcodes: tuple[str, ...]
    tech_size: str
    russian_size: str
    depth_mm: int
    width_mm: int
    height_mm: int
    weight_g: int
    vat: str

    @property
    def litres(self) -> float:
        """Volume of the box."""
        return round(self.depth_mm * self.width_mm * self.height_mm / 1_000_000, 2)


@dataclass(frozen=True)
class Prices:
    """Prices in whole roubles at one instant."""

    price: int
    old_price: int
    min_price: int
    cost: int
    since_us: int


@dataclass(frozen=True)
class _PriceHabit:
    """How a product's prices move: how often, around what, and what follows from them."""

    period_us: int
    phase_us: int
    usual: float
    old_factor: float
    cost_factor: float


_MOST_PRICES = 200_000


def ean13(body: int) -> str:
    """Barcode with its check digit from at most twelve digits."""
    digits = f"{body:012d}"
    total = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return digits + str(-total % 10)


class Cards:
    """Makes cards of a shop's products; the same card every time."""

    def __init__(self, seed: int, goods: Goods, price_level: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """`price_level` is each product's price in the demand data, relative to the data's usual price."""
        self._seed = seed
        self._goods = goods
        self._price_level = price_level
        self._kept: dict[int, Card] = {}
        self._habits: dict[int, _PriceHabit] = {}
        self._prices: dict[tuple[int, int], Prices] = {}
        # Drawn when they are asked for first; 0: not yet.
        self._edit_periods_us: Ints = np.zeros(len(goods.nm_id), dtype=np.int64)
        self._edit_phases_us: Ints = np.zeros(len(goods.nm_id), dtype=np.int64)

    def card(self, k: int) -> Card:
        """The card of product k."""
        found = self._kept.get(k)
        if found is None:
            found = self._kept[k] = self._make(k)
        return found

    def _make(self, k: int) -> Card:
        goods = self._goods
        sized = bool(goods.sized[k])
        look = k // FAMILY if sized else k
        draws = Point(self._seed, look + (1 << 40) if sized else look)
        category = CATEGORIES[int(goods.category[k])]

        def pick(purpose: str, options: int) -> int:
            return int(draws.uniform(purpose) * options)

        noun = category.nouns[pick("noun", len(category.nouns))]
        trait = category.traits[pick("trait", len(category.traits))]
        material = category.materials[pick("material", len(category.materials))]
        colour = pick("colour", len(COLOURS))
        scale = 0.6 + 0.9 * draws.uniform("box")
        size = SIZES[k % FAMILY] if sized else "0"
        title = f"{noun} {trait}, {material}"
        if pick("long name", 3) == 0:
            title += f", {COLOURS[colour]}"
        name = f"{title}, размер {size}" if sized else title
        offer = self._offer(k, category, COLOUR_CODES[colour], size)
        if goods.discounted[k]:
            name, offer = f"Уценка: {name}", f"{offer}-DISC"
        ozon_barcodes, wb_barcodes = self._barcodes(k)
        depth, width, height = (round(side * 10 * scale) for side in category.box_cm)
        return Card(
            name=name, title=title, brand=BRANDS[pick("brand", len(BRANDS))], colour=COLOURS[colour],
            category=category, offer_id=offer, vendor_code=self._vendor_code(k, offer, sized, category, look),
            ozon_barcodes=ozon_barcodes, wb_barcodes=wb_barcodes, tech_size=size,
            russian_size=RUSSIAN_SIZES[k % FAMILY] if sized else "", depth_mm=depth, width_mm=width, height_mm=height,
            weight_g=max(20, round(category.weight_g * scale)), vat=("0.22", "0.1", "0")[pick("vat", 10) // 8],
        )  # fmt: skip

    def _offer(self, k: int, category: Category, colour: str, size: str) -> str:
        style = Point(self._seed, k).uniform("article style")
        if style < 0.08:
            return f"{category.nouns[0].split()[0].lower()} {k + 1}/{colour.lower()}"
        tail = f"-{size}" if size != "0" else ""
        return f"{category.code}-{k + 1:05d}-{colour}{tail}" if style < 0.7 else f"{category.code}{k + 1:05d}{tail}"

    def _vendor_code(self, k: int, offer: str, sized: bool, category: Category, look: int) -> str:
        if sized:
            return f"{category.code}-SET-{look:05d}"
        return offer if Point(self._seed, k).uniform("vendor code") < 0.8 else f"wb{look * 7919 + 104729:x}"

    def _barcodes(self, k: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        # GS1 prefixes 460-469 are Russia's; Wildberries makes its own numbers from 204.
        ean = ean13(460_000_000_000 + int(self._goods.sku[k]) * 7 % 9_999_999_967)
        second = ean13(461_000_000_000 + int(self._goods.chrt_id[k]) * 11 % 9_999_999_967)
        wb_own = ean13(204_000_000_000 + int(self._goods.chrt_id[k]))
        draws = Point(self._seed, k)
        habit, extra = draws.uniform("barcodes"), draws.uniform("second barcode")
        ozon = [f"OZN{int(self._goods.sku[k])}"]
        if habit < 0.85:
            ozon.append(ean)
        if extra < 0.1:
            ozon.append(second)
        wb = [ean] if habit < 0.6 else [wb_own]
        if habit < 0.15 or extra > 0.93:
            wb = [wb_own, ean] if habit < 0.6 else [wb_own, second]
        return tuple(ozon), tuple(wb)

    def prices(self, k: int, at_us: int) -> Prices:
        """Prices in force at an instant: each product changes them at its own pace, on Moscow midnights."""
        habit = self._habits.get(k)
        if habit is None:
            habit = self._habits[k] = self._habit(k)
        epoch = (at_us - habit.phase_us) // habit.period_us
        found = self._prices.get((k, epoch))
        if found is None:
            if len(self._prices) >= _MOST_PRICES:
                self._prices.clear()
            found = self._prices[k, epoch] = self._priced(k, habit, epoch)
        return found

    def price_columns(self, k: Ints, at_us: Ints) -> tuple[Ints, Ints]:
        """(price, old price) in force of many products at an instant each; the same as `prices` one by one."""
        which, row = np.unique(k, return_inverse=True)
        habits = [self._habits.get(one) or self._habits.setdefault(one, self._habit(one)) for one in which.tolist()]
        period = np.array([habit.period_us for habit in habits], dtype=np.int64)[row]
        phase = np.array([habit.phase_us for habit in habits], dtype=np.int64)[row]
        epoch = (at_us - phase) // period
        first, back = np.unique(np.stack([k, epoch]), axis=1, return_index=True, return_inverse=True)[1:]
        found = [self.prices(*one) for one in zip(k[first].tolist(), at_us[first].tolist(), strict=True)]
        price = np.array([one.price for one in found], dtype=np.int64)
        old_price = np.array([one.old_price for one in found], dtype=np.int64)
        return price[back], old_price[back]

    def _habit(self, k: int) -> _PriceHabit:
        draws = Point(self._seed, self._card_key(k))
        category = CATEGORIES[int(self._goods.category[k])]
        level = min(max(float(self._price_level[self._card_key(k)]), 0.35), 4.0)
        return _PriceHabit(
            period_us=(35 + int(90 * draws.uniform("price period"))) * DAY_US,
            phase_us=int(draws.uniform("price phase") * 90) * DAY_US - 3 * 3600 * 1_000_000,
            usual=category.price_rub * level * (0.8 + 0.4 * draws.uniform("price")),
            old_factor=1.15 + 0.6 * draws.uniform("old price"),
            cost_factor=0.32 + 0.25 * draws.uniform("cost"),
        )

    def _priced(self, k: int, habit: _PriceHabit, epoch: int) -> Prices:
        dated = Point(self._seed, self._card_key(k), epoch)
        price = _nice(habit.usual * (0.88 + 0.24 * dated.uniform("price now")))
        if self._goods.discounted[k]:
            price = _nice(price * 0.6)
        return Prices(
            price=price,
            old_price=_nice(price * habit.old_factor),
            min_price=_nice(price * 0.85),
            cost=max(5, round(habit.usual * habit.cost_factor * (1 + 0.01 * (epoch % 9)))),
            since_us=epoch * habit.period_us + habit.phase_us,
        )

    def _card_key(self, k: int) -> int:
        """The sizes of a card have its prices and its edits."""
        return k // FAMILY * FAMILY if self._goods.sized[k] else k

    def edited_us(self, k: int, at_us: int, created_us: int) -> int:
        """When the card's content was last edited, up to an instant; to the microsecond, as the real ones."""
        return int(self.all_edited_us(np.array([k]), at_us, np.array([created_us]))[0])

    def all_edited_us(self, products: Ints, at_us: int, created_us: Ints) -> Ints:
        """The same of many products; `created_us` is of each of them."""
        for k in products[self._edit_periods_us[products] == 0].tolist():
            draws = Point(self._seed, self._card_key(k))
            period = (60 + int(240 * draws.uniform("edit period"))) * DAY_US
            # The period last: with it another thread takes both.
            self._edit_phases_us[k] = int(draws.uniform("edit phase") * period)
            self._edit_periods_us[k] = period
        periods, phases = self._edit_periods_us[products], self._edit_phases_us[products]
        edited: Ints = np.maximum(created_us, (at_us - phases) // periods * periods + phases)
        return edited


def _nice(price: float) -> int:
    """A price as shops write them: ending in 0 or 9."""
    rounded = max(39, round(price / 10) * 10)
    return rounded - 1 if rounded % 30 == 0 else rounded
