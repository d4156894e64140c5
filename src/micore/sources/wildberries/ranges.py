"""Wildberries asked for days of the past: statistics a day at a time, returns by the day they began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

from micore.domain.records import RejectedRow
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.ranges import Keeping, RangePlan, WindowCursor, not_by_date
from micore.sources.rereading import Context, told_in
from micore.sources.wildberries.answers import Order, Sale
from micore.sources.wildberries.api import NAME, ORDERS_PATH, SALES_PATH, WildberriesApi
from micore.sources.wildberries.funnel import KEPT_DAYS, day_pages, refuse_untold
from micore.sources.wildberries.orders import is_unknown_barcode, order_records, places_of, seller_of, sellers_by_name
from micore.sources.wildberries.returns import STATUSES, WINDOW_DAYS, return_pages
from micore.sources.wildberries.returns import reader as reader_of
from micore.sources.wildberries.sales import booked, sale_records
from micore.sources.wildberries.statistics import Statistics

STATISTICS_DAYS = 90
"""Statistics keep an order no longer."""

_KEPT = {
    "orders": Keeping(1, 1, 60.0, 10, kept_days=STATISTICS_DAYS),
    "sales": Keeping(1, 1, 60.0, 1, kept_days=STATISTICS_DAYS),
    "returns": Keeping(WINDOW_DAYS, len(STATUSES), 60.0, 10),
    "funnel": Keeping(1, 1, 20.0, 3, kept_days=KEPT_DAYS),
}


def plan_range(stream: str, first_day: date, end_day: date, *, today: date) -> RangePlan:
    """See RangeSource.plan_range."""
    terms = _KEPT.get(stream)
    return not_by_date(stream) if terms is None else terms.plan(first_day, end_day, today=today)


def read_range(api: WildberriesApi, stream: str, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
    """See RangeSource.read_range."""
    if stream == "returns":
        return _returns(api, first_day, end_day, cursor)
    if stream == "funnel":
        return _funnel(api, first_day, cursor)
    return _day(api, stream, first_day)


def _day(api: WildberriesApi, stream: str, day: date) -> Iterator[Page]:
    """All rows of one day come in one answer, however many they are."""
    sku_of_barcode = api.tools.sku_of_barcode
    if stream == "sales":
        convert = partial(sale_records, sku_of_barcode=sku_of_barcode)
        yield _whole(Statistics(api, SALES_PATH, Sale, convert, key_field="saleID"), day, context={})
        return
    sellers = sellers_by_name(api)
    convert_orders = partial(order_records, sku_of_barcode=sku_of_barcode, sellers=sellers)
    orders = Statistics(api, ORDERS_PATH, Order, convert_orders, key_field="srid")
    yield _whole(orders, day, context=partial(seller_of, sellers=sellers), sellers=sellers)


def _whole(
    statistics: Statistics[Any], day: date, *, context: Context | Callable[[RejectedRow], Context], sellers: Any = None
) -> Page:
    answer = statistics.day(day)
    batch, records = answer.value, answer.value.records
    if sellers is None:
        records = booked(records, batch.rows, answer.marketplace_now)
    places = [] if sellers is None else places_of(batch.rows, sellers)
    cursor = to_text(WindowCursor(1))
    rejected = told_in(batch.rejected, context, may_pass=is_unknown_barcode)
    return Page(answer.raw, records, rejected, cursor, answer.marketplace_now, done=True, places=places)


def _funnel(api: WildberriesApi, day: date, cursor: str | None) -> Iterator[Page]:
    begin = from_text(NAME, WindowCursor, cursor) or WindowCursor()
    for step in day_pages(api, day, begin.at):
        answer, more = step.page, step.following
        if not (begin.at or answer.value.records or answer.value.rejected):
            refuse_untold(api, day)
        yield Page(
            answer.raw,
            answer.value.records,
            answer.value.rejected,
            to_text(WindowCursor(0, more) if more is not None else WindowCursor(1)),
            answer.marketplace_now,
            done=more is None,
        )


def _returns(api: WildberriesApi, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
    begin = from_text(NAME, WindowCursor, cursor) or WindowCursor()
    last_day = date.fromordinal(end_day.toordinal() - 1)
    for part in range(begin.part, len(STATUSES)):
        archived = STATUSES[part] == "archive"
        reader = reader_of(api.tools.sku_of_barcode, archived=archived)
        for step in return_pages(api, reader, first_day, last_day, part, begin.at if part == begin.part else ""):
            batch, more = step.page.value, step.following
            after = WindowCursor(part, more) if more is not None else WindowCursor(part + 1)
            yield Page(
                step.page.raw,
                batch.records,
                told_in(batch.rejected, {"archived": archived}, may_pass=is_unknown_barcode),
                to_text(after),
                step.page.marketplace_now,
                done=more is None and part + 1 == len(STATUSES),
            )
