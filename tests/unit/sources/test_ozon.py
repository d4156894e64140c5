"""What the Ozon source makes of Ozon's answers, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from micore.domain.instants import micros
from micore.domain.records import (
    CatalogueRecord,
    Holder,
    OrderRecord,
    OrderState,
    PlaceKind,
    PlaceRecord,
    ReturnKind,
    ReturnRecord,
    ReturnState,
    SkuHint,
    StockRecord,
    SupplyRecord,
    SupplyState,
)
from micore.errors import NotFoundError, SettingsError, SourceAuthError, SourceProtocolError
from micore.sources.base import Page, SourceTools, StoredRow
from micore.sources.ozon import OzonSource
from micore.sources.ozon.returns import IN_TALKS, ON_ITS_WAY
from micore.sources.ozon.supplies import STATES
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.fake_ozon import Bench, Row, bench
from tests.unit.sources.http_server import Asked, Says

# The hand clock starts at this instant.
NOW = "2026-11-22T09:16:40Z"


@pytest.fixture
def ozon() -> Iterator[Bench]:
    with bench() as made:
        yield made


def product(number: int, **changes: Any) -> Row:
    return {
        "id": 900_000 + number,
        "sku": 1_800_000 + number,
        "offer_id": f"MUG-{number:02}",
        "name": "Кружка",
        "barcodes": [f"OZN{number}"],
        "price": "700",
        "currency_code": "RUB",
        "is_archived": False,
        "created_at": "2026-02-01T10:00:00Z",
        "sources": [{"sku": 1_800_000 + number, "source": "sds"}],
    } | changes


def fbo_row(number: int, warehouse: int = 55, **changes: Any) -> Row:
    return {
        "sku": 1_800_000 + number,
        "offer_id": f"MUG-{number:02}",
        "name": "Кружка",
        "warehouse_id": warehouse,
        "warehouse_name": f"СКЛАД_{warehouse}",
        "cluster_id": 154,
        "cluster_name": "Москва",
        "available_stock_count": 37,
        "requested_stock_count": 50,
        "transit_stock_count": 20,
        "return_from_customer_stock_count": 1,
    } | changes


def fbs_row(number: int, **changes: Any) -> Row:
    return {
        "sku": 1_800_000 + number,
        "offer_id": f"MUG-{number:02}",
        "present": 12,
        "reserved": 2,
        "free_stock": 10,
    } | (changes)


def fbo_posting(number: int, created_at: str = "2026-11-20T07:10:00Z", **changes: Any) -> Row:
    return {
        "posting_number": f"91-{number:04}-1",
        "status": "delivering",
        "created_at": created_at,
        "in_process_at": created_at,
        "products": [
            {
                "sku": 1_800_001,
                "offer_id": "MUG-01",
                "name": "Кружка",
                "quantity": 2,
                "price": {"amount": "700.50", "currency": "RUB"},
            }
        ],
        "analytics_data": {"warehouse_id": 55, "warehouse_name": "СКЛАД_55"},
        "cancellation": None,
    } | changes


def fbs_posting(number: int, in_process_at: str = "2026-11-20T08:00:00Z", **changes: Any) -> Row:
    return {
        "posting_number": f"02-{number:04}-1",
        "status": "awaiting_packaging",
        "in_process_at": in_process_at,
        "changed": in_process_at,
        "integration_type_flow": "ozon",
        "products": [{"sku": "1800001", "quantity": 1, "price": {"amount": "700", "currency": "RUB"}}],
        "delivery_method": {"warehouse_id": 1020001, "warehouse": "Мой склад"},
    } | changes


def accrual(number: int, day: str, amount: str = "700.00", **changes: Any) -> Row:
    return {
        "accrual_id": number,
        "date": day,
        "accrued_category": "POSTING",
        "total_amount": None,
        "unit_number": f"91-{number:04}-1",
        "posting": {
            "products": [
                {
                    "sku": 1_800_001,
                    "commission": {
                        "sale_amount": {"amount": amount, "currency": "RUB"},
                        "commission": {"amount": "-105.5", "currency": "RUB"},
                        "seller_price": None,
                    },
                }
            ]
        },
        "item_fees": None,
    } | changes


HEADING = ("Дата", "SKU", "Артикул", "Склад", "Суммарный объем в миллилитрах", "Кол-во экземпляров",
           "Начисленная стоимость размещения")  # fmt: skip


def placed(
    number: int, day: object = date(2026, 11, 20), cost: object = 12.34, **changes: object
) -> tuple[object, ...]:
    row = {"day": day, "sku": 1_800_000 + number, "offer": f"MUG-{number:02}", "warehouse": "ХОРУГВИНО",
           "volume": 4800, "units": 12, "cost": cost}  # fmt: skip
    return tuple((row | changes).values())


def requested(number: int, created: str = "2026-11-10T10:00:00Z", group: str = "New", **changes: Any) -> Row:
    return {
        "return_id": 8_000_000 + number,
        "return_number": f"RET-2026-{number:05}",
        "posting_number": f"91-{number:04}-1",
        "created_at": created,
        "product": {"sku": 1_800_000 + number, "offer_id": f"MUG-{number:02}", "name": "Кружка", "price": 700},
        "state": {"group_state": group, "state": "ON_APPROVAL", "state_name": "На проверке"},
    } | changes


def returned(number: int, changed: str = "2026-11-15T10:00:00.5Z", status: str = "MovingToOzon", **changes: Any) -> Row:
    return {
        "id": 1000 + number,
        "type": "ClientReturn",
        "schema": "FBO",
        "posting_number": f"91-{number:04}-1",
        "return_reason_name": "Не подошёл",
        "product": {"sku": 1_800_001, "offer_id": "MUG-01", "name": "Кружка", "quantity": 2, "price": None},
        "logistic": {"return_date": "2026-11-10T10:00:00Z", "final_moment": None, "technical_return_moment": None},
        "visual": {"status": {"id": 10, "sys_name": status, "display_name": ""}, "change_moment": changed},
        "compensation_status": None,
    } | changes


def supply_order(number: int, state: str = "IN_TRANSIT", changed: str = "2026-11-12T08:00:00Z", **changes: Any) -> Row:
    supply = {
        "supply_id": 2000 + number,
        "bundle_id": f"0195-{number}",
        "state": state,
        "storage_warehouse": {"warehouse_id": 55, "name": "СКЛАД_55", "address": ""},
    }
    return {
        "order_id": 84_000 + number,
        "order_number": f"2000012{number:06}",
        "state": state,
        "created_date": "2026-11-01T00:00:00Z",
        "state_updated_date": changed,
        "timeslot": {
            "timeslot": {"from": "2026-11-14T09:00:00Z", "to": "2026-11-14T10:00:00Z"},
            "timezone_info": {"iana_name": "Europe/Moscow", "offset": "+03:00"},
        },
        "supplies": [supply],
    } | changes


def item(number: int = 1, **changes: Any) -> Row:
    return {"sku": 1_800_000 + number, "offer_id": f"MUG-{number:02}", "name": "Кружка", "quantity": 30} | changes


def records(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in page.records]


def rejected(pages: list[Page]) -> list[tuple[str, str]]:
    return [(row.key, row.reason) for page in pages for row in page.rejected]


# --- options and account ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "MICORE_OZON_CLIENT_ID"),
        ({"client_id": "1"}, "MICORE_OZON_API_KEY"),
        ({"client_id": "1", "api_key": "секрет"}, "MICORE_OZON_API_KEY"),
        ({"client_id": "1", "api_key": "k", "history_days": "0"}, "MICORE_OZON_HISTORY_DAYS"),
        ({"client_id": "1", "api_key": "k", "base_url": "nowhere"}, "MICORE_OZON_BASE_URL"),
    ],
)
def test_wrong_options_name_the_setting_and_hide_the_value(options: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        OzonSource(options, HandClock().tools())
    assert "секрет" not in str(caught.value)


def test_the_account_is_the_sellers(ozon: Bench) -> None:
    facts = ozon.source.account()
    assert (facts.external_id, facts.name, facts.currency) == ("1234", "ООО Ромашка", "RUB")
    assert facts.key_expires_at is not None
    assert facts.key_expires_at.isoformat() == "2027-02-18T09:54:23.296000+00:00"


def test_a_key_that_may_not_see_the_seller_still_has_an_account(ozon: Bench) -> None:
    refused = Says({"message": "Api-Key is missing a required role for a method"}, 403)
    ozon.ozon.instead["/v1/seller/info"] = lambda asked: refused
    assert ozon.source.account().name == "Ozon 1234"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_wrong_key_is_known_by_the_message_too(ozon: Bench, status: int) -> None:
    wrong = Says({"code": 7, "message": "Invalid Api-Key, please check the key and try again"}, status)
    ozon.ozon.instead["/v1/roles"] = lambda asked: wrong
    with pytest.raises(SourceAuthError):
        ozon.source.account()


def test_the_rate_message_means_waiting_whatever_its_status(ozon: Bench) -> None:
    answers = iter([Says({"message": "You have reached request rate limit per second"}, 400)])
    ozon.ozon.instead["/v1/roles"] = lambda asked: next(answers, None)
    ozon.source.account()
    assert len(ozon.clock.throttled) == 1


def test_there_is_no_other_stream(ozon: Bench) -> None:
    with pytest.raises(NotFoundError, match="prices"):
        ozon.source.read("prices", None)


# --- warehouses ---------------------------------------------------------------------------------------------------


def test_warehouses_come_with_their_clusters(ozon: Bench) -> None:
    ozon.ozon.warehouses = [
        {"warehouse_id": 3, "name": "Третий", "is_rfbs": True},
        {"warehouse_id": "1", "name": "Первый", "is_rfbs": False},
        {"warehouse_id": 2, "name": None},
    ]
    inside = [
        {"warehouse_id": 55, "name": "ХОРУГВИНО", "type": "FULL_FILLMENT"},
        {"warehouse_id": 9, "type": "SORTING_CENTER"},
    ]
    ozon.ozon.clusters = [{"id": 154, "name": "Москва", "logistic_clusters": [{"warehouses": inside}]}]
    pages = ozon.read("warehouses")
    assert records(pages) == [
        PlaceRecord(PlaceKind.WAREHOUSE, "3", "Третий", Holder.SELLER, "rFBS", None),
        PlaceRecord(PlaceKind.WAREHOUSE, "1", "Первый", Holder.SELLER, "FBS", None),
        PlaceRecord(PlaceKind.WAREHOUSE, "2", "2", Holder.SELLER, "FBS", None),
        PlaceRecord(PlaceKind.CLUSTER, "154", "Москва", Holder.MARKETPLACE, "", None),
        PlaceRecord(PlaceKind.WAREHOUSE, "55", "ХОРУГВИНО", Holder.MARKETPLACE, "FBO", "154"),
    ]
    assert [page.done for page in pages] == [False, False, False, True]


# --- catalogue ----------------------------------------------------------------------------------------------------


def test_every_product_is_listed_once_archived_ones_too(ozon: Bench) -> None:
    ozon.ozon.products = [product(number) for number in range(5)]
    ozon.ozon.archived = [product(7)]
    pages = ozon.read("catalogue")
    found = records(pages)
    assert [(record.sku_id, record.archived) for record in found] == [
        *((str(1_800_000 + number), False) for number in range(5)),
        ("1800007", True),
    ]
    assert found[0] == CatalogueRecord(
        "900000", "1800000", "MUG-00", "Кружка", None, False, 7_000_000, "RUB", ("OZN0",), 1_769_940_000_000_000
    )
    assert {page.expected_rows for page in pages} == {6}
    assert [page.done for page in pages][-1]


def test_what_is_not_told_of_a_product_stays_unknown(ozon: Bench) -> None:
    ozon.ozon.products = [
        product(1, price="", barcodes=None, created_at="0001-01-01T00:00:00Z", name=None, sources=None),
        product(2, price="0.0000", barcodes=[" 46 ", "", "46"], currency_code=None),
        product(3, sku=0, sources=[]),
    ]
    first, second = records(ozon.read("catalogue"))
    assert (first.price, first.currency, first.barcodes, first.created_at, first.name) == (None, "RUB", (), None, "")
    assert (second.price, second.barcodes) == (None, ("46",))


def test_an_old_card_has_a_sku_for_each_scheme(ozon: Bench) -> None:
    ozon.ozon.products = [product(1, sources=[{"sku": 31, "source": "fbo"}, {"sku": "32", "source": "fbs"}])]
    found = records(ozon.read("catalogue"))
    assert [(record.listing_id, record.sku_id) for record in found] == [
        ("900001", "1800001"),
        ("900001", "31"),
        ("900001", "32"),
    ]


def test_a_bad_product_stands_apart_and_the_others_load(ozon: Bench) -> None:
    ozon.ozon.page_rows = 10
    ozon.ozon.products = [
        product(1),
        product(2, price="12,5"),
        product(3, price="-1"),
        product(4, barcodes="x"),
        product(5),
    ]
    pages = ozon.read("catalogue")
    assert [record.sku_id for record in records(pages)] == ["1800001", "1800005"]
    assert [key for key, _ in rejected(pages)] == ["1800002", "1800003", "1800004"]
    assert msgspec.json.decode(pages[0].rejected[0].raw)["price"] == "12,5"


def test_a_product_that_is_listed_but_not_described_is_not_gone(ozon: Bench) -> None:
    ozon.ozon.products = [product(1), product(2)]
    ozon.ozon.instead["/v3/product/info/list"] = lambda asked: Says({"items": [product(2)]})
    assert rejected(ozon.read("catalogue")) == [("1800001", "listed, but not described")]
    ozon.ozon.instead["/v3/product/info/list"] = lambda asked: Says({"items": []})
    with pytest.raises(SourceProtocolError, match="none of 2 products"):
        ozon.read("catalogue")


# --- stock --------------------------------------------------------------------------------------------------------


def test_stock_is_read_for_every_sku_and_warehouse(ozon: Bench) -> None:
    ozon.ozon.page_rows = 150
    ozon.ozon.products = [product(number) for number in range(230)]
    ozon.ozon.archived = [product(900)]
    ozon.ozon.fbo = [fbo_row(1), fbo_row(1, 56, cluster_id=0), fbo_row(900)]
    ozon.ozon.warehouses = [{"warehouse_id": 12, "name": "Б"}, {"warehouse_id": 9, "name": "А", "is_rfbs": True}]
    ozon.ozon.fbs = {9: [fbs_row(1)], 12: []}
    pages = ozon.read("stock")
    assert records(pages) == [
        StockRecord("1800001", "55", 37_000, None, None, 70_000, None, 1_000),
        StockRecord("1800001", "56", 37_000, None, None, 70_000, None, 1_000),
        StockRecord("1800900", "55", 37_000, None, None, 70_000, None, 1_000),
        StockRecord("1800001", "9", 10_000, 12_000, 2_000, None, None, None),
    ]
    asked = [sku for page in pages for sku in page.seen]
    assert len(asked) == len(set(asked)) == 231
    assert max(len(payload["skus"]) for payload in ozon.ozon.paths("/v1/analytics/stocks")) == 100
    assert [(page.scope, page.scope_done, page.done) for page in pages][-3:] == [
        ("fbo", True, False),
        ("fbs", False, False),
        ("fbs", True, True),
    ]
    assert pages[0].places == [
        PlaceRecord(PlaceKind.CLUSTER, "154", "Москва", Holder.MARKETPLACE, "", None),
        PlaceRecord(PlaceKind.WAREHOUSE, "55", "СКЛАД_55", Holder.MARKETPLACE, "FBO", "154"),
        PlaceRecord(PlaceKind.WAREHOUSE, "56", "СКЛАД_56", Holder.MARKETPLACE, "FBO", None),
    ]
    assert pages[0].skus == [SkuHint("1800001", "MUG-01", "Кружка")]


def test_a_shop_without_anything_has_whole_empty_scopes(ozon: Bench) -> None:
    pages = ozon.read("stock")
    assert [(page.scope, page.scope_done, page.done) for page in pages] == [("fbo", True, False), ("fbs", True, True)]


@pytest.mark.parametrize(
    "bad",
    [
        {"available_stock_count": -1},
        {"available_stock_count": 3.5},
        {"available_stock_count": "3"},
        {"available_stock_count": None},
        {"available_stock_count": -2147483648},
        {"transit_stock_count": -5},
        {"warehouse_id": 0},
        {"warehouse_id": "н/д"},
        {"sku": None},
    ],
    ids=str,
)
def test_a_figure_that_cannot_be_is_rejected_and_the_others_load(ozon: Bench, bad: Row) -> None:
    ozon.ozon.products = [product(1), product(2)]
    ozon.ozon.instead["/v1/analytics/stocks"] = lambda asked: Says({"items": [fbo_row(1) | bad, fbo_row(2)]})
    pages = ozon.read("stock")
    assert [record.sku_id for record in records(pages)] == ["1800002"]
    assert [key for key, _ in rejected(pages)] == ["" if "sku" in bad else "1800001"]


def test_what_ozon_does_not_tell_of_stock_stays_unknown(ozon: Bench) -> None:
    untold: Row = dict.fromkeys(
        ["requested_stock_count", "transit_stock_count", "return_from_customer_stock_count", "offer_id", "name"]
    )
    ozon.ozon.products = [product(1)]
    ozon.ozon.fbo = [fbo_row(1, **untold)]
    assert records(ozon.read("stock")) == [StockRecord("1800001", "55", 37_000, None, None, None, None, None)]


def test_a_sku_told_twice_with_different_figures_is_not_believed(ozon: Bench) -> None:
    ozon.ozon.products = [product(1), product(2)]
    ozon.ozon.fbo = [fbo_row(1), fbo_row(1, available_stock_count=36), fbo_row(2), fbo_row(2)]
    pages = ozon.read("stock")
    assert [record.sku_id for record in records(pages)] == ["1800002"]
    assert [key for key, _ in rejected(pages)] == ["1800001", "1800001"]


def test_what_is_told_of_a_sku_nobody_asked_about_is_not_believed(ozon: Bench) -> None:
    ozon.ozon.products = [product(1)]
    ozon.ozon.instead["/v1/analytics/stocks"] = lambda asked: Says({"items": [fbo_row(1), fbo_row(999, 77)]})
    pages = ozon.read("stock")
    assert [record.sku_id for record in records(pages)] == ["1800001"]
    assert rejected(pages) == [("1800999", "told of a sku that was not asked for")]
    assert [hint.sku_id for page in pages for hint in page.skus] == ["1800001"]
    assert "77" not in [place.place_id for page in pages for place in page.places]


def test_the_stock_of_another_warehouse_is_not_believed(ozon: Bench) -> None:
    ozon.ozon.warehouses = [{"warehouse_id": 9, "name": "А"}]
    ozon.ozon.fbs = {9: [fbs_row(1, warehouse_id="9"), fbs_row(2, warehouse_id=12)]}
    pages = ozon.read("stock")
    assert [record.sku_id for record in records(pages)] == ["1800001"]
    assert [key for key, _ in rejected(pages)] == ["1800002"]


def test_an_answer_without_its_list_is_no_empty_stock(ozon: Bench) -> None:
    ozon.ozon.products = [product(1)]
    ozon.ozon.instead["/v1/analytics/stocks"] = lambda asked: Says({})
    with pytest.raises(SourceProtocolError, match="items"):
        ozon.read("stock")


def test_an_unreadable_warehouse_is_no_missing_warehouse(ozon: Bench) -> None:
    ozon.ozon.warehouses = [{"warehouse_id": None, "name": "?"}]
    with pytest.raises(SourceProtocolError, match="warehouse"):
        ozon.read("stock")


def test_a_scope_broken_off_long_ago_begins_anew(ozon: Bench) -> None:
    ozon.ozon.page_rows = 250
    ozon.ozon.products = [product(number) for number in range(250)]
    first = next(iter(ozon.source.read("stock", None)))
    ozon.clock.seconds += 600
    soon = ozon.read("stock", first.cursor)
    assert soon[0].as_of == first.as_of
    assert soon[0].seen[0] == "1800100"
    ozon.clock.seconds += 3600
    late = ozon.read("stock", first.cursor)
    assert late[0].as_of > first.as_of
    assert late[0].seen[0] == "1800000"


# --- orders -------------------------------------------------------------------------------------------------------


def test_orders_of_both_schemes_are_read(ozon: Bench) -> None:
    ozon.ozon.fbo_postings = [fbo_posting(1)]
    ozon.ozon.fbs_postings = [
        fbs_posting(2),
        fbs_posting(3, integration_type_flow="non_integrated", status="cancelled"),
    ]
    pages = ozon.read("orders")
    assert records(pages) == [
        OrderRecord(
            "91-0001-1", "1800001", "55", "FBO", OrderState.SHIPPED, 2000, 7_005_000, "RUB", 1_795_158_600_000_000, None
        ),
        OrderRecord(
            "02-0002-1",
            "1800001",
            "1020001",
            "FBS",
            OrderState.ORDERED,
            1000,
            7_000_000,
            "RUB",
            1_795_161_600_000_000,
            None,
        ),
        OrderRecord(
            "02-0003-1",
            "1800001",
            "1020001",
            "rFBS",
            OrderState.CANCELLED,
            1000,
            7_000_000,
            "RUB",
            1_795_161_600_000_000,
            None,
        ),
    ]
    assert pages[-1].done
    assert {place.place_id for page in pages for place in page.places} == {"55", "1020001"}


def test_lines_of_one_sku_are_one_order_line(ozon: Bench) -> None:
    lines = [{"sku": 5, "quantity": 1}, {"sku": "5", "quantity": 2}, {"sku": 6, "quantity": 4}]
    ozon.ozon.fbo_postings = [fbo_posting(1, products=lines)]
    assert [(record.sku_id, record.quantity, record.price) for record in records(ozon.read("orders"))] == [
        ("5", 3000, None),
        ("6", 4000, None),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"status": "teleported"}, "teleported"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "0001-01-01T00:00:00Z"}, "created_at"),
        ({"created_at": "2026-11-20T07:10:00"}, "created_at"),
        ({"products": [{"sku": 5, "quantity": -1}]}, "quantity"),
        ({"products": [{"sku": 5, "quantity": 1, "price": {"amount": "NaN"}}]}, "money"),
        ({"posting_number": ""}, "posting_number"),
    ],
    ids=str,
)
def test_an_unbelievable_posting_is_rejected_and_the_others_load(ozon: Bench, bad: Row, reason: str) -> None:
    ozon.ozon.page_rows = 10
    ozon.ozon.fbo_postings = [fbo_posting(1) | bad, fbo_posting(2)]
    pages = ozon.read("orders")
    assert {record.order_id for record in records(pages)} == {"91-0002-1"}
    assert reason in rejected(pages)[0][1]


def test_the_first_reading_has_the_whole_history_in_windows_of_a_month(ozon: Bench) -> None:
    ozon.read("orders")
    asked = [payload["filter"] for payload in ozon.ozon.paths("/v3/posting/fbo/list")]
    assert [(window["since"], window["to"]) for window in asked] == [
        ("2026-09-23T09:16:40Z", "2026-10-23T09:16:40Z"),
        ("2026-10-23T09:16:40Z", NOW),
    ]


def test_later_readings_ask_for_changes_and_trail_behind(ozon: Bench) -> None:
    ozon.ozon.fbs_postings = [fbs_posting(1)]
    ozon.ozon.fbo_postings = [fbo_posting(number, f"2026-11-{number:02}T07:10:00Z") for number in range(1, 22)]
    cursor = ozon.read("orders")[-1].cursor

    def later(wait: timedelta) -> tuple[int, Row]:
        nonlocal cursor
        ozon.clock.seconds += wait.total_seconds()
        ozon.ozon.asked.clear()
        pages = ozon.read("orders", cursor)
        cursor = pages[-1].cursor
        since = ozon.ozon.paths("/v3/posting/fbo/list")[0]["filter"]["since"]
        days = (pages[-1].as_of - msgspec.convert(since, type(pages[-1].as_of))).days
        return days, ozon.ozon.paths("/v4/posting/fbs/list")[-1]["filter"]

    days, asked = later(timedelta(minutes=15))
    assert (days, asked["last_changed_status_date"]) == (
        3,
        {"from": "2026-11-21T09:16:40Z", "to": "2026-11-22T09:31:40Z"},
    )
    assert (asked["since"], asked["to"]) == ("2025-11-23T09:31:40Z", "2026-11-22T09:31:40Z")
    assert later(timedelta(days=1))[0] == 14
    assert later(timedelta(hours=1))[0] == 3
    assert later(timedelta(days=7))[0] == 61
    # A week later the last 60 days would have been read: 13 days ago.
    assert later(timedelta(days=20))[0] == 73
    assert later(timedelta(hours=20))[0] == 3


def test_a_late_change_is_seen(ozon: Bench) -> None:
    ozon.ozon.fbs_postings = [fbs_posting(1)]
    cursor = ozon.read("orders")[-1].cursor
    ozon.clock.seconds += 3600
    ozon.ozon.fbs_postings = [fbs_posting(1, status="cancelled", changed="2026-11-22T09:50:00Z")]
    assert [record.state for record in records(ozon.read("orders", cursor))] == [OrderState.CANCELLED]


def test_full_reads_everything_again(ozon: Bench) -> None:
    ozon.ozon.fbs_postings = [fbs_posting(1, "2026-10-01T08:00:00Z")]
    cursor = ozon.read("orders")[-1].cursor
    assert records(ozon.read("orders", cursor)) == []
    assert len(records(ozon.read("orders", cursor, full=True))) == 1


# --- returns ------------------------------------------------------------------------------------------------------


def test_a_return_has_its_posting_its_reason_and_its_instants(ozon: Bench) -> None:
    ozon.ozon.returns = [returned(1)]
    pages = ozon.read("returns")
    expected = ReturnRecord(
        return_id="1001",
        order_id="91-0001-1",
        sku_id="1800001",
        scheme="FBO",
        kind=ReturnKind.BUYER,
        state=ReturnState.ON_THE_WAY,
        quantity=2000,
        reason="Не подошёл",
        returned_at=micros(datetime(2026, 11, 10, 10, tzinfo=UTC)),
        finished_at=None,
    )
    assert records(pages) == [expected]
    assert [each for page in pages for each in page.skus] == [SkuHint("1800001", "MUG-01", "Кружка")]
    final = {"return_date": "2026-11-10T10:00:00Z", "final_moment": "2026-11-14T10:00:00Z"}
    ozon.ozon.returns = [
        returned(1, status="ReceivedBySeller", logistic=final),
        returned(2, status="Utilized", schema="Fbs", type="Cancellation"),
    ]
    back, gone = records(ozon.read("returns"))
    assert (back.state, back.finished_at) == (ReturnState.BACK, micros(datetime(2026, 11, 14, 10, tzinfo=UTC)))
    assert (gone.state, gone.scheme, gone.kind) == (ReturnState.WRITTEN_OFF, "FBS", ReturnKind.REFUSED)
    assert gone.finished_at == micros(datetime(2026, 11, 15, 10, 0, 0, 500_000, tzinfo=UTC))


def test_what_is_not_told_of_a_return_stays_unknown(ozon: Bench) -> None:
    ozon.ozon.page_rows = 10
    nulls: Row = dict.fromkeys(["type", "schema", "posting_number", "return_reason_name", "logistic"])
    technical = {"return_date": "0001-01-01T00:00:00Z", "technical_return_moment": "2026-11-09T10:00:00Z"}
    ozon.ozon.returns = [returned(1, **nulls), returned(2, type="Unknown", logistic=technical)]
    bare, other = records(ozon.read("returns"))
    assert (bare.order_id, bare.scheme, bare.reason, bare.finished_at) == (None, "", "", None)
    assert bare.returned_at == micros(datetime(2026, 11, 15, 10, 0, 0, 500_000, tzinfo=UTC))
    assert {bare.kind, other.kind} == {ReturnKind.UNKNOWN}
    assert other.returned_at == micros(datetime(2026, 11, 9, 10, tzinfo=UTC))


def test_every_documented_status_of_a_return_is_known(ozon: Bench) -> None:
    ozon.ozon.page_rows = 100
    final = {"final_moment": "2026-11-14T10:00:00Z"}
    names = [*ON_ITS_WAY, *IN_TALKS]
    ozon.ozon.returns = [returned(number, status=name) for number, name in enumerate(names)]
    assert (
        dict(zip(names, (each.state for each in records(ozon.read("returns"))), strict=True)) == ON_ITS_WAY | IN_TALKS
    )
    # Where the status tells nothing of the goods, their arrival does.
    ozon.ozon.returns = [returned(number, status=name, logistic=final) for number, name in enumerate(names)]
    states = [each.state for each in records(ozon.read("returns"))]
    assert states == [*ON_ITS_WAY.values(), *[ReturnState.BACK] * len(IN_TALKS)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"id": 0}, "id: received"),
        ({"product": None}, "product"),
        ({"product": {"sku": 5, "quantity": -1}}, "quantity"),
        ({"product": {"sku": 0, "quantity": 1}}, "id: received"),
        ({"logistic": {"return_date": "soon"}}, "return_date"),
        ({"visual": None}, "sys_name: received None"),
        ({"visual": {"status": {"sys_name": "Teleported"}}}, "sys_name: received Teleported"),
        ({"visual": {"status": {"sys_name": "MovingToOzon"}}, "logistic": None}, "logistic.return_date"),
        ({"visual": {"status": {"sys_name": "Utilized"}}}, "visual.change_moment"),
    ],
    ids=str,
)
def test_an_unbelievable_return_is_rejected_and_the_others_load(ozon: Bench, bad: Row, reason: str) -> None:
    rows = [returned(1), returned(2) | bad, returned(3)]
    ozon.ozon.instead["/v1/returns/list"] = lambda asked: Says({"returns": rows, "has_next": False})
    pages = ozon.read("returns")
    assert {record.return_id for record in records(pages)} == {"1001", "1003"}
    assert reason in rejected(pages)[0][1]


def test_a_bad_last_return_does_not_hide_the_next_page(ozon: Bench) -> None:
    ozon.ozon.returns = [
        returned(1),
        returned(2, status="Teleported"),
        returned(3, id="1003"),
        returned(4, product=None),
        returned(5),
    ]
    pages = ozon.read("returns")
    assert [record.return_id for record in records(pages)] == ["1001", "1003", "1005"]
    assert [payload["last_id"] for payload in ozon.ozon.paths("/v1/returns/list")] == [0, 0, 1002, 1004]


def test_returns_are_asked_for_by_change_in_windows_of_a_month_then_with_some_days_over(ozon: Bench) -> None:
    def asked() -> list[tuple[str, str]]:
        payloads = ozon.ozon.paths("/v1/returns/list")
        assert all(list(payload["filter"]) == ["visual_status_change_moment"] for payload in payloads)
        periods = [payload["filter"]["visual_status_change_moment"] for payload in payloads]
        return [(period["time_from"], period["time_to"]) for period in periods]

    ozon.ozon.returns = [returned(1)]
    cursor = ozon.read("returns")[-1].cursor
    assert asked() == [("2026-09-23T09:16:40Z", "2026-10-23T09:16:40Z"), ("2026-10-23T09:16:40Z", NOW)]
    ozon.clock.seconds += 3600
    ozon.ozon.asked.clear()
    ozon.ozon.returns = [returned(1, "2026-11-22T09:00:00Z", "ReturnedToOzon"), returned(2)]
    later = ozon.read("returns", cursor)
    assert asked() == [("2026-11-19T09:16:40Z", "2026-11-22T10:16:40Z")]
    assert [(record.return_id, record.state) for record in records(later)] == [("1001", ReturnState.BACK)]


# --- returns of rFBS orders ---------------------------------------------------------------------------------------

REQUESTS = "/v2/returns/rfbs/list"


def periods_asked(ozon: Bench) -> list[tuple[str, str]]:
    asked = [payload["filter"]["created_at"] for payload in ozon.ozon.paths(REQUESTS)]
    ozon.ozon.asked.clear()
    return [(each["from"], each["to"]) for each in asked]


def test_a_request_tells_neither_how_many_nor_when_it_was_over(ozon: Bench) -> None:
    ozon.ozon.requests = [requested(1), requested(2, group="Approved")]
    pages = ozon.read("returns")
    expected = ReturnRecord(
        return_id="rfbs:8000001",
        order_id="91-0001-1",
        sku_id="1800001",
        scheme="rFBS",
        kind=ReturnKind.BUYER,
        state=ReturnState.ON_THE_WAY,
        quantity=None,
        reason="",
        returned_at=micros(datetime(2026, 11, 10, 10, tzinfo=UTC)),
        finished_at=None,
    )
    first, second = records(pages)
    assert first == expected
    assert (second.state, second.quantity, second.finished_at) == (ReturnState.BACK, None, None)
    assert SkuHint("1800001", "MUG-01", "Кружка") in [each for page in pages for each in page.skus]
    assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]


def test_every_documented_group_of_requests_is_known(ozon: Bench) -> None:
    groups = ["New", "Delivering", "Checkout", "Arbitration", "Approved", "Rejected"]
    ozon.ozon.requests = [requested(number, group=name) for number, name in enumerate(groups, 1)]
    states = [each.state for each in records(ozon.read("returns"))]
    assert states == [*[ReturnState.ON_THE_WAY] * 4, ReturnState.BACK, ReturnState.WRITTEN_OFF]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"return_id": 0}, "id: received"),
        ({"product": None}, "product"),
        ({"product": {"sku": 0}}, "id: received"),
        ({"created_at": None}, "created_at"),
        ({"created_at": "soon"}, "created_at"),
        ({"state": None}, "group_state: received None"),
        ({"state": {"group_state": "Teleported"}}, "group_state: received Teleported"),
    ],
    ids=str,
)
def test_an_unbelievable_request_is_rejected_and_the_others_load(ozon: Bench, bad: Row, reason: str) -> None:
    rows = [requested(1), requested(2) | bad, requested(3)]
    ozon.ozon.instead[REQUESTS] = lambda asked: Says({"returns": rows})
    pages = ozon.read("returns")
    assert {record.return_id for record in records(pages)} == {"rfbs:8000001", "rfbs:8000003"}
    (row, *_) = [each for page in pages for each in page.rejected]
    assert reason in row.reason
    # Under the name of its record, and read again as what it is: the other list has rows of another shape.
    assert row.key == f"rfbs:{(requested(2) | bad)['return_id']}"
    mended = msgspec.json.encode(requested(2))
    (again,) = ozon.source.reread("returns", [StoredRow(mended, row.context)])
    assert [each.return_id for each in again.records if isinstance(each, ReturnRecord)] == ["rfbs:8000002"]


def test_requests_go_on_behind_the_last_id_until_a_page_is_short(ozon: Bench) -> None:
    ozon.ozon.requests = [requested(number) for number in range(1, 2502)]
    ozon.ozon.requests[999] = requested(1000, group="Teleported")  # the last one of the first page
    assert len(records(ozon.read("returns"))) == 2500
    asked = [payload["last_id"] for payload in ozon.ozon.paths(REQUESTS)]
    assert asked == [0, 0, 8_001_000, 8_002_000], "two months, the newer one in three pages"


def test_requests_are_read_again_from_the_oldest_open_one(ozon: Bench) -> None:
    ozon.clock.seconds += 200 * 86_400
    ozon.ozon.requests = [requested(1, "2027-04-20T10:00:00Z"), requested(2, "2027-05-20T10:00:00Z")]
    cursor = ozon.read("returns")[-1].cursor
    assert periods_asked(ozon)[0][0] == "2027-04-11T09:16:40Z", "60 days of history"
    ozon.clock.seconds += 30 * 86_400
    ozon.ozon.requests[0] = requested(1, "2027-04-20T10:00:00Z", group="Approved")
    later = ozon.read("returns", cursor)
    # Neither is changed within the look back of 60 days; the oldest open one is 81 days old.
    assert periods_asked(ozon)[0][0] == "2027-04-11T09:16:40Z"
    assert [each.state for each in records(later)] == [ReturnState.BACK, ReturnState.ON_THE_WAY]
    ozon.clock.seconds += 30 * 86_400
    last = ozon.read("returns", later[-1].cursor)
    assert periods_asked(ozon)[0][0] == "2027-05-11T09:16:40Z", "none older is open any more: 60 days before the last"
    ozon.clock.seconds += 300 * 86_400
    ozon.read("returns", last[-1].cursor)
    assert periods_asked(ozon)[0][0] == "2027-06-05T09:16:40Z", "an open one is asked for a year, and no longer"
    ozon.clock.seconds += 100 * 86_400
    ozon.read("returns", last[-1].cursor)
    assert periods_asked(ozon)[0][0] == "2027-06-10T09:16:40Z", "a pause of more than a year leaves no gap"


def test_a_cursor_of_the_version_before_reads_all_requests(ozon: Bench) -> None:
    ozon.ozon.requests = [requested(1, "2026-10-01T10:00:00Z")]
    pages = ozon.read("returns", '{"since":"2026-11-21T09:16:40Z"}')
    assert [each.return_id for each in records(pages)] == ["rfbs:8000001"]


# --- supplies -----------------------------------------------------------------------------------------------------


def test_a_supply_has_its_skus_its_warehouse_and_its_dates(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [supply_order(1)]
    ozon.ozon.page_rows = 10
    ozon.ozon.bundles = {"0195-1": [item(), item(2), item(quantity=5)]}
    (page,) = ozon.read("supplies")
    first = SupplyRecord(
        supply_id="2001",
        sku_id="1800001",
        place_id="55",
        state=SupplyState.ON_THE_WAY,
        quantity=35_000,
        accepted=None,
        created_at=micros(datetime(2026, 11, 1, tzinfo=UTC)),
        expected_at=micros(datetime(2026, 11, 14, 6, tzinfo=UTC)),
        changed_at=micros(datetime(2026, 11, 12, 8, tzinfo=UTC)),
    )
    assert records([page]) == [first, first._replace(sku_id="1800002", quantity=30_000)]
    assert page.places == (PlaceRecord(PlaceKind.WAREHOUSE, "55", "СКЛАД_55", Holder.MARKETPLACE, "FBO", None),)
    assert page.skus == [SkuHint("1800001", "MUG-01", "Кружка"), SkuHint("1800002", "MUG-02", "Кружка")]
    assert page.done


def test_supplies_of_one_order_are_told_apart(ozon: Bench) -> None:
    two = [
        {"supply_id": "2009", "bundle_id": "b", "state": "COMPLETED", "storage_warehouse": {"warehouse_id": 56}},
        {"supply_id": 210, "bundle_id": "a", "state": "UNSPECIFIED", "storage_warehouse": None},
        {"supply_id": 211, "bundle_id": None, "state": None},
    ]
    ozon.ozon.supply_orders = [supply_order(1, supplies=two, timeslot=None), supply_order(2, supplies=None)]
    ozon.ozon.bundles = {"a": [item()], "b": [item()]}
    found = [(each.supply_id, each.place_id, each.state, each.expected_at) for each in records(ozon.read("supplies"))]
    assert found == [("210", None, SupplyState.ON_THE_WAY, None), ("2009", "56", SupplyState.DONE, None)]


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ({"offset": "+03:00"}, 6),
        ({"offset": "+12:00"}, -3),
        ({"offset": "10800"}, 6),
        ({"offset": -18000}, 14),
        ({"offset": "0"}, 9),
        ({"offset": "Moscow", "iana_name": "Asia/Vladivostok"}, -1),
        ({"offset": "999999999999999999999"}, None),
        ({"offset": None, "iana_name": "../etc"}, None),
        (None, None),
    ],
    ids=str,
)
def test_a_time_slot_is_local_time(ozon: Bench, zone: Row | None, hour: int | None) -> None:
    slot = {"timeslot": {"from": "2026-11-14T09:00:00Z"}, "timezone_info": zone}
    ozon.ozon.supply_orders, ozon.ozon.bundles = [supply_order(1, timeslot=slot)], {"0195-1": [item()]}
    (record,) = records(ozon.read("supplies"))
    expected = None if hour is None else micros(datetime(2026, 11, 14, tzinfo=UTC) + timedelta(hours=hour))
    assert record.expected_at == expected


def test_a_sku_on_two_pages_of_a_supply_is_added_up(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [supply_order(1)]
    ozon.ozon.bundles = {"0195-1": [item(), item(2), item(2, quantity=5), item(3), item(4)]}
    whole = ozon.read("supplies")
    told = [("1800001", 30_000), ("1800002", 35_000), ("1800003", 30_000), ("1800004", 30_000)]
    assert [(each.sku_id, each.quantity) for each in records(whole)] == told
    for number, page in enumerate(whole[:-1], 1):
        rest = records(ozon.read("supplies", page.cursor))
        assert records(whole[:number]) + rest == records(whole)


def test_a_page_of_a_supply_that_comes_twice_counts_once(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [supply_order(1)]
    pages = iter([("a", [item(), item(2)]), ("b", [item(), item(2)]), ("", [item(3)])])

    def answer(asked: Asked) -> Says:
        last_id, items = next(pages)
        return Says({"items": items, "has_next": bool(last_id), "last_id": last_id})

    ozon.ozon.instead["/v1/supply-order/bundle"] = answer
    assert [each.quantity for each in records(ozon.read("supplies"))] == [30_000] * 3


def test_every_documented_state_of_a_supply_is_known(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [supply_order(number, name) for number, name in enumerate(STATES)]
    ozon.ozon.bundles = {f"0195-{number}": [item()] for number in range(len(STATES))}
    pages = ozon.read("supplies")
    assert [each.state for each in records(pages)] == list(STATES.values())
    asked = [state for payload in ozon.ozon.paths("/v3/supply-order/list") for state in payload["filter"]["states"]]
    assert set(asked) == set(STATES)


def test_open_supplies_are_read_each_time_and_closed_ones_once_they_change(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [
        supply_order(1, "READY_TO_SUPPLY", "2026-05-01T08:00:00Z"),
        supply_order(2),
        *(supply_order(number, "COMPLETED", f"2026-10-{number:02}T08:00:00Z") for number in range(3, 9)),
        supply_order(9, "COMPLETED", "2026-08-01T08:00:00Z"),  # done before the history
    ]
    ozon.ozon.bundles = {f"0195-{number}": [item()] for number in range(1, 10)}
    first = ozon.read("supplies")
    assert [record.supply_id for record in records(first)] == [f"200{number}" for number in range(1, 9)]
    ozon.clock.seconds += 86_400
    ozon.ozon.asked.clear()
    ozon.ozon.bundles["0195-1"] = [item(quantity=40)]
    ozon.ozon.supply_orders[1] = supply_order(2, "CANCELLED", "2026-11-22T20:00:00Z")
    later = records(ozon.read("supplies", first[-1].cursor))
    assert [(each.supply_id, each.state, each.quantity) for each in later] == [
        ("2001", SupplyState.PLANNED, 40_000),
        ("2002", SupplyState.CANCELLED, 30_000),
    ]
    # The closed ones were listed no further than to the mark: one page of each list, and the empty one after the open.
    assert len(ozon.ozon.paths("/v3/supply-order/list")) == 3


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"created_date": None}, "created_date"),
        ({"state_updated_date": "soon"}, "state_updated_date"),
        ({"supplies": [{"supply_id": 0}]}, "id: received"),
        ({"supplies": [{"supply_id": 7, "state": "TELEPORTED"}]}, "state: received TELEPORTED"),
        ({"timeslot": {"timeslot": {"from": "soon"}}}, "timeslot"),
    ],
    ids=str,
)
def test_a_supply_order_that_cannot_be_is_rejected_and_the_others_load(ozon: Bench, bad: Row, reason: str) -> None:
    ozon.ozon.page_rows = 10
    ozon.ozon.supply_orders = [supply_order(1) | bad, supply_order(2)]
    ozon.ozon.bundles = {"0195-2": [item(), item(2, quantity=-1), item(3, sku=0)]}
    pages = ozon.read("supplies")
    assert [(record.supply_id, record.sku_id) for record in records(pages)] == [("2002", "1800001")]
    assert [key for key, _ in rejected(pages)] == ["84001", "2002:1800002", "2002:0"]
    assert reason in rejected(pages)[0][1]
    assert [page.done for page in pages] == [False, True]


def test_a_supply_order_that_is_listed_but_not_described_is_told(ozon: Bench) -> None:
    ozon.ozon.supply_orders = [supply_order(1)]
    ozon.ozon.instead["/v3/supply-order/get"] = lambda asked: Says({"orders": []})
    (page,) = ozon.read("supplies")
    assert (rejected([page]), page.done) == ([("84001", "listed, but not described")], True)


def test_closed_supplies_are_looked_for_half_a_year_back_at_most() -> None:
    with bench(history_days="730") as ozon:
        ozon.ozon.supply_orders = [
            supply_order(1, "COMPLETED", "2026-05-27T08:00:00Z"),
            supply_order(2, "COMPLETED", "2026-05-25T08:00:00Z"),
            supply_order(3, "READY_TO_SUPPLY", "2025-05-25T08:00:00Z"),
        ]
        ozon.ozon.bundles = {f"0195-{number}": [item()] for number in range(1, 4)}
        assert [record.supply_id for record in records(ozon.read("supplies"))] == ["2001", "2003"]


def test_a_shop_that_sends_nothing_has_an_empty_reading(ozon: Bench) -> None:
    (page,) = ozon.read("supplies")
    assert (page.records, page.rejected, page.done) == ((), [], True)


# --- paging -------------------------------------------------------------------------------------------------------


def full_shop(ozon: Bench) -> None:
    ozon.ozon.products = [product(number) for number in range(7)]
    ozon.ozon.archived = [product(number) for number in range(20, 23)]
    ozon.ozon.fbo = [fbo_row(number) for number in range(7)]
    ozon.ozon.warehouses = [{"warehouse_id": number, "name": f"W{number}"} for number in (101, 7, 33)]
    ozon.ozon.fbs = {101: [fbs_row(number) for number in range(5)], 33: [fbs_row(1)]}
    ozon.ozon.clusters = [{"id": 154, "name": "Москва", "logistic_clusters": []}]
    ozon.ozon.fbo_postings = [fbo_posting(number, f"2026-11-{number:02}T07:10:00Z") for number in range(1, 10)]
    ozon.ozon.fbs_postings = [fbs_posting(number, f"2026-10-{number:02}T07:10:00Z") for number in range(1, 10)]
    ozon.ozon.accruals = {"2026-11-20": [accrual(number, "2026-11-20") for number in range(1, 6)]}
    ozon.ozon.returns = [returned(number, f"2026-{10 + number % 2}-{number:02}T07:10:00Z") for number in range(1, 12)]
    ozon.ozon.requests = [requested(number, f"2026-{10 + number % 2}-{number:02}T07:10:00Z") for number in range(1, 12)]
    states = list(STATES)
    ozon.ozon.supply_orders = [
        supply_order(number, states[number], f"2026-11-{number + 1:02}T08:00:00Z") for number in range(len(states))
    ]
    ozon.ozon.placement = [HEADING, *(placed(number) for number in range(3))]
    ozon.ozon.bundles = {f"0195-{number}": [item(each) for each in range(1, number + 1)] for number in range(8)}


def some_of(whole: list[Page]) -> list[tuple[int, Page]]:
    """Pages to break off after, with how many were read by then: all of a short reading, some of a long one."""
    return list(enumerate(whole[:-1], 1))[:: 1 + len(whole) // 20]


STREAMS = [stream.name for stream in OzonSource.streams]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_reading_goes_on_after_any_page(ozon: Bench, stream: str) -> None:
    full_shop(ozon)
    whole = ozon.read(stream)
    for number, page in some_of(whole):
        rest = ozon.read(stream, page.cursor)
        assert records(whole[:number]) + records(rest) == records(whole)
        assert {each.as_of for each in rest if each.scope == page.scope} <= {page.as_of}
    assert max(len(page.cursor.encode()) for page in whole) < 2000


@pytest.mark.parametrize("days", [7, 365], ids=["less", "more"])
@pytest.mark.parametrize("stream", ["orders", "finance", "returns", "supplies"])
def test_a_first_reading_goes_on_with_the_history_it_began_with(ozon: Bench, stream: str, days: int) -> None:
    full_shop(ozon)
    whole = ozon.read(stream)
    for number, page in some_of(whole):
        options = {"client_id": "1234", "api_key": "key-for-tests", "base_url": ozon.server.url}
        changed = OzonSource({**options, "history_days": str(days)}, ozon.clock.tools())
        rest = list(changed.read(stream, page.cursor))
        changed.close()
        assert records(whole[:number]) + records(rest) == records(whole)
        assert len(rest) == len(whole) - number


@pytest.mark.parametrize("stream", STREAMS)
def test_dead_cursors_begin_their_walk_anew(ozon: Bench, stream: str) -> None:
    full_shop(ozon)
    whole = ozon.read(stream)
    for number, page in some_of(whole):
        ozon.ozon.cursors_of = f"day{len(ozon.ozon.asked)}"
        rest = ozon.read(stream, page.cursor)
        assert set(records(rest)) <= set(records(whole))
        assert set(records(rest)) | set(records(whole[:number])) == set(records(whole))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_cursor_of_another_version_reads_everything(ozon: Bench, stream: str) -> None:
    full_shop(ozon)
    assert records(ozon.read(stream, '{"part":"unheard of","at":1,"window":[],"day":0}')) == records(ozon.read(stream))


CIRCLES = {
    "/v2/warehouse/list": ("warehouses", {"warehouses": [{"warehouse_id": 1}], "has_next": True, "cursor": "x"}),
    "/v1/product/info/warehouse/stocks": ("stock", {"stocks": [fbs_row(1)], "has_next": True, "cursor": "x"}),
    "/v3/posting/fbo/list": ("orders", {"postings": [fbo_posting(1)], "has_next": True, "cursor": "x"}),
    "/v4/posting/fbs/list": ("orders", {"postings": [], "has_next": True, "cursor": "x"}),
    "/v3/product/list": ("catalogue", {"result": {"items": [{"product_id": 900_001, "sku": 1}], "last_id": "x"}}),
    "/v1/finance/accrual/by-day": ("finance", {"accruals": [accrual(1, "2026-11-20")], "last_id": "x"}),
    "/v1/returns/list": ("returns", {"returns": [returned(1)], "has_next": True}),
    REQUESTS: ("returns", {"returns": [requested(1)] * 1000}),
    "/v3/supply-order/list": ("supplies", {"order_ids": ["84001"], "last_id": "x"}),
    "/v1/supply-order/bundle": ("supplies", {"items": [item()], "has_next": True, "last_id": "x"}),
}


@pytest.mark.parametrize("path", CIRCLES)
def test_pages_that_go_in_circles_are_left(ozon: Bench, path: str) -> None:
    full_shop(ozon)
    stream, answer = CIRCLES[path]
    ozon.ozon.instead[path] = lambda asked: Says(answer)
    with pytest.raises(SourceProtocolError, match=r"came twice|without rows"):
        ozon.read(stream)


def test_has_next_may_be_left_out(ozon: Bench) -> None:
    pages = iter([{"postings": [fbo_posting(1)], "cursor": "x"}, {"postings": [fbo_posting(2)], "cursor": ""}])
    empty = {"postings": None, "cursor": None}
    ozon.ozon.instead["/v3/posting/fbo/list"] = lambda asked: Says(next(pages, empty))
    assert [record.order_id for record in records(ozon.read("orders"))] == ["91-0001-1", "91-0002-1"]


def test_nothing_is_asked_before_the_first_page_is_wanted() -> None:
    clock = HandClock()
    tools: SourceTools = clock.tools()
    source = OzonSource({"client_id": "1", "api_key": "k", "base_url": "http://127.0.0.1:1"}, tools)
    source.read("stock", None)
    assert clock.requests == []
    source.close()
