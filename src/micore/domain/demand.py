"""Daily demand: how much of each sku was ordered on each day. A day without orders is a zero, not a gap.

Quantities are integer thousandths throughout. A cancelled line is no demand; one that came back later was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

STATES = ("ordered", "shipped", "delivered", "cancelled", "returned")
"""Of order lines; a line's state is the place of its name in here."""
CANCELLED = STATES.index("cancelled")

WIDEST_TABLE = 16
"""Sku ids up to so many times the number of skus are looked up in a table, which is ten times faster than a search."""
SPARE_SHARE = 8
"""One spare day for so many: a new day then seldom moves the others."""


@dataclass(frozen=True, slots=True)
class OrderLines:
    """Order lines as columns of one length."""

    sku: Ints
    day: Ints
    """Days since 1970-01-01, of the business calendar."""
    quantity: Ints
    """Thousandths of a unit."""
    state: Ints
    """Index into STATES."""


@dataclass(frozen=True, slots=True)
class SparseDemand:
    """Daily demand without its zeros: what stands for no sku and day of the range here, is zero."""

    sku: Ints
    day: Ints
    quantity: Ints


class DailyDemand:
    """The demand of every sku on every day of a range, a row for each day."""

    def __init__(self, skus: Ints, first_day: int, past_day: int) -> None:
        """All zero. `skus` are the ids of the columns, ascending. Raises ValueError for ids that are not."""
        if len(skus) > 1 and not bool(np.all(skus[1:] > skus[:-1])):
            raise ValueError("the sku ids are not ascending; sort them and take each once")
        if past_day < first_day:
            raise ValueError(f"the range ends ({past_day}) before it begins ({first_day})")
        self.skus, self.first_day, self.past_day = skus, first_day, past_day
        self._rows = _zeros(past_day - first_day, len(skus))
        self._table = _table(skus)

    @property
    def quantities(self) -> Ints:
        """Thousandths, [day - first_day, column of the sku]; a view."""
        return self._rows[: self.past_day - self.first_day]

    def add(self, lines: OrderLines) -> None:
        """Count lines in, each once. Raises ValueError for a day or a sku that is not of this demand."""
        if len(lines.sku) == 0:
            return
        first, last = int(lines.day.min()), int(lines.day.max())
        if first < self.first_day or last >= self.past_day:
            raise ValueError(f"days {first} to {last} are given, {self.first_day} to {self.past_day - 1} are allowed")
        cells = lines.day - self.first_day
        cells *= len(self.skus)
        cells += self._columns(lines.sku)
        np.add.at(self._rows.reshape(-1), cells, lines.quantity * (lines.state != CANCELLED))

    def replace(self, first_day: int, past_day: int, lines: OrderLines) -> None:
        """Count the lines of these days anew: all of them that there are now. To do so twice changes nothing.

        The range grows to hold the days. Raises ValueError for days before the range, and as `add` does.
        """
        if first_day < self.first_day or past_day < first_day:
            raise ValueError(f"days {first_day} to {past_day - 1} are given; the range begins with {self.first_day}")
        self._grow(past_day)
        self._rows[first_day - self.first_day : past_day - self.first_day] = 0
        self.add(lines)

    def sparse(self) -> SparseDemand:
        """Only what is not zero, by day and sku."""
        days, columns = np.nonzero(self.quantities)
        return SparseDemand(self.skus[columns], days + self.first_day, self.quantities[days, columns])

    def _grow(self, past_day: int) -> None:
        self.past_day = max(self.past_day, past_day)
        days = self.past_day - self.first_day
        if days > len(self._rows):
            rows = _zeros(days, len(self.skus))
            rows[: len(self._rows)] = self._rows
            self._rows = rows

    def _columns(self, skus: Ints) -> Ints:
        if self._table is not None:
            inside = int(skus.min()) >= 0 and int(skus.max()) < len(self._table)
            columns = self._table[skus] if inside else np.full(1, -1)
            known = int(columns.min()) >= 0
        else:
            columns = np.minimum(np.searchsorted(self.skus, skus), max(len(self.skus) - 1, 0))
            known = len(self.skus) > 0 and bool(np.array_equal(self.skus[columns], skus))
        if not known:
            unknown = np.setdiff1d(skus, self.skus)
            raise ValueError(f"{len(unknown)} skus are not of this demand, such as {unknown[0]}")
        return columns


def _zeros(days: int, columns: int) -> Ints:
    """Rows with some to spare; memory that was never touched costs nothing."""
    return np.zeros((days + days // SPARE_SHARE + 1, columns), dtype=np.int64)


def _table(skus: Ints) -> Ints | None:
    """Id to column, -1 where there is none; None where the ids lie too far apart for a table."""
    if len(skus) == 0 or int(skus[0]) < 0 or int(skus[-1]) > WIDEST_TABLE * len(skus) + 1024:
        return None
    table = np.full(int(skus[-1]) + 1, -1, dtype=np.int64)
    table[skus] = np.arange(len(skus))
    return table
