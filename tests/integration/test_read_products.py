"""Lists of products: every order, filter and page size gives every product once, on both databases alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from micore.domain.stock_status import STATUS_BY_CODE, STATUS_CODES
from micore.domain.views import ProductRow
from micore.errors import InvalidRequestError, NotFoundError
from micore.services.products import Products, ProductState, product_query
from micore.services.shop import Shop
from micore.storage import products as store
from micore.storage import search
from micore.storage.database import Database
from tests import seed

SORT_COLUMNS = {name: column.key for name, column in store.SORTS.items()}


NAMES = ("Рубашка", "рубашка", "Ёлка", "apple", "Apple", "Zebra", "яблоко")


def shop_of(size: int) -> list[dict[str, Any]]:
    """Products with many equal, unknown and extreme values."""
    chance = random.Random(7)
    found = []
    for number in range(1, size + 1):
        key = number if number % 3 else -number
        known = chance.random() > 0.2
        found.append(
            seed.product(
                key,
                name=chance.choice(["Рубашка", "рубашка", "Ёлка", "apple", "Apple", "Zebra", "яблоко"])
                + f" {number % 40}",
                code=f"ART-{number % 50:03d}",
                sources=chance.choice(["ozon", "ozon,wildberries", "wildberries"]),
                archived=chance.random() < 0.1,
                available=chance.choice([0, -1000, 5000, 20_000, 20_001, 100_000, 700_000]) if known else None,
                cover_tenths=chance.choice([None, 0, 14, 300]),
                stock_value=chance.choice([None, 0, 10_000, 2**50]),
                sold_30d=chance.choice([0, 1000, 33_000]),
                revenue_30d=chance.choice([0, 7_000_000, 90_000_000]),
            )
        )
    return found


SHOP = shop_of(200)
ACTIVE = [row for row in SHOP if not row["archived"]]


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    made = Database(migrated_url)
    with made.write() as connection:
        seed.put_products(connection, SHOP)
    yield made
    made.close()


@pytest.fixture
def products(database: Database) -> Products:
    return Products(database, Shop(), now=lambda: seed.NOW)


def key_of(row: ProductRow) -> int:
    kind, _, number = row.id.partition("-")
    return int(number) if kind == "item" else -int(number)


def walk(products: Products, *, limit: int, **asked: Any) -> list[int]:
    """All pages, one after the other."""
    found: list[int] = []
    cursor = None
    while True:
        page = products.page(product_query(limit=limit, cursor=cursor, **asked))
        found += map(key_of, page.items)
        assert page.total == (len(found) if page.next_cursor is None else page.total)
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


def expected(rows: list[dict[str, Any]], sort: str) -> list[int]:
    """The same order by Python: unknown values last, equal ones by key in the direction of the sort."""
    down = sort.startswith("-")
    if sort.removeprefix("-") == "status":
        ranked = sorted(((row["effect"], row["product_key"], row["status"]) for row in rows), reverse=True)
        return [key for _, key, status in sorted(ranked, key=lambda each: each[2], reverse=down)]
    column = SORT_COLUMNS[sort.removeprefix("-")]
    known = sorted(
        (r for r in rows if r[column] is not None), key=lambda r: (r[column], r["product_key"]), reverse=down
    )
    unknown = sorted((r for r in rows if r[column] is None), key=lambda r: r["product_key"], reverse=down)
    return [row["product_key"] for row in known + unknown]


class TestPages:
    @pytest.mark.parametrize("sort", [sign + name for name in store.SORTS for sign in ("", "-")])
    def test_every_order_shows_every_product_once(self, products: Products, sort: str) -> None:
        assert walk(products, limit=7, sort=sort) == expected(ACTIVE, sort)

    @pytest.mark.parametrize("limit", [1, 50, 200])
    def test_any_page_size(self, products: Products, limit: int) -> None:
        assert walk(products, limit=limit, sort="-cover") == expected(ACTIVE, "-cover")

    def test_states(self, products: Products) -> None:
        archived = [row for row in SHOP if row["archived"]]
        assert walk(products, limit=50, sort="code", state=ProductState.ARCHIVED) == expected(archived, "code")
        assert walk(products, limit=50, sort="code", state=ProductState.ALL) == expected(SHOP, "code")

    def test_an_empty_shop(self, migrated_url: str) -> None:
        database = Database(migrated_url)
        page = Products(database, Shop()).page(product_query())
        assert (page.total, page.items, page.next_cursor, page.as_of, page.generation) == (0, [], None, None, 0)
        database.close()


class TestFilters:
    def test_statuses(self, products: Products) -> None:
        wanted = {STATUS_CODES[STATUS_BY_CODE[0]], STATUS_CODES[STATUS_BY_CODE[4]]}
        rows = [row for row in ACTIVE if row["status"] in wanted]
        assert walk(products, limit=9, statuses="critical, unknown") == expected(rows, "-effect")

    def test_marketplaces(self, products: Products) -> None:
        rows = [row for row in ACTIVE if "wildberries" in row["sources"]]
        assert walk(products, limit=9, marketplaces="wildberries") == expected(rows, "-effect")
        assert walk(products, limit=9, marketplaces="ozon,wildberries") == expected(ACTIVE, "-effect")
        assert walk(products, limit=9, marketplaces="o_on") == []

    def test_together(self, products: Products) -> None:
        rows = [row for row in ACTIVE if row["status"] == 0 and row["sources"] == "wildberries"]
        found = walk(products, limit=3, statuses="critical", marketplaces="wildberries", sort="name")
        shared = [row for row in ACTIVE if row["status"] == 0 and "wildberries" in row["sources"]]
        assert found == expected(shared, "name")
        assert set(found) >= {row["product_key"] for row in rows}

    def test_places_and_clusters(self, migrated_url: str) -> None:
        database = Database(migrated_url)
        with database.write() as connection:
            seed.put_account(connection)
            seed.put_place(connection, 10, kind="cluster", name="Юг")
            for place in (11, 12):
                seed.put_place(connection, place, parent=10)
            seed.put_place(connection, 13)
            connection.execute(text("INSERT INTO item (id, code, name, created_at) VALUES (1, 'a', 'a', 0)"))
            for sku, item in ((1, 1), (2, 1), (3, None), (4, None)):
                seed.put_sku(connection, sku, item_id=item)
            for sku, place in ((1, 11), (2, 12), (3, 12), (4, 13)):
                seed.put_stock(connection, sku, place, 0)
            seed.put_products(connection, [seed.product(key) for key in (1, -3, -4)])
        products = Products(database, Shop())
        assert set(walk(products, limit=5, places="11")) == {1}
        assert set(walk(products, limit=5, places="12")) == {1, -3}
        assert set(walk(products, limit=5, places="10")) == {1, -3}
        assert set(walk(products, limit=5, places="11,13")) == {1, -4}
        assert walk(products, limit=5, places="99") == []
        database.close()


class TestSearch:
    @pytest.fixture
    def finder(self, migrated_url: str) -> Iterator[Products]:
        database = Database(migrated_url)
        words = {
            1: "Рубашка ЁЛКА красная\nART-100\n4601234567890\n900001",
            -2: "Blue Shirt 100%\nart_200\n4600000000017",
            3: 'Лампа "Свет" 3*2\nL\'ART\n(x)',
            4: "яя",
        }
        with database.write() as connection:
            seed.put_products(connection, [seed.product(key) for key in words])
            search.upsert(connection, words.items())
        yield Products(database, Shop())
        database.close()

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("рубашка", {1}),
            ("РУБАШ", {1}),
            ("елка", {1}),
            ("Ёлка рубашка", {1}),
            ("art-1", {1}),
            ("art", {1, -2, 3}),
            ("345678", {1}),
            ("900001", {1}),
            ("shirt BLUE", {-2}),
            ("100%", {-2}),
            ("100", {1, -2}),
            ("_200", {-2}),
            ("art_", {-2}),
            ('"свет"', {3}),
            ("3*2", {3}),
            ("l'art", {3}),
            ("(x)", {3}),
            ("я", {4, 1}),
            ("яя", {4}),
            ("46 рубаш", {1}),
            ("shirt лампа", set()),
            ("' OR 1=1 --", set()),
            ("nothing like this", set()),
            ("*", {3}),
            ("NEAR(", set()),
            ("\x00", {1, -2, 3, 4}),
            ("   ", {1, -2, 3, 4}),
        ],
    )
    def test_any_part_in_any_case(self, finder: Products, words: str, found: set[int]) -> None:
        assert set(walk(finder, limit=2, words=words)) == found

    def test_only_changed_words_are_written(self, database: Database) -> None:
        with database.write() as connection:
            assert search.upsert(connection, [(1, "Новое"), (2, "Второе")]) == 2
            assert search.upsert(connection, [(1, "НОВОЕ"), (2, "Третье")]) == 1
            search.delete(connection, [1])
            assert search.upsert(connection, [(1, "новое")]) == 1


class TestCursors:
    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "====",
            "WyItZWZmZWN0Iiwx",
            "0" * 400,
            "é",
            "W10",
            "bnVsbA",
            "WyJuYW1lIiwgMSwgMV0",
            "WyItZWZmZWN0IixudWxsLCJ4Il0",
        ],
    )
    def test_a_made_up_one_is_refused(self, cursor: str) -> None:
        with pytest.raises(InvalidRequestError, match="next_cursor"):
            product_query(cursor=cursor)

    def test_belongs_to_its_order(self, products: Products) -> None:
        cursor = products.page(product_query(limit=5, sort="name")).next_cursor
        with pytest.raises(InvalidRequestError):
            product_query(sort="-name", cursor=cursor)

    def test_survives_the_product_it_ended_with(self, database: Database, products: Products) -> None:
        first = products.page(product_query(limit=5, sort="code"))
        with database.write() as connection:
            connection.execute(
                text("DELETE FROM product_summary WHERE product_key = :key"), {"key": key_of(first.items[-1])}
            )
        second = products.page(product_query(limit=5, sort="code", cursor=first.next_cursor))
        assert [key_of(row) for row in second.items] == expected(ACTIVE, "code")[5:10]


@pytest.mark.parametrize(
    "asked",
    [
        {"statuses": "bad"},
        {"places": "x"},
        {"places": "1,-2"},
        {"places": "9" * 30},
        {"sort": "price"},
        {"sort": "--name"},
    ],
)
def test_what_is_not_allowed_is_named(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="allowed:"):
        product_query(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "public_id", ["item-0", "sku-", "item-x", "x-1", "item-99999999999999999999", "item-1 ", "ITEM-1"]
)
def test_an_id_that_cannot_be_is_not_found(products: Products, public_id: str) -> None:
    with pytest.raises(NotFoundError):
        products.detail(public_id)


@pytest.mark.parametrize("sort", ["-effect", "name", "-cover", "status"])
def test_a_page_is_a_walk_along_an_index(migrated_sqlite_url: str, sort: str) -> None:
    database = Database(migrated_sqlite_url)
    with database.write() as connection:
        seed.put_products(connection, SHOP)
        connection.exec_driver_sql("ANALYZE")
    with database.read() as connection:
        statements: list[tuple[str, Any]] = []
        event.listen(
            connection, "before_cursor_execute", lambda _c, _cur, sql, values, *_: statements.append((sql, values))
        )
        after = store.Position("х" if sort == "name" else 1, 5, 10)
        store.page(
            connection,
            store.ProductFilter(),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            limit=1000,
            after=after,
        )
        executed = list(statements)
        plans = [
            step[3]
            for sql, values in executed
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    database.close()
    assert plans
    assert all("USING INDEX ix_product_summary" in plan for plan in plans), plans
    assert not any("TEMP B-TREE" in plan for plan in plans), plans
