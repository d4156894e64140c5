"""Real daily demand made to look like a retail shop's: read, capped, thinned at random, shifted by whole weeks."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from importlib import resources

import numpy as np
import polars as pl
from numpy.typing import NDArray

from micore.simulator.draws import Floats, binomial, uniform

Ints = NDArray[np.int64]

YEAR_DAYS = 364
LAST_DATA_WEEKDAY = 4


@dataclass(frozen=True)
class Patterns:
    """The data as a grid: one row per series, one column per day of the data, -1 before a series starts."""

    units: NDArray[np.int32]
    units_mean: Floats
    orders_mean: Floats
    price: Floats
    last_column: int

    @property
    def count(self) -> int:
        return len(self.units)

    def first_day(self, series: Ints, phase_weeks: Ints, days: int) -> Ints:
        """Day of the history (0 = first) on which a product's demand starts; negative when it was there before."""
        start = (self.units >= 0).argmax(axis=1)[series]
        return np.asarray(start + 7 * phase_weeks - self.last_column + days - 1, dtype=np.int64)

    def columns(self, day: int, days: int, phase_weeks: Ints) -> Ints:
        """Column of the data behind a day of the history; beyond the data the same season a year earlier."""
        column = self.last_column - (days - 1 - day) - 7 * phase_weeks
        beyond = np.maximum(column - (self.units.shape[1] - 1), 0)
        return np.asarray(column - -(-beyond // YEAR_DAYS) * YEAR_DAYS, dtype=np.int64)


@functools.cache
def _grid() -> tuple[NDArray[np.int32], Floats, Floats, Floats]:
    source = resources.files("micore.simulator") / "data" / "online_retail2_dev.parquet"
    with resources.as_file(source) as path:
        frame = pl.read_parquet(path, columns=["unique_id", "ds", "y", "orders", "price"])
    frame = frame.with_columns(pl.col("unique_id").cast(pl.String), pl.col("ds").cast(pl.Date)).sort("unique_id", "ds")
    start, end = frame["ds"].min(), frame["ds"].max()
    assert isinstance(start, date) and isinstance(end, date), "the demand data has dates"
    names = frame["unique_id"].unique(maintain_order=True).to_list()
    row = frame["unique_id"].replace_strict(names, list(range(len(names)))).cast(pl.Int64).to_numpy()
    column = (frame["ds"] - start).dt.total_days().to_numpy()
    grid = np.full((len(names), (end - start).days + 1), -1, dtype=np.int32)
    grid[row, column] = frame["y"].to_numpy()
    # A wholesaler's largest invoices would stay freak days however much they are thinned.
    known = grid > 0
    limit = np.ceil(3.0 * grid.clip(0).sum(axis=1) / known.sum(axis=1)).astype(np.int32)
    grid = np.minimum(grid, limit[:, None])
    length = (grid >= 0).sum(axis=1)
    orders = np.bincount(row, weights=frame["orders"].to_numpy()) / length
    price = np.bincount(row, weights=frame["price"].to_numpy()) / length
    return grid, grid.clip(0).sum(axis=1) / length, orders, price


def load_patterns(today: date) -> Patterns:
    """Patterns whose last used column has the weekday of `today`."""
    grid, units_mean, orders_mean, price = _grid()
    return Patterns(grid, units_mean, orders_mean, price, grid.shape[1] - 1 - (LAST_DATA_WEEKDAY - today.weekday()) % 7)


def daily_units(
    seed: int, patterns: Patterns, series: Ints, phase_weeks: Ints, chance: Floats, day: int, days: int
) -> Ints:
    """Units wanted of each product on one day of the history (or after it): binomial thinning of the data's units."""
    column = patterns.columns(day, days, phase_weeks)
    source = np.where(column >= 0, patterns.units[series, np.maximum(column, 0)], 0).clip(0)
    result = np.zeros(len(series), dtype=np.int64)
    sold = np.flatnonzero(source > 0)
    draw = uniform(seed, "units", sold, day - days)
    result[sold] = binomial(source[sold].astype(np.int64), chance[sold], draw)
    return result
