"""Ozon's requests to return what the seller delivered himself (rFBS): a row per posting line, with its stage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import SECOND_US, rfc3339
from micore.simulator.ozon import postings
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, instant, section, text, text_list, whole
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import OZON_RFBS

Ints = NDArray[np.int64]

MOST_ROWS = 1000
"""No maximum is documented; the example asks for so many."""
LARGEST_INT32 = 2**31 - 1
FIRST_ID = 8_000_001

GROUPS = ("All", "New", "Delivering", "Checkout", "Arbitration", "Approved", "Rejected")
"""What `group_state` may ask for."""
_STAGES = (
    ("New", "ON_APPROVAL", "На проверке", ""),
    ("Delivering", "DELIVERING", "Товар едет к продавцу", ""),
    ("Checkout", "CHECKOUT", "Продавец проверяет товар", ""),
    ("Approved", "APPROVED", "Согласована", "Деньги возвращены"),
)
"""The way of a request: its group, its state and how that is called, and the state of the buyer's money."""


class _Requests(NamedTuple):
    """Columns with one entry per request, by time. They are numbered in this order: what is asked for later never
    changes the number of an earlier one."""

    line: Ints
    posting: Ints
    begun_us: Ints
    stage: Ints


def rfbs_list(view: View, body: Body) -> Body:
    """/v2/returns/rfbs/list: ids grow with the time of the request; a page goes on behind `last_id`, and nothing but a
    short page tells that it was the last one."""
    limit = whole(body, "limit", low=1, high=MOST_ROWS)
    after = whole(body, "last_id", low=0, high=LARGEST_INT32, default=0)
    made = _all(view)
    rows = _chosen(view, made, section(body, "filter"))
    shown = rows[rows + FIRST_ID > after][:limit]
    return {"returns": [_request(view, made, row) for row in shown.tolist()]}


def _all(view: View) -> _Requests:
    """Every request that was made. What a buyer refused at his door is a cancelled posting and never becomes one."""
    books, told = view.books.postings, view.books.lines
    begun = books.created_us + books.returned_s.astype(np.int64) * SECOND_US
    made = (books.outcome == Outcome.RETURNED) & np.isin(books.place, OZON_RFBS) & (begun <= view.now_us)
    line = np.flatnonzero(made[told.posting]).astype(np.int64)
    line = line[np.lexsort((line, books.number[told.posting[line]], begun[told.posting[line]]))]
    posting = told.posting[line]
    end = books.created_us[posting] + books.restocked_s[posting].astype(np.int64) * SECOND_US
    way = end - begun[posting]
    reached = [begun[posting] + way // 5, begun[posting] + way * 7 // 10, end]
    stage = np.zeros(len(line), dtype=np.int64)
    for moment in reached:
        stage += moment <= view.now_us
    return _Requests(line, posting, begun[posting], stage)


def _chosen(view: View, rows: _Requests, chosen: Body) -> Ints:
    """Where the rows are that all filters name."""
    groups = text_list(chosen, "group_state")
    unknown = [each for each in groups if each not in GROUPS]
    if unknown:
        raise RefusedError(f"proto: invalid value for enum type: group_state: {unknown[0]!r}")
    keep = np.ones(len(rows.line), dtype=bool)
    if groups and "All" not in groups:
        keep &= np.isin(rows.stage, [at for at, stage in enumerate(_STAGES) if stage[0] in groups])
    period = section(chosen, "created_at")
    since, to = instant(period, "from"), instant(period, "to")
    if since is not None:
        keep &= rows.begun_us >= since
    if to is not None:
        keep &= rows.begun_us <= to
    offer, number = text(chosen, "offer_id"), text(chosen, "posting_number")
    for row in np.flatnonzero(keep).tolist() if offer or number else ():
        told = not number or postings.posting_number(view.books, int(rows.posting[row])) == number
        keep[row] = told and (not offer or view.shop.cards.card(_product(view, rows, row)).offer_id == offer)
    return np.flatnonzero(keep)


def _product(view: View, rows: _Requests, row: int) -> int:
    return int(view.pairs.product[view.books.lines.pair[rows.line[row]]])


def _request(view: View, rows: _Requests, row: int) -> Body:
    posting, number, begun = int(rows.posting[row]), FIRST_ID + row, rfc3339(int(rows.begun_us[row]))
    k = _product(view, rows, row)
    card = view.shop.cards.card(k)
    price = view.shop.cards.prices(k, int(view.books.postings.created_us[posting])).price
    group, state, name, money = _STAGES[int(rows.stage[row])]
    return {
        "client_name": "",
        "created_at": begun,
        "order_number": postings.order_number(view.books, posting),
        "posting_number": postings.posting_number(view.books, posting),
        "product": {
            "name": card.name, "offer_id": card.offer_id, "currency_code": "RUB", "price": round(price),
            "sku": int(view.goods.sku[k]),
        },
        "return_id": number,
        "return_number": f"RET-{begun[:4]}-{number:08}",
        "state": {"group_state": group, "money_return_state_name": money, "state": state, "state_name": name},
    }  # fmt: skip
