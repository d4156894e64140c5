"""What the simulated Ozon refuses: bad keys, bad requests, too much at once, methods that are gone."""

from __future__ import annotations

import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.ozon.api import RETIRED
from micore.simulator.ozon.finance import TOKEN_LIFE_US
from tests.unit.simulator.asking import Ozon

PERIOD = {"since": "2026-11-01T00:00:00Z", "to": "2026-11-22T00:00:00Z"}


def test_the_word_invalid_as_key_is_an_invalid_key(ozon: Ozon) -> None:
    ozon.headers["api-key"] = "invalid"
    assert ozon.refused("/v1/roles") == (403, "Invalid Api-Key, please check the key and try again")


@pytest.mark.parametrize("missing", ["client-id", "api-key"])
def test_both_headers_are_needed(ozon: Ozon, missing: str) -> None:
    del ozon.headers[missing]
    assert ozon.refused("/v1/roles") == (401, "Client-Id and Api-Key headers are required")


def test_a_limited_key_reads_what_its_roles_name_and_nothing_else(ozon: Ozon) -> None:
    ozon.headers["api-key"] = "limited"
    methods = ozon.ask("/v1/roles")["roles"][0]["methods"]
    assert "/v3/product/list" in methods
    assert "/v1/analytics/stocks" not in methods
    status, message = ozon.refused("/v1/analytics/stocks", {"skus": ["1"]})
    assert (status, message) == (403, "Api-Key is missing a required role for a method")


@pytest.mark.parametrize("path", [*sorted(RETIRED), "/v9/nothing"])
def test_methods_that_are_gone_answer_404(ozon: Ozon, path: str) -> None:
    assert ozon.refused(path, {})[0] == 404


def test_reading_is_posting(ozon: Ozon) -> None:
    assert ozon.raw("/v3/product/list", method="GET").status == 405


@pytest.mark.parametrize("data", [b"{", b"[]", b'"text"', b"{'a': 1}"])
def test_a_body_that_is_no_object_is_refused(ozon: Ozon, data: bytes) -> None:
    assert ozon.raw("/v3/product/list", data=data).status == 400


def test_another_content_type_is_refused(ozon: Ozon) -> None:
    ozon.headers["content-type"] = "application/x-www-form-urlencoded"
    assert ozon.raw("/v3/product/list", {"limit": 1}).status == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v3/product/list", {"limit": 1001}),
        ("/v3/product/list", {"limit": 0}),
        ("/v3/product/list", {}),
        ("/v3/product/list", {"limit": "many"}),
        ("/v3/product/list", {"limit": 10, "filter": {"visibility": "SOME"}}),
        ("/v3/product/list", {"limit": 10, "filter": {"offer_id": ["a"], "product_id": ["1"]}}),
        ("/v3/product/list", {"limit": 10, "filter": {"skus": []}}),
        ("/v3/product/list", {"limit": 10, "last_id": "not a mark"}),
        ("/v3/product/info/list", {}),
        ("/v3/product/info/list", {"sku": [str(n) for n in range(1001)]}),
        ("/v3/product/info/list", {"sku": [str(n) for n in range(600)], "offer_id": [str(n) for n in range(600)]}),
        ("/v4/product/info/attributes", {"filter": {}, "limit": 1001}),
        ("/v5/product/info/prices", {"limit": 10}),
        ("/v4/product/info/stocks", {"filter": {}}),
        ("/v1/analytics/stocks", {}),
        ("/v1/analytics/stocks", {"skus": [str(n) for n in range(101)]}),
        ("/v1/analytics/stocks", {"skus": ["1"], "cluster_ids": ["154"], "macrolocal_cluster_ids": ["4039"]}),
        ("/v1/analytics/stocks", {"skus": ["one"]}),
        ("/v1/product/info/warehouse/stocks", {"limit": 10}),
        ("/v1/product/info/warehouse/stocks", {"warehouse_id": 1020001314872000, "limit": 1001}),
        ("/v2/product/info/stocks-by-warehouse/fbs", {"limit": 10}),
        ("/v2/product/info/stocks-by-warehouse/fbs", {"limit": 10, "sku": ["1"], "offer_id": ["a"]}),
        ("/v2/warehouse/list", {"limit": 201}),
        ("/v1/cluster/list", {}),
        ("/v4/posting/fbs/list", {"limit": 100}),
        ("/v4/posting/fbs/list", {"filter": {"since": PERIOD["since"]}, "limit": 100}),
        ("/v4/posting/fbs/list", {"filter": PERIOD, "limit": 101}),
        ("/v4/posting/fbs/list", {"filter": {"since": "2026-11-01", "to": PERIOD["to"]}, "limit": 10}),
        ("/v4/posting/fbs/list", {"filter": {"since": PERIOD["to"], "to": PERIOD["since"]}, "limit": 10}),
        ("/v4/posting/fbs/unfulfilled/list", {"filter": {}, "limit": 100}),
        ("/v3/posting/fbo/list", {"filter": PERIOD, "limit": 101}),
        ("/v3/posting/fbo/list", {"filter": PERIOD, "limit": 10, "sort_dir": "SIDEWAYS"}),
        ("/v1/finance/accrual/by-day", {"date": "2026-11-20"}),
        ("/v1/finance/accrual/by-day", {"date": "20.11.2026", "last_id": ""}),
        ("/v1/finance/accrual/by-day", {"date": "2021-12-31", "last_id": ""}),
        ("/v1/report/placement/by-products/create", {"date_from": "2026-11-01"}),
        ("/v1/report/placement/by-products/create", {"date_from": "1.11.2026", "date_to": "2.11.2026"}),
        ("/v1/report/placement/by-products/create", {"date_from": "2026-11-02", "date_to": "2026-11-01"}),
        ("/v1/report/placement/by-products/create", {"date_from": "2026-10-01", "date_to": "2026-11-01"}),
        ("/v1/report/info", {}),
        ("/v1/returns/list", {}),
        ("/v1/returns/list", {"limit": 501}),
        ("/v1/returns/list", {"limit": 5, "last_id": "first"}),
        ("/v1/returns/list", {"limit": 5, "filter": {"posting_numbers": ["1"] * 51}}),
        ("/v1/returns/list", {"limit": 5, "filter": {"logistic_return_date": {"time_from": "2026-11-01"}}}),
        (
            "/v1/returns/list",
            {
                "limit": 5,
                "filter": {
                    "logistic_return_date": {"time_from": PERIOD["since"]},
                    "visual_status_change_moment": {"time_from": PERIOD["since"]},
                },
            },
        ),
        ("/v2/returns/rfbs/list", {}),
        ("/v2/returns/rfbs/list", {"limit": 0}),
        ("/v2/returns/rfbs/list", {"limit": 1001}),
        ("/v2/returns/rfbs/list", {"limit": 5, "last_id": "first"}),
        ("/v2/returns/rfbs/list", {"limit": 5, "last_id": 2**31}),
        ("/v2/returns/rfbs/list", {"limit": 5, "filter": {"group_state": ["Lost"]}}),
        ("/v2/returns/rfbs/list", {"limit": 5, "filter": {"group_state": "New"}}),
        ("/v2/returns/rfbs/list", {"limit": 5, "filter": {"created_at": {"from": "2026-11-01"}}}),
        ("/v3/supply-order/list", {"filter": {}, "limit": 10, "sort_by": "ORDER_CREATION"}),
        ("/v3/supply-order/list", {"filter": {"states": ["COMPLETED"]}, "limit": 10}),
        ("/v3/supply-order/list", {"filter": {"states": ["COMPLETED"]}, "limit": 101, "sort_by": "ORDER_CREATION"}),
        ("/v3/supply-order/list", {"filter": {"states": ["LOST"]}, "limit": 10, "sort_by": "ORDER_CREATION"}),
        ("/v3/supply-order/get", {"order_ids": []}),
        ("/v3/supply-order/get", {"order_ids": [str(n) for n in range(51)]}),
        ("/v1/supply-order/bundle", {"bundle_ids": [], "limit": 10}),
        ("/v1/supply-order/bundle", {"bundle_ids": ["1"], "limit": 101}),
    ],
)
def test_requests_outside_of_the_documented_ranges_are_refused(ozon: Ozon, path: str, body: dict[str, object]) -> None:
    assert ozon.refused(path, body)[0] == 400


