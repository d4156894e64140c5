"""What each answer of both marketplaces says, apart from the code that reads it: rows, names, and what spoils them.

Written after the marketplaces' documents. A field stands here with what it must be; `Bad` lists what it must not be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Handle = tuple[str, ...]
"""What a row tells of: the first part is the kind of fact, the others are the marketplace's names for it."""


@dataclass(frozen=True)
class Written:
    """A value as its bytes stand in an answer, for those that no encoder writes."""

    raw: bytes


MISSING = Written(b"")
NAN, INFINITE, OVER = Written(b"NaN"), Written(b"-Infinity"), Written(b"1e400")
SURROGATE, NUL = Written(b'"\\ud800 x"'), Written(b'"a\\u0000b"')
NOT_UTF8 = Written('"Кружка"'.encode("cp1251"))
DEEP = Written(b"[" * 3000 + b"]" * 3000)
BROKEN = (NAN, INFINITE, OVER, SURROGATE, DEEP)
OTHER_TYPES: tuple[Any, ...] = ([], {}, True, [[{"a": 1}]])

NO_ID: tuple[Any, ...] = ("н/д", -5, 1.5, "1.5", 10**30, "9" * 40, *OTHER_TYPES, *BROKEN)
NO_COUNT: tuple[Any, ...] = (-1, 2.5, "7", "", 10**30, 5 * 10**11, *OTHER_TYPES, *BROKEN)
NO_INSTANT: tuple[Any, ...] = ("завтра", "2026-02-30T10:00:00Z", 17, *OTHER_TYPES, *BROKEN)
NO_TIME: tuple[Any, ...] = (
    "2150-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "1986-05-05T10:00:00Z", *NO_INSTANT,
)  # fmt: skip
NO_DAY: tuple[Any, ...] = (None, MISSING, "", "вчера", "2026-02-30", "2150-01-01", "1986-05-05", 17, *OTHER_TYPES, NAN)
NO_MONEY: tuple[Any, ...] = ("дорого", "NaN", "1e400", "1e999999", "12.345678", 10**17, "١٢x", *OTHER_TYPES, *BROKEN)
NO_TEXT: tuple[Any, ...] = (5, [], {}, True, SURROGATE, NUL, NOT_UTF8, NAN)
NOTHING: tuple[Any, ...] = (None, MISSING)

ID = (*NOTHING, "", 0, "0", *NO_ID)
COUNT = (*NOTHING, *NO_COUNT)
TIME = (*NOTHING, "", "0001-01-01T00:00:00Z", *NO_TIME)
PRICE = (-5, "-0.01", *NO_MONEY)
NAME = (*NOTHING, "", *NO_TEXT)
WORD = (*NOTHING, "", "сюрприз", *NO_TEXT)
CURRENCY = ("рубли", "R", "RUBLE", 7, *NO_TEXT)
FLAG: tuple[Any, ...] = ("да", 5, [], {}, NAN)
ROWS_INSIDE = (*NOTHING, [], "нет", 5, {}, [None], [5], NAN)
BARCODES: tuple[Any, ...] = ("нет", 5, {}, [5], [None], NAN)
NO_ROW: tuple[Any, ...] = (None, "мусор", 7, [], {}, [[{}]], True, NAN, SURROGATE, DEEP)


