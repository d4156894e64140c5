"""/v4/posting/fbs/list and /v4/posting/fbs/unfulfilled/list: postings from the seller's own warehouses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, rfc3339, rfc3339_seconds
from micore.simulator.ozon import postings
from micore.simulator.ozon.postings import STATUSES, Ledger
from micore.simulator.ozon.products import COMMISSION_PERCENT
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import (
    Body,
    RefusedError,
    choice,
    flag,
    instant,
    section,
    text,
    text_list,
    whole,
    whole_list,
)
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import BY_ID, CLUSTERS, OZON_SELLER, PLACES, Kind

Ints = NDArray[np.int64]

_SUBSTATUS = {
    "awaiting_packaging": "posting_created",
    "awaiting_deliver": "posting_in_carriage",
    "delivering": "posting_on_way_to_pickup_point",
    "delivered": "posting_received",
    "cancelled": "posting_canceled",
}
_ACTIONS = {
    "awaiting_packaging": ["can_create_chat", "cancel", "product_cancel", "ship", "ship_async"],
    "awaiting_deliver": ["can_create_chat", "cancel", "label_download_big", "label_download_small"],
}
_UNFULFILLED = (0, 1)


def fbs_list(view: View, ledger: Ledger, body: Body) -> Body:
    """One page of everything in a period."""
    chosen = section(body, "filter", required=True)
    since, to = instant(chosen, "since", required=True), instant(chosen, "to", required=True)
    assert since is not None and to is not None, "required"
    limit = whole(body, "limit", low=1, high=100)
    postings.check_period(since, to)
    orders = text_list(chosen, "order_numbers", most=100)
    if orders:
        positions = postings.numbered(view, ledger, [], orders)
        positions = positions[(ledger.sorted_us[positions] >= since) & (ledger.sorted_us[positions] <= to)]
    else:
        positions = postings.in_period(ledger, since, to, view.now_us)
    positions = _filtered(view, ledger, positions, chosen)
    return _answer(view, ledger, body, positions, limit)


def unfulfilled_list(view: View, ledger: Ledger, body: Body) -> Body:
    """One page of what still waits for the seller, by cut-off or by delivery date (one of them is required)."""
    chosen = section(body, "filter")
    limit = whole(body, "limit", low=1, high=100)
    cutoff = instant(chosen, "cutoff_from"), instant(chosen, "cutoff_to")
    handed = instant(chosen, "delivering_date_from"), instant(chosen, "delivering_date_to")
    period = cutoff if any(cutoff) else handed
    if period[0] is None or period[1] is None or (any(cutoff) and any(handed)):
        raise RefusedError("use either cutoff_from and cutoff_to or delivering_date_from and delivering_date_to")
    postings.check_period(period[0], period[1])
    recent = postings.in_period(ledger, period[0] - 60 * DAY_US, view.now_us, view.now_us)
    index = ledger.index[recent]
    status = postings.status_at(view.books, index, view.now_us)
    due = _ship_by_us(view, index)
    recent = recent[np.isin(status, _UNFULFILLED) & (due >= period[0]) & (due <= period[1])]
    recent = _filtered(view, ledger, recent, chosen)
    return {**_answer(view, ledger, body, recent, limit), "count": len(recent)}


def _filtered(view: View, ledger: Ledger, positions: Ints, chosen: Body) -> Ints:
    positions = postings.with_statuses(view, ledger, positions, chosen)
    warehouses = whole_list(chosen, "warehouse_ids", most=1000)
    if warehouses:
        places = [BY_ID[number] for number in warehouses if BY_ID.get(number) in OZON_SELLER]
        positions = positions[np.isin(view.books.postings.place[ledger.index[positions]], places)]
    methods = whole_list(chosen, "delivery_method_ids", most=1000)
    if methods:
        places = [place for place in OZON_SELLER if _method_id(place) in methods]
        positions = positions[np.isin(view.books.postings.place[ledger.index[positions]], places)]
    changed = section(chosen, "last_changed_status_date")
    if changed:
        low, high = instant(changed, "from"), instant(changed, "to")
        when = postings.changed_us(view.books, ledger.index[positions], view.now_us)
        # A posting that is seen late counts as changed when it is first seen.
        when = np.maximum(when, ledger.visible_us[positions])
        keep = np.ones(len(positions), dtype=bool)
        if low is not None:
            keep &= when >= low
        if high is not None:
            keep &= when <= high
        positions = positions[keep]
    return positions


def _answer(view: View, ledger: Ledger, body: Body, positions: Ints, limit: int) -> Body:
    direction = choice(body, "sort_dir", ("ASC", "DESC", "asc", "desc"), "ASC")
    extra = section(body, "with")
    index, more, cursor = postings.page_of(
        ledger, positions, text(body, "cursor"), limit, descending=direction.upper() == "DESC"
    )
    statuses = postings.status_at(view.books, index, view.now_us)
    started = postings.in_process_us(view.books, index)
    due = _ship_by_us(view, index)
    rows = [
        _posting(view, posting, STATUSES[int(statuses[row])], int(started[row]), int(due[row]), extra)
        for row, posting in enumerate(index.tolist())
    ]
    return {"cursor": cursor, "has_next": more, "postings": rows}


def _ship_by_us(view: View, index: Ints) -> Ints:
    """Until when the seller has to hand over: noon of the next but one day, UTC."""
    created = view.books.postings.created_us[index]
    return np.asarray((created // DAY_US + 2) * DAY_US + DAY_US // 2)


def _method_id(place: int) -> int:
    return PLACES[place].place_id + 17


def _posting(view: View, posting: int, status: str, started_us: int, due_us: int, extra: Body) -> Body:
    books = view.books
    position = int(books.postings.place[posting])
    lines = postings.sold_lines(view, posting)
    rfbs = PLACES[position].kind is Kind.OZON_RFBS
    bits = int(books.postings.number[posting])
    barcode = {"upper_barcode": f"%101%{bits % 10**11}", "lower_barcode": str(bits % 10**14)}
    percent = COMMISSION_PERCENT["RFBS" if rfbs else "FBS"]
    return {
        "posting_number": postings.posting_number(books, posting),
        "order_id": postings.order_id(books, posting),
        "order_number": postings.order_number(books, posting),
        "parent_posting_number": "",
        "status": status,
        "substatus": _SUBSTATUS[status],
        "delivery_method": _method(position, rfbs=rfbs),
        "tracking_number": "" if status == "awaiting_packaging" else str(bits % 10**14),
        "tpl_integration_type": "non_integrated" if rfbs else "ozon",
        "integration_type_flow": "non_integrated" if rfbs else "ozon",
        "in_process_at": rfc3339_seconds(started_us),
        "shipment_date": rfc3339_seconds(due_us),
        "shipment_date_without_delay": rfc3339_seconds(due_us),
        "delivering_date": _delivering_date(view, posting, status),
        "cancellation": _cancellation(view, posting, status),
        "customer": None,
        "addressee": None,
        "products": [
            {
                "sku": line.sku,
                "name": line.card.name,
                "offer_id": line.card.offer_id,
                "quantity": line.quantity,
                "price": {"amount": f"{line.prices.price}.00", "currency": "RUB"},
                "product_color": line.card.colour,
                "weight": round(line.card.weight_g / 1000, 3),
                "imei": [],
                "is_blr_traceable": False,
                "is_marketplace_buyout": False,
            }
            for line in lines
        ],
        "barcodes": barcode if flag(extra, "barcodes") else None,
        "analytics_data": _analytics(view, posting, position, rfbs=rfbs) if flag(extra, "analytics_data") else None,
        "financial_data": postings.financial(view, posting, lines, percent, status, fbs=True)
        if flag(extra, "financial_data")
        else None,
        "legal_info": None,
        "is_express": False,
        "is_click_and_collect": False,
        "is_multibox": False,
        "is_presortable": False,
        "multi_box_qty": 1,
        "quantum_id": 0,
        "delivery_schema": "SDS",
        "destination_place_id": 0,
        "destination_place_name": "",
        "external_order": {"is_external": False, "platform_name": ""},
        "optional": {"products_with_possible_mandatory_mark": []},
        "container": None,
        "container_sort_type": "SORT",
        "pickup_code_verified_at": None,
        "prr_option": "",
        "require_blr_traceable_attrs": False,
        "requirements": {
            "products_requiring_gtd": [],
            "products_requiring_country": [],
            "products_requiring_change_country": [],
            "products_requiring_mandatory_mark": [],
            "products_requiring_rnpt": [],
            "products_requiring_jw_uin": [],
            "products_requiring_imei": [],
            "products_requiring_weight": [],
        },
        "sorting_center": None,
        "tariffication": None,
        "tariffication_steps": [],
        "available_actions": _ACTIONS.get(status, ["can_create_chat"]),
        "volume_weight": round(sum(max(0.1, line.card.litres / 5) * line.quantity for line in lines), 1),
    }


def _method(position: int, *, rfbs: bool) -> Body:
    place = PLACES[position]
    way = "Доставка силами продавца" if rfbs else "Доставка Ozon самостоятельно"
    return {
        "id": _method_id(position),
        "name": f"{way}, {place.name}",
        "warehouse_id": place.place_id,
        "warehouse": place.name,
        "tpl_provider_id": 0 if rfbs else 24,
        "tpl_provider": "" if rfbs else "Доставка Ozon",
    }


def _delivering_date(view: View, posting: int, status: str) -> str | None:
    books = view.books
    shipped = int(books.postings.shipped_s[posting])
    after = int(books.postings.outcome[posting]) == Outcome.CANCELLED_AFTER_SHIP
    if status in {"delivering", "delivered"} or (status == "cancelled" and after):
        return rfc3339(int(books.postings.created_us[posting]) + shipped * SECOND_US)
    return None


def _cancellation(view: View, posting: int, status: str) -> Body:
    if status != "cancelled":
        return {
            "cancel_reason_id": 0, "cancel_reason": "", "cancellation_type": "", "cancelled_after_ship": False,
            "affect_cancellation_rating": False, "cancellation_initiator": "",
        }  # fmt: skip
    number, why, who, kind = postings.reason(view.books, posting)
    return {
        "cancel_reason_id": number,
        "cancel_reason": why,
        "cancellation_type": kind,
        "cancelled_after_ship": int(view.books.postings.outcome[posting]) == Outcome.CANCELLED_AFTER_SHIP,
        "affect_cancellation_rating": kind == "seller",
        "cancellation_initiator": who,
    }


def _analytics(view: View, posting: int, position: int, *, rfbs: bool) -> Body:
    place = PLACES[position]
    arrives = int(view.books.postings.created_us[posting]) // DAY_US * DAY_US + 4 * DAY_US
    return {
        "region": CLUSTERS[int(view.books.postings.buyer_cluster[posting])].region if rfbs else "",
        "city": postings.city(view, posting) if rfbs else "",
        "delivery_type": "Courier" if rfbs else "PVZ",
        "is_premium": postings.is_premium(view, posting),
        "payment_type_group_name": postings.payment(view, posting),
        "warehouse_id": place.place_id,
        "warehouse": place.name,
        "tpl_provider_id": 0 if rfbs else 24,
        "tpl_provider": "" if rfbs else "Доставка Ozon",
        "delivery_date_begin": rfc3339_seconds(arrives + 7 * 3600 * SECOND_US),
        "delivery_date_end": rfc3339_seconds(arrives + 17 * 3600 * SECOND_US),
        "client_delivery_date_begin": None,
        "client_delivery_date_end": None,
        "is_legal": False,
    }
