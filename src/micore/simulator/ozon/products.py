"""Ozon's catalogue: product list, cards, attributes, prices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import rfc3339
from micore.simulator.ozon.view import VISIBILITIES, View
from micore.simulator.ozon.wire import (
    Body,
    RefusedError,
    choice,
    make_cursor,
    read_cursor,
    section,
    text,
    text_list,
    whole,
    whole_list,
)
from micore.simulator.shop.places import Kind

Ints = NDArray[np.int64]

_SELLER_KINDS = (Kind.OZON_FBS, Kind.OZON_RFBS)
_ALL_KINDS = (Kind.OZON_FBO, *_SELLER_KINDS)
COMMISSION_PERCENT = {"FBO": 15.0, "FBS": 17.0, "RFBS": 13.0, "FBP": 15.0}


def filtered(view: View, body: Body, *, sku_field: str, one_kind: bool = True) -> tuple[Ints, bool]:
    """Products of a request's `filter`, and whether they were named one by one (then there are no pages)."""
    chosen = section(body, "filter")
    skus = whole_list(chosen, sku_field, most=1000) if sku_field else []
    ids, offers = whole_list(chosen, "product_id", most=1000), text_list(chosen, "offer_id")
    kinds = sum(bool(group) for group in (skus, ids, offers))
    if kinds > 1 and one_kind:
        raise RefusedError("use only one group of identifiers: offer_id, product_id or sku")
    if sku_field and chosen.get(sku_field) == [] and sku_field == "skus":
        raise RefusedError("Request validation error: filter.skus: value must contain at least 1 item(s)")
    if kinds:
        return view.found(skus=skus, product_ids=ids, offers=offers), True
    return view.visible(choice(chosen, "visibility", VISIBILITIES, "ALL")), False


def page(view: View, products: Ints, cursor: str, limit: int) -> Ints:
    """The next products after a cursor, by product_id."""
    after = read_cursor(cursor, 1)
    start = 0 if after is None else int(np.searchsorted(view.goods.product_id[products], after[0], side="right"))
    return products[start : start + limit]


def cursor_after(view: View, products: Ints) -> str:
    """Mark behind the last of these products; empty when there are none."""
    return make_cursor(int(view.goods.product_id[products[-1]])) if len(products) else ""


def product_list(view: View, body: Body) -> Body:
    """/v3/product/list"""
    products, named = filtered(view, body, sku_field="skus")
    total = len(products)
    if not named:
        products = page(view, products, text(body, "last_id"), whole(body, "limit", low=1, high=1000))
    fbo = view.totals(products, Kind.OZON_FBO)[0] > 0
    fbs = view.totals(products, *_SELLER_KINDS)[0] > 0
    archived = view.archived(products)
    items = [
        {
            "product_id": int(view.goods.product_id[k]),
            "offer_id": view.shop.cards.card(k).offer_id,
            "sku": int(view.goods.sku[k]),
            "has_fbo_stocks": bool(fbo[row]),
            "has_fbs_stocks": bool(fbs[row]),
            "archived": bool(archived[row]),
            "is_discounted": bool(view.goods.discounted[k]),
            "quants": [],
        }
        for row, k in enumerate(products.tolist())
    ]
    return {"result": {"items": items, "total": total, "last_id": "" if named else cursor_after(view, products)}}


def info_list(view: View, body: Body) -> Body:
    """/v3/product/info/list"""
    skus, ids = whole_list(body, "sku", most=1000), whole_list(body, "product_id", most=1000)
    offers = text_list(body, "offer_id")
    if not skus and not ids and not offers:
        raise RefusedError("use either offer_id or product_id or sku")
    if len(skus) + len(ids) + len(offers) > 1000:
        raise RefusedError("too many identifiers: no more than 1000 in offer_id, product_id and sku together")
    products = view.found(skus=skus, product_ids=ids, offers=offers)
    schemes = [
        ("fbo", *view.totals(products, Kind.OZON_FBO)),
        ("fbs", *view.totals(products, Kind.OZON_FBS)),
        ("rfbs", *view.totals(products, Kind.OZON_RFBS)),
    ]
    archived = view.archived(products)
    items = []
    for row, k in enumerate(products.tolist()):
        stocks = [
            {"sku": int(view.goods.sku[k]), "source": name, "present": int(present[row]), "reserved": int(held[row])}
            for name, present, held, sold in schemes
            if sold[row]
        ]
        items.append(_info(view, k, stocks, archived=bool(archived[row])))
    return {"items": items}


