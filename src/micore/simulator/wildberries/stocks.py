"""Wildberries' stock: the pooled warehouse, the seller's warehouses, and the offices these deliver to."""

from __future__ import annotations

import numpy as np

from micore.simulator.clock import SECOND_US
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import BY_ID, PLACES, WB_SELLER, Kind
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import (
    Body,
    integer,
    integers,
    json_object,
    refused_marketplace,
    refused_report,
    request_id,
)

REFRESH_US = 30 * 60 * SECOND_US
_LARGEST = 2**32 - 1

OFFICES = (
    (
        15,
        "Коледино",
        "Московская область, Подольск, д. Коледино, ул. Троицкая, 20",
        "Подольск",
        55.386871,
        37.588898,
        "Центральный",
    ),
    (
        161,
        "Шушары",
        "Санкт-Петербург, п. Шушары, Московское шоссе, 153",
        "Санкт-Петербург",
        59.806112,
        30.383201,
        "Северо-Западный",
    ),
    (
        204,
        "Казань",
        "Республика Татарстан, Зеленодольск, пр. Промышленный, 1",
        "Казань",
        55.847102,
        48.542331,
        "Приволжский",
    ),
)


def in_wb_warehouses(view: View, request: Request) -> Answer:
    """POST /api/analytics/v1/stocks-report/wb-warehouses. The data is renewed every half hour."""
    chosen, offset, limit = _inventory_request(view, request, Kind.WB_OWN)
    at = max(view.now_us // REFRESH_US * REFRESH_US, view.shop.start_us)
    free = view.books.available.at(chosen, at)
    going, coming = view.books.to_client.at(chosen, at), view.books.from_client.at(chosen, at)
    told = np.flatnonzero((free > 0) | (going > 0) | (coming > 0))[offset : offset + limit]
    items = [
        {
            **_keys(view, int(chosen[row])),
            "quantity": int(free[row]),
            "inWayToClient": int(going[row]),
            "inWayFromClient": int(coming[row]),
        }
        for row in told.tolist()
    ]
    return json_answer({"data": {"items": items}})


def in_seller_warehouses(view: View, request: Request) -> Answer:
    """POST /api/analytics/v1/stocks-report/seller-warehouses"""
    chosen, offset, limit = _inventory_request(view, request, Kind.WB_SELLER)
    at = max(view.now_us // REFRESH_US * REFRESH_US, view.shop.start_us)
    free = view.books.available.at(chosen, at)
    told = np.flatnonzero(free > 0)[offset : offset + limit]
    items = [{**_keys(view, int(chosen[row])), "quantity": int(free[row])} for row in told.tolist()]
    return json_answer({"data": {"items": items}})


def _keys(view: View, pair: int) -> Body:
    k, place = int(view.shop.pairs.product[pair]), PLACES[int(view.shop.pairs.place[pair])]
    region = "Склад WB" if place.kind is Kind.WB_OWN else "Свой склад"
    return {
        "nmId": int(view.goods.nm_id[k]),
        "chrtId": int(view.goods.chrt_id[k]),
        "warehouseId": place.place_id,
        "warehouseName": place.name,
        "regionName": region,
    }


def _inventory_request(view: View, request: Request, kind: Kind) -> tuple[np.ndarray, int, int]:
    number = request_id(request, view.now_us)
    body = json_object(request)
    if body is None:
        raise refused_report(400, "code=400, message=invalid body", number, "analytic-open-api")
    limit = integer(body.get("limit", 250_000), low=1, high=250_000)
    offset = integer(body.get("offset", 0), low=0, high=_LARGEST)
    nm_ids = integers(body.get("nmIds", []), most=1000)
    chrt_ids = integers(body.get("chrtIds", []), most=250_000)
    if limit is None or offset is None or nm_ids is None or chrt_ids is None:
        detail = "code=400, message=invalid: limit (1..250000), offset (0..), nmIds (1000 at most), chrtIds"
        raise refused_report(400, detail, number, "analytic-open-api")
    pairs = view.pairs(kind)
    product = view.shop.pairs.product[pairs]
    if nm_ids:
        keep = np.isin(view.goods.nm_id[product], nm_ids)
        if chrt_ids:
            keep &= np.isin(view.goods.chrt_id[product], chrt_ids)
        pairs = pairs[keep]
    return pairs, offset, limit


def seller_warehouses(view: View, request: Request) -> Answer:
    """GET /api/v3/warehouses"""
    del view, request
    return json_answer([
        {
            "name": PLACES[place].name, "officeId": OFFICES[number][0], "id": PLACES[place].place_id, "cargoType": 1,
            "deliveryType": 1, "isDeleting": False, "isProcessing": False,
        }
        for number, place in enumerate(WB_SELLER)
    ])  # fmt: skip


def offices(view: View, request: Request) -> Answer:
    """GET /api/v3/offices"""
    del view, request
    chosen = {OFFICES[number][0] for number in range(len(WB_SELLER))}
    return json_answer([
        {
            "address": address, "name": name, "city": city, "id": number, "longitude": longitude, "latitude": latitude,
            "cargoType": 1, "deliveryType": 1, "federalDistrict": district, "selected": number in chosen,
        }
        for number, name, address, city, latitude, longitude, district in OFFICES
    ])  # fmt: skip


def seller_stock(view: View, request: Request) -> Answer:
    """POST /api/v3/stocks/{warehouseId}: what is set as sellable; orders are already taken off."""
    place = BY_ID.get(int(request.path.rsplit("/", 1)[1]))
    if place not in WB_SELLER:
        raise refused_marketplace(404, "NotFound", "")
    body = json_object(request)
    if body is None:
        raise refused_marketplace(400, "IncorrectRequestBody", "Incorrect required body")
    wanted = integers(body.get("chrtIds"), most=1000)
    if wanted is None:
        raise refused_marketplace(400, "IncorrectRequest", "Переданы некорректные данные")
    pairs = view.pairs(Kind.WB_SELLER)
    pairs = pairs[view.shop.pairs.place[pairs] == place]
    pairs = pairs[np.isin(view.goods.chrt_id[view.shop.pairs.product[pairs]], wanted)]
    free = view.books.available.at(pairs, view.now_us)
    rows = [
        {"chrtId": int(view.goods.chrt_id[view.shop.pairs.product[pair]]), "amount": int(free[row])}
        for row, pair in enumerate(pairs.tolist())
    ]
    return json_answer({"stocks": rows})
