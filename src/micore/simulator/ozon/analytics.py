"""Ozon's own sums: /v1/analytics/data, "Analytics, Charts" of the cabinet, once a minute and an hour behind.

How these legitimately differ from the posting lists: a day is Moscow's by the posting's creation (FBS lists tell when
the work on it began, seconds later), postings that were cancelled since stay in, the present hour is not in yet.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from micore.simulator.clock import DAY_US, MOSCOW, SECOND_US, from_us, moscow_day, moscow_midnight_us
from micore.simulator.ozon.postings import Ledger
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import RESOURCE_EXHAUSTED, Body, RefusedError, text, text_list, whole

HOUR_US = 3600 * SECOND_US
KEPT_DAYS = 92
"""Three months without Premium Plus."""
METRICS = ("ordered_units", "revenue")
"""Of those without Premium Plus, the ones about orders; others are refused here."""


def data(view: View, ledgers: tuple[Ledger, ...], body: Body) -> Body:
    """/v1/analytics/data by day or by sku; rows in the order of their ids."""
    first, last = _day(body, "date_from"), _day(body, "date_to")
    if last < first:
        raise RefusedError("date_to must not be before date_from")
    if first < moscow_day(view.now_us) - timedelta(days=KEPT_DAYS):
        raise RefusedError("date_from: only the last 3 months are available without Premium Plus")
    dimensions, metrics = text_list(body, "dimension", most=2), text_list(body, "metrics", most=14)
    if dimensions not in (["day"], ["sku"]):
        raise RefusedError("Request validation error: dimension: value is not available")
    if not metrics or not set(metrics) <= set(METRICS):
        raise RefusedError("Request validation error: metrics: value is not available")
    limit = whole(body, "limit", low=1, high=1000)
    offset = whole(body, "offset", low=0, high=2**31 - 1, default=0)
    as_of = view.now_us // HOUR_US * HOUR_US
    sums = _sums(view, ledgers, first, last, as_of, by_sku=dimensions == ["sku"])
    rows: list[Body] = [
        {"dimensions": [{"id": key, "name": ""}], "metrics": [_metric(told, name) for name in metrics]}
        for key, told in sorted(sums.items())
    ]
    totals = [sum(row["metrics"][place] for row in rows) for place in range(len(metrics))]
    timestamp = from_us(as_of).astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S")
    return {"result": {"data": rows[offset : offset + limit], "totals": totals}, "timestamp": timestamp}


def too_soon() -> RefusedError:
    """What a second question within a minute is told."""
    return RefusedError("You have reached request rate limit per minute", 429, RESOURCE_EXHAUSTED)


def _metric(told: tuple[int, float], name: str) -> Any:
    return told[0] if name == "ordered_units" else round(told[1], 2)


def _sums(
    view: View, ledgers: tuple[Ledger, ...], first: date, last: date, as_of: int, *, by_sku: bool
) -> dict[str, tuple[int, float]]:
    books, sums = view.books, dict[str, tuple[int, float]]()
    since, to = moscow_midnight_us(first), min(moscow_midnight_us(last) + DAY_US, as_of)
    for ledger in ledgers:
        created = books.postings.created_us[ledger.index]
        for posting in ledger.index[np.flatnonzero((created >= since) & (created < to))].tolist():
            day = moscow_day(int(books.postings.created_us[posting])).isoformat()
            for line in range(int(books.postings.line_first[posting]), int(books.postings.line_first[posting + 1])):
                k = int(view.pairs.product[books.lines.pair[line]])
                units = int(books.lines.quantity[line])
                price = view.shop.cards.prices(k, int(books.postings.created_us[posting])).price
                key = str(int(view.goods.sku[k])) if by_sku else day
                before = sums.get(key, (0, 0.0))
                sums[key] = (before[0] + units, before[1] + units * price)
    return sums


def _day(body: Body, name: str) -> date:
    try:
        return date.fromisoformat(text(body, name))
    except ValueError:
        raise RefusedError(f"Request validation error: {name}: value must be like 2026-11-01") from None
