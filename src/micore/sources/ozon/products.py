"""The list of all products, as both the catalogue and the stock stream walk through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from micore.domain.records import Record
from micore.sources.fields import ident, optional_ident
from micore.sources.http import Answer
from micore.sources.ozon.answers import ListedProduct, ProductList
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader

LIST_PATH = "/v3/product/list"
PAGE_ROWS = 1000

PASSES = ("ALL", "ARCHIVED")
"""ALL leaves the archived ones out, so that two passes make the whole list."""


def names_products(rows: Sequence[ListedProduct]) -> Sequence[Record]:
    """Nothing is recorded of the list itself, but a row that names no product is refused."""
    for row in rows:
        ident(row.product_id)
        optional_ident(row.sku)
    return ()


_LIST = RowReader(
    ProductList[ListedProduct],
    ProductList[msgspec.Raw],
    ListedProduct,
    rows_of=lambda answer: answer.result.items,
    convert=names_products,
    key_field="sku",
)

bytes_by_sku = _LIST.bytes_by_key
"""The rows of a page as they were received."""

ListBatch = Batch[ProductList[ListedProduct], ListedProduct]


def product_pages(api: OzonApi, visibility: str, last_id: str = "") -> Iterator[Step[Answer[ListBatch]]]:
    """The products of one pass, page by page; the last page is often empty, that is how the list ends."""

    def fetch(at: str) -> tuple[Answer[ListBatch], Fetched]:
        answer = _ask(api, visibility, at, PAGE_ROWS)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, answer.value.envelope.result.last_id or None if rows else None)

    return walk(NAME, LIST_PATH, last_id, fetch)


def product_count(api: OzonApi) -> int | None:
    """How many products there are in both passes; None where the list does not tell."""
    totals = [_ask(api, visibility, "", 1).value.envelope.result.total for visibility in PASSES]
    return None if None in totals else sum(total for total in totals if total)


def _ask(api: OzonApi, visibility: str, last_id: str, limit: int) -> Answer[ListBatch]:
    payload = {"filter": {"visibility": visibility}, "last_id": last_id, "limit": limit}
    return api.ask(LIST_PATH, payload, _LIST.read)
