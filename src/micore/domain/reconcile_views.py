"""What answers say of reconciliations. Conventions as in views.py; days are the marketplace's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from micore.domain.units import Money

_DOCS = {"use_attribute_docstrings": True}


class DifferenceClass(StrEnum):
    """Why two figures differ."""

    MISSING_HERE = "missing_here"
    """The marketplace has it, we do not."""
    EXTRA_HERE = "extra_here"
    """We have it, the marketplace does not."""
    QUANTITY = "quantity"
    """Both have it, in another quantity."""
    PRICE = "price"
    PLACE = "place"
    """The marketplace tells a place, we have lost it or have another."""
    QUARANTINED = "quarantined"
    """It came and could not be believed: it waits in quarantine."""
    CANCELLED = "cancelled"
    """Cancelled for one side and not for the other."""
    RETURNED = "returned"
    """Given back for one side and not for the other."""
    DAY_BOUNDARY = "day_boundary"
    """On another day for the other side."""
    LATE = "late"
    """Happened since our last reading, or not in the marketplace's sum yet."""
    UNEXPLAINED = "unexplained"
    """The marketplace's sum is not the sum of what it lists."""
    AMOUNT = "amount"
    """Both have this sum of money, in another amount."""
    SIGN = "sign"
    """This sum of money counts otherwise in what is paid than we read it: with the other sign, not at all, or after
    all."""
    UNREAD = "unread"
    """A report that is not read here yet, or not from its first day on."""


HARMLESS = frozenset({DifferenceClass.DAY_BOUNDARY, DifferenceClass.LATE})
"""What goes away by itself, or is counted otherwise by right. A cancellation that one side lacks is not: sums of what
was ordered hold it on both."""


class Untold(StrEnum):
    """What of a stream a marketplace tells no figure of its own of, so that it is compared with nothing."""

    SALES_MONEY = "sales_money"
    """What the seller gets for what was sold."""
    SALES_UNITS = "sales_units"
    """How many were sold."""
    SALES_PLACES = "sales_places"
    """Where what was sold came from."""
    ORDER_PLACES = "order_places"
    """Where orders ship from, by another method than the one that is read."""
    SELLER_ORDER_PLACES = "seller_order_places"
    """Which of the seller's warehouses orders ship from."""
    MARKETPLACE_ORDER_PLACES = "marketplace_order_places"
    """Which of the marketplace's warehouses orders ship from; only all of them together are told."""
    MARKETPLACE_STOCK_PLACES = "marketplace_stock_places"
    """What each of the marketplace's warehouses holds; only all of them together are told."""
    SELLER_STOCK_PLACES = "seller_stock_places"
    """What each of the seller's warehouses holds; only all of them together are told."""


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One row behind a difference."""

    __pydantic_config__ = _DOCS

    day: date | None
    """None for stock."""
    order_id: str | None
    """The marketplace's own; None where a sum differs."""
    sku: str | None
    scheme: str | None
    theirs: float | None
    """Units; None: not there at all. Prices for the class of prices."""
    ours: float | None
    place: str | None = None
    """Where by the marketplace, for stock that it tells by place and for orders of another place."""
    last_day: date | None = None
    """Of a report of several days."""
    member: str | None = None
    """Which sum of a report: payout is all of it, other what belongs to none. For sales: sale, return, or
    commission. For finances told by day: accrued, all that was booked."""
    theirs_money: Money | None = None
    """From the seller's view, as the marketplace counts it; the figures above are None then."""
    ours_money: Money | None = None


@dataclass(frozen=True, slots=True)
class DifferenceSum:
    """All differences of one class."""

    __pydantic_config__ = _DOCS

    kind: DifferenceClass
    harmless: bool
    rows: int
    units: float
    """The marketplace's less ours; 0 where money is compared."""
    examples: list[DifferenceRow]
    """The first 200 rows."""
    amounts: list[Money] = field(default_factory=list)
    """Units in money, or what differs of money, by currency; empty where none is known."""


@dataclass(frozen=True, slots=True)
class DayCompared:
    """One day of both sides: units ordered, those cancelled since included, or what was sold and given back."""

    __pydantic_config__ = _DOCS

    day: date | None
    """None for stock, and for orders by place: of all days together."""
    scheme: str | None
    """None for orders by day, for sales, and for finances."""
    theirs: float | None
    """Units; None: money is compared."""
    ours: float | None
    place: str | None = None
    """None for sums by day, where all places are told together, and for orders whose place is not told."""
    pooled: bool = False
    """All of the marketplace's own warehouses together, because it tells no single one; `place` is None then."""
    member: str | None = None
    """For sales: sale, return, or commission; for finances: accrued, all that was booked. An order that was given back
    stands at the day of its return only, where units are compared."""
    theirs_money: Money | None = None
    """From the seller's view; the figures above are None then."""
    ours_money: Money | None = None
    """None beside theirs: nothing is stored."""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A scheme whose stock could not be compared this time: it neither agrees nor differs."""

    __pydantic_config__ = _DOCS

    scheme: str
    why: str


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A comparison that came to nothing."""

    __pydantic_config__ = _DOCS

    run_id: int
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class MemberCompared:
    """One sum of a report, from the seller's view: positive is received, negative is paid."""

    __pydantic_config__ = _DOCS

    member: str
    theirs: Money
    ours: Money | None
    """None: nothing of it is stored."""
    counted: bool
    """False: told beside, no part of what is paid; `theirs` is as told then."""


@dataclass(frozen=True, slots=True)
class StatementCompared:
    """What a marketplace pays for a period, and the amounts of its days that are stored here."""

    __pydantic_config__ = _DOCS

    first_day: date
    last_day: date
    """Included."""
    made_on: date
    reports: int
    """How many of the marketplace's reports are about these days."""
    theirs: Money
    ours: Money | None
    """None: nothing of these days is stored."""
    members: list[MemberCompared]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One stream of one account beside the marketplace's own figures."""

    __pydantic_config__ = _DOCS

    run_id: int
    source: str
    account: str
    stream: str
    """orders, sales, stock, finance."""
    first_day: date
    end_day: date
    """The day after the last one."""
    checked_at: datetime | None
    """None: nothing ever came of it; `failed` says of the last attempt why, and the run and the days are that one's."""
    findings: int
    """Rows in classes that are not harmless; 0: all is well, where anything was `compared`."""
    days: list[DayCompared]
    """Empty where nothing was told and nothing is stored, and for finances that are compared report by report."""
    differences: list[DifferenceSum]
    statements: list[StatementCompared] = field(default_factory=list)
    """For finances that are compared report by report."""
    by_report: bool = False
    """Compared report by report: the sums are those of `statements`. False: by day or place, those of `days`."""
    compared: bool = True
    """False: nothing was compared, so nothing agrees. micore reads no second figure of this stream, or never got one
    (`checked_at`)."""
    untold: list[Untold] = field(default_factory=list)
    """What of this stream the marketplace tells no figure of its own of."""
    failed_schemes: list[NotCompared] = field(default_factory=list)
    """For stock: what was left out, because its figures could not be had or came empty; no row of it stands here."""
    failed: FailedAttempt | None = None
    """The last attempt, where it failed after this one: this result is older than it should be, or there is none."""
