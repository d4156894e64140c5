"""A little Wildberries whose every row a test can set: for bad rows, refusals and other things a shop seldom does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from micore.sources.base import Page
from micore.sources.wildberries import WildberriesSource
from micore.sources.wildberries.statistics import moscow_or_none
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says, Server, serving

Row = dict[str, Any]

CARDS = "/content/v2/get/cards/list"
TRASH = "/content/v2/get/cards/trash"
PRICES = "/api/v2/list/goods/filter"
WAREHOUSES = "/api/v3/warehouses"
POOLED = "/api/analytics/v1/stocks-report/wb-warehouses"
SELLERS = "/api/analytics/v1/stocks-report/seller-warehouses"
ORDERS = "/api/v1/supplier/orders"
SALES = "/api/v1/supplier/sales"
RETURNS = "/api/analytics/v1/item-returns"
SUPPLIES = "/api/v1/supplies"
FINANCE = "/api/finance/v1/sales-reports/detailed"
STORAGE = "/api/v1/paid_storage"
FUNNEL = "/api/analytics/v3/sales-funnel/products"
SELLER_INFO = "/api/v1/seller-info"

DISABLED = Says(
    {
        "status": 404,
        "statusText": "Not Found",
        "title": "Not Found",
        "detail": "This method is temporarily disabled. Link: https://dev.wildberries.ru/release-notes?id=570",
        "requestId": "1",
        "origin": "ag-supplies",
    },
    404,
)


@dataclass
class FakeWildberries:
    """Answers as all of Wildberries' hosts do."""

    clock: HandClock
    cards: list[Row] = field(default_factory=list)
    trash: list[Row] = field(default_factory=list)
    prices: list[Row] = field(default_factory=list)
    warehouses: list[Row] = field(default_factory=list)
    pooled: list[Row] = field(default_factory=list)
    sellers: list[Row] = field(default_factory=list)
    amounts: dict[int, list[Row]] = field(default_factory=dict)
    orders: list[Row] = field(default_factory=list)
    sales: list[Row] = field(default_factory=list)
    returns: list[Row] = field(default_factory=list)
    supplies: list[Row] = field(default_factory=list)
    supply: Row = field(default_factory=lambda: {"warehouseName": "Коледино", "actualWarehouseName": ""})
    goods: dict[int, list[Row]] = field(default_factory=dict)
    finance: list[Row] = field(default_factory=list)
    """Rows of the sales reports, in the order of rrdId."""
    stored: list[Row] = field(default_factory=list)
    funnel: list[Row] = field(default_factory=list)
    """Cards by day, in the order they are told."""
    tasks: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)
    """Reports of storage: when they were ordered, first and last day."""
    made_after_seconds: float = 180.0
    lives_seconds: float = 7200.0
    statistics_rows: int = 1000
    """How many rows of orders or sales an answer holds."""
    instead: dict[str, Callable[[Asked], Says | None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Says:
        self.asked.append(asked)
        override = self.instead.get(path_of(asked))
        says = (override(asked) if override else None) or self._answer(asked)
        return replace(says, headers={"Date": format_datetime(self.clock.now(), usegmt=True), **says.headers})

    def _answer(self, asked: Asked) -> Says:
        path, query, payload = path_of(asked), query_of(asked), asked.payload or {}
        lists = {PRICES: self.prices, POOLED: self.pooled, SELLERS: self.sellers}
        if path in (CARDS, TRASH):
            return self._cards(payload["settings"], trashed=path == TRASH)
        if path == PRICES:
            return Says({"data": {"listGoods": part(self.prices, query)}, "error": False, "errorText": ""})
        if path in lists:
            return Says({"data": {"items": part(lists[path], payload)}})
        if path in (ORDERS, SALES):
            return self._changed(self.orders if path == ORDERS else self.sales, query["dateFrom"])
        if path.startswith("/api/v3/stocks/"):
            told = self.amounts.get(int(path.rpartition("/")[2]), [])
            return Says({"stocks": [row for row in told if row["chrtId"] in payload["chrtIds"]]})
        if path == RETURNS:
            return self._returns(query)
        if path == FINANCE:
            told = [row for row in self.finance if payload["dateFrom"] <= row["rrDate"] <= payload["dateTo"]]
            page = [row for row in told if row["rrdId"] > payload["rrdId"]][: payload["limit"]]
            return Says(page) if page else Says(b"", 204)
        if path == FUNNEL:
            return Says({"data": {"products": part(self._on(payload["selectedPeriod"]), payload), "currency": "RUB"}})
        if path.startswith(STORAGE):
            return self._storage(path, query)
        if path.startswith(f"{SUPPLIES}/"):
            number = int(path.split("/")[4])
            return Says(part(self.goods.get(number, []), query) if path.endswith("/goods") else self.supply)
        if path == SUPPLIES:
            return Says(part([row for row in self.supplies if self._wanted(row, payload)], query))
        simple: dict[str, object] = {
            WAREHOUSES: self.warehouses,
            "/ping": {"TS": "2026-11-22T12:00:00+03:00", "Status": "OK"},
            SELLER_INFO: {"name": "ООО Ромашка", "sid": "e892-4014", "tin": "7700000000", "tradeMark": "Ромашка"},
        }
        return Says(simple[path]) if path in simple else Says({"title": "path not found"}, 404)

    def _cards(self, settings: Row, *, trashed: bool) -> Says:
        name, cursor = "trashedAt" if trashed else "updatedAt", settings["cursor"]
        rows = sorted(self.trash if trashed else self.cards, key=lambda row: (row[name], row["nmID"]))
        after = (cursor.get(name, ""), cursor.get("nmID", 0))
        page = [row for row in rows if (row[name], row["nmID"]) > after][: cursor["limit"]]
        mark: Row = {name: page[-1][name], "nmID": page[-1]["nmID"]} if page else {}
        return Says({"cards": page, "cursor": mark | {"total": len(page)}})

    def _on(self, period: Row) -> list[Row]:
        told = [row["statistic"]["selected"]["period"] for row in self.funnel]
        return [row for row, of in zip(self.funnel, told, strict=True) if of["start"] == period["start"]]

    def _storage(self, path: str, query: Row) -> Says:
        now = self.clock.now()
        if path == STORAGE:
            number = f"06e06887-9d9f-491f-b16a-{len(self.tasks):012}"
            self.tasks[number] = now, query["dateFrom"], query["dateTo"]
            return Says({"data": {"taskId": number}})
        number, what = path.split("/")[5:]
        if number not in self.tasks:
            return Says({"title": "Not Found", "detail": "not found"}, 404)
        ordered, since, to = self.tasks[number]
        age = (now - ordered).total_seconds()
        state = "processing" if age < self.made_after_seconds else "done" if age < self.lives_seconds else "purged"
        if what == "status":
            return Says({"data": {"id": number, "status": state}})
        rows = [row for row in self.stored if since <= str(row["date"]) <= to]
        return Says(b"", 404) if state != "done" else Says(rows) if rows else Says(b"", 204)

    def _wanted(self, row: Row, payload: Row) -> bool:
        """By its state and the day it was made; a row without one stands there always."""
        made, period = str(row["createDate"])[:10], payload["dates"][0]
        assert period["type"] == "createDate"
        inside = not made[:4].isdigit() or period["from"] <= made <= period["till"]
        return inside and row["statusID"] in payload["statusIDs"]

    def _returns(self, query: Row) -> Says:
        rows = [row for row in self.returns if query["dateFrom"] <= row["orderDt"] <= query["dateTo"]]
        ended = [row for row in rows if (row["returnStatus"] == "Выдано") == (query["status"] == "archive")]
        return Says({"count": len(ended), "report": part(ended, query)}) if ended else Says(b"", 204)

    def _changed(self, rows: list[Row], since: str) -> Says:
        """Sorted and at or after an instant; rows with a bad one stand where they are put, and always."""
        first = moscow_or_none(since)
        assert first is not None, "dateFrom is required"
        told = [row for row in rows if (at := moscow_or_none(str(row["lastChangeDate"]))) is None or at >= first]
        return Says(told[: self.statistics_rows])

    def paths(self, path: str) -> list[Asked]:
        """What was asked at a path."""
        return [asked for asked in self.asked if path_of(asked) == path]


def path_of(asked: Asked) -> str:
    """Where a request went, without its query."""
    return urlsplit(asked.path).path


def query_of(asked: Asked) -> dict[str, str]:
    """What stood behind the question mark."""
    return dict(parse_qsl(urlsplit(asked.path).query))


def part(rows: list[Row], asked: Row) -> list[Row]:
    """By limit and offset, from a query or a body."""
    start = int(asked.get("offset", 0))
    return rows[start : start + int(asked.get("limit", 100))]


@dataclass
class Bench:
    """A source, its marketplace and its clock."""

    source: WildberriesSource
    shop: FakeWildberries
    clock: HandClock
    server: Server
    barcodes: dict[str, str]
    """Which sku each stands for, by the catalogue as it was read last; "card/barcode" where the card decides."""

    def read(self, stream: str, cursor: str | None = None, *, full: bool = False) -> list[Page]:
        return list(self.source.read(stream, cursor, full=full))


@contextmanager
def bench(**options: str) -> Iterator[Bench]:
    clock = HandClock()
    shop = FakeWildberries(clock)
    barcodes: dict[str, str] = {}
    with serving(shop) as server:
        given = {"api_token": "token-for-tests", "base_url": server.url, "history_days": "60"}

        def sku_of_barcode(barcode: str, card: str) -> str | None:
            return barcodes.get(f"{card}/{barcode}", barcodes.get(barcode))

        source = WildberriesSource(given | options, replace(clock.tools(), sku_of_barcode=sku_of_barcode))
        try:
            yield Bench(source, shop, clock, server, barcodes)
        finally:
            source.close()
