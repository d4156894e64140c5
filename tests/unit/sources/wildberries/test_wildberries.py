"""What the Wildberries source makes of Wildberries' answers, good ones and bad ones."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    PriceRecord,
    ReturnKind,
    ReturnRecord,
    ReturnState,
    StockRecord,
    SupplyRecord,
    SupplyState,
)
from micore.errors import NotFoundError, SettingsError, SourceAuthError, SourceGoneError, SourceProtocolError
from micore.sources.base import Page, StoredRow
from micore.sources.http import RequestRefusedError
from micore.sources.rereading import LATER_ONLY
from micore.sources.wildberries import WildberriesSource, statistics, stock
from micore.sources.wildberries.api import Category, WildberriesApi, key_expires_at
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.wildberries.fake_wildberries import (
    CARDS,
    DISABLED,
    ORDERS,
    POOLED,
    PRICES,
    RETURNS,
    SALES,
    SELLERS,
    SUPPLIES,
    WAREHOUSES,
    Bench,
    Row,
    bench,
    part,
    path_of,
    query_of,
)
from tests.unit.sources.wildberries.rows import (
    card,
    good,
    item_return,
    looked_at,
    order,
    pooled,
    priced,
    sale,
    sellers,
    size,
    supply,
    trashed,
    warehouse,
)

POOL = PlaceRecord(PlaceKind.WAREHOUSE, "wb:Склад WB", "Склад WB", Holder.MARKETPLACE, "FBW", None)
MINE = PlaceRecord(PlaceKind.WAREHOUSE, "9", "Мой склад", Holder.SELLER, "FBS", None)


@pytest.fixture
def wb() -> Iterator[Bench]:
    with bench() as made:
        made.barcodes["20430700001"] = "700001"
        yield made


def records(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in page.records]


def rejected(pages: list[Page]) -> list[tuple[str, str]]:
    return [(row.key, row.reason) for page in pages for row in page.rejected]


def rejected_keys(pages: list[Page]) -> list[str]:
    return [key for key, _ in rejected(pages)]


# --- options and account ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "MICORE_WILDBERRIES_API_TOKEN"),
        ({"api_token": "секрет"}, "MICORE_WILDBERRIES_API_TOKEN"),
        ({"api_token": "k", "history_days": "1001"}, "MICORE_WILDBERRIES_HISTORY_DAYS"),
        ({"api_token": "k", "base_url": "nowhere"}, "MICORE_WILDBERRIES_BASE_URL"),
    ],
)
def test_wrong_options_name_the_setting_and_hide_the_value(options: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        WildberriesSource(options, HandClock().tools())
    assert "секрет" not in str(caught.value)


def test_the_account_is_the_sellers_and_asked_for_once(wb: Bench) -> None:
    facts = wb.source.account()
    assert (facts.external_id, facts.name, facts.currency) == ("e892-4014", "Ромашка", "RUB")
    assert facts.key_expires_at is None
    assert wb.clock.requests == [("GET /api/v1/seller-info", 200)]
    assert wb.shop.asked[0].headers["authorization"] == "token-for-tests"


def test_a_name_of_ones_own_is_shown() -> None:
    with bench(name="Мой магазин") as made:
        assert made.source.account().name == "Мой магазин"


def token(payload: object) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(payload)).decode().rstrip("=")
    return f"eyJhbGciOiJFUzI1NiJ9.{body}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "expires_at"),
    [
        (token({"exp": 1_796_000_000, "sid": "x"}), datetime(2026, 11, 30, 0, 53, 20, tzinfo=UTC)),
        (token({"sid": "x"}), None),
        (token({"exp": "tomorrow"}), None),
        (token({"exp": 10**15}), None),
        (token([1]), None),
        ("no.jwt", None),
        ("a.!!!.c", None),
        ("a.9w.c", None),
        ("plain-token", None),
    ],
)
def test_the_key_tells_itself_when_it_ends(text: str, expires_at: datetime | None) -> None:
    assert key_expires_at(text) == expires_at


def test_there_is_no_other_stream(wb: Bench) -> None:
    with pytest.raises(NotFoundError, match="reviews"):
        wb.source.read("reviews", None)


def test_each_category_has_its_own_host() -> None:
    clock = HandClock()
    api = WildberriesApi("token-for-tests", "", clock.tools())
    hosts = {str(api._client(category)._client.base_url.host) for category in Category}
    api.close()
    assert hosts == {
        "common-api.wildberries.ru",
        "content-api.wildberries.ru",
        "discounts-prices-api.wildberries.ru",
        "marketplace-api.wildberries.ru",
        "seller-analytics-api.wildberries.ru",
        "statistics-api.wildberries.ru",
        "supplies-api.wildberries.ru",
        "finance-api.wildberries.ru",
    }


@pytest.mark.parametrize(
    ("path", "stream"), [(CARDS, "catalogue"), (POOLED, "stock"), (ORDERS, "orders"), (WAREHOUSES, "warehouses")]
)
def test_a_method_that_is_switched_off_is_gone(wb: Bench, path: str, stream: str) -> None:
    wb.shop.instead[path] = lambda asked: DISABLED
    with pytest.raises(SourceGoneError, match=path):
        wb.read(stream)
    assert wb.clock.waits == []


# --- warehouses ---------------------------------------------------------------------------------------------------


def test_warehouses_have_the_scheme_of_their_delivery(wb: Bench) -> None:
    wb.shop.warehouses = [warehouse(number, f"Склад {number}", number) for number in (6, 5, 3, 2, 1)]
    (page,) = wb.read("warehouses")
    assert [(record.place_id, record.scheme) for record in records([page])] == [
        ("1", "FBS"),
        ("2", "DBS"),
        ("3", "DBW"),
        ("5", "C&C"),
        ("6", "DBS express"),
    ]
    assert page.done


@pytest.mark.parametrize("bad", [{"deliveryType": 4}, {"deliveryType": None}, {"id": 0}, {"id": None}, {"name": 5}])
def test_a_warehouse_that_cannot_be_is_rejected(wb: Bench, bad: Row) -> None:
    wb.shop.warehouses = [warehouse(1, "А"), warehouse(2, "Б") | bad]
    pages = wb.read("warehouses")
    assert [record.place_id for record in records(pages)] == ["1"]
    assert len(rejected(pages)) == 1


# --- catalogue ----------------------------------------------------------------------------------------------------


def test_every_card_is_read_once_trashed_ones_as_archived(wb: Bench) -> None:
    wb.shop.cards = [card(number) for number in range(250)]
    wb.shop.trash = [trashed(900)]
    pages = wb.read("catalogue")
    found = records(pages)
    assert [record.sku_id for record in found] == [*(str(700_000 + number) for number in range(250)), "700900"]
    assert found[0] == CatalogueRecord(
        "500000", "700000", "MUG-00", "Кружка", None, False, None, None, ("20430700000",), 1_769_940_000_123_456
    )
    assert (found[-1].archived, found[-1].name) == (True, "Кружки")
    assert [len(page.records) for page in pages] == [100, 100, 50, 1]
    assert all(asked.payload["settings"]["sort"] == {"ascending": True} for asked in wb.shop.paths(CARDS))


def test_a_full_last_page_is_followed_by_an_empty_one(wb: Bench) -> None:
    wb.shop.cards = [card(number) for number in range(100)]
    assert [len(page.records) for page in wb.read("catalogue")] == [100, 0, 0]


def test_sizes_are_skus_of_their_card(wb: Bench) -> None:
    wb.shop.cards = [
        card(1, sizes=[size(11, techSize="S", skus=["46 ", "", "47", "46"]), size(12, techSize="0", skus=None)]),
        card(2, sizes=[size(13, techSize="XL")]),
        card(3, sizes=[size(14, techSize=None)]),
        card(4, sizes=None),
    ]
    assert [
        (record.listing_id, record.sku_id, record.size, record.barcodes) for record in records(wb.read("catalogue"))
    ] == [
        ("500001", "11", "S", ("46", "47")),
        ("500001", "12", "0", ()),
        ("500002", "13", "XL", ("2043013",)),
        ("500003", "14", None, ("2043014",)),
    ]


def test_a_bad_card_stands_apart_under_the_names_of_its_sizes(wb: Bench) -> None:
    wb.shop.cards = [
        card(1, sizes=[size(11), size(12, skus="46")]),
        card(2, sizes="none"),
        card(3, sizes=[size(13), size(0)]),
        card(4, createdAt="yesterday"),
        card(5),
    ]
    pages = wb.read("catalogue")
    assert [record.sku_id for record in records(pages)] == ["700005"]
    assert rejected_keys(pages) == ["11", "12", "500002", "13", "0", "700004"]


# --- prices -------------------------------------------------------------------------------------------------------


def test_a_card_costs_what_its_cheapest_size_costs(wb: Bench) -> None:
    wb.shop.prices = [
        priced(1, 700, 650.5),
        priced(2, 800, currencyIsoCode4217="byn"),
        priced(3, 900, currencyIsoCode4217=None),
        priced(4, None),
        priced(5, 0),
        priced(6, sizes=None),
        priced(7, None, 10, price=None, discount=None),
    ]
    pages = wb.read("prices")
    assert records(pages) == [
        PriceRecord("500001", 6_505_000, "RUB"),
        PriceRecord("500002", 8_000_000, "BYN"),
        PriceRecord("500003", 9_000_000, "RUB"),
        # Nothing, 0 and no sizes are no price: an earlier one must not stand.
        PriceRecord("500004", None, "RUB"),
        PriceRecord("500005", None, "RUB"),
        PriceRecord("500006", None, "RUB"),
        PriceRecord("500007", 100_000, "RUB"),
    ]
    assert rejected(pages) == []


@pytest.mark.parametrize(
    "bad", [{"sizes": [{"discountedPrice": -1}]}, {"sizes": [{"discountedPrice": "12,5"}]}, {"nmID": None}]
)
def test_a_price_that_cannot_be_is_rejected(wb: Bench, bad: Row) -> None:
    wb.shop.prices = [priced(1, **bad), priced(2)]
    pages = wb.read("prices")
    assert [record.listing_id for record in records(pages)] == ["500002"]
    assert len(rejected(pages)) == 1


def test_prices_are_read_by_offset_until_nothing_is_left(wb: Bench) -> None:
    wb.shop.prices = [priced(number) for number in range(2000)]
    pages = wb.read("prices")
    assert [len(page.records) for page in pages] == [1000, 1000, 0]
    assert [query_of(asked)["offset"] for asked in wb.shop.paths(PRICES)] == ["0", "1000", "2000"]


# --- stock --------------------------------------------------------------------------------------------------------


def test_stock_comes_from_both_reports(wb: Bench) -> None:
    wb.shop.warehouses = [warehouse(12, "Б", 2), warehouse(9, "Мой склад")]
    wb.shop.pooled = [pooled(1), pooled(2, quantity=0, warehouseId=507, warehouseName="Коледино")]
    wb.shop.sellers = [sellers(1), sellers(1, 12), sellers(2, 33, warehouseName="Старый")]
    pages = wb.read("stock")
    assert records(pages) == [
        StockRecord("700001", "wb:Склад WB", 43_000, None, None, None, 14_000, 11_000),
        StockRecord("700002", "wb:Коледино", 0, None, None, None, 14_000, 11_000),
        StockRecord("700001", "9", 12_000, None, None, None, None, None),
        StockRecord("700001", "12", 12_000, None, None, None, None, None),
        StockRecord("700002", "33", 12_000, None, None, None, None, None),
    ]
    assert [(page.scope, page.scope_done, page.done) for page in pages] == [("fbw", True, False), ("fbs", True, True)]
    assert POOL in pages[0].places
    assert list(pages[1].places) == [
        MINE,
        PlaceRecord(PlaceKind.WAREHOUSE, "12", "Б", Holder.SELLER, "DBS", None),
        PlaceRecord(PlaceKind.WAREHOUSE, "33", "Старый", Holder.SELLER, "FBS", None),
    ]


@pytest.mark.parametrize("nothing", [Says(b"", 204), Says({"data": {"items": []}}), Says({"data": {"items": None}})])
def test_a_shop_without_stock_has_whole_empty_scopes(wb: Bench, nothing: Says) -> None:
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    wb.shop.instead = {POOLED: lambda asked: nothing, SELLERS: lambda asked: nothing}
    pages = wb.read("stock")
    assert records(pages) == []
    assert [(page.scope, page.scope_done, page.done) for page in pages] == [("fbw", True, False), ("fbs", True, True)]


def test_a_seller_without_warehouses_is_not_asked_about_them(wb: Bench) -> None:
    pages = wb.read("stock")
    assert [(page.scope, page.scope_done) for page in pages] == [("fbw", True), ("fbs", True)]
    assert wb.shop.paths(SELLERS) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"quantity": -1},
        {"quantity": 3.5},
        {"quantity": "3"},
        {"quantity": None},
        {"inWayToClient": -5},
        {"inWayFromClient": "1"},
        {"warehouseName": ""},
        {"warehouseName": None},
        {"warehouseId": "x"},
    ],
    ids=str,
)
def test_a_figure_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    wb.shop.pooled = [pooled(1, **bad), pooled(2)]
    pages = wb.read("stock")
    assert [record.sku_id for record in records(pages)] == ["700002"]
    assert rejected_keys(pages) == ["700001"]


@pytest.mark.parametrize("bad", [{"chrtId": None}, {"chrtId": 0}, {"chrtId": -3}, {"warehouseId": -999999}])
def test_a_row_without_its_ids_is_rejected(wb: Bench, bad: Row) -> None:
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    wb.shop.sellers = [sellers(1) | bad, sellers(2)]
    pages = wb.read("stock")
    assert [record.sku_id for record in records(pages)] == ["700002"]
    assert len(rejected(pages)) == 1


def test_a_size_told_twice_with_different_figures_is_not_believed(wb: Bench) -> None:
    wb.shop.pooled = [pooled(1), pooled(1, quantity=42), pooled(2), pooled(2)]
    pages = wb.read("stock")
    assert [record.sku_id for record in records(pages)] == ["700002"]
    assert rejected_keys(pages) == ["700001", "700001"]


def test_an_answer_without_its_list_is_no_empty_stock(wb: Bench) -> None:
    wb.shop.instead[POOLED] = lambda asked: Says({"data": {}})
    with pytest.raises(SourceProtocolError, match="items"):
        wb.read("stock")


def test_a_report_is_read_by_offset(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "REPORT_ROWS", 2)
    wb.shop.pooled = [pooled(number) for number in range(5)]
    pages = wb.read("stock")
    assert [(len(page.records), page.scope, page.scope_done) for page in pages] == [
        (2, "fbw", False),
        (2, "fbw", False),
        (1, "fbw", True),
        (0, "fbs", True),
    ]


REFUSED = {
    "switched off": DISABLED,
    "not for this token": Says({"title": "forbidden", "detail": "token type"}, 403),
    "to be paid for": Says({"title": "Payment required", "detail": "subscribe"}, 402),
    "other body": Says({"title": "Bad Request", "detail": "invalid"}, 400),
}


@pytest.mark.parametrize("refusal", REFUSED)
def test_without_a_report_the_sellers_warehouses_are_asked_themselves(
    wb: Bench, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "SIZES_PER_REQUEST", 2)
    wb.shop.instead[SELLERS] = lambda asked: REFUSED[refusal]
    wb.shop.warehouses = [warehouse(12, "Б"), warehouse(9, "Мой склад")]
    wb.shop.cards = [card(number) for number in (3, 1, 2)]
    wb.shop.amounts = {
        9: [{"chrtId": 700_001, "amount": 5}, {"chrtId": 700_003, "amount": -1}],
        12: [{"chrtId": 700_002, "amount": 7}],
    }
    pages = [page for page in wb.read("stock") if page.scope == "fbs"]
    assert [tuple(record)[:3] for record in records(pages)] == [("700001", "9", 5000), ("700002", "12", 7000)]
    assert rejected_keys(pages) == ["700003"]
    assert [list(page.seen) for page in pages] == [["700001", "700002"], ["700003"]] * 2
    assert [page.scope_done for page in pages] == [False, False, False, True]
    for number, page in enumerate(pages[:-1], 1):
        assert records(pages[:number]) + records(wb.read("stock", page.cursor)) == records(pages)


def test_without_a_report_and_without_cards_there_is_nothing(wb: Bench) -> None:
    wb.shop.instead[SELLERS] = lambda asked: DISABLED
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    page = wb.read("stock")[-1]
    assert (page.records, page.scope_done, page.done) == ((), True, True)
    assert [path for path, _ in wb.clock.requests if "stocks/" in path] == [], "no question without sizes"


def test_a_warehouse_that_is_gone_meanwhile_ends_no_reading(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "SIZES_PER_REQUEST", 1)
    wb.shop.instead[SELLERS] = lambda asked: DISABLED
    wb.shop.warehouses = [warehouse(9, "Мой склад"), warehouse(12, "Б")]
    wb.shop.cards = [card(1), card(2)]
    wb.shop.amounts = {9: [{"chrtId": 700_001, "amount": 5}], 12: [{"chrtId": 700_001, "amount": 7}]}
    fbs = [page for page in wb.read("stock") if page.scope == "fbs"]
    # The last one goes while it is being read; then the first one while the second is still to come.
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    (end,) = wb.read("stock", fbs[2].cursor)
    assert (end.records, end.scope_done, end.done) == ((), True, True)
    wb.shop.warehouses = [warehouse(12, "Б")]
    rest = wb.read("stock", fbs[0].cursor)
    assert [tuple(record)[:3] for record in records(rest)] == [("700001", "12", 7000)]


def test_a_card_without_readable_sizes_is_no_sold_out_card(wb: Bench) -> None:
    wb.shop.instead[SELLERS] = lambda asked: DISABLED
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    wb.shop.cards = [card(1, sizes="many")]
    with pytest.raises(SourceProtocolError, match="card '500001'"):
        wb.read("stock")


def test_an_unreadable_warehouse_is_no_missing_warehouse(wb: Bench) -> None:
    wb.shop.warehouses = [warehouse(9, "Мой склад", 77)]
    with pytest.raises(SourceProtocolError, match="deliveryType"):
        wb.read("stock")


def test_a_report_refused_in_its_middle_is_not_mixed_with_other_figures(
    wb: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "REPORT_ROWS", 1)
    wb.shop.warehouses = [warehouse(9, "Мой склад")]
    wb.shop.sellers = [sellers(1), sellers(2)]
    first = next(page for page in wb.source.read("stock", None) if page.scope == "fbs")
    wb.shop.instead[SELLERS] = lambda asked: DISABLED
    with pytest.raises(SourceGoneError):
        wb.read("stock", first.cursor)


def test_a_scope_broken_off_long_ago_begins_anew(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "REPORT_ROWS", 2)
    wb.shop.pooled = [pooled(number) for number in range(5)]
    first = next(iter(wb.source.read("stock", None)))
    wb.clock.seconds += 600
    soon = wb.read("stock", first.cursor)
    assert (soon[0].as_of, soon[0].records[0].sku_id) == (first.as_of, "700002")  # type: ignore[union-attr]
    wb.clock.seconds += 3600
    late = wb.read("stock", first.cursor)
    assert late[0].as_of > first.as_of + timedelta(hours=1)
    assert len(records(late)) == 5


# --- orders -------------------------------------------------------------------------------------------------------

ORDERED_AT = micros(datetime(2026, 11, 20, 15, 8, 31, tzinfo=UTC))


def test_an_order_is_one_unit_at_moscows_time(wb: Bench) -> None:
    wb.shop.orders = [order(1)]
    (page,) = wb.read("orders")
    assert records([page]) == [
        OrderRecord(
            order_id="11.r0001.0.0",
            sku_id="700001",
            place_id="wb:Склад WB",
            scheme="FBW",
            state=OrderState.ORDERED,
            quantity=1000,
            price=7_005_000,
            currency="RUB",
            ordered_at=ORDERED_AT,
            cancelled_at=None,
        )
    ]
    assert [place.name for place in page.places] == ["Склад WB"]


def test_parts_of_the_pool_are_the_place_that_the_stock_names(wb: Bench) -> None:
    names = ["Склад WB", "Склад WB РФ", "Склад  WB СГТ РФ ", "Склад WBX", "Минск"]
    wb.shop.orders = [order(number, warehouseName=name) for number, name in enumerate(names)]
    wb.shop.pooled = [pooled(1)]
    found = [record.place_id for record in records(wb.read("orders"))]
    assert found == ["wb:Склад WB"] * 3 + ["wb:Склад WBX", "wb:Минск"]
    assert records(wb.read("stock"))[0].place_id == found[0]


def test_an_order_is_of_the_card_that_it_names(wb: Bench) -> None:
    # The barcode has moved on to another card since.
    wb.barcodes |= {"500001/20430700001": "700001", "20430700001": "700009"}
    wb.shop.orders = [order(1), order(2, nmId=500_009), order(3, nmId=0), order(4, nmId=None)]
    assert [record.sku_id for record in records(wb.read("orders"))] == ["700001", "700009", "700009", "700009"]
    wb.shop.sales, wb.shop.returns = [sale(1)], [item_return(1)]
    wb.shop.supplies, wb.shop.goods = [supply(1)], {31_000_001: [good()]}
    for stream in ("sales", "returns", "supplies"):
        assert [record.sku_id for record in records(wb.read(stream))] == ["700001"]


def test_what_is_not_told_of_an_order_stays_unknown(wb: Bench) -> None:
    wb.shop.orders = [
        order(1, priceWithDisc=0),
        order(2, priceWithDisc=None, isCancel=None, cancelDate=None, supplierArticle=None),
        order(3, warehouseName=None),
    ]
    found = records(wb.read("orders"))
    assert [(record.price, record.currency) for record in found] == [(None, None), (None, None), (7_005_000, "RUB")]
    assert [record.place_id for record in found] == ["wb:Склад WB", "wb:Склад WB", None]
    assert {record.state for record in found} == {OrderState.ORDERED}


def test_a_cancelled_order_has_its_instant(wb: Bench) -> None:
    wb.shop.orders = [
        order(1, isCancel=True, cancelDate="2026-11-21T09:00:00"),
        order(2, isCancel=True),
        order(3, isCancel=False, cancelDate="2026-11-21T09:00:00"),
        order(4, isCancel=True, cancelDate="2026-11-21T09:00:00+05:00"),
    ]
    nine = micros(datetime(2026, 11, 21, 6, tzinfo=UTC))
    assert [(record.state.value, record.cancelled_at) for record in records(wb.read("orders"))] == [
        ("cancelled", nine),
        ("cancelled", None),
        ("ordered", None),
        ("cancelled", nine - 2 * 3600 * 1_000_000),
    ]


def test_the_sellers_warehouse_is_known_by_a_name_that_only_one_has(wb: Bench) -> None:
    wb.shop.warehouses = [warehouse(9, "Мой склад"), warehouse(10, "Близнец"), warehouse(11, "Близнец")]
    names = ["Мой склад", "Близнец", "Чужой", None]
    wb.shop.orders = [
        order(number, warehouseType="Склад продавца", warehouseName=name) for number, name in enumerate(names)
    ]
    pages = wb.read("orders")
    assert [(record.scheme, record.place_id) for record in records(pages)] == [("FBS", "9"), *[("FBS", None)] * 3]
    assert [list(page.places) for page in pages] == [[MINE]]


def test_a_key_that_may_not_see_warehouses_still_reads_orders(wb: Bench) -> None:
    wb.shop.instead[WAREHOUSES] = lambda asked: Says({"title": "forbidden"}, 403)
    wb.shop.orders = [order(1, warehouseType="Склад продавца", warehouseName="Мой склад")]
    assert [record.place_id for record in records(wb.read("orders"))] == [None]
    wb.shop.instead[WAREHOUSES] = lambda asked: Says({"title": "unauthorized"}, 401)
    with pytest.raises(SourceAuthError):
        wb.read("orders")


BAD_ORDERS: list[tuple[Row, str]] = [
    ({"barcode": "999"}, "barcode: received '999'"),
    ({"barcode": None}, "barcode"),
    ({"srid": ""}, "srid"),
    ({"srid": None}, "srid"),
    ({"warehouseType": "Склад"}, "warehouseType"),
    ({"date": "0001-01-01T00:00:00"}, "date"),
    ({"date": "yesterday"}, "instant"),
    ({"priceWithDisc": -1}, "price"),
    ({"priceWithDisc": "NaN"}, "money"),
    ({"isCancel": "no"}, "isCancel"),
    ({"isCancel": True, "cancelDate": "soon"}, "instant"),
    ({"lastChangeDate": 5}, "lastChangeDate"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_ORDERS, ids=[str(bad) for bad, _ in BAD_ORDERS])
def test_an_order_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row, reason: str) -> None:
    wb.shop.orders = [order(1), order(2, **bad), order(3)]
    pages = wb.read("orders")
    assert [record.order_id for record in records(pages)] == ["11.r0001.0.0", "11.r0003.0.0"]
    ((_, said),) = rejected(pages)
    assert reason in said


def test_many_rows_of_which_none_can_be_believed_are_asked_for_again(wb: Bench) -> None:
    wb.shop.orders = [order(number, barcode="999") for number in range(20)]
    with pytest.raises(SourceProtocolError, match="none of 20 rows can be believed, such as: barcode"):
        wb.read("orders")
    wb.shop.orders.pop()
    assert len(rejected(wb.read("orders"))) == 19


# --- sales --------------------------------------------------------------------------------------------------------


def test_sales_are_money_and_returns_money_back(wb: Bench) -> None:
    wb.shop.sales = [
        sale(1, date="2026-11-20T23:59:59"),
        sale(2, saleID="R0000000002", forPay=-560.25),
        sale(3, saleID="R0000000003", forPay=560.25),
        sale(4, forPay=0, lastChangeDate="2026-11-21T12:17:00"),
        sale(5, forPay=None),
        sale(7, forPay=0, lastChangeDate="2026-11-21T12:16:00"),
        sale(8, saleID="R0000000008", forPay=0, lastChangeDate="2026-11-21T12:16:00"),
        sale(6, srid="", date="2026-11-20T22:00:00+00:00"),
    ]
    pages = wb.read("sales")
    assert [record.order_state.value for record in records(pages)] == [
        *("delivered", "returned", "returned"),
        # A day after the change 0 is what was booked: it replaces what stood there before.
        *("delivered", "returned"),
        "delivered",
    ]
    assert [tuple(record)[:7] for record in records(pages)] == [
        ("S0000000001", "11.r0001.0.0", "700001", "2026-11-20", 5_602_500, None, "RUB"),
        ("R0000000002", "11.r0002.0.0", "700001", "2026-11-20", -5_602_500, None, "RUB"),
        ("R0000000003", "11.r0003.0.0", "700001", "2026-11-20", -5_602_500, None, "RUB"),
        ("S0000000007", "11.r0007.0.0", "700001", "2026-11-20", 0, None, "RUB"),
        ("R0000000008", "11.r0008.0.0", "700001", "2026-11-20", 0, None, "RUB"),
        ("S0000000006", None, "700001", "2026-11-21", 5_602_500, None, "RUB"),
    ]
    assert rejected(pages) == []


BAD_SALES: list[Row] = [
    {"saleID": "D0000000002"},
    {"saleID": "S"},
    {"saleID": ""},
    {"saleID": None},
    {"forPay": -1},
    {"forPay": "much"},
    {"barcode": "999"},
    {"date": None},
]


@pytest.mark.parametrize("bad", BAD_SALES, ids=str)
def test_a_sale_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    wb.shop.sales = [sale(1), sale(2, **bad), sale(3)]
    pages = wb.read("sales")
    assert [record.sale_id for record in records(pages)] == ["S0000000001", "S0000000003"]
    assert len(rejected(pages)) == 1


# --- returns ------------------------------------------------------------------------------------------------------


def test_a_return_is_as_far_as_its_dates_say(wb: Bench) -> None:
    wb.shop.returns = [
        item_return(1),
        item_return(2, readyToReturnDt="2026-11-12T10:00:00", returnType="Возврат брака", returnReason="Цвет"),
        item_return(3, returnStatus="Выдано", readyToReturnDt="2026-11-12T10:00:00", completedDt="2026-11-15T12:00:00"),
        item_return(4, returnStatus="Выдано", orderDt="2026-09-30"),
    ]
    # As these fields were called before.
    del wb.shop.returns[1]["sku"]
    wb.shop.returns[1] |= {"barcode": "20430700001", "returnReason": None, "reason": "Цвет"}
    pages = wb.read("returns")
    assert {record.return_id[3:7]: (record.state.value, record.kind.value) for record in records(pages)} == {
        "0001": ("on_the_way", "unknown"),
        "0002": ("ready", "defect"),
        "0003": ("back", "unknown"),
        "0004": ("written_off", "unknown"),
    }
    back = next(record for record in records(pages) if record.return_id == "mp.0003.r")
    assert back == ReturnRecord(
        return_id="mp.0003.r",
        order_id=None,
        sku_id="700001",
        scheme="",
        kind=ReturnKind.UNKNOWN,
        state=ReturnState.BACK,
        quantity=1000,
        reason="",
        returned_at=micros(datetime(2026, 11, 9, 21, tzinfo=UTC)),
        finished_at=micros(datetime(2026, 11, 15, 9, tzinfo=UTC)),
    )
    assert {record.reason for record in records(pages)} == {"", "Цвет"}


def asked_returns(wb: Bench) -> list[tuple[str, str, str]]:
    queries = [query_of(asked) for asked in wb.shop.paths(RETURNS)]
    return [(query["status"], query["dateFrom"], query["dateTo"]) for query in queries]


def test_returns_are_asked_for_in_windows_of_a_month(wb: Bench) -> None:
    cursor = wb.read("returns")[-1].cursor
    windows = [("2026-08-22", "2026-09-21"), ("2026-09-22", "2026-10-22"), ("2026-10-23", "2026-11-22")]
    assert asked_returns(wb) == [(status, *each) for each in windows for status in ("active", "archive")]
    wb.shop.asked.clear()
    wb.clock.seconds += 10 * 86_400
    assert wb.read("returns", cursor)[-1].done
    assert asked_returns(wb)[::2] == [
        *(("active", *each) for each in windows),
        ("active", "2026-11-23", "2026-12-02"),
    ]


@pytest.mark.parametrize("history_days", ["1", "90"])
def test_a_return_is_asked_for_until_it_has_ended_however_short_the_history(history_days: str) -> None:
    with bench(history_days=history_days) as wb:
        wb.barcodes["20430700001"] = "700001"
        wb.shop.returns = [item_return(1, orderDt="2026-08-25")]
        cursor = None
        for _ in range(9):
            pages = wb.read("returns", cursor)
            assert [record.state.value for record in records(pages)] == ["on_the_way"]
            cursor = pages[-1].cursor
            wb.clock.seconds += 10 * 86_400
        wb.shop.returns[0] |= {"returnStatus": "Выдано", "completedDt": "2027-02-10T12:00:00"}
        broken = next(iter(wb.source.read("returns", cursor))).cursor
        pages = wb.read("returns", broken)
        assert [record.state.value for record in records(pages)] == ["back"]
        wb.shop.asked.clear()
        wb.read("returns", pages[-1].cursor)
        assert len(asked_returns(wb)) == 6, "nothing is open any more"


@pytest.mark.parametrize(
    "bad", [{"srid": ""}, {"srid": None}, {"sku": "999"}, {"completedDt": "soon"}, {"orderDt": "2026-11-1x"}], ids=str
)
def test_a_return_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    wb.shop.returns = [item_return(1), item_return(2, **bad), item_return(3)]
    pages = wb.read("returns")
    assert [record.return_id for record in records(pages)] == ["mp.0001.r", "mp.0003.r"]
    assert len(rejected(pages)) == 1


# --- supplies -----------------------------------------------------------------------------------------------------


def test_a_list_of_supplies_that_has_to_be_begun_anew_tells_each_row_once(wb: Bench) -> None:
    wb.shop.supplies = [supply(1, createDate="soon"), *(supply(number, statusID=5) for number in range(2, 1101))]
    refused: list[bool] = []

    def once(asked: Asked) -> Says | None:
        if query_of(asked)["offset"] == "0" or refused:
            return None
        refused.append(True)
        return Says({"title": "wrong offset"}, 400)

    wb.shop.instead[SUPPLIES] = once
    pages = wb.read("supplies", '{"read_to": "2026-11-22T08:00:00Z"}')
    assert [query_of(asked)["offset"] for asked in wb.shop.paths(SUPPLIES)] == ["0", "1000", "0", "1000"]
    assert rejected_keys(pages) == ["31000001"]
    assert sorted(pages[-1].all_open or ()) == [str(31_000_000 + number) for number in range(1, 1101)]


def test_a_supply_has_its_sizes_its_warehouse_and_its_dates(wb: Bench) -> None:
    wb.barcodes["2"] = "700001"
    wb.barcodes["3"] = "700003"
    wb.shop.supplies = [
        supply(1, statusID=4, factDate="2026-11-20T10:00:00+03:00", updatedDate="2026-11-20T12:00:00+03:00")
    ]
    wb.shop.supply = {"warehouseName": "Коледино", "actualWarehouseName": "Казань"}
    wb.shop.goods = {31_000_001: [good(acceptedQuantity=20), good("2", quantity=5), good("3", acceptedQuantity=None)]}
    (page,) = wb.read("supplies")
    assert records([page]) == [
        SupplyRecord(
            supply_id="31000001",
            sku_id="700001",
            place_id="wb:Казань",
            state=SupplyState.ACCEPTING,
            quantity=35_000,
            accepted=20_000,
            created_at=micros(datetime(2026, 11, 1, 13, 58, 26, tzinfo=UTC)),
            expected_at=micros(datetime(2026, 11, 24, 21, tzinfo=UTC)),
            changed_at=micros(datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ),
        records([page])[0]._replace(sku_id="700003", quantity=30_000, accepted=None),
    ]
    assert [place.place_id for place in page.places] == ["wb:Казань"]


def test_every_state_of_a_supply_is_known_and_mere_orders_are_left_out(wb: Bench) -> None:
    wb.shop.supplies = [supply(number, statusID=number) for number in (1, 2, 3, 4, 5, 6)]
    wb.shop.supplies.append(supply(7, supplyID=None))
    wb.shop.goods = {31_000_000 + number: [good()] for number in range(8)}
    pages = wb.read("supplies")
    assert [(record.supply_id[-1], record.state.value) for record in records(pages)] == [
        ("2", "planned"),
        ("3", "planned"),
        ("4", "accepting"),
        ("5", "done"),
        ("6", "accepting"),
    ]
    assert all(asked.payload["statusIDs"] == [2, 3, 4, 5, 6] for asked in wb.shop.paths(SUPPLIES))


def test_a_supply_without_a_warehouse_has_no_place(wb: Bench) -> None:
    wb.shop.supplies, wb.shop.goods = [supply(1)], {31_000_001: [good()]}
    wb.shop.supply = {"warehouseName": None}
    (page,) = wb.read("supplies")
    assert ([record.place_id for record in records([page])], list(page.places)) == ([None], [])


def test_later_only_changed_supplies_and_those_being_accepted_are_asked_about(wb: Bench) -> None:
    wb.shop.supplies = [
        supply(1, statusID=5),
        supply(2, statusID=4),
        supply(3),
        supply(4, statusID=5, createDate="2026-06-20T10:00:00+03:00"),  # done before the history
        supply(5, createDate="2026-06-20T10:00:00+03:00"),  # still to come
        supply(6, createDate="2026-01-20T10:00:00+03:00"),  # forgotten
    ]
    wb.shop.goods = {31_000_000 + number: [good()] for number in range(7)}
    first = wb.read("supplies")
    assert [record.supply_id[-1] for record in records(first)] == ["1", "2", "3", "5"]
    wb.clock.seconds += 3 * 86_400
    wb.shop.supplies[2]["updatedDate"] = "2026-11-23T10:00:00+03:00"
    later = wb.read("supplies", first[-1].cursor)
    assert [record.supply_id[-1] for record in records(later)] == ["2", "3"]


def test_young_supplies_are_listed_to_the_end_in_whatever_order(wb: Bench) -> None:
    wb.shop.supplies = [supply(number, statusID=5, createDate="2026-06-20T10:00:00+03:00") for number in range(2500)]
    (page,) = wb.read("supplies")
    assert (page.records, page.done) == ((), True)
    assert [query_of(asked)["offset"] for asked in wb.shop.paths(SUPPLIES)] == ["0", "1000", "2000"]
    made = {"from": "2026-05-25", "till": "2026-11-23", "type": "createDate"}
    assert [asked.payload["dates"] for asked in wb.shop.paths(SUPPLIES)] == [[made]] * 3
    # A marketplace that takes no notice of the period, and tells an old one first.
    wb.shop.supplies = [supply(0, createDate="2026-01-20T10:00:00+03:00")]
    wb.shop.supplies += [supply(number, statusID=5) for number in range(1, 1002)]
    wb.shop.goods = {31_001_001: [good()]}
    wb.shop.instead[SUPPLIES] = lambda asked: Says(part(wb.shop.supplies, query_of(asked)))
    assert [record.supply_id for record in records(wb.read("supplies"))] == ["31001001"]


def test_a_size_on_two_pages_of_a_supply_is_added_up(wb: Bench) -> None:
    wb.barcodes |= {str(number): f"8{number:05}" for number in range(999)}
    wb.barcodes["other"] = "700001"
    wb.shop.supplies = [supply(1), supply(2)]
    many = [good(str(number)) for number in range(999)]
    wb.shop.goods = {31_000_001: [good(), *many, good("other", quantity=5, acceptedQuantity=2)], 31_000_002: [good()]}
    pages = wb.read("supplies")
    told = [(record.supply_id[-1], record.quantity, record.accepted) for record in records(pages)]
    assert [each for each, record in zip(told, records(pages), strict=True) if record.sku_id == "700001"] == [
        ("1", 35_000, 2_000),
        ("2", 30_000, 0),
    ]
    assert [len(page.records) for page in pages] == [0, 1000, 1]
    # Broken off between its pages a supply is read again from its first one.
    assert records(wb.read("supplies", pages[0].cursor)) == records(pages)


def test_a_supply_with_a_row_that_waits_is_read_whole_again_until_none_does(wb: Bench) -> None:
    """A size under two barcodes, one of which the catalogue learns later: half of it would be a wrong quantity."""
    wb.shop.supplies = [supply(1, statusID=5), supply(2, statusID=5)]
    wb.shop.goods = {31_000_001: [good(quantity=40), good("new", quantity=10)], 31_000_002: [good()]}
    pages = wb.read("supplies")
    assert [(record.supply_id[-1], record.quantity) for record in records(pages)] == [("1", 40_000), ("2", 30_000)]
    assert rejected_keys(pages) == ["31000001:new"]
    (row,) = [row for page in pages for row in page.rejected]
    wb.clock.seconds += 3 * 86_400
    again = wb.read("supplies", pages[-1].cursor)
    assert [(record.supply_id[-1], record.quantity) for record in records(again)] == [("1", 40_000)]
    wb.barcodes["new"] = "700001"
    (alone,) = wb.source.reread("supplies", [StoredRow(row.raw, row.context)])
    assert (alone.reason, alone.records) == (LATER_ONLY, ())
    whole = wb.read("supplies", again[-1].cursor)
    assert [(record.supply_id[-1], record.quantity) for record in records(whole)] == [("1", 50_000)]
    assert [page.whole_of for page in whole] == [("31000001",)]
    assert records(wb.read("supplies", whole[-1].cursor)) == []


def test_a_supply_whose_bad_rows_a_person_dropped_is_asked_for_no_more_until_one_waits_again(wb: Bench) -> None:
    wb.shop.supplies = [supply(1, statusID=5), supply(11, statusID=5)]
    wb.shop.goods = {31_000_001: [good(), good("new")], 31_000_011: [good("new")]}
    pages = wb.read("supplies")
    waiting = {*rejected_keys(pages)}
    assert waiting == {"31000001:new", "31000011:new"}
    wb.source._api.tools = replace(wb.source._api.tools, waiting=lambda stream: waiting if stream == "supplies" else ())

    def asked_again(cursor: str) -> tuple[set[str], str]:
        wb.clock.seconds += 3 * 86_400
        wb.shop.asked.clear()
        cursor = wb.read("supplies", cursor)[-1].cursor
        return {path_of(each).split("/")[4] for each in wb.shop.asked if path_of(each).endswith("/goods")}, cursor

    asked, cursor = asked_again(pages[-1].cursor)
    assert asked == {"31000001", "31000011"}
    waiting.discard("31000001:new")
    asked, cursor = asked_again(cursor)
    assert asked == {"31000011"}
    waiting.clear()
    asked, cursor = asked_again(cursor)
    assert asked == set()
    waiting.add("31000001:new")
    asked, cursor = asked_again(cursor)
    assert asked == {"31000001"}, "a person let it wait again"


def test_a_doubted_supply_is_not_forgotten_where_a_reading_breaks_off(wb: Bench) -> None:
    wb.shop.supplies = [supply(number, statusID=5) for number in range(1, 4)]
    wb.shop.goods = {31_000_000 + number: [good("new" if number == 1 else "20430700001")] for number in range(1, 4)}
    first, *_ = wb.read("supplies")
    rest = wb.read("supplies", first.cursor)
    assert [record.supply_id[-1] for record in records(rest)] == ["2", "3"]
    wb.clock.seconds += 3 * 86_400
    assert rejected_keys(wb.read("supplies", rest[-1].cursor)) == ["31000001:new"]


def test_goods_of_a_supply_that_are_read_again_from_the_start_count_once(wb: Bench) -> None:
    wb.barcodes |= {str(number): f"8{number:05}" for number in range(1001)}
    wb.shop.supplies, wb.shop.goods = [supply(1)], {31_000_001: [good(str(number)) for number in range(1001)]}
    refusals = iter([Says({"title": "Bad Request"}, 400)])
    wb.shop.instead[f"{SUPPLIES}/31000001/goods"] = lambda asked: (
        next(refusals, None) if query_of(asked)["offset"] == "1000" else None
    )
    pages = wb.read("supplies")
    assert next(refusals, None) is None, "nothing was refused"
    assert {record.quantity for record in records(pages)} == {30_000}
    assert (len(records(pages)), pages[-1].whole_of) == (1001, ("31000001",))


@pytest.mark.parametrize(
    "bad", [{"createDate": None}, {"createDate": "soon"}, {"supplyID": -1}, {"updatedDate": "soon"}], ids=str
)
def test_a_supply_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    wb.shop.supplies = [supply(1), supply(2, **bad)]
    wb.shop.goods = {31_000_001: [good(), good("999"), good(quantity=-1)]}
    pages = wb.read("supplies")
    assert [record.supply_id for record in records(pages)] == ["31000001"]
    assert len(rejected(pages)) == 3
    assert [page.done for page in pages] == [False, True]


def test_an_unknown_state_of_a_supply_is_rejected(wb: Bench) -> None:
    wb.shop.instead[SUPPLIES] = lambda asked: Says([supply(1, statusID=9)])
    pages = wb.read("supplies")
    assert "statusID: received 9" in rejected(pages)[0][1]
    assert pages[-1].done


# --- walking through the statistics -------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are a full page."""
    monkeypatch.setattr(statistics, "FULL_ROWS", 3)


