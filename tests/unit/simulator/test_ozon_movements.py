"""What the simulated Ozon tells of goods on their way: returns, and supplies to its warehouses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from micore.simulator import Clock, Shop
from micore.simulator.shop.places import PLACES, Kind
from tests.unit.simulator.asking import Ozon

RETURNS = "/v1/returns/list"
REQUESTS = "/v2/returns/rfbs/list"
ORDERS = "/v3/supply-order/list"
ORDER = "/v3/supply-order/get"
BUNDLE = "/v1/supply-order/bundle"
STATES = [
    "DATA_FILLING", "READY_TO_SUPPLY", "ACCEPTED_AT_SUPPLY_WAREHOUSE", "IN_TRANSIT", "ACCEPTANCE_AT_STORAGE_WAREHOUSE",
    "REPORTS_CONFIRMATION_AWAITING", "COMPLETED",
]  # fmt: skip
Rows = list[dict[str, Any]]


def returns(ozon: Ozon, limit: int = 500, **chosen: Any) -> Rows:
    """All returns, by the documented way of paging."""
    found: Rows = []
    last_id = 0
    while True:
        page = ozon.ask(RETURNS, {"filter": chosen, "limit": limit, "last_id": last_id})
        assert len(page["returns"]) <= limit
        found += page["returns"]
        if not page["has_next"]:
            return found
        assert page["returns"][-1]["id"] > last_id
        last_id = page["returns"][-1]["id"]


def requests(ozon: Ozon, limit: int = 1000, **chosen: Any) -> Rows:
    """All requests to return an rFBS order, by the documented way of paging."""
    found: Rows = []
    last_id = 0
    while page := ozon.ask(REQUESTS, {"filter": chosen, "limit": limit, "last_id": last_id})["returns"]:
        assert len(page) <= limit
        assert page[0]["return_id"] > last_id
        found, last_id = found + page, page[-1]["return_id"]
    return found


def order_ids(ozon: Ozon, limit: int = 100, **more: Any) -> list[str]:
    """All supply orders, by the documented way of paging."""
    body = {"filter": {"states": STATES}, "sort_by": "ORDER_CREATION", "sort_dir": "ASC", "limit": limit, **more}
    found: list[str] = []
    last_id = ""
    while True:
        page = ozon.ask(ORDERS, {**body, "last_id": last_id})
        if not page["order_ids"]:
            assert page["last_id"] == ""
            return found
        found += page["order_ids"]
        last_id = page["last_id"]


def orders(ozon: Ozon, ids: list[str]) -> Rows:
    return [
        order
        for start in range(0, len(ids), 50)
        for order in ozon.ask(ORDER, {"order_ids": ids[start : start + 50]})["orders"]
    ]


def goods(ozon: Ozon, order: dict[str, Any], limit: int = 100) -> Rows:
    found: Rows = []
    last_id = ""
    while True:
        body = {"bundle_ids": [order["supplies"][0]["bundle_id"]], "limit": limit, "last_id": last_id}
        page = ozon.ask(BUNDLE, body)
        found += page["items"]
        if not page["has_next"]:
            assert page["total_count"] == len(found)
            return found
        last_id = page["last_id"]


def test_pages_visit_each_return_once(ozon: Ozon) -> None:
    whole = returns(ozon)
    assert len({row["id"] for row in whole}) == len(whole) > 100
    assert [row["id"] for row in whole] == sorted(row["id"] for row in whole)
    assert returns(ozon, limit=37) == whole
    assert {row["schema"] for row in whole} == {"FBO", "FBS"}
    assert len(returns(ozon, return_schema="FBO")) + len(returns(ozon, return_schema="FBS")) == len(whole)


def test_a_return_belongs_to_its_posting(ozon: Ozon) -> None:
    period = {"since": "2026-10-25T00:00:00Z", "to": "2026-11-22T12:00:00Z"}
    postings = {
        row["posting_number"]: row
        for path in ("/v3/posting/fbo/list", "/v4/posting/fbs/list")
        for row in ozon.pages(path, {"filter": period, "limit": 100})
    }
    rows = [row for row in returns(ozon) if row["posting_number"] in postings]
    assert len(rows) > 20
    for row in rows:
        posting = postings[row["posting_number"]]
        assert posting["status"] == ("delivered" if row["type"] == "ClientReturn" else "cancelled")
        bought = {one["sku"]: one["quantity"] for one in posting["products"]}
        assert bought[row["product"]["sku"]] == row["product"]["quantity"] == len(row["exemplars"])
        assert (row["order_id"], row["order_number"]) == (posting["order_id"], posting["order_number"])


def test_returns_on_their_way_are_those_of_the_stock(ozon: Ozon, shop: Shop, clock: Clock) -> None:
    coming: Counter[tuple[int, int]] = Counter()
    for row in returns(ozon):
        if row["logistic"]["final_moment"] is None:
            coming[row["product"]["sku"], row["target_place"]["id"]] += row["product"]["quantity"]
    kinds = (Kind.OZON_FBO, Kind.OZON_FBS)
    pairs = np.flatnonzero(np.isin(shop.place_kind, kinds) & (shop.pairs.product < shop.products))
    levels = shop.books(clock.now_us()).from_client.at(pairs, clock.now_us())
    assert coming == {
        (int(shop.goods.sku[shop.pairs.product[pair]]), PLACES[int(shop.pairs.place[pair])].place_id): units
        for pair, units in zip(pairs.tolist(), levels.tolist(), strict=True) if units
    }  # fmt: skip


def test_a_changed_status_is_found_by_its_moment(ozon: Ozon, clock: Clock) -> None:
    before = {row["id"]: row for row in returns(ozon)}
    clock.advance(2 * 86_400)
    after = {row["id"]: row for row in returns(ozon)}
    since = {"time_from": "2026-11-22T12:00:01Z", "time_to": "2026-11-24T12:00:00Z"}
    changed = {row["id"] for row in returns(ozon, visual_status_change_moment=since)}
    assert changed == {number for number, row in after.items() if before.get(number, {}).get("visual") != row["visual"]}
    assert any(number in before for number in changed)
    fresh = {row["id"] for row in returns(ozon, logistic_return_date=since)}
    assert fresh == after.keys() - before.keys()


def test_pages_visit_each_request_once(ozon: Ozon) -> None:
    whole = requests(ozon)
    assert len({row["return_number"] for row in whole}) == len(whole) > 10
    assert [row["created_at"] for row in whole] == sorted(row["created_at"] for row in whole)
    assert requests(ozon, limit=3) == whole
    assert len(whole) % 3 or ozon.ask(REQUESTS, {"limit": 3, "last_id": whole[-1]["return_id"]}) == {"returns": []}


def test_what_the_seller_delivered_himself_comes_back_by_request_and_in_no_other_list(ozon: Ozon) -> None:
    period = {"since": "2026-09-25T00:00:00Z", "to": "2026-11-22T12:00:00Z"}
    own = {
        row["posting_number"]: row
        for row in ozon.pages("/v4/posting/fbs/list", {"filter": period, "limit": 100})
        if row["integration_type_flow"] == "non_integrated"
    }
    asked = [row for row in requests(ozon) if row["posting_number"] in own]
    assert len(asked) > 5
    for row in asked:
        posting = own[row["posting_number"]]
        # Who refuses the goods at his door makes no request: his posting is cancelled.
        assert (posting["status"], posting["order_number"]) == ("delivered", row["order_number"])
        assert row["product"]["sku"] in {one["sku"] for one in posting["products"]}
        assert row["created_at"] > posting["in_process_at"]
    assert not own.keys() & {row["posting_number"] for row in returns(ozon)}


def test_a_request_goes_on_from_stage_to_stage_and_keeps_its_number(ozon: Ozon, clock: Clock) -> None:
    stages = ["New", "Delivering", "Checkout", "Approved"]
    seen: dict[int, list[int]] = {}
    first: dict[int, dict[str, Any]] = {}
    for _ in range(30):
        for row in requests(ozon):
            seen.setdefault(row["return_id"], []).append(stages.index(row["state"]["group_state"]))
            fixed = {name: value for name, value in row.items() if name != "state"}
            assert first.setdefault(row["return_id"], fixed) == fixed
        clock.advance(86_400)
    assert all(way == sorted(way) for way in seen.values())
    assert {stage for way in seen.values() for stage in way} == {0, 1, 2, 3}
    assert any(len(set(way)) > 2 for way in seen.values())


def test_requests_can_be_narrowed(ozon: Ozon) -> None:
    whole = requests(ozon)
    number = whole[5]["posting_number"]
    assert requests(ozon, posting_number=number) == [row for row in whole if row["posting_number"] == number]
    offer = whole[5]["product"]["offer_id"]
    assert requests(ozon, offer_id=offer) == [row for row in whole if row["product"]["offer_id"] == offer]
    since, to = whole[3]["created_at"], whole[7]["created_at"]
    assert requests(ozon, created_at={"from": since, "to": to}) == [
        row for row in whole if since <= row["created_at"] <= to
    ]
    assert requests(ozon, group_state=["New", "All"]) == whole
    by_group = [requests(ozon, group_state=[name]) for name in ("New", "Delivering", "Checkout", "Approved")]
    assert sum(map(len, by_group)) == len(whole)
    assert requests(ozon, group_state=["Arbitration", "Rejected"]) == []


def test_returns_can_be_narrowed(ozon: Ozon) -> None:
    whole = returns(ozon)
    one = whole[5]
    assert one in returns(ozon, posting_numbers=[one["posting_number"]])
    assert {row["product"]["offer_id"] for row in returns(ozon, offer_id=one["product"]["offer_id"])} == {
        one["product"]["offer_id"]
    }
    assert one in returns(ozon, order_id=one["order_id"])
    assert one in returns(ozon, barcode=one["logistic"]["barcode"])
    name = one["visual"]["status"]["sys_name"]
    assert returns(ozon, visual_status_name=name) == [
        row for row in whole if row["visual"]["status"]["sys_name"] == name
    ]


def test_supply_orders_are_listed_once_in_the_asked_order(ozon: Ozon) -> None:
    ids = order_ids(ozon)
    assert len(set(ids)) == len(ids) > 100
    assert order_ids(ozon, limit=13) == ids
    assert order_ids(ozon, sort_dir="DESC") == ids[::-1]
    told = orders(ozon, order_ids(ozon, sort_by="ORDER_STATE_UPDATED_AT"))
    moments = [order["state_updated_date"] for order in told]
    assert [moment[:19] for moment in moments] == sorted(moment[:19] for moment in moments)
    assert {order["state"] for order in told} <= set(STATES)
    assert len({order["state"] for order in told}) >= 4


def test_states_go_forward(ozon: Ozon, clock: Clock) -> None:
    ids = order_ids(ozon)[-40:]
    seen: dict[int, list[str]] = {}
    for _ in range(40):
        for order in orders(ozon, ids):
            history = seen.setdefault(order["order_id"], [])
            if order["state"] not in history:
                history.append(order["state"])
        clock.advance(5 * 3600)
    assert all(history == sorted(history, key=STATES.index) for history in seen.values())
    # The first state lasts an hour, too short to be met here.
    assert {state for history in seen.values() for state in history} >= set(STATES[1:])


def test_an_order_is_filled_in_for_an_hour(ozon: Ozon, clock: Clock) -> None:
    filling = {"states": STATES[:1]}
    for _ in range(4 * 48):
        if ids := order_ids(ozon, filter=filling):
            break
        clock.advance(1800)
    clock.advance(1800)
    assert set(ids) & set(order_ids(ozon, filter=filling))
    clock.advance(1800)
    assert {order["state"] for order in orders(ozon, ids)} == {"READY_TO_SUPPLY"}


def test_supplies_on_their_way_are_those_of_the_stock(ozon: Ozon) -> None:
    columns = {
        "requested_stock_count": STATES[:2], "transit_stock_count": STATES[2:4], "valid_stock_count": STATES[4:5]
    }  # fmt: skip
    for column, states in columns.items():
        sent: Counter[tuple[int, int]] = Counter()
        for order in orders(ozon, order_ids(ozon, filter={"states": states})):
            warehouse = order["supplies"][0]["storage_warehouse"]["warehouse_id"]
            for item in goods(ozon, order, limit=7):
                sent[item["sku"], warehouse] += item["quantity"]
        skus = sorted({sku for sku, _ in sent})
        stock = {
            (row["sku"], row["warehouse_id"]): row[column]
            for start in range(0, len(skus), 100)
            for row in ozon.ask("/v1/analytics/stocks", {"skus": [str(sku) for sku in skus[start : start + 100]]})[
                "items"
            ]
        }
        assert sent == {key: units for key, units in stock.items() if units}, column


def test_goods_of_a_supply_are_sorted_and_found(ozon: Ozon) -> None:
    order = max(orders(ozon, order_ids(ozon)[:50]), key=lambda order: len(goods(ozon, order)))
    body = {"bundle_ids": [order["supplies"][0]["bundle_id"]], "limit": 100}
    items = ozon.ask(BUNDLE, {**body, "sort_field": "QUANTITY", "is_asc": True})["items"]
    assert [item["quantity"] for item in items] == sorted(item["quantity"] for item in items)
    assert len(items) > 3
    found = ozon.ask(BUNDLE, {**body, "query": items[0]["offer_id"]})["items"]
    assert items[0]["sku"] in {item["sku"] for item in found}


@pytest.mark.parametrize("bundle", ["no bundle", "019c5755-8768-7a00-9582-7c1f2c81681f"])
def test_an_unknown_bundle_is_not_found(ozon: Ozon, bundle: str) -> None:
    assert ozon.refused(BUNDLE, {"bundle_ids": [bundle], "limit": 10})[0] == 404


def test_unknown_orders_are_left_out(ozon: Ozon) -> None:
    known = order_ids(ozon)[0]
    told = ozon.ask(ORDER, {"order_ids": ["1", known]})["orders"]
    assert [str(order["order_id"]) for order in told] == [known]
