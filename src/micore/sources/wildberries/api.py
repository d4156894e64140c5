"""Wildberries' way of being asked: a host for each category of methods, their published limits, and who the key is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import TypeVar

import msgspec

from micore.domain.instants import instant
from micore.domain.retirements import Retirement
from micore.sources.base import SourceTools
from micore.sources.http import NUMBER, Answer, ApiClient, Patience
from micore.sources.limits import Limiter, Rule, SlidingWindow, TokenBucket, after_others
from micore.sources.wildberries.answers import Pong

T = TypeVar("T")

_PONG = msgspec.json.Decoder(Pong)

NAME = "wildberries"
CURRENCY = "RUB"
"""Of statistics and sales, which name none."""

PATIENCE = Patience(
    # A try may wait a minute for its turn; all of them must still end within five.
    total_seconds=230.0,
    # 80,000 rows of statistics in one answer.
    body_bytes=192 * 1024 * 1024,
)

SELLER_INFO_PATH = "/api/v1/seller-info"
CARDS_PATH = "/content/v2/get/cards/list"
TRASH_PATH = "/content/v2/get/cards/trash"
PRICES_PATH = "/api/v2/list/goods/filter"
WAREHOUSES_PATH = "/api/v3/warehouses"
STOCKS_PATH = f"/api/v3/stocks/{NUMBER}"
WB_STOCK_PATH = "/api/analytics/v1/stocks-report/wb-warehouses"
SELLER_STOCK_PATH = "/api/analytics/v1/stocks-report/seller-warehouses"
ORDERS_PATH = "/api/v1/supplier/orders"
SALES_PATH = "/api/v1/supplier/sales"
FEED_PATH = "/api/analytics/v1/order-feed"
RETURNS_PATH = "/api/analytics/v1/item-returns"
SUPPLIES_PATH = "/api/v1/supplies"
SUPPLY_PATH = f"{SUPPLIES_PATH}/{NUMBER}"
SUPPLY_GOODS_PATH = f"{SUPPLIES_PATH}/{NUMBER}/goods"
FINANCE_PATH = "/api/finance/v1/sales-reports/detailed"
REPORTS_PATH = "/api/finance/v1/sales-reports/list"
FUNNEL_PATH = "/api/analytics/v3/sales-funnel/products"
REMAINS_PATH = "/api/v1/warehouse_remains"
REMAINS_STATUS_PATH = f"{REMAINS_PATH}/tasks/{NUMBER}/status"
REMAINS_FILE_PATH = f"{REMAINS_PATH}/tasks/{NUMBER}/download"
STORAGE_PATH = "/api/v1/paid_storage"
STORAGE_STATUS_PATH = f"{STORAGE_PATH}/tasks/{NUMBER}/status"
STORAGE_FILE_PATH = f"{STORAGE_PATH}/tasks/{NUMBER}/download"
PING_PATH = "/ping"

YOUNG_SECONDS = 60.0
"""So long what an answer told of the marketplace's clock will do: only a beginning needs it, and earlier is safe."""

RETIREMENTS = (
    Retirement("/api/v1/analytics/goods-return", date(2026, 10, 26), "/api/analytics/v1/item-returns"),
    Retirement("/api/v5/supplier/reportDetailByPeriod", date(2026, 7, 15), "/api/finance/v1/sales-reports/detailed"),
    Retirement("/api/v1/analytics/region-sale", date(2026, 11, 3), ""),
)
"""Ends that were announced, of methods that are or were read by programs like this one; none that is read now."""

LATEST_EXPIRY = 4_000_000_000
"""Seconds since 1970; a key that says it lives longer says nothing."""


class Category(Enum):
    """Methods of one host, which one right of a key opens."""

    COMMON = "common-api"
    CONTENT = "content-api"
    PRICES = "discounts-prices-api"
    MARKETPLACE = "marketplace-api"
    ANALYTICS = "seller-analytics-api"
    STATISTICS = "statistics-api"
    SUPPLIES = "supplies-api"
    FINANCE = "finance-api"


@dataclass(frozen=True, slots=True)
class _Limits:
    """Of a personal token: a category's own, and those of single methods."""

    category: Sequence[Rule] = ()
    methods: Mapping[str, Sequence[Rule]] = field(default_factory=dict)

    def after_others(self, until: float | None) -> _Limits:
        """See limits.after_others."""
        for rule in (*self.category, *(rule for rules in self.methods.values() for rule in rules)):
            after_others(rule, until)
        return self


