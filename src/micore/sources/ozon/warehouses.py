"""The warehouses stream: the seller's own warehouses, and Ozon's clusters with the warehouses in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from micore.domain.records import Holder, PlaceKind, PlaceRecord, Record
from micore.errors import SourceProtocolError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident
from micore.sources.http import Answer
from micore.sources.ozon.answers import Cluster, Clusters, SellerWarehouse, SellerWarehouses
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.cursors import following
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader

SELLER_PATH = "/v2/warehouse/list"
CLUSTER_PATH = "/v1/cluster/list"
PAGE_ROWS = 200

CLUSTER_TYPES = ("CLUSTER_TYPE_OZON", "CLUSTER_TYPE_CIS")
PASSED_THROUGH = ("SORTING_CENTER", "ORDERS_RECEIVING_POINT")
"""Goods only pass through these (there are thousands); where stock names one all the same, it comes with the stock."""


class WarehousesCursor(msgspec.Struct, omit_defaults=True):
    """Part 0 are the seller's warehouses, the parts after it the cluster types; the last one plus one is the end."""

    part: int = 0
    at: str = ""
    as_of: datetime | None = None


END = 1 + len(CLUSTER_TYPES)


def seller_place(row: SellerWarehouse) -> PlaceRecord:
    """A warehouse of the seller's."""
    scheme = "rFBS" if row.is_rfbs else "FBS"
    place_id = ident(row.warehouse_id)
    return PlaceRecord(PlaceKind.WAREHOUSE, place_id, row.name or place_id, Holder.SELLER, scheme, None)


def cluster_places(rows: Sequence[Cluster]) -> Sequence[Record]:
    """Clusters, each before its warehouses; one that several clusters name belongs to the first."""
    places: dict[tuple[PlaceKind, str], PlaceRecord] = {}
    for row in rows:
        cluster_id = ident(row.id)
        places[PlaceKind.CLUSTER, cluster_id] = cluster_place(cluster_id, row.name)
        for logistic in row.logistic_clusters or ():
            for warehouse in logistic.warehouses or ():
                if warehouse.type not in PASSED_THROUGH:
                    place = ozon_place(ident(warehouse.warehouse_id), warehouse.name, cluster_id)
                    places.setdefault((place.kind, place.place_id), place)
    return list(places.values())


def cluster_place(cluster_id: str, name: str | None) -> PlaceRecord:
    """One of Ozon's clusters."""
    return PlaceRecord(PlaceKind.CLUSTER, cluster_id, name or cluster_id, Holder.MARKETPLACE, "", None)


def ozon_place(warehouse_id: str, name: str | None, cluster_id: str | None) -> PlaceRecord:
    """One of Ozon's warehouses."""
    return PlaceRecord(PlaceKind.WAREHOUSE, warehouse_id, name or warehouse_id, Holder.MARKETPLACE, "FBO", cluster_id)


SELLER = RowReader(
    SellerWarehouses[SellerWarehouse],
    SellerWarehouses[msgspec.Raw],
    SellerWarehouse,
    rows_of=lambda answer: answer.warehouses,
    convert=lambda rows: [seller_place(row) for row in rows],
    key_field="warehouse_id",
)
CLUSTERS = RowReader(
    Clusters[Cluster],
    Clusters[msgspec.Raw],
    Cluster,
    rows_of=lambda answer: answer.clusters,
    convert=cluster_places,
    key_field="id",
)

_SellerBatch = Batch[SellerWarehouses[SellerWarehouse], SellerWarehouse]


def seller_pages(api: OzonApi, cursor: str = "") -> Iterator[Step[Answer[_SellerBatch]]]:
    """The seller's warehouses, page by page."""

    def fetch(at: str) -> tuple[Answer[_SellerBatch], Fetched]:
        answer = api.ask(SELLER_PATH, {"limit": PAGE_ROWS, "cursor": at}, SELLER.read)
        envelope, batch = answer.value.envelope, answer.value
        rows = len(batch.rows) + len(batch.rejected)
        return answer, Fetched(rows, following(envelope.cursor, envelope.has_next))

    return walk(NAME, SELLER_PATH, cursor, fetch)


def all_seller_places(api: OzonApi) -> tuple[list[PlaceRecord], Answer[_SellerBatch]]:
    """Every warehouse of the seller's, and the last answer that told of them.

    Raises SourceProtocolError where a row cannot be read: who knows only some warehouses cannot tell the whole stock.
    """
    places: dict[str, PlaceRecord] = {}
    for step in seller_pages(api):
        last = step.page
        for row in last.value.rejected:
            raise SourceProtocolError(NAME, path=SELLER_PATH, problem=f"warehouse {row.key!r}: {row.reason}")
        places.update((place.place_id, place) for place in map(seller_place, last.value.rows))
    return sorted(places.values(), key=lambda place: in_order(place.place_id)), last


def in_order(place_id: str) -> tuple[int, str]:
    """Sorts ids as the numbers they are."""
    return len(place_id), place_id


def ozon_places(api: OzonApi) -> dict[str, PlaceRecord]:
    """Ozon's warehouses by their names, in small letters; a name that several have stands for none of them."""
    found: dict[str, PlaceRecord | None] = {}
    for cluster_type in CLUSTER_TYPES:
        for place in api.ask(CLUSTER_PATH, {"cluster_type": cluster_type}, CLUSTERS.read).value.records:
            if isinstance(place, PlaceRecord) and place.kind is PlaceKind.WAREHOUSE:
                name, alone = place.name.casefold(), place._replace(parent_id=None)
                found[name] = alone if found.get(name, alone) == alone else None
    return {name: place for name, place in found.items() if place is not None}


def read_warehouses(api: OzonApi, cursor: str | None) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, WarehousesCursor, cursor)
    if at is None or at.part >= END:
        at = WarehousesCursor()
    as_of, part = at.as_of, at.part
    if part == 0:
        for step in seller_pages(api, at.at):
            seller, more = step.page, step.following
            as_of = as_of or seller.marketplace_now
            after = WarehousesCursor(0, more, as_of) if more is not None else WarehousesCursor(1, "", as_of)
            rejected = told_in(seller.value.rejected, {"list": SELLER_PATH})
            yield Page(seller.raw, seller.value.records, rejected, to_text(after), as_of)
        part = 1
    for number in range(part, END):
        payload = {"cluster_type": CLUSTER_TYPES[number - 1]}
        answer = api.ask(CLUSTER_PATH, payload, CLUSTERS.read)
        as_of = as_of or answer.marketplace_now
        after = WarehousesCursor(number + 1, "", as_of)
        batch = answer.value
        rejected = told_in(batch.rejected, {"list": CLUSTER_PATH})
        yield Page(answer.raw, batch.records, rejected, to_text(after), as_of, done=after.part == END)
