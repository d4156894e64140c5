"""Daily demand of five million order lines beside a numpy bincount of their arrays; and how they are read."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.homes import HOMES, Home
from benchmarks.made_up import ORDERS_PER_PRODUCT, MadeUpShop, fill_catalogue
from benchmarks.measure import Figure, median_ratio, peak_resident_bytes, resident_bytes, taking_turns
from micore.domain.demand import STATES, DailyDemand, OrderLines
from micore.storage import demand

ROUNDS = 7
SKUS, DAYS, FIRST_DAY = 20_000, 730, 20_000
FULL_GOAL, DAY_GOAL = 6.0, 1 / 25


def run(*, quick: bool) -> Iterator[Figure]:
    """The kernel, then the reader on both databases."""
    yield from _kernel(_lines(500_000 if quick else 5_000_000))
    for at_home in HOMES:
        with at_home() as home:
            yield _reader(home, MadeUpShop(10_000 if quick else 200_000))


def _lines(number: int) -> OrderLines:
    """Some skus sell often and most seldom, all year long."""
    chance = np.random.default_rng(7)
    weight = 1 / np.arange(1, SKUS + 1) ** 0.7
    return OrderLines(
        sku=chance.choice(SKUS, size=number, p=weight / weight.sum()) + 1,
        day=chance.integers(FIRST_DAY, FIRST_DAY + DAYS, number),
        quantity=chance.integers(1, 4, number) * 1000,
        state=chance.integers(0, len(STATES), number),
    )


def _kernel(lines: OrderLines) -> Iterator[Figure]:
    skus = np.arange(1, SKUS + 1)
    kept = DailyDemand(skus, FIRST_DAY, FIRST_DAY + DAYS)
    kept.add(lines)
    last = lines.day == FIRST_DAY + DAYS - 1
    day = OrderLines(lines.sku[last], lines.day[last] + 1, lines.quantity[last], lines.state[last])

    def control() -> None:
        np.bincount((lines.day - FIRST_DAY) * SKUS + (lines.sku - 1), weights=lines.quantity, minlength=SKUS * DAYS)

    def full() -> None:
        DailyDemand(skus, FIRST_DAY, FIRST_DAY + DAYS).add(lines)

    def one_day() -> None:
        kept.replace(FIRST_DAY + DAYS, FIRST_DAY + DAYS + 1, day)

    costs = taking_turns({"control": control, "full": full, "day": one_day}, rounds=ROUNDS)
    millis = {name: median(each) * 1000 for name, each in costs.items()}
    yield Figure(
        "demand",
        f"daily demand of {len(lines.sku):,} order lines",
        median_ratio(costs["full"], costs["control"]),
        "x",
        FULL_GOAL,
        f"{millis['full']:.0f} ms, cancelled lines left out, zeros kept, integers throughout, beside "
        f"numpy.bincount of the same arrays ({millis['control']:.0f} ms); "
        f"{SKUS:,} skus, {DAYS} days; median of {ROUNDS}",
    )
    yield Figure(
        "demand",
        "daily demand of one new day by that of all days",
        median_ratio(costs["day"], costs["full"]),
        "x",
        DAY_GOAL,
        f"{millis['day']:.2f} ms for the {len(day.sku):,} lines of a day; median of {ROUNDS}",
    )


def _reader(home: Home, shop: MadeUpShop) -> Figure:
    """Reading counts by itself: it is the database's work, and no bincount does it."""
    with home.database() as database:
        fill_catalogue(database, shop)
        with database.read() as connection:
            skus = demand.sku_ids(connection)
            span = demand.days_with_orders(connection)
        assert span is not None
        whole = DailyDemand(skus, *span)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
        before = resident_bytes(os.getpid())

        def read(first_day: int, past_day: int) -> int:
            return sum(len(lines.sku) for lines in demand.order_lines(database, first_day, past_day))

        cost = home.clock.of(lambda: read(*span))
        more = peak_resident_bytes(os.getpid()) - before
        day = home.clock.of(lambda: read(span[1] - 1, span[1]))
        for lines in demand.order_lines(database, *span):
            whole.add(lines)
        rows = shop.products * ORDERS_PER_PRODUCT
        if int(whole.quantities.sum()) != sum(
            (number + turn) % 4 * 1000 + 1000
            for number in range(1, shop.products + 1)
            for turn in range(ORDERS_PER_PRODUCT)
        ):
            raise RuntimeError("The demand that was read is not the one that was written.")
    return Figure(
        "demand",
        f"{home.kind}: {rows:,} order lines read into arrays",
        cost / rows * 1e6,
        "us",
        None,
        f"of CPU a line, {more / 2**20:.0f} MB of memory more; the lines of one day {day * 1000:.0f} ms; one reading",
    )
