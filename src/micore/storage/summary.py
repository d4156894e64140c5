"""The dashboard's one table, kept by the transactions that change what it sums.

Whoever changes a row names the products it touches in `summary_dirty`, in the same transaction. `refresh` takes them
from there, recomputes their rows and the totals, and leaves everything as a rebuild would.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, select, text

from micore.domain.stock_status import STATUS_CODES, StatusThresholds, StockStatus
from micore.domain.units import MILLI
from micore.storage import search
from micore.storage.bulk import Columns, bulk_for
from micore.storage.days import redate
from micore.storage.events import STOCK, current_generation
from micore.storage.tables import product_summary, status_day, status_total, summary_dirty

DAYS = 30
_PRODUCTS_AT_ONCE = 5_000
_OVERSTOCK = STATUS_CODES[StockStatus.OVERSTOCK]

_SUMMARY: Columns = {
    "product_key": "int",
    "name": "text",
    "name_sort": "text",
    "code": "text",
    "sources": "text",
    "status": "int2",
    "archived": "bool",
    "stale": "bool",
    "available": "int",
    "present": "int",
    "reserved": "int",
    "inbound": "int",
    "places": "int4",
    "price": "int",
    "stock_value": "int",
    "sold_30d": "int",
    "revenue_30d": "int",
    "effect": "int",
    "cover_tenths": "int",
    "spark": "blob",
}


@dataclass(frozen=True, slots=True)
class SummaryBasis:
    """What every row of the summary depends on beside its own product; when it changes, all rows are rebuilt."""

    thresholds: StatusThresholds
    today: date
    zone: ZoneInfo
    """Whose days the order lines lie on."""

    @classmethod
    def of_note(cls, note: str) -> SummaryBasis:
        """The basis that a note tells of."""
        told = json.loads(note)
        return cls(StatusThresholds(*told["thresholds"]), date.fromisoformat(told["today"]), ZoneInfo(told["zone"]))

    def note(self) -> str:
        """The basis as it is kept beside the generation."""
        limits = self.thresholds
        return json.dumps(
            {
                "thresholds": [limits.critical_max, limits.low_max, limits.normal_max],
                "today": self.today.isoformat(),
                "zone": self.zone.key,
            }
        )


def first_day(today: date) -> date:
    """The oldest of the days that the summary sums."""
    return today - timedelta(days=DAYS - 1)


def is_behind(connection: Connection) -> bool:
    """Whether some product's rows have changed since the summary was last brought up to date."""
    return connection.execute(select(summary_dirty.c.product_key).limit(1)).first() is not None


def mark_dirty(connection: Connection, product_keys: Iterable[int]) -> None:
    """Name products whose summary is behind; part of the transaction that changes their rows."""
    keys = sorted(set(product_keys))
    if keys:
        bulk = bulk_for(connection)
        bulk.stage(connection, "stage_dirty", {"product_key": "int"}, [(key,) for key in keys])
        connection.execute(
            text(
                "INSERT INTO summary_dirty (product_key) SELECT product_key FROM stage_dirty WHERE true "
                "ON CONFLICT (product_key) DO NOTHING"
            )
        )


def mark_dirty_skus(connection: Connection, sku_ids: Sequence[int]) -> None:
    """As `mark_dirty`, for the products of these skus."""
    if sku_ids:
        bulk_for(connection).stage(
            connection, "stage_sku", {"sku_id": "int"}, [(each,) for each in sorted(set(sku_ids))]
        )
        connection.execute(
            text(
                "INSERT INTO summary_dirty (product_key) SELECT DISTINCT coalesce(k.item_id, -k.id) FROM stage_sku s "
                "JOIN sku k ON k.id = s.sku_id WHERE true ON CONFLICT (product_key) DO NOTHING"
            )
        )


def refresh(connection: Connection, basis: SummaryBasis) -> int:
    """Bring the summary up to date with the rows; all of it when the basis changed. Returns the products looked at."""
    _, note = current_generation(connection, STOCK)
    if note != basis.note():
        if note is not None and json.loads(note).get("zone") != basis.zone.key:
            redate(connection, basis.zone)
        connection.execute(
            text(
                "INSERT INTO summary_dirty (product_key) SELECT DISTINCT coalesce(item_id, -id) FROM sku WHERE true "
                "ON CONFLICT (product_key) DO NOTHING"
            )
        )
    looked_at = 0
    while keys := list(
        connection.execute(
            select(summary_dirty.c.product_key).order_by(summary_dirty.c.product_key).limit(_PRODUCTS_AT_ONCE)
        ).scalars()
    ):
        _refresh_some(connection, basis, keys)
        connection.execute(delete(summary_dirty).where(summary_dirty.c.product_key <= keys[-1]))
        looked_at += len(keys)
    _recount(connection, basis)
    return looked_at


