"""A quantity over time for many (product, place) pairs: changes in, level at any instant out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_TIME_BITS = 42


class Levels:
    """Levels after each change, found by one binary search per question.

    Keys hold the pair above the milliseconds since `start_us`, so 2 million pairs and a century fit into 63 bits.
    """

    def __init__(self, pairs: int, start_us: int, initial: Ints, pair: Ints, at_us: Ints, delta: Ints) -> None:
        """`initial` is the level of each pair at `start_us`; the changes come in any order, none before it."""
        self._start_us = start_us
        everyone = np.arange(pairs, dtype=np.int64)
        keys = np.concatenate([everyone << _TIME_BITS, self._keys(pair, at_us)])
        order = np.argsort(keys, kind="stable")
        self._sorted = keys[order]
        running = np.cumsum(np.concatenate([initial, delta])[order])
        first = np.searchsorted(self._sorted, everyone << _TIME_BITS)
        before = running[first] - initial
        self._levels = (running - before[self._sorted >> _TIME_BITS]).astype(np.int32)

    def _keys(self, pair: Ints, at_us: Ints | int) -> Ints:
        milliseconds = (np.asarray(at_us, dtype=np.int64) - self._start_us) // 1000
        return np.asarray((pair.astype(np.int64) << _TIME_BITS) | np.maximum(milliseconds, 0), dtype=np.int64)

    def at(self, pair: Ints, at_us: Ints | int) -> Ints:
        """Level of each asked pair at one instant, or at an instant each."""
        found = np.searchsorted(self._sorted, self._keys(pair, at_us), side="right") - 1
        return np.asarray(self._levels[found].astype(np.int64))

    def last_change_us(self, pair: Ints, at_us: int) -> Ints:
        """Instant of each pair's latest change up to `at_us` (the start of the history if there was none)."""
        found = np.searchsorted(self._sorted, self._keys(pair, at_us), side="right") - 1
        return np.asarray((self._sorted[found] & ((1 << _TIME_BITS) - 1)) * 1000 + self._start_us, dtype=np.int64)
