"""Rows of files as records, a function per stream; each raises RecordRejectedError for what cannot be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from micore.domain.checks import check_instants
from micore.domain.records import (
    CatalogueRecord,
    Holder,
    OrderRecord,
    OrderState,
    PlaceKind,
    PlaceRecord,
    PriceRecord,
    Record,
    ReturnKind,
    ReturnRecord,
    ReturnState,
    SaleRecord,
    StockRecord,
    SupplyRecord,
    SupplyState,
)
from micore.errors import RecordRejectedError
from micore.sources.files import values
from micore.sources.files.values import ident, instant, iso_day, money, needed, price, quantity, word

ONLY_PLACE = "main"
"""The one place of files that name none."""

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manner:
    """What a file leaves open."""

    currency: str
    zone: tzinfo
    now: int
    """When it is read, in microseconds: what lies far behind that has not happened yet."""


def place(place_id: str, name: str = "") -> PlaceRecord:
    """A place of the seller's own."""
    return PlaceRecord(PlaceKind.WAREHOUSE, place_id, name or place_id, Holder.OWN, "", None)


def place_id_of(cells: Cells) -> str | None:
    """Which place a row is of, by its number, else by its name; None where the file names none at all."""
    if "place_id" not in cells and "place" not in cells:
        return None
    return ident(cells.get("place_id") or cells.get("place", ""), "warehouse")


def _currency(cells: Cells, manner: Manner) -> str:
    code = cells.get("currency", "").upper() or manner.currency
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise RecordRejectedError(reason="currency", received=repr(code), allowed="three letters of ISO 4217")
    return code


def _sku(cells: Cells) -> str:
    return ident(cells.get("sku", ""), "sku")


def _catalogue(cells: Cells, manner: Manner) -> CatalogueRecord:
    sku, told = _sku(cells), values.whole(cells.get("barcode", ""), "barcode")
    barcodes = told.replace(";", " ").replace(",", " ").split()
    return CatalogueRecord(
        listing_id=sku,
        sku_id=sku,
        offer_id=sku,
        name=ident(" ".join(cells.get("name", "").splitlines()), "name"),
        size=cells.get("size") or None,
        archived=values.yes(cells.get("archived", "")),
        price=price(cells.get("price", "")),
        currency=_currency(cells, manner) if "price" in cells else None,
        barcodes=tuple(dict.fromkeys(barcodes)),
        created_at=None,
    )


def _price(cells: Cells, manner: Manner) -> PriceRecord:
    return PriceRecord(_sku(cells), price(cells.get("price", "")), _currency(cells, manner))


def _warehouse(cells: Cells, manner: Manner) -> PlaceRecord:
    del manner
    return place(ident(cells.get("place_id", ""), "warehouse id"), cells.get("place", ""))


def _stock(cells: Cells, manner: Manner) -> StockRecord:
    del manner
    available, present, reserved, inbound = (
        quantity(cells.get(field, ""), field) for field in ("available", "present", "reserved", "inbound")
    )
    return StockRecord(
        _sku(cells),
        place_id_of(cells) or ONLY_PLACE,
        needed(available, "available"),
        present,
        reserved,
        inbound,
        None,
        None,
    )


def _order(cells: Cells, manner: Manner) -> OrderRecord:
    return OrderRecord(
        order_id=ident(cells.get("order_id", ""), "order id"),
        sku_id=_sku(cells),
        place_id=place_id_of(cells),
        scheme="",
        state=word(cells.get("state", ""), values.ORDER_STATES, OrderState.ORDERED, "status"),
        quantity=needed(quantity(cells.get("quantity", ""), "quantity"), "quantity"),
        price=price(cells.get("price", "")),
        currency=_currency(cells, manner),
        ordered_at=instant(cells.get("date", ""), manner.zone, "date"),
        cancelled_at=None,
    )


def _sale_line(receipt: str, sku: str) -> str:
    """A receipt has a line for each thing that was bought."""
    return f"{receipt}:{sku}"


def _sale(cells: Cells, manner: Manner) -> SaleRecord:
    sku = _sku(cells)
    return SaleRecord(
        sale_id=_sale_line(ident(cells.get("sale_id", ""), "sale id"), sku),
        order_id=cells.get("order_id") or None,
        sku_id=sku,
        day=iso_day(cells.get("date", ""), manner.zone, "date"),
        amount=needed(money(cells.get("amount", ""), "amount"), "amount"),
        commission=money(cells.get("commission", ""), "commission"),
        currency=_currency(cells, manner),
    )


