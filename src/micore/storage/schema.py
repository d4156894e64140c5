"""What all tables share: their metadata with its naming rules, and the column types that differ by database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only counts up by itself on a column declared exactly INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")
# Sorted by code point on both databases; PostgreSQL's own collation depends on how the server was set up.
SortText = Text().with_variant(Text(collation="C"), "postgresql")
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}
