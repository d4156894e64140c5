"""How the marketplaces' cards were looked at and bought, by card and day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from micore.storage import volumes
from micore.storage.bulk import Columns, bulk_for
from micore.storage.merging import merge_rows
from micore.storage.products import members
from micore.storage.tables import account, funnel_day, listing, raw_page, sku, stream_state, stream_volume

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


def products_of_day(connection: Connection, account_id: int, day: date) -> list[int]:
    """The keys of the products of cards that a day is told of."""
    found = connection.execute(
        select(func.coalesce(sku.c.item_id, -sku.c.id))
        .distinct()
        .select_from(
            funnel_day.join(
                listing,
                (listing.c.account_id == funnel_day.c.account_id) & (listing.c.external_id == funnel_day.c.card),
            ).join(sku, sku.c.listing_id == listing.c.id)
        )
        .where(funnel_day.c.account_id == account_id, funnel_day.c.day == day.isoformat())
    )
    return [int(key) for key in found.scalars()]


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


class Reader(NamedTuple):
    """An account that has been read for the funnel to the end once."""

    account_id: int
    source: str
    name: str
    as_of: int


class FunnelSum(NamedTuple):
    """What came of a product's cards in some days; a count is None where any of the rows does not tell it."""

    days: dict[tuple[str, str], int]
    """Source and name of each account that is read: how many days are told of the card that it tells least of."""
    opened: int | None
    carted: int | None
    ordered: int | None
    bought: int | None
    cancelled: int | None
    wished: int | None
    settled_bought: int | None
    """As `bought`, of the days that were settled when they were read."""
    settled_cancelled: int | None
    sha256: str | None
    """Of the answer that told a row of the newest day."""


def readers(connection: Connection, product_key: int) -> list[Reader]:
    """The accounts that sell a product and have been read for the funnel, those left out that are read no more."""
    rows = connection.execute(
        select(account.c.id, account.c.source, account.c.name, stream_state.c.as_of)
        .join(stream_state, stream_state.c.account_id == account.c.id)
        .where(
            stream_state.c.stream == STREAM,
            stream_state.c.as_of.is_not(None),
            account.c.left_at.is_(None),
            account.c.id.in_(select(sku.c.account_id).where(members(product_key))),
        )
    )
    return [Reader(*row) for row in rows]


def funnel_of(
    connection: Connection, product_key: int, *, first_day: str, end_day: str, settled: Mapping[Reader, str]
) -> FunnelSum | None:
    """The sums of the days from one on and before another; None where no row tells of them. `settled` is the last day
    of each reader that was settled when it was read."""
    cards = (
        select(listing.c.account_id, listing.c.external_id, func.count(sku.c.retired_at).label("retired"),
               func.count().label("sizes"))
        .select_from(sku.join(listing, listing.c.id == sku.c.listing_id))
        .where(members(product_key))
        .group_by(listing.c.account_id, listing.c.external_id)
        .subquery()
    )  # fmt: skip
    told = (
        (funnel_day.c.account_id == cards.c.account_id)
        & (funnel_day.c.card == cards.c.external_id)
        & (funnel_day.c.day >= first_day)
        & (funnel_day.c.day < end_day)
        & ~select(stream_volume.c.day)
        .where(
            stream_volume.c.account_id == funnel_day.c.account_id,
            stream_volume.c.stream == STREAM,
            stream_volume.c.scope == "",
            stream_volume.c.day == funnel_day.c.day,
            stream_volume.c.state == volumes.DOUBTED,
        )
        .exists()
    )
    last = case({each.account_id: day for each, day in settled.items()}, value=cards.c.account_id, else_="")
    rows = connection.execute(
        select(
            cards,
            func.count(funnel_day.c.day).label("days"),
            func.max(funnel_day.c.day).label("newest"),
            *(_sum(name) for name in _COUNTS),
            *(_sum(name, funnel_day.c.day <= last).label(f"settled_{name}") for name in ("bought", "cancelled")),
        )
        .select_from(cards.outerjoin(funnel_day, told))
        .group_by(*cards.c)
    ).all()
    with_rows = [row for row in rows if row.days]
    if not with_rows:
        return None
    days = {
        (each.source, each.name): min(counted)
        for each in settled
        if (counted := [row.days for row in rows if row.account_id == each.account_id and row.retired < row.sizes])
    }
    newest = max(row.newest for row in with_rows)
    sha256 = connection.execute(
        select(raw_page.c.sha256)
        .select_from(cards.join(funnel_day, told).join(raw_page, raw_page.c.id == funnel_day.c.raw_page_id))
        .where(funnel_day.c.day == newest)
        .order_by(raw_page.c.id.desc())
        .limit(1)
    ).scalar()
    names = (*_COUNTS, "settled_bought", "settled_cancelled")
    counts = {name: _whole([getattr(row, name) for row in with_rows]) for name in names}
    return FunnelSum(days, **counts, sha256=sha256)


def _sum(name: str, which: ColumnElement[bool] | None = None) -> ColumnElement[int | None]:
    """Of a card's rows; None where one of them does not tell it, 0 where there is none."""
    column = funnel_day.c[name]
    of = funnel_day.c.day.is_not(None) if which is None else which
    untold = func.count(case((of & column.is_(None), 1)))
    return case((untold == 0, func.coalesce(func.sum(case((of, column))), 0))).label(name)


def _whole(counts: Sequence[int | None]) -> int | None:
    """The sum of what cards tell; PostgreSQL's are decimals."""
    told = [int(each) for each in counts if each is not None]
    return sum(told) if len(told) == len(counts) else None


def tellers(connection: Connection) -> set[str]:
    """Sources that an account has been read from for this stream: whether another tells of it nobody knows."""
    found = connection.execute(
        select(account.c.source)
        .distinct()
        .join(stream_state, stream_state.c.account_id == account.c.id)
        .where(stream_state.c.stream == STREAM)
    )
    return set(found.scalars())
