"""The marketplaces' account with the seller, and what keeping each product costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from micore.storage.bulk import Columns, bulk_for
from micore.storage.merging import merge_rows
from micore.storage.products import members
from micore.storage.tables import finance_line, raw_page, sku, storage_cost

_FINANCE: Columns = {
    "booking_id": "text",
    "external_id": "text",
    "sku_id": "int",
    "order_id": "text",
    "booked_day": "text",
    "kind": "text",
    "amount": "int",
    "currency": "text",
    "name": "text",
    "raw_page_id": "int",
}
_COST: Columns = {
    "external_id": "text",
    "sku_id": "int",
    "place_id": "int",
    "stored_day": "text",
    "amount": "int",
    "currency": "text",
    "quantity": "int",
    "volume": "int",
    "raw_page_id": "int",
}


class FinanceRow(NamedTuple):
    """A booked amount with our sku id; the columns of the staging table."""

    external_id: str
    sku_id: int | None
    order_id: str | None
    booked_day: str
    kind: str
    amount: int
    currency: str
    name: str
    raw_page_id: int | None


class StorageCostRow(NamedTuple):
    """A day's storage of a sku with our ids; the columns of the staging table."""

    external_id: str
    sku_id: int
    place_id: int | None
    stored_day: str
    amount: int
    currency: str
    quantity: int | None
    volume: int | None
    raw_page_id: int | None


def merge_finance(
    connection: Connection, account_id: int, rows: Sequence[FinanceRow], *, now: int
) -> Sequence[int | None]:
    """Write amounts that are new or differ; of rows with the same key the last counts. Returns the sku id of each of
    those that did, None for what belongs to no product."""
    parts = [(booking_of(row.external_id), *row) for row in rows]
    return merge_rows(connection, "finance_line", _FINANCE, ("external_id",), parts, account_id=account_id, now=now)


def booking_of(finance_id: str) -> str:
    """The booking that an amount is a part of."""
    return finance_id.partition(":")[0]


class Whole(NamedTuple):
    """What an answer told whole of an account."""

    account_id: int
    names: Sequence[str]
    """Bookings, or days of storage."""
    received_at: int | None = None
    """Of which anything is stored from a newer answer than this is left alone; None: this one is the newest."""


def forget_amounts(connection: Connection, whole: Whole, told: Iterable[str]) -> list[int | None]:
    """Take the amounts of these bookings away that are not among those told of them; returns the sku id of each."""
    return _forget(connection, "finance_line", _AMOUNTS, whole, told)


def forget_sales(connection: Connection, whole: Whole, told: Iterable[str]) -> list[int | None]:
    """Take the sales of these bookings away that are not among those told of them; returns the sku id of each. To be
    called before their amounts are taken away: these lead to the sales."""
    return _forget(connection, "sale", _SALES, whole, told)


def forget_costs(connection: Connection, whole: Whole, told: Iterable[str]) -> list[int | None]:
    """Take the storage costs of these days away that are not among those told of them; returns the sku id of each."""
    return _forget(connection, "storage_cost", _COSTS, whole, told)


class _Told(NamedTuple):
    """Rows (as l) that belong to what an answer told whole, and by which name they do."""

    rows: str
    name: str


# As IN, not as joins: SQLite knows no sizes here, and would compare every row of the account with every name.
_AMOUNTS = _Told(
    "finance_line l WHERE l.account_id = :account AND l.booking_id IN (SELECT name FROM stage_whole)", "l.booking_id"
)
_COSTS = _Told(
    "storage_cost l WHERE l.account_id = :account AND l.stored_day IN (SELECT name FROM stage_whole)", "l.stored_day"
)
# A sale bears the order and the sku of its booking's amounts, and begins with the booking's name.
_SALES = _Told(
    """
    finance_line f JOIN sale l ON l.account_id = f.account_id AND l.order_id = f.order_id AND l.sku_id = f.sku_id
        AND substr(l.external_id, 1, length(f.booking_id) + 1) = f.booking_id || ':'
    WHERE f.account_id = :account AND f.booking_id IN (SELECT name FROM stage_whole)
    """,
    "f.booking_id",
)
_NEWER = "coalesce((SELECT p.received_at FROM raw_page p WHERE p.id = l.raw_page_id), l.known_from) > :received_at"