@dataclass(frozen=True)
class Table:
    """The rows of one kind of answer."""

    rows: str
    """Where they stand: "result.items"; "" where the answer is nothing but them."""
    tells: Callable[[Mapping[str, Any], Asked], Iterable[Handle]]
    fields: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Path inside of a row ("products.0.sku") and what spoils the row there."""
    only_lists: bool = False
    """Rows only name what is asked about next: where one cannot be read, the whole reading may be refused."""
    adds_up: bool = False
    """A sku may stand in several rows, which are added up: telling one twice is no corruption, but another figure."""


@dataclass(frozen=True)
class Asked:
    """A request: path with numbers, body as JSON, and what earlier answers of the reading have told."""

    path: str
    payload: Any
    supply_of_bundle: Mapping[str, str]
    sku_of_barcode: Mapping[str, str]


def names(kind: str, *fields: str) -> Callable[[Mapping[str, Any], Asked], list[Handle]]:
    return lambda row, asked: [(kind, *(str(row[name]) for name in fields))]


def _cluster(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    inner = [each for group in row.get("logistic_clusters") or [] for each in group.get("warehouses") or []]
    return [("place", str(row["id"])), *(("place", str(each["warehouse_id"])) for each in inner)]


def _product(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    skus = [row.get("sku"), *(each.get("sku") for each in row.get("sources") or [])]
    return [("card", str(sku)) for sku in dict.fromkeys(skus) if sku]


def _listed(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    sku = str(row.get("sku") or "")
    return [("card", sku), ("stock of", sku)] if sku else []


def _sizes(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("card", str(size["chrtID"])) for size in row.get("sizes") or []]


def _supplies(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("supplies of", str(each["supply_id"])) for each in row.get("supplies") or []]


def _bundle(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("supply", asked.supply_of_bundle.get(asked.payload["bundle_ids"][0], "?"), str(row["sku"]))]


def _good(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("supply", asked.path.split("/")[-2], asked.sku_of_barcode.get(row["barcode"], "?"))]


def _came_back(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("return", str(row["srid"]), asked.sku_of_barcode.get(row["sku"], "?"))]


def _amount(row: Mapping[str, Any], asked: Asked) -> list[Handle]:
    return [("stock", str(row["chrtId"]), asked.path.split("/")[-1])]


_POSTING = {
    "posting_number": NAME, "status": WORD, "products": ROWS_INSIDE, "products.0.sku": ID,
    "products.0.quantity": COUNT, "products.0.price.amount": PRICE, "products.0.price.currency": CURRENCY,
}  # fmt: skip
_CARD = {
    "nmID": ID, "sizes": ROWS_INSIDE, "sizes.0.chrtID": ID, "sizes.0.skus": BARCODES, "vendorCode": NO_TEXT,
    "createdAt": NO_TIME,
}  # fmt: skip
_SALE = {"date": TIME, "barcode": (*NAME, "0000000000000")}

TABLES: dict[str, Table] = {
    "ozon/v2/warehouse/list": Table(
        "warehouses", names("place", "warehouse_id"), {"warehouse_id": ID, "name": NO_TEXT, "is_rfbs": FLAG}
    ),
    "ozon/v1/cluster/list": Table("clusters", _cluster, {"id": ID, "name": NO_TEXT}),
    "ozon/v3/product/list": Table("result.items", _listed, {"product_id": ID, "sku": NO_ID}, only_lists=True),
    "ozon/v3/product/info/list": Table(
        "items",
        _product,
        {
            "id": ID, "sku": NO_ID, "price": PRICE, "currency_code": CURRENCY, "name": NO_TEXT, "offer_id": NO_TEXT,
            "barcodes": BARCODES, "created_at": NO_TIME, "is_archived": FLAG,
        },
    ),
    "ozon/v1/analytics/stocks": Table(
        "items",
        names("stock", "sku", "warehouse_id"),
        {
            "sku": (*ID, 7_000_000_123), "warehouse_id": ID, "available_stock_count": COUNT, "offer_id": NO_TEXT,
            "transit_stock_count": NO_COUNT, "requested_stock_count": NO_COUNT, "warehouse_name": NO_TEXT,
            "return_from_customer_stock_count": NO_COUNT, "cluster_id": NO_ID,
        },
    ),
    "ozon/v1/product/info/warehouse/stocks": Table(
        "stocks",
        names("stock", "sku", "warehouse_id"),
        {"sku": ID, "present": COUNT, "reserved": COUNT, "free_stock": COUNT, "warehouse_id": (*NO_ID, 987_654_321)},
    ),
    "ozon/v3/posting/fbo/list": Table(
        "postings",
        names("order", "posting_number"),
        {
            **_POSTING, "created_at": TIME, "analytics_data.warehouse_id": NO_ID,
            "analytics_data.warehouse_name": NO_TEXT,
        },
    ),
    "ozon/v4/posting/fbs/list": Table(
        "postings",
        names("order", "posting_number"),
        {**_POSTING, "in_process_at": TIME, "delivery_method.warehouse_id": NO_ID},
    ),
    "ozon/v1/finance/accrual/by-day": Table(
        "accruals",
        names("sale", "accrual_id"),
        {
            "accrual_id": ID, "date": NO_DAY, "accrued_category": (*NOTHING, *NO_TEXT),
            "posting.products.0.sku": ID, "posting.products.0.commission.sale_amount.amount": NO_MONEY,
            "posting.products.0.commission.sale_amount.currency": (*NOTHING, "", *CURRENCY),
        },
    ),
    "ozon/v1/returns/list": Table(
        "returns",
        lambda row, asked: [("return", str(row["id"]), str(row["product"]["sku"]))],
        {
            "id": ID, "product": (*NOTHING, "нет", 5, [], {}), "product.sku": ID, "product.quantity": COUNT,
            "visual.status.sys_name": WORD, "logistic.return_date": NO_TIME,
            # Only where no better instant is told does a record hold this one.
            "visual.change_moment": NO_INSTANT,
            "type": NO_TEXT, "posting_number": NO_TEXT,
        },
    ),
    "ozon/v2/returns/rfbs/list": Table(
        "returns",
        lambda row, asked: [("return", f"rfbs:{row['return_id']}", str(row["product"]["sku"]))],
        {
            "return_id": ID, "product": (*NOTHING, "нет", 5, [], {}), "product.sku": ID,
            "state": (*NOTHING, "нет", 5, [], {}), "state.group_state": WORD, "created_at": TIME,
            "posting_number": NO_TEXT,
        },
    ),
    "ozon/v3/supply-order/get": Table(
        "orders",
        _supplies,
        {
            "order_id": ID, "created_date": TIME, "supplies.0.supply_id": ID, "state_updated_date": NO_TIME,
            "supplies.0.state": ("сюрприз", *NO_TEXT),
        },
        only_lists=True,
    ),
    "ozon/v1/supply-order/bundle": Table(
        "items", _bundle, {"sku": ID, "quantity": COUNT, "offer_id": NO_TEXT}, adds_up=True
    ),
    "wildberries/api/v3/warehouses": Table(
        "",
        names("place", "id"),
        {"id": ID, "name": NO_TEXT, "deliveryType": (*NOTHING, 99, "1", 1.5, *OTHER_TYPES)},
    ),
    "wildberries/content/v2/get/cards/list": Table("cards", _sizes, {**_CARD, "title": NO_TEXT}),
    "wildberries/content/v2/get/cards/trash": Table("cards", _sizes, _CARD),
    "wildberries/api/v2/list/goods/filter": Table(
        "data.listGoods",
        names("price", "nmID"),
        {
            "nmID": ID, "sizes.0.discountedPrice": PRICE, "currencyIsoCode4217": CURRENCY,
            "sizes": ("нет", 5, [None], NAN),
        },
    ),
    "wildberries/api/analytics/v1/stocks-report/wb-warehouses": Table(
        "data.items",
        lambda row, asked: [("stock", str(row["chrtId"]), f"wb:{row['warehouseName']}")],
        {
            "chrtId": ID, "warehouseId": (*NOTHING, "н/д", 1.5, NAN), "quantity": COUNT, "warehouseName": NAME,
            "inWayToClient": NO_COUNT, "inWayFromClient": NO_COUNT,
        },
    ),
    "wildberries/api/analytics/v1/stocks-report/seller-warehouses": Table(
        "data.items",
        names("stock", "chrtId", "warehouseId"),
        {"chrtId": ID, "warehouseId": (*NOTHING, "н/д", 0, -5, 1.5, NAN), "quantity": COUNT},
    ),
    "wildberries/api/v3/stocks/0": Table("stocks", _amount, {"chrtId": ID, "amount": COUNT}),
    "wildberries/api/v1/supplier/orders": Table(
        "",
        names("order", "srid"),
        {
            **_SALE, "srid": NAME, "warehouseType": WORD, "priceWithDisc": PRICE, "isCancel": FLAG,
            "warehouseName": NO_TEXT,
        },
    ),
    "wildberries/api/v1/supplier/sales": Table(
        "",
        names("sale", "saleID"),
        {**_SALE, "saleID": (*NAME, "X123", "S"), "forPay": NO_MONEY, "srid": NO_TEXT},
    ),
    "wildberries/api/analytics/v1/item-returns": Table(
        "report",
        _came_back,
        {
            "srid": NAME, "sku": (*NAME, "0000000000000"), "orderDt": TIME, "completedDt": NO_TIME,
            "readyToReturnDt": (17, [], NAN), "returnType": NO_TEXT, "returnReason": NO_TEXT,
        },
    ),
    "wildberries/api/analytics/v3/sales-funnel/products": Table(
        "data.products",
        lambda row, asked: [
            ("funnel", str(row["product"]["nmId"]), row["statistic"]["selected"]["period"]["start"])
        ],
        {
            "product": (*NOTHING, "нет", 5, [], {}), "product.nmId": ID,
            "statistic.selected": (*NOTHING, "нет", 5, [], {}), "statistic.selected.period.start": NO_DAY,
            "statistic.selected.period.end": NO_DAY, "statistic.selected.openCount": COUNT,
            "statistic.selected.cartCount": COUNT, "statistic.selected.orderCount": COUNT,
            "statistic.selected.buyoutCount": COUNT, "statistic.selected.cancelCount": COUNT,
            "statistic.selected.addToWishlist": COUNT,
        },
    ),
    "wildberries/api/v1/supplies": Table(
        "",
        lambda row, asked: [("supplies of", str(row["supplyID"]))] if row.get("supplyID") else [],
        {"statusID": (*NOTHING, 99, "2", 1.5, [], NAN), "createDate": TIME, "supplyID": ("н/д", -1, 1.5, [], NAN)},
        only_lists=True,
    ),
    "wildberries/api/v1/supplies/0/goods": Table(
        "",
        _good,
        {"barcode": (*NAME, "0000000000000"), "quantity": COUNT, "acceptedQuantity": NO_COUNT},
        adds_up=True,
    ),
}  # fmt: skip
"""By marketplace and path, numbers in it as 0."""


def table_of(source: str, path: str) -> Table | None:
    """What is known of the answers of a path."""
    return TABLES.get(source + re.sub(r"/\d+(?=/|$)", "/0", path))
