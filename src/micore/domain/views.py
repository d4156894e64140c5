"""What the API and the CLI show: frozen dataclasses, built by services, encoded as they are.

The attribute docstrings become the descriptions in OpenAPI. Quantities are JSON numbers in the item's unit, money is
decimal text with its currency, instants are UTC, days are the shop's business days. None means unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from micore.domain.account_views import UnreadAccount
from micore.domain.funnel_views import FunnelSums
from micore.domain.records import FinanceKind, SupplyState
from micore.domain.stock_status import StatusThresholds, StockStatus
from micore.domain.units import Money

_DOCS = {"use_attribute_docstrings": True}


class Freshness(StrEnum):
    """How old what we show is, measured against the source's own schedule."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"
    """Nothing has been published yet."""


class EffectKind(StrEnum):
    """Which money an `effect` is."""

    SOLD_30D = "sold_30d"
    """Ordered in the last 30 days and not cancelled: what a stock-out puts at stake."""
    STOCK_VALUE = "stock_value"
    """Available units at the present price: what lies still."""


@dataclass(frozen=True, slots=True)
class SourceFreshness:
    """One account at one marketplace, and the age of its stock."""

    __pydantic_config__ = _DOCS

    account_id: int
    source: str
    """Plug-in name, "ozon"."""
    name: str
    """The account as the seller knows it."""
    freshness: Freshness
    as_of: datetime | None
    """Instant of the newest published stock, by the marketplace's clock."""
    stale_after_seconds: int
    last_error: str | None
    """Why the newest run did not publish; None when it did."""
    read: bool = True
    """Some key reads it; False: its key was replaced by one of another account."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A category on one business day."""

    __pydantic_config__ = _DOCS

    day: date
    products: int


@dataclass(frozen=True, slots=True)
class Category:
    """One status band over the whole shop."""

    __pydantic_config__ = _DOCS

    status: StockStatus
    products: int
    money: Money
    """Sum of the effect of its products; see `effect_kind`."""
    effect_kind: EffectKind
    above_units: int | None
    """The band's open lower edge in units; None for no lower edge."""
    up_to_units: int | None
    """The band's closed upper edge in units; None for no upper edge."""
    trend: list[TrendPoint]
    """Up to 30 business days, oldest first; only days on which stock was published."""


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product as lists show it: an item with all its skus, or a sku that is not linked to an item yet."""

    __pydantic_config__ = _DOCS

    id: str
    """"item-12" or "sku-45"; stable."""
    name: str
    code: str
    """The seller's own article."""
    marketplaces: list[str]
    accounts: list[str]
    """Names of the accounts that sell it, where a marketplace of it has several; else empty."""
    status: StockStatus
    available: float | None
    """Units that can be sold now, over all places."""
    present: float | None
    """Units physically there; None where the marketplace does not tell."""
    reserved: float | None
    """Units promised to open orders; None where the marketplace does not tell."""
    inbound: float | None
    """Units in supplies on the way; None where the marketplace does not tell."""
    places: int
    """How many places have told a quantity for it."""
    sold_30d: float
    """Units ordered in the last 30 business days and not cancelled, today included."""
    revenue_30d: Money
    cover_days: float | None
    """available / (sold_30d / 30), one decimal; None without sales or stock figure."""
    price: Money | None
    stock_value: Money | None
    """available x price; None when either is unknown."""
    effect: Money
    effect_kind: EffectKind
    spark: list[float]
    """Units ordered and not cancelled per business day, 30 days, oldest first, today last."""
    stale: bool
    """Some place could not be read in the newest snapshot; its last known figure is shown."""
    archived: bool
    """Every listing is archived and nothing is in stock; outside of the categories."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the first page needs, in one answer."""

    __pydantic_config__ = _DOCS

    generation: int
    """Grows with every publish; the same generation means the same answer."""
    freshness: Freshness
    as_of: datetime | None
    """The oldest of the accounts' newest published stock."""
    sources: list[SourceFreshness]
    currency: str
    thresholds: StatusThresholds
    products: int
    """Products that are not archived."""
    need_decision: int
    """Critical, low and overstock together."""
    stock_value: Money
    revenue_30d: Money
    categories: list[Category]
    """Critical, low, normal, overstock, unknown; in this order, always all five."""
    top: dict[StockStatus, list[ProductRow]]
    """Critical, low and overstock: the ten with the largest effect each."""


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A keyset page of products."""

    __pydantic_config__ = _DOCS

    generation: int
    as_of: datetime | None
    total: int
    """Products that match the filters, all pages."""
    items: list[ProductRow]
    next_cursor: str | None
    """Pass as `cursor` for the next page; None on the last one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A card at a marketplace that sells this product."""

    __pydantic_config__ = _DOCS

    source: str
    account: str
    listing_id: str
    """The marketplace's card id: Ozon product_id, Wildberries nmID."""
    sku_id: str
    """The marketplace's id of what is stocked: Ozon sku, Wildberries chrtId."""
    offer_id: str
    name: str
    size: str | None
    archived: bool
    price: Money | None
    barcodes: list[str]


