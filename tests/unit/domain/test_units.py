"""Exact quantities and money, there and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.units import milli, shown_money, shown_quantity, ten_thousandths
from micore.errors import RecordRejectedError


@given(st.integers(-(2**52), 2**52))
def test_a_shown_quantity_reads_back_exactly(thousandths: int) -> None:
    shown = shown_quantity(thousandths)
    assert Decimal(repr(shown)) * 1000 == thousandths


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_shown_money_reads_back_exactly(amount: int) -> None:
    shown = shown_money(amount, "RUB")
    assert shown is not None
    assert ten_thousandths(shown.amount) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**10), max_value=10**10))
def test_money_is_the_same_as_text_and_as_number(amount: Decimal) -> None:
    assert ten_thousandths(str(amount)) == amount * 10_000
    assert ten_thousandths(float(amount)) == amount * 10_000


@pytest.mark.parametrize(
    ("received", "stored"), [("700", 7_000_000), ("0.1", 1000), (0.1, 1000), (700, 7_000_000), ("-12.3456", -123_456)]
)
def test_money_of_either_kind(received: str | float, stored: int) -> None:
    assert ten_thousandths(received) == stored


@pytest.mark.parametrize(
    "received", ["", "abc", "NaN", "Infinity", "1e400", "0.00001", float("nan"), float("inf"), "1 000"]
)
def test_what_is_no_money_is_refused(received: str | float) -> None:
    with pytest.raises(RecordRejectedError):
        ten_thousandths(received)


@pytest.mark.parametrize("received", [Decimal("0.0001"), Decimal(2) ** 63])
def test_what_is_no_quantity_is_refused(received: Decimal) -> None:
    with pytest.raises(RecordRejectedError):
        milli(received)


def test_unknown_stays_unknown() -> None:
    assert shown_quantity(None) is None
    assert shown_money(None, "RUB") is None


@pytest.mark.parametrize(
    ("amount", "text"), [(12_490_000, "1249.00"), (-5000, "-0.50"), (1, "0.0001"), (12_345_600, "1234.56")]
)
def test_money_has_two_to_four_digits(amount: int, text: str) -> None:
    shown = shown_money(amount, "RUB")
    assert shown is not None
    assert shown.amount == text
