"""Wildberries' seller APIs: who may ask, how often, and which method answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta, timezone

from micore.simulator.clock import Clock, from_us, rfc3339_seconds
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.limits import Bucket, Limit, Limits, Verdict, Window
from micore.simulator.shop.shop import Shop
from micore.simulator.wildberries import cards, fbs, feed, finance, funnel, returns, statistics, stocks, supplies
from micore.simulator.wildberries.remains import Remains
from micore.simulator.wildberries.storage import PaidStorage
from micore.simulator.wildberries.tokens import Token
from micore.simulator.wildberries.units import Ledgers
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import RefusedError, problem, request_id

INVALID_KEY = "invalid"

# Limits of personal tokens, per seller: a token every interval, at most `burst` of them. Each real host counts its own
# pings; here all hosts are one address, so they count together.
_PING = Window("ping", 30.0, 3)
_SELLER_INFO = Bucket("seller-info", 60.0, 10)
_CONTENT = Bucket("content", 0.6, 5)
_PRICES = Bucket("prices", 0.6, 5)
_INVENTORY = Bucket("wb-warehouses", 20.0, 1)
_SELLER_INVENTORY = Bucket("seller-warehouses", 20.0, 1)
_REMAINS = Bucket("warehouse_remains", 60.0, 5)
_REMAINS_STATUS = Bucket("warehouse_remains status", 5.0, 5)
_REMAINS_FILE = Bucket("warehouse_remains download", 60.0, 1)
_WAREHOUSES = Bucket("seller's warehouses", 0.2, 20, error_cost=10)
_STOCKS = Bucket("seller's stocks", 0.2, 20, error_cost=10)
_ORDERS = Bucket("orders", 60.0, 10)
_SALES = Bucket("sales", 60.0, 1)
_ASSEMBLY = Bucket("assembly orders", 0.2, 20, error_cost=10)
_FEED = Bucket("order-feed", 60.0, 1)
_FUNNEL = Bucket("sales-funnel products", 20.0, 3)
_RETURNS = Bucket("item-returns", 60.0, 10)
_OLD_RETURNS = Bucket("goods-return", 60.0, 10)
_SUPPLIES = Bucket("supplies", 2.0, 10)
_SUPPLY = Bucket("supply", 2.0, 10)
_SUPPLY_GOODS = Bucket("goods of a supply", 2.0, 10)
_STORAGE = Bucket("paid_storage", 60.0, 5)
_STORAGE_STATUS = Bucket("paid_storage status", 5.0, 5)
_STORAGE_FILE = Bucket("paid_storage download", 60.0, 1)
_FINANCE = Bucket("sales-reports detailed", 60.0, 1)
_REPORTS = Bucket("sales-reports list", 60.0, 1)
_OFF_WAREHOUSES = Bucket("Wildberries' warehouses", 10.0, 6)
_OFF_TARIFFS = Bucket("transit tariffs", 10.0, 10)
_OFF_OPTIONS = Bucket("acceptance options", 10.0, 6)
_OFF_COEFFICIENTS = Bucket("acceptance coefficients", 10.0, 6)

_OFF_DETAIL = "This method is temporarily disabled. Link: https://dev.wildberries.ru/release-notes?id=570"


@dataclass(frozen=True)
class _Method:
    verb: str
    pattern: str
    limit: Limit
    handle: Callable[[View, Request], Answer]


class WildberriesApi:
    """Answers as all *.wildberries.ru hosts together."""

    name = "wildberries"

    def __init__(self, shop: Shop, clock: Clock, *, limits: bool, monotonic: Callable[[], float]) -> None:
        self._shop, self._clock, self._ledgers = shop, clock, Ledgers(shop)
        self._used = Limits(monotonic) if limits else None
        remains, storage = Remains(limits=limits), PaidStorage(limits=limits)
        task, storage_task = (f"/api/v1/{name}/tasks/{{task_id}}" for name in ("warehouse_remains", "paid_storage"))
        self._methods = [
            _Method("GET", "/ping", _PING, _ping),
            _Method("GET", "/api/v1/seller-info", _SELLER_INFO, _seller_info),
            _Method("POST", "/content/v2/get/cards/list", _CONTENT, cards.cards_list),
            _Method("POST", "/content/v2/get/cards/trash", _CONTENT, cards.cards_trash),
            _Method("GET", "/api/v2/list/goods/filter", _PRICES, cards.goods_by_page),
            _Method("POST", "/api/v2/list/goods/filter", _PRICES, cards.goods_by_number),
            _Method("POST", "/api/analytics/v1/stocks-report/wb-warehouses", _INVENTORY, stocks.in_wb_warehouses),
            _Method(
                "POST", "/api/analytics/v1/stocks-report/seller-warehouses", _SELLER_INVENTORY,
                stocks.in_seller_warehouses,
            ),
            _Method("GET", "/api/v1/warehouse_remains", _REMAINS, remains.create),
            _Method("GET", f"{task}/status", _REMAINS_STATUS, remains.status),
            _Method("GET", f"{task}/download", _REMAINS_FILE, remains.download),
            _Method("GET", "/api/v3/warehouses", _WAREHOUSES, stocks.seller_warehouses),
            _Method("GET", "/api/v3/offices", _WAREHOUSES, stocks.offices),
            _Method("POST", "/api/v3/stocks/{warehouseId}", _STOCKS, stocks.seller_stock),
            _Method("GET", "/api/v1/supplier/orders", _ORDERS, statistics.orders),
            _Method("GET", "/api/v1/supplier/sales", _SALES, statistics.sales),
            _Method("GET", "/api/v3/orders", _ASSEMBLY, fbs.orders),
            _Method("GET", "/api/v3/orders/new", _ASSEMBLY, fbs.new_orders),
            _Method("POST", "/api/v3/orders/status", _ASSEMBLY, fbs.statuses),
            _Method("POST", "/api/analytics/v1/order-feed", _FEED, feed.order_feed),
            _Method("POST", "/api/analytics/v3/sales-funnel/products", _FUNNEL, funnel.products),
            _Method("GET", "/api/analytics/v1/item-returns", _RETURNS, returns.item_returns),
            _Method("GET", "/api/v1/analytics/goods-return", _OLD_RETURNS, returns.goods_return),
            _Method("POST", "/api/v1/supplies", _SUPPLIES, supplies.supply_list),
            _Method("GET", "/api/v1/supplies/{ID}", _SUPPLY, supplies.supply),
            _Method("GET", "/api/v1/supplies/{ID}/goods", _SUPPLY_GOODS, supplies.supply_goods),
            _Method("GET", "/api/v1/paid_storage", _STORAGE, storage.create),
            _Method("GET", f"{storage_task}/status", _STORAGE_STATUS, storage.status),
            _Method("GET", f"{storage_task}/download", _STORAGE_FILE, storage.download),
            _Method("POST", "/api/finance/v1/sales-reports/detailed", _FINANCE, finance.detailed),
            _Method("POST", "/api/finance/v1/sales-reports/list", _REPORTS, finance.report_list),
            _Method("GET", "/api/v1/warehouses", _OFF_WAREHOUSES, _disabled),
            _Method("GET", "/api/v1/transit-tariffs", _OFF_TARIFFS, _disabled),
            _Method("POST", "/api/v1/acceptance/options", _OFF_OPTIONS, _disabled),
            _Method("GET", "/api/tariffs/v1/acceptance/coefficients", _OFF_COEFFICIENTS, _disabled),
        ]  # fmt: skip
        self._patterns = [(_compiled(method.pattern), method) for method in self._methods]

    def paths(self) -> list[str]:
        """Every method that is served, and those that answer as switched off."""
        return [f"{method.verb} {method.pattern}" for method in self._methods]

    def limits(self) -> dict[str, Limit]:
        """The limit of every method; methods that share one have it under one name."""
        return {f"{method.verb} {method.pattern}": method.limit for method in self._methods}

    def caller(self, request: Request) -> str:
        """Who asks: the limits are the seller's, whichever of the seller's tokens asks."""
        return _token(request).seller

    def refusal(self, request: Request, status: int, retry_seconds: int = 0) -> Answer:
        """What Wildberries says to a request that it does not serve."""
        now_us = self._clock.now_us()
        if status == 404:
            return _disabled(View(self._shop, now_us, self._ledgers), request)
        number, moment = request_id(request, now_us), rfc3339_seconds(now_us)
        if status == 500:
            return problem(500, "internal server error", "unexpected error", "s2s-api-auth", number, moment)
        burst = next((method.limit.burst for pattern, method in self._patterns if pattern.fullmatch(request.path)), 1)
        return _too_many(Verdict(False, burst, 0, retry_seconds, retry_seconds), number, moment)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        now_us = self._clock.now_us()
        number, moment = request_id(request, now_us), rfc3339_seconds(now_us)
        found = [method for pattern, method in self._patterns if pattern.fullmatch(request.path)]
        method = next((method for method in found if method.verb == request.method), None)
        if not found:
            return problem(
                404, "path not found", "Please consult the https://dev.wildberries.ru", "s2s-api-auth", number, moment
            )
        if method is None:
            return Answer(405, b"")
        token = _token_text(request)
        if not token or token == INVALID_KEY:
            why = "empty Authorization header" if not token else "token problem; token is malformed"
            return problem(401, "unauthorized", why, "s2s-api-auth-catalog", number, moment)
        why_not = Token.read(token).refusal(method.pattern, now_us // 1_000_000)
        if why_not is not None:
            return problem(401, "unauthorized", why_not, "s2s-api-auth-catalog", number, moment)
        if method.handle is finance.report_list and Token.read(token).basic:
            return problem(403, "forbidden", "base token is not allowed", "s2s-finance", number, moment)
        return self._within_limits(method, request, number, moment)

    def _within_limits(self, method: _Method, request: Request, number: str, moment: str) -> Answer:
        verdict = self._used.take(self.caller(request), method.limit) if self._used is not None else None
        if verdict is not None and not verdict.allowed:
            return _too_many(verdict, number, moment)
        try:
            answer = method.handle(View(self._shop, self._clock.now_us(), self._ledgers), request)
        except RefusedError as error:
            answer = error.answer
        if verdict is None:
            return answer
        if self._used is not None and 400 <= answer.status < 500:
            self._used.charge_error(self.caller(request), method.limit)
        return replace(answer, headers=_limit_headers(verdict))


def _token_text(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def _token(request: Request) -> Token:
    return Token.read(_token_text(request))


def _compiled(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\{warehouseId\}", r"\d{1,18}")
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", text))


def _too_many(verdict: Verdict, number: str, moment: str) -> Answer:
    refused = problem(
        429, "too many requests", "limited by c122a060-a7fb-4bb4-abb0-32fd4e18d489", "s2s-api-auth-catalog",
        number, moment,
    )  # fmt: skip
    return replace(refused, headers=(*_limit_headers(verdict), ("X-Ratelimit-Retry", str(verdict.retry_seconds))))


def _limit_headers(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    return (
        ("X-Ratelimit-Limit", str(verdict.limit)),
        ("X-Ratelimit-Remaining", str(verdict.remaining)),
        ("X-Ratelimit-Reset", str(verdict.reset_seconds)),
    )


def _ping(view: View, request: Request) -> Answer:
    """GET /ping; the time is Moscow's, as in the official example."""
    del request
    moment = from_us(view.now_us).astimezone(timezone(timedelta(hours=3)))
    return json_answer({"TS": moment.isoformat(timespec="seconds"), "Status": "OK"})


def _seller_info(view: View, request: Request) -> Answer:
    """GET /api/v1/seller-info"""
    del view
    return json_answer(
        {
            "name": "ООО «Дом и Уют»",
            "sid": _token(request).seller,
            "tin": "7700000000",
            "tradeMark": "Дом и Уют",
        }
    )


def _disabled(view: View, request: Request) -> Answer:
    """A method that Wildberries has switched off."""
    return json_answer(
        {
            "status": 404, "statusText": "Not Found", "title": "Not Found", "detail": _OFF_DETAIL,
            "requestId": request_id(request, view.now_us), "origin": "ag-supplies",
        },
        404,
    )  # fmt: skip