def asked_from(wb: Bench, path: str = ORDERS) -> list[str]:
    return [query_of(asked)["dateFrom"] for asked in wb.shop.paths(path)]


def test_the_first_reading_takes_the_whole_history(wb: Bench) -> None:
    wb.read("orders")
    wb.read("sales")
    # Sixty days before the marketplace's now, by Moscow's clock.
    assert asked_from(wb) == ["2026-09-23T12:16:40"]
    assert asked_from(wb, SALES) == ["2026-09-23T12:16:40"]
    assert {query_of(asked)["flag"] for asked in wb.shop.paths(ORDERS)} == {"0"}


@pytest.mark.usefixtures("small_pages")
def test_rows_of_the_boundary_are_told_once(wb: Bench) -> None:
    wb.shop.statistics_rows = 4
    same, last = "2026-11-21T12:00:00", "2026-11-21T13:00:00"
    wb.shop.orders = [order(1), order(2, lastChangeDate=same), order(3, lastChangeDate=same, barcode="999")]
    wb.shop.orders += [order(4, lastChangeDate=same), order(5, lastChangeDate=last)]
    pages = wb.read("orders")
    assert [record.order_id[4:8] for record in records(pages)] == ["0001", "0002", "0004", "0005"]
    assert rejected_keys(pages) == ["11.r0003.0.0"]
    assert asked_from(wb)[1:] == [same, last]
    assert [page.done for page in pages] == [False, False, True]


