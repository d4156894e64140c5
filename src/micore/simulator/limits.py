"""The marketplaces' request limits, in real time: a sliding window for Ozon, token buckets for Wildberries."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass


class SlidingWindow:
    """At most `most` requests in any `window_seconds` for each caller."""

    def __init__(self, most: int, window_seconds: float, monotonic: Callable[[], float]) -> None:
        self._most, self._window_seconds, self._monotonic = most, window_seconds, monotonic
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def allow(self, caller: str) -> bool:
        """Whether this request may pass. A refused one does not count."""
        now = self._monotonic()
        seen = self._seen[caller]
        while seen and seen[0] <= now - self._window_seconds:
            seen.popleft()
        if len(seen) >= self._most:
            return False
        seen.append(now)
        return True


@dataclass(frozen=True)
class Bucket:
    """A token every `interval_seconds`, never more than `burst` of them; `error_cost` tokens for an answer 4XX."""

    name: str
    interval_seconds: float
    burst: int
    error_cost: int = 1


@dataclass(frozen=True)
class Verdict:
    """What a bucket says to one request; times are whole seconds, rounded up."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_seconds: int


class TokenBuckets:
    """The fill of each caller's buckets."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._fill: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, caller: str, bucket: Bucket) -> Verdict:
        """Take one token if there is one."""
        tokens = self._tokens(caller, bucket)
        allowed = tokens >= 1
        tokens -= allowed
        self._fill[caller, bucket.name] = (tokens, self._monotonic())
        retry = 0 if allowed else math.ceil((1 - tokens) * bucket.interval_seconds)
        reset = math.ceil((bucket.burst - tokens) * bucket.interval_seconds)
        return Verdict(allowed, bucket.burst, max(0, math.floor(tokens)), reset, max(retry, 0 if allowed else 1))

    def charge_error(self, caller: str, bucket: Bucket) -> None:
        """Take what a refused request costs on top of its one token."""
        tokens = self._tokens(caller, bucket)
        self._fill[caller, bucket.name] = (tokens - (bucket.error_cost - 1), self._monotonic())

    def _tokens(self, caller: str, bucket: Bucket) -> float:
        now = self._monotonic()
        tokens, since = self._fill.get((caller, bucket.name), (float(bucket.burst), now))
        return min(float(bucket.burst), tokens + (now - since) / bucket.interval_seconds)
