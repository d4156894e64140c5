"""Ozon's way of being asked: headers, published limits, what its errors mean, and one method to ask with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from micore.domain.retirements import Retirement
from micore.errors import SourceBusyError, SourceProtocolError
from micore.sources.base import RawAnswer, SourceTools
from micore.sources.http import Answer, ApiClient, Patience, Verdict
from micore.sources.limits import Allowance, Limiter, SlidingWindow, after_others
from micore.sources.ozon.answers import Roles

T = TypeVar("T")

NAME = "ozon"
ANALYTICS_PATH = "/v1/analytics/data"
REQUESTS_PER_SECOND = 50
"""Per Client-Id over all methods. Of the methods read here ANALYTICS_PATH, one a minute, and
PLACEMENT_PATH, five a day, have limits of their own."""

PLACEMENT_PATH = "/v1/report/placement/by-products/create"
REPORTS_A_DAY = 5
"""Of that method; counted over any 24 hours, because nobody says when Ozon's day begins."""
DAY_SECONDS = 24 * 3600.0

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
        self.tools, self._patience = tools, patience
        self._secure = urlsplit(base_url).scheme == "https"
        self._secrets = (api_key,)
        self._reports: Allowance = tools.keep(
            "reports", lambda: Allowance(REPORTS_A_DAY, DAY_SECONDS, _too_many_reports)
        )
        self._client = ApiClient(
            NAME,
            base_url,
            headers={"Client-Id": client_id, "Api-Key": api_key},
            secrets=self._secrets,
            limiter=Limiter(
                (tools.keep("limit", lambda: after_others(published_limit(), tools.others_until)),),
                {
                    ANALYTICS_PATH: [
                        tools.keep("limit of analytics", lambda: after_others(analytics_limit(), tools.others_until))
                    ],
                    PLACEMENT_PATH: [self._reports],
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

    def order(self, payload: object, read: Callable[[bytes], T]) -> Answer[T]:
        """Order a report, once; see ApiClient.post for what it raises."""
        return self._client.post(PLACEMENT_PATH, payload, read, once=True)

    def remember_reports(self, ordered: Sequence[datetime], now: datetime) -> None:
        """Count reports that were ordered before this program began; `now` is the marketplace's clock."""
        at = self.tools.monotonic()
        self._reports.remember([at - max((now - each).total_seconds(), 0.0) for each in ordered])

    def file(self, url: str) -> Answer[bytes]:
        """A file behind a link. Its host is not Ozon's API: it is told no key, and what it was asked stays unsaid,
        because the link is a key in itself. Raises as ApiClient.get; SourceGoneError where the link is dead."""
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in (("https",) if self._secure else ("http", "https")):
            raise SourceProtocolError(NAME, path="the report's file", problem=f"no address of a file: {parts.scheme}")
        tools = replace(
            self.tools,
            on_request=lambda source, _endpoint, status, seconds: self.tools.on_request(
                source, "GET report file", status, seconds
            ),
        )
        client = ApiClient(
            NAME,
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            headers={"Accept": "*/*"},
            secrets=self._secrets,
            limiter=Limiter((), {}, monotonic=tools.monotonic, sleep=tools.sleep),
            tools=tools,
            patience=self._patience,
        )
        try:
            answer = client.get(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), _file_bytes)
        finally:
            client.close()
        raw = RawAnswer(answer.raw.body, answer.raw.endpoint, "", answer.raw.received_at)
        return replace(answer, raw=raw)

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


def _file_bytes(body: bytes) -> bytes:
    """A file of any kind but a page of HTML, which says that something is wrong for a moment."""
    if not body or body.lstrip()[:1] == b"<":
        raise msgspec.DecodeError("no file")
    return body


def _too_many_reports(wait_seconds: float) -> Exception:
    return SourceBusyError(NAME, path=PLACEMENT_PATH, retry_after_seconds=round(wait_seconds))
