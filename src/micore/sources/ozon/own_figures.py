"""Ozon's own figures: the charts' sums by day, the postings one by one, the sellers' stock by scheme."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec

from micore.domain.records import OrderRecord, OrderState
from micore.domain.units import MILLI, ten_thousandths
from micore.sources.fields import Count
from micore.sources.own_figures import DaySum, OwnOrder, OwnOrders, OwnStock
from micore.sources.ozon.api import ANALYTICS_PATH, NAME, OzonApi
from micore.sources.ozon.finance import ZONE
from micore.sources.ozon.ranges import plan_range, read_range
from micore.sources.paging import Fetched, walk

STOCKS_PATH = "/v4/product/info/stocks"
RECONCILED = ("orders", "stock")
KEPT_DAYS = 90
"""Three months without Premium Plus."""
_METRICS = ["ordered_units", "revenue"]
_SCHEMES = {"fbs": "FBS", "rfbs": "rFBS"}
"""FBO is told by analytics alone, which is what the stock stream reads."""
STOCK_SCHEMES = tuple(_SCHEMES.values())


class _Dimension(msgspec.Struct):
    id: str


class _Row(msgspec.Struct):
    dimensions: list[_Dimension]
    metrics: list[float]


class _Rows(msgspec.Struct):
    data: list[_Row] = []


class _Analytics(msgspec.Struct):
    result: _Rows
    timestamp: str = ""


class _Stock(msgspec.Struct):
    sku: int
    type: str
    present: Count
    reserved: Count


class _Item(msgspec.Struct):
    stocks: list[_Stock] = []


class _Stocks(msgspec.Struct):
    items: list[_Item] = []
    cursor: str = ""


_ANALYTICS = msgspec.json.Decoder(_Analytics)
_STOCKS = msgspec.json.Decoder(_Stocks)


def own_orders(api: OzonApi, first_day: date, end_day: date) -> OwnOrders:
    """See OwnFiguresSource.own_orders. One request of the charts, which may be asked once a minute."""
    asked = {
        "date_from": first_day.isoformat(),
        "date_to": (end_day - timedelta(days=1)).isoformat(),
        "dimension": ["day"],
        "metrics": _METRICS,
        "limit": 1000,
        "offset": 0,
    }
    told = api.ask(ANALYTICS_PATH, asked, _ANALYTICS.decode).value
    sums = [
        DaySum(date.fromisoformat(row.dimensions[0].id[:10]), int(row.metrics[0]) * MILLI, _amount(row.metrics[1]))
        for row in told.result.data
    ]
    return OwnOrders(list(_lines(api, first_day, end_day)), sums, _until(told.timestamp))


def own_stock(api: OzonApi) -> list[OwnStock]:
    """See OwnFiguresSource.own_stock."""
    found: list[OwnStock] = []

    def fetch(at: str) -> tuple[_Stocks, Fetched]:
        asked = {"filter": {"visibility": "ALL"}, "cursor": at, "limit": 1000}
        page = api.ask(STOCKS_PATH, asked, _STOCKS.decode).value
        return page, Fetched(len(page.items), page.cursor if len(page.items) == 1000 else None)

    for step in walk(NAME, STOCKS_PATH, "", fetch):
        if not step.at:
            found.clear()  # A refused cursor begins the walk again.
        for item in step.page.items:
            found += [
                OwnStock(_SCHEMES[each.type], str(each.sku), (each.present - each.reserved) * MILLI)
                for each in item.stocks
                if each.type in _SCHEMES
            ]
    return found


def _lines(api: OzonApi, first_day: date, end_day: date) -> Iterator[OwnOrder]:
    first, end = first_day - timedelta(days=1), end_day + timedelta(days=1)
    for window in plan_range("orders", first, end, today=end).windows:
        for page in read_range(api, "orders", *window, None):
            for record in page.records:
                assert isinstance(record, OrderRecord)
                yield OwnOrder(
                    record.order_id,
                    record.sku_id,
                    record.ordered_at,
                    record.quantity,
                    record.price,
                    record.state is OrderState.CANCELLED,
                    record.place_id,
                )


def _amount(value: float) -> int:
    return ten_thousandths(f"{value:.2f}")


def _until(timestamp: str) -> datetime | None:
    """The report's own time, which names no zone; Ozon's cabinet shows Moscow's."""
    try:
        return datetime.fromisoformat(timestamp).replace(tzinfo=ZONE)
    except ValueError:
        return None
