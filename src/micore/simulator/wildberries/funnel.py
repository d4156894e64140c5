"""Wildberries' sales funnel: how many looked at each card in a period, took it into the basket, and ordered it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_day, moscow_midnight_us
from micore.simulator.draws import binomial, uniform
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import PLACES, Kind
from micore.simulator.wildberries.money import deals
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import (
    Body,
    RefusedError,
    integer,
    integers,
    json_object,
    refused_report,
    request_id,
)

Ints = NDArray[np.int64]

REFRESH_US = 60 * 60 * SECOND_US
KEPT_DAYS = 365
_LARGEST = 2**31 - 1
_KNOWN_AT_ONCE = np.array([0.96, 0.985, 0.995])
"""Share of a day's visits that is told on the day itself, the next and the one after; all of them later."""
_OPENINGS_PER_CART = 9
_LEAST_PUT_ASIDE, _MOST_PUT_ASIDE = 0.01, 0.09
"""Share of a card's other openings after which it lies in a cart, to be ordered on another day or never."""
_MOST_FROM_OLD_CARTS = 0.9
"""Share of a card's orders whose cart is of an earlier day: of few cards nearly this, of most a small part."""
_FIELDS = {
    "openCard": "openCount",
    "addToCart": "cartCount",
    "orderCount": "orderCount",
    "orderSum": "orderSum",
    "buyoutCount": "buyoutCount",
    "buyoutSum": "buyoutSum",
    "cancelCount": "cancelCount",
    "cancelSum": "cancelSum",
    "addToWishlist": "addToWishlist",
}


@dataclass(frozen=True)
class _Asked:
    first_day: date
    end_day: date
    offset: int
    limit: int
    field: str
    descending: bool


