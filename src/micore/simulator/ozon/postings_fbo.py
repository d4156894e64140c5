"""/v3/posting/fbo/list: postings from Ozon's own warehouses."""

from __future__ import annotations

import numpy as np

from micore.simulator.clock import rfc3339
from micore.simulator.ozon import postings
from micore.simulator.ozon.postings import Ledger
from micore.simulator.ozon.products import COMMISSION_PERCENT
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, choice, flag, instant, section, text, text_list, whole
from micore.simulator.shop.places import PLACES

_SUBSTATUS = {
    "awaiting_packaging": "posting_created",
    "awaiting_deliver": "posting_transferring_to_delivery",
    "delivering": "posting_on_way_to_pickup_point",
    "delivered": "posting_received",
    "cancelled": "posting_canceled",
}


def fbo_list(view: View, ledger: Ledger, body: Body) -> Body:
    """One page. Without a period and without numbers the last year is meant."""
    chosen = section(body, "filter")
    extra = section(body, "with")
    limit = whole(body, "limit", low=1, high=100)
    direction = choice(body, "sort_dir", ("ASC", "DESC", "asc", "desc"), "ASC")
    flag(body, "translit")
    numbers, orders = text_list(chosen, "posting_numbers"), text_list(chosen, "order_numbers")
    to = instant(chosen, "to")
    to = view.now_us if to is None else to
    since = instant(chosen, "since")
    if numbers or orders:
        positions = postings.numbered(view, ledger, numbers, orders)
        if since is not None:
            positions = positions[(ledger.sorted_us[positions] >= since) & (ledger.sorted_us[positions] <= to)]
    else:
        since = to - postings.YEAR_US if since is None else since
        postings.check_period(since, to)
        positions = postings.in_period(ledger, since, to, view.now_us)
    positions = postings.with_statuses(view, ledger, positions, chosen)
    index, more, cursor = postings.page_of(
        ledger, positions, text(body, "cursor"), limit, descending=direction.upper() == "DESC"
    )
    statuses = postings.status_at(view.books, index, view.now_us)
    started = postings.in_process_us(view.books, index)
    rows = [
        _posting(view, posting, postings.STATUSES[int(statuses[row])], int(started[row]), extra)
        for row, posting in enumerate(index.tolist())
    ]
    return {"has_next": more, "cursor": cursor, "postings": rows}


def _posting(view: View, posting: int, status: str, started_us: int, extra: Body) -> Body:
    books = view.books
    place = PLACES[int(books.postings.place[posting])]
    lines = postings.sold_lines(view, posting)
    cancellation, reason_id = None, 0
    if status == "cancelled":
        reason_id, why, who, kind = postings.reason(books, posting)
        cancellation = {"cancel_reason": why, "cancellation_initiator": who, "cancellation_type": kind}
    analytics = {
        "city": "",
        "delivery_type": "PVZ" if int(books.postings.number[posting] >> np.uint64(6)) % 5 else "Courier",
        "is_premium": postings.is_premium(view, posting),
        "payment_type_group_name": postings.payment(view, posting),
        "warehouse_id": place.place_id,
        "warehouse_name": place.name,
        "is_legal": False,
        "client_delivery_date_begin": None,
        "client_delivery_date_end": None,
    }
    return {
        "posting_number": postings.posting_number(books, posting),
        "order_id": postings.order_id(books, posting),
        "order_number": postings.order_number(books, posting),
        "status": status,
        "substatus": _SUBSTATUS[status],
        "cancellation": cancellation,
        "products": [
            {
                "is_marketplace_buyout": False,
                "offer_id": line.card.offer_id,
                "name": line.card.name,
                "sku": line.sku,
                "quantity": line.quantity,
                "price": {"amount": str(line.prices.price), "currency": "RUB"},
                "digital_codes": [],
            }
            for line in lines
        ],
        "analytics_data": analytics if flag(extra, "analytics_data") else None,
        "financial_data": postings.financial(view, posting, lines, COMMISSION_PERCENT["FBO"], status)
        if flag(extra, "financial_data")
        else None,
        "legal_info": None,
        "external_order": {"is_external": False, "platform_name": ""},
        "cancel_reason_id": reason_id,
        "created_at": rfc3339(int(books.postings.created_us[posting])),
        "in_process_at": rfc3339(started_us),
        "additional_data": [],
    }
