"""Ozon's way of being asked: headers, published limits, what its errors mean, and one method to ask with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

import msgspec

from micore.domain.retirements import Retirement
from micore.sources.base import SourceTools
from micore.sources.http import Answer, ApiClient, Patience, Verdict
from micore.sources.limits import Limiter, SlidingWindow, after_others
from micore.sources.ozon.answers import Roles

T = TypeVar("T")

NAME = "ozon"
ANALYTICS_PATH = "/v1/analytics/data"
REQUESTS_PER_SECOND = 50
"""Per Client-Id over all methods. Of the methods read here only ANALYTICS_PATH has a limit of its own, one a minute."""

_ROLES = msgspec.json.Decoder(Roles)

RETIREMENTS = (
    Retirement("/v3/posting/fbs/list", date(2026, 8, 31), "/v4/posting/fbs/list"),
    Retirement("/v3/posting/fbs/unfulfilled/list", date(2026, 8, 31), "/v4/posting/fbs/unfulfilled/list"),
    Retirement("/v2/posting/fbo/list", date(2026, 8, 31), "/v3/posting/fbo/list"),
    Retirement("/v3/finance/transaction/list", date(2026, 9, 8), "/v1/finance/accrual/by-day"),
    Retirement("/v3/finance/transaction/totals", date(2026, 9, 8), "/v1/finance/accrual/types"),
    Retirement("/v1/warehouse/list", date(2026, 4, 7), "/v2/warehouse/list"),
    Retirement(
        "/v1/product/info/stocks-by-warehouse/fbs", date(2026, 4, 7), "/v2/product/info/stocks-by-warehouse/fbs"
    ),
    Retirement("/v1/analytics/manage/stocks", date(2025, 12, 22), "/v1/analytics/stocks"),
    Retirement("/v2/supply-order/list", date(2025, 12, 11), "/v3/supply-order/list"),
    Retirement("/v2/supply-order/get", date(2025, 12, 11), "/v3/supply-order/get"),
)
"""Ends that were announced, of methods that are or were read by programs like this one; none that is read now."""


class OzonApi:
    """One account's Ozon Seller API."""

    def __init__(
        self, client_id: str, api_key: str, base_url: str, tools: SourceTools, patience: Patience | None = None
    ) -> None:
        self.tools = tools
        self._client = ApiClient(
            NAME,
            base_url,
            headers={"Client-Id": client_id, "Api-Key": api_key},
            secrets=(api_key,),
            limiter=Limiter(
                (tools.keep("limit", lambda: after_others(published_limit(), tools.others_until)),),
                {
                    ANALYTICS_PATH: [
                        tools.keep("limit of analytics", lambda: after_others(analytics_limit(), tools.others_until))
                    ]
                },
                monotonic=tools.monotonic,
                sleep=tools.sleep,
                on_wait=lambda seconds: tools.on_throttled(NAME, seconds),
            ),
            tools=tools,
            verdict=verdict,
            patience=patience,
        )

    def ask(self, path: str, payload: object, read: Callable[[bytes], T]) -> Answer[T]:
        """One request; see ApiClient.post for what it raises."""
        return self._client.post(path, payload, read)

    def roles(self) -> Answer[Roles]:
        """What the key may do and how long; the cheapest question that proves the key."""
        return self.ask("/v1/roles", None, _ROLES.decode)

    def now(self) -> datetime:
        """The marketplace's clock."""
        return self.roles().marketplace_now

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def published_limit() -> SlidingWindow:
    """Of one account, nothing used."""
    return SlidingWindow(REQUESTS_PER_SECOND, 1.0)


def analytics_limit() -> SlidingWindow:
    """Of the analytics method, beside the account's."""
    return SlidingWindow(1, 60.0)


def verdict(said: str) -> Verdict:
    """Ozon's documented messages, whatever status they come with."""
    lower = said.lower()
    if "request rate limit" in lower:
        return Verdict.BUSY
    if "invalid api-key" in lower or "missing a required role" in lower:
        return Verdict.AUTH
    return Verdict.BY_STATUS
