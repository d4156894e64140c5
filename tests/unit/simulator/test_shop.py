"""The shop behind the marketplaces: the same every time, keeps its books, and looks like a retail shop."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.simulator import Shop
from micore.simulator.clock import DAY_US, SECOND_US
from micore.simulator.draws import Draws, Point, binomial, uniform
from micore.simulator.shop.goods import BASKET
from micore.simulator.shop.levels import Levels
from micore.simulator.shop.life import Lines, Postings
from micore.simulator.shop.orders import Outcome

TODAY = date(2026, 11, 22)
END_OF_HISTORY = 240 * DAY_US


def same(one: object, other: object) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))  # type: ignore[arg-type]


def test_the_same_arguments_make_the_same_shop() -> None:
    one, other = Shop(3, 40, 60, TODAY), Shop(3, 40, 60, TODAY)
    assert same(one.books(0).postings, other.books(0).postings)
    assert same(one.books(0).lines, other.books(0).lines)
    assert same(one.books(0).supplied, other.books(0).supplied)


def test_another_seed_makes_another_shop() -> None:
    assert not same(Shop(3, 40, 60, TODAY).books(0).postings, Shop(4, 40, 60, TODAY).books(0).postings)


def sold_by(shop: Shop, products: int) -> list[tuple[int, ...]]:
    """Each line of the first products with its posting's whole fate."""
    books = shop.books(0)
    product = shop.pairs.product[books.lines.pair]
    rows = []
    for line in np.flatnonzero(product < products).tolist():
        posting = books.lines.posting[line]
        stages = [int(getattr(books.postings, f.name)[posting]) for f in fields(Postings) if f.name != "line_first"]
        rows.append((int(product[line]), int(shop.pairs.place[books.lines.pair[line]]), *stages))
    return sorted(rows)


def test_a_product_lives_the_same_life_in_a_larger_shop() -> None:
    small, large = Shop(3, 20, 60, TODAY), Shop(3, 20 + 2 * BASKET, 60, TODAY)
    assert sold_by(small, 20) == sold_by(large, 20)
    assert [small.cards.card(k) for k in range(20)] == [large.cards.card(k) for k in range(20)]
    everyone = np.arange(int(small.pairs.first[20]))
    later = small.start_us + 50 * DAY_US
    assert np.array_equal(small.books(0).available.at(everyone, later), large.books(0).available.at(everyone, later))


def test_living_on_step_by_step_is_living_on_at_once() -> None:
    at_once, by_steps = Shop(3, 40, 60, TODAY), Shop(3, 40, 60, TODAY)
    for day in (70, 95, 130):
        by_steps.books(by_steps.start_us + day * DAY_US)
    far = at_once.start_us + 130 * DAY_US
    assert same(at_once.books(far).postings, by_steps.books(far).postings)
    assert same(at_once.books(far).lines, by_steps.books(far).lines)


def test_the_past_does_not_change_when_the_shop_lives_on(shop: Shop) -> None:
    shop = Shop(3, 40, 60, TODAY)
    everyone, then = np.arange(len(shop.pairs.product)), shop.start_us + 55 * DAY_US
    before = shop.books(then).available.at(everyone, then)
    shop.books(shop.start_us + 200 * DAY_US)
    assert np.array_equal(before, shop.books(then).available.at(everyone, then))


def test_stock_is_what_came_less_what_went(shop: Shop) -> None:
    """Recomputed line by line from the postings' fates and the supplies, at many instants."""
    books = shop.books(shop.start_us)
    postings, lines, supplied = books.postings, books.lines, books.supplied
    everyone = np.arange(len(shop.pairs.product))
    created = postings.created_us[lines.posting]
    final = created + postings.final_s[lines.posting].astype(np.int64) * SECOND_US
    shipped = created + postings.shipped_s[lines.posting].astype(np.int64) * SECOND_US
    restocked = created + postings.restocked_s[lines.posting].astype(np.int64) * SECOND_US
    cancelled = postings.outcome[lines.posting] == Outcome.CANCELLED
    back = postings.back_to_stock[lines.posting]
    quantity = lines.quantity.astype(np.int64)

    def summed(chosen: np.ndarray, units: np.ndarray = quantity, pair: np.ndarray = lines.pair) -> np.ndarray:
        return np.bincount(pair[chosen], weights=units[chosen], minlength=len(everyone)).astype(np.int64)

    for day in (0.0, 1.4, 33.7, 120.2, 239.9):
        now = shop.start_us + int(day * DAY_US)
        came = summed(supplied.available_us <= now, supplied.quantity, supplied.pair)
        expected = shop.initial() + came - summed(created <= now) + summed(back & (restocked <= now))
        real = shop.pairs.product < shop.products
        assert np.array_equal(books.available.at(everyone, now)[real], expected[real])
        leaves = np.where(cancelled, final, shipped)
        assert np.array_equal(books.reserved.at(everyone, now), summed((created <= now) & (now < leaves)))
        sent = ~cancelled & (shipped <= now) & (now < final)
        assert np.array_equal(books.to_client.at(everyone, now), summed(sent))


def test_no_level_is_ever_negative(shop: Shop) -> None:
    books = shop.books(shop.start_us)
    everyone = np.flatnonzero(shop.pairs.product < shop.products)
    instants = np.concatenate([
        books.postings.created_us, books.supplied.requested_us, books.supplied.dispatched_us,
        books.supplied.arrived_us, books.supplied.available_us,
    ])[::97]  # fmt: skip
    for name in ("available", "reserved", "to_client", "from_client", "requested", "transit", "preparing"):
        levels: Levels = getattr(books, name)
        assert all(levels.at(everyone, int(now)).min() >= 0 for now in instants[:200]), name


