"""The marketplaces' request limits, in real time: sliding windows for Ozon, token buckets for Wildberries, which has a
window for /ping."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
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


BAN_REFUSALS = 10
BAN_WINDOW_SECONDS = 60.0


class Bans:
    """Who was refused ten times within a minute is banned for `seconds`, from the tenth refusal on; 0 bans nobody."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._recent: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=BAN_REFUSALS))
        self._until: dict[str, float] = {}
        self._refused: Counter[str] = Counter()
        self._bans: Counter[str] = Counter()

    def left(self, caller: str) -> float:
        """Seconds for which this caller gets nothing more; a request made meanwhile is one beyond the limit, too."""
        left = max(0.0, self._until.get(caller, 0.0) - self._monotonic())
        self._refused[caller] += left > 0
        return left

    def refused(self, caller: str) -> None:
        """Count a request beyond a published limit."""
        now, recent = self._monotonic(), self._recent[caller]
        self._refused[caller] += 1
        recent.append(now)
        if self._seconds and len(recent) == BAN_REFUSALS and recent[0] > now - BAN_WINDOW_SECONDS:
            self._until[caller] = now + self._seconds
            self._bans[caller] += 1
            recent.clear()

    def facts(self) -> dict[str, object]:
        """As JSON, by caller."""
        now = self._monotonic()
        return {
            caller: {
                "limited": number,
                "bans": self._bans[caller],
                "banned_seconds": round(max(0.0, self._until.get(caller, 0.0) - now), 3),
            }
            for caller, number in sorted(self._refused.items())
        }


@dataclass(frozen=True)
class Bucket:
    """A token every `interval_seconds`, never more than `burst` of them; `error_cost` tokens for an answer 4XX."""

    name: str
    interval_seconds: float
    burst: int
    error_cost: int = 1


@dataclass(frozen=True)
class Window:
    """At most `burst` requests in any `seconds`."""

    name: str
    seconds: float
    burst: int

    @property
    def interval_seconds(self) -> float:
        """One request's share of the window."""
        return self.seconds / self.burst

    @property
    def error_cost(self) -> int:
        """An answer 4XX counts like any other."""
        return 1


Limit = Bucket | Window


@dataclass(frozen=True)
class Verdict:
    """What a limit says to one request; times are whole seconds, rounded up."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_seconds: int


class Limits:
    """What each caller has used of each limit."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._fill: dict[tuple[str, str], tuple[float, float]] = {}
        self._seen: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def take(self, caller: str, limit: Limit) -> Verdict:
        """Count one request if it is allowed; one that is not counts where an answer 4XX counts several times."""
        return self._look(caller, limit) if isinstance(limit, Window) else self._take_token(caller, limit)

    def _look(self, caller: str, window: Window) -> Verdict:
        now, seen = self._monotonic(), self._seen[caller, window.name]
        while seen and seen[0] <= now - window.seconds:
            seen.popleft()
        allowed = len(seen) < window.burst
        if allowed:
            seen.append(now)
        retry, reset = (math.ceil(at + window.seconds - now) for at in (seen[0], seen[-1]))
        return Verdict(allowed, window.burst, window.burst - len(seen), reset, 0 if allowed else retry)

    def _take_token(self, caller: str, bucket: Bucket) -> Verdict:
        tokens = self._tokens(caller, bucket)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        elif bucket.error_cost > 1:
            tokens -= bucket.error_cost
        self._fill[caller, bucket.name] = (tokens, self._monotonic())
        retry = 0 if allowed else math.ceil((1 - tokens) * bucket.interval_seconds)
        reset = math.ceil((bucket.burst - tokens) * bucket.interval_seconds)
        return Verdict(allowed, bucket.burst, max(0, math.floor(tokens)), reset, max(retry, 0 if allowed else 1))

    def charge_error(self, caller: str, limit: Limit) -> None:
        """Take what an answer 4XX costs on top of its one token."""
        if isinstance(limit, Bucket):
            tokens = self._tokens(caller, limit)
            self._fill[caller, limit.name] = (tokens - (limit.error_cost - 1), self._monotonic())

    def _tokens(self, caller: str, bucket: Bucket) -> float:
        now = self._monotonic()
        tokens, since = self._fill.get((caller, bucket.name), (float(bucket.burst), now))
        return min(float(bucket.burst), tokens + (now - since) / bucket.interval_seconds)