@pytest.mark.usefixtures("small_pages")
def test_a_row_that_changed_at_the_boundary_is_told_again(wb: Bench) -> None:
    wb.shop.statistics_rows = 3
    wb.shop.orders = [order(number) for number in (1, 2, 3)]
    pages = wb.source.read("orders", None)
    first = next(pages)
    wb.shop.orders[2] |= {"isCancel": True}
    rest = list(pages)
    assert [record.state.value for record in records(rest)] == ["cancelled"]
    assert (first.done, [page.done for page in rest]) == (False, [True])


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stream", ["orders", "sales"])
def test_a_full_page_of_one_instant_is_no_end(wb: Bench, stream: str) -> None:
    wb.shop.statistics_rows = 3
    same = "2026-11-21T12:00:00"
    wb.shop.orders = [order(number, lastChangeDate=same) for number in range(9)]
    wb.shop.sales = [sale(number, lastChangeDate=same) for number in range(9)]
    pages = wb.source.read(stream, None)
    assert len(next(pages).records) == 3
    with pytest.raises(SourceProtocolError, match="a full page of one instant"):
        next(pages)


@pytest.mark.parametrize("stream", ["orders", "sales"])
def test_a_change_that_lies_ahead_is_no_place_to_go_on_from(
    wb: Bench, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "FULL_ROWS", 3)
    wb.shop.statistics_rows = 3
    ahead = "2099-01-01T00:00:00"
    make, rows = {"orders": (order, wb.shop.orders), "sales": (sale, wb.shop.sales)}[stream]
    rows += [make(1), make(2), make(3, lastChangeDate=ahead)]
    pages = wb.read(stream)
    assert len(records(pages)) == 3 + 1, "the row itself is read; it comes again with each answer"
    rows.insert(2, make(4))
    wb.clock.seconds += 86_400
    assert len(records(wb.read(stream, pages[-1].cursor))) >= 3
    path = {"orders": ORDERS, "sales": SALES}[stream]
    assert max(asked_from(wb, path)) < "2026-11-22"
    # One that an earlier version believed.
    wb.shop.asked.clear()
    found = wb.read(stream, f'{{"read_to":"{ahead}"}}')
    assert len(set(records(found))) == 4
    assert asked_from(wb, path)[:2] == ["2098-12-30T23:00:00", f"2026-09-24T12:{16 if stream == 'orders' else 19}:40"]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stream", ["orders", "sales"])