def test_levels_count_every_change_at_its_instant() -> None:
    levels = Levels(
        3, 1_000_000, np.array([5, 0, 7]), np.array([0, 2, 0]), np.array([3_000_000, 2_000_000, 9_000_000]),
        np.array([-2, 1, 4]),
    )  # fmt: skip
    everyone = np.arange(3)
    assert levels.at(everyone, 1_000_000).tolist() == [5, 0, 7]
    assert levels.at(everyone, 2_999_000).tolist() == [5, 0, 8]
    assert levels.at(everyone, 3_000_000).tolist() == [3, 0, 8]
    assert levels.at(everyone, 9_000_000).tolist() == [7, 0, 8]
    assert levels.last_change_us(everyone, 5_000_000).tolist() == [3_000_000, 1_000_000, 2_000_000]


def test_a_day_looks_like_a_retail_shops(shop: Shop) -> None:
    days = range(shop.days)
    demand = np.stack([shop.demand(day) for day in days])
    assert demand.dtype == np.int64
    assert demand.min() >= 0
    daily = demand.mean(axis=0)
    assert 0.05 < np.median(daily) < 0.6
    assert (daily < 1).mean() > 0.75
    assert 1.5 < daily.max() < 8
    saturday = np.array([(TODAY.toordinal() - shop.days + 1 + day) % 7 == 6 for day in days])
    assert demand[saturday].mean() < 0.1 * demand[~saturday].mean(), "the data's shop is closed on Saturdays"


def test_demand_is_sold_or_lost(shop: Shop) -> None:
    books = shop.books(shop.start_us)
    inside = books.postings.created_us[books.lines.posting] < shop.start_us + END_OF_HISTORY
    product = shop.pairs.product[books.lines.pair[inside]]
    sold = np.bincount(product, weights=books.lines.quantity[inside], minlength=shop.goods.count)[: shop.products]
    seen = books.lost.day < shop.days
    lost = np.bincount(
        shop.pairs.product[books.lost.pair[seen]], weights=books.lost.units[seen], minlength=shop.products
    )
    wanted = sum(shop.demand(day) for day in range(shop.days))
    assert np.array_equal(sold + lost[: shop.products], wanted)
    assert 0.005 < lost.sum() / np.sum(wanted) < 0.12


def test_stock_outs_and_overstock_are_there(shop: Shop) -> None:
    products = shop.ozon_products
    now = shop.start_us + END_OF_HISTORY - 1
    products = products[shop.archived_us(products) > now]
    inside = np.isin(shop.place_kind, (0, 1, 2))
    everyone = np.flatnonzero(inside)
    total = np.bincount(
        shop.pairs.product[everyone], weights=shop.books(now).available.at(everyone, now), minlength=shop.goods.count
    )[products]
    critical, low, over = (total <= 5).mean(), ((total > 5) & (total <= 20)).mean(), (total > 100).mean()
    assert 0.01 < critical < 0.10
    assert 0.04 < low < 0.22
    assert 0.10 < over < 0.28


def test_postings_end_as_real_ones_do(shop: Shop) -> None:
    outcome = shop.books(shop.start_us).postings.outcome
    shares = np.bincount(outcome, minlength=4) / len(outcome)
    assert 0.06 < shares[Outcome.CANCELLED] + shares[Outcome.CANCELLED_AFTER_SHIP] < 0.10
    assert 0.02 < shares[Outcome.RETURNED] < 0.06


def test_postings_come_in_the_order_of_creation(shop: Shop) -> None:
    books = shop.books(shop.start_us)
    assert (np.diff(books.postings.created_us // DAY_US) >= 0).all() or (np.diff(books.postings.created_us) >= 0).all()
    lines: Lines = books.lines
    assert (np.diff(lines.posting) >= 0).all()
    assert (np.diff(books.postings.line_first) >= 1).all()


def test_identifiers_and_articles_are_unique(shop: Shop) -> None:
    for column in (shop.goods.product_id, shop.goods.sku, shop.goods.chrt_id):
        assert len(np.unique(column)) == shop.goods.count
    articles = [shop.cards.card(k).offer_id for k in range(shop.products)]
    assert len(set(articles)) == len(articles)


def test_prices_change_now_and_then(shop: Shop) -> None:
    seen = {shop.cards.prices(11, shop.start_us + day * DAY_US).price for day in range(shop.days)}
    assert 2 <= len(seen) <= 12


@pytest.mark.parametrize(("products", "days"), [(0, 10), (10, 0)])
def test_an_impossible_shop_is_refused(products: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 1 product and 1 day"):
        Shop(1, products, days, TODAY)


@given(st.integers(0, 2**31), st.lists(st.integers(0, 2**40), min_size=1, max_size=3))
def test_one_draw_is_the_draw_of_the_column(seed: int, coordinates: list[int]) -> None:
    assert Point(seed, *coordinates).uniform("price") == Draws(seed, *coordinates).uniform("price")[0]


@given(st.integers(0, 300), st.floats(0.001, 0.9))
def test_thinning_keeps_counts_within_their_number(count: int, chance: float) -> None:
    draw = uniform(1, "test", np.arange(500))
    thinned = binomial(np.full(500, count), np.full(500, chance), draw)
    assert thinned.min() >= 0
    assert thinned.max() <= count
    assert abs(thinned.mean() - count * chance) <= 6 * np.sqrt(max(count * chance * (1 - chance), 0.01) / 500) + 0.05
