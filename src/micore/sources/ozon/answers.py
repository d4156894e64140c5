"""Ozon's answers as typed structs: only the fields that are read, under the names that Ozon gives them.

Each list of rows is generic in its row, so that it can be decoded at once (row structs) or row by row (msgspec.Raw).
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from micore.sources.fields import Amount, Count, Id, Instant

RowT = TypeVar("RowT")


class Struct(msgspec.Struct, gc=False):
    """Base: holds no cycles, so the garbage collector need not look."""


# --- warehouses ---------------------------------------------------------------------------------------------------


class SellerWarehouse(Struct):
    """A warehouse of the seller's, in /v2/warehouse/list."""

    warehouse_id: Id
    name: str | None = None
    is_rfbs: bool | None = None


class SellerWarehouses(Struct, Generic[RowT]):
    """/v2/warehouse/list."""

    warehouses: list[RowT] | None
    cursor: str | None = None
    has_next: bool | None = None


class OzonWarehouse(Struct):
    """One of Ozon's warehouses, inside of a cluster."""

    warehouse_id: Id
    name: str | None = None
    type: str | None = None


class LogisticCluster(Struct):
    """A group of warehouses inside of a cluster."""

    warehouses: list[OzonWarehouse] | None = None


class Cluster(Struct):
    """A cluster, in /v1/cluster/list."""

    id: Id
    name: str | None = None
    logistic_clusters: list[LogisticCluster] | None = None


class Clusters(Struct, Generic[RowT]):
    """/v1/cluster/list."""

    clusters: list[RowT] | None


# --- catalogue ----------------------------------------------------------------------------------------------------


class ListedProduct(Struct):
    """A product, in /v3/product/list."""

    product_id: Id
    sku: Id | None = None


class ProductListResult(Struct, Generic[RowT]):
    """Inside of /v3/product/list."""

    items: list[RowT] | None
    last_id: str | None = None
    total: int | None = None


class ProductList(Struct, Generic[RowT]):
    """/v3/product/list."""

    result: ProductListResult[RowT]


class ProductSource(Struct):
    """Where a product is sold from; old cards have a sku for each."""

    sku: Id | None = None


class Product(Struct):
    """A product, in /v3/product/info/list."""

    id: Id
    sku: Id | None = None
    offer_id: str | None = None
    name: str | None = None
    barcodes: list[str] | None = None
    price: Amount | None = None
    currency_code: str | None = None
    is_archived: bool | None = None
    is_autoarchived: bool | None = None
    created_at: str | None = None
    sources: list[ProductSource] | None = None


class Products(Struct, Generic[RowT]):
    """/v3/product/info/list."""

    items: list[RowT] | None


# --- stock --------------------------------------------------------------------------------------------------------


class FboStock(Struct):
    """What one of Ozon's warehouses holds of a sku, in /v1/analytics/stocks."""

    sku: Id
    warehouse_id: Id
    available_stock_count: Count
    offer_id: str | None = None
    name: str | None = None
    warehouse_name: str | None = None
    cluster_id: Id | None = None
    cluster_name: str | None = None
    requested_stock_count: Count | None = None
    transit_stock_count: Count | None = None
    return_from_customer_stock_count: Count | None = None


class FboStocks(Struct, Generic[RowT]):
    """/v1/analytics/stocks."""

    items: list[RowT] | None


class FbsStock(Struct):
    """What a seller's warehouse holds of a sku, in /v1/product/info/warehouse/stocks."""

    sku: Id
    present: Count
    reserved: Count
    free_stock: Count
    offer_id: str | None = None
    warehouse_id: Id | None = None


class FbsStocks(Struct, Generic[RowT]):
    """/v1/product/info/warehouse/stocks."""

    stocks: list[RowT] | None
    cursor: str | None = None
    has_next: bool | None = None


# --- orders -------------------------------------------------------------------------------------------------------


class Price(Struct):
    """Money with its currency."""

    amount: Amount | None = None
    currency: str | None = None


class PostingProduct(Struct):
    """A line of a posting."""

    sku: Id
    quantity: Count
    price: Price | None = None
    offer_id: str | None = None
    name: str | None = None


class FboAnalytics(Struct):
    """Which of Ozon's warehouses a posting ships from."""

    warehouse_id: Id | None = None
    warehouse_name: str | None = None


class DeliveryMethod(Struct):
    """Which of the seller's warehouses a posting ships from."""

    warehouse_id: Id | None = None
    warehouse: str | None = None


class FboPosting(Struct):
    """A posting, in /v3/posting/fbo/list."""

    posting_number: str
    status: str
    created_at: Instant
    products: list[PostingProduct]
    analytics_data: FboAnalytics | None = None


