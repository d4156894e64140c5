"""The answer cache: final bytes by generation, in this process or in Redis behind one interface.

Nothing here knows what an answer means. A key is only asked for together with the generation it belongs to, so a
publish makes everything older unreachable at once; times to live only tidy up.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar, Protocol

import msgspec
import structlog
import zstandard

from micore.errors import SettingsError
from micore.telemetry import metrics

MEMORY_BYTES = 64 * 1024 * 1024
LARGEST_ANSWER_BYTES = 2 * 1024 * 1024
REDIS_SECONDS = 300
REDIS_PAUSE_SECONDS = 5.0
REDIS_TIMEOUT_SECONDS = 0.5
SMALLEST_COMPRESSED_BYTES = 500

log = structlog.get_logger(__name__)


def etag_of(body: bytes) -> str:
    """A strong ETag of these bytes, quotes included."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


@dataclass(slots=True)
class Answer:
    """A 200 answer as it goes over the wire."""

    body: bytes
    content_type: str
    etag: str
    valid_until: float | None = None
    """Unix seconds from which the clock alone makes it wrong; None: never."""
    variants: dict[str, bytes] = field(default_factory=dict)
    """Compressed forms by content coding, each made when it is first asked for."""
    prepared: dict[str, Any] = field(default_factory=dict, compare=False)
    """What the HTTP layer keeps of it by content coding; never leaves the process."""
    lasting: bool = field(default=False, compare=False)
    """Sent for as long as the process lives: worth a tenth of a second, once, to be a tenth smaller."""

    def coded(self, coding: str) -> bytes:
        """The body in a content coding: "zstd", "gzip" or "" for as it is."""
        if not coding:
            return self.body
        found = self.variants.get(coding)
        if found is None:
            found = self.variants[coding] = compress(self.body, coding, small=self.lasting)
        return found

    @property
    def size_bytes(self) -> int:
        """What it weighs in the cache, about."""
        return len(self.body) + sum(map(len, self.variants.values())) + 200


def compress(body: bytes, coding: str, *, small: bool = False) -> bytes:
    """Bytes in a content coding, fast or `small`; the same bytes for the same body, always."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=19 if small else 3).compress(body)
    return gzip.compress(body, compresslevel=9 if small else 6, mtime=0)


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What the cache does, since the process started."""

    __pydantic_config__ = {"use_attribute_docstrings": True}  # noqa: RUF012 - a dataclass field needs an annotation

    enabled: bool
    connected: bool
    backend: str
    """"memory" or "redis"."""
    keys: int
    memory_bytes: int
    hits: int
    misses: int
    hit_rate: float | None
    """Share of cacheable requests answered from the cache, 0 to 1; None before the first."""


class Cache(Protocol):
    """Answers by generation and key. Never raises: a cache that fails is a miss, counted and logged."""

    local: ClassVar[bool]
    """Whether `get` and `put` return at once, so that the event loop may call them itself."""

    def get(self, generation: int, key: str) -> Answer | None:
        """The answer of this generation, or None; counts a hit or a miss."""
        ...

    def put(self, generation: int, key: str, answer: Answer) -> None:
        """Keep an answer, if it is not too large."""
        ...

    def ping(self) -> bool:
        """Whether the cache can be used now."""
        ...

    def stats(self) -> CacheStats: ...

    def close(self) -> None: ...


class _Counts:
    """Hits and misses; Prometheus gets them when it looks, because its own counters cost more than a hit."""

    def __init__(self) -> None:
        self.hits = self.misses = 0
        self._told = (0, 0)
        self._lock = threading.Lock()

    def stats(self, *, backend: str, connected: bool, keys: int, memory_bytes: int) -> CacheStats:
        with self._lock:
            hits, misses = self.hits, self.misses
            metrics.CACHE_HITS.inc(hits - self._told[0])
            metrics.CACHE_MISSES.inc(misses - self._told[1])
            self._told = (hits, misses)
        asked = hits + misses
        metrics.CACHE_KEYS.set(keys)
        metrics.CACHE_BYTES.set(memory_bytes)
        rate = round(hits / asked, 4) if asked else None
        return CacheStats(True, connected, backend, keys, memory_bytes, hits, misses, rate)