@dataclass(frozen=True, slots=True)
class PlaceStock:
    """What one place holds of one sku."""

    __pydantic_config__ = _DOCS

    place_id: int
    place: str
    region: str | None
    """The cluster or region above it."""
    source: str
    account: str
    """As the seller knows it."""
    scheme: str
    """As sellers know it: "FBO", "FBS", "rFBS", "FBW"."""
    sku_id: str
    status: StockStatus
    available: float | None
    present: float | None
    reserved: float | None
    inbound: float | None
    to_client: float | None
    from_client: float | None
    since: datetime
    """Since when the figure is what it is, by the marketplace's clock."""
    stale: bool
    response: str | None
    """SHA-256 of the stored marketplace response it was read from; GET /api/v1/raw/{sha256}."""


@dataclass(frozen=True, slots=True)
class OpenSupply:
    """One sku of a supply that is not whole at the marketplace yet."""

    __pydantic_config__ = _DOCS

    source: str
    account: str
    """As the seller knows it."""
    supply_id: str
    """The marketplace's own number."""
    sku_id: str
    place: str | None
    """Warehouse it is for; None where the marketplace does not tell."""
    state: SupplyState
    quantity: float
    """Units, as announced."""
    accepted: float | None
    """Units, as counted so far; None where the marketplace does not tell."""
    expected_at: datetime | None
    """Booked arrival."""
    response: str | None
    """SHA-256 of the stored marketplace response it was read from; GET /api/v1/raw/{sha256}."""


@dataclass(frozen=True, slots=True)
class ReturnsSum:
    """What came back, or is on its way."""

    __pydantic_config__ = _DOCS

    begun_30d: float
    """Units whose return began in the last 30 business days, today included."""
    begun_30d_uncounted: int
    """Returns of these days of which nobody told how many units come back. None of them is in `begun_30d`."""
    under_way: float
    """Units that are not back yet, whenever that began."""
    under_way_uncounted: int
    """Returns that are not back yet of which nobody told how many units. None of them is in `under_way`."""
    reasons: list[str]
    """The marketplace's words for the last 30 days, the most frequent first, three at most."""
    unread: list[UnreadAccount]
    """Accounts that sell it and have not been read for this to the end yet: what they know is not in the sums."""


@dataclass(frozen=True, slots=True)
class FinanceSum:
    """What a marketplace booked of one kind in the last 30 business days."""

    __pydantic_config__ = _DOCS

    kind: FinanceKind
    amount: Money
    """From the seller's view: positive is received, negative is paid."""
    lines: int
    """How many bookings it sums."""
    response: str | None
    """SHA-256 of the stored response that told the newest of them; GET /api/v1/raw/{sha256}."""


@dataclass(frozen=True, slots=True)
class FinanceSums:
    """A product's account with its marketplaces, of the last 30 business days."""

    __pydantic_config__ = _DOCS

    as_of: datetime
    """Last whole reading of the finances, by the marketplace's clock; the oldest of several accounts."""
    net: Money
    """The sum of all kinds in the shop's currency; costs that are booked for no single product are not in it."""
    kinds: list[FinanceSum]
    """Sales and returns first, then what is paid, the most first."""
    unread: list[UnreadAccount]
    """Accounts that sell it and have not been read for this to the end yet: what they know is not in the sums."""


