"""Which accounts sell a product, where a marketplace has several of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, or_, select

from micore.storage.tables import account, sku


def sellers(connection: Connection, product_keys: Sequence[int]) -> dict[int, list[str]]:
    """Product key to the names of the accounts that sell it, sorted; without those that are alone at their marketplace:
    the marketplace's name says it already."""
    crowded = select(account.c.source).group_by(account.c.source).having(func.count() > 1)
    names = {
        row.id: row.name
        for row in connection.execute(select(account.c.id, account.c.name).where(account.c.source.in_(crowded)))
    }
    if not names or not product_keys:
        return {}
    items = [key for key in product_keys if key > 0]
    loose = [-key for key in product_keys if key < 0]
    found: dict[int, set[str]] = {}
    rows = connection.execute(
        select(func.coalesce(sku.c.item_id, -sku.c.id), sku.c.account_id).where(
            or_(sku.c.item_id.in_(items), sku.c.id.in_(loose)), sku.c.account_id.in_(list(names))
        )
    )
    for key, account_id in rows:
        found.setdefault(key, set()).add(names[account_id])
    return {key: sorted(each) for key, each in found.items()}
