"""What the simulated Wildberries tells of orders and sales."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.clock import DAY_US, to_us
from micore.simulator.shop.places import Kind
from micore.simulator.wildberries import statistics
from tests.unit.simulator.asking import Spec, Wildberries

SPEC = Spec("wildberries-seller-api.json")
ORDERS = "/api/v1/supplier/orders"
SALES = "/api/v1/supplier/sales"
BEGINNING = "2026-01-01"
Rows = list[dict[str, Any]]


def told(wildberries: Wildberries, path: str, since: str = BEGINNING, flag: str = "0") -> Rows:
    rows: Rows = wildberries.ask("GET", path, query={"dateFrom": since, "flag": flag})
    return rows


def key(row: dict[str, Any]) -> tuple[str, str]:
    return row["srid"], row.get("saleID", "")


@pytest.mark.parametrize("path", [ORDERS, SALES])
def test_rows_are_as_specified_and_whole(wildberries: Wildberries, path: str) -> None:
    rows = told(wildberries, path)
    assert SPEC.answer_faults(path, rows, method="get") == []
    assert len({key(row) for row in rows}) == len(rows) > 500
    assert {(row["warehouseName"], row["warehouseType"]) for row in rows} == {
        ("Склад WB РФ", "Склад WB"), ("Склад продавца", "Склад продавца"),
    }  # fmt: skip
    assert all(len(row["date"]) == len(row["lastChangeDate"]) == 19 for row in rows), "no offset, no fraction"
    assert all(row["date"] <= row["lastChangeDate"] for row in rows)


@pytest.mark.parametrize("path", [ORDERS, SALES])
def test_pages_follow_the_last_change_and_repeat_their_boundary(
    wildberries: Wildberries, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(wildberries, path)
    monkeypatch.setattr(statistics, "PAGE_ROWS", 97)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    since = BEGINNING
    while True:
        page = told(wildberries, path, since)
        assert len(page) <= 97
        fresh = [row for row in page if key(row) not in found]
        if found:
            assert len(fresh) < len(page), "the boundary comes again"
        if not fresh:
            break
        found.update((key(row), row) for row in fresh)
        since = page[-1]["lastChangeDate"]
    assert list(found.values()) == whole
    assert [row["lastChangeDate"] for row in whole] == sorted(row["lastChangeDate"] for row in whole)
    assert told(wildberries, path, "2026-11-23T00:00:00") == []


def test_orders_are_what_the_stock_lost(wildberries: Wildberries, shop: Shop, clock: Clock) -> None:
    start = datetime.fromisoformat("2026-11-01T00:00:00+03:00")
    end = start + timedelta(days=14)
    pairs = np.flatnonzero(np.isin(shop.place_kind, [int(Kind.WB_OWN), int(Kind.WB_SELLER)]))
    books = shop.books(clock.now_us())
    sold = books.ordered.at(pairs, to_us(end) - 1000) - books.ordered.at(pairs, to_us(start) - 1000)
    expected: Counter[tuple[int, str]] = Counter()
    for pair, units in zip(pairs.tolist(), sold.tolist(), strict=True):
        k = int(shop.pairs.product[pair])
        if k < shop.products and units:
            expected[int(shop.goods.nm_id[k]), shop.cards.card(k).tech_size] += units
    rows = [row for row in told(wildberries, ORDERS) if "2026-11-01" <= row["date"] < "2026-11-15"]
    assert Counter((row["nmId"], row["techSize"]) for row in rows) == expected


def test_a_day_is_told_whole(wildberries: Wildberries) -> None:
    for path in (ORDERS, SALES):
        day = told(wildberries, path, "2026-11-10T15:00:00", flag="1")
        assert day
        assert {key(row) for row in day} == {
            key(row) for row in told(wildberries, path) if row["date"].startswith("2026-11-10")
        }


def test_what_is_bought_was_ordered_and_what_comes_back_was_bought(wildberries: Wildberries) -> None:
    ordered = {row["srid"]: row for row in told(wildberries, ORDERS)}
    rows = told(wildberries, SALES)
    bought = {row["srid"]: row for row in rows if row["saleID"][0] == "S"}
    returned = [row for row in rows if row["saleID"][0] == "R"]
    assert returned
    assert len(bought) + len(returned) == len(rows)
    assert not [row for row in rows if ordered[row["srid"]]["isCancel"]]
    for row in returned:
        assert bought[row["srid"]]["date"] < row["date"]
        assert row["forPay"] <= 0
    for srid, row in bought.items():
        same = ("nmId", "barcode", "techSize", "totalPrice", "discountPercent", "spp", "gNumber", "warehouseName")
        assert {name: row[name] for name in same} == {name: ordered[srid][name] for name in same}
        assert row["forPay"] < row["totalPrice"]


def test_cancelled_orders_say_when_and_the_others_the_first_day_of_all(wildberries: Wildberries) -> None:
    rows = told(wildberries, ORDERS)
    cancelled = [row for row in rows if row["isCancel"]]
    assert 0.04 < len(cancelled) / len(rows) < 0.12
    assert all(row["date"] < row["cancelDate"] <= row["lastChangeDate"] for row in cancelled)
    assert {row["cancelDate"] for row in rows if not row["isCancel"]} == {"0001-01-01T00:00:00"}


@pytest.mark.parametrize("path", [ORDERS, SALES])
def test_rows_are_renewed_every_half_hour_and_show_up_to_that_late(
    wildberries: Wildberries, clock: Clock, path: str
) -> None:
    query = {"dateFrom": BEGINNING}
    answers = []
    for _ in range(6):
        answers.append(wildberries.raw("GET", path, query=query).body)
        clock.advance(10 * 60)
    assert answers[0] == answers[1] == answers[2]
    assert answers[3] == answers[4] == answers[5] != answers[0]
    newest = json.loads(answers[3])[-1]["lastChangeDate"]
    assert newest <= "2026-11-22T15:30:00"


@pytest.mark.parametrize("path", [ORDERS, SALES])
def test_some_money_comes_hours_later(wildberries: Wildberries, clock: Clock, path: str) -> None:
    names = ["finishedPrice", "priceWithDisc", *(["forPay"] if path == SALES else [])]
    open_rows = [row for row in told(wildberries, path) if not row["priceWithDisc"]]
    assert open_rows
    assert all(row[name] == 0 for row in open_rows for name in names)
    clock.advance(24 * 3600)
    later = {key(row): row for row in told(wildberries, path)}
    filled = [later[key(row)] for row in open_rows if key(row) in later]
    assert all(row[name] != 0 for row in filled for name in names)


def test_some_money_comes_without_a_new_change(wildberries: Wildberries, clock: Clock) -> None:
    open_rows = [row for row in told(wildberries, SALES) if not row["forPay"]]
    clock.advance(24 * 3600)
    later = {key(row): row for row in told(wildberries, SALES)}
    silent = sum(row["lastChangeDate"] == later[key(row)]["lastChangeDate"] for row in open_rows)
    assert 0 < silent < len(open_rows)


def test_orders_are_kept_for_90_days(wildberries: Wildberries, clock: Clock) -> None:
    dates = {row["date"][:10] for path in (ORDERS, SALES) for row in told(wildberries, path)}
    assert min(dates) == "2026-08-24"
    clock.advance(2 * DAY_US / 1_000_000)
    assert min(row["date"][:10] for row in told(wildberries, ORDERS)) == "2026-08-26"


def test_an_offset_in_the_question_counts(wildberries: Wildberries) -> None:
    moscow = told(wildberries, ORDERS, "2026-11-20T12:00:00.12345")
    assert moscow == told(wildberries, ORDERS, "2026-11-20T09:00:00.12345Z")
    assert len(moscow) < len(told(wildberries, ORDERS, "2026-11-20"))


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({}, ["dateFrom: field required"]),
        ({"dateFrom": "yesterday"}, "dateFrom: Value not validated"),
        ({"dateFrom": "2026-11-01", "flag": "2"}, "flag: Value not validated"),
    ],
)
@pytest.mark.parametrize("path", [ORDERS, SALES])
def test_a_wrong_question_is_refused(
    wildberries: Wildberries, path: str, query: dict[str, str], errors: object
) -> None:
    answer = wildberries.raw("GET", path, query=query)
    assert (answer.status, json.loads(answer.body)) == (400, {"errors": errors})


def test_the_same_question_has_the_same_bytes(shop: Shop, clock: Clock) -> None:
    query = {"dateFrom": "2026-11-15"}
    first, second = (Wildberries(Simulator(shop, clock, limits=False)) for _ in range(2))
    second.raw("GET", SALES, query=query)
    assert first.raw("GET", ORDERS, query=query) == second.raw("GET", ORDERS, query=query)


@pytest.mark.parametrize(("path", "burst"), [(ORDERS, 10), (SALES, 1)])
def test_one_question_a_minute_after_the_burst(shop: Shop, clock: Clock, path: str, burst: int) -> None:
    now = [50.0]
    wildberries = Wildberries(Simulator(shop, clock, monotonic=lambda: now[0]))
    query = {"dateFrom": "2026-11-22"}
    for left in range(burst - 1, -1, -1):
        headers = dict(wildberries.raw("GET", path, query=query).headers)
        assert (headers["X-Ratelimit-Limit"], headers["X-Ratelimit-Remaining"]) == (str(burst), str(left))
    refused = wildberries.raw("GET", path, query=query)
    assert refused.status == 429
    assert dict(refused.headers)["X-Ratelimit-Retry"] == "60"
    now[0] += 60
    assert wildberries.raw("GET", path, query=query).status == 200
