"""How often a marketplace may be asked: rules that wait before a request so that no published limit is ever exceeded.

A request counts from somewhere between its sending and its answer, we cannot know where. A rule therefore holds a
request's place until its answer (or its failure) has come and counts the window from there: whatever the network
does to the way there, the marketplace never sees more than the limit in any window, given one request at a time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

SHORTEST_WAIT_SECONDS = 0.0001
MARGIN_SECONDS = 0.01
MARGIN_SHARE = 0.01
"""Added to every window, the smaller of the two, for clocks that do not run exactly alike."""


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

    def used_up(self, now: float) -> None:
        """Somebody else may have used all of it until now."""
        ...


def lengthened(seconds: float) -> float:
    """A published period with its margin."""
    return seconds + min(MARGIN_SECONDS, seconds * MARGIN_SHARE)


class SlidingWindow:
    """At most `limit` requests in any `period_seconds`, wherever the period is laid."""

    def __init__(self, limit: int, period_seconds: float) -> None:
        if limit < 1 or period_seconds <= 0:
            raise ValueError(f"limit {limit} per {period_seconds} s: both must be above zero")
        self.limit, self.period_seconds = limit, period_seconds
        self._period = lengthened(period_seconds)
        self._taken: deque[float] = deque()

    def wait_seconds(self, now: float) -> float:
        taken = self._taken
        while taken and now - taken[0] >= self._period:
            taken.popleft()
        if len(taken) < self.limit:
            return 0.0
        return max(self._period - (now - taken[0]), SHORTEST_WAIT_SECONDS)

    def sent(self, now: float) -> None:
        self._taken.append(now)

    def answered(self, now: float) -> None:
        if self._taken:
            self._taken[-1] = now

    def refused(self, now: float) -> None:
        """Counts like any other request."""

    def used_up(self, now: float) -> None:
        self._taken = deque([now] * self.limit)


class Allowance:
    """At most `limit` requests in any `period_seconds`, for periods that nobody waits out: `late` makes the error to
    raise instead, from the seconds until the next one may go. Every attempt counts, whatever became of it.
    """

    def __init__(self, limit: int, period_seconds: float, late: Callable[[float], Exception]) -> None:
        self._window, self._late = SlidingWindow(limit, period_seconds), late
        self._new = True

    def remember(self, at: Sequence[float]) -> None:
        """Count requests that an earlier process made, by this process's monotonic clock; once, before its first."""
        if self._new:
            for each in sorted(at):
                self._window.sent(each)
        self._new = False

    def wait_seconds(self, now: float) -> float:
        wait = self._window.wait_seconds(now)
        if wait > 0:
            raise self._late(wait)
        return 0.0

    def sent(self, now: float) -> None:
        self._new = False
        self._window.sent(now)

    def answered(self, now: float) -> None:
        self._window.answered(now)

    def refused(self, now: float) -> None:
        """Counts like any other request."""


class TokenBucket:
    """`burst` requests at once, then one more each `interval_seconds`, as Wildberries publishes its limits.

    A refused request (4xx) counts as `refusal_cost` requests. What is kept is the latest instant at which the
    marketplace's bucket can be full again: each request takes a token at its answer at the latest, and a bucket that is
    full at its arrival fills from then on. So tokens that run in while a request is on its way are not lost.
    """

    def __init__(self, burst: int, interval_seconds: float, *, refusal_cost: int = 1) -> None:
        if burst < 1 or interval_seconds <= 0:
            raise ValueError(f"burst {burst}, interval {interval_seconds} s: both must be above zero")
        self.burst, self.interval_seconds, self.refusal_cost = burst, interval_seconds, refusal_cost
        self._interval = lengthened(interval_seconds)
        self._full_at = -math.inf

    def tokens(self, now: float) -> float:
        """What the marketplace's bucket holds at the least; below zero after refusals."""
        return self.burst - max(0.0, self._full_at - now) / self._interval

    def wait_seconds(self, now: float) -> float:
        wait = self._full_at - now - (self.burst - 1) * self._interval
        return max(wait, SHORTEST_WAIT_SECONDS) if wait > 0 else 0.0

    def sent(self, now: float) -> None:
        """Counts with its answer."""

    def answered(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._interval

    def refused(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + (self.refusal_cost - 1) * self._interval

    def used_up(self, now: float) -> None:
        self._full_at = max(self._full_at, now + self.burst * self._interval)


RuleT = TypeVar("RuleT", bound=Rule)


def after_others(rule: RuleT, until: float | None) -> RuleT:
    """A new rule, made safe: another process may have used all of it until then, see SourceTools.others_until."""
    if until is not None:
        rule.used_up(until)
    return rule


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