def _info(view: View, k: int, stocks: list[dict[str, Any]], *, archived: bool) -> Body:
    card = view.shop.cards.card(k)
    prices = view.shop.cards.prices(k, view.now_us)
    sku, created = int(view.goods.sku[k]), int(view.shop.created_us[k])
    edited = max(view.shop.cards.edited_us(k, view.now_us, created), min(prices.since_us, view.now_us), created)
    has_stock = any(stock["present"] > stock["reserved"] for stock in stocks)
    return {
        "id": int(view.goods.product_id[k]),
        "name": card.name,
        "offer_id": card.offer_id,
        "is_archived": archived,
        "is_autoarchived": False,
        "barcodes": list(card.ozon_barcodes),
        "description_category_id": card.category.ozon_category_id,
        "type_id": card.category.ozon_type_id,
        "created_at": rfc3339(created),
        "images": [_image(sku, 1), _image(sku, 2)],
        "currency_code": "RUB",
        "min_price": f"{prices.min_price}.00",
        "old_price": f"{prices.old_price}.00",
        "price": f"{prices.price}.00",
        "sources": [
            {
                "created_at": rfc3339(created), "sku": sku, "source": "sds",
                "shipment_type": "SHIPMENT_TYPE_GENERAL", "quant_code": "",
            }
        ],
        "model_info": {"model_id": int(view.goods.imt_id[k]), "count": 4 if view.goods.sized[k] else 1},
        "commissions": [
            {
                "delivery_amount": 0, "percent": percent, "return_amount": 0, "sale_schema": schema,
                "value": round(prices.price * percent / 100, 2),
            }
            for schema, percent in COMMISSION_PERCENT.items()
        ],
        "is_prepayment_allowed": True,
        "volume_weight": _volume_weight(card.litres),
        "has_discounted_fbo_item": False,
        "is_discounted": bool(view.goods.discounted[k]),
        "discounted_fbo_stocks": 0,
        "stocks": {"has_stock": has_stock, "stocks": stocks},
        "errors": [],
        "updated_at": rfc3339(edited),
        "vat": card.vat,
        "visibility_details": {"has_price": True, "has_stock": has_stock},
        "price_indexes": {
            "color_index": "COLOR_INDEX_WITHOUT_INDEX",
            "external_index_data": _no_index("minimal_price"),
            "ozon_index_data": _no_index("minimal_price"),
            "self_marketplaces_index_data": _no_index("minimal_price"),
        },
        "is_kgt": False,
        "is_super": False,
        "color_image": [],
        "primary_image": [_image(sku, 0)],
        "statuses": {
            "status": "price_sent",
            "status_failed": "",
            "moderate_status": "approved",
            "validation_status": "success",
            "status_name": "Продается" if has_stock else "Готов к продаже",
            "status_description": "" if has_stock else "Нет на складе",
            "is_created": True,
            "status_tooltip": "",
            "status_updated_at": rfc3339(edited),
        },
        "availabilities": [],
        "promotions": [{"type": "REVIEWS_PROMO", "is_enabled": False}],
        "sku": sku,
    }  # fmt: skip


def _no_index(name: str) -> Body:
    empty: object = "" if name == "minimal_price" else 0
    return {name: empty, f"{name}_currency": "RUB", "price_index_value": 0}


def _image(sku: int, number: int) -> str:
    return f"https://ir.ozone.ru/s3/multimedia-1-{number}/{sku}.jpg"


def _volume_weight(litres: float) -> float:
    return round(max(0.1, litres / 5), 1)