def test_a_reading_goes_on_after_any_page(wb: Bench, stream: str) -> None:
    wb.shop.statistics_rows = 4
    wb.shop.orders = [order(number - number % 3, srid=f"11.r{number:04}.0.0") for number in range(20)]
    wb.shop.sales = [sale(number - number % 3, saleID=f"S{number:010}") for number in range(20)]
    whole = wb.read(stream)
    assert len(records(whole)) == 20
    assert len(whole) > 5
    for number, page in enumerate(whole[:-1], 1):
        rest = wb.read(stream, page.cursor)
        assert records(whole[:number]) + records(rest) == records(whole)
        assert {each.as_of for each in rest} == {page.as_of}


def test_more_rows_of_one_instant_than_a_cursor_remembers_come_again(
    wb: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "FULL_ROWS", 151)
    same = "2026-11-21T12:00:00"
    wb.shop.orders = [order(0)]
    wb.shop.orders += [order(number, srid=str(number), lastChangeDate=same) for number in range(1, 151)]
    pages = wb.read("orders")
    assert [len(page.records) for page in pages] == [151, 150]
    assert max(len(page.cursor) for page in pages) < 2000


def test_the_next_reading_takes_the_last_day_again(wb: Bench) -> None:
    wb.shop.sales = [sale(1), sale(2, forPay=0, lastChangeDate="2026-11-21T13:00:00")]
    first = wb.read("sales")
    assert len(records(first)) == 1
    # Within a day it is not known. Booked later, without a new lastChangeDate.
    wb.shop.sales[1]["forPay"] = 300
    wb.clock.seconds += 86_400
    second = wb.read("sales", first[-1].cursor)
    assert asked_from(wb, SALES)[-1] == "2026-11-20T12:00:00"
    assert [record.amount for record in records(second)] == [5_602_500, 3_000_000]


