"""The prices stream: what buyers are asked for each card, told apart from the cards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from micore.domain.records import PriceRecord
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import currency_code, ident, price
from micore.sources.http import Answer
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader
from micore.sources.wildberries.answers import PricedCard, Prices
from micore.sources.wildberries.api import CURRENCY, NAME, PRICES_PATH, Category, WildberriesApi

PAGE_ROWS = 1000


class PricesCursor(msgspec.Struct, omit_defaults=True):
    """The next offset; "" at the beginning and at the end."""

    at: str = ""
    as_of: datetime | None = None


def price_records(rows: Sequence[PricedCard]) -> list[PriceRecord]:
    """One for each card: its cheapest size. A card whose sizes all tell 0 or nothing has no price."""
    records: dict[str, PriceRecord] = {}
    for row in rows:
        listing_id = ident(row.nm_id)
        told = [value for size in row.sizes or () if (value := price(size.discounted_price)) is not None]
        lowest = min(told, default=None)
        records[listing_id] = PriceRecord(listing_id, lowest, currency_code(row.currency) or CURRENCY)
    return list(records.values())


PRICES = RowReader(
    Prices[PricedCard],
    Prices[msgspec.Raw],
    PricedCard,
    rows_of=lambda answer: answer.data.list_goods,
    convert=price_records,
    key_field="nmID",
)
_Batch = Batch[Prices[PricedCard], PricedCard]


def read_prices(api: WildberriesApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, PricesCursor, cursor) or PricesCursor()
    as_of = at.as_of
    for step in _pages(api, at.at):
        answer, more = step.page, step.following
        as_of = as_of or answer.marketplace_now
        after = PricesCursor(more, as_of) if more is not None else PricesCursor()
        batch = answer.value
        yield Page(answer.raw, batch.records, batch.rejected, to_text(after), as_of, done=more is None)


def _pages(api: WildberriesApi, cursor: str) -> Iterator[Step[Answer[_Batch]]]:
    """By offset until a page is empty, as the method's description asks for."""

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        offset = int(at or 0)
        query = {"limit": PAGE_ROWS, "offset": offset}
        answer = api.get(Category.PRICES, PRICES_PATH, query, PRICES.read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, str(offset + PAGE_ROWS) if rows else None, answer.raw.body)

    return walk(NAME, PRICES_PATH, cursor, fetch)
