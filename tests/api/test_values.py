"""What the answers say of a small shop, figure by figure."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from tests import seed
from tests.api.conftest import Api, fill


@pytest.fixture
def shop(either_api: Api) -> Api:
    fill(either_api)
    return either_api


def test_the_dashboard(shop: Api) -> None:
    found = shop.get("/api/v1/dashboard").json()
    assert (found["generation"], found["freshness"], found["as_of"]) == (3, "fresh", "2026-11-22T11:00:00Z")
    assert (found["products"], found["need_decision"]) == (3, 2)
    assert found["stock_value"] == {"amount": "490000.00", "currency": "RUB"}
    assert found["revenue_30d"] == {"amount": "1400.00", "currency": "RUB"}
    by_status = {each["status"]: each for each in found["categories"]}
    assert list(by_status) == ["critical", "low", "normal", "overstock", "unknown"]
    assert [each["products"] for each in by_status.values()] == [1, 0, 0, 1, 1]
    assert by_status["critical"]["money"]["amount"] == "1400.00"
    assert (by_status["low"]["above_units"], by_status["low"]["up_to_units"]) == (5, 20)
    assert (by_status["overstock"]["effect_kind"], by_status["overstock"]["money"]["amount"]) == (
        "stock_value",
        "490000.00",
    )
    assert {status: [row["id"] for row in rows] for status, rows in found["top"].items()} == {
        "critical": ["item-7"],
        "low": [],
        "overstock": ["item-9"],
    }


def test_a_product(shop: Api) -> None:
    found = shop.get("/api/v1/products/item-7").json()
    assert (found["product"]["available"], found["product"]["cover_days"]) == (4.5, 67.5)
    assert found["product"]["price"] is None
    assert len(found["product"]["spark"]) == 30
    (card,) = found["listings"]
    assert (card["sku_id"], card["offer_id"], card["barcodes"]) == ("900001", "ART-1", ["4600000000017"])
    assert card["price"] == {"amount": "700.00", "currency": "RUB"}
    assert [(place["place"], place["region"], place["available"], place["scheme"]) for place in found["places"]] == [
        ("Ростов", "Юг", 3, "FBO"),
        ("Склад", None, 1.5, "FBS"),
    ]
    assert sum(place["available"] for place in found["places"]) == found["product"]["available"]
    assert found["first_known"] == "2026-11-21"


def test_an_unknown_stock_is_not_zero(shop: Api) -> None:
    found = shop.get("/api/v1/products/sku-2").json()
    assert found["product"]["available"] is None
    assert found["product"]["status"] == "unknown"
    assert found["places"][0]["available"] is None
    assert shop.get("/api/v1/products/sku-2/why").json()["value"] is None


def test_history_has_every_day(shop: Api) -> None:
    days = shop.get("/api/v1/products/item-7/history?days=4").json()["days"]
    assert [day["day"] for day in days] == ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]
    assert [day["stock_end"] for day in days] == [None, None, 1.5, 4.5]
    today = days[-1]
    assert (today["ordered"], today["cancelled"], today["revenue"]["amount"]) == (2, 0, "1400.00")
    assert (days[2]["ordered"], days[2]["cancelled"], days[2]["revenue"]["amount"]) == (0, 1, "0.00")
    assert (today["stock_low"], today["out_of_stock"]) == (1.5, 0)
    assert len(shop.get("/api/v1/products/item-7/history").json()["days"]) == 90
    assert len(shop.get("/api/v1/products/item-7/history?days=730").json()["days"]) == 730


def test_places(shop: Api) -> None:
    assert shop.get("/api/v1/places").json() == [
        {
            "id": 2,
            "name": "Ростов",
            "region": "Юг",
            "source": "ozon",
            "account": "Shop",
            "scheme": "FBO",
            "products": 1,
            "available": 3,
        },
        {
            "id": 3,
            "name": "Склад",
            "region": None,
            "source": "ozon",
            "account": "Shop",
            "scheme": "FBS",
            "products": 1,
            "available": 1.5,
        },
    ]


def test_the_documents_own_paths(shop: Api) -> None:
    items = shop.get("/api/inventory/items?limit=50").json()["items"]
    assert items[0] == {"item_code": "ART-7", "name": "Лампа", "quantity": 4.5, "status": "critical", "id": "item-7"}
    health = shop.get("/health").json()
    assert {name: health[name] for name in ("status", "database", "cache")} == {
        "status": "ok",
        "database": "connected",
        "cache": "connected",
    }
    assert health["data"] == {"freshness": "fresh", "as_of": "2026-11-22T11:00:00Z"}
    assert set(shop.get("/api/cache/stats").json()) >= {"hits", "misses", "keys"}


def test_the_dashboard_takes_four_statements(api: Api) -> None:
    fill(api)
    statements: list[str] = []
    engine = api.database._readers
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, *_: statements.append(sql))
    api.parts.dashboards.dashboard()
    assert len(statements) == 4
    with api.database.read() as connection:
        plans = [
            row[3]
            for sql in list(statements)
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql.replace("?", "1")).all()
        ]
    scanned = {plan for plan in plans if plan.startswith("SCAN") and "(subquery" not in plan}
    # Only tables of a few rows are read through: the accounts, the places and the five totals.
    assert all(
        plan.split()[1] in {"account", "place", "status_total", "anon_1", "anon_2", "anon_3"} for plan in scanned
    ), plans


def test_staleness_is_told_per_account(shop: Api) -> None:
    with shop.database.write() as connection:
        seed.put_account(connection, 2, source="wildberries", name="WB")
        seed.put_generation(connection, 4)
    shop.live.stock_published(generation=4, as_of=None, source="ozon")
    found = shop.get("/api/v1/dashboard").json()
    assert [(each["source"], each["freshness"]) for each in found["sources"]] == [
        ("ozon", "fresh"),
        ("wildberries", "never"),
    ]
    assert found["freshness"] == "fresh"