@dataclass(frozen=True, slots=True)
class StorageSum:
    """What keeping a product in the marketplaces' warehouses cost in the last 30 business days."""

    __pydantic_config__ = _DOCS

    as_of: datetime
    """Last whole reading of the costs, by the marketplace's clock; the oldest of several accounts."""
    cost: Money
    """Positive: paid. A closer look at the finances' storage, never to be added to it."""
    days: int
    """Days that a cost is told of."""
    first_day: date | None
    last_day: date | None
    """The newest of them."""
    response: str | None
    """SHA-256 of the stored response that told the newest day; GET /api/v1/raw/{sha256}."""
    unread: list[UnreadAccount]
    """Accounts that sell it and have not been read for this to the end yet: what they know is not in the sums."""


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """One product, its cards, its stock by place, what is on its way, and what it brings and costs."""

    __pydantic_config__ = _DOCS

    generation: int
    as_of: datetime | None
    product: ProductRow
    listings: list[Listing]
    places: list[PlaceStock]
    supplies: list[OpenSupply]
    """Soonest first; those without a booked arrival last."""
    returns: ReturnsSum | None
    """None where no account of this product's tells of returns."""
    finance: FinanceSums | None
    """None where no account of this product's has told its finances yet."""
    storage: StorageSum | None
    """None where no account of this product's has told storage costs yet."""
    funnel: FunnelSums | None
    """None where no account of this product's has told how its cards are looked at yet."""
    thresholds: StatusThresholds
    first_known: date | None
    """First business day with a stock reading."""


@dataclass(frozen=True, slots=True)
class HistoryDay:
    """One business day of a product. Stock figures are None before the first reading."""

    __pydantic_config__ = _DOCS

    day: date
    ordered: float
    """Units ordered that day and not cancelled since."""
    cancelled: float
    """Units ordered that day and cancelled since."""
    revenue: Money
    stock_end: float | None
    """Available at the end of the day (now, for today)."""
    stock_low: float | None
    """Smallest available of the day."""
    out_of_stock: float | None
    """Share of the known part of the day with nothing available, 0 to 1."""
    incomplete: bool
    """Too few orders came of this day in all: until a second reading agrees, no sum counts it."""


@dataclass(frozen=True, slots=True)
class ProductHistory:
    """Sales and stock of a product, day by day, every day of the range."""

    __pydantic_config__ = _DOCS

    generation: int
    id: str
    days: list[HistoryDay]


@dataclass(frozen=True, slots=True)
class WhyPart:
    """One addend of a figure, down to the stored response."""

    __pydantic_config__ = _DOCS

    label: str
    """The place's name."""
    scheme: str
    value: float | None
    read_at: datetime | None
    """When the response was received, by our clock."""
    endpoint: str | None
    response: str | None
    """SHA-256 of the stored response; None once it has aged out."""
    excerpt: str | None
    """The record inside the response as the marketplace wrote it, JSON text."""


@dataclass(frozen=True, slots=True)
class Why:
    """How a product's available figure comes about: the parts sum to the value."""

    __pydantic_config__ = _DOCS

    id: str
    value: float | None
    known_at: datetime | None
    parts: list[WhyPart]


@dataclass(frozen=True, slots=True)
class Place:
    """A place stock can lie in."""

    __pydantic_config__ = _DOCS

    id: int
    name: str
    region: str | None
    source: str
    account: str
    scheme: str
    products: int
    """Products with a positive available quantity there."""
    available: float


@dataclass(frozen=True, slots=True)
class Meta:
    """What the web app must know before it draws."""

    __pydantic_config__ = _DOCS

    version: str
    shop_name: str
    time_zone: str
    """The shop's business calendar, "Europe/Moscow"."""
    currency: str
    thresholds: StatusThresholds
    demo: bool
    """The data comes from the simulator."""
    sources: list[str] = field(default_factory=list)
    """Marketplaces: plug-in names."""
    slots: list[str] = field(default_factory=list)
    """What is synced: "ozon", and "ozon-2" for a second account."""
