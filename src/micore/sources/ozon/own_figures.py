"""Ozon's own figures: the charts' sums by day, the postings one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from micore.domain.reconcile_views import Untold
from micore.domain.records import OrderRecord, OrderState
from micore.domain.units import MILLI, ten_thousandths
from micore.sources.own_figures import DaySum, OwnOrder, OwnOrders
from micore.sources.ozon import own_sales
from micore.sources.ozon.api import ANALYTICS_PATH, OzonApi
from micore.sources.ozon.finance import ZONE
from micore.sources.ozon.ranges import plan_range, read_range

RECONCILED = ("orders", "sales", "stock", "finance")
UNTOLD: Mapping[str, Sequence[Untold]] = {
    "orders": (Untold.ORDER_PLACES,),
    "sales": own_sales.UNTOLD,
    "stock": (Untold.MARKETPLACE_STOCK_PLACES, Untold.SELLER_STOCK_PLACES),
}
KEPT_DAYS = 90
"""Three months without Premium Plus."""
_METRICS = ["ordered_units", "revenue"]


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


_ANALYTICS = msgspec.json.Decoder(_Analytics)


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