def test_readings_that_find_nothing_do_not_go_ever_further_back(wb: Bench) -> None:
    wb.shop.orders = [order(1)]
    cursor = wb.read("orders")[-1].cursor
    wb.shop.orders = []
    for _ in range(3):
        cursor = wb.read("orders", cursor)[-1].cursor
    assert asked_from(wb)[1:] == ["2026-11-20T09:00:01"] * 3


@pytest.mark.parametrize("stream", ["orders", "sales"])
def test_no_rows_at_all_are_a_whole_reading(wb: Bench, stream: str) -> None:
    for nothing in (Says([]), Says(b"", 204)):
        wb.shop.instead = {path: lambda asked, nothing=nothing: nothing for path in (ORDERS, SALES)}  # type: ignore[misc]
        (page,) = wb.read(stream)
        assert (page.records, page.done) == ([], True)


@pytest.mark.usefixtures("small_pages")
def test_a_last_row_without_its_change_is_passed_over(wb: Bench) -> None:
    wb.shop.orders = [order(1), order(2), order(3, lastChangeDate="soon")]
    assert wb.read("orders")[-1].done


def test_rows_without_their_change_are_no_reading(wb: Bench) -> None:
    wb.shop.orders = [order(number, lastChangeDate=None) for number in range(19)]
    assert len(records(wb.read("orders"))) == 19
    wb.shop.orders = [order(number, lastChangeDate=None) for number in range(20)]
    with pytest.raises(SourceProtocolError, match="none of 20 rows has a lastChangeDate"):
        wb.read("orders")


