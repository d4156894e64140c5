"""Wildberries' rows from quarantine, read again by the readers that rejected them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import msgspec

from micore.domain.records import PlaceRecord, SaleRecord
from micore.sources.base import Reread
from micore.sources.rereading import Context, ReadAgain, needed
from micore.sources.rows import RowReader
from micore.sources.wildberries import catalogue, finance, funnel, history, orders, prices, returns, sales, warehouses
from micore.sources.wildberries.answers import Order, Sale
from micore.sources.wildberries.api import TRASH_PATH
from micore.sources.wildberries.orders import SkuOfBarcode
from micore.sources.wildberries.statistics import listed


def _warehouse(raw: bytes, context: Context) -> Reread:
    del context
    return Reread(warehouses.WAREHOUSES.one(raw)[1])


def _card(raw: bytes, context: Context) -> Reread:
    part = catalogue.PATHS.index(TRASH_PATH) if needed(context, "archived") else 0
    return Reread(catalogue.READERS[part].one(raw)[1])


def _price(raw: bytes, context: Context) -> Reread:
    del context
    return Reread(prices.PRICES.one(raw)[1])


def _order(raw: bytes, context: Context, *, sku_of_barcode: SkuOfBarcode) -> Reread:
    if "until" in context:
        row, records = history.history_reader(sku_of_barcode, date.fromisoformat(context["until"])).one(raw)
        sold_from = history.place_of(row)
        return Reread(records, places=(sold_from,) if sold_from else ())
    told = needed(context, "seller")
    place = None if told is None else msgspec.convert(told, PlaceRecord)
    sellers = {} if place is None else {place.name: place}
    convert = partial(orders.order_records, sku_of_barcode=sku_of_barcode, sellers=sellers)
    reader: RowReader[Any, Order] = listed(Order, convert, key_field="srid")
    order, records = reader.one(raw)
    there = orders.place_of(order, sellers)
    return Reread(records, places=(there,) if there else ())


def _sale(raw: bytes, context: Context, *, sku_of_barcode: SkuOfBarcode) -> Reread:
    del context
    convert = partial(sales.sale_records, sku_of_barcode=sku_of_barcode)
    reader: RowReader[Any, Sale] = listed(Sale, convert, key_field="saleID")
    # 0 may mean that nothing is booked yet; whether it does, the stream knows.
    return Reread([each for each in reader.one(raw)[1] if isinstance(each, SaleRecord) and each.amount])


def _amounts(raw: bytes, context: Context, *, sku_of_barcode: SkuOfBarcode) -> Reread:
    del context
    return Reread(finance.report_reader(partial(finance.finance_records, sku_of_barcode=sku_of_barcode)).one(raw)[1])


def _funnel(raw: bytes, context: Context) -> Reread:
    asked = context.get("day")
    return Reread(funnel.reader(None if asked is None else date.fromisoformat(asked)).one(raw)[1])


def _return(raw: bytes, context: Context, *, sku_of_barcode: SkuOfBarcode) -> Reread:
    return Reread(returns.reader(sku_of_barcode, archived=needed(context, "archived")).one(raw)[1])


def read_again(sku_of_barcode: SkuOfBarcode) -> Mapping[str, ReadAgain]:
    """By stream; the rows of the others mean nothing by themselves.

    A size may stand in a supply under several barcodes, so a row of its goods alone tells half a quantity: the supply
    is read whole again instead.
    """
    return {
        "warehouses": _warehouse,
        "catalogue": _card,
        "prices": _price,
        "orders": partial(_order, sku_of_barcode=sku_of_barcode),
        "sales": partial(_sale, sku_of_barcode=sku_of_barcode),
        "finance": partial(_amounts, sku_of_barcode=sku_of_barcode),
        "returns": partial(_return, sku_of_barcode=sku_of_barcode),
        "funnel": _funnel,
    }
