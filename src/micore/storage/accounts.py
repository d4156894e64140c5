"""Which accounts sell a product, and how far they have been read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select

from micore.storage.products import members
from micore.storage.tables import account, sku, stream_state


class Readings(NamedTuple):
    """How far the accounts that sell a product have been read for a stream."""

    as_of: int | None
    """The last whole reading, by the marketplace's clock; the oldest of several, None where there is none: then no row
    means nothing."""
    unread: list[tuple[str, str]]
    """Source and name of those without one, sorted."""


def readings(connection: Connection, product_key: int, stream: str) -> Readings:
    """The whole readings of a stream by a product's accounts, those left out that are read no more."""
    state = (stream_state.c.account_id == account.c.id) & (stream_state.c.stream == stream)
    rows = connection.execute(
        select(account.c.source, account.c.name, stream_state.c.as_of)
        .select_from(account.outerjoin(stream_state, state))
        .where(
            account.c.left_at.is_(None),
            account.c.id.in_(select(sku.c.account_id).where(members(product_key))),
        )
    ).all()
    told = [row.as_of for row in rows if row.as_of is not None]
    return Readings(min(told, default=None), sorted((row.source, row.name) for row in rows if row.as_of is None))


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
