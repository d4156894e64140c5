"""Which sku a barcode stands for, for orders that name barcodes only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import Connection, text

from micore.storage.database import Database

_BARCODES = """
SELECT b.barcode, k.external_id,
       max(CASE WHEN b.seen_until IS NULL AND k.retired_at IS NULL THEN 1 ELSE 0 END) AS present
FROM run r
JOIN sku k ON k.account_id = r.account_id
JOIN sku_barcode b ON b.sku_id = k.id
WHERE r.id = :run
GROUP BY b.barcode, k.external_id
"""


def skus_by_barcode(connection: Connection, run_id: int) -> dict[str, str]:
    """Barcode to the marketplace's sku id, of the account that a run reads; about 200 bytes each.

    A barcode that a sku bears now beats one that another sku bore once, or bore when it left the catalogue. One that
    stands for several is left out: an order must not be counted for the wrong product.
    """
    skus: dict[str, set[str]] = {}
    once: dict[str, set[str]] = {}
    for row in connection.execute(text(_BARCODES), {"run": run_id}):
        (skus if row.present else once).setdefault(row.barcode, set()).add(row.external_id)
    return {barcode: next(iter(found)) for barcode, found in {**once, **skus}.items() if len(found) == 1}


_LISTINGS = """
SELECT k.external_id AS sku, l.external_id AS listing
FROM run r
JOIN sku k ON k.account_id = r.account_id
JOIN listing l ON l.id = k.listing_id
WHERE r.id = :run
"""

_OF_LISTING = """
SELECT k.external_id, max(CASE WHEN b.barcode IS NULL THEN 0 WHEN b.seen_until IS NULL THEN 2 ELSE 1 END) AS bears
FROM run r
JOIN listing l ON l.account_id = r.account_id AND l.external_id = :listing
JOIN sku k ON k.listing_id = l.id
LEFT JOIN sku_barcode b ON b.sku_id = k.id AND b.barcode = :barcode
WHERE r.id = :run
GROUP BY k.external_id
"""


class Barcodes:
    """Which sku a barcode stands for; asked a million times, so it looks at the database once, at the first question.

    Only what is not clear from that is looked up by itself: a barcode that moved on, or that several skus bear.
    """

    def __init__(self, database: Database, run_id: int) -> None:
        self._database, self._run_id = database, run_id
        self._of_listing: dict[tuple[str, str], str | None] = {}

    def sku_of(self, barcode: str, listing_id: str = "") -> str | None:
        """The marketplace's sku id; None where none or more than one may be meant.

        With the marketplace's id of a card only a sku of that card: one that bears the barcode, else one that bore it.
        """
        found = self._skus.get(barcode)
        if not listing_id or (found is not None and self._listings.get(found) == listing_id):
            return found
        key = (barcode, listing_id)
        if key not in self._of_listing:
            self._of_listing[key] = self._look_up(barcode, listing_id)
        return self._of_listing[key]

    @cached_property
    def _skus(self) -> dict[str, str]:
        with self._database.read() as connection:
            return skus_by_barcode(connection, self._run_id)

    @cached_property
    def _listings(self) -> dict[str, str]:
        with self._database.read() as connection:
            rows = connection.execute(text(_LISTINGS), {"run": self._run_id})
            return {row.sku: row.listing for row in rows}

    def _look_up(self, barcode: str, listing_id: str) -> str | None:
        with self._database.read() as connection:
            asked = {"run": self._run_id, "barcode": barcode, "listing": listing_id}
            rows = connection.execute(text(_OF_LISTING), asked).all()
        most = max((row.bears for row in rows), default=0)
        best: Sequence[str] = [row.external_id for row in rows if row.bears == most]
        return best[0] if most and len(best) == 1 else None
