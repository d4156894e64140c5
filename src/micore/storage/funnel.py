"""How the marketplaces' cards were looked at and bought, by card and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from micore.storage.bulk import Columns, bulk_for
from micore.storage.merging import merge_rows
from micore.storage.products import members
from micore.storage.tables import account, funnel_day, listing, raw_page, sku, stream_state

STREAM = "funnel"
_COUNTS = ("opened", "carted", "ordered", "bought", "cancelled", "wished")
_FUNNEL: Columns = {"card": "text", "day": "text", **dict.fromkeys(_COUNTS, "int"), "raw_page_id": "int"}


class FunnelRow(NamedTuple):
    """A card's day; the columns of the staging table."""

    card: str
    day: str
    opened: int | None
    carted: int | None
    ordered: int | None
    bought: int | None
    cancelled: int | None
    wished: int | None
    raw_page_id: int | None


def merge_funnel(
    connection: Connection, account_id: int, rows: Sequence[FunnelRow], *, now: int
) -> tuple[int, list[int]]:
    """Write days of cards that are new or differ; of rows with the same key the last counts. Returns how many did, and
    the ids of the skus of their cards, as far as the catalogue holds these."""
    key = ("card", "day")
    cards: list[str] = merge_rows(
        connection, "funnel_day", _FUNNEL, key, rows, account_id=account_id, now=now, returning="card"
    )
    if not cards:
        return 0, []
    bulk_for(connection).stage(
        connection, "stage_card_seen", {"card": "text"}, [(card,) for card in sorted(set(cards))]
    )
    skus = connection.execute(
        text(
            """
            SELECT k.id FROM stage_card_seen s
            JOIN listing l ON l.account_id = :account AND l.external_id = s.card
            JOIN sku k ON k.listing_id = l.id
            """
        ),
        {"account": account_id},
    ).scalars()
    return len(cards), list(skus)


def funnel_id(card: str, day: str) -> str:
    """What names a card's day, as sources make it."""
    return f"{day}:{card}"


def known(
    connection: Connection, account_id: int, ids: Iterable[str], *, received_at: int
) -> tuple[set[tuple[str, int | None]], set[str]]:
    """See backfills.known; a card's day belongs to no single sku."""
    parts = sorted({each.partition(":")[::2] for each in ids})
    bulk_for(connection).stage(connection, "stage_card_day", {"day": "text", "card": "text"}, parts)
    rows = connection.execute(
        text(
            """
            SELECT s.card, s.day, coalesce(p.received_at, f.known_from) > :received_at AS newer
            FROM stage_card_day s
            CROSS JOIN funnel_day f  -- SQLite then looks each card up, and not through all days of the account
            LEFT JOIN raw_page p ON p.id = f.raw_page_id
            WHERE f.account_id = :account AND f.card = s.card AND f.day = s.day
            """
        ),
        {"account": account_id, "received_at": received_at},
    ).all()
    return {(funnel_id(row.card, row.day), None) for row in rows}, {
        funnel_id(row.card, row.day) for row in rows if row.newer
    }


# ------------------------------------------------------------------------------------------------- reading


class FunnelSum(NamedTuple):
    """What came of a product's cards in some days; a count is None where any of the rows does not tell it."""

    days: int
    """Days that are told of."""
    first_day: str
    last_day: str
    opened: int | None
    carted: int | None
    ordered: int | None
    bought: int | None
    cancelled: int | None
    wished: int | None
    sha256: str | None
    """Of the answer that told the newest row."""


def funnel_of(connection: Connection, product_key: int, *, first_day: str, end_day: str) -> FunnelSum | None:
    """The sums of the days from one on and before another; None where no row tells of them."""
    cards = (
        select(listing.c.account_id, listing.c.external_id)
        .distinct()
        .select_from(sku.join(listing, listing.c.id == sku.c.listing_id))
        .where(members(product_key))
        .subquery()
    )
    of = (funnel_day.c.account_id == cards.c.account_id) & (funnel_day.c.card == cards.c.external_id)
    row = connection.execute(
        select(
            func.count(funnel_day.c.day.distinct()).label("days"),
            func.min(funnel_day.c.day).label("first_day"),
            func.max(funnel_day.c.day).label("last_day"),
            *(_sum(name) for name in _COUNTS),
            func.max(funnel_day.c.raw_page_id).label("raw_page_id"),
        )
        .select_from(cards.join(funnel_day, of))
        .where(funnel_day.c.day >= first_day, funnel_day.c.day < end_day)
    ).one()
    if not row.days:
        return None
    sha256 = connection.execute(select(raw_page.c.sha256).where(raw_page.c.id == row.raw_page_id)).scalar()
    # PostgreSQL's sums are decimals.
    counts = {name: None if (told := getattr(row, name)) is None else int(told) for name in _COUNTS}
    return FunnelSum(row.days, row.first_day, row.last_day, **counts, sha256=sha256)


def _sum(name: str) -> ColumnElement[int | None]:
    column = funnel_day.c[name]
    return case((func.count(column) == func.count(), func.sum(column))).label(name)


def tellers(connection: Connection) -> set[str]:
    """Sources that an account has been read from for this stream: whether another tells of it nobody knows."""
    found = connection.execute(
        select(account.c.source)
        .distinct()
        .join(stream_state, stream_state.c.account_id == account.c.id)
        .where(stream_state.c.stream == STREAM)
    )
    return set(found.scalars())