def attributes(view: View, body: Body) -> Body:
    """/v4/product/info/attributes; here `sku` and `total` are texts, as the spec says."""
    products, named = filtered(view, body, sku_field="sku", one_kind=False)
    total = len(products)
    limit = whole(body, "limit", low=1, high=1000, default=100 if named else None)
    products = page(view, products[np.argsort(view.goods.product_id[products])], text(body, "last_id"), limit)
    result = []
    for k in products.tolist():
        card, sku = view.shop.cards.card(k), int(view.goods.sku[k])
        result.append({
            "id": int(view.goods.product_id[k]),
            "barcode": card.ozon_barcodes[-1],
            "barcodes": list(card.ozon_barcodes),
            "name": card.name,
            "offer_id": card.offer_id,
            "type_id": card.category.ozon_type_id,
            "height": card.height_mm, "depth": card.depth_mm, "width": card.width_mm, "dimension_unit": "mm",
            "weight": card.weight_g, "weight_unit": "g",
            "primary_image": _image(sku, 0),
            "sku": str(sku),
            "model_info": {"model_id": int(view.goods.imt_id[k]), "count": 4 if view.goods.sized[k] else 1},
            "images": [_image(sku, 1), _image(sku, 2)],
            "pdf_list": [],
            "attributes": _attributes(card.brand, card.colour, card.name, card.tech_size),
            "attributes_with_defaults": [],
            "complex_attributes": [],
            "color_image": "",
            "description_category_id": card.category.ozon_category_id,
        })  # fmt: skip
    return {"result": result, "total": str(total), "last_id": cursor_after(view, products)}


def _attributes(brand: str, colour: str, name: str, size: str) -> list[Body]:
    values = [(85, brand), (10096, colour), (4180, name)] + ([(4295, size)] if size != "0" else [])
    return [
        {"id": number, "complex_id": 0, "values": [{"dictionary_value_id": 0, "value": value}]}
        for number, value in values
    ]


def prices(view: View, body: Body) -> Body:
    """/v5/product/info/prices; money is numbers here."""
    section(body, "filter", required=True)
    products, _ = filtered(view, body, sku_field="", one_kind=False)
    total = len(products)
    products = products[np.argsort(view.goods.product_id[products])]
    limit = whole(body, "limit", low=1, high=1000)
    shown = page(view, products, text(body, "cursor"), limit)
    ended = not len(shown) or shown[-1] == products[-1]
    return {
        "items": [_price(view, k) for k in shown.tolist()],
        "cursor": "" if ended else cursor_after(view, shown),
        "total": total,
    }


def _price(view: View, k: int) -> Body:
    card, now = view.shop.cards.card(k), view.shop.cards.prices(k, view.now_us)
    heavy = _volume_weight(card.litres)
    return {
        "product_id": int(view.goods.product_id[k]),
        "offer_id": card.offer_id,
        "price": {
            "price": now.price, "old_price": now.old_price, "min_price": now.min_price, "net_price": now.cost,
            "marketing_seller_price": now.price, "retail_price": 0, "vat": float(card.vat), "currency_code": "RUB",
            "auto_action_enabled": False, "auto_add_to_ozon_actions_list_enabled": True,
        },
        "commissions": {
            "sales_percent_fbo": COMMISSION_PERCENT["FBO"], "sales_percent_fbs": COMMISSION_PERCENT["FBS"],
            "sales_percent_rfbs": COMMISSION_PERCENT["RFBS"], "sales_percent_fbp": COMMISSION_PERCENT["FBP"],
            "fbo_deliv_to_customer_amount": 25, "fbo_direct_flow_trans_min_amount": round(56 + 9 * heavy, 2),
            "fbo_direct_flow_trans_max_amount": round(56 + 14 * heavy, 2), "fbo_return_flow_amount": 15,
            "fbs_deliv_to_customer_amount": 25, "fbs_direct_flow_trans_min_amount": round(71 + 9 * heavy, 2),
            "fbs_direct_flow_trans_max_amount": round(71 + 14 * heavy, 2), "fbs_first_mile_min_amount": 10,
            "fbs_first_mile_max_amount": 30, "fbs_return_flow_amount": 15,
        },
        "marketing_actions": {
            "actions": [], "current_period_from": None, "current_period_to": None, "ozon_actions_exist": False
        },
        "price_indexes": {
            "color_index": "WITHOUT_INDEX",
            "external_index_data": _no_number(), "ozon_index_data": _no_number(),
            "self_marketplaces_index_data": _no_number(),
        },
        "acquiring": round(now.price * 0.015, 2),
        "volume_weight": heavy,
    }  # fmt: skip


def _no_number() -> Body:
    return {"min_price": 0, "min_price_currency": "RUB", "price_index_value": 0}
