"""Rows for tests of the read side, put straight into the tables: shops of any shape in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any

from sqlalchemy import Connection, func, insert, select

from micore.domain.instants import micros
from micore.domain.stock_status import STATUS_CODES, StatusThresholds, StockStatus
from micore.storage import search
from micore.storage import tables as t

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPARK = Struct("<30q")


def product(key: int, **given: Any) -> dict[str, Any]:
    """A row of product_summary; what follows from what is given follows."""
    name = given.get("name", f"Product {key}")
    available = given.get("available", 50_000)
    status = STATUS_CODES[StatusThresholds().status_of(available)]
    revenue = given.get("revenue_30d", 0)
    value = given.get("stock_value")
    return {
        "product_key": key,
        "name": name,
        "name_sort": search.fold(name),
        "code": f"ART-{key}",
        "sources": "ozon",
        "status": status,
        "archived": False,
        "stale": False,
        "available": available,
        "present": None,
        "reserved": None,
        "inbound": None,
        "places": 1,
        "price": None,
        "stock_value": value,
        "sold_30d": 0,
        "revenue_30d": revenue,
        "effect": (value or 0) if status == STATUS_CODES[StockStatus.OVERSTOCK] else revenue,
        "cover_tenths": None,
        "spark": SPARK.pack(*([0] * 29), 1000),
        **given,
    }


def put_products(connection: Connection, products: Iterable[Mapping[str, Any]], *, generation: int = 1) -> None:
    """Summaries, their totals, their searchable words and the generation."""
    rows = [dict(each) for each in products]
    if rows:
        connection.execute(insert(t.product_summary), rows)
    connection.execute(t.status_total.delete())
    for status in STATUS_CODES.values():
        of_status = [row for row in rows if row["status"] == status and not row["archived"]]
        connection.execute(
            insert(t.status_total).values(
                status=status,
                products=len(of_status),
                effect=sum(row["effect"] for row in of_status),
                stock_value=sum(row["stock_value"] or 0 for row in of_status),
                revenue_30d=sum(row["revenue_30d"] for row in of_status),
            )
        )
    search.upsert(connection, [(row["product_key"], f"{row['name']}\n{row['code']}") for row in rows])
    put_generation(connection, generation)


def put_generation(connection: Connection, number: int) -> None:
    """The generation of what is shown."""
    connection.execute(t.generation.delete())
    connection.execute(insert(t.generation).values(region="stock", number=number, changed_at=micros(NOW)))


def put_account(connection: Connection, account_id: int = 1, *, source: str = "ozon", name: str = "Shop") -> None:
    """An account at a marketplace."""
    connection.execute(
        insert(t.account).values(
            id=account_id, source=source, external_id=f"client-{account_id}", name=name, currency="RUB", created_at=0
        )
    )


def put_snapshot(
    connection: Connection, *, account_id: int = 1, as_of: datetime = NOW, state: str = "published"
) -> None:
    """A reading of an account's stock."""
    connection.execute(
        insert(t.stock_snapshot).values(
            account_id=account_id, run_id=1, scope="fbo", as_of=micros(as_of), state=state, complete=True
        )
    )


def put_sku(
    connection: Connection, sku_id: int, *, account_id: int = 1, item_id: int | None = None, **card: Any
) -> None:
    """A card with one sku; their ids are equal."""
    connection.execute(
        insert(t.listing).values(
            id=sku_id,
            account_id=account_id,
            external_id=f"card-{sku_id}",
            offer_id=f"ART-{sku_id}",
            **{
                "name": f"Card {sku_id}",
                "archived": False,
                "price": 7_000_000,
                "currency": "RUB",
                "changed_at": 0,
                **card,
            },
        )
    )
    connection.execute(
        insert(t.sku).values(
            id=sku_id, account_id=account_id, listing_id=sku_id, external_id=str(900_000 + sku_id), item_id=item_id
        )
    )


def put_place(connection: Connection, place_id: int, *, parent: int | None = None, **given: Any) -> None:
    """A warehouse, or a cluster when `kind` says so."""
    connection.execute(
        insert(t.place).values(
            id=place_id,
            parent_id=parent,
            external_id=str(given.pop("external_id", place_id)),
            **{
                "account_id": 1,
                "kind": "warehouse",
                "name": f"Place {place_id}",
                "holder": "marketplace",
                "authority": "observed",
                "scheme": "FBO",
                "changed_at": 0,
                **given,
            },
        )
    )


def put_stock(connection: Connection, sku_id: int, place_id: int, available: int | None, **given: Any) -> None:
    """What is there now."""
    since = given.pop("since", NOW)
    connection.execute(
        insert(t.stock).values(
            sku_id=sku_id,
            place_id=place_id,
            available=available,
            valid_from=micros(since),
            known_from=micros(since),
            **given,
        )
    )


def put_past(
    connection: Connection, sku_id: int, place_id: int, available: int | None, since: datetime, until: datetime
) -> None:
    """What was there from one instant to another."""
    connection.execute(
        insert(t.stock_history).values(
            sku_id=sku_id,
            place_id=place_id,
            available=available,
            valid_from=micros(since),
            known_from=micros(since),
            valid_until=micros(until),
            superseded_at=micros(until),
        )
    )


def put_order(
    connection: Connection, sku_id: int, day: str, *, quantity: int = 1000, state: str = "ordered", **given: Any
) -> None:
    """An order line."""
    number = connection.execute(select(func.count()).select_from(t.order_line)).scalar_one()
    connection.execute(
        insert(t.order_line).values(
            account_id=1,
            order_id=f"order-{number}",
            sku_id=sku_id,
            scheme="FBO",
            state=state,
            quantity=quantity,
            ordered_at=0,
            ordered_day=day,
            version=1,
            known_from=0,
            **{"price": 7_000_000, "currency": "RUB", **given},
        )
    )


def put_orders(connection: Connection, sku_id: int, lines: Iterable[tuple[str, int, str]]) -> None:
    """Order lines by number, instant and day, many at once."""
    same = {"account_id": 1, "sku_id": sku_id, "scheme": "FBO", "state": "ordered", "quantity": 1000, "version": 1}
    connection.execute(
        insert(t.order_line),
        [
            {**same, "known_from": 0, "order_id": order_id, "ordered_at": at, "ordered_day": day}
            for order_id, at, day in lines
        ],
    )
