"""Ozon's own stock by scheme, told by other methods than those that the stock stream reads: of the seller's warehouses
by the list of stocks, of Ozon's by the products' descriptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from micore.domain.units import MILLI
from micore.sources.fields import Count, Id, ident
from micore.sources.own_figures import OwnStock
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.catalogue import INFO_PATH
from micore.sources.ozon.products import PASSES, product_pages
from micore.sources.paging import Fetched, walk

STOCKS_PATH = "/v4/product/info/stocks"
_SCHEMES = {"fbs": "FBS", "rfbs": "rFBS"}
FBO = "FBO"
STOCK_PARTS = (tuple(_SCHEMES.values()), (FBO,))


class _Stock(msgspec.Struct):
    sku: Id
    type: str
    present: Count
    reserved: Count


class _Item(msgspec.Struct):
    stocks: list[_Stock] = []


class _Stocks(msgspec.Struct):
    items: list[_Item] = []
    cursor: str = ""


class _Held(msgspec.Struct):
    sku: Id
    source: str
    present: Count
    reserved: Count


class _Holdings(msgspec.Struct):
    stocks: list[_Held] = []


class _Described(msgspec.Struct):
    id: Id
    stocks: _Holdings


class _Descriptions(msgspec.Struct):
    items: list[_Described] = []


_STOCKS = msgspec.json.Decoder(_Stocks)
_DESCRIPTIONS = msgspec.json.Decoder(_Descriptions)


def own_stock(api: OzonApi, schemes: Sequence[str]) -> Sequence[OwnStock]:
    """See OwnFiguresSource.own_stock."""
    return list(_ozons(api)) if FBO in schemes else _sellers(api)


def _sellers(api: OzonApi) -> list[OwnStock]:
    found: list[OwnStock] = []

    def fetch(at: str) -> tuple[_Stocks, Fetched]:
        asked = {"filter": {"visibility": "ALL"}, "cursor": at, "limit": 1000}
        page = api.ask(STOCKS_PATH, asked, _STOCKS.decode).value
        return page, Fetched(len(page.items), page.cursor if len(page.items) == 1000 else None)

    for step in walk(NAME, STOCKS_PATH, "", fetch):
        if not step.at:
            found.clear()  # A refused cursor begins the walk again.
        for item in step.page.items:
            found += [
                OwnStock(_SCHEMES[each.type], ident(each.sku), (each.present - each.reserved) * MILLI)
                for each in item.stocks
                if each.type in _SCHEMES
            ]
    return found


def _ozons(api: OzonApi) -> Iterator[OwnStock]:
    """Of each product once, however often its page is listed."""
    described: dict[str, _Described] = {}
    for visibility in PASSES:
        for step in product_pages(api, visibility):
            asked = [ident(row.product_id) for row in step.page.value.rows]
            if asked:
                told = api.ask(INFO_PATH, {"product_id": asked}, _DESCRIPTIONS.decode).value
                described |= {ident(item.id): item for item in told.items}
    for item in described.values():
        for held in item.stocks.stocks:
            if held.source.upper() == FBO:
                yield OwnStock(FBO, ident(held.sku), (held.present - held.reserved) * MILLI)
