"""How a product's cards are looked at and bought, as it is shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from micore.domain.account_views import UnreadAccount

SETTLED_DAYS = 14
"""After so many days hardly an order is still on its way: each day is read again then, and counts for the buyout rate
only as it was told then or later."""
_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class FunnelSpan:
    """What came of a product's cards in 28 days; a figure is None where a marketplace does not tell it."""

    __pydantic_config__ = _DOCS

    first_day: date
    last_day: date
    days: int
    """How many of the days between are told of, of the card of which fewest are; those that are not are missing in the
    figures, not zero."""
    incomplete: list[UnreadAccount]
    """Accounts with a card of which some of the days are not told."""
    opened: int | None
    """How often the card was opened."""
    carted: int | None
    """How often it was put into a cart."""
    ordered: int | None
    bought: int | None
    """Of those ordered in these days: bought by now. Orders that are still on their way may be."""
    cancelled: int | None
    """Of those ordered in these days: cancelled or given back by now."""
    wished: int | None
    """How often it was put on a wish list."""
    to_cart: float | None
    """Pieces put into carts per opening, 0.1 is 10 %; None where it was not opened. May exceed 1: of one opening
    several pieces may come."""
    to_order: float | None
    """Pieces ordered per piece put into a cart. May exceed 1: a cart may be older than these days."""
    to_buyout: float | None
    """Bought of what was bought or cancelled: what is on its way counts for neither. Only of days that were at least 14
    days old when they were read last; None where none of these tells of either."""
    response: str | None
    """SHA-256 of the stored response that told the newest day; GET /api/v1/raw/{sha256}."""


@dataclass(frozen=True, slots=True)
class FunnelSums:
    """How a product's cards are looked at and bought; of a card with several sizes all of them together."""

    __pydantic_config__ = _DOCS

    as_of: datetime
    """Last whole reading of the funnel, by the marketplace's clock; the oldest of several accounts."""
    now: FunnelSpan | None
    """The 28 days up to yesterday; None where no day of them is told of."""
    before: FunnelSpan | None
    """The 28 days before these."""
    unread: list[UnreadAccount]
    """Accounts that sell it, whose marketplace tells of it, and that have not been read for this to the end yet."""


def share(part: int | None, whole: int | None) -> float | None:
    """A part of a whole to four places; None where either is not told, or the whole is nothing."""
    return None if part is None or not whole else round(part / whole, 4)
