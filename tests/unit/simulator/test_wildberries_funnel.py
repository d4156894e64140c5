"""The simulated Wildberries' sales funnel: by its specification, by the orders, and adding up over days."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from micore.simulator import Clock
from tests.unit.simulator.asking import Spec, Wildberries

SPEC = Spec("wildberries-seller-api.json")
FUNNEL = "/api/analytics/v3/sales-funnel/products"
ORDERS = "/api/v1/supplier/orders"
DAY = "2026-11-15"
ADDED_UP = ("openCount", "cartCount", "orderCount", "buyoutCount", "cancelCount", "addToWishlist")


def asked(first: str = DAY, last: str = DAY, **more: Any) -> dict[str, Any]:
    return {"selectedPeriod": {"start": first, "end": last}, "limit": 1000, **more}


def rows(wildberries: Wildberries, body: dict[str, Any]) -> list[dict[str, Any]]:
    assert SPEC.request_faults(FUNNEL, body) == []
    answer = wildberries.ask("POST", FUNNEL, body)
    assert SPEC.answer_faults(FUNNEL, answer) == []
    found: list[dict[str, Any]] = answer["data"]["products"]
    return found


def by_card(found: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["product"]["nmId"]: row["statistic"]["selected"] for row in found}


def test_orders_are_those_of_the_statistics(wildberries: Wildberries) -> None:
    orders = wildberries.ask("GET", ORDERS, query={"dateFrom": DAY, "flag": "1"})
    ordered = Counter(row["nmId"] for row in orders)
    cards = by_card(rows(wildberries, asked()))
    assert {card: row["orderCount"] for card, row in cards.items() if row["orderCount"]} == ordered
    assert ordered
    for row in cards.values():
        assert row["openCount"] >= row["cartCount"]
        assert row["orderCount"] >= row["buyoutCount"] + row["cancelCount"]
    assert sum(row["openCount"] for row in cards.values()) > 3 * sum(ordered.values())


def test_orders_of_carts_of_earlier_days_make_shares_above_the_whole(wildberries: Wildberries) -> None:
    days = [row for day in (14, 15, 16) for row in by_card(rows(wildberries, asked(*[f"2026-11-{day}"] * 2))).values()]
    above = [row for row in days if row["orderCount"] > row["cartCount"]]
    assert 0 < len(above) < len(days) / 4
    assert any(row["cartCount"] == 0 < row["orderCount"] for row in above)
    for row in above:
        shown = row["conversions"]["cartToOrderPercent"]
        assert shown == (row["orderCount"] * 100 // row["cartCount"] if row["cartCount"] else 0)
    month = by_card(rows(wildberries, asked("2026-10-25", "2026-11-21")))
    assert any(row["orderCount"] > row["cartCount"] > 0 for row in month.values())
    assert sum(row["cartCount"] for row in month.values()) > sum(row["orderCount"] for row in month.values())


def test_a_period_is_the_sum_of_its_days(wildberries: Wildberries) -> None:
    days = ["2026-11-01", "2026-11-02", "2026-11-03"]
    single = [by_card(rows(wildberries, asked(day, day))) for day in days]
    for card, row in by_card(rows(wildberries, asked(days[0], days[-1]))).items():
        for name in ADDED_UP:
            assert row[name] == sum(day[card][name] for day in single), (card, name)


def test_pages_of_any_order_hold_every_card_once(wildberries: Wildberries) -> None:
    whole = rows(wildberries, asked(orderBy={"field": "orderCount", "mode": "asc"}))
    pages: list[dict[str, Any]] = []
    while page := rows(wildberries, {**asked(orderBy={"field": "orderCount", "mode": "asc"}), "limit": 7,
                                     "offset": len(pages)}):  # fmt: skip
        pages += page
    assert pages == whole
    counts = [row["statistic"]["selected"]["orderCount"] for row in whole]
    assert counts == sorted(counts)
    one = whole[0]["product"]["nmId"]
    assert [row["product"]["nmId"] for row in rows(wildberries, asked(nmIds=[one]))] == [one]


def test_a_part_of_a_day_becomes_known_later(wildberries: Wildberries, clock: Clock) -> None:
    clock.advance(86_400)
    yesterday = "2026-11-22"
    before = by_card(rows(wildberries, asked(yesterday, yesterday)))
    clock.advance(4 * 86_400)
    after = by_card(rows(wildberries, asked(yesterday, yesterday)))
    assert all(after[card]["openCount"] >= row["openCount"] for card, row in before.items() if card in after)
    assert sum(row["openCount"] for row in after.values()) > sum(row["openCount"] for row in before.values())


@pytest.mark.parametrize(
    "body",
    [
        {},
        asked("2026-11-16", "2026-11-15"),
        asked("2025-01-01", "2026-11-15"),
        asked("2026-11-20", "2027-01-01"),
        asked("yesterday"),
        {**asked(), "limit": 1001},
        {**asked(), "offset": -1},
        {**asked(), "orderBy": {"field": "luck", "mode": "asc"}},
        {**asked(), "nmIds": ["1"]},
    ],
)
def test_wrong_questions(wildberries: Wildberries, body: dict[str, Any]) -> None:
    answer = wildberries.raw("POST", FUNNEL, body)
    said = json.loads(answer.body)
    assert answer.status == 400
    assert said["origin"] == "analytics-open-api"
