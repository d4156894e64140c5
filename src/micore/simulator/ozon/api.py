"""Ozon's Seller API: who may ask, how often, and which method answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from micore.simulator.clock import Clock
from micore.simulator.http import Answer, Request, encode
from micore.simulator.limits import SlidingWindow
from micore.simulator.ozon import (
    analytics,
    balance,
    finance,
    postings_fbo,
    postings_fbs,
    products,
    returns,
    returns_rfbs,
    stocks,
    supplies,
    warehouses,
)
from micore.simulator.ozon.keys import Key
from micore.simulator.ozon.placement import FILES, Reports
from micore.simulator.ozon.postings import Ledger, make_ledger
from micore.simulator.ozon.view import Index, View
from micore.simulator.ozon.wire import (
    INTERNAL,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    Body,
    RefusedError,
    read_body,
)
from micore.simulator.shop.consignments import Consignments, make_consignments
from micore.simulator.shop.places import OZON_FBO, Kind
from micore.simulator.shop.shop import Books, Shop

REQUESTS_PER_SECOND = 50

RETIRED = frozenset({
    "/v3/posting/fbs/list", "/v3/posting/fbs/unfulfilled/list", "/v2/posting/fbo/list",
    "/v3/finance/transaction/list", "/v3/finance/transaction/totals", "/v1/warehouse/list",
    "/v1/product/info/stocks-by-warehouse/fbs", "/v1/analytics/manage/stocks", "/v2/supply-order/list",
    "/v2/supply-order/get", "/v3/returns/company/fbo", "/v3/returns/company/fbs", "/v3/product/info/stocks",
    "/v4/product/info/prices", "/v2/product/list", "/v2/product/info", "/v2/product/info/list",
})  # fmt: skip

_TOO_MANY = "You have reached request rate limit per second"
_REPORT_INFO, _REPORT_LIST = "/v1/report/info", "/v1/report/list"
_CLIENT_ID = re.compile(r"\d{1,19}")
_FBO = (Kind.OZON_FBO,)
_SELLER = (Kind.OZON_FBS, Kind.OZON_RFBS)


class OzonApi:
    """Answers as api-seller.ozon.ru."""

    name = "ozon"

    def __init__(self, shop: Shop, clock: Clock, *, limits: bool, monotonic: Callable[[], float]) -> None:
        self._shop, self._clock = shop, clock
        self._index = Index(shop)
        self._window = SlidingWindow(REQUESTS_PER_SECOND, 1.0, monotonic) if limits else None
        self._minute = SlidingWindow(1, 60.0, monotonic) if limits else None
        self._ledgers: tuple[Books, Ledger, Ledger, Consignments] | None = None
        self._reports = Reports(limits=limits)
        self._methods: dict[str, Callable[[View, Body], Body]] = {
            "/v1/seller/info": warehouses.seller_info,
            "/v3/product/list": products.product_list,
            "/v3/product/info/list": products.info_list,
            "/v4/product/info/attributes": products.attributes,
            "/v5/product/info/prices": products.prices,
            "/v4/product/info/stocks": stocks.totals,
            "/v1/analytics/stocks": stocks.analytics,
            "/v1/product/info/warehouse/stocks": stocks.in_warehouse,
            "/v2/product/info/stocks-by-warehouse/fbs": stocks.by_warehouse,
            "/v2/warehouse/list": warehouses.warehouses,
            "/v1/cluster/list": warehouses.clusters,
            "/v2/cluster/list": warehouses.macrolocal_clusters,
            "/v3/posting/fbo/list": lambda view, body: postings_fbo.fbo_list(view, self._book(view)[0], body),
            "/v4/posting/fbs/list": lambda view, body: postings_fbs.fbs_list(view, self._book(view)[1], body),
            "/v4/posting/fbs/unfulfilled/list": lambda view, body: postings_fbs.unfulfilled_list(
                view, self._book(view)[1], body
            ),
            "/v1/returns/list": returns.returns_list,
            "/v2/returns/rfbs/list": returns_rfbs.rfbs_list,
            "/v3/supply-order/list": lambda view, body: supplies.order_list(view, self._book(view)[2], body),
            "/v3/supply-order/get": lambda view, body: supplies.order_get(view, self._book(view)[2], body),
            "/v1/supply-order/bundle": lambda view, body: supplies.bundle(view, self._book(view)[2], body),
            "/v1/finance/accrual/by-day": lambda view, body: finance.by_day(view, self._book(view)[:2], body),
            "/v1/analytics/data": self._analytics,
            "/v1/finance/accrual/types": finance.accrual_types,
            "/v1/finance/balance": lambda view, body: balance.balance(view, lambda then: self._book(then)[:2], body),
            "/v1/report/placement/by-products/create": self._reports.create,
        }

    def paths(self) -> list[str]:
        """Every method that is served."""
        return ["/v1/roles", *self._methods, _REPORT_INFO, _REPORT_LIST]

    def caller(self, request: Request) -> str:
        """Who asks: the limit is of a Client-Id."""
        return request.headers.get("client-id", "")

    def refusal(self, request: Request, status: int, retry_seconds: int = 0) -> Answer:
        """What Ozon says to a request that it does not serve; it never says for how long."""
        del request, retry_seconds
        said = {
            404: ("Not Found", NOT_FOUND),
            429: (_TOO_MANY, RESOURCE_EXHAUSTED),
            500: ("Internal server error", INTERNAL),
        }
        return RefusedError(said[status][0], status, said[status][1]).answer()

    def _book(self, view: View) -> tuple[Ledger, Ledger, Consignments]:
        if self._ledgers is None or self._ledgers[0] is not view.books:
            sent = make_consignments(view.books.supplied, self._shop.pairs, OZON_FBO)
            self._ledgers = (view.books, make_ledger(view.books, _FBO), make_ledger(view.books, _SELLER), sent)
        return self._ledgers[1:]

    def _analytics(self, view: View, body: Body) -> Body:
        if self._minute is not None and not self._minute.allow("analytics"):
            raise analytics.too_soon()
        return analytics.data(view, self._book(view)[:2], body)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.startswith(FILES) and request.method == "GET":
            return self._reports.file(View(self._shop, self._index, self._clock.now_us()), request.path)
        try:
            return Answer(200, encode(self._served(request)))
        except RefusedError as refused:
            return refused.answer()

    def _served(self, request: Request) -> Body:
        client, key = request.headers.get("client-id", ""), Key(request.headers.get("api-key", ""))
        if not client or not key.text:
            raise RefusedError("Client-Id and Api-Key headers are required", 401, UNAUTHENTICATED)
        if not _CLIENT_ID.fullmatch(client):
            raise RefusedError("Invalid Client-Id, please check the id and try again", 403, PERMISSION_DENIED)
        if self._window is not None and not self._window.allow(client):
            raise RefusedError(_TOO_MANY, 429, RESOURCE_EXHAUSTED)
        if not key.valid:
            raise RefusedError("Invalid Api-Key, please check the key and try again", 403, PERMISSION_DENIED)
        known = request.path in self.paths()
        if request.path in RETIRED or not known:
            raise RefusedError("404 page not found" if not known else "Not Found", 404, NOT_FOUND)
        if request.method != "POST":
            raise RefusedError("Method Not Allowed", 405, 12)
        allowed = key.methods(self.paths())
        if request.path not in allowed:
            raise RefusedError("Api-Key is missing a required role for a method", 403, PERMISSION_DENIED)
        if request.body and not request.headers.get("content-type", "application/json").startswith("application/json"):
            raise RefusedError("Content-Type must be application/json")
        body = read_body(request.body)
        view = View(self._shop, self._index, self._clock.now_us())
        if request.path == "/v1/roles":
            return warehouses.roles(view, allowed, key.expires_in_days)
        if request.path in (_REPORT_INFO, _REPORT_LIST):
            told = self._reports.info if request.path == _REPORT_INFO else self._reports.listed
            return told(view, body, request.headers.get("host", "api-seller.ozon.ru"))
        return self._methods[request.path](view, body)