@pytest.mark.parametrize("path", ["/v3/posting/fbo/list", "/v4/posting/fbs/list"])
def test_more_than_a_year_is_too_long(ozon: Ozon, path: str) -> None:
    body = {"filter": {"since": "2025-11-01T00:00:00Z", "to": "2026-11-22T00:00:00Z"}, "limit": 10}
    assert ozon.refused(path, body) == (400, "PERIOD_IS_TOO_LONG")


def test_an_unknown_warehouse_is_not_found(ozon: Ozon) -> None:
    assert ozon.refused("/v1/product/info/warehouse/stocks", {"warehouse_id": 1, "limit": 1})[0] == 404


def test_a_mark_of_accruals_lives_15_minutes_and_for_its_day(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micore.simulator.ozon.finance.PAGE", 10)
    ozon = Ozon(Simulator(shop, clock, limits=False))
    path = "/v1/finance/accrual/by-day"
    mark = ozon.ask(path, {"date": "2026-11-20", "last_id": ""})["last_id"]
    assert mark
    assert ozon.refused(path, {"date": "2026-11-19", "last_id": mark})[0] == 400
    clock.advance(TOKEN_LIFE_US / 1_000_000)
    assert ozon.ask(path, {"date": "2026-11-20", "last_id": mark})["accruals"]
    clock.advance(1)
    assert ozon.refused(path, {"date": "2026-11-20", "last_id": mark})[0] == 400


def test_fifty_requests_in_any_second_and_not_one_more(shop: Shop, clock: Clock) -> None:
    now = [100.0]
    ozon = Ozon(Simulator(shop, clock, monotonic=lambda: now[0]))
    for number in range(50):
        now[0] = 100.0 + number * 0.019
        assert ozon.raw("/v1/roles" if number % 2 else "/v1/seller/info").status == 200
    now[0] = 100.999
    assert ozon.refused("/v1/roles") == (429, "You have reached request rate limit per second")
    ozon.headers["client-id"] = "1000002"
    assert ozon.raw("/v1/roles").status == 200, "the limit is per Client-Id"
    ozon.headers["client-id"] = "1000001"
    now[0] = 101.0
    assert ozon.raw("/v1/roles").status == 200, "the oldest request has left the window"
    assert ozon.raw("/v1/roles").status == 429
