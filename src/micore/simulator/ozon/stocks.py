"""Ozon's stock: at Ozon by warehouse and cluster, at the seller's warehouses, totals per scheme."""

from __future__ import annotations

import numpy as np

from micore.simulator.clock import DAY_US, rfc3339
from micore.simulator.ozon.products import cursor_after, filtered, page
from micore.simulator.ozon.view import CLUSTER_OF_PLACE, SELLER_SCHEMES, View
from micore.simulator.ozon.wire import (
    NOT_FOUND,
    Body,
    RefusedError,
    make_cursor,
    read_cursor,
    section,
    text,
    text_list,
    whole,
    whole_list,
)
from micore.simulator.shop.places import BY_ID, CLUSTERS, OZON_SELLER, PLACES, Kind

_WINDOW_DAYS = 28
_LARGEST = 2**63 - 1
_CLUSTER_OF_PLACE = np.array(CLUSTER_OF_PLACE)


def analytics(view: View, body: Body) -> Body:
    """/v1/analytics/stocks. A place is told while anything is there or on its way, or it sold in the last 28 days."""
    skus = whole_list(body, "skus", most=100)
    if not skus:
        raise RefusedError("Request validation error: skus: value must contain at least 1 item(s)")
    clusters = whole_list(body, "cluster_ids", most=1000)
    macrolocal = whole_list(body, "macrolocal_cluster_ids", most=1000)
    if clusters and macrolocal:
        raise RefusedError("use only one of cluster_ids and macrolocal_cluster_ids")
    warehouses = set(whole_list(body, "warehouse_ids", most=1000))
    grades = set(text_list(body, "turnover_grades"))
    tags = set(text_list(body, "item_tags"))
    zones = set(text_list(body, "placement_zone"))
    products = view.found(skus=skus, product_ids=[], offers=[])
    owner, pair = view.pair_rows(products, Kind.OZON_FBO)
    rows = _Rows(view, products, owner, pair)
    items = []
    for row in np.flatnonzero(rows.told).tolist():
        place = PLACES[int(view.pairs.place[pair[row]])]
        cluster = CLUSTERS[place.cluster]
        if (
            (warehouses and place.place_id not in warehouses)
            or (clusters and cluster.cluster_id not in clusters)
            or (macrolocal and cluster.macrolocal_id not in macrolocal)
        ):
            continue
        item = rows.item(row)
        if (
            (grades and item["turnover_grade"] not in grades)
            or (tags and not tags.intersection(item["item_tags"]))
            or (zones and not zones.intersection(item["placement_zone"]))
        ):
            continue
        items.append(item)
    return {"items": items}


