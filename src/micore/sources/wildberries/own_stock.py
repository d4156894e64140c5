"""The stock a second time: the seller's as each warehouse itself tells it, Wildberries' by its report of remains."""

from __future__ import annotations

from collections.abc import Sequence

from micore.domain.records import StockRecord
from micore.errors import SourceProtocolError
from micore.sources.http import NUMBER
from micore.sources.own_figures import Note, OwnStock
from micore.sources.wildberries.api import NAME, STOCKS_PATH, Category, WildberriesApi
from micore.sources.wildberries.own_remains import SCHEME, own_remains
from micore.sources.wildberries.stock import SIZES_PER_REQUEST, all_sizes, amounts_reader
from micore.sources.wildberries.warehouses import SCHEMES, all_seller_places

STOCK_PARTS = (tuple(SCHEMES.values()), (SCHEME,))
"""The report of remains may take half an hour: it comes last."""


def own_stock(api: WildberriesApi, schemes: Sequence[str], note: Note) -> Sequence[OwnStock]:
    """See OwnFiguresSource.own_stock: the seller's by place. Raises SourceProtocolError where a row cannot be read."""
    return own_remains(api, note) if SCHEME in schemes else _sellers(api)


def _sellers(api: WildberriesApi) -> list[OwnStock]:
    places, _ = all_seller_places(api)
    sizes = all_sizes(api) if places else []
    found: list[OwnStock] = []
    for place in places:
        reader = amounts_reader(place.place_id)
        for start in range(0, len(sizes), SIZES_PER_REQUEST):
            asked = {"chrtIds": [int(each) for each in sizes[start : start + SIZES_PER_REQUEST]]}
            path = STOCKS_PATH.replace(NUMBER, place.place_id)
            batch = api.post(Category.MARKETPLACE, path, asked, reader.read).value
            for row in batch.rejected:
                raise SourceProtocolError(NAME, path=path, problem=f"size {row.key!r}: {row.reason}")
            for record in batch.records:
                assert isinstance(record, StockRecord)
                found.append(OwnStock(place.scheme, record.sku_id, record.available or 0, place.place_id))
    return found
