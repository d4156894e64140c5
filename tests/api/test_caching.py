"""Cached answers: the same bytes until something changes, never a stale one after a publish."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zstandard

from micore.app import LiveListener
from micore.cache import MemoryCache
from micore.domain.run_views import RunState
from micore.domain.views import Freshness
from micore.errors import SourceAuthError
from micore.services.dashboard import Dashboards
from micore.storage import tables
from micore.storage.database import Database
from tests import seed
from tests.api.conftest import Api, fill
from tests.support.fake_source import small_shop
from tests.support.sync_bench import sync_bench

DASHBOARD = "/api/v1/dashboard"
CACHED = (
    DASHBOARD,
    "/api/v1/meta",
    "/api/v1/products",
    "/api/v1/products?sort=name&limit=2",
    "/api/v1/products/item-7",
    "/api/v1/products/item-7/history?days=10",
    "/api/v1/places",
    "/api/inventory/list",
    "/api/inventory/items?limit=2",
    "/api/dashboard/stats",
)


@pytest.mark.parametrize("path", CACHED)
class TestConditional:
    def test_a_second_one_is_the_same_and_cheap(self, api: Api, path: str) -> None:
        fill(api)
        first, second = api.get(path), api.get(path)
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert first.content == second.content
        assert first.headers["etag"] == second.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache"
        assert first.headers["x-request-id"] != second.headers["x-request-id"]

    def test_who_has_it_gets_304(self, api: Api, path: str) -> None:
        fill(api)
        etag = api.get(path).headers["etag"]
        for named in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = api.get(path, {"if-none-match": named})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert api.get(path, {"if-none-match": '"other"'}).status_code == 200

    def test_each_coding_holds_the_same(self, api: Api, path: str) -> None:
        fill(api)
        plain = api.get(path)

        async def coded(client: httpx2.AsyncClient) -> tuple[bytes, bytes, set[str]]:
            etags = set()
            bodies = []
            for coding in ("zstd", "gzip"):
                async with client.stream("GET", path, headers={"accept-encoding": coding}) as response:
                    etags.add(response.headers["etag"])
                    raw = b"".join([chunk async for chunk in response.aiter_raw()])
                    assert response.headers.get("content-encoding", "") in (coding, "")
                    bodies.append(raw if "content-encoding" not in response.headers else _decoded(raw, coding))
            return bodies[0], bodies[1], etags

        zstd, gzipped, etags = api.run(coded)
        assert zstd == gzipped == plain.content
        assert len(etags | {plain.headers["etag"]}) in (1, 3)


def _decoded(raw: bytes, coding: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress(raw) if coding == "zstd" else gzip.decompress(raw)


class TestPublish:
    def test_the_first_request_after_it_sees_the_new(self, either_api: Api) -> None:
        api = either_api
        for generation in range(1, 6):
            api.publish(generation, [seed.product(each) for each in range(1, generation + 1)])
            for path in (DASHBOARD, "/api/v1/products"):
                found = api.get(path).json()
                assert found["generation"] == generation
                assert found.get("products", found.get("total")) == generation
                assert api.get(path).json() == found

    def test_nothing_is_seen_before_the_commit(self, either_api: Api) -> None:
        api = either_api
        api.publish(1, [seed.product(1)])
        assert api.get(DASHBOARD).json()["products"] == 1
        with api.database.write() as connection:
            connection.execute(tables.product_summary.delete())
            seed.put_products(connection, [seed.product(1), seed.product(2)], generation=2)
            assert api.get(DASHBOARD).json()["products"] == 1
            assert api.get("/api/v1/products").json()["total"] == 1
        assert api.get("/api/v1/products?limit=7").json()["total"] == 2

    def test_a_slow_answer_of_before_is_not_kept_for_after(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """The answer is read, a publish comes, the answer is stored: it must not serve the new generation."""
        api.publish(1, [seed.product(1)])
        read, published = threading.Event(), threading.Event()
        plain = Dashboards.dashboard

        def slow(self: Dashboards) -> Any:
            shown = plain(self)
            read.set()
            assert published.wait(10)
            return shown

        monkeypatch.setattr(Dashboards, "dashboard", slow)

        async def work(client: httpx2.AsyncClient) -> tuple[Any, Any]:
            early = asyncio.create_task(client.get(DASHBOARD))
            await asyncio.to_thread(read.wait, 10)
            api.publish(2, [seed.product(1), seed.product(2)])
            monkeypatch.setattr(Dashboards, "dashboard", plain)
            late = await client.get(DASHBOARD)
            published.set()
            return (await early).json(), late.json()

        early, late = api.run(work)
        assert (early["generation"], late["generation"]) == (1, 2)
        assert api.get(DASHBOARD).json()["products"] == 2

    @pytest.mark.parametrize("seed_number", range(5))
    def test_under_any_interleaving_nobody_sees_less_than_was_published(self, api: Api, seed_number: int) -> None:
        chance = random.Random(seed_number)
        api.publish(1, [seed.product(1)])
        published = 1
        stale: list[tuple[int, int]] = []

        async def reader(client: httpx2.AsyncClient, number: int) -> None:
            for _ in range(12):
                await asyncio.sleep(chance.random() / 500)
                at_least = published
                path = chance.choice([DASHBOARD, "/api/v1/products", f"/api/v1/products?limit={number}"])
                found = (await client.get(path)).json()
                if found["generation"] < at_least or found.get("products", found.get("total")) != found["generation"]:
                    stale.append((at_least, found["generation"]))

        async def writer() -> None:
            nonlocal published
            for generation in range(2, 12):
                products = [seed.product(each) for each in range(1, generation + 1)]
                await asyncio.to_thread(api.publish, generation, products)
                published = generation

        async def work(client: httpx2.AsyncClient) -> None:
            await asyncio.gather(writer(), *(reader(client, number) for number in range(1, 6)))

        api.run(work)
        assert stale == []

    def test_a_failed_sync_is_seen_behind_a_cached_dashboard(
        self, either_api: Api, migrated_url: str, tmp_path: Path
    ) -> None:
        api = either_api
        with sync_bench(migrated_url, tmp_path, small_shop()) as bench:
            bench.service.listener = LiveListener(api.live, bench.service.run)
            bench.sync()
            assert api.get(DASHBOARD).json()["sources"][0]["last_error"] is None
            assert api.get(DASHBOARD).headers["x-cache"] == "HIT"
            bench.market.account_error = SourceAuthError("fake", status=403, said="Invalid Api-Key", path="/v1/roles")
            assert bench.sync().state == RunState.FAILED
            assert "Invalid Api-Key" in api.get(DASHBOARD).json()["sources"][0]["last_error"]


class TestTime:
    def test_freshness_changes_by_the_clock_alone(self, api: Api) -> None:
        fill(api)
        assert api.get(DASHBOARD).json()["freshness"] == Freshness.FRESH
        api.clock.advance(minutes=29, seconds=59)
        assert (api.get(DASHBOARD).json()["freshness"], api.get(DASHBOARD).headers["x-cache"]) == ("fresh", "HIT")
        api.clock.advance(seconds=1)
        assert api.get(DASHBOARD).json()["freshness"] == Freshness.STALE
        assert api.get(DASHBOARD).headers["x-cache"] == "HIT"

    def test_history_moves_on_at_the_shops_midnight(self, api: Api) -> None:
        fill(api)
        path = "/api/v1/products/item-7/history?days=3"
        assert api.get(path).json()["days"][-1]["day"] == "2026-11-22"
        api.clock.at = seed.NOW.replace(hour=20, minute=59, second=59)
        assert api.get(path).headers["x-cache"] == "HIT"
        api.clock.advance(seconds=1)
        assert api.get(path).json()["days"][-1]["day"] == "2026-11-23"


class TestMisses:
    def test_many_askers_make_one_answer(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(api)
        made = []
        plain = Dashboards.dashboard

        def counted(self: Dashboards) -> Any:
            made.append(1)
            return plain(self)

        monkeypatch.setattr(Dashboards, "dashboard", counted)

        async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            return list(await asyncio.gather(*(client.get(DASHBOARD) for _ in range(20))))

        answers = api.run(work)
        assert len(made) == 1
        assert len({answer.content for answer in answers}) == 1

    def test_each_asker_of_an_error_gets_an_id_of_its_own(self, api: Api) -> None:
        async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            return list(await asyncio.gather(*(client.get("/api/v1/products/item-1") for _ in range(5))))

        answers = api.run(work)
        assert {answer.status_code for answer in answers} == {404}
        for answer in answers:
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert len({answer.headers["x-request-id"] for answer in answers}) == 5

    def test_errors_are_not_kept(self, api: Api) -> None:
        assert api.get("/api/v1/products/item-7").status_code == 404
        fill(api)
        assert api.cache.stats().keys == 0
        assert api.get("/api/v1/products/item-7").status_code == 200

    def test_misses_are_keys_times_generations(self, api: Api) -> None:
        fill(api)
        for generation in (4, 5, 6):
            api.publish(generation, [seed.product(7)])
            for _ in range(3):
                for path in (DASHBOARD, "/api/v1/products", "/api/v1/products/item-7"):
                    assert api.get(path).status_code == 200
        found = api.cache.stats()
        assert (found.misses, found.hits, found.keys) == (9, 18, 3)

    def test_abuse_does_not_fill_the_memory(self, migrated_sqlite_url: str, tmp_path: Path) -> None:
        small = Api(Database(migrated_sqlite_url), tmp_path, cache=MemoryCache(limit_bytes=20_000))
        fill(small)
        for number in range(100):
            assert small.get(f"/api/v1/products?q=word{number}").status_code == 200
            assert small.get(f"/api/v1/products?junk{number}=1").status_code == 422
            assert small.cache.stats().memory_bytes <= 20_000
        small.close()