def _forget(connection: Connection, table: str, of: _Told, whole: Whole, told: Iterable[str]) -> list[int | None]:
    bulk = bulk_for(connection)
    bulk.stage(connection, "stage_whole", {"name": "text"}, [(each,) for each in sorted(set(whole.names))])
    bulk.stage(connection, "stage_told", {"name": "text"}, [(each,) for each in sorted(set(told))])
    older = "" if whole.received_at is None else f"AND {of.name} NOT IN (SELECT {of.name} FROM {of.rows} AND {_NEWER})"
    gone = connection.execute(
        text(
            f"""
            DELETE FROM {table} WHERE id IN (
                SELECT l.id FROM {of.rows} AND l.external_id NOT IN (SELECT name FROM stage_told) {older}
            ) RETURNING sku_id
            """
        ),
        {"account": whole.account_id} | ({"received_at": whole.received_at} if older else {}),
    )
    return list(gone.scalars())


def merge_storage_costs(
    connection: Connection, account_id: int, rows: Sequence[StorageCostRow], *, now: int
) -> list[int]:
    """Write costs that are new or differ; of rows with the same key the last counts. Returns the sku ids of those
    that did."""
    return merge_rows(connection, "storage_cost", _COST, ("external_id",), rows, account_id=account_id, now=now)


# ------------------------------------------------------------------------------------------------- reading


class KindRow(NamedTuple):
    """A product's amounts of one kind and currency: ten-thousandths."""

    kind: str
    currency: str
    amount: int
    lines: int
    sha256: str | None
    """Of the answer that told the newest of them."""


class CostRow(NamedTuple):
    """What a product's storage cost: ten-thousandths."""

    amount: int
    days: int
    first_day: str
    last_day: str
    sha256: str | None
    """Of the answer that told the newest row."""


def amounts_by_kind(connection: Connection, product_key: int, *, since_day: str) -> list[KindRow]:
    """A product's amounts since a day, by kind and currency."""
    line = finance_line
    sums = (
        select(
            line.c.kind,
            line.c.currency,
            func.sum(line.c.amount).label("amount"),
            func.count().label("lines"),
            func.max(line.c.raw_page_id).label("raw_page_id"),
        )
        .select_from(sku.join(line, line.c.sku_id == sku.c.id))
        .where(members(product_key), line.c.booked_day >= since_day)
        .group_by(line.c.kind, line.c.currency)
        .subquery()
    )
    rows = connection.execute(
        select(sums.c.kind, sums.c.currency, sums.c.amount, sums.c.lines, raw_page.c.sha256)
        .select_from(sums.outerjoin(raw_page, raw_page.c.id == sums.c.raw_page_id))
        .order_by(sums.c.kind, sums.c.currency)
    )
    # PostgreSQL's sums are decimals.
    return [KindRow(row.kind, row.currency, int(row.amount), row.lines, row.sha256) for row in rows]


def storage_of(connection: Connection, product_key: int, currency: str, *, since_day: str) -> CostRow | None:
    """What a product's storage cost since a day, in one currency; None where no row tells of it."""
    cost = storage_cost
    row = connection.execute(
        select(
            func.sum(cost.c.amount).label("amount"),
            func.count(cost.c.stored_day.distinct()).label("days"),
            func.min(cost.c.stored_day).label("first_day"),
            func.max(cost.c.stored_day).label("last_day"),
            func.max(cost.c.raw_page_id).label("raw_page_id"),
        )
        .select_from(sku.join(cost, cost.c.sku_id == sku.c.id))
        .where(members(product_key), cost.c.stored_day >= since_day, cost.c.currency == currency)
    ).one()
    if row.amount is None:
        return None
    sha256 = connection.execute(select(raw_page.c.sha256).where(raw_page.c.id == row.raw_page_id)).scalar()
    return CostRow(int(row.amount), row.days, row.first_day, row.last_day, sha256)