def limits_of(category: Category) -> _Limits:
    """The limits as published, each bucket full; that of /ping, which every host answers, stands apart."""
    match category:
        case Category.CONTENT | Category.PRICES:
            return _Limits([TokenBucket(5, 0.6)])
        case Category.MARKETPLACE:
            dear = {path: [TokenBucket(20, 0.2, refusal_cost=10)] for path in (WAREHOUSES_PATH, STOCKS_PATH)}
            return _Limits((), dear)
        case Category.ANALYTICS:
            reports = {path: [TokenBucket(1, 20.0)] for path in (WB_STOCK_PATH, SELLER_STOCK_PATH)}
            storage: dict[str, Sequence[Rule]] = {
                path: [TokenBucket(burst, seconds)]
                for paths, burst, seconds in (
                    ((STORAGE_PATH, REMAINS_PATH), 5, 60.0),
                    ((STORAGE_STATUS_PATH, REMAINS_STATUS_PATH), 5, 5.0),
                    ((STORAGE_FILE_PATH, REMAINS_FILE_PATH), 1, 60.0),
                )
                for path in paths
            }
            asked: dict[str, Sequence[Rule]] = {
                RETURNS_PATH: [TokenBucket(10, 60.0)],
                FEED_PATH: [TokenBucket(1, 60.0)],
                FUNNEL_PATH: [TokenBucket(3, 20.0)],
            }
            return _Limits((), reports | storage | asked)
        case Category.SUPPLIES:
            slow = {path: [TokenBucket(10, 2.0)] for path in (SUPPLIES_PATH, SUPPLY_PATH, SUPPLY_GOODS_PATH)}
            return _Limits((), slow)
        case Category.STATISTICS:
            return _Limits((), {ORDERS_PATH: [TokenBucket(10, 60.0)], SALES_PATH: [TokenBucket(1, 60.0)]})
        case Category.FINANCE:
            return _Limits((), {path: [TokenBucket(1, 60.0)] for path in (FINANCE_PATH, REPORTS_PATH)})
        case Category.COMMON:
            return _Limits((), {SELLER_INFO_PATH: [TokenBucket(10, 60.0)]})


def ping_limit() -> SlidingWindow:
    """Of /ping at one host. Who asks it by a program is said to be shut out for a time, however seldom he does."""
    return SlidingWindow(3, 30.0)


class WildberriesApi:
    """One seller's Wildberries. Hosts are connected to when they are first asked."""

    def __init__(self, token: str, base_url: str, tools: SourceTools, patience: Patience = PATIENCE) -> None:
        self.tools = tools
        self._token, self._base_url, self._patience = token, base_url, patience
        self._clients: dict[Category, ApiClient] = {}
        self._told_now: datetime | None = None
        """The marketplace's clock by the last answer, and when that came by our monotonic one."""
        self._told_at = 0.0
        if base_url:
            self._client(Category.COMMON)  # a wrong address is told at once

    def post(
        self,
        category: Category,
        path: str,
        payload: object,
        read: Callable[[bytes], T],
        *,
        query: Mapping[str, str | int] | None = None,
        no_content: bytes | None = None,
    ) -> Answer[T]:
        """One request; see ApiClient.post for what it raises."""
        return self._heard(self._client(category).post(path, payload, read, query=query, no_content=no_content))

    def get(
        self,
        category: Category,
        path: str,
        query: Mapping[str, str | int],
        read: Callable[[bytes], T],
        *,
        no_content: bytes | None = None,
        once: bool = False,
    ) -> Answer[T]:
        """One question, or one order (`once`); see ApiClient.post for what it raises."""
        return self._heard(self._client(category).get(path, query, read, no_content=no_content, once=once))

    def now(self, category: Category) -> datetime:
        """The marketplace's clock, up to a minute ago and never ahead: as the last answer told it. /ping is asked only
        where none came lately, because programs are not meant to ask it.
        """
        if self._told_now is not None and self.tools.monotonic() - self._told_at < YOUNG_SECONDS:
            return self._told_now
        return self.get(category, PING_PATH, {}, _PONG.decode).marketplace_now

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients.values():
            client.close()

    def _heard(self, answer: Answer[T]) -> Answer[T]:
        if answer.dated:
            self._told_now, self._told_at = answer.marketplace_now, self.tools.monotonic()
        return answer

    def _client(self, category: Category) -> ApiClient:
        found = self._clients.get(category)
        if found is None:
            found = self._clients[category] = self._connected(category)
        return found

    def _connected(self, category: Category) -> ApiClient:
        tools, host = self.tools, self._base_url or f"https://{category.value}.wildberries.ru"
        limits: _Limits = tools.keep(
            f"limits of {category.value}", lambda: limits_of(category).after_others(tools.others_until)
        )
        # Of each host; one address that stands for all of them is one host.
        ping: Rule = tools.keep(
            f"limit of {PING_PATH} at {host}", lambda: after_others(ping_limit(), tools.others_until)
        )
        return ApiClient(
            NAME,
            host,
            headers={"Authorization": self._token},
            secrets=(self._token,),
            limiter=Limiter(
                limits.category,
                {**limits.methods, PING_PATH: [ping]},
                monotonic=tools.monotonic,
                sleep=tools.sleep,
                on_wait=lambda seconds: tools.on_throttled(NAME, seconds),
            ),
            tools=tools,
            patience=self._patience,
        )


class _Claims(msgspec.Struct):
    exp: int | None = None


def key_expires_at(token: str) -> datetime | None:
    """When a key ends, as the key itself says; None where it is no JWT or does not say. It is not verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        expires = msgspec.json.decode(payload, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return instant(expires * 1_000_000) if expires is not None and 0 < expires < LATEST_EXPIRY else None
