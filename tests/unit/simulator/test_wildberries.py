"""What the simulated Wildberries tells and refuses."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any

import pytest

from micore.simulator import Clock, Shop, Simulator
from tests.unit.simulator.asking import Spec, Wildberries

# "-nmID" and the mark may be absent on an empty page; nothing else may be null.
SPEC = Spec("wildberries-seller-api.json")
CARDS = "/content/v2/get/cards/list"
TRASH = "/content/v2/get/cards/trash"
POOLED = "/api/analytics/v1/stocks-report/wb-warehouses"
SELLERS = "/api/analytics/v1/stocks-report/seller-warehouses"
REMAINS = "/api/v1/warehouse_remains"
GROUPS = dict.fromkeys(("groupByNm", "groupByBarcode", "groupBySize", "groupBySa"), "true")


def cards(
    wildberries: Wildberries, *, ascending: bool = True, path: str = CARDS, limit: int = 30
) -> list[dict[str, Any]]:
    """All cards, by the documented way of paging."""
    found: list[dict[str, Any]] = []
    mark: dict[str, Any] = {}
    name = "updatedAt" if path == CARDS else "trashedAt"
    while True:
        settings: dict[str, Any] = {"sort": {"ascending": ascending}, "cursor": {"limit": limit, **mark}}
        if path == CARDS:
            settings["filter"] = {"withPhoto": -1}
        body = {"settings": settings}
        assert SPEC.request_faults(path, body) == []
        page = wildberries.ask("POST", path, body)
        assert SPEC.answer_faults(path, page) == []
        found += page["cards"]
        assert page["cursor"]["total"] == len(page["cards"])
        if page["cursor"]["total"] < limit:
            return found
        mark = {key: page["cursor"][key] for key in (name, "nmID")}


@pytest.mark.parametrize("ascending", [True, False])
def test_pages_visit_each_card_once_in_the_order_of_change(wildberries: Wildberries, ascending: bool) -> None:
    found = cards(wildberries, ascending=ascending)
    assert len({card["nmID"] for card in found}) == len(found) > 100
    moments = [card["updatedAt"] for card in found]
    assert moments == sorted(moments, reverse=not ascending)


def test_a_kept_mark_finds_only_what_changed_since(wildberries: Wildberries, clock: Clock) -> None:
    before = cards(wildberries)
    last = before[-1]
    clock.advance(20 * 86_400)
    settings = {
        "sort": {"ascending": True}, "filter": {"withPhoto": -1},
        "cursor": {"limit": 100, "updatedAt": last["updatedAt"], "nmID": last["nmID"]},
    }  # fmt: skip
    changed = wildberries.ask("POST", CARDS, {"settings": settings})["cards"]
    assert 0 < len(changed) < len(before)
    assert all(card["updatedAt"] > last["updatedAt"] for card in changed)
    known = {card["nmID"]: card["updatedAt"] for card in before}
    now = {card["nmID"]: card["updatedAt"] for card in cards(wildberries)}
    assert {card["nmID"] for card in changed} == {nm for nm, moment in now.items() if known.get(nm) != moment}


def test_cards_have_sizes_and_barcodes(wildberries: Wildberries) -> None:
    found = cards(wildberries)
    sizes = [len(card["sizes"]) for card in found]
    assert set(sizes) == {1, 4}
    chrts = [size["chrtID"] for card in found for size in card["sizes"]]
    assert len(set(chrts)) == len(chrts)
    codes = [code for card in found for size in card["sizes"] for code in size["skus"]]
    assert len(set(codes)) == len(codes) > len(chrts)
    assert all(len(code) == 13 and code.isdigit() for code in codes)


def test_thrown_away_cards_lie_in_the_basket_alone(wildberries: Wildberries) -> None:
    thrown = {card["nmID"] for card in cards(wildberries, path=TRASH)}
    assert thrown
    assert not thrown & {card["nmID"] for card in cards(wildberries)}


def test_products_of_both_marketplaces_have_other_ids_but_often_the_same_article(shop: Shop) -> None:
    both = [k for k in range(shop.products) if shop.goods.on_ozon[k] and shop.goods.on_wb[k]]
    same = sum(shop.cards.card(k).offer_id == shop.cards.card(k).vendor_code for k in both)
    shared = sum(bool(set(shop.cards.card(k).ozon_barcodes) & set(shop.cards.card(k).wb_barcodes)) for k in both)
    assert 0.5 < same / len(both) < 0.95
    assert 0.35 < shared / len(both) < 0.95


def test_prices_page_by_offset_until_nothing_is_left(wildberries: Wildberries) -> None:
    path = "/api/v2/list/goods/filter"
    found: list[dict[str, Any]] = []
    while True:
        page = wildberries.ask("GET", path, query={"limit": "90", "offset": str(len(found))})
        assert SPEC.answer_faults(path, page, method="get") == []
        if not page["data"]["listGoods"]:
            break
        found += page["data"]["listGoods"]
    assert [row["nmID"] for row in found] == sorted({card["nmID"] for card in cards(wildberries)})
    named = wildberries.ask("POST", path, {"nmList": [found[0]["nmID"]]})
    assert named["data"]["listGoods"] == found[:1]


def test_wb_stock_is_one_pool(wildberries: Wildberries) -> None:
    body = {"limit": 250000, "offset": 0}
    assert SPEC.request_faults(POOLED, body) == []
    whole = wildberries.ask("POST", POOLED, body)
    assert SPEC.answer_faults(POOLED, whole) == []
    items = whole["data"]["items"]
    assert {(row["warehouseId"], row["warehouseName"], row["regionName"]) for row in items} == {
        (-999999, "Склад WB", "Склад WB")
    }
    parts, offset = [], 0
    while page := wildberries.ask("POST", POOLED, {"limit": 25, "offset": offset})["data"]["items"]:
        parts += page
        offset += 25
    assert parts == items
    assert len({row["chrtId"] for row in items}) == len(items)
    one = wildberries.ask("POST", POOLED, {"nmIds": [items[0]["nmId"]]})["data"]["items"]
    assert {row["nmId"] for row in one} == {items[0]["nmId"]}


def test_wb_stock_is_renewed_every_half_hour(wildberries: Wildberries, clock: Clock) -> None:
    answers = []
    for _ in range(8):
        answers.append(wildberries.raw("POST", POOLED, {}).body)
        clock.advance(15 * 60)
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert len(set(answers)) >= 2


def test_seller_stock_agrees_between_report_and_marketplace(wildberries: Wildberries) -> None:
    items = wildberries.ask("POST", SELLERS, {})["data"]["items"]
    warehouses = wildberries.ask("GET", "/api/v3/warehouses")
    assert SPEC.answer_faults("/api/v3/warehouses", warehouses, method="get") == []
    assert SPEC.answer_faults("/api/v3/offices", wildberries.ask("GET", "/api/v3/offices"), method="get") == []
    chrts = sorted({row["chrtId"] for row in items})
    told = Counter({(row["warehouseId"], row["chrtId"]): row["quantity"] for row in items})
    for warehouse in warehouses:
        answer = wildberries.ask("POST", f"/api/v3/stocks/{warehouse['id']}", {"chrtIds": chrts})
        assert SPEC.answer_faults("/api/v3/stocks/{warehouseId}", answer) == []
        for row in answer["stocks"]:
            assert told[warehouse["id"], row["chrtId"]] == row["amount"]


def test_the_report_of_remains_is_asked_for_waited_for_and_read(shop: Shop, clock: Clock) -> None:
    # Without limits it is there at once.
    wildberries = Wildberries(Simulator(shop, clock, limits=True, monotonic=lambda: clock.now_us() / 1_000_000))
    created = wildberries.ask("GET", REMAINS, query=GROUPS)
    assert SPEC.answer_faults(REMAINS, created, method="get") == []
    task = f"{REMAINS}/tasks/{created['data']['taskId']}"
    seen = []
    for seconds in (0, 299, 1501):
        clock.advance(seconds)
        seen.append(wildberries.ask("GET", f"{task}/status")["data"]["status"])
        if seen[-1] != "done":
            assert wildberries.raw("GET", f"{task}/download").status == 404
    assert seen == ["new", "processing", "done"], "between 5 and 30 minutes"
    rows = wildberries.ask("GET", f"{task}/download")
    assert SPEC.answer_faults(f"{REMAINS}/tasks/{{task_id}}/download", rows, method="get") == []
    for row in rows:
        assert set(row) == {"nmId", "volume", "barcode", "techSize", "vendorCode", "warehouses"}
        by_name = {place["warehouseName"]: place["quantity"] for place in row["warehouses"]}
        assert all(by_name.values()), "only rows that are not zero"
        assert by_name.get("Всего находится на складах", 0) == by_name.get("Склад WB РФ", 0)
    clock.advance(3 * 3600)
    assert wildberries.ask("GET", f"{task}/status")["data"]["status"] == "purged"


def test_no_two_reports_of_remains_take_equally_long(shop: Shop, clock: Clock) -> None:
    wildberries = Wildberries(Simulator(shop, clock, limits=True, monotonic=lambda: clock.now_us() / 1_000_000))
    tasks = []
    for _ in range(5):
        tasks.append(wildberries.ask("GET", REMAINS, query=GROUPS)["data"]["taskId"])
        clock.advance(60)
    clock.advance(700)
    seen = {wildberries.ask("GET", f"{REMAINS}/tasks/{task}/status")["data"]["status"] for task in tasks}
    assert seen == {"processing", "done"}


def test_an_unknown_report_is_not_found_and_a_wrong_id_is_refused(wildberries: Wildberries) -> None:
    unknown = wildberries.raw("GET", f"{REMAINS}/tasks/06e06887-9d9f-491f-b16a-bb1766fcb8d2/status")
    assert (unknown.status, unknown.content_type) == (404, "application/problem+json")
    assert wildberries.raw("GET", f"{REMAINS}/tasks/7/status").status == 400


def test_ping_and_seller(wildberries: Wildberries) -> None:
    assert wildberries.ask("GET", "/ping") == {"TS": "2026-11-22T15:00:00+03:00", "Status": "OK"}
    seller = wildberries.ask("GET", "/api/v1/seller-info")
    assert SPEC.answer_faults("/api/v1/seller-info", seller, method="get") == []


@pytest.mark.parametrize("token", ["", "invalid", "Bearer invalid"])
def test_a_bad_token_is_unauthorized(wildberries: Wildberries, token: str) -> None:
    wildberries.headers["authorization"] = token
    answer = wildberries.raw("GET", "/ping")
    assert (answer.status, answer.content_type) == (401, "application/problem+json")
    said = json.loads(answer.body)
    assert SPEC.answer_faults("/ping", said, method="get", status=401) == []
    assert said["title"] == "unauthorized"


def made_like_a_real_one(bits: int) -> str:
    """A token whose categories are the bits of its claim `s`."""
    claims = base64.urlsafe_b64encode(json.dumps({"s": bits}).encode()).decode().rstrip("=")
    return f"Bearer eyJhbGciOiJFUzI1NiJ9.{claims}.c2lnbmF0dXJl"


CATEGORIES = {
    1: ("POST", CARDS), 2: ("GET", REMAINS), 3: ("GET", "/api/v2/list/goods/filter"), 4: ("GET", "/api/v3/warehouses"),
    5: ("GET", "/api/v1/supplier/orders"), 10: ("POST", "/api/v1/supplies"),
    13: ("POST", "/api/finance/v1/sales-reports/detailed"),
}  # fmt: skip


@pytest.mark.parametrize("bit", CATEGORIES)
def test_a_token_opens_its_categories_and_no_others(wildberries: Wildberries, bit: int) -> None:
    wildberries.headers["authorization"] = made_like_a_real_one(1 << bit)
    assert wildberries.raw("GET", "/api/v1/seller-info").status == 200, "every token opens it"
    for category, (method, path) in CATEGORIES.items():
        answer = wildberries.raw(method, path, {})
        assert (answer.status == 401) == (category != bit)
        if answer.status == 401:
            assert json.loads(answer.body)["detail"] == "token scope not allowed"
            assert SPEC.answer_faults("/ping", json.loads(answer.body), method="get", status=401) == []


def test_the_word_limited_is_a_token_of_content_alone(wildberries: Wildberries) -> None:
    wildberries.headers["authorization"] = "limited"
    opened = [
        category for category, (method, path) in CATEGORIES.items() if wildberries.raw(method, path, {}).status != 401
    ]
    assert opened == [1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/warehouses"),
        ("GET", "/api/v1/transit-tariffs"),
        ("POST", "/api/v1/acceptance/options"),
        ("GET", "/api/tariffs/v1/acceptance/coefficients"),
    ],
)
def test_methods_that_are_switched_off_say_so(wildberries: Wildberries, method: str, path: str) -> None:
    answer = wildberries.raw(method, path)
    assert answer.status == 404
    assert json.loads(answer.body)["detail"].startswith("This method is temporarily disabled.")


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("POST", CARDS, {"settings": {"cursor": {"limit": 101}}}, None),
        ("POST", CARDS, {"settings": {"cursor": {"limit": 10, "updatedAt": "yesterday", "nmID": 1}}}, None),
        ("POST", CARDS, [], None),
        ("GET", "/api/v2/list/goods/filter", None, {}),
        ("GET", "/api/v2/list/goods/filter", None, {"limit": "1001"}),
        ("POST", "/api/v2/list/goods/filter", {"nmList": []}, None),
        ("POST", POOLED, {"limit": 250001}, None),
        ("POST", POOLED, {"nmIds": list(range(1001))}, None),
        ("GET", REMAINS, None, {"groupByNm": ""}),
        ("POST", "/api/v3/stocks/836114", {"skus": ["1"]}, None),
        ("POST", "/api/v3/stocks/836114", {"chrtIds": list(range(1001))}, None),
    ],
)
def test_requests_outside_of_the_documented_ranges_are_refused(
    wildberries: Wildberries, method: str, path: str, body: object, query: dict[str, str] | None
) -> None:
    assert wildberries.raw(method, path, body, query).status == 400


def test_another_sellers_warehouse_is_not_found(wildberries: Wildberries) -> None:
    assert wildberries.raw("POST", "/api/v3/stocks/1", {"chrtIds": [1]}).status == 404


def test_a_bucket_empties_tells_when_and_fills_again(shop: Shop, clock: Clock) -> None:
    now = [50.0]
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: now[0]))
    body = {"settings": {"cursor": {"limit": 1}}}
    for left in (4, 3, 2, 1, 0):
        headers = dict(wildberries.raw("POST", CARDS, body).headers)
        assert (headers["X-Ratelimit-Limit"], headers["X-Ratelimit-Remaining"]) == ("5", str(left))
    refused = wildberries.raw("POST", TRASH, body)
    assert (refused.status, refused.content_type) == (429, "application/problem+json"), "the limit is the category's"
    assert dict(refused.headers)["X-Ratelimit-Retry"] == "1"
    assert SPEC.answer_faults("/ping", json.loads(refused.body), method="get", status=429) == []
    now[0] += 0.6
    assert wildberries.raw("POST", CARDS, body).status == 200
    assert wildberries.raw("POST", CARDS, body).status == 429


def test_a_wrong_request_to_the_marketplace_costs_ten(shop: Shop, clock: Clock) -> None:
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: 50.0))
    assert wildberries.raw("POST", "/api/v3/stocks/836114", {}).status == 400
    assert wildberries.raw("POST", "/api/v3/stocks/836114", {}).status == 400
    assert wildberries.raw("POST", "/api/v3/stocks/836114", {"chrtIds": []}).status == 429
