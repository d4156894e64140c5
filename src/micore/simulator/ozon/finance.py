"""Ozon's accruals: a day's sales of delivered postings, the reversals of returned ones, the placing of goods."""

from __future__ import annotations

import re
from datetime import date

import numpy as np

from micore.simulator.clock import DAY_US, SECOND_US, moscow_midnight_us
from micore.simulator.ozon import postings
from micore.simulator.ozon.placement import fees
from micore.simulator.ozon.postings import Ledger, Sold
from micore.simulator.ozon.products import COMMISSION_PERCENT
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, make_cursor, money, read_cursor, text
from micore.simulator.shop.orders import LONGEST_DAYS, Outcome
from micore.simulator.shop.places import PLACES, Kind

PAGE = 1000
TOKEN_LIFE_US = 15 * 60 * SECOND_US
LOGISTICS, LAST_MILE, RETURN_FLOW, PLACEMENT = 3, 5, 12, 21

ACCRUAL_TYPES = (
    (1, "Sale", "Выручка"),
    (2, "SaleCommission", "Вознаграждение за продажу"),
    (LOGISTICS, "Logistics", "Логистика"),
    (LAST_MILE, "LastMile", "Доставка до места выдачи"),
    (7, "Acquiring", "Эквайринг"),
    (RETURN_FLOW, "ReturnFlow", "Обратная логистика"),
    (PLACEMENT, "Placement", "Размещение товаров на складах Ozon"),
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SCHEMA = {Kind.OZON_FBO: "FBO", Kind.OZON_FBS: "FBS", Kind.OZON_RFBS: "RFBS"}


def accrual_types(view: View, body: Body) -> Body:
    """/v1/finance/accrual/types"""
    del view, body
    return {
        "accrual_types": [{"id": number, "name": name, "description": words} for number, name, words in ACCRUAL_TYPES]
    }


def by_day(view: View, ledgers: tuple[Ledger, ...], body: Body) -> Body:
    """/v1/finance/accrual/by-day: a page of the accruals of one Moscow day, in the order in which they came."""
    if "last_id" not in body or body["last_id"] is None:
        raise RefusedError("Request validation error: last_id: value is required")
    day = _day(text(body, "date"))
    mark = read_cursor(text(body, "last_id"), 3)
    start = 0
    if mark is not None:
        if mark[0] != day.toordinal():
            raise RefusedError("last_id belongs to another date")
        if view.now_us - mark[2] > TOKEN_LIFE_US:
            raise RefusedError("last_id has expired")
        start = mark[1]
    when, index, back = _accruals(view, ledgers, day)
    end = start + PAGE
    rows = [
        _accrual(view, posting, day, reversal=bool(reversal))
        for posting, reversal in zip(index[start:end].tolist(), back[start:end].tolist(), strict=True)
    ]
    # The placing of goods is charged at the end of the day, behind everything else.
    placing = fees(view, day)
    if placing and start <= len(when) < end:
        rows.append(_placing(day, placing))
    more = end < len(when) + bool(placing)
    return {"accruals": rows, "last_id": make_cursor(day.toordinal(), end, view.now_us) if more else ""}


def bookings(view: View, ledgers: tuple[Ledger, ...], day: date) -> list[Body]:
    """Every accrual of a day, as `by_day` tells them page by page."""
    _, index, back = _accruals(view, ledgers, day)
    rows = [
        _accrual(view, posting, day, reversal=bool(reversal))
        for posting, reversal in zip(index.tolist(), back.tolist(), strict=True)
    ]
    placing = fees(view, day)
    return [*rows, _placing(day, placing)] if placing else rows


def _day(value: str) -> date:
    if not _DATE.fullmatch(value):
        raise RefusedError("Request validation error: date: value must be like 2026-11-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise RefusedError("Request validation error: date: no such day") from None
    if day < date(2022, 1, 1):
        raise RefusedError("Request validation error: date: the earliest is 2022-01-01")
    return day


def _accruals(view: View, ledgers: tuple[Ledger, ...], day: date) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(instant, posting, whether it is a reversal) of a day's accruals, sorted."""
    start = moscow_midnight_us(day)
    end = min(start + DAY_US, view.now_us + 1)
    books = view.books.postings
    parts = []
    for ledger in ledgers:
        low = int(np.searchsorted(ledger.sorted_us, start - LONGEST_DAYS * DAY_US))
        index = ledger.index[low : int(np.searchsorted(ledger.sorted_us, end))]
        created, outcome = books.created_us[index], books.outcome[index]
        for stage, reversal, kinds in (
            (books.final_s, False, (Outcome.DELIVERED, Outcome.RETURNED)),
            (books.returned_s, True, (Outcome.RETURNED,)),
        ):
            when = created + stage[index].astype(np.int64) * SECOND_US
            keep = np.isin(outcome, kinds) & (when >= start) & (when < end)
            parts.append((when[keep], index[keep], np.full(int(keep.sum()), reversal)))
    when, index, back = (np.concatenate([part[column] for part in parts]) for column in range(3))
    order = np.lexsort((back, index, when))
    return when[order], index[order], back[order]


def _accrual(view: View, posting: int, day: date, *, reversal: bool) -> Body:
    kind = PLACES[int(view.books.postings.place[posting])].kind
    sign = -1 if reversal else 1
    percent = COMMISSION_PERCENT[_SCHEMA[kind]]
    products, total = [], 0.0
    for line in postings.sold_lines(view, posting):
        product, amount = _product(line, sign, percent, reversal=reversal)
        products.append(product)
        total += amount
    bits = int(view.books.postings.number[posting])
    return {
        "accrual_id": (bits >> 14) * 2 + reversal,
        "date": day.isoformat(),
        "unit_number": postings.posting_number(view.books, posting),
        "accrued_category": "POSTING",
        "total_amount": money(total),
        "posting": {
            "delivery_schema": _SCHEMA[kind],
            "delivery_speed": int(view.books.postings.final_s[posting]) // 3600,
            "products": products,
        },
        "item_fees": None,
        "non_item_fee": None,
        "container_fees": None,
    }


def _placing(day: date, placing: dict[int, int]) -> Body:
    """What a day's place in Ozon's warehouses costs, by sku."""
    return {
        "accrual_id": day.toordinal() * 2 + 1,
        "date": day.isoformat(),
        "unit_number": "",
        "accrued_category": "ITEM",
        "total_amount": money(-sum(placing.values()) / 100),
        "posting": None,
        "item_fees": {
            "fees": [
                {"sku": sku, "fees": [{"type_id": PLACEMENT, "accrued": money(-kopecks / 100)}]}
                for sku, kopecks in sorted(placing.items())
            ]
        },
        "non_item_fee": None,
        "container_fees": None,
    }


def _product(line: Sold, sign: int, percent: float, *, reversal: bool) -> tuple[Body, float]:
    sale = sign * line.prices.price * line.quantity
    commission = round(-sale * percent / 100, 2)
    services = [(RETURN_FLOW, -15.0 * line.quantity)] if reversal else [
        (LOGISTICS, -round(56 + 9 * max(0.1, line.card.litres / 5), 2) * line.quantity),
        (LAST_MILE, -25.0 * line.quantity),
    ]  # fmt: skip
    delivery = round(sum(amount for _, amount in services), 2)
    nothing = money(0)
    body: Body = {
        "sku": line.sku,
        "commission": {
            "sale_amount": money(sale),
            "seller_price": money(line.prices.price),
            "sale_price": money(line.prices.price),
            "sale_commission": money(commission),
            "commission": money(commission),
            "commission_ratio": f"{percent / 100:.4f}",
            "bonus": nothing,
            "coinvestment": nothing,
        },
        "delivery": {
            "services": [{"type_id": number, "accrued": money(amount)} for number, amount in services],
            "total_accrued": money(delivery),
        },
    }
    return body, sale + commission + delivery
