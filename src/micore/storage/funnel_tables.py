"""The schema's fourth page: how cards are looked at. Conventions as in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, PrimaryKeyConstraint, Table, Text

from micore.storage.schema import CLUSTERED, metadata

funnel_day = Table(
    "funnel_day",
    metadata,
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("card", Text, nullable=False, comment="external_id of its listing, which may not be known (yet)"),
    Column("day", Text, nullable=False, comment="by the marketplace's calendar"),
    Column("opened", BigInteger, comment="times, not thousandths, as all counts here; NULL: not told"),
    Column("carted", BigInteger, comment="put into a cart; NULL: not told"),
    Column("ordered", BigInteger, comment="NULL: not told"),
    Column("bought", BigInteger, comment="of those ordered that day; NULL: not told"),
    Column("cancelled", BigInteger, comment="of those ordered that day, or given back; NULL: not told"),
    Column("wished", BigInteger, comment="put on a wish list; NULL: not told"),
    Column("known_from", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    PrimaryKeyConstraint("account_id", "card", "day"),
    comment="how each card was looked at and bought on each day; no other figure is made of it",
    **CLUSTERED,
)
