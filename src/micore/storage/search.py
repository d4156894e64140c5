"""Finding products by any part of their words: name, code, barcode, marketplace ids.

`product_search` holds one folded text per product, kept by the write side. SQLite's own lower() knows ASCII only, so
folding is done here, once when writing and once when asking; the database then compares exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    true,
)

from micore.storage.tables import product_summary

TRIGRAM = 3
"""The indexes know words of three letters and more; shorter ones read the texts through."""
LONGEST_QUERY = 200
"""Letters of a query that are looked at."""
_BATCH = 500

_UNTIDY = re.compile(r"[^\S\n ]|\x00| [ \n]|\n |\A | \Z")
"""White space that folding changes: of another kind than a space, more than one, or at the end of a line."""

_texts = table("product_search", column("product_key"), column("text"))


def fold(words: str) -> str:
    """The form in which words are compared: no case, no compatibility forms, ё as е, single spaces within a line."""
    plain = unicodedata.normalize("NFKC", words).casefold().replace("ё", "е")
    # Nearly every text is in order already, and one look costs a fifth of taking it apart.
    if not _UNTIDY.search(plain):
        return plain
    return "\n".join(" ".join(line.split()) for line in plain.replace("\x00", " ").split("\n"))


def upsert(connection: Connection, texts: Iterable[tuple[int, str]]) -> int:
    """Keep the searchable text of products, folded here; one line per word group (name, code, each barcode).

    Returns how many texts changed; unchanged ones are not written.
    """
    search = _search_for(connection)
    changed = 0
    for batch in _batches(((key, fold(words)) for key, words in texts), _BATCH):
        known = search.known(connection, [key for key, _ in batch])
        different = [(key, words) for key, words in dict(batch).items() if known.get(key) != words]
        if different:
            search.put(connection, different)
        changed += len(different)
    return changed


def delete(connection: Connection, product_keys: Iterable[int]) -> None:
    """Forget the texts of products that are gone."""
    search = _search_for(connection)
    for batch in _batches(product_keys, _BATCH):
        search.remove(connection, batch)


def matches(connection: Connection, query: str) -> ColumnElement[bool]:
    """A condition on product_summary: every word of the query is part of the product's text."""
    words = fold(query[:LONGEST_QUERY]).split()
    if not words:
        return true()
    return _search_for(connection).condition(words)


class _Search(Protocol):
    """What the two databases do differently."""

    def known(self, connection: Connection, keys: Sequence[int]) -> dict[int, str]: ...

    def put(self, connection: Connection, texts: Sequence[tuple[int, str]]) -> None: ...

    def remove(self, connection: Connection, keys: Sequence[int]) -> None: ...

    def condition(self, words: Sequence[str]) -> ColumnElement[bool]: ...


class _SqliteSearch:
    """A full-text table over trigrams; its rowid is the product key."""

    def known(self, connection: Connection, keys: Sequence[int]) -> dict[int, str]:
        marks = ",".join("?" * len(keys))
        rows = connection.exec_driver_sql(
            f"SELECT rowid, text FROM product_search WHERE rowid IN ({marks})", tuple(keys)
        )
        return {row[0]: row[1] for row in rows}

    def put(self, connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
        connection.exec_driver_sql("INSERT OR REPLACE INTO product_search (rowid, text) VALUES (?, ?)", list(texts))

    def remove(self, connection: Connection, keys: Sequence[int]) -> None:
        connection.exec_driver_sql("DELETE FROM product_search WHERE rowid = ?", [(key,) for key in keys])

    def condition(self, words: Sequence[str]) -> ColumnElement[bool]:
        indexed = [word for word in words if len(word) >= TRIGRAM]
        conditions: list[ColumnElement[bool]] = [
            func.instr(_texts.c.text, word) > 0 for word in words if len(word) < TRIGRAM
        ]
        if indexed:
            # Each word is a quoted string, in which only the quote itself means anything.
            quoted = " AND ".join('"' + word.replace('"', '""') + '"' for word in indexed)
            conditions.append(literal_column("product_search").op("MATCH")(literal(quoted)))
        found: Select[Any] = select(literal_column("product_search.rowid")).select_from(_texts).where(and_(*conditions))
        return product_summary.c.product_key.in_(found)


class _PostgresqlSearch:
    """A plain table; a trigram index speeds up LIKE where the extension could be made."""

    def known(self, connection: Connection, keys: Sequence[int]) -> dict[int, str]:
        rows = connection.execute(select(_texts.c.product_key, _texts.c.text).where(_texts.c.product_key.in_(keys)))
        return {row[0]: row[1] for row in rows}

    def put(self, connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
        connection.exec_driver_sql(
            "INSERT INTO product_search (product_key, text) SELECT * FROM unnest(%s::bigint[], %s::text[])"
            " ON CONFLICT (product_key) DO UPDATE SET text = excluded.text",
            ([key for key, _ in texts], [words for _, words in texts]),
        )

    def remove(self, connection: Connection, keys: Sequence[int]) -> None:
        connection.exec_driver_sql("DELETE FROM product_search WHERE product_key = ANY(%s)", (list(keys),))

    def condition(self, words: Sequence[str]) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = [_texts.c.text.contains(word, autoescape=True) for word in words]
        return product_summary.c.product_key.in_(select(_texts.c.product_key).where(and_(*conditions)))


_SEARCH: dict[str, _Search] = {"sqlite": _SqliteSearch(), "postgresql": _PostgresqlSearch()}


def _search_for(connection: Connection) -> _Search:
    return _SEARCH[connection.dialect.name]


def _batches(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