class _Rows:
    """Columns for all asked (product, warehouse) pairs, and one row as JSON."""

    def __init__(self, view: View, products: np.ndarray, owner: np.ndarray, pair: np.ndarray) -> None:
        books, now = view.books, view.now_us
        self._view, self._products, self._owner, self._pair = view, products, owner, pair
        self._available = books.available.at(pair, now)
        self._preparing = books.preparing.at(pair, now)
        self._requested = books.requested.at(pair, now)
        self._transit = books.transit.at(pair, now)
        self._returning = books.from_client.at(pair, now)
        sold = books.ordered.at(pair, now) - books.ordered.at(
            pair, max(now - _WINDOW_DAYS * DAY_US, view.shop.start_us)
        )
        quiet = (now - books.ordered.last_change_us(pair, now)) // DAY_US
        self.told = (self._available + self._preparing + self._requested + self._transit + self._returning + sold) > 0
        region = owner * len(CLUSTERS) + _CLUSTER_OF_PLACE[view.pairs.place[pair]]
        size, regions = len(products), len(products) * len(CLUSTERS)
        self._sold = np.bincount(owner, weights=sold, minlength=size)
        self._stock = np.bincount(owner, weights=self._available, minlength=size)
        self._sold_here = np.bincount(region, weights=sold, minlength=regions)[region]
        self._stock_here = np.bincount(region, weights=self._available, minlength=regions)[region]
        least = np.full(size, 10_000, dtype=np.int64)
        np.minimum.at(least, owner, quiet)
        least_here = np.full(regions, 10_000, dtype=np.int64)
        np.minimum.at(least_here, region, quiet)
        self._quiet, self._quiet_here = least, least_here[region]

    def item(self, row: int) -> Body:
        """One item of the answer."""
        view, owner = self._view, int(self._owner[row])
        k = int(self._products[owner])
        card = view.shop.cards.card(k)
        place = PLACES[int(view.pairs.place[self._pair[row]])]
        cluster = CLUSTERS[place.cluster]
        ads, ads_here = float(self._sold[owner]) / _WINDOW_DAYS, float(self._sold_here[row]) / _WINDOW_DAYS
        idc = float(self._stock[owner]) / ads if ads else 0.0
        idc_here = float(self._stock_here[row]) / ads_here if ads_here else 0.0
        young = view.now_us - int(view.shop.created_us[k]) < _WINDOW_DAYS * DAY_US
        return {
            "sku": int(view.goods.sku[k]),
            "offer_id": card.offer_id,
            "name": card.name,
            "warehouse_id": place.place_id,
            "warehouse_name": place.name,
            "cluster_id": cluster.cluster_id,
            "cluster_name": cluster.name,
            "macrolocal_cluster_id": cluster.macrolocal_id,
            "available_stock_count": int(self._available[row]),
            "valid_stock_count": int(self._preparing[row]),
            "requested_stock_count": int(self._requested[row]),
            "transit_stock_count": int(self._transit[row]),
            "return_from_customer_stock_count": int(self._returning[row]),
            "return_to_seller_stock_count": 0,
            "other_stock_count": 0,
            "excess_stock_count": 0,
            "expiring_stock_count": 0,
            "stock_defect_stock_count": 0,
            "transit_defect_stock_count": 0,
            "waiting_docs_stock_count": 0,
            "waiting_docs_to_export_stock_count": 0,
            "ads": round(ads, 2),
            "ads_cluster": round(ads_here, 2),
            "idc": round(idc, 2),
            "idc_cluster": round(idc_here, 2),
            "days_without_sales": int(self._quiet[owner]),
            "days_without_sales_cluster": int(self._quiet_here[row]),
            "turnover_grade": _grade(idc, ads, self._stock[owner], young=young),
            "turnover_grade_cluster": _grade(idc_here, ads_here, self._stock_here[row], young=young),
            "placement_zone": ["SORT"],
            "item_tags": ["NOVEL"] if young else ["DISCOUNT"] if view.goods.discounted[k] else ["ITEM_ATTRIBUTE_NONE"],
        }


def _grade(days: float, sales: float, stock: float, *, young: bool) -> str:
    if young:
        return "COLLECTING_DATA"
    if sales == 0:
        return "NO_SALES" if stock else "WAITING_FOR_SUPPLY"
    for limit, name in ((7, "DEFICIT"), (28, "POPULAR"), (56, "ACTUAL")):
        if days < limit:
            return name
    return "SURPLUS"


def totals(view: View, body: Body) -> Body:
    """/v4/product/info/stocks: totals per scheme; FBO is told by analytics alone, as its description says."""
    section(body, "filter", required=True)
    products, _ = filtered(view, body, sku_field="", one_kind=False)
    products = products[np.argsort(view.goods.product_id[products])]
    total = len(products)
    shown = page(view, products, text(body, "cursor"), whole(body, "limit", low=1, high=1000))
    columns = [(name, *view.totals(shown, kind)) for name, kind in SELLER_SCHEMES]
    items = [
        {
            "product_id": int(view.goods.product_id[k]),
            "offer_id": view.shop.cards.card(k).offer_id,
            "stocks": [
                {
                    "sku": int(view.goods.sku[k]), "type": name, "present": int(present[row]),
                    "reserved": int(reserved[row]), "shipment_type": "SHIPMENT_TYPE_GENERAL", "warehouse_ids": [],
                }
                for name, present, reserved, sold in columns
                if sold[row]
            ],
        }
        for row, k in enumerate(shown.tolist())
    ]  # fmt: skip
    return {"items": items, "total": total, "cursor": cursor_after(view, shown)}


