"""Ozon's way of being asked: headers, published limits, what its errors mean, and one method to ask with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from micore.sources.base import SourceTools
from micore.sources.http import Answer, ApiClient, Patience, Verdict
from micore.sources.limits import Limiter, SlidingWindow
from micore.sources.ozon.answers import Roles

T = TypeVar("T")

NAME = "ozon"
ANALYTICS_PATH = "/v1/analytics/data"
REQUESTS_PER_SECOND = 50
"""Per Client-Id over all methods. Of the methods read here only ANALYTICS_PATH has a limit of its own, one a minute."""

_ROLES = msgspec.json.Decoder(Roles)


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
                (tools.keep("limit", lambda: SlidingWindow(REQUESTS_PER_SECOND, 1.0)),),
                {ANALYTICS_PATH: [tools.keep("limit of analytics", lambda: SlidingWindow(1, 60.0))]},
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


def verdict(said: str) -> Verdict:
    """Ozon's documented messages, whatever status they come with."""
    lower = said.lower()
    if "request rate limit" in lower:
        return Verdict.BUSY
    if "invalid api-key" in lower or "missing a required role" in lower:
        return Verdict.AUTH
    return Verdict.BY_STATUS
