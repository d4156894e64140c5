"""Exact quantities and money: scaled integers inside, decimals at the border."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from micore.errors import RecordRejectedError

MILLI = 1000
"""Quantities are integer thousandths of the item's unit: one piece is 1000."""

TEN_THOUSANDTHS = 10_000
"""Money is integer ten-thousandths of the currency unit: 700 RUB is 7,000,000."""

_INT64_MAX = 2**63 - 1
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as it is shown and sent: a decimal text, so that no reader turns it into a float."""

    __pydantic_config__ = {"use_attribute_docstrings": True}  # noqa: RUF012 - a dataclass field needs an annotation

    amount: str
    """Decimal text with two to four digits after the point, "1249.00"."""
    currency: str
    """ISO 4217 code, "RUB"."""


def milli(units: int | Decimal) -> int:
    """Thousandths of a quantity; refuses what three decimals cannot hold."""
    scaled = Decimal(units) * MILLI
    if scaled != scaled.to_integral_value() or abs(scaled) > _INT64_MAX:
        raise RecordRejectedError(reason="quantity", received=str(units), allowed="at most three decimals, 64 bits")
    return int(scaled)


def ten_thousandths(amount: str | int | float | Decimal) -> int:
    """Ten-thousandths of an amount of money, from the text or number a marketplace sent.

    A JSON number arrives as a float; its shortest text is what the sender wrote, so it is read back exactly.
    Raises RecordRejectedError for text that is no number, for NaN and infinity, and for more than four decimals.
    """
    try:
        value = Decimal(amount if isinstance(amount, (str, int, Decimal)) else repr(amount))
    except InvalidOperation:
        raise RecordRejectedError(reason="money", received=str(amount), allowed='a decimal such as "1249.00"') from None
    # Far beyond 64 bits decimals themselves overflow.
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
        raise RecordRejectedError(reason="money", received=str(amount), allowed="a finite decimal of 64 bits")
    scaled = value * TEN_THOUSANDTHS
    if scaled != scaled.to_integral_value() or abs(scaled) > _INT64_MAX:
        raise RecordRejectedError(reason="money", received=str(amount), allowed="at most four decimals, 64 bits")
    return int(scaled)


def shown_quantity(thousandths: int | None) -> float | None:
    """A stored quantity as a JSON number; whole ones stay whole, None stays unknown.

    The division is exact to read back: the shortest text of n/1000 is that decimal for every |n| below 2**53.
    """
    if thousandths is None:
        return None
    whole, rest = divmod(thousandths, MILLI)
    return whole if rest == 0 else thousandths / MILLI


def shown_money(amount: int | None, currency: str) -> Money | None:
    """A stored amount as decimal text with its currency; None stays unknown."""
    if amount is None:
        return None
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), TEN_THOUSANDTHS)
    digits = f"{rest:04d}"
    return Money(f"{sign}{whole}.{digits[:2]}{digits[2:].rstrip('0')}", currency)
