"""The marketplaces' account with the seller, and what keeping each product costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from micore.storage.bulk import Columns
from micore.storage.merging import merge_rows

_FINANCE: Columns = {
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
    return merge_rows(connection, "finance_line", _FINANCE, ("external_id",), rows, account_id=account_id, now=now)


def merge_storage_costs(
    connection: Connection, account_id: int, rows: Sequence[StorageCostRow], *, now: int
) -> list[int]:
    """Write costs that are new or differ; of rows with the same key the last counts. Returns the sku ids of those
    that did."""
    return merge_rows(connection, "storage_cost", _COST, ("external_id",), rows, account_id=account_id, now=now)
