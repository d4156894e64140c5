"""How a product's cards were looked at and bought: the last four weeks beside the four before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from micore.domain.account_views import UnreadAccount
from micore.domain.funnel_views import SETTLED_DAYS, FunnelSpan, FunnelSums, share
from micore.domain.instants import instant
from micore.services.comparing import MOSCOW
from micore.storage import accounts, funnel
from micore.storage.database import Connection

SPAN_DAYS = 28
"""Whole weeks: a span has as many Sundays as another."""


def funnel_sums(connection: Connection, product_key: int, now: datetime) -> FunnelSums | None:
    """Both spans, the present one up to yesterday by the marketplace's days; None where no account that sells the
    product tells of it."""
    read = accounts.readings(connection, product_key, funnel.STREAM)
    if read.as_of is None:
        return None
    tellers = funnel.tellers(connection)
    readers = funnel.readers(connection, product_key)
    settled = {each: (_day(instant(each.as_of)) - timedelta(days=SETTLED_DAYS)).isoformat() for each in readers}
    today = _day(now)
    return FunnelSums(
        as_of=instant(read.as_of),
        now=_span(connection, product_key, today, settled),
        before=_span(connection, product_key, today - timedelta(days=SPAN_DAYS), settled),
        unread=[UnreadAccount(source, account) for source, account in read.unread if source in tellers],
    )


def _day(at: datetime) -> date:
    return at.astimezone(MOSCOW).date()


def _span(
    connection: Connection, product_key: int, end: date, settled: Mapping[funnel.Reader, str]
) -> FunnelSpan | None:
    first = end - timedelta(days=SPAN_DAYS)
    told = funnel.funnel_of(
        connection, product_key, first_day=first.isoformat(), end_day=end.isoformat(), settled=settled
    )
    if told is None:
        return None
    bought, cancelled = told.settled_bought, told.settled_cancelled
    return FunnelSpan(
        first_day=first,
        last_day=end - timedelta(days=1),
        days=min(told.days.values(), default=0),
        incomplete=[UnreadAccount(*each) for each, days in sorted(told.days.items()) if days < SPAN_DAYS],
        opened=told.opened,
        carted=told.carted,
        ordered=told.ordered,
        bought=told.bought,
        cancelled=told.cancelled,
        wished=told.wished,
        to_cart=share(told.carted, told.opened),
        to_order=share(told.ordered, told.carted),
        to_buyout=share(bought, None if bought is None or cancelled is None else bought + cancelled),
        response=told.sha256,
    )
