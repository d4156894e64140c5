"""Which sku a barcode stands for, for orders that name barcodes only."""

from __future__ import annotations

from sqlalchemy import Connection, text

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
