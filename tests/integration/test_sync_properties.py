"""For any shop: a page twice equals once, and a stop after any step equals no stop."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from micore.domain.records import OrderState
from micore.domain.run_views import RunState
from micore.errors import SourceUnreachableError
from tests.support.fake_source import START, FakeMarketplace, card, held, order, sale, small_shop, warehouse
from tests.support.sync_bench import sync_bench

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Hundreds of syncs with real fsyncs would take minutes on a disk; what is proven here needs none."""
SKUS = st.integers(1, 6).map(str)
PLACES = st.sampled_from(["w1", "w2", "s1"])
STATES = st.sampled_from([OrderState.ORDERED, OrderState.DELIVERED, OrderState.CANCELLED])


@st.composite
def shops(draw: st.DrawFn) -> FakeMarketplace:
    """Any small shop, read in pages of any size; rows may come twice."""
    market = FakeMarketplace(page_rows=draw(st.integers(1, 4)))
    market.places = small_shop().places
    market.catalogue = [card(sku, archived=draw(st.booleans())) for sku in draw(st.lists(SKUS, unique=True))]
    rows = draw(
        st.lists(st.tuples(SKUS, PLACES, st.none() | st.integers(0, 300)), max_size=10, unique_by=lambda row: row[:2])
    )
    market.stock = {
        "fbo": [held(*row) for row in rows if row[1] != "s1"],
        "fbs": [held(*row) for row in rows if row[1] == "s1"],
    }
    line = st.tuples(st.integers(1, 5), SKUS, st.integers(1, 4), STATES, st.integers(0, 40))
    lines = draw(st.lists(line, max_size=10, unique_by=lambda each: each[0]))
    lines += draw(st.lists(st.sampled_from(lines), max_size=3)) if lines else []
    market.orders = [
        order(f"P-{number}", sku, units, state=state, at=START - timedelta(days=age), place=draw(st.none() | PLACES))
        for number, sku, units, state, age in lines
    ]
    market.sales = [sale(f"A-{number}-{sku}", sku, units * 1000) for number, sku, units, _, _ in lines]
    return market


def later(market: FakeMarketplace) -> None:
    """The same shop an hour on, a little changed."""
    market.clock += timedelta(hours=1)
    market.stock["fbo"] = [
        row._replace(available=None if row.available is None else row.available + 1000)
        for row in market.stock["fbo"][::2]
    ]
    market.orders = [row._replace(state=OrderState.DELIVERED) for row in market.orders]
    market.catalogue = market.catalogue[1:]
    market.places.append(warehouse("w3", "ТВЕРЬ"))


@settings(max_examples=15)
@given(shops())
def test_reading_twice_equals_reading_once(market: FakeMarketplace) -> None:
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        sync_bench(f"sqlite:///{folder}/m.db", Path(folder), market) as bench,
    ):
        bench.sync()
        once = bench.content()
        bench.sync(full=True)
        assert bench.content() == once


@settings(max_examples=25)
@given(
    shops(), st.sampled_from(["warehouses", "catalogue", "stock", "orders", "sales"]), st.integers(0, 6), st.booleans()
)
def test_stopping_anywhere_equals_not_stopping(market: FakeMarketplace, stream: str, page: int, second: bool) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        folder = Path(name)
        contents = []
        for broken in (False, True):
            shop = FakeMarketplace(
                page_rows=market.page_rows,
                places=list(market.places),
                catalogue=list(market.catalogue),
                stock=dict(market.stock),
                orders=list(market.orders),
                sales=list(market.sales),
            )
            cut = SourceUnreachableError("fake", path=f"/fake/{stream}", problem="connection reset")
            with sync_bench(f"sqlite:///{folder}/{broken}.db", folder / str(broken), shop) as bench:
                if broken and not second:
                    shop.fail_before_page[f"{stream}:{page}"] = cut
                bench.sync()
                if broken and not second:
                    bench.sync()
                later(shop)
                if broken and second:
                    shop.fail_before_page[f"{stream}:{page}"] = cut
                bench.sync()
                shop.fail_before_page.clear()
                last = bench.sync()
                assert last.state in (RunState.DONE, RunState.GAPS)
                contents.append(bench.content())
        assert contents[0] == contents[1]
