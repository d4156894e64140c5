"""What an Ozon key may do, by its roles, and how long the first sync with it takes, by a few questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

from micore.sources.keys import FirstSync, KeyFacts, StreamEstimate, pages, stream_estimate
from micore.sources.limits import SlidingWindow
from micore.sources.ozon import (
    catalogue,
    finance,
    orders,
    products,
    reports,
    return_requests,
    returns,
    stock,
    storage,
    supplies,
    warehouses,
)
from micore.sources.ozon.api import PLACEMENT_PATH, REQUESTS_PER_SECOND, OzonApi
from micore.sources.ozon.windows import WINDOW, Window
from micore.sources.paging import Step

METHODS = {
    "warehouses": (warehouses.SELLER_PATH, warehouses.CLUSTER_PATH),
    "catalogue": (products.LIST_PATH, catalogue.INFO_PATH),
    "stock": (products.LIST_PATH, stock.FBO_PATH, warehouses.SELLER_PATH, stock.FBS_PATH),
    "orders": (orders.FBO_PATH, orders.FBS_PATH),
    "finance": (finance.PATH, finance.TYPES_PATH),
    "storage_cost": (PLACEMENT_PATH, reports.INFO_PATH, warehouses.CLUSTER_PATH),
    "returns": (returns.PATH, return_requests.PATH),
    "supplies": (supplies.LIST_PATH, supplies.GET_PATH, supplies.BUNDLE_PATH),
}
"""What each stream calls."""
MOST_PAGES = 20
"""Read of one list to learn how fast it grows."""
WEEK, DAY = timedelta(days=7), timedelta(days=1)


def key_facts(api: OzonApi) -> KeyFacts:
    """See KeySource.key."""
    roles = api.roles().value.roles or ()
    opened = {method for role in roles for method in role.methods or ()}
    # A key whose roles name no methods does not say what it opens.
    lacks = {name: tuple(each for each in needed if each not in opened) for name, needed in METHODS.items()}
    missing = {name: each for name, each in lacks.items() if each} if opened else {}
    names = tuple(role.name for role in roles if role.name)
    read_only = all("read" in name.lower() for name in names) if names else None
    return KeyFacts("Seller API key", names, missing, read_only=read_only)


def first_sync(api: OzonApi, history: timedelta, streams: Sequence[str], seconds_per_request: float) -> FirstSync:
    """See KeySource.estimate."""
    estimate = _Estimate(api, history, seconds_per_request)
    ways: dict[str, Callable[[], StreamEstimate]] = {
        "warehouses": estimate.warehouses,
        "catalogue": estimate.catalogue,
        "stock": estimate.stock,
        "orders": estimate.orders,
        "finance": estimate.finance,
        "storage_cost": estimate.storage_cost,
        "returns": estimate.returns,
        "supplies": estimate.supplies,
    }
    found = {name: ways[name]() for name in streams if name in ways}
    return FirstSync(estimate.products if {"catalogue", "stock"} & set(found) else None, found)


class _Estimate:
    def __init__(self, api: OzonApi, history: timedelta, seconds_per_request: float) -> None:
        self._api, self._history, self._pace = api, history, seconds_per_request
        self._products: int | None = None
        self._places: int | None = None
        self._now = api.now()

    @property
    def products(self) -> int:
        """Archived ones too."""
        if self._products is None:
            self._products = products.product_count(self._api) or 0
        return self._products

    def warehouses(self) -> StreamEstimate:
        return self._of(2, self._seller_places(), f"{self._seller_places()} warehouses of yours, and Ozon's clusters")

    def catalogue(self) -> StreamEstimate:
        requests = 2 * (pages(self.products, products.PAGE_ROWS) + 1) + 2
        return self._of(requests, self.products, f"{self.products:,} products, 1,000 a page, each described")

    def stock(self) -> StreamEstimate:
        places = self._seller_places()
        requests = pages(self.products, products.PAGE_ROWS) + 2 + pages(self.products, stock.SKUS_PER_REQUEST)
        requests += 1 + places * pages(self.products, stock.PAGE_ROWS)
        reason = f"{self.products:,} products, 100 a request at Ozon's warehouses, 1,000 a page in {places} of yours"
        return self._of(requests, self.products * (3 + places), reason)

    def orders(self) -> StreamEstimate:
        requests, a_day = 0, 0.0
        for name, scheme in orders.SCHEMES.items():
            rate = self._a_day(partial(self._order_pages, scheme, name))
            a_day += rate
            windows = max(1, round(self._history / WINDOW))
            requests += windows * pages(rate * min(self._history, WINDOW).days, orders.PAGE_ROWS)
        reason = f"about {a_day:,.0f} postings a day for {self._history.days} days, 100 a page"
        return self._of(requests, round(a_day * self._history.days), reason)

    def _order_pages(self, scheme: Any, name: str, span: timedelta) -> Iterator[Step[Any]]:
        return orders.window_pages(self._api, scheme, Window(name, False, self._now - span, self._now), "")

    def finance(self) -> StreamEstimate:
        today = self._now.astimezone(finance.ZONE).date()
        told = [
            list(islice(finance.day_pages(self._api, {}, today - DAY * back, ""), MOST_PAGES)) for back in (1, 2, 3)
        ]
        rows = sum(len(each.page.value.rows) for day in told for each in day) / len(told)
        a_day = sum(map(len, told)) / len(told)
        days = self._history.days
        reason = f"{days} days, each asked for by itself, {a_day:.1f} pages of about {rows:,.0f} bookings"
        return self._of(round(days * max(1.0, a_day)), round(rows * days), reason)

    def storage_cost(self) -> StreamEstimate:
        days = min(self._history.days, storage.LONGEST_DAYS)
        return self._of(6, self.products * days, f"one report of {days} days, which Ozon takes some minutes to make")

    def returns(self) -> StreamEstimate:
        walks: tuple[tuple[Callable[..., Iterator[Step[Any]]], int], ...] = (
            (returns.return_pages, returns.PAGE_ROWS),
            (return_requests.request_pages, return_requests.PAGE_ROWS),
        )
        windows, requests, a_day = max(1, round(self._history / WINDOW)), 0, 0.0
        for walk, page_rows in walks:
            rate = self._a_day(partial(self._return_pages, walk))
            a_day += rate
            requests += windows * pages(rate * min(self._history, WINDOW).days, page_rows)
        reason = f"about {a_day:,.1f} returns a day for {self._history.days} days, a month at a time"
        return self._of(requests, round(a_day * self._history.days), reason)

    def _return_pages(self, walk: Callable[..., Iterator[Step[Any]]], span: timedelta) -> Iterator[Step[Any]]:
        return walk(self._api, self._now - span, self._now, "")

    def supplies(self) -> StreamEstimate:
        found = supplies.count_supplies(self._api, self._history)
        requests = 2 * pages(found, supplies.LIST_ROWS) + 4 + found
        return self._of(requests, found * 20, f"{found:,} supplies, each looked into by a request of its own")

    def _seller_places(self) -> int:
        if self._places is None:
            self._places = len(warehouses.all_seller_places(self._api)[0])
        return self._places

    def _a_day(self, walk: Callable[[timedelta], Iterator[Step[Any]]]) -> float:
        """Rows a day, by those of the last week; by those of the last day where a week has too many."""
        rate = 0.0
        for span in (WEEK, DAY):
            told = list(islice(walk(span), MOST_PAGES))
            rate = sum(len(step.page.value.rows) for step in told) / span.days
            if told[-1].following is None:
                break
        return rate

    def _of(self, requests: int, rows: int, reason: str) -> StreamEstimate:
        limits = [SlidingWindow(REQUESTS_PER_SECOND, 1.0)]
        told = f"{reason}: {requests:,} requests, {self._pace:.2f} s each, at most {REQUESTS_PER_SECOND} a second."
        return stream_estimate(limits, requests, rows, self._pace, told)