def in_warehouse(view: View, body: Body) -> Body:
    """/v1/product/info/warehouse/stocks: everything that ever lay in one of the seller's warehouses."""
    limit = whole(body, "limit", low=1, high=1000)
    place = BY_ID.get(whole(body, "warehouse_id", low=1, high=_LARGEST))
    if place not in OZON_SELLER:
        raise RefusedError("warehouse not found", 404, NOT_FOUND)
    pairs = view.shop.pairs_in(place)
    pairs = pairs[view.exists(view.pairs.product[pairs])]
    pairs = pairs[np.argsort(view.goods.sku[view.pairs.product[pairs]])]
    shown, has_next, cursor = _page(view, pairs, text(body, "cursor"), limit)
    reserved = view.books.reserved.at(shown, view.now_us)
    available = view.books.available.at(shown, view.now_us)
    changed = np.maximum(
        view.books.available.last_change_us(shown, view.now_us), view.books.reserved.last_change_us(shown, view.now_us)
    )
    stocks = []
    for row, pair in enumerate(shown.tolist()):
        k = int(view.pairs.product[pair])
        stocks.append(
            {
                "sku": int(view.goods.sku[k]),
                "product_id": int(view.goods.product_id[k]),
                "offer_id": view.shop.cards.card(k).offer_id,
                "warehouse_id": PLACES[place].place_id,
                "present": int(available[row] + reserved[row]),
                "reserved": int(reserved[row]),
                "free_stock": int(available[row]),
                "updated_at": rfc3339(int(changed[row])),
            }
        )
    return {"stocks": stocks, "has_next": has_next, "cursor": cursor}


def by_warehouse(view: View, body: Body) -> Body:
    """/v2/product/info/stocks-by-warehouse/fbs: the seller's warehouses for named products."""
    limit = whole(body, "limit", low=1, high=1000)
    skus, offers = whole_list(body, "sku", most=1000), text_list(body, "offer_id")
    if bool(skus) == bool(offers):
        raise RefusedError("use either sku or offer_id")
    products = np.sort(view.found(skus=skus, product_ids=[], offers=offers))
    _, pairs = view.pair_rows(products, Kind.OZON_FBS, Kind.OZON_RFBS)
    pairs = pairs[np.lexsort((view.pairs.place[pairs], view.goods.sku[view.pairs.product[pairs]]))]
    shown, has_next, cursor = _page(view, pairs, text(body, "cursor"), limit, placed=True)
    reserved = view.books.reserved.at(shown, view.now_us)
    available = view.books.available.at(shown, view.now_us)
    found = []
    for row, pair in enumerate(shown.tolist()):
        k, place = int(view.pairs.product[pair]), PLACES[int(view.pairs.place[pair])]
        found.append(
            {
                "sku": int(view.goods.sku[k]),
                "offer_id": view.shop.cards.card(k).offer_id,
                "product_id": int(view.goods.product_id[k]),
                "warehouse_id": place.place_id,
                "warehouse_name": place.name,
                "present": int(available[row] + reserved[row]),
                "reserved": int(reserved[row]),
                "free_stock": int(available[row]),
            }
        )
    return {"products": found, "cursor": cursor, "has_next": has_next}


def _page(
    view: View,
    pairs: np.ndarray,
    cursor: str,
    limit: int,
    *,
    placed: bool = False,
) -> tuple[np.ndarray, bool, str]:
    """Pairs after a cursor in the order of their sku (and place): (page, whether more follow, next cursor)."""
    key = view.goods.sku[view.pairs.product[pairs]] * len(PLACES) + (view.pairs.place[pairs] if placed else 0)
    after = read_cursor(cursor, 1)
    start = 0 if after is None else int(np.searchsorted(key, after[0], side="right"))
    shown = pairs[start : start + limit]
    mark = make_cursor(int(key[start + len(shown) - 1])) if len(shown) else ""
    return shown, start + limit < len(pairs), mark