def _return(cells: Cells, manner: Manner) -> ReturnRecord:
    return ReturnRecord(
        return_id=ident(cells.get("return_id", ""), "return id"),
        order_id=cells.get("order_id") or None,
        sku_id=_sku(cells),
        scheme="",
        kind=ReturnKind.UNKNOWN,
        state=word(cells.get("state", ""), values.RETURN_STATES, ReturnState.BACK, "status"),
        quantity=needed(quantity(cells.get("quantity", ""), "quantity"), "quantity"),
        reason=cells.get("reason", ""),
        returned_at=instant(cells.get("date", ""), manner.zone, "date"),
        finished_at=None,
    )


def _supply(cells: Cells, manner: Manner) -> SupplyRecord:
    created, expected = instant(cells.get("date", ""), manner.zone, "date"), cells.get("expected", "")
    return SupplyRecord(
        supply_id=ident(cells.get("supply_id", ""), "supply id"),
        sku_id=_sku(cells),
        place_id=place_id_of(cells),
        state=word(cells.get("state", ""), values.SUPPLY_STATES, SupplyState.PLANNED, "status"),
        quantity=needed(quantity(cells.get("quantity", ""), "quantity"), "quantity"),
        accepted=quantity(cells.get("accepted", ""), "accepted"),
        created_at=created,
        expected_at=instant(expected, manner.zone, "expected at") if expected else None,
        changed_at=created,
    )


READERS: dict[str, Callable[[Cells, Manner], Record]] = {
    "warehouses": _warehouse,
    "catalogue": _catalogue,
    "prices": _price,
    "stock": _stock,
    "orders": _order,
    "sales": _sale,
    "returns": _return,
    "supplies": _supply,
}

GROUPED = {"orders": "order_id", "returns": "return_id", "supplies": "supply_id"}
"""Streams whose lines belong together, and the column that says to what."""

HAPPENED = (*GROUPED, "sales")
"""Streams that tell what happened; of the others a row says how something is."""

_KEYS = {
    "warehouses": ("place_id",),
    "catalogue": ("sku_id",),
    "prices": ("listing_id",),
    "stock": ("sku_id", "place_id"),
    "orders": ("order_id", "sku_id"),
    "sales": ("sale_id",),
    "returns": ("return_id", "sku_id"),
    "supplies": ("supply_id", "sku_id"),
}
TELLING = {
    "warehouses": ("place",),
    "catalogue": ("name", "size", "barcode", "archived", "price", "currency"),
    "prices": ("price", "currency"),
    "stock": ("available", "present", "reserved", "inbound"),
}
"""The columns that say how something is."""
_NUL = "\x00"


def record_of(stream: str, cells: Cells, manner: Manner) -> Record:
    """What a row tells. Raises RecordRejectedError for what nobody can believe or no database can hold."""
    if _NUL in "".join(cells.values()):
        field = next(field for field, text in cells.items() if _NUL in text)
        raise RecordRejectedError(reason=field, received="a NUL character", allowed="text")
    record = READERS[stream](cells, manner)
    check_instants((record,), manner.now)
    return record


def key_of(stream: str, record: Record) -> str:
    """What a record is known by."""
    return " / ".join(str(getattr(record, name)) for name in _KEYS[stream])


def place_and_sku(stream: str, cells: Cells) -> str:
    """As `key_of` its record, of a row that tells of one thing alone."""
    if stream == "stock":
        return f"{cells.get('sku', '')} / {cells.get('place_id') or cells.get('place') or ONLY_PLACE}"
    return key_of_cells(stream, cells)


def key_of_cells(stream: str, cells: Cells) -> str:
    """As micore.domain.quarantine.keys_of will name the records of this row; empty where it has no name."""
    sku = cells.get("sku", "")
    if stream == "sales":
        receipt = cells.get("sale_id", "")
        return _sale_line(receipt, sku) if receipt and sku else ""
    return cells.get("place_id", "") if stream == "warehouses" else cells.get(GROUPED.get(stream, "sku"), "")