# --- going on -----------------------------------------------------------------------------------------------------


def full_shop(wb: Bench) -> None:
    wb.shop.cards = [card(number) for number in range(230)]
    wb.shop.trash = [trashed(number) for number in range(900, 1050)]
    wb.shop.prices = [priced(number) for number in range(1500)]
    wb.shop.warehouses = [warehouse(9, "Мой склад"), warehouse(12, "Б")]
    wb.shop.pooled = [pooled(number) for number in range(7)]
    wb.shop.sellers = [sellers(number) for number in range(5)]
    wb.shop.orders = [order(number) for number in range(9)]
    wb.shop.sales = [sale(number) for number in range(9)]
    wb.shop.returns = [item_return(number, orderDt=f"2026-10-{number % 28 + 1:02}") for number in range(1200)]
    wb.shop.supplies = [supply(number) for number in range(5)]
    days = [*(f"2026-10-{day:02}" for day in range(1, 32)), *(f"2026-11-{day:02}" for day in range(1, 22))]
    wb.shop.funnel = [looked_at(number, day) for day in days for number in range(3)]
    many = [str(number) for number in range(1500)]
    wb.barcodes.update((each, each) for each in many[1:])
    wb.shop.goods = {31_000_000 + number: [good()] for number in range(5)}
    wb.shop.goods[31_000_002] = [good(each) for each in many[1:]]


