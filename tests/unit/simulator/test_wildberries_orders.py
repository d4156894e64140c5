"""What the simulated Wildberries tells of assembly orders, and its order feed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.clock import SECOND_US, parse_instant
from micore.simulator.shop.places import PLACES, Kind
from tests.unit.simulator.asking import Spec, Wildberries

SPEC = Spec("wildberries-seller-api.json", offsets=True)
ORDERS = "/api/v3/orders"
NEW = "/api/v3/orders/new"
STATUS = "/api/v3/orders/status"
FEED = "/api/analytics/v1/order-feed"
STATISTICS = "/api/v1/supplier/orders"
DAY_SECONDS = 86_400
Rows = list[dict[str, Any]]


def assembly(wildberries: Wildberries, clock: Clock, *, days: int = 30, limit: int = 100) -> Rows:
    """All assembly orders of the last days, by the documented way of paging."""
    until = clock.now_us() // SECOND_US
    found: Rows = []
    mark = 0
    while True:
        query = {"limit": limit, "next": mark, "dateFrom": until - days * DAY_SECONDS, "dateTo": until}
        page = wildberries.ask("GET", ORDERS, query={name: str(value) for name, value in query.items()})
        assert SPEC.answer_faults(ORDERS, page, method="get") == []
        assert len(page["orders"]) <= limit
        if not page["orders"]:
            assert page["next"] == 0
            return found
        found += page["orders"]
        assert page["next"] > mark
        mark = page["next"]


def stages(wildberries: Wildberries, rows: Rows) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), 1000):
        body = {"orders": ids[start : start + 1000]}
        assert SPEC.request_faults(STATUS, body) == []
        answer = wildberries.ask("POST", STATUS, body)
        assert SPEC.answer_faults(STATUS, answer) == []
        found.update((row["id"], row) for row in answer["orders"])
    return found


def test_pages_visit_each_assembly_order_once(wildberries: Wildberries, clock: Clock) -> None:
    rows = assembly(wildberries, clock, limit=13)
    assert len({row["id"] for row in rows}) == len(rows) > 50
    assert rows == assembly(wildberries, clock, limit=1000)
    assert {row["warehouseId"] for row in rows} == {836114, 941507}
    assert all(row["createdAt"].endswith("Z") for row in rows)


def test_an_assembly_order_is_the_order_of_the_statistics(wildberries: Wildberries, clock: Clock) -> None:
    rows = assembly(wildberries, clock)
    listed = {row["srid"]: row for row in wildberries.ask("GET", STATISTICS, query={"dateFrom": "2026-10-01"})}
    assert {row["rid"] for row in rows} == {
        srid for srid, row in listed.items()
        if row["warehouseType"] == "Склад продавца" and row["date"] >= "2026-10-23T15:00:00"
    }  # fmt: skip
    for row in rows:
        same = listed[row["rid"]]
        assert (row["nmId"], row["article"]) == (same["nmId"], same["supplierArticle"])
        assert same["barcode"] in row["skus"]
        assert row["price"] == round(same["finishedPrice"] * 100) or same["finishedPrice"] == 0
        assert parse_instant(row["createdAt"]) == parse_instant(f"{same['date']}+03:00")


def test_open_assembly_orders_are_what_the_seller_has_reserved(
    wildberries: Wildberries, clock: Clock, shop: Shop
) -> None:
    clock.advance(-8 * 3600 - 1)  # at night, when no order is fresh enough to be unseen
    rows = assembly(wildberries, clock)
    told = stages(wildberries, rows)
    open_rows = [row for row in rows if told[row["id"]]["isCancellable"]]
    assert open_rows
    books, now = shop.books(clock.now_us()), clock.now_us()
    pairs = np.flatnonzero(shop.place_kind == int(Kind.WB_SELLER))
    reserved = {
        (PLACES[int(shop.pairs.place[pair])].place_id, int(shop.goods.chrt_id[shop.pairs.product[pair]])): units
        for pair, units in zip(pairs.tolist(), books.reserved.at(pairs, now).tolist(), strict=True) if units
    }  # fmt: skip
    assert Counter((row["warehouseId"], row["chrtId"]) for row in open_rows) == reserved


def test_new_orders_have_the_status_new(wildberries: Wildberries, clock: Clock) -> None:
    answer = wildberries.ask("GET", NEW)
    assert SPEC.answer_faults(NEW, answer, method="get") == []
    rows = assembly(wildberries, clock, days=30)
    told = stages(wildberries, rows)
    fresh = {key for key, row in told.items() if (row["supplierStatus"], row["wbStatus"]) == ("new", "waiting")}
    assert {row["id"] for row in answer["orders"]} == fresh
    assert fresh
    assert all(("supplyId" in row) == (told[row["id"]]["supplierStatus"] in {"confirm", "complete"})
               for row in rows if told[row["id"]]["supplierStatus"] != "cancel")  # fmt: skip


def test_statuses_move_forward_and_end(wildberries: Wildberries, clock: Clock) -> None:
    rows = [row for row in assembly(wildberries, clock) if row["createdAt"] >= "2026-11-15"]
    before = stages(wildberries, rows)
    clock.advance(70 * DAY_SECONDS)
    after = stages(wildberries, rows)
    order = ["new", "confirm", "complete", "cancel"]
    assert all(order.index(before[key]["supplierStatus"]) <= order.index(after[key]["supplierStatus"]) for key in after)
    ends = Counter(row["wbStatus"] for row in after.values())
    assert ends["sold"] > 0.8 * len(rows)
    assert set(ends) <= {"sold", "canceled", "canceled_by_client", "declined_by_client"}
    assert len({row["wbStatus"] for row in before.values()}) > len(set(ends))


def test_orders_older_than_three_months_are_not_told(wildberries: Wildberries, clock: Clock) -> None:
    old = clock.now_us() // SECOND_US - 120 * DAY_SECONDS
    query = {"limit": "1000", "next": "0", "dateFrom": str(old), "dateTo": str(old + 20 * DAY_SECONDS)}
    assert wildberries.ask("GET", ORDERS, query=query) == {"next": 0, "orders": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("GET", ORDERS, None, {"next": "0"}),
        ("GET", ORDERS, None, {"limit": "10"}),
        ("GET", ORDERS, None, {"limit": "1001", "next": "0"}),
        ("GET", ORDERS, None, {"limit": "10", "next": "0", "dateFrom": "2026-11-01"}),
        ("GET", ORDERS, None, {"limit": "10", "next": "0", "dateFrom": "1700000000", "dateTo": "1710000000"}),
        ("POST", STATUS, {"orders": []}, None),
        ("POST", STATUS, {"orders": ["1"]}, None),
        ("POST", STATUS, {"orders": list(range(1, 1002))}, None),
        ("POST", STATUS, [], None),
    ],
)
def test_a_wrong_question_is_refused_and_costs_ten(
    shop: Shop, clock: Clock, method: str, path: str, body: object, query: dict[str, str] | None
) -> None:
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: 50.0))
    answers = [wildberries.raw(method, path, body, query) for _ in range(3)]
    assert [answer.status for answer in answers] == [400, 400, 429]
    assert {"code", "message"} == set(json.loads(answers[0].body))
    assert SPEC.answer_faults(path, json.loads(answers[0].body), method=method.lower(), status=400) == []


def feed(wildberries: Wildberries, limit: int = 1000, **more: object) -> Rows:
    """The whole feed since a day, by the documented way of paging."""
    body: dict[str, Any] = {"selectedPeriod": {"start": "2026-11-10T00:00:00+03:00"}, **more}
    found: Rows = []
    snapshot: dict[str, str] = {}
    while True:
        body["pagination"] = {"offset": len(found), "limit": limit, **snapshot}
        assert SPEC.request_faults(FEED, body) == []
        answer = wildberries.ask("POST", FEED, body)
        assert SPEC.answer_faults(FEED, answer) == []
        rows: Rows = answer["data"]["orders"]
        if not rows:
            return found
        found += rows
        snapshot = {"snapshotTime": answer["data"]["snapshotTime"]}


def test_the_feed_is_newest_first_and_pages_see_one_instant(wildberries: Wildberries, clock: Clock) -> None:
    whole = feed(wildberries)
    moments = [row["updatedAt"] for row in whole]
    assert moments == sorted(moments, reverse=True)
    assert moments[-1] >= "2026-11-10T00:00:00+03:00"
    assert len({row["srid"] for row in whole}) == len(whole) > 200
    body: dict[str, Any] = {"selectedPeriod": {"start": "2026-11-10T00:00:00+03:00"}, "pagination": {"limit": 100}}
    first = wildberries.ask("POST", FEED, body)["data"]
    clock.advance(3 * 3600)
    body["pagination"] = {"limit": 100, "offset": 100, "snapshotTime": first["snapshotTime"]}
    assert first["orders"] + wildberries.ask("POST", FEED, body)["data"]["orders"] == whole[:200]


def test_the_feed_agrees_with_the_statistics(wildberries: Wildberries) -> None:
    told = {row["srid"]: row for row in feed(wildberries)}
    listed = {row["srid"]: row for row in wildberries.ask("GET", STATISTICS, query={"dateFrom": "2026-09-01"})}
    both = told.keys() & listed.keys()
    assert len(told.keys() - both) <= 5, "only the newest are not in the statistics yet"
    for srid in both:
        assert told[srid]["isMp"] == (listed[srid]["warehouseType"] == "Склад продавца")
        assert told[srid]["createdAt"] == f"{listed[srid]['date']}+03:00"
        if listed[srid]["isCancel"]:
            assert told[srid]["status"] == "cancel"
    kinds = Counter((row["status"], row.get("cancelType")) for row in told.values())
    assert {status for status, _ in kinds} >= {"created", "buyout", "cancel", "return"}
    assert all((kind is not None) == (status == "cancel") for status, kind in kinds)


def test_the_feed_can_be_narrowed(wildberries: Wildberries) -> None:
    whole = feed(wildberries)
    wanted = {whole[0]["nmId"], whole[7]["nmId"]}
    assert feed(wildberries, nmIds=sorted(wanted)) == [row for row in whole if row["nmId"] in wanted]
    assert feed(wildberries, brandNames=["no such brand"]) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"selectedPeriod": {}},
        {"selectedPeriod": {"start": "2026-11-01"}},
        {"selectedPeriod": {"start": "2026-10-21T00:00:00+03:00"}},
        {"selectedPeriod": {"start": "2026-11-20T00:00:00Z", "end": "2026-11-19T00:00:00Z"}},
        {"selectedPeriod": {"start": "2026-11-20T00:00:00Z"}, "pagination": {"limit": 10_001}},
        {"selectedPeriod": {"start": "2026-11-20T00:00:00Z"}, "pagination": {"offset": 5}},
        {"selectedPeriod": {"start": "2026-11-20T00:00:00Z"}, "nmIds": ["1"]},
    ],
)
def test_a_wrong_question_to_the_feed_is_refused(wildberries: Wildberries, body: dict[str, Any]) -> None:
    answer = wildberries.raw("POST", FEED, body)
    assert answer.status == 400
    assert SPEC.answer_faults(FEED, json.loads(answer.body), status=400) == []


def test_the_feed_is_told_once_a_minute(shop: Shop, clock: Clock) -> None:
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: 50.0))
    body = {"selectedPeriod": {"start": "2026-11-20T00:00:00Z"}}
    assert [wildberries.raw("POST", FEED, body).status for _ in range(2)] == [200, 429]
