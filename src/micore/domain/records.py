"""What every source yields, whatever its marketplace calls it.

Named tuples, because a sync makes millions of them. Ids are the marketplace's own, as text. Quantities are
thousandths of a unit, money is ten-thousandths of the currency unit, instants are microseconds since 1970 UTC,
days are ISO text. None means that the marketplace does not tell.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Holder(StrEnum):
    """Whose hands the goods are in."""

    MARKETPLACE = "marketplace"
    SELLER = "seller"
    OWN = "own"


class PlaceKind(StrEnum):
    """What a place is."""

    CLUSTER = "cluster"
    WAREHOUSE = "warehouse"
    STORE = "store"


class OrderState(StrEnum):
    """How far an order line has come."""

    ORDERED = "ordered"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"


class ReturnKind(StrEnum):
    """Why goods come back."""

    BUYER = "buyer"
    """The buyer had them and gave them back, whole or in part."""
    REFUSED = "refused"
    """The buyer never took them: cancelled on the way, or not fetched."""
    DEFECT = "defect"
    UNKNOWN = "unknown"


class ReturnState(StrEnum):
    """How far a return has come."""

    ON_THE_WAY = "on_the_way"
    READY = "ready"
    """It waits to be fetched by the seller."""
    BACK = "back"
    """In stock again, or in the seller's hands."""
    WRITTEN_OFF = "written_off"
    """Disposed of, lost or paid for: it does not come back."""


class SupplyState(StrEnum):
    """How far a supply to the marketplace's warehouses has come."""

    PLANNED = "planned"
    ON_THE_WAY = "on_the_way"
    ACCEPTING = "accepting"
    DONE = "done"
    CANCELLED = "cancelled"


class FinanceKind(StrEnum):
    """What an amount that a marketplace booked is for."""

    SALE = "sale"
    """Goods sold, before anything is taken off."""
    RETURN = "return"
    """The same taken back, because the goods came back."""
    COMMISSION = "commission"
    ACQUIRING = "acquiring"
    """Taking the buyer's money."""
    DELIVERY = "delivery"
    """To the buyer, and handling on the way there."""
    RETURN_DELIVERY = "return_delivery"
    STORAGE = "storage"
    ACCEPTANCE = "acceptance"
    """Taking a supply in at the marketplace's warehouse."""
    ADVERTISING = "advertising"
    """Adverts, subscriptions and programmes that make goods seen."""
    PENALTY = "penalty"
    CORRECTION = "correction"
    """Compensation, discounts that the marketplace bears, and what sets an earlier booking right."""
    OTHER = "other"
    """What none of the above is, or what the marketplace does not explain; `name` tells its words."""


class PlaceRecord(NamedTuple):
    """A place; identified by (kind, place_id) within an account."""

    kind: PlaceKind
    place_id: str
    name: str
    holder: Holder
    scheme: str
    """As sellers know it: FBO, FBS, rFBS, FBW; empty for a cluster."""
    parent_id: str | None
    """place_id of the cluster above it; None: none, or not told here (a known parent then stays)."""


class CatalogueRecord(NamedTuple):
    """One sku with its card; identified by sku_id within an account."""

    listing_id: str
    sku_id: str
    offer_id: str
    name: str
    size: str | None
    archived: bool
    price: int | None
    """None with a currency: it has no price any more."""
    currency: str | None
    """None: this reading does not tell prices."""
    barcodes: tuple[str, ...]
    created_at: int | None


class SkuHint(NamedTuple):
    """What a stock or order row tells of a sku that the catalogue may not hold: deleted cards still have history."""

    sku_id: str
    offer_id: str
    name: str


class StockRecord(NamedTuple):
    """What one place holds of one sku; identified by (sku_id, place_id), the place being a warehouse."""

    sku_id: str
    place_id: str
    available: int | None
    present: int | None
    reserved: int | None
    inbound: int | None
    to_client: int | None
    from_client: int | None


class OrderRecord(NamedTuple):
    """One order line in its present version; identified by (order_id, sku_id)."""

    order_id: str
    sku_id: str
    place_id: str | None
    """Warehouse it ships from; None: not told."""
    scheme: str
    state: OrderState
    quantity: int
    price: int | None
    """Per unit."""
    currency: str | None
    ordered_at: int
    cancelled_at: int | None
    belated: bool = False
    """From a report made long after: it fills in an order that nobody told, and never changes what an order list told,
    but that goods were given back."""


