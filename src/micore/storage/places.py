"""Reading places: where stock lies, and what lies there of one product."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, distinct, func, select

from micore.storage.products import members
from micore.storage.tables import account, place, raw_page, sku, stock

region = place.alias("region")


class PlaceRow(NamedTuple):
    """A warehouse and what lies in it."""

    id: int
    name: str
    region: str | None
    source: str
    account: str
    scheme: str
    products: int
    """Products with something to sell there."""
    available: int
    """Thousandths."""


class PlaceStockRow(NamedTuple):
    """What one place holds of one sku: thousandths and microseconds."""

    place_id: int
    place: str
    region: str | None
    source: str
    account: str
    scheme: str
    sku_id: int
    sku_external_id: str
    available: int | None
    present: int | None
    reserved: int | None
    inbound: int | None
    to_client: int | None
    from_client: int | None
    valid_from: int
    known_from: int
    stale_from: int | None
    place_external_id: str
    sha256: str | None
    received_at: int | None
    endpoint: str | None


def places(connection: Connection) -> list[PlaceRow]:
    """Every place that has told a figure, by source, region (those without one last) and name."""
    product = func.coalesce(sku.c.item_id, -sku.c.id)
    in_stock = case((stock.c.available > 0, product))
    rows = connection.execute(
        select(
            place.c.id,
            place.c.name,
            region.c.name,
            func.coalesce(account.c.source, ""),
            func.coalesce(account.c.name, ""),
            place.c.scheme,
            func.count(distinct(in_stock)),
            func.coalesce(func.sum(stock.c.available), 0),
        )
        .select_from(
            place.join(stock, stock.c.place_id == place.c.id)
            .join(sku, sku.c.id == stock.c.sku_id)
            .outerjoin(region, region.c.id == place.c.parent_id)
            .outerjoin(account, account.c.id == place.c.account_id)
        )
        .group_by(place.c.id, place.c.name, region.c.name, account.c.source, account.c.name, place.c.scheme)
    )
    # PostgreSQL sums 64-bit integers into a numeric.
    found = [PlaceRow._make([*row[:6], int(row[6]), int(row[7])]) for row in rows]
    # Sorted here: the two databases disagree about NULL and about letters.
    found.sort(key=lambda row: (row.source, row.region is None, row.region or "", row.name, row.id))
    return found


def stock_of(connection: Connection, product_key: int) -> list[PlaceStockRow]:
    """Each place's figures of a product's skus with the answer they were read from; largest first, unknown last."""
    rows = connection.execute(
        select(
            place.c.id,
            place.c.name,
            region.c.name,
            func.coalesce(account.c.source, ""),
            func.coalesce(account.c.name, ""),
            place.c.scheme,
            sku.c.id,
            sku.c.external_id,
            *(stock.c[name] for name in ("available", "present", "reserved", "inbound", "to_client", "from_client")),
            stock.c.valid_from,
            stock.c.known_from,
            stock.c.stale_from,
            place.c.external_id,
            raw_page.c.sha256,
            raw_page.c.received_at,
            raw_page.c.endpoint,
        )
        .select_from(
            sku.join(stock, stock.c.sku_id == sku.c.id)
            .join(place, place.c.id == stock.c.place_id)
            .outerjoin(region, region.c.id == place.c.parent_id)
            .outerjoin(account, account.c.id == place.c.account_id)
            .outerjoin(raw_page, raw_page.c.id == stock.c.raw_page_id)
        )
        .where(members(product_key))
    )
    found = [PlaceStockRow._make(row) for row in rows]
    found.sort(key=lambda row: (row.available is None, -(row.available or 0), row.place, row.sku_external_id))
    return found