@pytest.mark.parametrize("stream", [stream.name for stream in WildberriesSource.streams])
def test_readings_go_on_and_begin_anew(wb: Bench, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "REPORT_ROWS", 3)
    full_shop(wb)
    whole = wb.read(stream)
    for number, page in enumerate(whole[:-1], 1):
        rest = wb.read(stream, page.cursor)
        assert records(whole[:number]) + records(rest) == records(whole)
        assert {each.as_of for each in rest if each.scope == page.scope} <= {page.as_of}
    odd = '{"part":"unheard of","at":1,"scope":5,"read_to":[]}'
    assert records(wb.read(stream, odd)) == records(whole)
    assert records(wb.read(stream, whole[0].cursor, full=True)) == records(whole)


def test_pages_that_go_in_circles_are_left(wb: Bench) -> None:
    rows = [card(number) for number in range(100)]
    mark = {"updatedAt": "2026-11-01T08:00:00Z", "nmID": 1, "total": 100}
    wb.shop.instead[CARDS] = lambda asked: Says({"cards": rows, "cursor": mark})
    with pytest.raises(SourceProtocolError, match="came twice"):
        wb.read("catalogue")


CIRCLES: dict[str, tuple[str, object]] = {
    PRICES: ("prices", {"data": {"listGoods": [priced(1)]}}),
    POOLED: ("stock", {"data": {"items": [pooled(1), pooled(2)]}}),
    RETURNS: ("returns", {"report": [item_return(number) for number in range(1000)]}),
    SUPPLIES: ("supplies", [supply(number) for number in range(1000)]),
}


