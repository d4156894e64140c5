"""What the simulated Wildberries charges and passes on: paid storage and the details of sales reports."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.wildberries.tokens import BASIC, FINANCE, make_token
from tests.unit.simulator.asking import Spec, Wildberries

SPEC = Spec("wildberries-seller-api.json")
STORAGE = "/api/v1/paid_storage"
DETAILS = "/api/finance/v1/sales-reports/detailed"
LIST = "/api/finance/v1/sales-reports/list"
SALES = "/api/v1/supplier/sales"
WEEK = {"dateFrom": "2026-11-09", "dateTo": "2026-11-15"}
Rows = list[dict[str, Any]]


def storage(wildberries: Wildberries, clock: Clock, since: str, to: str) -> Rows:
    created = wildberries.ask("GET", STORAGE, query={"dateFrom": since, "dateTo": to})
    assert SPEC.answer_faults(STORAGE, created, method="get") == []
    task = f"{STORAGE}/tasks/{created['data']['taskId']}"
    clock.advance(200)
    status = wildberries.ask("GET", f"{task}/status")
    assert SPEC.answer_faults(f"{STORAGE}/tasks/{{task_id}}/status", status, method="get") == []
    assert status["data"]["status"] == "done"
    rows: Rows = wildberries.ask("GET", f"{task}/download")
    assert SPEC.answer_faults(f"{STORAGE}/tasks/{{task_id}}/download", rows, method="get") == []
    return rows


def details(wildberries: Wildberries, limit: int = 100_000, **more: Any) -> Rows:
    """All rows, by the documented way of paging."""
    found: Rows = []
    after = 0
    while True:
        body = {**WEEK, "limit": limit, "rrdId": after, **more}
        assert SPEC.request_faults(DETAILS, body) == []
        answer = wildberries.raw("POST", DETAILS, body)
        if answer.status == 204:
            assert answer.body == b""
            return found
        assert answer.status == 200, answer.body
        page = json.loads(answer.body)
        assert len(page) <= limit
        found += page
        assert page[-1]["rrdId"] > after
        after = page[-1]["rrdId"]


def test_storage_is_charged_for_each_day_and_product_in_the_pool(wildberries: Wildberries, clock: Clock) -> None:
    rows = storage(wildberries, clock, "2026-11-14", "2026-11-22")
    assert {row["date"] for row in rows} == {f"2026-11-{day}" for day in range(14, 22)}, "the last day has not ended"
    assert len({(row["date"], row["chrtId"]) for row in rows}) == len(rows)
    assert {(row["warehouse"], row["officeId"], row["logWarehouseCoef"]) for row in rows} == {("Склад WB РФ", 0, 0)}
    assert all(row["warehousePrice"] > 0 and row["barcodesCount"] > 0 for row in rows)
    for row in rows:
        assert row["warehousePrice"] == pytest.approx(0.09 * row["volume"] * row["barcodesCount"])


def test_storage_counts_what_the_stock_told(wildberries: Wildberries, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 17, 20, 59, 59, tzinfo=UTC))
    task = wildberries.ask("GET", "/api/v1/warehouse_remains", query={"groupByNm": "true", "groupBySize": "true"})
    clock.advance(1860)
    path = f"/api/v1/warehouse_remains/tasks/{task['data']['taskId']}/download"
    told = {
        (row["nmId"], row["techSize"]): place["quantity"]
        for row in wildberries.ask("GET", path)
        for place in row["warehouses"]
        if place["warehouseName"] == "Склад WB РФ"
    }  # fmt: skip
    rows = storage(wildberries, clock, "2026-11-17", "2026-11-17")
    assert {(row["nmId"], row["size"]): row["barcodesCount"] for row in rows} == told


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"dateFrom": "2026-11-01"},
        {"dateFrom": "1 November", "dateTo": "2026-11-02"},
        {"dateFrom": "2026-11-02", "dateTo": "2026-11-01"},
        {"dateFrom": "2026-11-01", "dateTo": "2026-11-10"},
    ],
)
def test_wrong_questions_about_storage(wildberries: Wildberries, query: dict[str, str]) -> None:
    answer = wildberries.raw("GET", STORAGE, query=query)
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert SPEC.answer_faults(STORAGE, json.loads(answer.body), method="get", status=400) == []


def test_storage_before_the_shop_has_no_content(wildberries: Wildberries, clock: Clock) -> None:
    created = wildberries.ask("GET", STORAGE, query={"dateFrom": "2020-01-01", "dateTo": "2020-01-02"})
    clock.advance(200)
    assert wildberries.raw("GET", f"{STORAGE}/tasks/{created['data']['taskId']}/download").status == 204
    # A task of one report is not known to another.
    other = f"/api/v1/warehouse_remains/tasks/{created['data']['taskId']}/status"
    assert wildberries.raw("GET", other).status == 404


def test_rows_of_details_are_as_specified_and_paged(wildberries: Wildberries) -> None:
    rows = details(wildberries)
    # The newer client library has a number here and four more fields.
    newer = {"warehouseLogisticsCoeff", "buyerTaxRegistrationReasonCode", "utdUcdNumber", "utdUcdDate"}
    assert newer < set(rows[0])
    known = [{name: value for name, value in row.items() if name not in newer} for row in rows]
    assert SPEC.answer_faults(DETAILS, [{**row, "sellerPromo": str(row["sellerPromo"])} for row in known]) == []
    assert len({row["rrdId"] for row in rows}) == len(rows) > 50
    assert details(wildberries, limit=17) == rows
    assert {(row["dateFrom"], row["dateTo"], row["createDate"]) for row in rows} == {
        ("2026-11-09", "2026-11-15", "2026-11-16")
    }
    daily = details(wildberries, period="daily")
    assert [row["rrdId"] for row in daily] == [row["rrdId"] for row in rows]
    assert len({row["reportId"] for row in daily if row["reportType"] == 1}) == 7
    assert {row["reportType"] for row in daily} == {1, 2}
    assert all(row["dateFrom"] == row["dateTo"] == row["rrDate"] for row in daily)


def test_details_sell_and_take_back_what_the_statistics_do(wildberries: Wildberries) -> None:
    rows = details(wildberries)
    told = {
        (row["saleID"][0], row["srid"]): row
        for row in wildberries.ask("GET", SALES, query={"dateFrom": "2026-11-01"})
        if WEEK["dateFrom"] <= row["date"][:10] <= WEEK["dateTo"]
    }
    sold = {("S" if row["docTypeName"] == "Продажа" else "R", row["srid"]): row for row in rows if row["quantity"]}
    assert sold.keys() == told.keys()
    for key, row in sold.items():
        same = told[key]
        assert row["saleDt"] == f"{same['date'][:10]}T00:00:00Z"
        assert (row["nmId"], row["sku"], row["techSize"]) == (same["nmId"], same["barcode"], same["techSize"])
        assert Decimal(row["forPay"]) == abs(Decimal(str(same["forPay"])))
        assert Decimal(row["retailAmount"]) == abs(Decimal(str(same["finishedPrice"])))
    delivered = {row["srid"] for row in rows if row["sellerOperName"] == "Логистика"}
    assert delivered
    assert all(row["deliveryAmount"] == 1 and Decimal(row["deliveryService"]) > 0 for row in rows
               if row["sellerOperName"] == "Логистика")  # fmt: skip


def test_details_charge_the_storage_of_the_storage_report(wildberries: Wildberries, clock: Clock) -> None:
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for row in storage(wildberries, clock, WEEK["dateFrom"], WEEK["dateTo"]):
        expected[row["date"]] += Decimal(str(row["warehousePrice"]))
    charged = {row["rrDate"]: Decimal(row["paidStorage"]) for row in details(wildberries) if row["paidStorage"] != "0"}
    assert charged.keys() == expected.keys()
    assert all(abs(charged[day] - expected[day]) <= Decimal("0.01") for day in charged)


def test_a_report_is_made_on_the_day_behind_it(wildberries: Wildberries, clock: Clock) -> None:
    current: dict[str, Any] = {"dateFrom": "2026-11-16", "dateTo": "2026-11-22"}
    assert details(wildberries, **current) == []
    assert {row["rrDate"] for row in details(wildberries, period="daily", **current)} == {
        f"2026-11-{day}" for day in range(16, 22)
    }
    clock.set(datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC))
    assert details(wildberries, **current) == []
    clock.advance(1)
    assert {row["rrDate"] for row in details(wildberries, **current)} == {f"2026-11-{day}" for day in range(16, 23)}


def test_fields_can_be_chosen(wildberries: Wildberries) -> None:
    rows = details(wildberries, fields=["rrdId", "nmId", "forPay"])
    assert {frozenset(row) for row in rows} == {frozenset({"rrdId", "nmId", "forPay"})}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dateFrom": "2026-11-01"},
        {"dateFrom": "2026-11-01", "dateTo": "soon"},
        {"dateFrom": "2026-11-02", "dateTo": "2026-11-01"},
        {**WEEK, "limit": 100_001},
        {**WEEK, "period": "monthly"},
        {**WEEK, "fields": "rrdId"},
        {**WEEK, "rrdId": "0"},
    ],
)
def test_wrong_questions_about_details(wildberries: Wildberries, body: dict[str, Any]) -> None:
    answer = wildberries.raw("POST", DETAILS, body)
    assert answer.status == 400
    assert SPEC.answer_faults(DETAILS, json.loads(answer.body), status=400) == []


AUTUMN: dict[str, Any] = {"dateFrom": "2026-09-07", "dateTo": "2026-11-15"}


def test_now_and_then_there_is_every_kind_of_charge(wildberries: Wildberries) -> None:
    rows = details(wildberries, **AUTUMN)
    filled = {
        name: {row["sellerOperName"] for row in rows if Decimal(row[name])}
        for name in (
            "penalty", "additionalPayment", "rebillLogisticCost", "ppvzReward", "deduction", "paidAcceptance",
            "paymentSchedule", "cashbackAmount", "cashbackDiscount", "cashbackCommissionChange",
        )
    }  # fmt: skip
    assert {name: len(operations) for name, operations in filled.items()} == dict.fromkeys(filled, 1)
    assert len(set.union(*filled.values())) == 8, "each has rows of its own"
    assert all(Decimal(row["paymentSchedule"]) <= 0 for row in rows)
    assert {Decimal(row["additionalPayment"]) > 0 for row in rows if row["additionalPayment"] != "0"} == {True, False}
    assert {Decimal(row["deduction"]) > 0 for row in rows if row["deduction"] != "0"} == {True, False}
    shares = {name: sum(row["sellerOperName"] in operations for row in rows) for name, operations in filled.items()}
    sold = sum(row["sellerOperName"] == "Продажа" for row in rows)
    assert sold / 5 < shares["rebillLogisticCost"] < sold / 3
    assert 0 < shares["penalty"] < sold / 50
    assert any(len(row["rebillLogisticCost"].partition(".")[2]) == 3 for row in rows), "tenths of a kopeck"


def test_the_list_sums_what_the_details_tell(wildberries: Wildberries) -> None:
    body = {**AUTUMN, "period": "weekly"}
    assert SPEC.request_faults(LIST, body) == []
    told = wildberries.ask("POST", LIST, body)
    assert SPEC.answer_faults(LIST, told) == []
    assert {report["reportType"] for report in told} == {1, 2}
    assert len(told) == 20, "ten weeks of two reports"
    rows = details(wildberries, **AUTUMN)
    for report in told:
        of_it = [row for row in rows if row["reportId"] == report["reportId"]]
        assert {(row["dateFrom"], row["dateTo"], row["reportType"]) for row in of_it} == {
            (report["dateFrom"], report["dateTo"], report["reportType"])
        }
        sums = {
            name: sum((Decimal(row[name]) * (-1 if row["docTypeName"] == "Возврат" else 1) for row in of_it), Decimal())
            for name in COLUMNS_OF_SUMS.values()
        }
        assert {name: Decimal(report[name]) for name in COLUMNS_OF_SUMS} == {
            name: sums[column] for name, column in COLUMNS_OF_SUMS.items()
        }
        taken = ("deliveryService", "paidStorage", "paidAcceptance", "deduction", "penalty", "cashbackAmount")
        assert Decimal(report["bankPaymentSum"]) == (
            sums["forPay"] + sums["additionalPayment"] + sums["paymentSchedule"]
            - sums["cashbackCommissionChange"] - sum(sums[name] for name in taken)
        )  # fmt: skip


COLUMNS_OF_SUMS = {
    "retailAmountSum": "retailAmount",
    "forPaySum": "forPay",
    "deliveryServiceSum": "deliveryService",
    "paidStorageSum": "paidStorage",
    "paidAcceptanceSum": "paidAcceptance",
    "deductionSum": "deduction",
    "penaltySum": "penalty",
    "additionalPaymentSum": "additionalPayment",
    "cashbackAmountSum": "cashbackAmount",
    "cashbackDiscountSum": "cashbackDiscount",
    "cashbackCommissionChangeSum": "cashbackCommissionChange",
    "paymentSchedule": "paymentSchedule",
}


def test_the_list_has_pages_days_and_an_end(wildberries: Wildberries) -> None:
    def listed(**changes: Any) -> Rows:
        answer = wildberries.raw("POST", LIST, {**AUTUMN, **changes})
        assert answer.status in {200, 204}
        rows: Rows = json.loads(answer.body) if answer.status == 200 else []
        return rows

    whole = listed()
    assert listed(limit=3) + listed(limit=100, offset=3) == whole
    assert listed(offset=len(whole)) == []
    assert {row["dateFrom"] for row in listed(dateFrom="2026-11-03")} == {"2026-11-09"}, "only whole ones"
    assert listed(dateFrom="2026-11-16", dateTo="2026-11-22") == [], "not made yet"
    assert {row["dateFrom"] for row in listed(period="daily", dateFrom="2026-11-16", dateTo="2026-11-22")} == {
        f"2026-11-{day}" for day in range(16, 22)
    }
    assert listed(dateFrom="2024-02-01", dateTo="2024-12-31") == []


def test_a_basic_token_may_not_ask_for_the_list(wildberries: Wildberries) -> None:
    basic = Wildberries(wildberries.simulator, {"authorization": make_token(FINANCE, kind=BASIC)})
    answer = basic.raw("POST", LIST, WEEK)
    assert answer.status == 403
    assert SPEC.answer_faults(LIST, json.loads(answer.body), status=403) == []
    assert basic.raw("POST", DETAILS, WEEK).status == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"dateFrom": "2026-11-01"}, {**WEEK, "dateTo": "2026-11-01"}, {**WEEK, "limit": 1001}, {**WEEK, "offset": -1}],
)
def test_wrong_questions_about_the_list(wildberries: Wildberries, body: dict[str, Any]) -> None:
    answer = wildberries.raw("POST", LIST, body)
    assert answer.status == 400
    assert SPEC.answer_faults(LIST, json.loads(answer.body), status=400) == []


@pytest.mark.parametrize(("method", "path", "burst"), [("POST", DETAILS, 1), ("POST", LIST, 1), ("GET", STORAGE, 5)])
def test_money_has_its_limits(shop: Shop, clock: Clock, method: str, path: str, burst: int) -> None:
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: 50.0))
    answers = [wildberries.raw(method, path, WEEK, WEEK).status for _ in range(burst + 1)]
    assert answers == [200] * burst + [429]


def test_with_limits_a_report_of_storage_takes_its_time(shop: Shop, clock: Clock) -> None:
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: 50.0))
    created = wildberries.ask("GET", STORAGE, query={"dateFrom": "2026-11-14", "dateTo": "2026-11-15"})
    task = f"{STORAGE}/tasks/{created['data']['taskId']}"
    assert wildberries.ask("GET", f"{task}/status")["data"]["status"] == "new"
    assert wildberries.raw("GET", f"{task}/download").status == 404
    clock.advance(200)
    assert wildberries.ask("GET", f"{task}/status")["data"]["status"] == "done"


def test_a_shop_without_wildberries_has_nothing_to_tell() -> None:
    shop = next(shop for seed in range(40) if not (shop := Shop(seed, 1, 40, date(2026, 11, 22))).goods.on_wb[0])
    wildberries = Wildberries(Simulator(shop, Clock(datetime(2026, 11, 22, 12, tzinfo=UTC), frozen=True), limits=False))
    assert wildberries.ask("GET", SALES, query={"dateFrom": "2026-10-01"}) == []
    assert wildberries.ask("GET", "/api/v1/supplier/orders", query={"dateFrom": "2026-10-01"}) == []
    assert wildberries.ask("GET", "/api/v3/orders", query={"limit": "10", "next": "0"}) == {"next": 0, "orders": []}
    assert wildberries.ask("POST", "/api/v1/supplies", {}) == []
    assert wildberries.ask("POST", "/api/v3/orders/status", {"orders": [7]}) == {"orders": []}
    assert details(wildberries) == []
