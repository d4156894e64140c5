"""Each quantity has exactly one status, and the edges are where the document draws them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.stock_status import STATUS_BY_CODE, STATUS_CODES, StatusThresholds, StockStatus
from micore.errors import SettingsError

DEFAULT = StatusThresholds()
ORDER = [StockStatus.CRITICAL, StockStatus.LOW, StockStatus.NORMAL, StockStatus.OVERSTOCK]


@pytest.mark.parametrize(
    ("units", "status"),
    [
        (-3, "critical"),
        (0, "critical"),
        (5, "critical"),
        (5.001, "low"),
        (6, "low"),
        (20, "low"),
        (20.001, "normal"),
        (21, "normal"),
        (100, "normal"),
        (100.001, "overstock"),
        (101, "overstock"),
    ],
)
def test_the_documents_edges(units: float, status: str) -> None:
    assert DEFAULT.status_of(round(units * 1000)) == status


def test_what_nobody_told_is_unknown() -> None:
    assert DEFAULT.status_of(None) == StockStatus.UNKNOWN


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 10**9),
    st.lists(st.integers(0, 10**6), min_size=3, max_size=3, unique=True),
)
def test_every_quantity_has_one_status_and_more_is_never_worse(milli: int, more: int, edges: list[int]) -> None:
    limits = StatusThresholds(*sorted(edges))
    here, there = limits.status_of(milli), limits.status_of(milli + more)
    assert here in ORDER
    assert ORDER.index(there) >= ORDER.index(here)


@pytest.mark.parametrize("edges", [(-1, 20, 100), (20, 20, 100), (5, 100, 100), (5, 4, 3)])
def test_bands_that_overlap_are_refused(edges: tuple[int, int, int]) -> None:
    with pytest.raises(SettingsError, match="critical < low < normal"):
        StatusThresholds(*edges)


def test_codes_are_stable_and_worst_first() -> None:
    assert [STATUS_BY_CODE[code] for code in range(5)] == [*ORDER, StockStatus.UNKNOWN]
    assert len(STATUS_CODES) == len(StockStatus)