class FbsPosting(Struct):
    """A posting, in /v4/posting/fbs/list."""

    posting_number: str
    status: str
    in_process_at: Instant | None
    products: list[PostingProduct]
    delivery_method: DeliveryMethod | None = None
    integration_type_flow: str | None = None
    tpl_integration_type: str | None = None


class Postings(Struct, Generic[RowT]):
    """/v3/posting/fbo/list and /v4/posting/fbs/list."""

    postings: list[RowT] | None
    cursor: str | None = None
    has_next: bool | None = None


# --- returns ------------------------------------------------------------------------------------------------------


class ReturnedProduct(Struct):
    """What comes back."""

    sku: Id
    quantity: Count
    offer_id: str | None = None
    name: str | None = None


class ReturnMoments(Struct):
    """The instants of a return's way."""

    return_date: Instant | None = None
    technical_return_moment: Instant | None = None
    final_moment: Instant | None = None


class ReturnStatus(Struct):
    """A return's status by its name in the system."""

    sys_name: str | None = None


class ReturnVisual(Struct):
    """What the cabinet shows of a return's way."""

    status: ReturnStatus | None = None
    change_moment: Instant | None = None


class Return(Struct):
    """A return, in /v1/returns/list."""

    id: Id
    product: ReturnedProduct
    type: str | None = None
    schema: str | None = None
    posting_number: str | None = None
    return_reason_name: str | None = None
    logistic: ReturnMoments | None = None
    visual: ReturnVisual | None = None


class Returns(Struct, Generic[RowT]):
    """/v1/returns/list, and /v2/returns/rfbs/list, which says no `has_next`."""

    returns: list[RowT] | None
    has_next: bool | None = None


class RequestedProduct(Struct):
    """What a buyer asks to give back; nobody tells how many of it."""

    sku: Id
    offer_id: str | None = None
    name: str | None = None


class RequestState(Struct):
    """How far a request has come, by its documented group."""

    group_state: str | None = None


class ReturnRequest(Struct):
    """A buyer's request to return an rFBS order, in /v2/returns/rfbs/list."""

    return_id: Id
    product: RequestedProduct
    created_at: Instant | None = None
    posting_number: str | None = None
    state: RequestState | None = None


# --- supplies -----------------------------------------------------------------------------------------------------


class SupplyOrderIds(Struct):
    """/v3/supply-order/list."""

    order_ids: list[Id] | None
    last_id: str | None = None


class StorageWarehouse(Struct):
    """Where a supply is to lie."""

    warehouse_id: Id | None = None
    name: str | None = None


class OrderedSupply(Struct):
    """One supply of a supply order."""

    supply_id: Id
    bundle_id: str | None = None
    state: str | None = None
    storage_warehouse: StorageWarehouse | None = None


class Period(Struct, rename={"since": "from"}):
    """An hour booked at a warehouse."""

    since: Instant | None = None


class ZoneInfo(Struct):
    """The zone a time slot is told in."""

    offset: str | int | float | None = None
    """From UTC: "+03:00" by Ozon's example, in seconds by its description."""
    iana_name: str | None = None


class Timeslot(Struct):
    """When a supply is to be handed over, by the local time there."""

    timeslot: Period | None = None
    timezone_info: ZoneInfo | None = None


class SupplyOrder(Struct):
    """A supply order with its supplies, in /v3/supply-order/get."""

    order_id: Id
    state: str | None = None
    created_date: Instant | None = None
    state_updated_date: Instant | None = None
    timeslot: Timeslot | None = None
    supplies: list[OrderedSupply] | None = None


class SupplyOrders(Struct, Generic[RowT]):
    """/v3/supply-order/get."""

    orders: list[RowT] | None


class BundleItem(Struct):
    """A sku of a supply, in /v1/supply-order/bundle."""

    sku: Id
    quantity: Count
    offer_id: str | None = None
    name: str | None = None


class Bundle(Struct, Generic[RowT]):
    """/v1/supply-order/bundle."""

    items: list[RowT] | None
    last_id: str | None = None
    has_next: bool | None = None


# --- the account --------------------------------------------------------------------------------------------------


class Role(Struct):
    """What a key may do, by a name of Ozon's."""

    name: str | None = None
    methods: list[str] | None = None


class Roles(Struct):
    """/v1/roles."""

    expires_at: str | None = None
    roles: list[Role] | None = None


class Company(Struct):
    """The seller."""

    name: str | None = None
    currency: str | None = None


class SellerInfo(Struct):
    """/v1/seller/info."""

    company: Company | None = None
