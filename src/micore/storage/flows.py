"""What moves between the seller, the marketplace and the buyers beside orders: returns and supplies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from micore.domain.records import ReturnState, SupplyState
from micore.storage.bulk import Columns
from micore.storage.merging import merge_rows
from micore.storage.products import members
from micore.storage.tables import account, place, raw_page, return_line, sku, supply_line

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
    quantity: int | None
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


# ------------------------------------------------------------------------------------------------- closing

OPEN_SUPPLIES = (SupplyState.PLANNED.value, SupplyState.ON_THE_WAY.value, SupplyState.ACCEPTING.value)
UNDER_WAY = (ReturnState.ON_THE_WAY.value, ReturnState.READY.value)
_IDS_PER_STATEMENT = 500


def open_supply_ids(connection: Connection, account_id: int) -> set[str]:
    """The supplies of an account that are not whole at the marketplace yet."""
    query = select(supply_line.c.supply_id).where(
        supply_line.c.account_id == account_id, supply_line.c.state.in_(OPEN_SUPPLIES)
    )
    return set(connection.execute(query.distinct()).scalars())


def cancel_lines(
    connection: Connection,
    account_id: int,
    kept: Mapping[str, Collection[int]],
    *,
    raw_page_id: int,
    as_of: int,
    now: int,
) -> list[int]:
    """Cancel the open lines of these supplies whose sku is not among the kept ones. Returns the sku ids of those."""
    supply_ids = sorted(kept)
    gone: list[tuple[int, int]] = []
    for start in range(0, len(supply_ids), _IDS_PER_STATEMENT):
        some = supply_ids[start : start + _IDS_PER_STATEMENT]
        rows = connection.execute(
            select(supply_line.c.id, supply_line.c.supply_id, supply_line.c.sku_id).where(
                supply_line.c.account_id == account_id,
                supply_line.c.supply_id.in_(some),
                supply_line.c.state.in_(OPEN_SUPPLIES),
            )
        )
        gone += [(row.id, row.sku_id) for row in rows if row.sku_id not in kept[row.supply_id]]
    for start in range(0, len(gone), _IDS_PER_STATEMENT):
        ids = [line_id for line_id, _ in gone[start : start + _IDS_PER_STATEMENT]]
        connection.execute(
            update(supply_line)
            .where(supply_line.c.id.in_(ids))
            .values(state=SupplyState.CANCELLED.value, changed_at=as_of, known_from=now, raw_page_id=raw_page_id)
        )
    return [sku_id for _, sku_id in gone]


# ------------------------------------------------------------------------------------------------- reading


class OpenSupplyRow(NamedTuple):
    """One sku of an open supply: thousandths and microseconds."""

    source: str
    account: str
    supply_id: str
    sku_external_id: str
    place: str | None
    state: str
    quantity: int
    accepted: int | None
    expected_at: int | None
    sha256: str | None


class ReturnedRow(NamedTuple):
    """A return of a product's: thousandths; None where nobody told how many."""

    state: str
    quantity: int | None
    reason: str
    returned_day: str


def open_supplies(connection: Connection, product_key: int) -> list[OpenSupplyRow]:
    """A product's supplies that are not whole at the marketplace yet, soonest first, without a date last."""
    rows = connection.execute(
        select(
            account.c.source,
            account.c.name,
            supply_line.c.supply_id,
            sku.c.external_id,
            place.c.name,
            supply_line.c.state,
            supply_line.c.quantity,
            supply_line.c.accepted,
            supply_line.c.expected_at,
            raw_page.c.sha256,
        )
        .select_from(
            sku.join(supply_line, supply_line.c.sku_id == sku.c.id)
            .join(account, account.c.id == supply_line.c.account_id)
            .outerjoin(place, place.c.id == supply_line.c.place_id)
            .outerjoin(raw_page, raw_page.c.id == supply_line.c.raw_page_id)
        )
        .where(members(product_key), supply_line.c.state.in_(OPEN_SUPPLIES))
    )
    found = [OpenSupplyRow._make(row) for row in rows]
    # Sorted here: the two databases disagree about NULL.
    found.sort(key=lambda row: (row.expected_at is None, row.expected_at or 0, row.supply_id, row.sku_external_id))
    return found


def returns_of(connection: Connection, product_key: int, *, since_day: str) -> list[ReturnedRow]:
    """A product's returns that began since a day or are under way still."""
    rows = connection.execute(
        select(return_line.c.state, return_line.c.quantity, return_line.c.reason, return_line.c.returned_day)
        .select_from(sku.join(return_line, return_line.c.sku_id == sku.c.id))
        .where(members(product_key), (return_line.c.returned_day >= since_day) | return_line.c.state.in_(UNDER_WAY))
    )
    return [ReturnedRow._make(row) for row in rows]
