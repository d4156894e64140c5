"""How a product's cards were looked at and bought: the last four weeks beside the four before."""

from __future__ import annotations

from datetime import date, timedelta

from micore.domain.account_views import UnreadAccount
from micore.domain.funnel_views import FunnelSpan, FunnelSums, share
from micore.domain.instants import instant
from micore.storage import accounts, funnel
from micore.storage.database import Connection

SPAN_DAYS = 28
"""Whole weeks: a span has as many Sundays as another."""


def funnel_sums(connection: Connection, product_key: int, today: date) -> FunnelSums | None:
    """Both spans, the present one up to yesterday; None where no account that sells the product tells of it."""
    read = accounts.readings(connection, product_key, funnel.STREAM)
    if read.as_of is None:
        return None
    tellers = funnel.tellers(connection)
    return FunnelSums(
        as_of=instant(read.as_of),
        now=_span(connection, product_key, today),
        before=_span(connection, product_key, today - timedelta(days=SPAN_DAYS)),
        unread=[UnreadAccount(source, account) for source, account in read.unread if source in tellers],
    )


def _span(connection: Connection, product_key: int, end: date) -> FunnelSpan | None:
    first = end - timedelta(days=SPAN_DAYS)
    told = funnel.funnel_of(connection, product_key, first_day=first.isoformat(), end_day=end.isoformat())
    if told is None:
        return None
    return FunnelSpan(
        first_day=first,
        last_day=end - timedelta(days=1),
        days=told.days,
        opened=told.opened,
        carted=told.carted,
        ordered=told.ordered,
        bought=told.bought,
        cancelled=told.cancelled,
        wished=told.wished,
        to_cart=share(told.carted, told.opened),
        to_order=share(told.ordered, told.carted),
        to_buyout=share(told.bought, told.ordered),
        response=told.sha256,
    )
