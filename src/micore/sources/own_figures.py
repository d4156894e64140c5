"""The marketplace's own figures: what a source that can be reconciled tells beside its streams.

They come by other methods than the streams, so that a fault of ours is not in both. A source that lacks these methods
is not reconciled; everything else of it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from micore.domain.reconcile_views import Untold
from micore.domain.statements import Statement
from micore.sources.base import Source


class OwnOrder(NamedTuple):
    """An order line as the marketplace tells it now, cancelled or not."""

    order_id: str
    sku_id: str
    ordered_at: int
    """Microseconds."""
    quantity: int
    """Thousandths."""
    price: int | None
    """Ten-thousandths per unit; None: not told."""
    cancelled: bool
    place: str | None
    """Where it ships from, by the place's id; None: not told."""
    changed_at: int | None = None
    """When it came into its present state, microseconds; None: not told."""


class DaySum(NamedTuple):
    """What the marketplace counts for one of its days."""

    day: date
    quantity: int
    """Thousandths."""
    amount: int | None
    """Ten-thousandths."""


class OwnStock(NamedTuple):
    """What can be sold of a sku by one scheme."""

    scheme: str
    sku_id: str
    available: int
    """Thousandths."""
    place_id: str | None = None
    """In which place; None: over all places of the scheme. A source tells all of a scheme one way."""


class OwnSale(NamedTuple):
    """A unit that was bought, as the marketplace tells it now: the buyer has it, or gave it back."""

    order_id: str
    sku_id: str
    ordered_at: int
    """Microseconds."""
    returned: bool
    at: int
    """When it came into this state, microseconds."""


class OwnSaleSum(NamedTuple):
    """What the marketplace counts of one of its days, in money and from the seller's view."""

    day: date
    member: str
    """sale, return (below zero), commission (below zero where the seller pays); accrued: all that was booked."""
    currency: str
    amount: int
    """Ten-thousandths."""


@dataclass(frozen=True, slots=True)
class OwnOrders:
    """Order lines told one by one, and the sums told apart from them."""

    lines: Sequence[OwnOrder]
    """Ordered in the days asked for, and on the day before and after: of those on a boundary."""
    sums: Sequence[DaySum] | None
    """None: this marketplace tells no sums beside the lines."""
    sums_until: datetime | None
    """Up to when the sums are complete."""


class Note(Protocol):
    """A text of an account that outlives the process, for what must not be done twice: a report that is ordered."""

    def read(self) -> str:
        """As written last; empty where nothing was."""
        ...

    def write(self, text: str) -> None:
        """Stored when this returns."""
        ...


@runtime_checkable
class OwnFiguresSource(Source, Protocol):
    """A source that can be reconciled."""

    reconciled: ClassVar[tuple[str, ...]]
    """Streams with own figures: "orders", "stock"; "sales" of an OwnSalesSource or an OwnSaleSumsSource, "finance" of
    an OwnStatementsSource or an OwnAccruedSource. Of the others it is said that nothing is compared."""
    untold: ClassVar[Mapping[str, Sequence[Untold]]]
    """By such a stream: what of it the marketplace tells no figure of its own of."""
    pooled_place: ClassVar[str | None]
    """The place that own orders name for all of the marketplace's warehouses together; None: it tells each one."""
    stock_parts: ClassVar[Sequence[Sequence[str]]]
    """Schemes that `own_stock` tells whole, those of one part together; what takes long comes last."""
    stock_lag: ClassVar[timedelta]
    """So far apart the stock's figures may be beside the time since ours were read: what either method is behind."""

    def own_days(self, today: date) -> date:
        """The first day that own figures reach back to."""
        ...

    def own_orders(self, first_day: date, end_day: date) -> OwnOrders:
        """The orders of these days, the end left out. Raises as `Source.read`."""
        ...

    def same_place(self, theirs: str, ours: str) -> bool:
        """Whether what own figures call a place may be a place of the streams."""
        ...

    def own_stock(self, schemes: Sequence[str], note: Note) -> Sequence[OwnStock]:
        """The stock now of one of the `stock_parts`: a sku that is left out has nothing to sell there. The note is of
        that part alone. Raises as `Source.read`."""
        ...


@runtime_checkable
class OwnStatementsSource(OwnFiguresSource, Protocol):
    """A source whose payouts can be reconciled, too."""

    def own_statements(self, first_day: date, end_day: date) -> Sequence[Statement]:
        """What it says that it pays for periods that have at least a day in these, the end left out. Raises as
        `Source.read`."""
        ...

    def statement_day(self, row: bytes) -> date | None:
        """A day of the statement that a rejected row of the stream `finance` is of; None where it does not tell."""
        ...


@runtime_checkable
class OwnSalesSource(OwnFiguresSource, Protocol):
    """A source whose sales can be reconciled unit by unit."""

    sales_settle: ClassVar[timedelta]
    """So long after it happened a sale may be left out by the stream, because something of it is not known yet."""

    def own_sales(self, first_day: date) -> Sequence[OwnSale]:
        """Every unit that came into its present state on this day or later, and on the day before. Raises as
        `Source.read`."""
        ...

    def sold_order(self, row: bytes) -> str:
        """The order that a rejected row of the stream `sales` is of; empty where it does not tell."""
        ...


@runtime_checkable
class OwnSaleSumsSource(OwnFiguresSource, Protocol):
    """A source whose sales can be reconciled by their sums of each day, in money."""

    sales_stream: ClassVar[str]
    """The stream that tells its sales."""

    def own_sale_sums(self, first_day: date, end_day: date) -> Sequence[OwnSaleSum]:
        """The sums of these days, the end left out. Raises as `Source.read`."""
        ...

    def sale_day(self, row: bytes) -> date | None:
        """The day that a rejected row of that stream is of; None where it does not tell."""
        ...


@runtime_checkable
class OwnAccruedSource(OwnFiguresSource, Protocol):
    """A source whose finances can be reconciled by what it books on each day in all."""

    def own_accrued(self, first_day: date, end_day: date) -> Sequence[OwnSaleSum]:
        """The sums of these days, the end left out. Raises as `Source.read`."""
        ...

    def booked_day(self, row: bytes) -> date | None:
        """The day that a rejected row of the stream `finance` is of; None where it does not tell."""
        ...
