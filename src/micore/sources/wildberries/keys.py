"""What a Wildberries token opens, as it says itself, and how long the first sync with it takes, by a few questions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec

from micore.sources.keys import FirstSync, KeyFacts, StreamEstimate, pages, stream_estimate
from micore.sources.wildberries import finance, funnel, prices, returns, stock, storage, supplies
from micore.sources.wildberries.api import (
    FINANCE_PATH,
    FUNNEL_PATH,
    ORDERS_PATH,
    PRICES_PATH,
    RETURNS_PATH,
    SALES_PATH,
    STORAGE_FILE_PATH,
    SUPPLY_PATH,
    WAREHOUSES_PATH,
    WB_STOCK_PATH,
    Category,
    WildberriesApi,
    limits_of,
)
from micore.sources.wildberries.statistics import FULL_ROWS, KEPT

RIGHTS = {
    1: "Content", 2: "Analytics", 3: "Prices and discounts", 4: "Marketplace", 5: "Statistics", 6: "Promotion",
    7: "Questions and reviews", 9: "Chat with buyers", 10: "Supplies", 11: "Buyers' returns", 12: "Documents",
    13: "Finance",
}  # fmt: skip
"""Bits of a token's claim `s`."""
READ_ONLY = 30
BASIC, TEST = 1, 2
KINDS = {BASIC: "Basic token", TEST: "Test token", 3: "Personal token", 4: "Service token"}
"""By a token's claim `acc`."""
NEEDS = {
    "warehouses": (4,),
    "catalogue": (1,),
    "prices": (3,),
    "stock": (2, 4),
    "orders": (5, 4),
    "sales": (5,),
    "returns": (2,),
    "supplies": (10,),
    "finance": (13,),
    "storage_cost": (2,),
    "funnel": (2,),
}
"""The categories that each stream asks."""
CARDS_A_PAGE = 100


class _Claims(msgspec.Struct):
    s: int | None = None
    t: bool | None = None
    acc: int | None = None


def key_facts(token: str) -> KeyFacts:
    """See KeySource.key; asks nobody. A token that cannot be read says nothing of itself."""
    claims = _claims(token)
    kind = KINDS.get(claims.acc or 0, "Token")
    sandbox = None if claims.t is None and claims.acc is None else bool(claims.t) or claims.acc == TEST
    if claims.s is None:
        return KeyFacts(kind, (), {}, sandbox=sandbox, slow=claims.acc == BASIC)
    opened = {bit for bit in RIGHTS if claims.s >> bit & 1}
    lacks = {name: tuple(RIGHTS[bit] for bit in bits if bit not in opened) for name, bits in NEEDS.items()}
    return KeyFacts(
        kind,
        tuple(RIGHTS[bit] for bit in sorted(opened)),
        {name: each for name, each in lacks.items() if each},
        read_only=bool(claims.s >> READ_ONLY & 1),
        sandbox=sandbox,
        slow=claims.acc == BASIC,
    )


def _claims(token: str) -> _Claims:
    parts = token.split(".")
    if len(parts) != 3:
        return _Claims()
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return _Claims()


