"""Ozon's rows from quarantine, read again by the readers that rejected them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from micore.domain.records import PlaceRecord
from micore.sources.base import Reread
from micore.sources.ozon import catalogue, finance, orders, return_requests, returns, supplies, warehouses
from micore.sources.ozon.accruals import AccrualType
from micore.sources.rereading import Context, ReadAgain, needed


def _warehouse(raw: bytes, context: Context) -> Reread:
    reader = warehouses.SELLER if needed(context, "list") == warehouses.SELLER_PATH else warehouses.CLUSTERS
    return Reread(reader.one(raw)[1])


def _product(raw: bytes, context: Context) -> Reread:
    return Reread(catalogue.INFO[needed(context, "part")].one(raw)[1])


def _posting(raw: bytes, context: Context) -> Reread:
    scheme = orders.SCHEMES[needed(context, "scheme")]
    row, records = scheme.reader.one(raw)
    return Reread(records, places=scheme.places([row]), skus=orders.hints([row]))


def _accrual(raw: bytes, context: Context) -> Reread:
    types = msgspec.convert(needed(context, "types"), dict[str, AccrualType])
    asked = context.get("day")
    records = finance.reader(types, date.fromisoformat(asked) if asked else None).one(raw)[1]
    return Reread(records, skus=finance.hints(records))


def _return(raw: bytes, context: Context) -> Reread:
    if context.get("list") == return_requests.PATH:
        request, records = return_requests.REQUESTS.one(raw)
        return Reread(records, skus=return_requests.hints([request]))
    row, records = returns.RETURNS.one(raw)
    return Reread(records, skus=returns.hints([row]))


def _goods(raw: bytes, context: Context) -> Reread:
    supply = msgspec.convert(needed(context, "supply"), supplies.FoundSupply)
    row, records = supplies.goods_reader(supply).one(raw)
    places: tuple[PlaceRecord, ...] = (supply.place,) if supply.place else ()
    return Reread(records, places=places, skus=supplies.hints([row]))


READ_AGAIN: Mapping[str, ReadAgain] = {
    "warehouses": _warehouse,
    "catalogue": _product,
    "orders": _posting,
    "finance": _accrual,
    "returns": _return,
    "supplies": _goods,
}
"""By stream; the rows of the others mean nothing by themselves."""
