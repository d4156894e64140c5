"""The orders stream: every ordered unit in its present version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from micore.domain.instants import micros
from micore.domain.records import OrderRecord, OrderState, PlaceRecord, RejectedRow
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError, SourceAuthError
from micore.sources.base import Page
from micore.sources.fields import moment, price
from micore.sources.rereading import Context, told_in
from micore.sources.rows import named
from micore.sources.wildberries.answers import Order
from micore.sources.wildberries.api import CURRENCY, ORDERS_PATH, WildberriesApi
from micore.sources.wildberries.statistics import Statistics, moscow
from micore.sources.wildberries.warehouses import ask_warehouses, pooled_place

WB_HELD, SELLER_HELD = "Склад WB", "Склад продавца"

SkuOfBarcode = Callable[[str, str], str | None]
"""See SourceTools.sku_of_barcode."""


def order_records(
    rows: Sequence[Order], *, sku_of_barcode: SkuOfBarcode, sellers: Mapping[str, PlaceRecord]
) -> list[OrderRecord]:
    """One for each unit; where a page told it twice, as it was told last."""
    records = [_order(row, sku_of_barcode, sellers) for row in rows]
    by_key = {(record.order_id, record.sku_id): record for record in records}
    return records if len(by_key) == len(records) else list(by_key.values())


def _order(row: Order, sku_of_barcode: SkuOfBarcode, sellers: Mapping[str, PlaceRecord]) -> OrderRecord:
    if not row.srid:
        raise RecordRejectedError(reason="srid", received="empty text", allowed="an order's id")
    place = place_of(row, sellers)
    # 0 is what stands there until the price is known, up to a day after the order.
    value = price(row.price_with_disc)
    cancelled_at = moscow(row.cancel_date) if row.is_cancel else None
    # By position: keywords cost a third of the whole conversion.
    return OrderRecord(
        row.srid,
        sku_of(row.barcode, row.nm_id, sku_of_barcode),
        place.place_id if place else None,
        "FBW" if row.warehouse_type == WB_HELD else "FBS",
        OrderState.CANCELLED if row.is_cancel else OrderState.ORDERED,
        MILLI,
        value,
        CURRENCY if value is not None else None,
        moment(moscow(row.date), field="date"),
        None if cancelled_at is None else micros(cancelled_at),
    )


def sku_of(barcode: str, nm_id: int | None, sku_of_barcode: SkuOfBarcode) -> str:
    """The size behind a barcode, of the card that the row names: barcodes move from card to card."""
    card = str(nm_id) if nm_id else ""
    found = sku_of_barcode(barcode.strip(), card)
    if found is None:
        of_card = f" of card {card}" if card else ""
        raise RecordRejectedError(
            reason="barcode", received=repr(barcode), allowed=f"one that exactly one size{of_card} in the catalogue has"
        )
    return found


def is_unknown_barcode(reason: str) -> bool:
    """Whether a row was rejected because of its barcode, which a later catalogue may know."""
    return reason.startswith("barcode: ")


def seller_of(row: RejectedRow, *, sellers: Mapping[str, PlaceRecord]) -> Context:
    """The seller's warehouse that a rejected row names, as it is called today."""
    return {"seller": sellers.get(named(row.raw, "warehouseName").strip())}


def place_of(row: Order, sellers: Mapping[str, PlaceRecord]) -> PlaceRecord | None:
    """Where a unit ships from; None for a warehouse of the seller's that is not known by this name."""
    if row.warehouse_type == SELLER_HELD:
        return sellers.get((row.warehouse_name or "").strip())
    if row.warehouse_type == WB_HELD:
        return pooled_place(row.warehouse_name) if row.warehouse_name else None
    raise RecordRejectedError(
        reason="warehouseType", received=repr(row.warehouse_type), allowed=f"{WB_HELD} or {SELLER_HELD}"
    )


def places_of(rows: Sequence[Order], sellers: Mapping[str, PlaceRecord]) -> list[PlaceRecord]:
    """Where units ship from, each place once."""
    named = {(row.warehouse_type, row.warehouse_name): row for row in rows}
    places = {place.place_id: place for row in named.values() if (place := place_of(row, sellers)) is not None}
    return list(places.values())


def sellers_by_name(api: WildberriesApi) -> dict[str, PlaceRecord]:
    """The seller's warehouses by name, without names that several have; none where the key may not see them."""
    try:
        answer = ask_warehouses(api)
    except SourceAuthError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return {}
    places = [place for place in answer.value.records if isinstance(place, PlaceRecord)]
    names = [place.name for place in places]
    return {place.name: place for place in places if names.count(place.name) == 1}


def read_orders(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    sellers = sellers_by_name(api)
    convert = partial(order_records, sku_of_barcode=api.tools.sku_of_barcode, sellers=sellers)
    for page in Statistics(api, ORDERS_PATH, Order, convert, key_field="srid").pages(cursor, history):
        yield Page(
            page.answer.raw,
            page.records,
            told_in(page.rejected, partial(seller_of, sellers=sellers), may_pass=is_unknown_barcode),
            page.cursor,
            page.as_of,
            done=page.done,
            places=places_of(page.rows, sellers),
        )
