"""Ozon's returns of FBO and FBS: what was refused or brought back, a row per posting line, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, rfc3339
from micore.simulator.ozon import postings
from micore.simulator.ozon.products import COMMISSION_PERCENT
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, instant, section, text, text_list, whole
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import CLUSTERS, OZON_FBO, OZON_FBS, PLACES

Ints = NDArray[np.int64]

COMPANY_ID = 1_000_001
_LARGEST = 2**63 - 1
_ID_EPOCH_SECONDS = 1_577_836_800
_PERIODS = ("logistic_return_date", "storage_tariffication_start_date", "visual_status_change_moment")
_STATUSES = {
    "WaitingShipment": (14, "Ожидает отправки"),
    "MovingToOzon": (10, "Едет на склад Ozon"),
    "ReturnedToOzon": (11, "На складе Ozon"),
    "Utilized": (9, "Утилизирован"),
    "MovingToSeller": (6, "Возврат на пути к продавцу"),
    "ArrivedAtReturnPlace": (3, "В пункте выдачи"),
    "ReceivedBySeller": (5, "Получен продавцом"),
}


@dataclass(frozen=True)
class _Rows:
    """Columns with one entry per returned line, in the order of the ids: line, posting, begin, status and since."""

    line: Ints
    posting: Ints
    number: Ints
    begun_us: Ints
    status: NDArray[np.str_]
    changed_us: Ints

    def picked(self, keep: NDArray[np.bool_] | slice) -> _Rows:
        """Some of the rows."""
        return _Rows(self.line[keep], self.posting[keep], self.number[keep], self.begun_us[keep], self.status[keep],
                     self.changed_us[keep])  # fmt: skip


def returns_list(view: View, body: Body) -> Body:
    """/v1/returns/list: ids grow with the time of the return; a page goes on behind `last_id`."""
    limit = whole(body, "limit", low=1, high=500)
    after = whole(body, "last_id", low=0, high=_LARGEST, default=0)
    chosen = section(body, "filter")
    rows = _narrowed(view, _all(view), chosen)
    rows = rows.picked(rows.number > after)
    shown = rows.picked(slice(0, limit))
    return {
        "returns": [_return(view, shown, row) for row in range(len(shown.line))],
        "has_next": len(rows.line) > limit,
    }


def _all(view: View) -> _Rows:
    """Every return that has begun; those of rFBS are told in a list of their own, see returns_rfbs."""
    books, told = view.books.postings, view.books.lines
    coming = np.isin(books.outcome, (Outcome.CANCELLED_AFTER_SHIP, Outcome.RETURNED))
    coming &= np.isin(books.place, [*OZON_FBO, *OZON_FBS])
    begun = books.created_us + books.returned_s.astype(np.int64) * SECOND_US
    coming &= begun <= view.now_us
    line = np.flatnonzero(coming[told.posting]).astype(np.int64)
    posting = told.posting[line]
    # The id holds the second in which the return began, so that later ones always have larger ids.
    seconds = begun[posting] // SECOND_US - _ID_EPOCH_SECONDS
    mark = (books.number[posting] % np.uint64(333)).astype(np.int64) * 3 + line - books.line_first[posting]
    number = seconds * 1000 + mark
    order = np.argsort(number, kind="stable")
    line, posting, number = line[order], posting[order], number[order]
    status, changed = _stage(view, posting, begun[posting])
    return _Rows(line, posting, number, begun[posting], status, changed)


def _stage(view: View, posting: Ints, begun: Ints) -> tuple[NDArray[np.str_], Ints]:
    """What each return has come to, and since when."""
    books = view.books.postings
    end = books.created_us[posting] + books.restocked_s[posting].astype(np.int64) * SECOND_US
    to_seller = np.isin(books.place[posting], OZON_FBS)
    sellable = books.back_to_stock[posting]
    status, changed = np.full(len(posting), "WaitingShipment", dtype="U24"), begun.copy()
    stages = (
        (begun + (end - begun) // 5, np.where(to_seller, "MovingToSeller", "MovingToOzon"), np.ones_like(to_seller)),
        (begun + (end - begun) * 7 // 10, "ArrivedAtReturnPlace", to_seller),
        (end, np.where(to_seller, "ReceivedBySeller", np.where(sellable, "ReturnedToOzon", "Utilized")),
         np.ones_like(to_seller)),
    )  # fmt: skip
    for when, name, comes in stages:
        reached = comes & (when <= view.now_us)
        status, changed = np.where(reached, name, status), np.where(reached, when, changed)
    return status, changed


def _narrowed(view: View, rows: _Rows, chosen: Body) -> _Rows:
    """The rows that all filters name; of the periods only one may be asked for."""
    if sum(bool(section(chosen, name)) for name in _PERIODS) > 1:
        raise RefusedError(f"Request validation error: filter: use only one of {', '.join(_PERIODS)}")
    keep = np.ones(len(rows.line), dtype=bool)
    for name, moments in (("logistic_return_date", rows.begun_us), ("visual_status_change_moment", rows.changed_us)):
        period = section(chosen, name)
        since, to = instant(period, "time_from"), instant(period, "time_to")
        if since is not None:
            keep &= moments >= since
        if to is not None:
            keep &= moments <= to
    if section(chosen, "storage_tariffication_start_date") or whole(
        chosen, "compensation_status_id", low=0, high=4, default=0
    ):
        keep[:] = False
    scheme, status = text(chosen, "return_schema").upper(), text(chosen, "visual_status_name")
    if scheme:
        places = {"FBO": OZON_FBO, "FBS": OZON_FBS}.get(scheme, [])
        keep &= np.isin(view.books.postings.place[rows.posting], places)
    if status:
        keep &= rows.status == status
    rows = rows.picked(keep)
    return _named(view, rows, chosen)


def _named(view: View, rows: _Rows, chosen: Body) -> _Rows:
    """The filters that name orders, products or places; slow, row by row, and only where they are sent."""
    numbers = text_list(chosen, "posting_numbers", most=50)
    order = whole(chosen, "order_id", low=0, high=_LARGEST, default=0)
    warehouse = whole(chosen, "warehouse_id", low=0, high=_LARGEST, default=0)
    texts = {name: text(chosen, name) for name in ("offer_id", "product_name", "barcode")}
    if not (numbers or order or warehouse or any(texts.values())):
        return rows
    keep = []
    for row, posting in enumerate(rows.posting.tolist()):
        card = view.shop.cards.card(_product(view, rows, row))
        keep.append(
            (not numbers or postings.posting_number(view.books, posting) in numbers)
            and (not order or postings.order_id(view.books, posting) == order)
            and (not warehouse or _target(view, posting)["id"] == warehouse)
            and (not texts["offer_id"] or card.offer_id == texts["offer_id"])
            and (not texts["product_name"] or texts["product_name"].lower() in card.name.lower())
            and (not texts["barcode"] or _barcode(view, posting) == texts["barcode"])
        )
    return rows.picked(np.array(keep, dtype=bool))


def _product(view: View, rows: _Rows, row: int) -> int:
    return int(view.pairs.product[view.books.lines.pair[rows.line[row]]])


def _return(view: View, rows: _Rows, row: int) -> Body:
    posting, number = int(rows.posting[row]), int(rows.number[row])
    books = view.books
    k, quantity = _product(view, rows, row), int(books.lines.quantity[rows.line[row]])
    card = view.shop.cards.card(k)
    price = view.shop.cards.prices(k, int(books.postings.created_us[posting])).price
    own = int(books.postings.place[posting]) in OZON_FBS
    percent = COMMISSION_PERCENT["FBS" if own else "FBO"]
    refused = books.postings.outcome[posting] == Outcome.CANCELLED_AFTER_SHIP
    status = str(rows.status[row])
    ended = status in {"ReturnedToOzon", "ReceivedBySeller", "Utilized"}
    waiting = status == "ArrivedAtReturnPlace"
    changed = int(rows.changed_us[row])
    return {
        "exemplars": [{"id": number * 4 + one} for one in range(quantity)],
        "id": number,
        "company_id": COMPANY_ID,
        "return_reason_name": postings.reason(books, posting)[1] if refused else "Покупатель передумал",
        "type": "FullReturn" if refused else "ClientReturn",
        "schema": "FBS" if own else "FBO",
        "order_id": postings.order_id(books, posting),
        "order_number": postings.order_number(books, posting),
        "place": _target(view, posting) if ended or waiting else _pick_up_point(view, posting),
        "target_place": _target(view, posting),
        "storage": {
            "sum": _roubles(0), "tariffication_first_date": None, "tariffication_start_date": None,
            "arrived_moment": rfc3339(changed) if waiting else None,
            "days": (view.now_us - changed) // DAY_US if waiting else 0, "utilization_sum": _roubles(0),
            "utilization_forecast_date": None,
        },
        "product": {
            "sku": int(view.goods.sku[k]), "offer_id": card.offer_id, "name": card.name, "price": _roubles(price),
            "price_without_commission": _roubles(round(price * (100 - percent) / 100, 2)),
            "commission_percent": percent, "commission": _roubles(round(price * percent / 100, 2)),
            "quantity": quantity,
        },
        "logistic": {
            "technical_return_moment": None, "final_moment": rfc3339(changed) if ended else None,
            "cancelled_with_compensation_moment": None, "return_date": rfc3339(int(rows.begun_us[row])),
            "barcode": _barcode(view, posting),
        },
        "visual": {
            "status": {"id": _STATUSES[status][0], "display_name": _STATUSES[status][1], "sys_name": status},
            "change_moment": rfc3339(changed),
        },
        "additional_info": {"is_opened": not refused, "is_super_econom": False},
        "source_id": 0,
        "posting_number": postings.posting_number(books, posting),
        "clearing_id": int(books.postings.number[posting] >> np.uint64(14)),
        "return_clearing_id": None,
        "compensation_status": None,
    }  # fmt: skip


def _roubles(amount: float) -> Body:
    return {"currency_code": "RUB", "price": amount}


def _barcode(view: View, posting: int) -> str:
    return f"ii{int(view.books.postings.number[posting]) % 9_000_000_000 + 1_000_000_000}"


def _target(view: View, posting: int) -> Body:
    place = PLACES[int(view.books.postings.place[posting])]
    return {"id": place.place_id, "name": place.name, "address": place.address}


def _pick_up_point(view: View, posting: int) -> Body:
    cluster = int(view.books.postings.buyer_cluster[posting])
    city = postings.city(view, posting)
    return {"id": 1_000_000_000 + CLUSTERS[cluster].cluster_id, "name": f"ПВЗ {city}", "address": ""}
