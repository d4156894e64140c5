"""What moves between the seller, the marketplace and the buyers beside orders: returns and supplies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from micore.storage.bulk import Columns
from micore.storage.merging import merge_rows

_RETURN: Columns = {
    "return_id": "text",
    "sku_id": "int",
    "order_id": "text",
    "scheme": "text",
    "kind": "text",
    "state": "text",
    "quantity": "int",
    "reason": "text",
    "returned_at": "int",
    "returned_day": "text",
    "finished_at": "int",
    "raw_page_id": "int",
}
_SUPPLY: Columns = {
    "supply_id": "text",
    "sku_id": "int",
    "place_id": "int",
    "state": "text",
    "quantity": "int",
    "accepted": "int",
    "created_at": "int",
    "expected_at": "int",
    "changed_at": "int",
    "raw_page_id": "int",
}


class ReturnRow(NamedTuple):
    """A return with our sku id; the columns of the staging table."""

    return_id: str
    sku_id: int
    order_id: str | None
    scheme: str
    kind: str
    state: str
    quantity: int
    reason: str
    returned_at: int
    returned_day: str
    finished_at: int | None
    raw_page_id: int | None


class SupplyRow(NamedTuple):
    """One sku of a supply with our ids; the columns of the staging table."""

    supply_id: str
    sku_id: int
    place_id: int | None
    state: str
    quantity: int
    accepted: int | None
    created_at: int
    expected_at: int | None
    changed_at: int
    raw_page_id: int | None


def merge_returns(connection: Connection, account_id: int, rows: Sequence[ReturnRow], *, now: int) -> list[int]:
    """Write returns that are new or differ. Returns the sku ids of those."""
    key = ("return_id", "sku_id")
    return merge_rows(connection, "return_line", _RETURN, key, rows, account_id=account_id, now=now)


def merge_supplies(connection: Connection, account_id: int, rows: Sequence[SupplyRow], *, now: int) -> list[int]:
    """Write supplies that are new or differ. Returns the sku ids of those."""
    key = ("supply_id", "sku_id")
    return merge_rows(connection, "supply_line", _SUPPLY, key, rows, account_id=account_id, now=now)
