"""The warehouses stream: the seller's own. Wildberries' come with the stock and the orders that name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from micore.domain.records import Holder, PlaceKind, PlaceRecord
from micore.errors import RecordRejectedError, SourceProtocolError
from micore.sources.base import Page
from micore.sources.fields import ident
from micore.sources.http import Answer
from micore.sources.rows import Batch, RowReader
from micore.sources.wildberries.answers import SellerWarehouse
from micore.sources.wildberries.api import NAME, WAREHOUSES_PATH, Category, WildberriesApi

SCHEMES = {1: "FBS", 2: "DBS", 3: "DBW", 5: "C&C", 6: "DBS express"}
"""By `deliveryType`; every documented one."""

POOL = "Склад WB"
"""What all of Wildberries' warehouses together are called in the stock. Orders, sales and storage call parts of it
"Склад WB РФ" or "Склад WB СГТ РФ"; what they hold is told of the whole only, so they are the one place."""


def seller_place(row: SellerWarehouse) -> PlaceRecord:
    """A warehouse of the seller's."""
    scheme = SCHEMES.get(row.delivery_type or 0)
    if scheme is None:
        allowed = ", ".join(map(str, SCHEMES))
        raise RecordRejectedError(reason="deliveryType", received=str(row.delivery_type), allowed=allowed)
    return named_place(ident(row.id), row.name, scheme)


def named_place(warehouse_id: str, name: str | None, scheme: str) -> PlaceRecord:
    """One of the seller's warehouses, however it was told."""
    return PlaceRecord(PlaceKind.WAREHOUSE, warehouse_id, name or warehouse_id, Holder.SELLER, scheme, None)


@lru_cache(maxsize=1024)
def pooled_place(name: str | None) -> PlaceRecord:
    """A warehouse of Wildberries', by the only thing that is told of it everywhere: its name.

    Most are parts of one pool that hides the real ones behind the number -999999, and orders tell no number at all.
    """
    shown = " ".join((name or "").split())
    if not shown:
        raise RecordRejectedError(reason="warehouseName", received=repr(name), allowed="a name")
    if shown == POOL or shown.startswith(f"{POOL} "):
        shown = POOL
    return PlaceRecord(PlaceKind.WAREHOUSE, f"wb:{shown}", shown, Holder.MARKETPLACE, "FBW", None)


def seller_places(rows: Sequence[SellerWarehouse]) -> list[PlaceRecord]:
    """The seller's warehouses, in the order of their numbers."""
    return sorted(map(seller_place, rows), key=lambda place: in_order(place.place_id))


def in_order(number: str) -> tuple[int, str]:
    """Sorts ids as the numbers they are."""
    return len(number), number


_Batch = Batch[list[SellerWarehouse], SellerWarehouse]
WAREHOUSES = RowReader(
    list[SellerWarehouse],
    list[msgspec.Raw],
    SellerWarehouse,
    rows_of=lambda answer: answer,
    convert=seller_places,
    key_field="id",
)


def ask_warehouses(api: WildberriesApi) -> Answer[_Batch]:
    """The seller's warehouses, in one answer."""
    return api.get(Category.MARKETPLACE, WAREHOUSES_PATH, {}, WAREHOUSES.read)


def all_seller_places(api: WildberriesApi) -> tuple[list[PlaceRecord], Answer[_Batch]]:
    """Every warehouse of the seller's, and the answer that told of them.

    Raises SourceProtocolError where a row cannot be read: who knows only some warehouses cannot tell the whole stock.
    """
    answer = ask_warehouses(api)
    for row in answer.value.rejected:
        raise SourceProtocolError(NAME, path=WAREHOUSES_PATH, problem=f"warehouse {row.key!r}: {row.reason}")
    return seller_places(answer.value.rows), answer


def read_warehouses(api: WildberriesApi) -> Iterator[Page]:
    """The stream; see Source.read. One page, so there is nothing to go on from."""
    answer = ask_warehouses(api)
    batch = answer.value
    yield Page(answer.raw, batch.records, batch.rejected, "{}", answer.marketplace_now, done=True)
