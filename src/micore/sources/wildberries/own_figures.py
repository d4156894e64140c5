"""Wildberries' own figures: the order feed, which tells every order of the last 31 days apart from the statistics."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from micore.domain.instants import micros
from micore.domain.units import MILLI
from micore.sources.fields import Amount, Id, ident, moment, price
from micore.sources.own_figures import OwnOrder, OwnOrders
from micore.sources.paging import Fetched, walk
from micore.sources.wildberries.answers import Struct
from micore.sources.wildberries.api import FEED_PATH, NAME, Category, WildberriesApi
from micore.sources.wildberries.statistics import MOSCOW, moscow

RECONCILED = ("orders", "stock", "finance")
KEPT_DAYS = 30
PAGE_ROWS = 10_000


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
    """See OwnFiguresSource.own_orders. The feed is by the time of the present status, so all since the first day is
    read: an order changes only after it was made."""
    first = max(first_day - timedelta(days=1), api.now(Category.ANALYTICS).astimezone(MOSCOW).date() - timedelta(30))
    since = datetime.combine(first, time(), MOSCOW)
    until = datetime.combine(end_day + timedelta(days=1), time(), MOSCOW)
    snapshot: str | None = None
    lines: list[OwnOrder] = []

    def fetch(at: str) -> tuple[_Feed, Fetched]:
        nonlocal snapshot
        if not at:
            # The first page, or a refused one begins the walk again.
            snapshot = None
            lines.clear()
        pages = {"offset": int(at or 0), "limit": PAGE_ROWS} | ({"snapshotTime": snapshot} if snapshot else {})
        asked = {"selectedPeriod": {"start": since.isoformat()}, "pagination": pages}
        feed = api.post(Category.ANALYTICS, FEED_PATH, asked, _ANSWER.decode).value.data
        snapshot = snapshot or feed.snapshot_time
        rows = len(feed.orders)
        return feed, Fetched(rows, str(int(at or 0) + PAGE_ROWS) if rows >= PAGE_ROWS else None)

    for step in walk(NAME, FEED_PATH, "", fetch):
        lines += [line for row in step.page.orders if (line := _line(row)).ordered_at < micros(until)]
    return OwnOrders(lines, None, None)


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
        None if row.is_mp else row.warehouse_name or None,
        None if changed is None else micros(changed),
    )
