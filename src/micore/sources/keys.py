"""What a key is and what a first sync with it would take: what a source promises beside `Source` to be tested.

A source that lacks these methods is still read; its keys are only accepted or refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from micore.sources.base import Source
from micore.sources.limits import Rule

ROWS_PER_SECOND = 2_000
"""Read, checked and written beside the waiting, on a machine of two slow, shared cores."""
_MOST_COUNTED = 2_000
"""Of more requests the pace is known."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a key says of itself; no secret among it."""

    kind: str
    """In the marketplace's words: "Personal token", "API key"."""
    rights: tuple[str, ...]
    """What it opens, in the marketplace's words; empty where it does not say."""
    missing: Mapping[str, tuple[str, ...]]
    """Stream to the rights it lacks; only streams that lack some."""
    read_only: bool | None = None
    """None: not told."""
    sandbox: bool | None = None
    """It opens made-up data only. None: not told."""
    slow: bool = False
    """The marketplace lets keys of this kind ask far less often than the estimate takes for granted."""


@dataclass(frozen=True, slots=True)
class StreamEstimate:
    """How long the first reading of a stream takes."""

    requests: int
    seconds: float
    reason: str
    """What the figures are made of, one sentence."""


@dataclass(frozen=True, slots=True)
class FirstSync:
    """What the first sync of an account takes at its key's limits."""

    products: int | None
    """None: not told."""
    streams: Mapping[str, StreamEstimate]
    """Those that the key may read."""


@runtime_checkable
class KeySource(Source, Protocol):
    """A source whose keys can be tested."""

    def key(self) -> KeyFacts:
        """What the key is, with a request or none. Raises SourceAuthError where the marketplace refuses it."""
        ...

    def estimate(self, streams: Sequence[str], seconds_per_request: float) -> FirstSync:
        """Ask a little, and reckon what reading these streams takes. Raises as `Source.read`."""
        ...


def seconds_within(rules: Sequence[Rule], requests: int, seconds_per_request: float) -> float:
    """How long so many requests take, one after the other, within fresh limits: the limits themselves are asked."""
    counted = min(requests, _MOST_COUNTED)
    now, half = 0.0, 0.0
    for number in range(counted):
        while (wait := max((rule.wait_seconds(now) for rule in rules), default=0.0)) > 0:
            now += wait
        for rule in rules:
            rule.sent(now)
        now += seconds_per_request
        for rule in rules:
            rule.answered(now)
        if number == counted // 2 - 1:
            half = now
    pace = (now - half) / (counted - counted // 2) if counted else 0.0
    return now + (requests - counted) * pace


def stream_estimate(
    rules: Sequence[Rule], requests: int, rows: int, seconds_per_request: float, reason: str
) -> StreamEstimate:
    """The waiting for the limits and the marketplace, and the work on the rows."""
    seconds = seconds_within(rules, requests, seconds_per_request) + rows / ROWS_PER_SECOND
    return StreamEstimate(requests, seconds, reason)


def pages(rows: float, per_page: int) -> int:
    """How many pages so many rows take; one at least."""
    return max(1, math.ceil(rows / per_page))