class MemoryCache:
    """The least recently used answers of the newest generation, up to a number of bytes."""

    local: ClassVar[bool] = True

    def __init__(self, *, limit_bytes: int = MEMORY_BYTES, now: Callable[[], float] = time.time) -> None:
        self._limit_bytes = limit_bytes
        self._now = now
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._weights: dict[str, int] = {}
        self._bytes = 0
        self._generation = -1
        self._counts = _Counts()
        self._lock = threading.Lock()

    def get(self, generation: int, key: str) -> Answer | None:
        answer = self.peek(generation, key)
        if answer is None:
            self._counts.misses += 1
        return answer

    def peek(self, generation: int, key: str) -> Answer | None:
        """As `get`, but only a hit is counted: for who asks again with `get` when there is none."""
        answer = self._answers.get(key) if generation == self._generation else None
        if answer is None or (answer.valid_until is not None and answer.valid_until <= self._now()):
            return None
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
        self._counts.hits += 1
        return answer

    def put(self, generation: int, key: str, answer: Answer) -> None:
        # Compressed forms come later and are smaller; they are weighed in advance.
        weight = answer.size_bytes + len(answer.body) // 2 + len(key)
        if weight > LARGEST_ANSWER_BYTES:
            return
        with self._lock:
            if generation < self._generation:
                return
            if generation > self._generation:
                self._clear()
                self._generation = generation
            self._drop(key)
            self._answers[key] = answer
            self._weights[key] = weight
            self._bytes += weight
            while self._bytes > self._limit_bytes:
                self._drop(next(iter(self._answers)))

    def ping(self) -> bool:
        return True

    def stats(self) -> CacheStats:
        return self._counts.stats(backend="memory", connected=True, keys=len(self._answers), memory_bytes=self._bytes)

    def close(self) -> None:
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        self._answers.clear()
        self._weights.clear()
        self._bytes = 0

    def _drop(self, key: str) -> None:
        if self._answers.pop(key, None) is not None:
            self._bytes -= self._weights.pop(key)


class RedisCache:
    """Answers in Redis, shared by several processes. While Redis is away, everything is a miss.

    Raises SettingsError for a URL that Redis' client cannot read.
    """

    local: ClassVar[bool] = False

    def __init__(self, url: str, *, namespace: str, now: Callable[[], float] = time.time) -> None:
        import redis

        self._now = now

        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
            )
            pool = self._redis.connection_pool
            # Connects to nothing, but refuses what else stands behind the question mark of a URL.
            pool.connection_class(**pool.connection_kwargs)
        except (ValueError, TypeError):
            raise SettingsError(
                "MICORE_REDIS_URL",
                received="a URL that cannot be read",
                allowed="redis://host:6379/0, rediss:// for TLS, or unix:///path/of/the.sock",
            ) from None
        self._namespace = namespace
        self._away_until = 0.0
        self._counts = _Counts()

    def get(self, generation: int, key: str) -> Answer | None:
        packed = self._try(lambda: self._redis.get(self._key(generation, key)))
        answer = None if packed is None else _unpacked(packed)
        if answer is None or (answer.valid_until is not None and answer.valid_until <= self._now()):
            self._counts.misses += 1
            return None
        self._counts.hits += 1
        return answer

    def put(self, generation: int, key: str, answer: Answer) -> None:
        if answer.size_bytes > LARGEST_ANSWER_BYTES:
            return
        seconds = REDIS_SECONDS
        if answer.valid_until is not None:
            seconds = max(1, min(seconds, int(answer.valid_until - self._now())))
        packed = msgspec.msgpack.encode(
            (answer.body, answer.content_type, answer.etag, answer.valid_until, answer.variants)
        )
        self._try(lambda: self._redis.set(self._key(generation, key), packed, ex=seconds))

    def ping(self) -> bool:
        return bool(self._try(self._redis.ping, always=True))

    def stats(self) -> CacheStats:
        connected = self.ping()
        keys = self._try(self._redis.dbsize) or 0
        memory = self._try(lambda: self._redis.info("memory")) or {}
        return self._counts.stats(
            backend="redis", connected=connected, keys=int(keys), memory_bytes=int(memory.get("used_memory", 0))
        )

    def close(self) -> None:
        self._redis.close()

    def _key(self, generation: int, key: str) -> str:
        # Hashed: a query string is as long as its sender likes.
        return f"micore:{self._namespace}:{generation}:{blake2b(key.encode(), digest_size=16).hexdigest()}"

    def _try(self, work: Any, *, always: bool = False) -> Any:
        """The result of a call to Redis; None when it fails, and for a few seconds after that without asking."""
        if not always and time.monotonic() < self._away_until:
            return None
        try:
            result = work()
        except self._errors as error:
            metrics.CACHE_ERRORS.inc()
            if time.monotonic() >= self._away_until:
                log.warning("cache.redis_failed", error=str(error), remedy="Answers are made anew until it is back.")
            self._away_until = time.monotonic() + REDIS_PAUSE_SECONDS
            return None
        self._away_until = 0.0
        return result


_Packed = tuple[bytes, str, str, float | None, dict[str, bytes]]


def _unpacked(packed: bytes) -> Answer | None:
    try:
        return Answer(*msgspec.msgpack.decode(packed, type=_Packed))
    except msgspec.MsgspecError:
        # Another version of micore wrote it.
        metrics.CACHE_ERRORS.inc()
        return None