def first_sync(
    api: WildberriesApi, history: timedelta, streams: Sequence[str], seconds_per_request: float
) -> FirstSync:
    """See KeySource.estimate."""
    # Cards are not counted by any method; prices can be asked for from any card on.
    cards = _cards(api) if "prices" in streams else None
    known: Mapping[str, Callable[[], tuple[Category, str, int, int, str]]] = {
        "warehouses": lambda: (Category.MARKETPLACE, WAREHOUSES_PATH, 1, 10, "your warehouses in one answer"),
        "catalogue": lambda: (
            Category.CONTENT, "", pages(cards or 0, CARDS_A_PAGE) + 1, cards or 0,
            f"{_told(cards)} cards, 100 a page, and those in the bin",
        ),
        "prices": lambda: (
            Category.PRICES, PRICES_PATH, pages(cards or 0, prices.PAGE_ROWS) + 1, cards or 0,
            f"{_told(cards)} cards, 1,000 a page",
        ),
        "stock": lambda: (
            Category.ANALYTICS, WB_STOCK_PATH, pages((cards or 0) * 3, stock.REPORT_ROWS), (cards or 0) * 6,
            "two reports of up to 100,000 rows a page",
        ),
        "orders": lambda: _orders(history),
        "sales": lambda: (Category.STATISTICS, SALES_PATH, 1, 0, f"one answer for up to {FULL_ROWS:,} sales"),
        "returns": lambda: (
            Category.ANALYTICS, RETURNS_PATH,
            len(returns.STATUSES) * pages(history.days + 1, returns.WINDOW_DAYS), 0,
            f"{history.days} days in windows of {returns.WINDOW_DAYS}, under way and ended apart",
        ),
        "supplies": lambda: _supplies(api),
        "finance": lambda: (
            Category.FINANCE, FINANCE_PATH, 2, 0, f"one answer for up to {finance.PAGE_ROWS:,} rows, and the end"
        ),
        "storage_cost": lambda: (
            Category.ANALYTICS, STORAGE_FILE_PATH, pages(storage.FIRST_DAYS, storage.LONGEST_DAYS) + 1, 0,
            f"{storage.FIRST_DAYS} days in reports of {storage.LONGEST_DAYS}, made on order: minutes more",
        ),
        "funnel": lambda: _funnel(cards, history),
    }  # fmt: skip
    found: dict[str, StreamEstimate] = {}
    for name in streams:
        if name in known:
            category, path, requests, rows, reason = known[name]()
            limits = limits_of(category)
            rules = [*limits.category, *limits.methods.get(path, ())]
            told = f"{reason}: {requests:,} requests within the published limits of that method."
            found[name] = stream_estimate(rules, requests, rows, seconds_per_request, told)
    return FirstSync(cards, found)


def _orders(history: timedelta) -> tuple[Category, str, int, int, str]:
    recent = f"one answer for up to {FULL_ROWS:,} orders"
    if history <= KEPT:
        return Category.STATISTICS, ORDERS_PATH, 1, 0, recent
    beyond = f"{recent}, and for what is older the sales reports, {finance.PAGE_ROWS:,} rows a minute"
    return Category.FINANCE, FINANCE_PATH, 3, 0, beyond


def _funnel(cards: int | None, history: timedelta) -> tuple[Category, str, int, int, str]:
    days = funnel.first_days(cards or 0, history)
    # A request more where a page is full: the next one may be empty.
    requests = days * (pages(cards or 0, funnel.PAGE_ROWS) + ((cards or 0) % funnel.PAGE_ROWS == 0 and bool(cards)))
    told = f"the last {days} days one by one, 1,000 cards a page; the rest with the next syncs"
    requests = min(requests, funnel.MOST_REQUESTS)
    return Category.ANALYTICS, FUNNEL_PATH, requests, min(days * (cards or 0), requests * funnel.PAGE_ROWS), told


def _supplies(api: WildberriesApi) -> tuple[Category, str, int, int, str]:
    listed = supplies.recent_supplies(api)
    # Each is asked twice, by methods with limits of their own that fill up meanwhile.
    return (
        Category.SUPPLIES, SUPPLY_PATH, max(1, listed), listed * 20,
        f"{listed:,} supplies, each with its warehouse and its goods",
    )  # fmt: skip


def _cards(api: WildberriesApi) -> int:
    """Exactly, with few questions: pages further and further on, then halfway back until the last one is found."""
    size, full, empty = prices.PAGE_ROWS, -1, 0
    while (rows := _rows_from(api, empty * size)) >= size:
        full, empty = empty, max(1, 2 * empty)
    while rows == 0 and empty - full > 1:
        middle = (full + empty) // 2
        rows = _rows_from(api, middle * size)
        if rows >= size:
            full, rows = middle, 0
        else:
            empty = middle
    return empty * size + rows if rows else (full + 1) * size


def _rows_from(api: WildberriesApi, offset: int) -> int:
    query = {"limit": prices.PAGE_ROWS, "offset": offset}
    batch = api.get(Category.PRICES, PRICES_PATH, query, prices.PRICES.read).value
    return len(batch.rows) + len(batch.rejected)


def _told(number: int | None) -> str:
    return "an unknown number of" if number is None else f"{number:,}"
