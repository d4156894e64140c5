"""Ozon's balance of a period: what accruals of its days come to, in all and by what they are for, an hour behind.

`/v1/finance/balance`, "Finances, Balance" of the cabinet. It is made of the bookings that `/v1/finance/accrual/by-day`
tells one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from micore.simulator.clock import SECOND_US
from micore.simulator.ozon.finance import ACCRUAL_TYPES, bookings
from micore.simulator.ozon.postings import Ledger
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, text

LONGEST_DAYS = 30
HOUR_US = 3600 * SECOND_US
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAMES = {number: name for number, name, _ in ACCRUAL_TYPES}


def balance(view: View, book: Callable[[View], tuple[Ledger, ...]], body: Body) -> Body:
    """/v1/finance/balance of the days from `date_from` to `date_to`, both included; `book` knows the postings."""
    first, last = _day(body, "date_from"), _day(body, "date_to")
    if not timedelta() <= last - first <= timedelta(days=LONGEST_DAYS):
        raise RefusedError(f"Request validation error: the period must be from 0 to {LONGEST_DAYS} days")
    then = View(view.shop, view.index, max(view.now_us // HOUR_US * HOUR_US, view.shop.start_us))
    sales: Counter[str] = Counter()
    returns: Counter[str] = Counter()
    services: Counter[str] = Counter()
    ledgers = book(then)
    for number in range((last - first).days + 1):
        for booking in bookings(then, ledgers, first + timedelta(days=number)):
            _add(booking, sales, returns, services)
    accrued = sum(sales.values()) + sum(returns.values()) + sum(services.values())
    return {
        "cashflows": {
            "sales": _goods(sales),
            "returns": _goods(returns),
            "services": [{"name": name, "amount": _money(amount)} for name, amount in sorted(services.items())],
        },
        "total": {
            "opening_balance": _money(0),
            "accrued": _money(accrued),
            "payments": [],
            "closing_balance": _money(accrued),
        },
    }


def _add(booking: Body, sales: Counter[str], returns: Counter[str], services: Counter[str]) -> None:
    """One booking's kopecks."""
    for product in (booking["posting"] or {}).get("products", ()):
        amount = _kopecks(product["commission"]["sale_amount"])
        side = sales if amount >= 0 else returns
        side["amount"] += amount
        side["fee"] += _kopecks(product["commission"]["commission"])
        for fee in product["delivery"]["services"]:
            services[_NAMES[fee["type_id"]]] += _kopecks(fee["accrued"])
    for item in (booking["item_fees"] or {}).get("fees", ()):
        for fee in item["fees"]:
            services[_NAMES[fee["type_id"]]] += _kopecks(fee["accrued"])


def _goods(sums: Counter[str]) -> Body:
    return {
        "amount": _money(sums["amount"]),
        "amount_details": {
            "revenue": _money(sums["amount"]),
            "points_for_discounts": "0",
            "partner_programs": _money(0),
        },
        "fee": _money(sums["fee"]),
    }


def _kopecks(told: Body) -> int:
    return round(float(told["amount"]) * 100)


def _money(kopecks: int) -> dict[str, Any]:
    return {"currency_code": "RUB", "value": kopecks / 100}


def _day(body: Body, name: str) -> date:
    value = text(body, name)
    try:
        if not _DATE.fullmatch(value):
            raise ValueError(value)
        return date.fromisoformat(value)
    except ValueError:
        raise RefusedError(f"Request validation error: {name}: value must be like 2026-11-01") from None
