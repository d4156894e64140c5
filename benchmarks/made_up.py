"""A made-up marketplace of any size: its rows follow from their numbers, so nothing of it is kept in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import ClassVar

import msgspec
from sqlalchemy import insert

from micore.domain.instants import micros
from micore.domain.records import Holder, PlaceKind, StockRecord
from micore.sources.base import (
    AccountFacts,
    Option,
    Page,
    RawAnswer,
    Reread,
    SourceTools,
    StoredRow,
    Stream,
    StreamKind,
)
from micore.storage import tables
from micore.storage.bulk import bulk_for
from micore.storage.database import Database

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FBO_PLACES = 8
FBS_PLACES = 2
PLACES = FBO_PLACES + FBS_PLACES
ORDERS_PER_PRODUCT = 3
SCOPES: Mapping[str, range] = {"fbo": range(1, FBO_PLACES + 1), "fbs": range(FBO_PLACES + 1, PLACES + 1)}


@dataclass
class MadeUpShop:
    """One account with `products` cards of one sku each, stocked in ten places: `products` x 10 rows of stock."""

    products: int
    page_rows: int = 5_000
    reading: int = 0
    """Counts the readings; each changes every hundredth row."""
    making_seconds: float = 0.0
    """CPU that the making of pages has cost so far: no marketplace's answer has to be invented."""

    def stock(self, scope: str, first: int, past: int) -> list[StockRecord]:
        """Rows `first` to `past` of a scope, sku by sku; told as Ozon tells them, the rest is None."""
        places = SCOPES[scope]
        wide, low, reading = len(places), places[0], self.reading
        records = []
        for number in range(first, past):
            sku, place = number // wide + 1, number % wide + low
            units = (sku * 37 + place * 101) % 97 * (sku % 13) + (reading if self.changes(number) else 0)
            figures: tuple[int | None, ...]
            if scope == "fbo":
                figures = (units * 1000, None, None, (sku + place) % 30 * 1000, None, sku % 3 * 1000)
            else:
                figures = (units * 1000, units * 1000 + sku % 4 * 1000, sku % 4 * 1000, None, None, None)
            records.append(StockRecord(sku_text(sku), place_text(place), *figures))
        return records

    @staticmethod
    def changes(number: int) -> bool:
        """Whether a row of a scope differs in each reading."""
        return number % 100 == 7

    @property
    def rows_in_all(self) -> int:
        """How many rows of stock there are."""
        return self.products * PLACES

    def rows(self, scope: str) -> int:
        """How many rows a scope has."""
        return self.products * len(SCOPES[scope])


def sku_text(number: int) -> str:
    """The marketplace's id of a sku."""
    return str(148_000_000 + number)


def place_text(number: int) -> str:
    """The marketplace's id of a place."""
    return str(22_000_000_000 + number)


class MadeUpSource:
    """Reads the stock of a MadeUpShop by the contract of micore.sources.base.Source."""

    name: ClassVar[str] = "made_up"
    title: ClassVar[str] = "Made up"
    options: ClassVar[tuple[Option, ...]] = ()
    streams: ClassVar[tuple[Stream, ...]] = (Stream("stock", StreamKind.SNAPSHOT),)
    parser: ClassVar[str] = "made_up/1"

    def __init__(self, shop: MadeUpShop, tools: SourceTools) -> None:
        self._shop, self._tools = shop, tools

    def account(self) -> AccountFacts:
        """The account that `fill_catalogue` makes."""
        return AccountFacts("1", "Made up", "RUB")

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """All pages of all scopes; benchmarks break nothing off."""
        del cursor, full
        shop = self._shop
        as_of = START + timedelta(hours=shop.reading)
        last_scope = list(SCOPES)[-1]
        for scope in SCOPES:
            total = shop.rows(scope)
            for first in range(0, total, shop.page_rows):
                past = min(first + shop.page_rows, total)
                started = process_time()
                records = shop.stock(scope, first, past)
                body = msgspec.json.encode([each._asdict() for each in records])
                shop.making_seconds += process_time() - started
                yield Page(
                    raw=RawAnswer(body, f"POST /{stream}/{scope}", f'{{"offset":{first}}}', self._tools.now()),
                    records=records,
                    rejected=(),
                    cursor=json.dumps({"scope": scope, "offset": past}),
                    as_of=as_of,
                    scope=scope,
                    scope_done=past == total,
                    done=past == total and scope == last_scope,
                    expected_rows=shop.products * PLACES,
                )

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> Sequence[Reread]:
        """Nothing is ever rejected here."""
        del stream
        return [Reread(reason="never rejected") for _ in rows]

    def close(self) -> None:
        """Nothing to give back."""


def fill_catalogue(database: Database, shop: MadeUpShop) -> None:
    """The account, its cards, skus, places and some recent orders; our ids are the shop's own numbers."""
    now = micros(START)
    numbers = range(1, shop.products + 1)
    with database.write() as connection:
        bulk = bulk_for(connection)
        connection.execute(
            insert(tables.account).values(
                source=MadeUpSource.name, external_id="1", name="Made up", currency="RUB", created_at=now
            )
        )
        bulk.put(
            connection,
            "listing",
            {
                "id": "int",
                "account_id": "int",
                "external_id": "text",
                "offer_id": "text",
                "name": "text",
                "archived": "bool",
                "price": "int",
                "currency": "text",
                "changed_at": "int",
            },
            ("id",),
            [
                (each, 1, str(each), f"ART-{each:06d}", name_of(each), False, price_of(each), "RUB", now)
                for each in numbers
            ],
        )
        bulk.put(
            connection,
            "sku",
            {"id": "int", "account_id": "int", "listing_id": "int", "external_id": "text"},
            ("id",),
            [(each, 1, each, sku_text(each)) for each in numbers],
        )
        connection.execute(insert(tables.place), [_place(number, now) for number in range(1, PLACES + 1)])
        bulk.put(
            connection,
            "order_line",
            {
                "account_id": "int",
                "order_id": "text",
                "sku_id": "int",
                "scheme": "text",
                "state": "text",
                "quantity": "int",
                "price": "int",
                "currency": "text",
                "ordered_at": "int",
                "ordered_day": "text",
                "version": "int4",
                "known_from": "int",
            },
            ("account_id", "order_id", "sku_id"),
            [_order(each, turn) for each in numbers for turn in range(ORDERS_PER_PRODUCT)],
        )


def name_of(number: int) -> str:
    """What a card is called."""
    kinds = ("Кружка", "Плед", "Лампа", "Ваза", "Полотенце", "Свеча", "Корзина")
    return f"{kinds[number % len(kinds)]} «Дом и уют» {number}"


def price_of(number: int) -> int:
    """What a card costs, ten-thousandths of a rouble."""
    return (190 + number * 7 % 4000) * 10_000


def _place(number: int, now: int) -> dict[str, object]:
    held = number <= FBO_PLACES
    return {
        "account_id": 1,
        "kind": PlaceKind.WAREHOUSE.value,
        "external_id": place_text(number),
        "name": f"Склад {number}",
        "holder": (Holder.MARKETPLACE if held else Holder.SELLER).value,
        "authority": "observed",
        "scheme": "FBO" if held else "FBS",
        "changed_at": now,
    }


def _order(number: int, turn: int) -> tuple[object, ...]:
    at = START - timedelta(days=(number + turn * 11) % 28, hours=1)
    return (
        *(1, f"{number:08d}-{turn:04d}-1", number, "FBO", "delivered"),
        *((number + turn) % 4 * 1000 + 1000, price_of(number), "RUB", micros(at), at.date().isoformat()),
        *(1, micros(at)),
    )