@pytest.mark.parametrize("path", CIRCLES)
def test_an_offset_that_is_ignored_does_not_go_on_for_ever(
    wb: Bench, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "REPORT_ROWS", 2)
    stream, same = CIRCLES[path]
    wb.shop.instead[path] = lambda asked: Says(same)
    with pytest.raises(SourceProtocolError, match="circles"):
        wb.read(stream)
    assert len(wb.shop.paths(path)) == 2


def test_a_refused_mark_begins_its_list_anew(wb: Bench) -> None:
    wb.shop.cards = [card(number) for number in range(150)]

    def refuse_marks(asked: Asked) -> Says | None:
        dead = "nmID" in asked.payload["settings"]["cursor"] and len(wb.shop.paths(CARDS)) < 3
        return Says({"data": None, "error": True, "errorText": "Invalid cursor"}, 400) if dead else None

    wb.shop.instead[CARDS] = refuse_marks
    pages = wb.read("catalogue")
    assert len(set(records(pages))) == 150


def test_what_wildberries_says_of_a_refusal_is_told(wb: Bench) -> None:
    refusal = Says({"data": None, "error": True, "errorText": "Invalid request parameters"}, 400)
    wb.shop.instead[PRICES] = lambda asked: refusal
    with pytest.raises(RequestRefusedError, match="Invalid request parameters"):
        wb.read("prices")


def test_nothing_is_asked_before_the_first_page_is_wanted() -> None:
    clock = HandClock()
    source = WildberriesSource({"api_token": "token", "base_url": "http://127.0.0.1:1"}, clock.tools())
    for stream in source.streams:
        source.read(stream.name, None)
    assert clock.requests == []
    source.close()
