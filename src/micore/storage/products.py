"""Reading products: keyset pages with filters and exact totals, and one product with its cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, false, func, literal, or_, select, true

from micore.domain.stock_status import STATUS_BY_CODE
from micore.storage import search
from micore.storage.tables import (
    account,
    listing,
    place,
    product_summary,
    sku,
    sku_barcode,
    stock,
)

SORTS: dict[str, Column[Any]] = {
    "effect": product_summary.c.effect,
    "name": product_summary.c.name_sort,
    "code": product_summary.c.code,
    "available": product_summary.c.available,
    "sold": product_summary.c.sold_30d,
    "cover": product_summary.c.cover_tenths,
    "value": product_summary.c.stock_value,
    "status": product_summary.c.status,
}
"""What a list can be sorted by; names are those of the API."""


class SummaryRow(NamedTuple):
    """A product's summary: thousandths, ten-thousandths, tenths of a day."""

    product_key: int
    name: str
    name_sort: str
    code: str
    sources: str
    status: int
    archived: bool
    stale: bool
    available: int | None
    present: int | None
    reserved: int | None
    inbound: int | None
    places: int
    price: int | None
    stock_value: int | None
    sold_30d: int
    revenue_30d: int
    effect: int
    cover_tenths: int | None
    spark: bytes


SUMMARY_COLUMNS = tuple(product_summary.c[name] for name in SummaryRow._fields)


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products. Empty tuples and empty words filter nothing."""

    words: str = ""
    statuses: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    """Ids of warehouses, or of clusters, which stand for their warehouses."""
    archived: bool | None = False
    """None: both."""


class Position(NamedTuple):
    """Where a page ended: the sorted value of its last row (None: unknown) and the key."""

    value: int | str | None
    product_key: int
    effect: int = 0
    """Only where a list is sorted by status."""


class ListingRow(NamedTuple):
    """A card and the sku of it that belongs to a product."""

    sku_id: int
    source: str
    account: str
    card_id: str
    sku_external_id: str
    offer_id: str
    name: str
    size: str | None
    archived: bool
    retired_at: int | None
    price: int | None
    currency: str | None


def page(
    connection: Connection,
    wanted: ProductFilter,
    *,
    sort: str,
    descending: bool,
    limit: int,
    after: Position | None,
) -> list[SummaryRow]:
    """Up to `limit` products in order, behind a position. Unknown values come last in both directions.

    Within a status the largest effect comes first, whichever status comes first.
    """
    conditions = _conditions(connection, wanted)
    if sort != "status":
        return _walk(connection, conditions, SORTS[sort], descending=descending, limit=limit, after=after)
    rows: list[SummaryRow] = []
    for status in sorted(wanted.statuses or STATUS_BY_CODE, reverse=descending):
        inside = None
        if after is not None:
            if status == after.value:
                inside = Position(after.effect, after.product_key)
            elif (status > int(after.value or 0)) == descending:
                continue
        of_status = [*conditions, product_summary.c.status == status]
        rows += _walk(
            connection, of_status, product_summary.c.effect, descending=True, limit=limit - len(rows), after=inside
        )
        if len(rows) == limit:
            break
    return rows


def position(row: SummaryRow, *, sort: str) -> Position:
    """Where a page that ends with this row ended."""
    return Position(getattr(row, SORTS[sort].key), row.product_key, row.effect if sort == "status" else 0)


def _walk(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    column: Column[Any],
    *,
    descending: bool,
    limit: int,
    after: Position | None,
) -> list[SummaryRow]:
    """Rows in the order of one column, known values first, each part along one index.

    Two walks instead of one: neither database then has to sort, and NULL never meets a comparison.
    """
    rows: list[SummaryRow] = []
    order_by_key = _key.desc() if descending else _key.asc()
    if after is None or after.value is not None:
        known: list[ColumnElement[bool]] = [column.is_not(None)] if column.nullable else []
        if after is not None:
            known.append(_behind(column, after, descending=descending))
        order = column.desc() if descending else column.asc()
        wanted = select(*SUMMARY_COLUMNS).where(*conditions, *known).order_by(order, order_by_key).limit(limit)
        rows = _rows(connection, wanted)
    if len(rows) < limit and column.nullable:
        unknown: list[ColumnElement[bool]] = [column.is_(None)]
        if after is not None and after.value is None:
            unknown.append(_key < after.product_key if descending else _key > after.product_key)
        rest = select(*SUMMARY_COLUMNS).where(*conditions, *unknown).order_by(order_by_key).limit(limit - len(rows))
        rows += _rows(connection, rest)
    return rows


def count(connection: Connection, wanted: ProductFilter) -> int:
    """How many products match, exactly."""
    statement = select(func.count()).select_from(product_summary).where(*_conditions(connection, wanted))
    return int(connection.execute(statement).scalar_one())


def summary(connection: Connection, product_key: int) -> SummaryRow | None:
    """One product's summary; None when there is no such product."""
    row = connection.execute(select(*SUMMARY_COLUMNS).where(_key == product_key)).one_or_none()
    return None if row is None else SummaryRow(*row)


