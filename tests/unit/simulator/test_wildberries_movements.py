"""What the simulated Wildberries tells of goods on their way: supplies to it, returns to the seller."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from micore.simulator import Clock, Shop
from micore.simulator.shop.places import Kind
from tests.unit.simulator.asking import Spec, Wildberries

SPEC = Spec("wildberries-seller-api.json")
SUPPLIES = "/api/v1/supplies"
SUPPLY = "/api/v1/supplies/{ID}"
GOODS = "/api/v1/supplies/{ID}/goods"
RETURNS = "/api/analytics/v1/item-returns"
OLD_RETURNS = "/api/v1/analytics/goods-return"
NOVEMBER = {"dateFrom": "2026-10-25", "dateTo": "2026-11-22"}
Rows = list[dict[str, Any]]


def supplies(wildberries: Wildberries, body: dict[str, Any] | None = None, limit: int = 1000) -> Rows:
    found: Rows = []
    while True:
        query = {"limit": str(limit), "offset": str(len(found))}
        page: Rows = wildberries.ask("POST", SUPPLIES, body or {}, query)
        assert SPEC.answer_faults(SUPPLIES, page) == []
        if not page:
            return found
        found += page


def details(wildberries: Wildberries, row: dict[str, Any]) -> tuple[dict[str, Any], Rows]:
    by_order = row["supplyID"] is None
    number = row["preorderID"] if by_order else row["supplyID"]
    query = {"isPreorderID": "true"} if by_order else {}
    told = wildberries.ask("GET", f"{SUPPLIES}/{number}", query=query)
    goods = wildberries.ask("GET", f"{SUPPLIES}/{number}/goods", query={"limit": "1000", **query})
    assert SPEC.answer_faults(SUPPLY, told, method="get") == []
    assert SPEC.answer_faults(GOODS, goods, method="get") == []
    return told, goods


def test_supplies_come_newest_first_page_by_page(wildberries: Wildberries) -> None:
    rows = supplies(wildberries)
    assert rows == supplies(wildberries, limit=7)
    assert len({row["preorderID"] for row in rows}) == len(rows) > 30
    moments = [row["createDate"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    assert all(moment.endswith("+03:00") for moment in moments)
    assert Counter(row["statusID"] for row in rows)[5] > 20
    for row in rows:
        assert (row["supplyID"] is None) == (row["supplyDate"] is None) == (row["statusID"] == 1)
        assert (row["factDate"] is not None) == (row["statusID"] in {4, 5, 6})


def test_every_status_comes_in_its_turn(wildberries: Wildberries, clock: Clock) -> None:
    seen: dict[int, list[int]] = {}
    for _ in range(50):
        for row in supplies(wildberries)[:30]:
            history = seen.setdefault(row["preorderID"], [])
            if row["statusID"] not in history:
                history.append(row["statusID"])
        clock.advance(9 * 3600)
    order = [1, 2, 3, 6, 4, 5]
    assert {status for history in seen.values() for status in history} == set(order)
    assert all(history == sorted(history, key=order.index) for history in seen.values())


def test_goods_on_their_way_are_those_of_the_books(wildberries: Wildberries, clock: Clock, shop: Shop) -> None:
    under_way: Counter[tuple[int, str]] = Counter()
    for row in supplies(wildberries, {"statusIDs": [1, 2, 3, 4, 6]}):
        told, goods = details(wildberries, row)
        for name in ("quantity", "acceptedQuantity", "readyForSaleQuantity", "unloadingQuantity"):
            assert told[name] == sum(good[name] for good in goods)
        for good in goods:
            assert good["readyForSaleQuantity"] == 0
            under_way[good["nmID"], good["techSize"]] += good["quantity"]
    books, now = shop.books(clock.now_us()), clock.now_us()
    pairs = np.flatnonzero((shop.place_kind == int(Kind.WB_OWN)) & (shop.pairs.product < shop.products))
    expected: Counter[tuple[int, str]] = Counter()
    for levels in (books.requested, books.transit, books.preparing):
        for pair, units in zip(pairs.tolist(), levels.at(pairs, now).tolist(), strict=True):
            k = int(shop.pairs.product[pair])
            expected[int(shop.goods.nm_id[k]), shop.cards.card(k).tech_size] += units
    assert under_way == +expected
    assert under_way


def test_accepted_goods_are_on_sale(wildberries: Wildberries) -> None:
    accepted = supplies(wildberries, {"statusIDs": [5]})[0]
    told, goods = details(wildberries, accepted)
    assert told["quantity"] == told["acceptedQuantity"] == told["readyForSaleQuantity"] > 0
    assert told["unloadingQuantity"] == 0
    path = f"{SUPPLIES}/{accepted['supplyID']}/goods"
    parts = [wildberries.ask("GET", path, query={"limit": "1", "offset": str(n)})[0] for n in range(len(goods))]
    assert parts == goods


def test_supplies_can_be_narrowed_by_dates_and_status(wildberries: Wildberries) -> None:
    rows = supplies(wildberries)
    for name in ("createDate", "supplyDate", "factDate", "updatedDate"):
        body = {"dates": [{"from": "2026-11-01", "till": "2026-11-10", "type": name}]}
        assert SPEC.request_faults(SUPPLIES, body) == []
        chosen = supplies(wildberries, body)
        assert chosen == [row for row in rows if row[name] and "2026-11-01" <= row[name][:10] <= "2026-11-10"]
        assert chosen


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status"),
    [
        ("POST", SUPPLIES, {"statusIDs": [7]}, {}, 400),
        ("POST", SUPPLIES, {"dates": [{"from": "2026-11-01"}]}, {}, 400),
        ("POST", SUPPLIES, {"dates": [{"from": "11-03-2019", "type": "factDate"}]}, {}, 400),
        ("POST", SUPPLIES, {}, {"limit": "1001"}, 400),
        ("POST", SUPPLIES, {}, {"offset": "x"}, 400),
        ("GET", f"{SUPPLIES}/1234", None, {}, 404),
        ("GET", f"{SUPPLIES}/abc", None, {}, 400),
        ("GET", f"{SUPPLIES}/{2**63}", None, {}, 400),
        ("GET", f"{SUPPLIES}/1234", None, {"isPreorderID": "1"}, 400),
        ("GET", f"{SUPPLIES}/1234/goods", None, {}, 400),
        ("GET", f"{SUPPLIES}/1234/goods", None, {"limit": "0"}, 400),
    ],
)
def test_wrong_questions_about_supplies(
    wildberries: Wildberries, method: str, path: str, body: object, query: dict[str, str], status: int
) -> None:
    answer = wildberries.raw(method, path, body, query)
    said = json.loads(answer.body)
    assert (answer.status, said["status"]) == (status, status)
    assert set(said) == {"status", "title", "detail", "requestId", "origin"}


def test_an_order_that_became_a_supply_is_asked_for_as_one(wildberries: Wildberries) -> None:
    row = supplies(wildberries, {"statusIDs": [5]})[0]
    answer = wildberries.raw("GET", f"{SUPPLIES}/{row['preorderID']}", query={"isPreorderID": "true"})
    assert answer.status == 400
    assert str(row["supplyID"]) in json.loads(answer.body)["detail"]


def returns(wildberries: Wildberries, **more: str) -> Rows:
    rows: Rows = wildberries.ask("GET", RETURNS, query={**NOVEMBER, **more})["report"]
    return rows


def test_returns_are_paged_counted_and_divided(wildberries: Wildberries) -> None:
    whole = wildberries.ask("GET", RETURNS, query=NOVEMBER)
    rows = whole["report"]
    assert whole["count"] == len(rows) > 10
    assert len({row["srid"] for row in rows}) == len(rows)
    assert set(rows[0]) == {
        "sku", "brand", "completedDt", "dstOfficeAddress", "kiz", "dstOfficeId", "expiredDt", "nmId", "orderDt",
        "orderId", "readyToReturnDt", "returnType", "shkId", "srid", "returnStatus", "stickerId", "subjectName",
        "techSize",
    }  # fmt: skip
    parts = [
        wildberries.ask("GET", RETURNS, query={**NOVEMBER, "limit": "4", "offset": str(n)})
        for n in range(0, len(rows), 4)
    ]
    assert [row for part in parts for row in part["report"]] == rows
    assert {part["count"] for part in parts} == {len(rows)}
    assert {row["returnType"] for row in rows} == {"Возврат товара продавца", "Возврат брака"}
    active, archive = returns(wildberries, status="active"), returns(wildberries, status="archive")
    assert all(row["completedDt"] is None for row in active)
    assert all(row["returnStatus"] == "Выдано" for row in archive)
    assert len(active) + len(archive) == len(rows)


def test_assembly_orders_that_came_back_are_returned(wildberries: Wildberries, clock: Clock) -> None:
    until = clock.now_us() // 1_000_000
    query = {"limit": "1000", "next": "0", "dateFrom": str(until - 25 * 86_400), "dateTo": str(until)}
    orders = {row["id"]: row for row in wildberries.ask("GET", "/api/v3/orders", query=query)["orders"]}
    told = wildberries.ask("POST", "/api/v3/orders/status", {"orders": list(orders)})["orders"]
    refused = {row["id"] for row in told if row["wbStatus"] == "canceled_by_client"}
    coming = {row["orderId"]: row for row in returns(wildberries)}
    assert refused
    assert refused <= coming.keys()
    for number in refused:
        assert coming[number]["nmId"] == orders[number]["nmId"]
        assert coming[number]["sku"] == orders[number]["skus"][0]


def test_a_period_without_returns_has_no_content(wildberries: Wildberries) -> None:
    assert wildberries.raw("GET", RETURNS, query={"dateFrom": "2027-01-01", "dateTo": "2027-01-02"}).status == 204


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"dateFrom": "2026-11-01"},
        {"dateFrom": "yesterday", "dateTo": "2026-11-02"},
        {"dateFrom": "2026-11-02", "dateTo": "2026-11-01"},
        {"dateFrom": "2026-10-01", "dateTo": "2026-11-10"},
        {**NOVEMBER, "limit": "1001"},
        {**NOVEMBER, "status": "lost"},
    ],
)
def test_wrong_questions_about_returns(wildberries: Wildberries, query: dict[str, str]) -> None:
    answer = wildberries.raw("GET", RETURNS, query=query)
    assert answer.status == 400
    assert set(json.loads(answer.body)) == {"title", "detail", "requestId", "origin"}


def test_the_older_method_ends_on_its_day(wildberries: Wildberries, clock: Clock) -> None:
    query = {"dateFrom": "2026-10-01", "dateTo": "2026-10-20"}
    gone = wildberries.raw("GET", OLD_RETURNS, query=query)
    assert (gone.status, json.loads(gone.body)["title"]) == (404, "path not found")
    clock.set(datetime(2026, 10, 25, 20, 59, 59, tzinfo=UTC))
    answer = wildberries.ask("GET", OLD_RETURNS, query=query)
    assert SPEC.answer_faults(OLD_RETURNS, answer, method="get") == []
    newer = wildberries.ask("GET", RETURNS, query=query)["report"]
    assert [(row["srid"], row["barcode"], row["status"]) for row in answer["report"]] == [
        (row["srid"], row["sku"], row["returnStatus"]) for row in newer
    ]
    clock.advance(1)
    assert wildberries.raw("GET", OLD_RETURNS, query=query).status == 404
