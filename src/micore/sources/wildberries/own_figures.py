"""Wildberries' own figures: the order feed, which tells every order of the last 31 days apart from the statistics.

It tells an order's present state alone: a unit that was given back no longer says when it was bought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import msgspec

from micore.domain.instants import micros
from micore.domain.reconcile_views import Untold
from micore.domain.units import MILLI
from micore.sources.fields import Amount, Id, ident, moment, price
from micore.sources.own_figures import OwnOrder, OwnOrders, OwnSale
from micore.sources.paging import Fetched, walk
from micore.sources.rows import named
from micore.sources.wildberries.answers import Struct
from micore.sources.wildberries.api import FEED_PATH, NAME, Category, WildberriesApi
from micore.sources.wildberries.own_remains import OLDEST
from micore.sources.wildberries.statistics import MOSCOW, OVERLAP, moscow
from micore.sources.wildberries.warehouses import POOL, pooled_place

RECONCILED = ("orders", "sales", "stock", "finance")
UNTOLD: Mapping[str, Sequence[Untold]] = {
    "orders": (Untold.MARKETPLACE_ORDER_PLACES, Untold.SELLER_ORDER_PLACES),
    "sales": (Untold.SALES_MONEY, Untold.SALES_PLACES),
    "stock": (Untold.MARKETPLACE_STOCK_PLACES,),
}
POOLED = pooled_place(POOL).place_id
KEPT_DAYS = 30
PAGE_ROWS = 10_000
SETTLE = OVERLAP
"""So long a sale may wait for its money, and is left out by the stream."""

STOCK_LAG = timedelta(minutes=30) + OLDEST
"""The stock is renewed every half hour, and the report of remains may be that old."""

BOUGHT = "buyout"
GIVEN_BACK = ("return", "returnDefective")


class _Order(Struct):
    srid: str
    chrt_id: Id
    created_at: str
    status: str
    updated_at: str | None = None
    warehouse_name: str | None = None
    is_mp: bool = False
    """From a warehouse of the seller's."""
    seller_price: Amount | None = None


class _Feed(Struct):
    snapshot_time: str
    orders: list[_Order] = msgspec.field(default_factory=list)


class _Answer(Struct):
    data: _Feed


_ANSWER = msgspec.json.Decoder(_Answer)


def own_orders(api: WildberriesApi, first_day: date, end_day: date) -> OwnOrders:
    """See OwnFiguresSource.own_orders. An order changes only after it was made, so the feed of these days has all."""
    until = micros(datetime.combine(end_day + timedelta(days=1), time(), MOSCOW))
    lines = map(_line, _feed(api, first_day))
    return OwnOrders([line for line in lines if line.ordered_at < until], None, None)


def own_sales(api: WildberriesApi, first_day: date) -> list[OwnSale]:
    """See OwnSalesSource.own_sales."""
    return [_sale(row) for row in _feed(api, first_day) if row.status == BOUGHT or row.status in GIVEN_BACK]


def same_place(theirs: str, ours: str) -> bool:
    """See OwnFiguresSource.same_place: the feed tells Wildberries' as one pool, the statistics may name one of them."""
    return theirs == ours or (theirs == POOLED and ours.startswith("wb:"))


def sold_order(row: bytes) -> str:
    """See OwnSalesSource.sold_order."""
    return named(row, "srid")


def _feed(api: WildberriesApi, first_day: date) -> list[_Order]:
    """Orders that came into their present state since the day before; the feed is by that time."""
    first = max(first_day - timedelta(days=1), api.now(Category.ANALYTICS).astimezone(MOSCOW).date() - timedelta(30))
    since = datetime.combine(first, time(), MOSCOW)
    snapshot: str | None = None
    rows: list[_Order] = []

    def fetch(at: str) -> tuple[_Feed, Fetched]:
        nonlocal snapshot
        if not at:
            # The first page, or a refused one begins the walk again.
            snapshot = None
            rows.clear()
        pages = {"offset": int(at or 0), "limit": PAGE_ROWS} | ({"snapshotTime": snapshot} if snapshot else {})
        asked = {"selectedPeriod": {"start": since.isoformat()}, "pagination": pages}
        feed = api.post(Category.ANALYTICS, FEED_PATH, asked, _ANSWER.decode).value.data
        snapshot = snapshot or feed.snapshot_time
        count = len(feed.orders)
        return feed, Fetched(count, str(int(at or 0) + PAGE_ROWS) if count >= PAGE_ROWS else None)

    for step in walk(NAME, FEED_PATH, "", fetch):
        rows += step.page.orders
    # A walk that had to begin again may tell rows twice; as they were told last.
    return list({row.srid: row for row in rows}.values())


def _sale(row: _Order) -> OwnSale:
    return OwnSale(
        row.srid,
        ident(row.chrt_id),
        moment(moscow(row.created_at), field="createdAt"),
        row.status in GIVEN_BACK,
        moment(moscow(row.updated_at), field="updatedAt"),
    )


def _line(row: _Order) -> OwnOrder:
    changed = moscow(row.updated_at)
    return OwnOrder(
        row.srid,
        ident(row.chrt_id),
        moment(moscow(row.created_at), field="createdAt"),
        MILLI,
        price(row.seller_price),
        row.status == "cancel",
        # The statistics name no seller's warehouse, so ours may know none by right.
        None if row.is_mp or not row.warehouse_name else pooled_place(row.warehouse_name).place_id,
        None if changed is None else micros(changed),
    )