def products(view: View, request: Request) -> Answer:
    """POST /api/analytics/v3/sales-funnel/products, renewed every hour; one row for each card that is asked for."""
    body = json_object(request)
    if body is None:
        raise _refused(view, request, "body (field required)")
    asked = _asked(view, request, body)
    cards = _cards(view, request, body)
    then = view.at(max(view.now_us // REFRESH_US * REFRESH_US, view.shop.start_us))
    rows = _statistics(then, cards, asked)
    sign = -1 if asked.descending else 1
    order = sorted(range(len(cards)), key=lambda each: (sign * rows[each][asked.field], cards[each]))
    page = order[asked.offset : asked.offset + asked.limit]
    stocks = _stocks(then, [cards[each] for each in page])
    told = [
        {"product": _product(then, cards[each], stock), "statistic": {"selected": rows[each]}}
        for each, stock in zip(page, stocks, strict=True)
    ]
    return json_answer({"data": {"products": told, "currency": "RUB"}})


def _asked(view: View, request: Request, body: Body) -> _Asked:
    period, order = body.get("selectedPeriod"), body.get("orderBy") or {"field": "openCard", "mode": "desc"}
    if not isinstance(period, dict) or not isinstance(order, dict):
        raise _refused(view, request, "selectedPeriod (field required)")
    try:
        first, last = (date.fromisoformat(str(period.get(name))) for name in ("start", "end"))
    except ValueError:
        raise _refused(view, request, "selectedPeriod: start and end as 2026-11-23") from None
    today = moscow_day(view.now_us)
    if last < first or last > today or (today - first).days > KEPT_DAYS:
        raise _refused(view, request, "selectedPeriod: the last 365 days, start not after end, end not after today")
    limit = integer(body.get("limit", 50), low=1, high=1000)
    offset = integer(body.get("offset", 0), low=0, high=_LARGEST)
    if limit is None or offset is None:
        raise _refused(view, request, "limit (1..1000), offset (0..)")
    if order.get("field") not in _FIELDS or order.get("mode") not in {"asc", "desc"}:
        raise _refused(view, request, "orderBy: field, mode (asc, desc)")
    end = date.fromordinal(last.toordinal() + 1)
    return _Asked(first, end, offset, limit, _FIELDS[order["field"]], order["mode"] == "desc")


def _cards(view: View, request: Request, body: Body) -> list[int]:
    """First products of the cards that are asked for: all filters together, empty ones let all pass."""
    wanted: dict[str, list[int]] = {}
    for name in ("nmIds", "subjectIds", "tagIds"):
        numbers = integers(body.get(name) or [], most=1000)
        if numbers is None:
            raise _refused(view, request, f"{name}: at most 1000 numbers")
        wanted[name] = numbers
    brands = body.get("brandNames") or []
    if not isinstance(brands, list):
        raise _refused(view, request, "brandNames: texts")
    found = view.cards(trashed=False)
    if not body.get("skipDeletedNm"):
        found = found + view.cards(trashed=True)
    return [
        k
        for k in found
        if (not wanted["nmIds"] or int(view.goods.nm_id[k]) in wanted["nmIds"])
        and (not wanted["subjectIds"] or view.card(k).category.wb_subject_id in wanted["subjectIds"])
        and not wanted["tagIds"]
        and (not brands or view.card(k).brand in brands)
    ]


def _refused(view: View, request: Request, what: str) -> RefusedError:
    return refused_report(400, f"code=400, message=invalid: {what}", request_id(request, view.now_us),
                          "analytics-open-api")  # fmt: skip


def _statistics(view: View, cards: list[int], asked: _Asked) -> list[Body]:
    """One row for each card. Cancellations and buyouts stand at the day of their order, whenever they came."""
    first_us, end_us = moscow_midnight_us(asked.first_day), moscow_midnight_us(asked.end_day)
    units = view.units
    which = units.created_between(first_us, end_us)
    which = which[units.seen_us[which] <= view.now_us]
    card_of = {k: number for number, first in enumerate(cards) for k in view.sizes(first)}
    number = np.array([card_of.get(k, -1) for k in units.k[which].tolist()], dtype=np.int64)
    which, number = which[number >= 0], number[number >= 0]
    price = deals(view.shop, units, which).price
    back = (units.cancelled[which] & (units.final_us[which] <= view.now_us)) | (units.returned_us[which] <= view.now_us)
    bought = ~back & (units.final_us[which] <= view.now_us)
    near = np.array([PLACES[place].cluster for place in units.place[which].tolist()], dtype=np.int64)
    near = (near == units.cluster[which]).astype(np.int64)
    way_us = (units.final_us[which] - units.created_us[which]) * bought

    def summed(of: Ints) -> list[int]:
        sums = np.zeros(len(cards), dtype=np.int64)
        np.add.at(sums, number, of)
        return [int(each) for each in sums]

    ones = np.ones(len(which), dtype=np.int64)
    columns = {
        "orders": summed(ones), "order_sum": summed(price), "bought": summed(bought * ones),
        "bought_sum": summed(price * bought), "back": summed(back * ones), "back_sum": summed(price * back),
        "near": summed(near), "way_us": summed(way_us),
    }  # fmt: skip
    opened, carted, wished = _visits(view, cards, asked)
    days, total = (asked.end_day - asked.first_day).days, sum(columns["order_sum"]) or 1
    period = {"start": asked.first_day.isoformat(), "end": date.fromordinal(asked.end_day.toordinal() - 1).isoformat()}
    rows = []
    for position in range(len(cards)):
        of = {name: column[position] for name, column in columns.items()}
        minutes = of["way_us"] // (of["bought"] or 1) // SECOND_US // 60
        rows.append({
            "period": period, "openCount": opened[position], "cartCount": carted[position],
            "orderCount": of["orders"], "orderSum": of["order_sum"] // 100,
            "buyoutCount": of["bought"], "buyoutSum": of["bought_sum"] // 100,
            "cancelCount": of["back"], "cancelSum": of["back_sum"] // 100,
            "avgPrice": of["order_sum"] // 100 // (of["orders"] or 1),
            "avgOrdersCountPerDay": round(of["orders"] / days, 2),
            "shareOrderPercent": round(of["order_sum"] * 100 / total, 2), "addToWishlist": wished[position],
            "timeToReady": {"days": minutes // 1440, "hours": minutes // 60 % 24, "mins": minutes % 60},
            "localizationPercent": of["near"] * 100 // (of["orders"] or 1),
            "wbClub": {
                "orderCount": 0, "orderSum": 0, "buyoutSum": 0, "buyoutCount": 0, "cancelSum": 0, "cancelCount": 0,
                "avgPrice": 0, "buyoutPercent": 0, "avgOrderCountPerDay": 0,
            },
            "conversions": {
                "addToCartPercent": carted[position] * 100 // (opened[position] or 1),
                "cartToOrderPercent": of["orders"] * 100 // carted[position] if carted[position] else 0,
                "buyoutPercent": of["bought"] * 100 // (of["bought"] + of["back"] or 1),
            },
        })  # fmt: skip
    return rows


def _visits(view: View, cards: list[int], asked: _Asked) -> tuple[list[int], list[int], list[int]]:
    """Visitors, baskets and wish lists of each card: drawn day by day around the orders, so that periods add up.

    Part of a day's orders are of carts of earlier days, for which nobody opened the card that day: a day may have more
    orders than carts, and more orders than openings.
    """
    seed, today, units = view.shop.seed, moscow_day(view.now_us), view.units
    sums = np.zeros((3, len(cards)), dtype=np.int64)
    if not cards:
        return ([], [], [])
    card_of = {k: number for number, first in enumerate(cards) for k in view.sizes(first)}
    first = np.array(cards, dtype=np.int64)
    fame = 4 + 30 * uniform(seed, "fame of a card", first) ** 3
    at_once = 1 - _MOST_FROM_OLD_CARTS * uniform(seed, "orders from old carts", first) ** 2
    aside = _LEAST_PUT_ASIDE + (_MOST_PUT_ASIDE - _LEAST_PUT_ASIDE) * uniform(seed, "carts put aside", first)
    edges = [moscow_midnight_us(date.fromordinal(day)) for day in range(
        asked.first_day.toordinal(), asked.end_day.toordinal() + 1)]  # fmt: skip
    for since_us, end_us in pairwise(edges):
        day = moscow_day(since_us)
        which = units.created_between(since_us, end_us)
        which = which[units.seen_us[which] <= view.now_us]
        ordered = np.zeros(len(cards), dtype=np.int64)
        numbers = [card_of[k] for k in units.k[which].tolist() if k in card_of]
        np.add.at(ordered, np.array(numbers, dtype=np.int64), 1)
        key = day.toordinal()
        passed = min(1.0, (view.now_us - since_us) / DAY_US)
        age = (today - day).days
        told = passed * (float(_KNOWN_AT_ONCE[age]) if age < len(_KNOWN_AT_ONCE) else 1.0)
        lookers = np.floor(fame * 2 * uniform(seed, "visitors", first, key) * told).astype(np.int64)
        exists = view.shop.created_us[first] < end_us
        bought_at_once = binomial(ordered, at_once, uniform(seed, "ages of carts", first, key))
        opened = (lookers + bought_at_once * _OPENINGS_PER_CART) * exists
        others = binomial(opened - bought_at_once * exists, aside, uniform(seed, "baskets", first, key))
        carted = bought_at_once + others
        wished = binomial(opened, np.full(len(cards), 0.02), uniform(seed, "wishes", first, key))
        sums += np.stack([opened, carted * exists, wished * exists])
    opened_in_all, carted_in_all, wished_in_all = ([int(each) for each in row] for row in sums)
    return opened_in_all, carted_in_all, wished_in_all


def _product(view: View, first: int, stock: tuple[int, int]) -> Body:
    card = view.card(first)
    wb, seller = stock
    return {
        "nmId": int(view.goods.nm_id[first]), "title": card.title, "vendorCode": card.vendor_code,
        "brandName": card.brand, "subjectId": card.category.wb_subject_id, "subjectName": card.category.name,
        "tags": [], "productRating": 9.1, "feedbackRating": 4.7,
        "stocks": {"wb": wb, "mp": seller, "balanceSum": wb + seller},
    }  # fmt: skip


def _stocks(view: View, cards: list[int]) -> list[tuple[int, int]]:
    """What is left of each card at Wildberries and at the seller."""
    card_of = {k: number for number, first in enumerate(cards) for k in view.sizes(first)}
    sums = np.zeros((2, len(cards)), dtype=np.int64)
    for row, kind in enumerate((Kind.WB_OWN, Kind.WB_SELLER)):
        pairs = view.pairs(kind)
        left = view.books.available.at(pairs, view.now_us)
        for k, free in zip(view.shop.pairs.product[pairs].tolist(), left.tolist(), strict=True):
            if k in card_of:
                sums[row, card_of[k]] += free
    return [(int(wb), int(seller)) for wb, seller in sums.T]
