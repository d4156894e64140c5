"""How old the stock is said to be, and that a sync which brings nothing says so at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from micore.domain.run_views import RunState
from micore.domain.views import Freshness, SourceFreshness
from micore.errors import SourceAuthError
from micore.services.dashboard import Dashboards
from micore.services.products import Products
from tests.support.fake_source import START, held, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

MORNING = START - timedelta(hours=3)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.clock = MORNING
    market.stock["fbo"] = [held(str(number), f"w{place}", 10) for number in range(1, 9) for place in (1, 2, 3)]
    with sync_bench(migrated_url, tmp_path, market) as made:
        assert made.sync().state == RunState.DONE
        yield made


def source(bench: SyncBench) -> SourceFreshness:
    return Dashboards(bench.database, bench.service.shop, now=bench.service.now).dashboard().sources[0]


def test_a_source_is_as_old_as_its_oldest_scope(bench: SyncBench) -> None:
    bench.market.clock = START
    bench.market.stock["fbo"] = []
    bench.market.stock["fbs"] = [held("3", "s1", 1)]
    assert "FBO: only 0 of 24 rows" in (bench.sync().message or "")
    assert ("3", "s1", 1000) in [row[:3] for row in bench.content()["stock"]], "the other scope is published"

    assert (source(bench).as_of, source(bench).freshness) == (MORNING, Freshness.STALE)
    fake = bench.service.overview().sources[0]
    assert (fake.as_of, fake.freshness) == (MORNING, Freshness.STALE)
    products = Products(bench.database, bench.service.shop, now=bench.service.now)
    sku = next(-key for key, code in bench.rows("product_summary", "product_key", "code") if code == "ART-3")
    assert products.detail(f"sku-{sku}").as_of == MORNING

    assert bench.sync().state == RunState.DONE, "a second reading agrees"
    assert (source(bench).as_of, source(bench).freshness) == (START, Freshness.FRESH)
    assert bench.service.overview().sources[0].freshness == Freshness.FRESH


def test_a_failed_sync_and_the_one_that_mends_it_are_new_generations(bench: SyncBench) -> None:
    bench.market.account_error = SourceAuthError("fake", status=403, said="Invalid Api-Key", path="/v1/roles")
    told = bench.told.generations
    before = told[-1]
    assert bench.sync().state == RunState.FAILED
    assert told[-1] == before + 1
    assert "Invalid Api-Key" in (source(bench).last_error or "")
    bench.market.account_error = None
    assert bench.sync(streams=["warehouses"]).state == RunState.DONE
    assert told[-1] == before + 2
    assert source(bench).last_error is None
    assert bench.sync(streams=["warehouses"]).state == RunState.DONE
    assert told[-1] == before + 2, "nothing has changed: cached answers stay"
