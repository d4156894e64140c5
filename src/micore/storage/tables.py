"""The schema on one page, but for that of the work (work_tables.py, told here too). Units stand in the comments; what
they mean stands in docs/reference/data-model.md.

Conventions: surrogate keys are integers; instants are BIGINT microseconds since 1970-01-01 UTC (`*_at`, `*_from`);
days are ISO text of the business calendar (`*_day`); quantities are integer thousandths of the unit; money is integer
ten-thousandths of the currency unit. NULL means "nobody told us", never zero.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from micore.storage.check_tables import run_finding as run_finding
from micore.storage.check_tables import stream_shape as stream_shape
from micore.storage.check_tables import stream_volume as stream_volume
from micore.storage.funnel_tables import funnel_day as funnel_day
from micore.storage.schema import CLUSTERED, Id, SortText
from micore.storage.schema import metadata as metadata
from micore.storage.work_tables import backfill_stream as backfill_stream
from micore.storage.work_tables import event as event
from micore.storage.work_tables import journal_change as journal_change
from micore.storage.work_tables import journal_head as journal_head
from micore.storage.work_tables import quarantine as quarantine
from micore.storage.work_tables import raw_page as raw_page
from micore.storage.work_tables import reconciliation as reconciliation
from micore.storage.work_tables import run as run
from micore.storage.work_tables import run_stream as run_stream
from micore.storage.work_tables import source_key as source_key
from micore.storage.work_tables import source_note as source_note
from micore.storage.work_tables import stream_state as stream_state

# ------------------------------------------------------------------------------------------------ identity

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False, comment="plug-in name: ozon, wildberries"),
    Column("external_id", Text, nullable=False, comment="the login at the marketplace: Client-Id, seller id"),
    Column("name", Text, nullable=False, comment="as the seller knows it"),
    Column("currency", Text, nullable=False, comment="ISO 4217"),
    Column("created_at", BigInteger, nullable=False),
    Column("left_at", BigInteger, comment="when its key became one of another account; NULL: it is read"),
    UniqueConstraint("source", "external_id"),
)

item = Table(
    "item",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("code", Text, nullable=False, unique=True, comment="the seller's own code"),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False, server_default="pcs", comment="pcs, kg, l"),
    Column("created_at", BigInteger, nullable=False),
)

listing = Table(
    "listing",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("external_id", Text, nullable=False, comment="Ozon product_id, Wildberries nmID"),
    Column("offer_id", Text, nullable=False, comment="the seller's article on the card"),
    Column("name", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("price", BigInteger, comment="ten-thousandths of `currency`; what a buyer is asked now"),
    Column("currency", Text, comment="ISO 4217 of `price`"),
    Column("created_at", BigInteger, comment="at the marketplace"),
    Column("changed_at", BigInteger, nullable=False, comment="when we last saw it change"),
    UniqueConstraint("account_id", "external_id"),
)

listing_price = Table(
    "listing_price",
    metadata,
    Column("listing_id", ForeignKey("listing.id"), nullable=False),
    Column("valid_from", BigInteger, nullable=False, comment="first reading with it, by the marketplace's clock"),
    Column("price", BigInteger, comment="ten-thousandths of `currency`; NULL: no price any more"),
    Column("currency", Text),
    PrimaryKeyConstraint("listing_id", "valid_from"),
    comment="each change of a listing's price, append-only",
    **CLUSTERED,
)

sku = Table(
    "sku",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("listing_id", ForeignKey("listing.id"), nullable=False, index=True),
    Column("external_id", Text, nullable=False, comment="what is stocked and sold: Ozon sku, Wildberries chrtId"),
    Column("size", Text, comment="size as the marketplace names it; NULL where a card has one"),
    Column("item_id", ForeignKey("item.id"), index=True, comment="NULL: not linked yet, shown as a product of its own"),
    Column("retired_at", BigInteger, comment="the card no longer has it; it keeps its history"),
    Column("stock_told_at", BigInteger, comment="first whole answer about its stock; without rows that means none"),
    UniqueConstraint("account_id", "external_id"),
)

sku_barcode = Table(
    "sku_barcode",
    metadata,
    Column("sku_id", ForeignKey("sku.id"), nullable=False),
    Column("barcode", Text, nullable=False, index=True),
    Column("seen_from", BigInteger, nullable=False),
    Column("seen_until", BigInteger, comment="first reading without it; NULL: still there"),
    PrimaryKeyConstraint("sku_id", "barcode", "seen_from"),
    **CLUSTERED,
)

place = Table(
    "place",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), comment="NULL: our own"),
    Column("parent_id", ForeignKey("place.id"), comment="cluster or region above it"),
    Column("kind", Text, nullable=False, comment="cluster, warehouse, store"),
    Column("external_id", Text, nullable=False, comment="the marketplace's id, or the name where it has none"),
    Column("name", Text, nullable=False),
    Column("holder", Text, nullable=False, comment="marketplace, seller, own"),
    Column("authority", Text, nullable=False, comment="observed: the marketplace tells; ledger: our movements tell"),
    Column("scheme", Text, nullable=False, comment="FBO, FBS, rFBS, FBW ... as sellers know it; empty for a cluster"),
    Column("stock_scope", Text, comment="the snapshot scope that covers its stock; NULL: none has yet"),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "kind", "external_id"),
)

# --------------------------------------------------------------------------------------------------- stock


def _figures() -> list[Column[int]]:
    """What a marketplace may tell of one sku in one place, thousandths of a unit."""
    return [
        Column("available", BigInteger, comment="can be sold now"),
        Column("present", BigInteger, comment="physically there"),
        Column("reserved", BigInteger, comment="promised to open orders"),
        Column("inbound", BigInteger, comment="in supplies on the way"),
        Column("to_client", BigInteger, comment="on the way to buyers"),
        Column("from_client", BigInteger, comment="on the way back from buyers"),
    ]


FIGURES = ("available", "present", "reserved", "inbound", "to_client", "from_client")

stock_snapshot = Table(
    "stock_snapshot",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("scope", Text, nullable=False, comment="what a complete reading covers: fbo, fbs, ..."),
    Column("as_of", BigInteger, nullable=False, comment="start of the reading, by the marketplace's clock"),
    Column("known_at", BigInteger, comment="when it was published, by our clock"),
    Column("state", Text, nullable=False, comment="staged, published, held, dropped"),
    Column("complete", Boolean, nullable=False, comment="every page was read"),
    Column("rows_staged", BigInteger, nullable=False, server_default="0"),
    Column("rows_changed", BigInteger, nullable=False, server_default="0"),
    Column("units", BigInteger, comment="sum of available, thousandths"),
    Column("reason", Text, comment="why it is held or dropped"),
    Index("ix_stock_snapshot_scope", "account_id", "scope", "id"),
)

stock_staging = Table(
    "stock_staging",
    metadata,
    Column("snapshot_id", BigInteger, nullable=False),
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, nullable=False),
    *_figures(),
    Column("raw_page_id", BigInteger),
    PrimaryKeyConstraint("snapshot_id", "sku_id", "place_id"),
    comment="pages of snapshots that are not published yet; empty at rest",
    **CLUSTERED,
)

stock = Table(
    "stock",
    metadata,
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, nullable=False),
    *_figures(),
    Column("valid_from", BigInteger, nullable=False, comment="since when, by the marketplace's clock"),
    Column("known_from", BigInteger, nullable=False, comment="since when we know, by our clock"),
    Column("raw_page_id", BigInteger, comment="the answer it was read from"),
    Column("stale_from", BigInteger, comment="its row could not be read since; NULL: fresh"),
    PrimaryKeyConstraint("sku_id", "place_id"),
    comment="the open interval of each sku and place",
    **CLUSTERED,
)
Index("ix_stock_place", stock.c.place_id, stock.c.sku_id)

stock_history = Table(
    "stock_history",
    metadata,
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("known_from", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False, comment="start of the next interval, by the marketplace's clock"),
    Column("superseded_at", BigInteger, nullable=False, comment="when we learnt of the next one, by our clock"),
    *_figures(),
    Column("raw_page_id", BigInteger),
    PrimaryKeyConstraint("sku_id", "place_id", "valid_from", "known_from"),
    comment="closed intervals, append-only; with `stock` the whole past as it was and as it was known",
    **CLUSTERED,
)

# -------------------------------------------------------------------------------------------------- demand

order_line = Table(
    "order_line",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("order_id", Text, nullable=False, comment="natural key: Ozon posting number, Wildberries srid"),
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, comment="where it ships from; NULL: not told"),
    Column("scheme", Text, nullable=False),
    Column("state", Text, nullable=False, comment="ordered, shipped, delivered, cancelled, returned"),
    Column("quantity", BigInteger, nullable=False, comment="thousandths"),
    Column("price", BigInteger, comment="ten-thousandths per unit"),
    Column("currency", Text),
    Column("ordered_at", BigInteger, nullable=False),
    Column("ordered_day", Text, nullable=False),
    Column("cancelled_at", BigInteger, comment="when we first read it as cancelled, or as told"),
    Column("version", Integer, nullable=False),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    UniqueConstraint("account_id", "order_id", "sku_id"),
    comment="present version of each order line; earlier ones in demand_event",
)
# Serves the 30-day sums, the sparklines and the product page without touching the table.
Index(
    "ix_order_line_demand",
    order_line.c.sku_id,
    order_line.c.ordered_day,
    order_line.c.state,
    order_line.c.quantity,
    order_line.c.price,
)

demand_event = Table(
    "demand_event",
    metadata,
    Column("order_line_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="thousandths"),
    Column("price", BigInteger, comment="ten-thousandths per unit"),
    Column("known_at", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    PrimaryKeyConstraint("order_line_id", "version"),
    comment="every version of every order line, append-only",
    **CLUSTERED,
)

sale = Table(
    "sale",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("external_id", Text, nullable=False, comment="natural key of the accrual line"),
    Column("order_id", Text, comment="posting number, srid"),
    Column("sku_id", BigInteger, nullable=False),
    Column("sold_day", Text, nullable=False, comment="day of the accrual"),
    Column("amount", BigInteger, nullable=False, comment="ten-thousandths; negative: taken back"),
    Column("commission", BigInteger, comment="ten-thousandths, as signed by the marketplace"),
    Column("currency", Text, nullable=False),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    Column("order_state", Text, comment="how far it says its order line has come; NULL: the orders tell that"),
    UniqueConstraint("account_id", "external_id"),
    Index("ix_sale_sku_day", "sku_id", "sold_day"),
    Index("ix_sale_order", "account_id", "order_id"),
    comment="money the marketplace booked for delivered goods; the units are those of the order line",
)

return_line = Table(
    "return_line",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("return_id", Text, nullable=False, comment="the marketplace's own"),
    Column("sku_id", BigInteger, nullable=False),
    Column("order_id", Text, comment="posting number, srid; NULL: not told"),
    Column("scheme", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="buyer, refused, defect, unknown"),
    Column("state", Text, nullable=False, comment="on_the_way, ready, back, written_off"),
    Column("quantity", BigInteger, comment="thousandths; NULL: not told"),
    Column("reason", Text, nullable=False, comment="in the marketplace's words"),
    Column("returned_at", BigInteger, nullable=False, comment="when it was begun"),
    Column("returned_day", Text, nullable=False),
    Column("finished_at", BigInteger, comment="when it came to its end"),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    UniqueConstraint("account_id", "return_id", "sku_id"),
    Index("ix_return_sku_day", "sku_id", "returned_day"),
    comment="present version of what comes back",
)

supply_line = Table(
    "supply_line",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("supply_id", Text, nullable=False, comment="the marketplace's own"),
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, comment="warehouse it is for; NULL: not told"),
    Column("state", Text, nullable=False, comment="planned, on_the_way, accepting, done, cancelled"),
    Column("quantity", BigInteger, nullable=False, comment="thousandths, as announced"),
    Column("accepted", BigInteger, comment="thousandths, as counted so far; NULL: not told"),
    Column("created_at", BigInteger, nullable=False),
    Column("expected_at", BigInteger, comment="booked arrival"),
    Column("changed_at", BigInteger, nullable=False, comment="newest change of its state, as told"),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    UniqueConstraint("account_id", "supply_id", "sku_id"),
    Index("ix_supply_sku", "sku_id", "state"),
    comment="present version of each sku of each supply to a marketplace's warehouse",
)

# --------------------------------------------------------------------------------------------------- money

finance_line = Table(
    "finance_line",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("external_id", Text, nullable=False, comment="natural key of the booked amount"),
    Column("booking_id", Text, nullable=False, comment="what it is a part of; external_id up to its first colon"),
    Column("sku_id", BigInteger, comment="NULL: not for one product"),
    Column("order_id", Text, comment="posting number, srid; NULL: not for one order"),
    Column("booked_day", Text, nullable=False, comment="by the marketplace's calendar"),
    Column("kind", Text, nullable=False, comment="sale, return, commission, delivery, storage ..."),
    Column("amount", BigInteger, nullable=False, comment="ten-thousandths; positive: received, negative: paid"),
    Column("currency", Text, nullable=False),
    Column("name", Text, nullable=False, comment="in the marketplace's words"),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    UniqueConstraint("account_id", "external_id"),
    Index("ix_finance_line_sku_day", "sku_id", "booked_day"),
    Index("ix_finance_line_day", "account_id", "booked_day"),
    Index("ix_finance_line_booking", "account_id", "booking_id"),
    comment="the marketplace's account with the seller, whole; never added to `sale`",
)

storage_cost = Table(
    "storage_cost",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("external_id", Text, nullable=False, comment="natural key: day, sku, warehouse in the marketplace's words"),
    Column("sku_id", BigInteger, nullable=False),
    Column("place_id", BigInteger, comment="warehouse; NULL: not told"),
    Column("stored_day", Text, nullable=False, comment="by the marketplace's calendar"),
    Column("amount", BigInteger, nullable=False, comment="ten-thousandths; positive: what it cost"),
    Column("currency", Text, nullable=False),
    Column("quantity", BigInteger, comment="thousandths that lay there; NULL: not told"),
    Column("volume", BigInteger, comment="millilitres of all of them; NULL: not told"),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    UniqueConstraint("account_id", "external_id"),
    Index("ix_storage_cost_sku_day", "sku_id", "stored_day"),
    Index("ix_storage_cost_day", "account_id", "stored_day"),
    comment="what keeping each sku cost on each day; a closer look at finance_line's storage, never added to it",
)

# ----------------------------------------------------------------------------------------------- summaries

product_summary = Table(
    "product_summary",
    metadata,
    Column("product_key", Id, primary_key=True, autoincrement=False, comment="item id, or minus the sku id"),
    Column("name", Text, nullable=False),
    Column("name_sort", SortText, nullable=False, comment="case-folded name"),
    Column("code", SortText, nullable=False),
    Column("sources", Text, nullable=False, comment="comma list of plug-in names, sorted"),
    Column("status", SmallInteger, nullable=False, comment="0 critical 1 low 2 normal 3 overstock 4 unknown"),
    Column("archived", Boolean, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("available", BigInteger),
    Column("present", BigInteger),
    Column("reserved", BigInteger),
    Column("inbound", BigInteger),
    Column("places", Integer, nullable=False),
    Column("price", BigInteger, comment="ten-thousandths; of the cheapest active listing"),
    Column("stock_value", BigInteger, comment="ten-thousandths; available x price"),
    Column("sold_30d", BigInteger, nullable=False, comment="thousandths"),
    Column("revenue_30d", BigInteger, nullable=False, comment="ten-thousandths"),
    Column("effect", BigInteger, nullable=False, comment="ten-thousandths; revenue_30d, or stock_value for overstock"),
    Column("cover_tenths", BigInteger, comment="days of cover times ten; NULL: no sales or no figure"),
    Column("spark", LargeBinary, nullable=False, comment="30 little-endian int64 of daily thousandths, oldest first"),
    comment="one row per product, kept by the transaction that changes what it sums",
)
# Lists walk these in order and stop at the page's end; a status other than that of the index is filtered on the way.
# The key comes last: it decides between equal values, and a page goes on exactly behind it.
Index(
    "ix_product_summary_status",
    product_summary.c.archived,
    product_summary.c.status,
    product_summary.c.effect,
    product_summary.c.product_key,
)
for _name in ("effect", "available", "sold_30d", "cover_tenths", "stock_value", "name_sort", "code"):
    Index(
        f"ix_product_summary_{_name}",
        product_summary.c.archived,
        product_summary.c[_name],
        product_summary.c.product_key,
    )

summary_dirty = Table(
    "summary_dirty",
    metadata,
    Column("product_key", BigInteger, primary_key=True, autoincrement=False),
    comment="products whose summary is behind; written with the rows, emptied with the summary",
)

status_total = Table(
    "status_total",
    metadata,
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("products", BigInteger, nullable=False),
    Column("effect", BigInteger, nullable=False, comment="ten-thousandths"),
    Column("stock_value", BigInteger, nullable=False, comment="ten-thousandths"),
    Column("revenue_30d", BigInteger, nullable=False, comment="ten-thousandths"),
    comment="five rows, archived products left out",
)

status_day = Table(
    "status_day",
    metadata,
    Column("day", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("products", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "status"),
    comment="status_total at the last publish of each business day",
    **CLUSTERED,
)

generation = Table(
    "generation",
    metadata,
    Column("region", Text, primary_key=True, comment="what it counts the versions of: stock"),
    Column("number", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("note", Text, comment="what the summary was built with: thresholds, business day"),
)
