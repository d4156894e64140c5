"""Wildberries' answers as typed structs: only the fields that are read, under the names that Wildberries gives them.

Each list of rows is generic in its row, so that it can be decoded at once (row structs) or row by row (msgspec.Raw).
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from micore.sources.fields import Amount, Count, Id

RowT = TypeVar("RowT")


class Struct(msgspec.Struct, gc=False, rename="camel"):
    """Base: holds no cycles, so the garbage collector need not look."""


# --- warehouses ---------------------------------------------------------------------------------------------------


class SellerWarehouse(Struct):
    """A warehouse of the seller's, in /api/v3/warehouses."""

    id: Id
    name: str | None = None
    delivery_type: int | None = None


# --- catalogue ----------------------------------------------------------------------------------------------------


class Size(Struct):
    """A size of a card: what is stocked and sold."""

    chrt_id: Id = msgspec.field(name="chrtID")
    tech_size: str | None = None
    skus: list[str] | None = None
    """Barcodes."""


class Card(Struct):
    """A card, in both lists; one in the trash has no title."""

    nm_id: Id = msgspec.field(name="nmID")
    vendor_code: str | None = None
    title: str | None = None
    subject_name: str | None = None
    sizes: list[Size] | None = None
    created_at: str | None = None


class CardsMark(Struct, omit_defaults=True):
    """Where a page of cards ends; the next one begins behind it."""

    updated_at: str | None = None
    trashed_at: str | None = None
    nm_id: int | None = msgspec.field(name="nmID", default=None)
    total: int | None = None


class Cards(Struct, Generic[RowT]):
    """/content/v2/get/cards/list and /content/v2/get/cards/trash."""

    cards: list[RowT] | None
    cursor: CardsMark


# --- prices -------------------------------------------------------------------------------------------------------


class SizePrice(Struct):
    """What one size of a card costs."""

    discounted_price: Amount | None = None


class PricedCard(Struct):
    """A card, in /api/v2/list/goods/filter."""

    nm_id: Id = msgspec.field(name="nmID")
    sizes: list[SizePrice] | None = None
    currency: str | None = msgspec.field(name="currencyIsoCode4217", default=None)


class PricedCards(Struct, Generic[RowT]):
    """Inside of /api/v2/list/goods/filter."""

    list_goods: list[RowT] | None


class Prices(Struct, Generic[RowT]):
    """/api/v2/list/goods/filter."""

    data: PricedCards[RowT]


# --- stock --------------------------------------------------------------------------------------------------------


class WarehouseStock(Struct):
    """What a warehouse holds of a size, in both stocks-reports; the seller's know no way to and from buyers."""

    chrt_id: Id
    warehouse_id: int
    quantity: Count
    warehouse_name: str | None = None
    in_way_to_client: Count | None = None
    in_way_from_client: Count | None = None


class WarehouseStocks(Struct, Generic[RowT]):
    """Inside of a stocks-report."""

    items: list[RowT] | None


class StocksReport(Struct, Generic[RowT]):
    """/api/analytics/v1/stocks-report/wb-warehouses and .../seller-warehouses."""

    data: WarehouseStocks[RowT]


class SellerAmount(Struct):
    """What a seller's warehouse has of a size, in /api/v3/stocks/{warehouseId}."""

    chrt_id: Id
    amount: Count


class SellerAmounts(Struct, Generic[RowT]):
    """/api/v3/stocks/{warehouseId}."""

    stocks: list[RowT] | None


# --- statistics ---------------------------------------------------------------------------------------------------


class Order(Struct):
    """An ordered unit, in /api/v1/supplier/orders."""

    srid: str
    date: str
    barcode: str
    warehouse_type: str
    nm_id: int | None = None
    warehouse_name: str | None = None
    supplier_article: str | None = None
    price_with_disc: Amount | None = None
    is_cancel: bool | None = None
    cancel_date: str | None = None
    last_change_date: str | None = None


class Sale(Struct):
    """A unit that was bought or given back, in /api/v1/supplier/sales."""

    sale_id: str = msgspec.field(name="saleID")
    date: str
    barcode: str
    nm_id: int | None = None
    srid: str | None = None
    supplier_article: str | None = None
    for_pay: Amount | None = None
    last_change_date: str | None = None


class Changed(Struct):
    """When a row was last changed, whatever else stands in it."""

    last_change_date: str | None = None


# --- returns and supplies -----------------------------------------------------------------------------------------


class ItemReturn(Struct):
    """A unit on its way back to the seller, in /api/analytics/v1/item-returns."""

    srid: str
    """Of the return, not of the order."""
    order_dt: str
    sku: str | None = None
    """The barcode."""
    barcode: str | None = None
    """What `sku` was called before August 2026."""
    nm_id: int | None = None
    return_type: str | None = None
    return_reason: str | None = None
    reason: str | None = None
    """What `return_reason` was called before."""
    ready_to_return_dt: str | None = None
    completed_dt: str | None = None


class ItemReturns(Struct, Generic[RowT]):
    """/api/analytics/v1/item-returns."""

    report: list[RowT] | None


class Supply(Struct):
    """A supply to Wildberries' warehouses, in /api/v1/supplies."""

    status_id: int = msgspec.field(name="statusID")
    create_date: str
    supply_id: int | None = msgspec.field(name="supplyID", default=None)
    supply_date: str | None = None
    fact_date: str | None = None
    updated_date: str | None = None


