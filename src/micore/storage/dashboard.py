"""Reading the dashboard: totals, trend, top lists and the age of the stock, each one indexed statement."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    SmallInteger,
    Subquery,
    bindparam,
    false,
    func,
    select,
    true,
    union_all,
)

from micore.domain.run_views import RunState
from micore.storage.events import STOCK
from micore.storage.prepared import Prepared
from micore.storage.products import SUMMARY_COLUMNS, SummaryRow
from micore.storage.tables import (
    account,
    generation,
    place,
    product_summary,
    run,
    source_key,
    status_day,
    status_total,
    stock_snapshot,
)

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
    left_at: int | None
    """When its key became one of another account; None: it is read."""
    slot: str | None
    """The settings that read it: "ozon-2"; None: none does, or did not since they were noted."""


def generation_number(connection: Connection) -> int:
    """The present generation of what is shown; 0 before the first publish."""
    rows = _GENERATION(connection)
    return int(rows[0][0]) if rows else 0


def totals(connection: Connection) -> tuple[int, list[StatusTotal]]:
    """The generation and the totals it has, in one statement; statuses without products may be missing."""
    rows = _TOTALS(connection)
    found = [StatusTotal._make(row[1:]) for row in rows if row[1] is not None]
    return (int(rows[0][0]) if rows else 0), found


def trend(connection: Connection, *, first_day: str) -> list[tuple[str, int, int]]:
    """(day, status, products) from a day on, oldest first."""
    return [(day, status, products) for day, status, products in _TREND(connection, first_day=first_day)]


def top(connection: Connection, statuses: tuple[int, ...], *, limit: int) -> dict[int, list[SummaryRow]]:
    """The products with the largest effect of each status, in one statement; three statuses."""
    found: dict[int, list[SummaryRow]] = {status: [] for status in statuses}
    wanted = {f"status_{index}": status for index, status in enumerate(statuses)}
    for shown in map(SummaryRow._make, _TOP(connection, most=limit, **wanted)):
        found[shown.status].append(shown)
    for rows in found.values():
        # The order of a union's parts is kept by no promise.
        rows.sort(key=lambda each: (each.effect, each.product_key), reverse=True)
    return found


def ages(connection: Connection) -> list[AccountAge]:
    """Every account with its newest published stock and the outcome of its newest finished run."""
    return [AccountAge._make(row) for row in _AGES(connection)]


def _totals() -> Select[Any]:
    columns = (status_total.c[name] for name in StatusTotal._fields)
    joined = generation.outerjoin(status_total, true())
    return select(generation.c.number, *columns).select_from(joined).where(generation.c.region == STOCK)


def _trend() -> Select[Any]:
    return (
        select(status_day.c.day, status_day.c.status, status_day.c.products)
        .where(status_day.c.day >= bindparam("first_day"))
        .order_by(status_day.c.day, status_day.c.status)
    )


def _ages() -> Select[Any]:
    newest_run = (
        select(func.max(run.c.id))
        .where(run.c.account_id == account.c.id, run.c.kind == "sync", run.c.finished_at.is_not(None))
        .correlate(account)
        .scalar_subquery()
    )
    # An account is as old as the oldest of its scopes: fresh FBS says nothing of FBO. The scopes come from the places,
    # which are few; snapshots are many and grow for ever, so each scope asks for its newest one alone.
    scopes = (
        select(place.c.account_id, place.c.stock_scope).where(place.c.stock_scope.is_not(None)).distinct().subquery()
    )
    published = stock_snapshot.c.state == "published"
    newest = (
        select(stock_snapshot.c.as_of)
        .where(
            stock_snapshot.c.account_id == scopes.c.account_id,
            stock_snapshot.c.scope == scopes.c.stock_scope,
            published,
        )
        .order_by(stock_snapshot.c.id.desc())
        .limit(1)
        .correlate(scopes)
        .scalar_subquery()
    )
    oldest = select(func.min(newest)).where(scopes.c.account_id == account.c.id).correlate(account).scalar_subquery()
    # An account without a single row of stock has published all the same.
    empty = (
        select(func.max(stock_snapshot.c.as_of))
        .where(stock_snapshot.c.account_id == account.c.id, published)
        .correlate(account)
        .scalar_subquery()
    )
    as_of = func.coalesce(oldest, empty)
    slot = select(func.min(source_key.c.slot)).where(source_key.c.account_id == account.c.id).correlate(account)
    return (
        select(
            account.c.id,
            account.c.source,
            account.c.name,
            as_of,
            run.c.state,
            run.c.message,
            account.c.left_at,
            slot.scalar_subquery(),
        )
        .select_from(account.outerjoin(run, run.c.id == newest_run))
        .order_by(account.c.id)
    )


def _top() -> CompoundSelect[Any]:
    return union_all(*(select(_largest(bindparam(f"status_{index}", type_=SmallInteger))) for index in range(3)))


def _largest(status: BindParameter[int]) -> Subquery:
    wanted: Select[Any] = (
        select(*SUMMARY_COLUMNS)
        .where(product_summary.c.archived == false(), product_summary.c.status == status)
        .order_by(product_summary.c.effect.desc(), product_summary.c.product_key.desc())
        .limit(bindparam("most", type_=Integer))
    )
    return wanted.subquery()


_GENERATION = Prepared(lambda: select(generation.c.number).where(generation.c.region == STOCK))
_TOTALS = Prepared(_totals)
_TREND = Prepared(_trend)
_AGES = Prepared(_ages)
_TOP = Prepared(_top)
