"""The answer cache: what it keeps, what it forgets, and that its failure is nothing but a miss."""

from __future__ import annotations

import gzip
import time

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from micore.cache import LARGEST_ANSWER_BYTES, Answer, Cache, MemoryCache, RedisCache, etag_of
from micore.errors import SettingsError
from micore.telemetry import metrics


def answer(body: bytes = b"{}", valid_until: float | None = None) -> Answer:
    return Answer(body, "application/json", etag_of(body), valid_until)


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    if request.param == "memory":
        return MemoryCache()
    return RedisCache(request.getfixturevalue("redis_url"), namespace="test")


class TestBoth:
    def test_gives_back_what_was_put(self, cache: Cache) -> None:
        assert cache.get(1, "/a?") is None
        kept = answer(b'{"x": 1}' * 100)
        kept.coded("gzip")
        cache.put(1, "/a?", kept)
        found = cache.get(1, "/a?")
        assert found is not None
        assert (found.body, found.etag, found.content_type) == (kept.body, kept.etag, kept.content_type)
        assert gzip.decompress(found.coded("gzip")) == kept.body
        assert (cache.stats().hits, cache.stats().misses, cache.stats().hit_rate) == (1, 1, 0.5)
        assert cache.stats().keys == 1
        cache.close()

    def test_a_generation_sees_only_its_own(self, cache: Cache) -> None:
        cache.put(1, "/a", answer(b"1"))
        assert cache.get(2, "/a") is None
        cache.put(2, "/a", answer(b"2"))
        found = cache.get(2, "/a")
        assert found is not None
        assert found.body == b"2"
        cache.close()

    def test_time_alone_can_end_an_answer(self, cache: Cache) -> None:
        cache.put(1, "/past", answer(valid_until=time.time() - 1))
        cache.put(1, "/future", answer(valid_until=time.time() + 60))
        assert cache.get(1, "/past") is None
        assert cache.get(1, "/future") is not None
        cache.close()

    def test_what_is_too_large_is_not_kept(self, cache: Cache) -> None:
        cache.put(1, "/large", answer(b"x" * LARGEST_ANSWER_BYTES))
        assert cache.get(1, "/large") is None
        cache.close()


class TestMemory:
    def test_an_older_answer_cannot_come_back(self) -> None:
        cache = MemoryCache()
        cache.put(2, "/a", answer(b"new"))
        cache.put(1, "/a", answer(b"old"))
        found = cache.get(2, "/a")
        assert found is not None
        assert found.body == b"new"
        assert cache.get(1, "/a") is None

    def test_the_least_used_go_first(self) -> None:
        cache = MemoryCache(limit_bytes=20_000)
        for number in range(100):
            cache.put(1, f"/{number}", answer(b"x" * 1000))
            assert cache.get(1, "/0") is not None
        assert cache.get(1, "/1") is None
        assert cache.stats().memory_bytes <= 20_000

    @given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8), st.integers(0, 3000)), max_size=40))
    def test_the_weight_is_that_of_what_is_kept(self, puts: list[tuple[int, int, int]]) -> None:
        cache = MemoryCache(limit_bytes=10_000)
        for generation, key, size in puts:
            cache.put(generation, str(key), answer(b"x" * size))
            assert 0 <= cache.stats().memory_bytes <= 10_000
        cache.close()
        assert (cache.stats().memory_bytes, cache.stats().keys) == (0, 0)


class TestRedis:
    def test_two_processes_share(self, redis_url: str) -> None:
        one, other = RedisCache(redis_url, namespace="shop"), RedisCache(redis_url, namespace="shop")
        one.put(1, "/a", answer(b"shared"))
        found = other.get(1, "/a")
        assert found is not None
        assert found.body == b"shared"
        assert RedisCache(redis_url, namespace="other shop").get(1, "/a") is None

    def test_answers_of_another_version_are_misses(self, redis_url: str) -> None:
        import redis

        cache = RedisCache(redis_url, namespace="shop")
        cache.put(1, "/a", answer())
        client = redis.Redis.from_url(redis_url)
        for key in client.scan_iter():
            client.set(key, b"\x80 another form")
        assert cache.get(1, "/a") is None
        client.close()

    def test_without_a_server_everything_is_a_miss(self) -> None:
        cache = RedisCache("redis://127.0.0.1:1/0", namespace="shop")
        before = metrics.REGISTRY.get_sample_value("inv_cache_errors_total") or 0
        started = time.monotonic()
        for number in range(200):
            cache.put(1, f"/{number}", answer())
            assert cache.get(1, f"/{number}") is None
        # After the first failure it is left alone for a while: 400 time-outs would be an outage of our own.
        assert time.monotonic() - started < 3
        assert cache.ping() is False
        assert cache.stats().connected is False
        assert (metrics.REGISTRY.get_sample_value("inv_cache_errors_total") or 0) > before


@given(st.binary(max_size=5000))
def test_codings_hold_the_same_bytes(body: bytes) -> None:
    made = answer(body)
    assert gzip.decompress(made.coded("gzip")) == body
    assert zstandard.ZstdDecompressor().decompress(made.coded("zstd"), max_output_size=10_000) == body
    assert made.coded("") == body
    assert answer(body).coded("gzip") == made.coded("gzip")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_etags_differ_when_bytes_do(one: bytes, other: bytes) -> None:
    assert (etag_of(one) == etag_of(other)) == (one == other)


@pytest.mark.parametrize("url", ["foo", "redis://127.0.0.1/0?none=1", "redis://127.0.0.1/0?socket_timeout=long"])
def test_an_address_that_redis_cannot_read_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="MICORE_REDIS_URL"):
        RedisCache(url, namespace="test")
