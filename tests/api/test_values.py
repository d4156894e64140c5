"""What the answers say of a small shop, figure by figure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Table, event

from micore.domain.instants import micros
from micore.storage import tables
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


class TestOnTheWay:
    def put(self, shop: Api, table: Table, *rows: dict[str, Any]) -> None:
        with shop.database.write() as connection:
            connection.execute(table.insert(), [{"account_id": 1, **row} for row in rows])

    def put_returns(self, shop: Api, *rows: tuple[str, str, str, int | None]) -> None:
        fixed = {"known_from": 0, "sku_id": 1, "scheme": "FBO", "kind": "buyer", "returned_at": 0}
        names = ("returned_day", "state", "reason", "quantity")
        told = [dict(zip(names, row, strict=True)) for row in rows]
        self.put(shop, tables.return_line, *({"return_id": str(n), **fixed, **row} for n, row in enumerate(told)))

    def test_open_supplies_soonest_first(self, shop: Api) -> None:
        fixed = {"known_from": 0, "sku_id": 1, "place_id": 2, "created_at": 0, "changed_at": 0, "quantity": 40_000}
        day = 86_400_000_000
        told = [
            ("later", "planned", None, 3 * day),
            ("undated", "planned", None, None),
            ("sooner", "accepting", 500, 2 * day),
            ("in", "done", 40_000, day),
            ("off", "cancelled", None, day),
        ]
        self.put(
            shop,
            tables.supply_line,
            *(
                {"supply_id": name, "state": state, "accepted": accepted, "expected_at": at, **fixed}
                for name, state, accepted, at in told
            ),
        )
        found = shop.get("/api/v1/products/item-7").json()["supplies"]
        assert [each["supply_id"] for each in found] == ["sooner", "later", "undated"]
        assert found[0] == {
            "source": "ozon",
            "account": "Shop",
            "supply_id": "sooner",
            "sku_id": "900001",
            "place": "Ростов",
            "state": "accepting",
            "quantity": 40,
            "accepted": 0.5,
            "expected_at": "1970-01-03T00:00:00Z",
            "response": None,
        }
        assert shop.get("/api/v1/products/sku-2").json()["supplies"] == []

    def test_returns_nobody_tells_of_are_unknown(self, shop: Api) -> None:
        assert shop.get("/api/v1/products/item-7").json()["returns"] is None

    def test_returns_of_thirty_days_and_what_is_under_way(self, shop: Api) -> None:
        self.put(
            shop,
            tables.stream_state,
            {"stream": "returns", "cursor": "{}", "complete": True, "as_of": 1, "changed_at": 1},
        )
        assert shop.get("/api/v1/products/item-7").json()["returns"] == {
            "begun_30d": 0,
            "begun_30d_uncounted": 0,
            "under_way": 0,
            "under_way_uncounted": 0,
            "reasons": [],
            "unread": [],
        }
        shop.cache.close()
        self.put_returns(
            shop,
            ("2026-11-22", "back", "Брак", 1000),
            ("2026-10-24", "on_the_way", "Не подошёл", 2000),
            ("2026-10-24", "written_off", "Не подошёл", 1000),
            ("2026-10-23", "ready", "Давно", 4000),
            ("2026-10-23", "back", "Давно", 8000),
            ("2026-11-21", "back", "", None),
            ("2026-11-20", "on_the_way", "", None),
            ("2026-10-23", "on_the_way", "", None),
            ("2026-10-23", "back", "", None),
        )
        assert shop.get("/api/v1/products/item-7").json()["returns"] == {
            "begun_30d": 4,
            "begun_30d_uncounted": 2,
            "under_way": 6,
            "under_way_uncounted": 2,
            "reasons": ["Не подошёл", "Брак"],
            "unread": [],
        }

    def read_to_the_end(self, shop: Api, *streams: str) -> None:
        told = {"cursor": "{}", "complete": True, "as_of": 1_000_000, "changed_at": 1}
        self.put(shop, tables.stream_state, *({"stream": each, **told} for each in streams))

    def test_money_nobody_tells_of_is_unknown_and_none_is_zero(self, shop: Api) -> None:
        found = shop.get("/api/v1/products/item-7").json()
        assert (found["finance"], found["storage"]) == (None, None)
        self.read_to_the_end(shop, "finance", "storage_cost")
        shop.cache.close()
        found = shop.get("/api/v1/products/item-7").json()
        nothing = {"amount": "0.00", "currency": "RUB"}
        assert found["finance"] == {"as_of": "1970-01-01T00:00:01Z", "net": nothing, "kinds": [], "unread": []}
        assert (found["storage"]["cost"], found["storage"]["days"], found["storage"]["last_day"]) == (nothing, 0, None)

    def test_an_account_that_sells_it_and_was_never_read_whole_is_named_beside_the_sums(self, shop: Api) -> None:
        self.read_to_the_end(shop, "finance", "storage_cost", "returns")
        others = [("wildberries", "Второй", None), ("drop-folder", "Папка", None), ("ozon", "Прежний", 5)]
        with shop.database.write() as connection:
            for number, (source, name, left_at) in enumerate(others, 11):
                seed.put_account(connection, number, source=source, name=name)
                seed.put_sku(connection, number, account_id=number, item_id=7)
                connection.execute(tables.account.update().where(tables.account.c.id == number).values(left_at=left_at))
        started = {"cursor": "{}", "complete": False, "as_of": None, "changed_at": 1}
        self.put(shop, tables.stream_state, {"account_id": 11, "stream": "finance", **started})
        shop.cache.close()
        found = shop.get("/api/v1/products/item-7").json()
        missing = [{"source": "drop-folder", "account": "Папка"}, {"source": "wildberries", "account": "Второй"}]
        for part in ("finance", "storage", "returns"):
            assert found[part]["unread"] == missing, part

    def test_finances_of_thirty_days_by_kind(self, shop: Api) -> None:
        self.read_to_the_end(shop, "finance")
        fixed = {"currency": "RUB", "name": "", "known_from": 0, "sku_id": 1}
        told = [
            ("2026-11-22", "sale", 14_000_000),
            ("2026-10-24", "sale", 7_000_000),
            ("2026-10-23", "sale", 1_000_000_000),
            ("2026-11-21", "return", -7_000_000),
            ("2026-11-21", "delivery", -565_000),
            ("2026-11-21", "commission", -2_100_001),
        ]
        lines = [{"booked_day": day, "kind": kind, "amount": amount} for day, kind, amount in told]
        lines += [{**lines[0], "sku_id": 2}, {**lines[0], "sku_id": None}, {**lines[0], "currency": "BYN"}]
        self.put(
            shop,
            tables.finance_line,
            *({**fixed, "external_id": str(n), "booking_id": str(n), **row} for n, row in enumerate(lines)),
        )
        found = shop.get("/api/v1/products/item-7").json()["finance"]
        assert [(each["kind"], each["amount"]["amount"], each["lines"]) for each in found["kinds"]] == [
            ("sale", "1400.00", 1),
            ("sale", "2100.00", 2),
            ("return", "-700.00", 1),
            ("commission", "-210.0001", 1),
            ("delivery", "-56.50", 1),
        ]
        assert {each["amount"]["currency"] for each in found["kinds"][1:]} == {"RUB"}
        assert found["net"] == {"amount": "1133.4999", "currency": "RUB"}

    def test_the_funnel_of_four_weeks_beside_the_four_before(self, shop: Api) -> None:
        assert shop.get("/api/v1/products/item-7").json()["funnel"] is None
        self.read_to_the_end(shop, "funnel")
        shop.cache.close()
        nothing = shop.get("/api/v1/products/item-7").json()["funnel"]
        assert nothing == {"as_of": "1970-01-01T00:00:01Z", "now": None, "before": None, "unread": []}
        with shop.database.write() as connection:
            # Another account's card of the same number is another card; and one of a marketplace that tells nothing.
            for number, source in ((11, "ozon"), (12, "drop-folder")):
                seed.put_account(connection, number, source=source, name=f"{number}")
            seed.put_sku(connection, 11, account_id=11, item_id=7)
            seed.put_sku(connection, 12, account_id=12, item_id=7)
            query = "SELECT l.external_id FROM listing l JOIN sku k ON k.listing_id = l.id WHERE k.id = 1"
            card = connection.exec_driver_sql(query).scalar_one()
            read_at = micros(datetime(2026, 11, 22, 8, tzinfo=UTC))
            connection.exec_driver_sql(f"UPDATE stream_state SET as_of = {read_at} WHERE stream = 'funnel'")
        told = {"card": card, "opened": 40, "carted": 5, "ordered": 8, "bought": 0, "cancelled": 1, "known_from": 0}
        days = ("2026-11-21", "2026-10-25", "2026-10-24", "2026-09-27", "2026-09-26")
        self.put(shop, tables.funnel_day, *({**told, "day": day, "wished": None} for day in days))
        self.put(shop, tables.funnel_day, {**told, "account_id": 12, "day": "2026-11-21", "opened": 1})
        shop.cache.close()
        found = shop.get("/api/v1/products/item-7").json()["funnel"]
        assert found["unread"] == [{"source": "ozon", "account": "11"}], "who never tells of it lacks in nothing"
        counts = {"opened": 80, "carted": 10, "ordered": 16, "bought": 0, "cancelled": 2, "wished": None}
        rates = {"to_cart": 0.125, "to_order": 1.6, "to_buyout": 0.0, "response": None}
        told_of = {"days": 2, "incomplete": [{"source": "ozon", "account": "Shop"}]}
        days_now = {"first_day": "2026-10-25", "last_day": "2026-11-21"} | told_of
        days_before = {"first_day": "2026-09-27", "last_day": "2026-10-24"} | told_of
        assert found["now"] == days_now | counts | rates
        assert found["before"] == days_before | counts | rates

    def test_storage_of_thirty_days(self, shop: Api) -> None:
        self.read_to_the_end(shop, "storage_cost")
        fixed = {"currency": "RUB", "known_from": 0, "place_id": None}
        told = [
            (1, "2026-11-21", 12_300),
            (1, "2026-11-21", 100),
            (1, "2026-10-24", 1_000),
            (1, "2026-10-23", 1),
            (2, "2026-11-21", 1),
        ]
        self.put(
            shop,
            tables.storage_cost,
            *(
                {"external_id": str(n), "sku_id": sku, "stored_day": day, "amount": amount, **fixed}
                for n, (sku, day, amount) in enumerate(told)
            ),
        )
        found = shop.get("/api/v1/products/item-7").json()["storage"]
        assert (found["cost"]["amount"], found["days"]) == ("1.34", 2)
        assert (found["first_day"], found["last_day"]) == ("2026-10-24", "2026-11-21")


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
