"""Wildberries' assembly orders: what the seller packs himself, as the marketplace service tells it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_day, rfc3339_seconds
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import PLACES, WB_SELLER
from micore.simulator.wildberries.money import Deals, deals
from micore.simulator.wildberries.stocks import OFFICES
from micore.simulator.wildberries.units import NEVER_US, Units
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import Body, integer, integers, json_object, query_integer, refused_marketplace

Ints = NDArray[np.int64]

KEPT_US = 90 * DAY_US
LONGEST_PERIOD_US = 30 * DAY_US
_FIRST_ID = 3_000_000_000
_LARGEST = 2**63 - 1
_LATEST_SECOND = 2**40
_DECLINED_WITHIN_US = 3600 * SECOND_US
_SORTING_US = 9 * 3600 * SECOND_US
_ROUBLE = 643


def order_ids(units: Units, which: Ints) -> Ints:
    """The ids of assembly orders: they grow with the time of the order."""
    return np.asarray(_FIRST_ID + which * 7 + (units.number[which] % np.uint64(7)).astype(np.int64))


def orders(view: View, request: Request) -> Answer:
    """GET /api/v3/orders: without statuses; every page with rows gives a mark, behind the last one it is 0."""
    limit = query_integer(request, "limit", low=1, high=1000, default=None)
    after = query_integer(request, "next", low=0, high=_LARGEST, default=None)
    until = query_integer(request, "dateTo", low=0, high=_LATEST_SECOND, default=view.now_us // SECOND_US)
    since = query_integer(
        request, "dateFrom", low=0, high=_LATEST_SECOND, default=(view.now_us - LONGEST_PERIOD_US) // SECOND_US
    )
    if limit is None or after is None or since is None or until is None:
        raise _incorrect_parameter()
    if not 0 <= (until - since) * SECOND_US <= LONGEST_PERIOD_US:
        raise _incorrect_parameter()
    units = view.units
    oldest = max(since * SECOND_US, view.now_us - KEPT_US)
    which = _own(units, units.created_between(oldest, (until + 1) * SECOND_US), view.now_us)
    ids = order_ids(units, which)
    which, ids = which[ids > after][:limit], ids[ids > after][:limit]
    rows = [
        {**row, **({"supplyId": supply} if supply else {})}
        for row, supply in zip(_rows(view, which), _supply_ids(units, which, view.now_us), strict=True)
    ]
    return json_answer({"next": int(ids[-1]) if len(ids) else 0, "orders": rows})


def new_orders(view: View, request: Request) -> Answer:
    """GET /api/v3/orders/new: what the seller has not begun to pack."""
    del request
    units = view.units
    which = _own(units, units.created_between(view.now_us - KEPT_US, view.now_us + 1), view.now_us)
    which = which[(units.packed_us[which] > view.now_us) & (units.final_us[which] > view.now_us)]
    costs = deals(view.shop, units, which)
    rows = [
        {
            **row, "sellerDate": None, "salePrice": price, "finalPrice": paid, "convertedFinalPrice": paid,
            "requiredMeta": [], "optionalMeta": [], "isPickupPointShipmentAllowed": True,
        }
        for row, price, paid in zip(_rows(view, which), costs.price.tolist(), costs.paid.tolist(), strict=True)
    ]  # fmt: skip
    return json_answer({"orders": rows})


def statuses(view: View, request: Request) -> Answer:
    """POST /api/v3/orders/status: of the orders that are known; unknown ids are left out."""
    body = json_object(request)
    if body is None:
        raise refused_marketplace(400, "IncorrectRequestBody", "Некорректное тело запроса")
    wanted = integers(body.get("orders"), most=1000)
    if not wanted or any(integer(number, low=1, high=_LARGEST) is None for number in wanted):
        raise refused_marketplace(400, "IncorrectRequest", "Переданы некорректные данные")
    units = view.units
    positions = (np.array(sorted(set(wanted)), dtype=np.int64) - _FIRST_ID) // 7
    positions = positions[(positions >= 0) & (positions < len(units.k))]
    which = _own(units, positions, view.now_us)
    ids = order_ids(units, which)
    return json_answer({
        "orders": [
            {"id": number, **_status(units, position, view.now_us)}
            for number, position in zip(ids.tolist(), which.tolist(), strict=True)
            if number in set(wanted)
        ]
    })  # fmt: skip


def _incorrect_parameter() -> Exception:
    return refused_marketplace(400, "IncorrectParameter", "Передан некорректный параметр")


def _own(units: Units, which: Ints, now_us: int) -> Ints:
    """Those of the seller's warehouses that the marketplace knows by now."""
    return which[np.isin(units.place[which], WB_SELLER) & (units.seen_us[which] <= now_us)]


