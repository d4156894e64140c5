"""Prices told apart from the cards: the present one with the card, each change dated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from micore.storage.bulk import bulk_for


class PriceRow(NamedTuple):
    """What a card costs, by the marketplace's id of the card."""

    listing_id: str
    price: int | None
    """Ten-thousandths; None: it has none (any more)."""
    currency: str


def merge_prices(
    connection: Connection, account_id: int, rows: Sequence[PriceRow], *, as_of: int, now: int
) -> tuple[int, list[int]]:
    """Write prices that differ, dated by the reading's instant. Returns how many cards changed, and their skus' ids.

    A card that never had a price needs no word that it has none.
    A card that the catalogue does not hold (yet) is passed over: its price comes again with the next reading.
    """
    columns = {"external_id": "text", "price": "int", "currency": "text"}
    unique = {row.listing_id: row for row in rows}
    bulk_for(connection).stage(connection, "stage_price", columns, [unique[each] for each in sorted(unique)])
    changed = list(
        connection.execute(
            text(
                """
                UPDATE listing SET price = s.price, currency = s.currency, changed_at = :now
                FROM stage_price s
                WHERE listing.account_id = :account AND listing.external_id = s.external_id
                  AND (listing.price IS DISTINCT FROM s.price
                       OR (s.price IS NOT NULL AND listing.currency IS DISTINCT FROM s.currency))
                RETURNING listing.id
                """
            ),
            {"account": account_id, "now": now},
        ).scalars()
    )
    bulk_for(connection).stage(connection, "stage_listing", {"id": "int"}, [(each,) for each in changed])
    if changed:
        # Two changes within one reading's instant: the later one is what the reading showed.
        connection.execute(
            text(
                """
                INSERT INTO listing_price (listing_id, valid_from, price, currency)
                SELECT l.id, :as_of, l.price, l.currency FROM listing l JOIN stage_listing s ON s.id = l.id
                WHERE true
                ON CONFLICT (listing_id, valid_from) DO UPDATE SET price = excluded.price, currency = excluded.currency
                """
            ),
            {"as_of": as_of},
        )
    skus = connection.execute(text("SELECT k.id FROM sku k JOIN stage_listing s ON s.id = k.listing_id")).scalars()
    return len(changed), list(skus)
