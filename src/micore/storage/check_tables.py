"""The schema's third page: what streams usually look like, and what runs have found. Conventions as in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, Text

from micore.storage.schema import CLUSTERED, Id, metadata

stream_volume = Table(
    "stream_volume",
    metadata,
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("scope", Text, nullable=False, comment="of a snapshot: fbo, fbs ...; else empty"),
    Column("day", Text, nullable=False, comment="business day of the rows, or of the reading where rows have none"),
    Column("rows", BigInteger, nullable=False),
    Column("state", Text, nullable=False, comment="believed, doubted"),
    Column("counted_day", Text, nullable=False, comment="business day on which it was counted first"),
    Column("last_id", BigInteger, nullable=False, comment="newest row of its table at that time; 0: no table"),
    PrimaryKeyConstraint("account_id", "stream", "scope", "day"),
    comment="rows of each stream by day: what is usual on a weekday",
    **CLUSTERED,
)

stream_shape = Table(
    "stream_shape",
    metadata,
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("endpoint", Text, nullable=False, comment="method and path, numbers left out"),
    Column("path", Text, nullable=False, comment="of a field: items[].sku"),
    Column("types", Text, nullable=False, comment="comma list of those seen: number, text, flag, list, object, null"),
    Column("words", Text, comment="JSON list of all texts seen; NULL: too many to be a set of words"),
    Column("looked", BigInteger, nullable=False, comment="objects that could have held it"),
    Column("present", BigInteger, nullable=False, comment="objects that did"),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "endpoint", "path"),
    comment="fields of each answer as they have been seen in samples",
    **CLUSTERED,
)

run_finding = Table(
    "run_finding",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="too_few_rows, unknown_skus, new_field, ..."),
    Column("message", Text, nullable=False, comment="in English"),
    Column("facts", Text, nullable=False, comment="JSON: the parts of the sentence by name"),
    Index("ix_run_finding_run", "run_id", "stream"),
    comment="what runs have to say beside their rows",
)
