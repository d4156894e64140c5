"""Random numbers by counter: the same (seed, purpose, coordinates) always give the same draw, in any order.

A product's life must not depend on how many other products exist or on what was asked before, so no generator with a
hidden position is used. Each draw hashes its coordinates with the finaliser of SplitMix64.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def _mix(values: Words) -> Words:
    values = values + _GOLDEN
    values = (values ^ (values >> _S30)) * _FIRST
    values = (values ^ (values >> _S27)) * _SECOND
    return values ^ (values >> _S31)


def words(seed: int, purpose: str, *coordinates: ArrayLike) -> Words:
    """64 random bits for each element of the broadcast coordinates (integers of any sign)."""
    start = (seed * 0x1F123BB5 + zlib.crc32(purpose.encode())) & 0xFFFFFFFFFFFFFFFF
    state = np.array([start], dtype=np.uint64)
    with np.errstate(over="ignore"):
        state = _mix(state)
        for coordinate in coordinates:
            column = np.atleast_1d(np.asarray(coordinate)).astype(np.int64).view(np.uint64)
            state = _mix(state ^ (column * _FIRST))
    return state


def uniform(seed: int, purpose: str, *coordinates: ArrayLike) -> Floats:
    """Uniform numbers in [0, 1) for each element of the broadcast coordinates."""
    return _to_unit(words(seed, purpose, *coordinates))


def _to_unit(bits: Words) -> Floats:
    return (bits >> _S11).astype(np.float64) * 2.0**-53


class Draws:
    """Many draws for the same coordinates: they are hashed once, and once more for each purpose."""

    def __init__(self, seed: int, *coordinates: ArrayLike) -> None:
        self._base = words(seed, "draws", *coordinates)

    def words(self, purpose: str) -> Words:
        """64 random bits for each element."""
        with np.errstate(over="ignore"):
            return _mix(self._base ^ (np.uint64(zlib.crc32(purpose.encode())) * _SECOND))

    def uniform(self, purpose: str) -> Floats:
        """A number in [0, 1) for each element."""
        return _to_unit(self.words(purpose))

    def normal(self, purpose: str) -> Floats:
        """A standard normal number for each element."""
        return _bell(self.words(purpose))


_MASK = 0xFFFFFFFFFFFFFFFF


def _mix_one(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


class Point:
    """`Draws` for a single element, in plain integers: numpy's overhead would be most of the work."""

    def __init__(self, seed: int, *coordinates: int) -> None:
        state = _mix_one((seed * 0x1F123BB5 + zlib.crc32(b"draws")) & _MASK)
        for coordinate in coordinates:
            state = _mix_one(state ^ (coordinate * 0xBF58476D1CE4E5B9 & _MASK))
        self._base = state

    def uniform(self, purpose: str) -> float:
        """A number in [0, 1)."""
        bits = _mix_one(self._base ^ (zlib.crc32(purpose.encode()) * 0x94D049BB133111EB & _MASK))
        return float((bits >> 11) * 2.0**-53)


def normal(seed: int, purpose: str, *coordinates: ArrayLike) -> Floats:
    """Standard normal numbers (Box-Muller) for each element of the broadcast coordinates."""
    return _bell(words(seed, purpose, *coordinates))


def _bell(bits: Words) -> Floats:
    with np.errstate(over="ignore"):
        other = _mix(bits)
    radius = np.sqrt(-2.0 * np.log1p(-_to_unit(bits)))
    return np.asarray(radius * np.cos(2.0 * np.pi * _to_unit(other)), dtype=np.float64)


def binomial(counts: NDArray[np.int64], chance: Floats, draw: Floats) -> NDArray[np.int64]:
    """Binomial counts by inversion: one uniform `draw` per cell, so a cell never moves its neighbours.

    `counts * chance` must stay below about 600, or the chance of zero leaves the range of a float.
    """
    result = np.zeros(counts.shape, dtype=np.int64)
    chance = np.minimum(chance, 1.0 - 1e-12)
    term = np.exp(counts * np.log1p(-chance))
    cumulative = term.copy()
    odds = chance / (1.0 - chance)
    alive = np.flatnonzero((draw >= cumulative) & (counts > 0))
    reached = 0
    while alive.size:
        term[alive] *= (counts[alive] - reached) / (reached + 1.0) * odds[alive]
        cumulative[alive] += term[alive]
        reached += 1
        result[alive] = reached
        alive = alive[(draw[alive] >= cumulative[alive]) & (counts[alive] > reached)]
    return result


def choose(cumulative: Floats, draw: Floats) -> NDArray[np.int64]:
    """Index into a table of cumulative shares (last one 1.0) for each uniform draw."""
    return np.minimum(np.searchsorted(cumulative, draw, side="right"), len(cumulative) - 1).astype(np.int64)