class SaleRecord(NamedTuple):
    """Money booked for delivered goods, or taken back (negative); identified by sale_id."""

    sale_id: str
    order_id: str | None
    sku_id: str
    day: str
    amount: int
    commission: int | None
    currency: str
    order_state: OrderState | None = None
    """How far this booking says its order line has come; None where the orders tell that themselves."""


class PriceRecord(NamedTuple):
    """What buyers are asked for a card, told apart from the card itself; identified by listing_id."""

    listing_id: str
    price: int | None
    """After the seller's own discount, before any of the marketplace's; the lowest where sizes differ. None: it has no
    price (any more)."""
    currency: str


class ReturnRecord(NamedTuple):
    """Goods that come back; identified by (return_id, sku_id)."""

    return_id: str
    order_id: str | None
    sku_id: str
    scheme: str
    kind: ReturnKind
    state: ReturnState
    quantity: int | None
    """None: not told."""
    reason: str
    """In the marketplace's words; empty where it does not tell."""
    returned_at: int
    """When it was begun."""
    finished_at: int | None
    """When it came to its end, whichever."""


class SupplyRecord(NamedTuple):
    """One sku of a supply to a marketplace's warehouse; identified by (supply_id, sku_id)."""

    supply_id: str
    sku_id: str
    place_id: str | None
    """Warehouse it is for; None: not told."""
    state: SupplyState
    quantity: int
    """As announced."""
    accepted: int | None
    """As counted by the marketplace so far."""
    created_at: int
    expected_at: int | None
    """Booked arrival."""
    changed_at: int
    """Newest change of its state, as told."""


class FinanceRecord(NamedTuple):
    """One amount of the marketplace's account with the seller; identified by finance_id.

    All of them of one account add up to what it owes the seller: sales and returns are among them. They are never
    added to SaleRecords, which tell the same money by order line.
    """

    finance_id: str
    sku_id: str | None
    """None: not for one product, like a subscription."""
    order_id: str | None
    day: str
    """On which it was booked, by the marketplace's own calendar."""
    kind: FinanceKind
    amount: int
    """From the seller's view: positive is received, negative is paid."""
    currency: str
    name: str
    """In the marketplace's words; empty where it has none."""


class StorageCostRecord(NamedTuple):
    """What keeping one sku at the marketplace cost on one day; identified by cost_id.

    A closer look at FinanceKind.STORAGE, never added to it: which goods, which day, how many of them.
    """

    cost_id: str
    """Made of what the marketplace tells rows apart by: day, sku, warehouse in its words. What stays the same when the
    warehouse becomes known later."""
    sku_id: str
    place_id: str | None
    """Warehouse; None: not told, or told by a name that stands for none."""
    day: str
    amount: int
    """What it cost: positive, unlike a FinanceRecord's; negative is given back."""
    currency: str
    quantity: int | None
    """Units that lay there, thousandths."""
    volume: int | None
    """Of all of them together, millilitres."""


class FunnelRecord(NamedTuple):
    """How one card of a marketplace was looked at and bought on one day; identified by funnel_id.

    Counts of what happened, not quantities: whole numbers that no figure of stock, orders or money is made of. Of the
    orders of that day it tells what has become of them since, so bought and cancelled grow for weeks.
    """

    funnel_id: str
    """Made of day and card."""
    listing_id: str
    """The card: all of its sizes together."""
    day: str
    """By the marketplace's own calendar."""
    opened: int | None
    """How often the card was opened."""
    carted: int | None
    """How often it was put into a cart."""
    ordered: int | None
    bought: int | None
    """Of those ordered that day."""
    cancelled: int | None
    """Of those ordered that day: cancelled or given back."""
    wished: int | None
    """How often it was put on a wish list."""


Record = (
    PlaceRecord
    | CatalogueRecord
    | StockRecord
    | OrderRecord
    | SaleRecord
    | PriceRecord
    | ReturnRecord
    | SupplyRecord
    | FinanceRecord
    | StorageCostRecord
    | FunnelRecord
)


class RejectedRow(NamedTuple):
    """A row that cannot be believed, with its bytes."""

    key: str
    """What the row names itself; for stock the sku_id, so that its last figure stays. Empty where it has no name."""
    reason: str
    raw: bytes
    context: str = ""
    """What its meaning needs beside its bytes, JSON of the source's own: the list it stood in, the supply it is of."""
    may_pass: bool = False
    """Its reason may pass by itself: it names something that is not known yet."""