def _refresh_some(connection: Connection, basis: SummaryBasis, keys: Sequence[int]) -> None:
    bulk = bulk_for(connection)
    bulk.stage(connection, "stage_product", {"product_key": "int"}, [(key,) for key in keys])
    bulk.stage(connection, "stage_member", {"product_key": "int", "sku_id": "int", "listing_id": "int"}, [])
    connection.execute(text(_MEMBERS_ALONE))
    connection.execute(text(_MEMBERS_OF_ITEMS))
    products = _cards(connection)
    _add_stock(connection, products)
    _add_demand(connection, products, basis.today)
    connection.execute(text("DELETE FROM product_summary WHERE product_key IN (SELECT product_key FROM stage_product)"))
    rows = [facts.row(key, basis.thresholds) for key, facts in sorted(products.items())]
    bulk.put(connection, "product_summary", _SUMMARY, ("product_key",), rows)
    search.delete(connection, [key for key in keys if key not in products])
    search.upsert(connection, [(key, facts.words()) for key, facts in sorted(products.items())])


_MEMBERS_ALONE = """
INSERT INTO stage_member (product_key, sku_id, listing_id)
SELECT p.product_key, k.id, k.listing_id
FROM stage_product p JOIN sku k ON k.id = -p.product_key
WHERE p.product_key < 0 AND k.item_id IS NULL
"""
_MEMBERS_OF_ITEMS = """
INSERT INTO stage_member (product_key, sku_id, listing_id)
SELECT p.product_key, k.id, k.listing_id
FROM stage_product p JOIN sku k ON k.item_id = p.product_key
WHERE p.product_key > 0
"""
_CARDS = """
SELECT m.product_key, m.sku_id, k.external_id AS sku, l.external_id AS card, l.offer_id, l.name, l.price,
       CASE WHEN l.archived OR k.retired_at IS NOT NULL THEN 1 ELSE 0 END AS archived, k.stock_told_at,
       a.source, i.name AS item_name, i.code AS item_code
FROM stage_member m
JOIN sku k ON k.id = m.sku_id
JOIN listing l ON l.id = m.listing_id
JOIN account a ON a.id = l.account_id
LEFT JOIN item i ON i.id = k.item_id
ORDER BY m.product_key, m.sku_id
"""
_BARCODES = """
SELECT m.product_key, b.barcode
FROM stage_member m JOIN sku_barcode b ON b.sku_id = m.sku_id AND b.seen_until IS NULL
"""
_STOCK = """
SELECT m.product_key, m.sku_id, CAST(sum(s.available) AS BIGINT),
       CASE WHEN count(s.present) = count(*) THEN CAST(sum(s.present) AS BIGINT) END,
       CASE WHEN count(s.reserved) = count(*) THEN CAST(sum(s.reserved) AS BIGINT) END,
       CAST(sum(s.inbound) AS BIGINT), count(s.available),
       max(CASE WHEN s.stale_from IS NULL THEN 0 ELSE 1 END)
FROM stage_member m JOIN stock s ON s.sku_id = m.sku_id
GROUP BY m.product_key, m.sku_id
"""
_DEMAND = """
SELECT m.product_key, o.ordered_day, CAST(sum(o.quantity) AS BIGINT),
       CAST(sum(o.quantity * coalesce(o.price, 0)) AS BIGINT)
FROM stage_member m JOIN order_line o ON o.sku_id = m.sku_id
WHERE o.ordered_day >= :first AND o.ordered_day <= :today AND o.state <> 'cancelled' {believed}
GROUP BY m.product_key, o.ordered_day
"""
_ANY_DOUBTED = "SELECT 1 FROM stream_volume WHERE stream = 'orders' AND scope = '' AND state = 'doubted' LIMIT 1"
_NOT_DOUBTED = """
AND NOT EXISTS (
    SELECT 1 FROM stream_volume v
    WHERE v.account_id = o.account_id AND v.stream = 'orders' AND v.scope = '' AND v.day = o.ordered_day
      AND v.state = 'doubted'
)
"""
"""Part of a day would look like a day on which little was ordered."""


# A sum of what is there must not leave out a place that does not tell; what is on its way is a sum of known supplies.
_WHOLE_OR_UNKNOWN = (1, 2)


