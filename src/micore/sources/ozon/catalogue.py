"""The catalogue stream: every product, archived ones too, with its skus, barcodes and price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import msgspec

from micore.domain.records import CatalogueRecord, RejectedRow
from micore.errors import SourceProtocolError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, ident, optional_ident, optional_moment, price
from micore.sources.http import Answer
from micore.sources.ozon.answers import Product, Products
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.products import PASSES, ListBatch, bytes_by_sku, product_count, product_pages
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader

INFO_PATH = "/v3/product/info/list"


class CatalogueCursor(msgspec.Struct, omit_defaults=True):
    """Where in which pass of the product list; the number after the last pass is the end."""

    part: int = 0
    last_id: str = ""
    as_of: datetime | None = None
    expected: int | None = None


def catalogue_records(rows: Sequence[Product], *, archived: bool) -> list[CatalogueRecord]:
    """One record per sku. A product that never passed moderation has none and is left out: nothing can be stocked."""
    records: dict[str, CatalogueRecord] = {}
    for row in rows:
        product_id = ident(row.id)
        value = price(row.price)
        barcodes = tuple(dict.fromkeys(text for code in row.barcodes or () if (text := code.strip())))
        # Cards older than July 2023 may still carry one sku per scheme; each of them is stocked and sold.
        skus = dict.fromkeys(optional_ident(sku) for sku in (row.sku, *(each.sku for each in row.sources or ())))
        for sku_id in filter(None, skus):
            records[sku_id] = CatalogueRecord(
                listing_id=product_id,
                sku_id=sku_id,
                offer_id=row.offer_id or "",
                name=row.name or "",
                size=None,
                archived=archived or bool(row.is_archived) or bool(row.is_autoarchived),
                price=value,
                currency=currency_code(row.currency_code),
                barcodes=barcodes,
                created_at=optional_moment(row.created_at),
            )
    return list(records.values())


INFO = tuple(
    RowReader(
        Products[Product],
        Products[msgspec.Raw],
        Product,
        rows_of=lambda answer: answer.items,
        convert=partial(catalogue_records, archived=visibility == "ARCHIVED"),
        key_field="sku",
    )
    for visibility in PASSES
)


def read_catalogue(api: OzonApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, CatalogueCursor, cursor)
    if at is None or at.part >= len(PASSES):
        at = CatalogueCursor(expected=product_count(api))
    as_of = at.as_of
    for part in range(at.part, len(PASSES)):
        start = at.last_id if part == at.part else ""
        for step in product_pages(api, PASSES[part], start):
            listing, following = step.page, step.following
            as_of = as_of or listing.marketplace_now
            after = CatalogueCursor(part, following, as_of, at.expected) if following is not None else None
            after = after or CatalogueCursor(part + 1, "", as_of, at.expected)
            done = after.part == len(PASSES)
            if listing.value.rows or listing.value.rejected or done:
                yield _described(api, part, listing, to_text(after), as_of, done=done, expected=at.expected)


def _described(
    api: OzonApi,
    part: int,
    listing: Answer[ListBatch],
    cursor: str,
    as_of: datetime,
    *,
    done: bool,
    expected: int | None,
) -> Page:
    """The page of one listed thousand: what Ozon tells of these products."""
    rejected = list(listing.value.rejected)
    if not listing.value.rows:
        return Page(listing.raw, (), rejected, cursor, as_of, done=done, expected_rows=expected)
    asked = [ident(row.product_id) for row in listing.value.rows]
    answer = api.ask(INFO_PATH, {"product_id": asked}, INFO[part].read)
    batch = answer.value
    rejected += told_in(batch.rejected, {"part": part})
    rejected += _not_described(listing, batch)
    return Page(answer.raw, batch.records, rejected, cursor, as_of, done=done, expected_rows=expected)


def _not_described(listing: Answer[ListBatch], batch: Batch[Products[Product], Product]) -> list[RejectedRow]:
    """Products that the list names and the description leaves out: not gone, only not told this time."""
    listed = listing.value.rows
    described = {ident(row.id) for row in batch.rows}
    if not described and not batch.rejected:
        raise SourceProtocolError(NAME, path=INFO_PATH, problem=f"none of {len(listed)} products is described")
    bad = {row.key for row in batch.rejected}
    missing = [
        sku_id
        for row in listed
        if ident(row.product_id) not in described and (sku_id := optional_ident(row.sku)) not in bad and sku_id
    ]
    raw = bytes_by_sku(listing.raw.body) if missing else {}
    return [RejectedRow(sku_id, "listed, but not described", raw.get(sku_id, b"")) for sku_id in missing]
