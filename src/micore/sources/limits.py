"""How often a marketplace may be asked: rules that wait before a request so that no published limit is ever exceeded.

A request counts from somewhere between its sending and its answer, we cannot know where. A rule therefore holds a
request's place until its answer (or its failure) has come and counts the window from there: whatever the network
does to the way there, the marketplace never sees more than the limit in any window, given one request at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

MARGIN_SECONDS = 0.01
"""Added to every window, for clocks that do not run exactly alike."""


class Rule(Protocol):
    """One published limit. `now` is monotonic, in seconds."""

    def wait_seconds(self, now: float) -> float:
        """How long a request has to wait; 0 when it may go now."""
        ...

    def sent(self, now: float) -> None:
        """A request goes out."""
        ...

    def answered(self, now: float) -> None:
        """Its answer, or the end of hoping for one, has come."""
        ...

    def refused(self, now: float) -> None:
        """That answer was a refusal (4xx), which some limits count more than once."""
        ...


class SlidingWindow:
    """At most `limit` requests in any `period_seconds`, wherever the period is laid."""

    def __init__(self, limit: int, period_seconds: float) -> None:
        if limit < 1 or period_seconds <= 0:
            raise ValueError(f"limit {limit} per {period_seconds} s: both must be above zero")
        self._limit = limit
        self._period = period_seconds + MARGIN_SECONDS
        self._taken: deque[float] = deque()

    def wait_seconds(self, now: float) -> float:
        taken = self._taken
        while taken and now - taken[0] >= self._period:
            taken.popleft()
        if len(taken) < self._limit:
            return 0.0
        return max(self._period - (now - taken[0]), 0.001)

    def sent(self, now: float) -> None:
        self._taken.append(now)

    def answered(self, now: float) -> None:
        if self._taken:
            self._taken[-1] = now

    def refused(self, now: float) -> None:
        """Counts like any other request."""


class TokenBucket:
    """`burst` requests at once, then one more each `interval_seconds`, as Wildberries publishes its limits.

    A refused request (4xx) counts as `refusal_cost` requests.
    """

    def __init__(self, burst: int, interval_seconds: float, *, refusal_cost: int = 1) -> None:
        if burst < 1 or interval_seconds <= 0:
            raise ValueError(f"burst {burst}, interval {interval_seconds} s: both must be above zero")
        self._burst, self._refusal_cost = burst, refusal_cost
        self._interval = interval_seconds + MARGIN_SECONDS
        self._tokens = float(burst)
        self._at: float | None = None

    def wait_seconds(self, now: float) -> float:
        self._refill(now)
        return 0.0 if self._tokens >= 1 else max((1 - self._tokens) * self._interval, 0.001)

    def sent(self, now: float) -> None:
        self._refill(now)
        self._tokens -= 1

    def answered(self, now: float) -> None:
        # What ran in while the request was on its way may have run in before it arrived: it does not count.
        self._at = now

    def refused(self, now: float) -> None:
        self._refill(now)
        self._tokens -= self._refusal_cost - 1

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) / self._interval)
        self._at = now


class Limiter:
    """All limits of one account: those over everything, and those of single methods."""

    def __init__(
        self,
        account: Sequence[Rule],
        methods: Mapping[str, Sequence[Rule]],
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        on_wait: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._account, self._methods = tuple(account), dict(methods)
        self._monotonic, self._sleep, self._on_wait = monotonic, sleep, on_wait

    @contextmanager
    def slot(self, path: str) -> Iterator[None]:
        """Wait until a request to `path` may go; hold its place until it has been answered. One at a time."""
        rules = (*self._account, *self._methods.get(path, ()))
        while (wait := max((rule.wait_seconds(self._monotonic()) for rule in rules), default=0.0)) > 0:
            self._on_wait(wait)
            self._sleep(wait)
        for rule in rules:
            rule.sent(self._monotonic())
        try:
            yield
        finally:
            for rule in rules:
                rule.answered(self._monotonic())

    def refused(self, path: str) -> None:
        """The request to `path` that was answered last has been refused (4xx)."""
        for rule in (*self._account, *self._methods.get(path, ())):
            rule.refused(self._monotonic())
