"""The catalogue stream: every size of every card, those in the trash as archived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from micore.domain.records import CatalogueRecord, RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident, optional_moment
from micore.sources.http import Answer
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import UNBELIEVABLE, Batch, RowReader
from micore.sources.wildberries.answers import Card, Cards, CardsMark
from micore.sources.wildberries.api import CARDS_PATH, NAME, TRASH_PATH, Category, WildberriesApi

PATHS = (CARDS_PATH, TRASH_PATH)
PAGE_ROWS = 100


class CatalogueCursor(msgspec.Struct, omit_defaults=True):
    """Where in which list; the number after the last list is the end."""

    part: int = 0
    at: str = ""
    as_of: datetime | None = None


def catalogue_records(rows: Sequence[Card], *, archived: bool) -> list[CatalogueRecord]:
    """One record per size."""
    records: dict[str, CatalogueRecord] = {}
    for row in rows:
        listing_id, created_at = ident(row.nm_id), optional_moment(row.created_at)
        sizes = row.sizes or ()
        if not sizes:
            raise RecordRejectedError(reason="sizes", received="none", allowed="at least one")
        for size in sizes:
            sku_id = ident(size.chrt_id)
            # A thing without sizes has one that is called "0".
            told = size.tech_size if len(sizes) > 1 or size.tech_size != "0" else None
            records[sku_id] = CatalogueRecord(
                listing_id=listing_id,
                sku_id=sku_id,
                offer_id=row.vendor_code or "",
                name=row.title or row.subject_name or "",
                size=told or None,
                archived=archived,
                price=None,
                currency=None,
                barcodes=tuple(dict.fromkeys(text for code in size.skus or () if (text := code.strip()))),
                created_at=created_at,
            )
    return list(records.values())


READERS = tuple(
    RowReader(
        Cards[Card],
        Cards[msgspec.Raw],
        Card,
        rows_of=lambda answer: answer.cards,
        convert=partial(catalogue_records, archived=path == TRASH_PATH),
        key_field="nmID",
    )
    for path in PATHS
)

CardBatch = Batch[Cards[Card], Card]


def read_catalogue(api: WildberriesApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, CatalogueCursor, cursor)
    if at is None or at.part not in range(len(PATHS)):
        at = CatalogueCursor()
    as_of = at.as_of
    for part in range(at.part, len(PATHS)):
        for step in card_pages(api, PATHS[part], at.at if part == at.part else ""):
            answer, more = step.page, step.following
            as_of = as_of or answer.marketplace_now
            after = CatalogueCursor(part, more, as_of) if more is not None else CatalogueCursor(part + 1, "", as_of)
            batch, done = answer.value, after.part == len(PATHS)
            rejected = told_in(by_size(batch.rejected), {"archived": PATHS[part] == TRASH_PATH})
            yield Page(answer.raw, batch.records, rejected, to_text(after), as_of, done=done)


def card_pages(api: WildberriesApi, path: str, cursor: str = "") -> Iterator[Step[Answer[CardBatch]]]:
    """The cards of one list, those changed longest ago first, so that what changes meanwhile comes again at the end."""
    reader = READERS[PATHS.index(path)]

    def fetch(at: str) -> tuple[Answer[CardBatch], Fetched]:
        mark = msgspec.json.decode(at) if at else {}
        settings: dict[str, Any] = {"sort": {"ascending": True}, "cursor": {"limit": PAGE_ROWS, **mark}}
        if path == CARDS_PATH:
            settings["filter"] = {"withPhoto": -1}  # with photos and without
        answer = api.post(Category.CONTENT, path, {"settings": settings}, reader.read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, following(answer.value.envelope.cursor, rows))

    return walk(NAME, path, cursor, fetch)


def following(mark: CardsMark, rows: int) -> str | None:
    """The mark that the next page begins behind; None where this page was not full."""
    if (mark.total if mark.total is not None else rows) < PAGE_ROWS:
        return None
    return to_text(CardsMark(mark.updated_at, mark.trashed_at, mark.nm_id))


def by_size(rejected: Sequence[RejectedRow]) -> list[RejectedRow]:
    """Rejected cards under the names of their sizes, because it is these that must not look deleted."""
    return [RejectedRow(sku_id, row.reason, row.raw) for row in rejected for sku_id in size_ids(row.raw) or [row.key]]


def size_ids(raw: bytes) -> list[str]:
    """The sizes of a card that could not be believed, however little else of it makes sense."""
    try:
        card = msgspec.json.decode(raw)
    except UNBELIEVABLE:
        return []
    sizes = card.get("sizes") if isinstance(card, dict) else None
    ids = [size.get("chrtID") for size in sizes if isinstance(size, dict)] if isinstance(sizes, list) else []
    return [str(each) for each in ids if isinstance(each, (int, str)) and not isinstance(each, bool)]