def _rows(view: View, which: Ints) -> list[Body]:
    units, goods = view.units, view.goods
    costs: Deals = deals(view.shop, units, which)
    rows = []
    for number, position, srid, paid in zip(
        order_ids(units, which).tolist(), which.tolist(), units.srids(which), costs.paid.tolist(), strict=True
    ):
        k, place = int(units.k[position]), int(units.place[position])
        card, word = view.card(k), int(units.number[position])
        office = OFFICES[WB_SELLER.index(place)]
        sorted_by_now = units.shipped_us[position] + _SORTING_US <= view.now_us
        rows.append({
            "address": None, "scanPrice": 1500 if sorted_by_now else None, "deliveryType": "fbs",
            "orderUid": f"{word % 900_000_000 + 100_000_000}_{word:016x}{word >> 3:016x}",
            "article": card.vendor_code, "colorCode": "", "rid": srid,
            "createdAt": rfc3339_seconds(int(units.created_us[position])), "offices": [office[1]],
            "skus": list(card.wb_barcodes), "id": number, "warehouseId": PLACES[place].place_id,
            "officeId": office[0], "nmId": int(goods.nm_id[k]), "chrtId": int(goods.chrt_id[k]), "price": paid,
            "convertedPrice": paid, "currencyCode": _ROUBLE, "convertedCurrencyCode": _ROUBLE, "cargoType": 1,
            "crossBorderType": 0, "comment": "", "isZeroOrder": False, "options": {"isB2B": False},
        })  # fmt: skip
    return rows


def _supply_ids(units: Units, which: Ints, now_us: int) -> list[str]:
    """A supply takes what one warehouse packed on one day; empty while an order belongs to none."""
    return [
        f"WB-GI-{moscow_day(packed).toordinal() * 100 + place}" if packed <= now_us else ""
        for packed, place in zip(units.packed_us[which].tolist(), units.place[which].tolist(), strict=True)
    ]


def _status(units: Units, position: int, now_us: int) -> Body:
    """What the seller did and what Wildberries did."""
    supplier, wb = _stages(units, position, now_us)
    open_still = wb == "waiting" and supplier in {"new", "confirm"}
    return {"supplierStatus": supplier, "wbStatus": wb, "isCancellable": open_still}


def _stages(units: Units, position: int, now_us: int) -> tuple[str, str]:
    created, packed, shipped, final = (
        int(column[position]) for column in (units.created_us, units.packed_us, units.shipped_us, units.final_us)
    )
    supplier = "complete" if shipped <= now_us else "confirm" if packed <= now_us else "new"
    if now_us < final:
        if supplier != "complete" or now_us < shipped + _SORTING_US:
            return supplier, "waiting"
        return supplier, "ready_for_pickup" if now_us >= final - (final - shipped) // 4 else "sorted"
    if not units.cancelled[position]:
        return supplier, "sold"
    if units.refused[position]:
        return supplier, "canceled_by_client"
    if packed == NEVER_US and final - created <= _DECLINED_WITHIN_US:
        return supplier, "declined_by_client"
    by_seller = int(units.number[position]) >> 21 & 1
    return ("cancel", "canceled") if by_seller else (supplier, "canceled")
