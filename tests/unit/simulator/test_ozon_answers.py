"""What the simulated Ozon tells: valid by the official specification, each row once, in step with the shop."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from micore.simulator import Clock, Shop
from micore.simulator.clock import DAY_US, from_us, rfc3339
from micore.simulator.ozon import finance
from micore.simulator.shop.places import BY_ID, PLACES, Kind
from tests.unit.simulator.asking import Ozon, Spec

# The official examples themselves hold null here, or the field's text says that null is told.
NULLS = frozenset({
    "cancellation", "legal_info", "analytics_data", "financial_data", "client_delivery_date_begin",
    "client_delivery_date_end", "pickup_code_verified_at", "sorting_center", "pause_at", "delivering_date",
    "customer", "addressee", "barcodes", "container", "tariffication", "non_item_fee", "container_fees",
    "current_period_from", "current_period_to", "timetable_from", "timetable_to", "technical_return_moment",
    "final_moment", "cancelled_with_compensation_moment", "tariffication_first_date", "tariffication_start_date",
    "arrived_moment", "utilization_forecast_date", "return_clearing_id", "compensation_status",
    "data_filling_deadline_utc",
})  # fmt: skip
SPEC = Spec("ozon-seller-api.json", NULLS)
MONTH = {"since": "2026-10-22T00:00:00Z", "to": "2026-11-22T12:00:00Z"}
EVERYTHING = {"analytics_data": True, "financial_data": True, "barcodes": True, "legal_info": True}


def requests(ozon: Ozon) -> dict[str, dict[str, Any] | None]:
    """A request of every method."""
    items = ozon.skus()
    skus = [str(item["sku"]) for item in items[:100]]
    sellers = str(PLACES[14].place_id)
    week = {"date_from": "2026-11-09", "date_to": "2026-11-15"}
    page = {"filter": {"visibility": "ALL"}, "limit": 1000}
    order_list = {"filter": {"states": ["IN_TRANSIT", "COMPLETED"]}, "limit": 50, "sort_by": "ORDER_CREATION"}
    orders = ozon.ask("/v3/supply-order/list", order_list)["order_ids"]
    bundle = ozon.ask("/v3/supply-order/get", {"order_ids": orders})["orders"][0]["supplies"][0]["bundle_id"]
    return {
        "/v1/roles": None,
        "/v1/seller/info": None,
        "/v3/product/list": {**page, "last_id": ""},
        "/v3/product/info/list": {"product_id": [str(item["product_id"]) for item in items]},
        "/v4/product/info/attributes": {**page, "last_id": ""},
        "/v5/product/info/prices": {**page, "cursor": ""},
        "/v4/product/info/stocks": {**page, "cursor": ""},
        "/v1/analytics/stocks": {"skus": skus},
        "/v1/analytics/data": {**week, "dimension": ["day"], "metrics": ["ordered_units", "revenue"],
                               "limit": 1000, "offset": 0},
        "/v1/product/info/warehouse/stocks": {"warehouse_id": int(sellers), "limit": 1000, "cursor": ""},
        "/v2/product/info/stocks-by-warehouse/fbs": {"sku": skus, "limit": 1000, "cursor": ""},
        "/v2/warehouse/list": {"limit": 200, "cursor": ""},
        "/v1/cluster/list": {"cluster_type": "CLUSTER_TYPE_OZON"},
        "/v2/cluster/list": None,
        "/v3/posting/fbo/list": {"filter": MONTH, "limit": 100, "cursor": "", "with": {
            "analytics_data": True, "financial_data": True, "legal_info": True}},
        "/v4/posting/fbs/list": {"filter": MONTH, "limit": 100, "cursor": "", "with": EVERYTHING},
        "/v4/posting/fbs/unfulfilled/list": {
            "filter": {"cutoff_from": MONTH["since"], "cutoff_to": "2026-11-29T00:00:00Z"}, "limit": 100, "cursor": ""
        },
        "/v1/finance/accrual/by-day": {"date": "2026-11-20", "last_id": ""},
        "/v1/finance/accrual/types": None,
        "/v1/finance/balance": {"date_from": "2026-11-15", "date_to": "2026-11-21"},
        "/v1/returns/list": {"filter": {"return_schema": "FBO"}, "limit": 500, "last_id": 0},
        "/v2/returns/rfbs/list": {"filter": {"group_state": ["All"]}, "limit": 1000, "last_id": 0},
        "/v3/supply-order/list": order_list,
        "/v3/supply-order/get": {"order_ids": orders},
        "/v1/supply-order/bundle": {"bundle_ids": [bundle], "limit": 100},
        "/v1/report/placement/by-products/create": week,
        "/v1/report/info": {"code": ozon.ask("/v1/report/placement/by-products/create", week)["code"]},
        "/v1/report/list": {"page": 1, "page_size": 10, "report_type": "SELLER_PLACEMENT_BY_PRODUCTS"},
    }  # fmt: skip


def test_every_method_answers_as_its_specification_says(ozon: Ozon) -> None:
    asked = requests(ozon)
    facts = json.loads(ozon.raw("/simulator", method="GET").body)
    assert set(asked) == set(facts["paths"]["ozon"])
    for path, body in asked.items():
        if body is not None:
            assert SPEC.request_faults(path, body) == [], path
        answer = ozon.ask(path, body)
        assert SPEC.answer_faults(path, answer) == [], path
        rows = next((value for value in (answer.get("result", answer), *answer.values()) if value), None)
        assert rows, f"{path} told nothing"


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/v3/product/list", ("result", "items")),
        ("/v3/product/info/list", ("items",)),
        ("/v1/analytics/stocks", ("items",)),
        ("/v1/product/info/warehouse/stocks", ("stocks",)),
        ("/v2/product/info/stocks-by-warehouse/fbs", ("products",)),
        ("/v2/warehouse/list", ("warehouses",)),
        ("/v3/posting/fbo/list", ("postings",)),
        ("/v4/posting/fbs/list", ("postings",)),
        ("/v1/finance/accrual/by-day", ("accruals",)),
        ("/v5/product/info/prices", ("items",)),
        ("/v1/returns/list", ("returns",)),
        ("/v2/returns/rfbs/list", ("returns",)),
        ("/v2/returns/rfbs/list", ("returns", "product")),
        ("/v2/returns/rfbs/list", ("returns", "state")),
        ("/v3/supply-order/get", ("orders",)),
        ("/v1/supply-order/bundle", ("items",)),
    ],
)
def test_no_field_of_a_row_is_left_out(ozon: Ozon, path: str, steps: tuple[str, ...]) -> None:
    found = ozon.ask(path, requests(ozon)[path])
    for step in steps:
        found = found[step]
        found = found[0] if isinstance(found, list) else found
    assert set(found) == SPEC.properties(path, *steps)


def test_errors_have_the_specified_shape(ozon: Ozon) -> None:
    answer = ozon.raw("/v3/product/list", {"limit": 0})
    assert answer.status == 400
    assert SPEC.answer_faults("/v3/product/list", json.loads(answer.body), status=400) == []


def test_the_product_list_has_each_product_once_and_ends(ozon: Ozon, shop: Shop) -> None:
    alive, archived = ozon.skus("ALL"), ozon.skus("ARCHIVED")
    numbers = [item["product_id"] for item in alive + archived]
    assert len(set(numbers)) == len(numbers)
    assert not any(item["archived"] for item in alive)
    assert all(item["archived"] for item in archived)
    now = shop.start_us + 239 * DAY_US
    known = shop.ozon_products[shop.created_us[shop.ozon_products] <= now]
    assert set(numbers) >= set(shop.goods.product_id[known].tolist())
    assert archived, "some products are archived"


@pytest.mark.parametrize("path", ["/v3/posting/fbo/list", "/v4/posting/fbs/list"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_pages_visit_each_posting_once_in_order(ozon: Ozon, path: str, direction: str) -> None:
    found = list(ozon.pages(path, {"filter": MONTH, "limit": 37, "sort_dir": direction}))
    numbers = [posting["posting_number"] for posting in found]
    assert len(numbers) == len(set(numbers)) > 100
    started = [posting["in_process_at"][:19] for posting in found]
    assert started == sorted(started, reverse=direction == "DESC")
    halves = [
        posting["posting_number"]
        for since, to in (
            ("2026-10-22T00:00:00Z", "2026-11-08T00:00:00Z"),
            ("2026-11-08T00:00:00.000001Z", MONTH["to"]),
        )
        for posting in ozon.pages(path, {"filter": {"since": since, "to": to}, "limit": 100})
    ]
    assert sorted(halves) == sorted(numbers)


def test_stock_pages_visit_each_row_once(ozon: Ozon) -> None:
    sellers = [row["warehouse_id"] for row in ozon.ask("/v2/warehouse/list", {"limit": 200})["warehouses"]]
    for warehouse in sellers:
        body = {"warehouse_id": warehouse, "limit": 7}
        rows = list(ozon.pages("/v1/product/info/warehouse/stocks", body, "stocks"))
        assert len({row["sku"] for row in rows}) == len(rows) > 7
        whole = ozon.ask("/v1/product/info/warehouse/stocks", {"warehouse_id": warehouse, "limit": 1000})
        assert whole["stocks"] == rows
        assert whole["has_next"] is False


def test_named_attributes_page_by_product(ozon: Ozon) -> None:
    numbers = [item["product_id"] for item in ozon.skus()[:60]]
    seen: list[int] = []
    last_id = ""
    body = {"filter": {"product_id": [str(number) for number in reversed(numbers)]}, "limit": 25}
    while rows := (page := ozon.ask("/v4/product/info/attributes", {**body, "last_id": last_id}))["result"]:
        seen += [row["id"] for row in rows]
        last_id = page["last_id"]
    assert seen == sorted(numbers)


def test_warehouse_pages_end(ozon: Ozon) -> None:
    rows = list(ozon.pages("/v2/warehouse/list", {"limit": 2}, "warehouses"))
    assert len({row["warehouse_id"] for row in rows}) == len(rows) == 3


def test_the_three_views_of_seller_stock_agree(ozon: Ozon) -> None:
    by_sku: Counter[int] = Counter()
    for row in ozon.ask("/v2/warehouse/list", {"limit": 200})["warehouses"]:
        stocks = ozon.ask("/v1/product/info/warehouse/stocks", {"warehouse_id": row["warehouse_id"], "limit": 1000})
        for stock in stocks["stocks"]:
            assert stock["present"] == stock["free_stock"] + stock["reserved"]
            by_sku[stock["sku"]] += stock["present"]
    totals: Counter[int] = Counter()
    for visibility in ("ALL", "ARCHIVED"):
        body = {"filter": {"visibility": visibility}, "limit": 1000}
        for item in ozon.ask("/v4/product/info/stocks", body)["items"]:
            assert {stock["type"] for stock in item["stocks"]} <= {"fbs", "rfbs"}
            for stock in item["stocks"]:
                totals[stock["sku"]] += stock["present"]
    assert +totals == +by_sku


def test_stock_at_ozon_is_the_shops(ozon: Ozon, shop: Shop, clock: Clock) -> None:
    now = clock.now_us()
    items = [item for item in ozon.skus() if item["has_fbo_stocks"]][:100]
    told = ozon.ask("/v1/analytics/stocks", {"skus": [str(item["sku"]) for item in items]})["items"]
    product_of = {int(sku): k for k, sku in enumerate(shop.goods.sku.tolist())}
    books = shop.books(now)
    seen = {(row["sku"], row["warehouse_id"]): row for row in told}
    assert len(seen) == len(told)
    for item in items:
        k = product_of[item["sku"]]
        for pair in shop.pairs_of(k, Kind.OZON_FBO).tolist():
            there = int(books.available.at(np.array([pair]), now)[0])
            row = seen.get((item["sku"], PLACES[int(shop.pairs.place[pair])].place_id))
            assert (row or {"available_stock_count": 0})["available_stock_count"] == there
            if row:
                coming = int(books.transit.at(np.array([pair]), now)[0])
                assert row["transit_stock_count"] == coming


def test_ids_are_asked_for_as_texts_or_numbers(ozon: Ozon) -> None:
    skus = [item["sku"] for item in ozon.skus()[:5]]
    as_numbers = ozon.ask("/v1/analytics/stocks", {"skus": skus})
    assert ozon.ask("/v1/analytics/stocks", {"skus": [str(sku) for sku in skus]}) == as_numbers


def test_a_postings_status_follows_the_clock(ozon: Ozon, clock: Clock) -> None:
    day = {"filter": {"since": "2026-11-20T00:00:00Z", "to": "2026-11-20T23:59:59Z"}, "limit": 100}
    before = {p["posting_number"]: p["status"] for p in ozon.pages("/v4/posting/fbs/list", day)}
    clock.advance(60 * 86_400)
    after = {p["posting_number"]: p["status"] for p in ozon.pages("/v4/posting/fbs/list", day)}
    assert set(before) <= set(after)
    assert len(set(before.values())) >= 2
    assert set(after.values()) <= {"delivered", "cancelled"}
    order = ["awaiting_packaging", "awaiting_deliver", "delivering", "delivered"]
    for number, status in before.items():
        if after[number] == "delivered":
            assert order.index(status) <= order.index("delivered")


def test_changed_postings_are_found_by_their_change(ozon: Ozon, clock: Clock) -> None:
    year = {"since": "2026-04-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
    before = {
        p["posting_number"]: p["status"] for p in ozon.pages("/v4/posting/fbs/list", {"filter": year, "limit": 100})
    }
    start = clock.now()
    clock.advance(3 * 86_400)
    after = {
        p["posting_number"]: p["status"] for p in ozon.pages("/v4/posting/fbs/list", {"filter": year, "limit": 100})
    }
    moved = {number for number, status in after.items() if before.get(number) != status}
    period = {"from": start.isoformat(), "to": clock.now().isoformat()}
    changed = {
        p["posting_number"]
        for p in ozon.pages(
            "/v4/posting/fbs/list", {"filter": {**year, "last_changed_status_date": period}, "limit": 100}
        )
    }
    assert moved
    assert moved <= changed


def test_some_postings_are_seen_late(ozon: Ozon, shop: Shop, clock: Clock) -> None:
    books = shop.books(clock.now_us()).postings
    late = books.visible_s > 3600
    assert 0.003 < late.mean() < 0.05
    fbo = np.flatnonzero(late & (books.place < 14) & (books.created_us > shop.start_us + 200 * DAY_US))[0]
    created = from_us(int(books.created_us[fbo]))
    window = {
        "filter": {"since": created.isoformat(), "to": (created + timedelta(minutes=2)).isoformat()}, "limit": 100
    }  # fmt: skip
    clock.set(created + timedelta(minutes=30))
    at = rfc3339(int(books.created_us[fbo]))
    assert at not in {p["created_at"] for p in ozon.pages("/v3/posting/fbo/list", window)}
    clock.advance(7 * 3600)
    assert at in {p["created_at"] for p in ozon.pages("/v3/posting/fbo/list", window)}


def test_orders_take_seller_stock_down_and_cancellations_bring_it_back(ozon: Ozon, shop: Shop, clock: Clock) -> None:
    """Between two readings stock moves by exactly the orders, cancellations, returns and supplies in between."""
    warehouse = PLACES[14].place_id
    body = {"warehouse_id": warehouse, "limit": 1000}
    start_us = clock.now_us()
    before = {row["sku"]: row["free_stock"] for row in ozon.pages("/v1/product/info/warehouse/stocks", body, "stocks")}
    clock.advance(2 * 86_400)
    after = {row["sku"]: row["free_stock"] for row in ozon.pages("/v1/product/info/warehouse/stocks", body, "stocks")}
    moved: Counter[int] = Counter()
    year = {"since": "2026-04-01T00:00:00Z", "to": rfc3339(clock.now_us()), "warehouse_ids": [str(warehouse)]}
    books = shop.books(clock.now_us())
    for posting in ozon.pages("/v4/posting/fbs/list", {"filter": year, "limit": 100}):
        if posting["in_process_at"] > rfc3339(start_us):
            for line in posting["products"]:
                moved[line["sku"]] -= line["quantity"]
    place = BY_ID[warehouse]
    hidden, supplied = books.postings, books.supplied
    for number in np.flatnonzero((hidden.place == place) & hidden.back_to_stock).tolist():
        again = int(hidden.created_us[number]) + int(hidden.restocked_s[number]) * 1_000_000
        if start_us < again <= clock.now_us():
            for line in range(hidden.line_first[number], hidden.line_first[number + 1]):
                k = shop.pairs.product[books.lines.pair[line]]
                moved[int(shop.goods.sku[k])] += int(books.lines.quantity[line])
    came = (supplied.available_us > start_us) & (supplied.available_us <= clock.now_us())
    came &= shop.pairs.place[supplied.pair] == place
    for pair, quantity in zip(supplied.pair[came].tolist(), supplied.quantity[came].tolist(), strict=True):
        moved[int(shop.goods.sku[shop.pairs.product[pair]])] += quantity
    late = (hidden.place == place) & (hidden.created_us + hidden.visible_s * 1_000_000 > clock.now_us())
    late &= hidden.created_us <= clock.now_us()
    for number in np.flatnonzero(late).tolist():
        for line in range(hidden.line_first[number], hidden.line_first[number + 1]):
            moved[int(shop.goods.sku[shop.pairs.product[books.lines.pair[line]]])] -= int(books.lines.quantity[line])
    assert moved
    changes = {sku: after[sku] - before.get(sku, 0) for sku in after}
    assert {sku: change for sku, change in changes.items() if change} == {s: m for s, m in moved.items() if m}


def test_accruals_of_a_day_are_its_deliveries_and_returns(ozon: Ozon, clock: Clock) -> None:
    clock.advance(86_400)
    seen: list[dict[str, Any]] = []
    last_id = ""
    while True:
        page = ozon.ask("/v1/finance/accrual/by-day", {"date": "2026-11-20", "last_id": last_id})
        seen += page["accruals"]
        if not page["last_id"]:
            break
        last_id = page["last_id"]
    numbers = [row["accrual_id"] for row in seen]
    assert len(set(numbers)) == len(numbers) > 20
    assert [row["accrued_category"] for row in seen if row["posting"] is None] == ["ITEM"]
    seen = [row for row in seen if row["posting"] is not None]
    for row in seen:
        parts = sum(
            float(p["commission"]["sale_amount"]["amount"])
            + float(p["commission"]["commission"]["amount"])
            + float(p["delivery"]["total_accrued"]["amount"])
            for p in row["posting"]["products"]
        )
        assert float(row["total_amount"]["amount"]) == pytest.approx(parts)
    sold = [row for row in seen if float(row["posting"]["products"][0]["commission"]["sale_amount"]["amount"]) > 0]
    assert 0.8 < len(sold) / len(seen) <= 1
    asked = [row["unit_number"] for row in sold if row["posting"]["delivery_schema"] == "FBO"][:50]
    found = ozon.ask("/v3/posting/fbo/list", {"filter": {"posting_numbers": asked}, "limit": 100})["postings"]
    assert {posting["status"] for posting in found} == {"delivered"}
    assert {posting["posting_number"] for posting in found} == set(asked)


def test_small_pages_of_accruals_give_the_same_day(ozon: Ozon, monkeypatch: pytest.MonkeyPatch) -> None:
    day = {"date": "2026-11-20", "last_id": ""}
    whole = ozon.ask("/v1/finance/accrual/by-day", day)["accruals"]
    for size in (7, len(whole) - 1, len(whole)):
        monkeypatch.setattr(finance, "PAGE", size)
        seen: list[dict[str, Any]] = []
        last_id = ""
        while True:
            page = ozon.ask("/v1/finance/accrual/by-day", {**day, "last_id": last_id})
            seen += page["accruals"]
            assert len(page["accruals"]) <= size
            last_id = page["last_id"]
            if not last_id:
                break
        assert seen == whole


def test_the_same_instant_is_told_byte_for_byte_again(ozon: Ozon, shop: Shop) -> None:
    from micore.simulator import Simulator  # a second pair of servers over a second, equal shop

    again = Ozon(Simulator(Shop(7, 300, 240, shop.today), ozon.simulator.clock, limits=False))
    for path, body in requests(ozon).items():
        assert ozon.raw(path, body).body == again.raw(path, body).body, path