class SupplyDetails(Struct):
    """/api/v1/supplies/{ID}."""

    warehouse_name: str | None = None
    actual_warehouse_name: str | None = None


class SupplyGood(Struct):
    """A size in a supply, in /api/v1/supplies/{ID}/goods."""

    barcode: str
    quantity: Count
    nm_id: int | None = msgspec.field(name="nmID", default=None)
    accepted_quantity: Count | None = None


# --- finance and storage ------------------------------------------------------------------------------------------


class ReportRow(Struct):
    """A row of the weekly sales reports, in /api/finance/v1/sales-reports/detailed. Money comes without a sign.

    Every column of what is paid has to be there, though it may be null; UNSET: it is not.
    """

    rrd_id: Id
    rr_date: str
    date_to: str | None = None
    """The last day of the report."""
    currency: str | None = None
    nm_id: int | None = None
    sku: str | None = None
    """The barcode."""
    srid: str | None = None
    seller_oper_name: str | None = None
    document_type: str | None = None
    doc_type_name: str | None = None
    """What `document_type` was called before September 2026."""
    bonus_type_name: str | None = None
    quantity: int | None = None
    order_dt: str | None = None
    office_name: str | None = None
    delivery_method: str | None = None
    retail_price_with_disc: Amount | None = None
    retail_amount: Amount | UnsetType | None = UNSET
    for_pay: Amount | UnsetType | None = UNSET
    acquiring_fee: Amount | UnsetType | None = UNSET
    delivery_service: Amount | UnsetType | None = UNSET
    paid_storage: Amount | UnsetType | None = UNSET
    paid_acceptance: Amount | UnsetType | None = UNSET
    penalty: Amount | UnsetType | None = UNSET
    deduction: Amount | UnsetType | None = UNSET
    additional_payment: Amount | UnsetType | None = UNSET
    cashback_amount: Amount | UnsetType | None = UNSET
    cashback_commission_change: Amount | UnsetType | None = UNSET
    payment_schedule: Amount | UnsetType | None = UNSET
    """The only one that comes with the seller's sign."""


class ListedReport(Struct):
    """A weekly report with its sums, in /api/finance/v1/sales-reports/list."""

    report_id: Id
    date_from: str
    date_to: str
    create_date: str
    currency: str
    for_pay_sum: Amount
    delivery_service_sum: Amount
    paid_storage_sum: Amount
    paid_acceptance_sum: Amount
    deduction_sum: Amount
    penalty_sum: Amount
    additional_payment_sum: Amount
    cashback_amount_sum: Amount
    cashback_discount_sum: Amount
    cashback_commission_change_sum: Amount
    payment_schedule: Amount
    bank_payment_sum: Amount


class OrderedTask(Struct):
    """Inside of /api/v1/paid_storage."""

    task_id: str


class OrderedReport(Struct):
    """/api/v1/paid_storage."""

    data: OrderedTask


class TaskState(Struct):
    """Inside of /api/v1/paid_storage/tasks/{task_id}/status."""

    status: str


class ReportState(Struct):
    """/api/v1/paid_storage/tasks/{task_id}/status."""

    data: TaskState


class StoredGoods(Struct):
    """What keeping a size in a warehouse cost on a day, in /api/v1/paid_storage/tasks/{task_id}/download."""

    date: str
    chrt_id: Id
    warehouse_price: Amount
    warehouse: str | None = None
    gi_id: int | None = None
    calc_type: str | None = None
    original_date: str | None = None
    barcodes_count: Count | None = None
    volume: Amount | None = None
    """Litres of one."""


class ChargeNames(Struct):
    """Of StoredGoods what tells the charges of a report apart, for rows of which no more can be read."""

    chrt_id: Id
    warehouse: str | None = None
    gi_id: int | None = None
    calc_type: str | None = None
    original_date: str | None = None


# --- the sales funnel ---------------------------------------------------------------------------------------------


class Period(Struct):
    """The days that a row tells of, both ends among them."""

    start: str
    end: str


class FunnelCounts(Struct):
    """What came of a card in a period."""

    period: Period
    open_count: Count
    cart_count: Count
    order_count: Count
    buyout_count: Count
    cancel_count: Count
    add_to_wishlist: Count


class FunnelStatistic(Struct):
    """Of the period asked for, and of earlier ones that are not."""

    selected: FunnelCounts


class FunnelProduct(Struct):
    """Which card."""

    nm_id: Id


class FunnelCard(Struct):
    """A card, in /api/analytics/v3/sales-funnel/products."""

    product: FunnelProduct
    statistic: FunnelStatistic


class FunnelCards(Struct, Generic[RowT]):
    """Inside of /api/analytics/v3/sales-funnel/products."""

    products: list[RowT] | None


class Funnel(Struct, Generic[RowT]):
    """/api/analytics/v3/sales-funnel/products."""

    data: FunnelCards[RowT]


class _PeriodName(Struct):
    start: str


class _CountsName(Struct):
    period: _PeriodName


class _StatisticName(Struct):
    selected: _CountsName


class FunnelNames(Struct):
    """Of FunnelCard what tells it apart, for rows of which no more can be read."""

    product: FunnelProduct
    statistic: _StatisticName


# --- the account --------------------------------------------------------------------------------------------------


class SellerInfo(Struct):
    """/api/v1/seller-info."""

    sid: str
    name: str | None = None
    trade_mark: str | None = None


class Pong(msgspec.Struct):
    """/ping."""

    status: str = msgspec.field(name="Status")
