"""What the simulated Ozon charges for places in its warehouses: the report's file, and the accruals of a day."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.clock import DAY_US, moscow_midnight_us
from micore.simulator.http import Answer, Request
from micore.simulator.shop.places import PLACES, Kind
from tests.unit.simulator.asking import Ozon

CREATE = "/v1/report/placement/by-products/create"
INFO, LIST = "/v1/report/info", "/v1/report/list"
ACCRUALS = "/v1/finance/accrual/by-day"
WEEK = {"date_from": "2026-11-16", "date_to": "2026-11-22"}
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def simulator(shop: Shop, clock: Clock) -> Simulator:
    """With limits: without them no report waits."""
    return Simulator(shop, clock)


def fetched(ozon: Ozon, link: str) -> Answer:
    """A file as a browser fetches it: no key."""
    path = "/" + link.split("/", 3)[3]
    return ozon.simulator.ozon.answer(Request("GET", path, {}, {}, b""))


def table(ozon: Ozon, clock: Clock, period: dict[str, str]) -> list[dict[str, Any]]:
    """The report's rows by column name, by the documented steps."""
    code = ozon.ask(CREATE, period)["code"]
    seen = []
    for _ in range(4):
        told = ozon.ask(INFO, {"code": code})["result"]
        seen.append(told["status"])
        assert (told["file"] == "") == (told["status"] != "success")
        clock.advance(60)
    assert told["report_type"] == "seller_placement_by_products"
    assert seen == ["waiting", "processing", "processing", "success"]
    answer = fetched(ozon, told["file"])
    assert answer.status == 200
    assert answer == fetched(ozon, told["file"]), "the same bytes"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as parts:
        assert parts.testzip() is None
        for name in parts.namelist():
            ET.fromstring(parts.read(name))
        styles = ET.fromstring(parts.read("xl/styles.xml"))
        fills = [fill.find(f"{MAIN}patternFill") for fill in styles.iter(f"{MAIN}fill")]
        assert [fill.get("patternType") for fill in fills if fill is not None] == ["none", "gray125"]
        sheet = ET.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    rows = [[_value(cell) for cell in row] for row in sheet.iter(f"{MAIN}row")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def _value(cell: ET.Element) -> str:
    found = cell.find(f"{MAIN}v")
    if found is None:
        found = cell.find(f"{MAIN}is/{MAIN}t")
    assert found is not None
    return found.text or ""


def day_of(row: dict[str, Any]) -> str:
    return (date(1899, 12, 30) + timedelta(days=int(row["Дата"]))).isoformat()


def test_the_report_counts_what_lay_in_the_warehouses(ozon: Ozon, clock: Clock, shop: Shop) -> None:
    rows = table(ozon, clock, WEEK)
    assert {day_of(row) for row in rows} == {f"2026-11-{day}" for day in range(16, 22)}, "today has not ended"
    told = {(day_of(row), int(row["SKU"]), row["Склад"]): int(row["Кол-во экземпляров"]) for row in rows}
    assert len(told) == len(rows)
    pairs = np.flatnonzero((shop.place_kind == int(Kind.OZON_FBO)) & (shop.pairs.product < shop.products))
    ends = moscow_midnight_us(date(2026, 11, 19)) - 1_000_000
    expected = {
        ("2026-11-18", int(shop.goods.sku[shop.pairs.product[pair]]), PLACES[int(shop.pairs.place[pair])].name): units
        for pair, units in zip(pairs.tolist(), shop.books(ends).available.at(pairs, ends).tolist(), strict=True)
        if units
    }
    assert {key: units for key, units in told.items() if key[0] == "2026-11-18"} == expected


def test_units_are_paid_for_that_sales_do_not_explain(ozon: Ozon, clock: Clock, shop: Shop) -> None:
    rows = [row for row in table(ozon, clock, WEEK) if day_of(row) == "2026-11-18"]
    ends = moscow_midnight_us(date(2026, 11, 19)) - 1_000_000
    pairs = np.flatnonzero((shop.place_kind == int(Kind.OZON_FBO)) & (shop.pairs.product < shop.products))
    ordered = shop.books(ends).ordered
    sold = {
        (int(shop.goods.sku[shop.pairs.product[pair]]), PLACES[int(shop.pairs.place[pair])].name): units
        for pair, units in zip(
            pairs.tolist(), (ordered.at(pairs, ends) - ordered.at(pairs, ends - 120 * DAY_US)).tolist(), strict=True
        )
    }
    for row in rows:
        paid = max(0, int(row["Кол-во экземпляров"]) - sold[int(row["SKU"]), row["Склад"]])
        assert int(row["Кол-во платных экземпляров"]) == paid
        volume = int(row["Платный объем в миллилитрах"])
        assert Decimal(row["Начисленная стоимость размещения"]) * 100 == volume * 10 // 1000
    assert len({row["Кол-во платных экземпляров"] == "0" for row in rows}) == 2


def test_the_accruals_of_a_day_are_those_of_the_report(ozon: Ozon, clock: Clock) -> None:
    sums: Counter[tuple[str, int]] = Counter()
    for row in table(ozon, clock, WEEK):
        assert int(row["Кол-во платных экземпляров"]) <= int(row["Кол-во экземпляров"])
        sums[day_of(row), int(row["SKU"])] += round(Decimal(row["Начисленная стоимость размещения"]) * 100)
    for day in ("2026-11-18", "2026-11-21"):
        booked = [row for row in ozon.ask(ACCRUALS, {"date": day, "last_id": ""})["accruals"] if row["item_fees"]]
        assert [row["accrued_category"] for row in booked] == ["ITEM"]
        fees = {fee["sku"]: fee["fees"] for fee in booked[0]["item_fees"]["fees"]}
        told = {sku: -round(Decimal(one[0]["accrued"]["amount"]) * 100) for sku, one in fees.items()}
        assert told == {sku: kopecks for (at, sku), kopecks in sums.items() if at == day and kopecks}
        assert round(Decimal(booked[0]["total_amount"]["amount"]) * 100) == -sum(told.values()) < 0
        assert {one[0]["type_id"] for one in fees.values()} == {21}


def test_the_day_that_has_not_ended_is_not_charged(ozon: Ozon) -> None:
    assert not [
        row for row in ozon.ask(ACCRUALS, {"date": "2026-11-22", "last_id": ""})["accruals"] if row["item_fees"]
    ]


def test_a_file_is_there_for_three_hours_only(ozon: Ozon, clock: Clock) -> None:
    code = ozon.ask(CREATE, WEEK)["code"]
    clock.advance(200)
    link = ozon.ask(INFO, {"code": code})["result"]["file"]
    assert fetched(ozon, link).status == 200
    assert fetched(ozon, link.replace(code, "another")).status == 404
    clock.advance(3 * 3600)
    assert fetched(ozon, link).status == 404


def test_the_list_tells_every_report_the_oldest_first(ozon: Ozon, clock: Clock) -> None:
    codes = []
    for _ in range(3):
        codes.append(ozon.ask(CREATE, WEEK)["code"])
        clock.advance(60)
    ask = {"page": 1, "page_size": 2, "report_type": "SELLER_PLACEMENT_BY_PRODUCTS"}
    told = ozon.ask(LIST, ask)["result"]
    assert ([each["code"] for each in told["reports"]], told["total"]) == (codes[:2], 3)
    assert told["reports"][0] == ozon.ask(INFO, {"code": codes[0]})["result"]
    assert [each["code"] for each in ozon.ask(LIST, ask | {"page": 2})["result"]["reports"]] == codes[2:]
    assert ozon.ask(LIST, ask | {"page": 3})["result"] == {"reports": [], "total": 3}
    assert ozon.ask(LIST, ask | {"report_type": "SELLER_STOCK"})["result"]["total"] == 0
    assert ozon.ask(LIST, {"page": 1, "page_size": 1000})["result"]["total"] == 3
    for wrong in ({"page": 0}, {"page_size": 1001}, {"report_type": "words"}):
        assert ozon.refused(LIST, ask | wrong)[0] == 400
    newest = ozon.ask(CREATE, WEEK)["code"]
    assert ozon.ask(LIST, ask)["result"]["total"] == 3, "not at once"
    clock.advance(10)
    assert ozon.ask(LIST, ask | {"page": 2})["result"]["reports"][-1]["code"] == newest


def test_the_link_leads_to_the_asked_host(ozon: Ozon, clock: Clock) -> None:
    ozon.headers["host"] = "127.0.0.1:9101"
    code = ozon.ask(CREATE, WEEK)["code"]
    clock.advance(200)
    assert ozon.ask(INFO, {"code": code})["result"]["file"].startswith("http://127.0.0.1:9101/")


def test_an_unknown_report_is_not_found(ozon: Ozon) -> None:
    assert ozon.refused(INFO, {"code": "REPORT_seller_products_924336_1720170405_a9ea2f27"})[0] == 404


def test_five_reports_a_day(shop: Shop, clock: Clock) -> None:
    ozon = Ozon(Simulator(shop, clock))
    for _ in range(5):
        ozon.ask(CREATE, WEEK)
    assert ozon.refused(CREATE, WEEK)[0] == 429
    clock.advance(86_400)
    ozon.ask(CREATE, WEEK)


def test_without_limits_nobody_waits(shop: Shop, clock: Clock) -> None:
    ozon = Ozon(Simulator(shop, clock, limits=False))
    for _ in range(6):
        code = ozon.ask(CREATE, WEEK)["code"]
    told = ozon.ask(INFO, {"code": code})["result"]
    assert told["status"] == "success"
    assert fetched(ozon, told["file"]).status == 200
