"""Reading the dashboard: totals, trend, top lists and the age of the stock, each one indexed statement."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Select, Subquery, and_, false, func, select, true, union_all

from micore.domain.views import RunState
from micore.storage.events import STOCK
from micore.storage.products import SUMMARY_COLUMNS, SummaryRow
from micore.storage.tables import account, generation, product_summary, run, status_day, status_total, stock_snapshot

UNPUBLISHED = (RunState.FAILED.value, RunState.GAPS.value, RunState.STOPPED.value)


class StatusTotal(NamedTuple):
    """A status over all products that are not archived; thousandths and ten-thousandths."""

    status: int
    products: int
    effect: int
    stock_value: int
    revenue_30d: int


class AccountAge(NamedTuple):
    """An account and how old its stock is, microseconds."""

    account_id: int
    source: str
    name: str
    as_of: int | None
    """Newest published stock, by the marketplace's clock."""
    newest_state: str | None
    """State of the newest finished run."""
    newest_message: str | None


def generation_number(connection: Connection) -> int:
    """The present generation of what is shown; 0 before the first publish."""
    number = connection.execute(select(generation.c.number).where(generation.c.region == STOCK)).scalar()
    return int(number or 0)


def totals(connection: Connection) -> tuple[int, list[StatusTotal]]:
    """The generation and the totals it has, in one statement; statuses without products may be missing."""
    rows = connection.execute(
        select(generation.c.number, *status_total.c)
        .select_from(generation.outerjoin(status_total, true()))
        .where(generation.c.region == STOCK)
    ).all()
    found = [
        StatusTotal(row.status, row.products, row.effect, row.stock_value, row.revenue_30d)
        for row in rows
        if row.status is not None
    ]
    return (int(rows[0].number) if rows else 0), found


def trend(connection: Connection, *, first_day: str) -> list[tuple[str, int, int]]:
    """(day, status, products) from a day on, oldest first."""
    rows = connection.execute(
        select(status_day.c.day, status_day.c.status, status_day.c.products)
        .where(status_day.c.day >= first_day)
        .order_by(status_day.c.day, status_day.c.status)
    )
    return [(row.day, row.status, row.products) for row in rows]


def top(connection: Connection, statuses: tuple[int, ...], *, limit: int) -> dict[int, list[SummaryRow]]:
    """The products with the largest effect of each status, in one statement."""
    parts = [select(_largest(status, limit)) for status in statuses]
    found: dict[int, list[SummaryRow]] = {status: [] for status in statuses}
    for row in connection.execute(union_all(*parts)):
        found[row.status].append(SummaryRow(*row))
    for rows in found.values():
        # The order of a union's parts is kept by no promise.
        rows.sort(key=lambda each: (each.effect, each.product_key), reverse=True)
    return found


def ages(connection: Connection) -> list[AccountAge]:
    """Every account with its newest published stock and the outcome of its newest finished run."""
    newest_run = (
        select(func.max(run.c.id))
        .where(run.c.account_id == account.c.id, run.c.finished_at.is_not(None))
        .correlate(account)
        .scalar_subquery()
    )
    as_of = (
        select(func.max(stock_snapshot.c.as_of))
        .where(stock_snapshot.c.account_id == account.c.id, stock_snapshot.c.state == "published")
        .correlate(account)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(account.c.id, account.c.source, account.c.name, as_of, run.c.state, run.c.message)
        .select_from(account.outerjoin(run, run.c.id == newest_run))
        .order_by(account.c.id)
    )
    return [AccountAge(*row) for row in rows]


def _largest(status: int, limit: int) -> Subquery:
    wanted: Select[tuple[object, ...]] = (
        select(*SUMMARY_COLUMNS)
        .where(and_(product_summary.c.archived == false(), product_summary.c.status == status))
        .order_by(product_summary.c.effect.desc(), product_summary.c.product_key.desc())
        .limit(limit)
    )
    return wanted.subquery()