class _Product:
    """What is gathered of one product before its row is written."""

    __slots__ = (
        "archived",
        "code",
        "name",
        "partly_unknown",
        "places",
        "prices",
        "revenue",
        "sources",
        "spark",
        "stale",
        "stock",
        "tokens",
        "told",
        "value",
    )

    def __init__(self, name: str, code: str) -> None:
        self.name, self.code = name, code
        self.archived = True
        self.prices: dict[int, int | None] = {}
        self.sources: set[str] = set()
        self.spark = [0] * DAYS
        self.revenue = 0
        self.stale = False
        self.told = False
        self.partly_unknown: set[int] = set()
        self.stock: list[int | None] = [None] * 4
        self.places = 0
        self.value: int | None = 0
        self.tokens: dict[str, None] = {name: None, code: None}

    def add_stock(self, sku_id: int, sums: Sequence[int | None], places: int, stale: int) -> None:
        for index, told in enumerate(sums):
            if told is not None:
                self.stock[index] = (self.stock[index] or 0) + told
            elif index in _WHOLE_OR_UNKNOWN:
                self.partly_unknown.add(index)
        self.places += places
        self.stale |= bool(stale)
        available, price = sums[0], self.prices.get(sku_id)
        if available and available > 0:
            # One sku in stock without a price leaves the product's value unknown, not smaller.
            self.value = None if price is None or self.value is None else self.value + available * price // MILLI

    def row(self, key: int, thresholds: StatusThresholds) -> tuple[Any, ...]:
        available, present, reserved, inbound = (
            None if index in self.partly_unknown else told for index, told in enumerate(self.stock)
        )
        if available is None and self.told:
            # The marketplace has answered about it and named no place: there is nothing anywhere.
            available = 0
        status = STATUS_CODES[thresholds.status_of(available)]
        value = self.value if available is not None else None
        sold = sum(self.spark)
        known_prices = [price for price in self.prices.values() if price is not None]
        effect = (value or 0) if status == _OVERSTOCK else self.revenue
        cover = None
        if available is not None and sold > 0:
            # Tenths of days, rounded half up; nothing in stock covers nothing.
            cover = (max(available, 0) * DAYS * 10 * 2 + sold) // (2 * sold)
        return (
            key,
            self.name,
            self.name.casefold(),
            self.code,
            ",".join(sorted(self.sources)),
            status,
            self.archived and not available,
            self.stale,
            available,
            present,
            reserved,
            inbound,
            self.places,
            min(known_prices) if known_prices else None,
            value,
            sold,
            self.revenue,
            effect,
            cover,
            struct.pack(f"<{DAYS}q", *self.spark),
        )

    def words(self) -> str:
        """What the search finds it by, a line each."""
        return "\n".join(self.tokens)


def _cards(connection: Connection) -> dict[int, _Product]:
    products: dict[int, _Product] = {}
    # Unpacked, because looking columns up by name takes longer than everything else here.
    for (
        key,
        sku_id,
        sku,
        card,
        offer,
        name,
        price,
        archived,
        told_at,
        source,
        item_name,
        item_code,
    ) in connection.execute(text(_CARDS)).all():
        product = products.get(key)
        if product is None:
            product = products[key] = _Product(item_name or name, item_code or offer)
        product.archived &= bool(archived)
        product.told |= told_at is not None
        product.prices[sku_id] = price
        product.sources.add(source)
        for token in (name, offer, sku, card):
            product.tokens[token] = None
    for key, barcode in connection.execute(text(_BARCODES)).all():
        products[key].tokens[barcode] = None
    return products


def _add_stock(connection: Connection, products: dict[int, _Product]) -> None:
    for key, sku_id, available, present, reserved, inbound, places, stale in connection.execute(text(_STOCK)).all():
        products[key].add_stock(sku_id, (available, present, reserved, inbound), places, stale)


def _add_demand(connection: Connection, products: dict[int, _Product], today: date) -> None:
    first = first_day(today)
    position = {(first + timedelta(days=index)).isoformat(): index for index in range(DAYS)}
    limits = {"first": first.isoformat(), "today": today.isoformat()}
    # Nearly always there is none, and the look at each line is spared.
    doubted = connection.execute(text(_ANY_DOUBTED)).first() is not None
    demand = _DEMAND.format(believed=_NOT_DOUBTED if doubted else "")
    for key, day, units, revenue in connection.execute(text(demand), limits).all():
        products[key].spark[position[day]] += units
        products[key].revenue += revenue // MILLI


def _recount(connection: Connection, basis: SummaryBasis) -> None:
    """Totals by status, and today's point of their trend."""
    counted = {
        row.status: row
        for row in connection.execute(
            select(
                product_summary.c.status,
                func.count().label("products"),
                func.sum(product_summary.c.effect).label("effect"),
                func.sum(product_summary.c.stock_value).label("stock_value"),
                func.sum(product_summary.c.revenue_30d).label("revenue_30d"),
            )
            .where(product_summary.c.archived.is_(False))
            .group_by(product_summary.c.status)
        )
    }
    connection.execute(delete(status_total))
    connection.execute(delete(status_day).where(status_day.c.day == basis.today.isoformat()))
    totals, days = [], []
    for code in STATUS_CODES.values():
        row = counted.get(code)
        products = row.products if row else 0
        totals.append(
            {
                "status": code,
                "products": products,
                "effect": int(row.effect or 0) if row else 0,
                "stock_value": int(row.stock_value or 0) if row else 0,
                "revenue_30d": int(row.revenue_30d or 0) if row else 0,
            }
        )
        days.append({"day": basis.today.isoformat(), "status": code, "products": products})
    connection.execute(insert(status_total), totals)
    connection.execute(insert(status_day), days)