def listings(connection: Connection, product_key: int) -> list[ListingRow]:
    """The cards that sell a product, each with the sku that belongs to it; those still sold first."""
    rows = connection.execute(
        select(
            sku.c.id,
            account.c.source,
            account.c.name,
            listing.c.external_id,
            sku.c.external_id,
            listing.c.offer_id,
            listing.c.name,
            sku.c.size,
            listing.c.archived,
            sku.c.retired_at,
            listing.c.price,
            listing.c.currency,
        )
        .select_from(
            sku.join(listing, listing.c.id == sku.c.listing_id).join(account, account.c.id == sku.c.account_id)
        )
        .where(members(product_key))
        .order_by(listing.c.archived, account.c.source, sku.c.id)
    )
    return [ListingRow._make(row) for row in rows]


def barcodes(connection: Connection, sku_ids: Sequence[int]) -> dict[int, list[str]]:
    """The present barcodes of skus, sorted."""
    found: dict[int, list[str]] = {}
    rows = connection.execute(
        select(sku_barcode.c.sku_id, sku_barcode.c.barcode)
        .where(sku_barcode.c.sku_id.in_(sku_ids), sku_barcode.c.seen_until.is_(None))
        .order_by(sku_barcode.c.sku_id, sku_barcode.c.barcode)
    )
    for sku_id, barcode in rows:
        found.setdefault(sku_id, []).append(barcode)
    return found


def members(product_key: int) -> ColumnElement[bool]:
    """A condition on `sku`: belongs to this product (an item, or an unlinked sku by its negative id)."""
    if product_key > 0:
        return sku.c.item_id == product_key
    return and_(sku.c.id == -product_key, sku.c.item_id.is_(None))


_key = product_summary.c.product_key


def _behind(column: Column[Any], after: Position, *, descending: bool) -> ColumnElement[bool]:
    # Written out instead of as a row comparison: the first half alone bounds the walk along the index on both.
    value = literal(after.value, column.type)
    if descending:
        return and_(column <= value, or_(column < value, _key < after.product_key))
    return and_(column >= value, or_(column > value, _key > after.product_key))


def _conditions(connection: Connection, wanted: ProductFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.archived is None:
        conditions.append(product_summary.c.archived.in_([False, True]))
    else:
        conditions.append(product_summary.c.archived == (true() if wanted.archived else false()))
    if wanted.statuses:
        conditions.append(product_summary.c.status.in_(wanted.statuses))
    if wanted.sources:
        listed = literal(",") + product_summary.c.sources + literal(",")
        conditions.append(or_(*(listed.contains(f",{source},", autoescape=True) for source in wanted.sources)))
    if wanted.accounts:
        conditions.append(_key.in_(_sold_by(wanted.accounts)))
    if wanted.places:
        conditions.append(_key.in_(_lying_in(wanted.places)))
    if wanted.words:
        conditions.append(search.matches(connection, wanted.words))
    return conditions


def _sold_by(accounts: tuple[int, ...]) -> Select[Any]:
    """Keys of the products that one of these accounts sells."""
    return select(func.coalesce(sku.c.item_id, -sku.c.id)).where(sku.c.account_id.in_(accounts))


def _lying_in(places: tuple[int, ...]) -> Select[Any]:
    """Keys of the products of which one of these places has told a figure."""
    warehouses = select(place.c.id).where(or_(place.c.id.in_(places), place.c.parent_id.in_(places)))
    return (
        select(func.coalesce(sku.c.item_id, -sku.c.id))
        .select_from(stock.join(sku, sku.c.id == stock.c.sku_id))
        .where(stock.c.place_id.in_(warehouses))
    )


def _rows(connection: Connection, statement: Select[Any]) -> list[SummaryRow]:
    return [SummaryRow(*row) for row in connection.execute(statement)]
