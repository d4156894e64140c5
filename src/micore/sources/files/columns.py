"""Which columns a file has, by the names people give them in English and Russian, and what it tells by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALIASES: dict[str, str] = {
    "sku": "sku, артикул, код, код товара, артикул продавца, item, item code, product code, номенклатура код",
    "name": "name, title, product, product name, название, наименование, товар, номенклатура",
    "size": "size, размер",
    "barcode": "barcode, barcodes, ean, штрихкод, штрих код, шк",
    "archived": "archived, archive, архив, в архиве, снят с продажи",
    "price": "price, unit price, цена, цена продажи, розничная цена",
    "currency": "currency, валюта",
    "place": "warehouse, place, store, склад, место, магазин, место хранения",
    "place_id": "warehouse id, place id, код склада, id склада",
    "available": "available, stock, in stock, on hand, остаток, остатки, доступно, в наличии, свободный остаток",
    "present": "present, total stock, всего, всего на складе",
    "reserved": "reserved, reserve, резерв, в резерве",
    "inbound": "inbound, incoming, ожидается, в пути на склад",
    "quantity": "quantity, qty, count, pieces, количество, кол во, шт",
    "order_id": "order id, order, order number, заказ, номер заказа, id заказа",
    "sale_id": "sale id, sale, sale number, receipt, продажа, номер продажи, чек, номер чека",
    "return_id": "return id, return, return number, возврат, номер возврата",
    "supply_id": "supply id, supply, supply number, поставка, номер поставки",
    "date": "date, day, ordered at, created at, дата, дата заказа, дата продажи, дата возврата, дата создания",
    "state": "state, status, статус, состояние",
    "amount": "amount, total, sum, сумма, сумма продажи, выручка",
    "commission": "commission, fee, комиссия",
    "accepted": "accepted, received, принято",
    "expected": "expected at, expected, arrival, дата прибытия, ожидаемая дата",
    "reason": "reason, причина, причина возврата",
}
"""Our name of a column, and the names that stand for it."""

_FIELD_OF = {alias.strip(): field for field, text in ALIASES.items() for alias in text.split(",")}

NEEDED: dict[str, tuple[str, ...]] = {
    "returns": ("return_id", "sku", "quantity", "date"),
    "supplies": ("supply_id", "sku", "quantity", "date"),
    "sales": ("sale_id", "sku", "amount", "date"),
    "orders": ("order_id", "sku", "quantity", "date"),
    "stock": ("sku", "available"),
    "catalogue": ("sku", "name"),
    "prices": ("sku", "price"),
    "warehouses": ("place_id", "place"),
}
"""The columns without which a file does not tell a stream."""

_OWN_NUMBER = {"returns": "return_id", "supplies": "supply_id", "sales": "sale_id", "orders": "order_id"}
_UNKNOWN_GOES_TO = "catalogue"

TEMPLATES: dict[str, bytes] = {
    name: ("\ufeff" + text).encode()
    for name, text in {
        "warehouses": "warehouse id;warehouse\nW1;Main warehouse\n",
        "catalogue": "sku;name;price;barcode;size;archived\nTEA-100;Black tea 100 g;249,00;4600000000017;;no\n",
        "prices": "sku;price\nTEA-100;249,00\n",
        "stock": "sku;warehouse;available;reserved;inbound\nTEA-100;W1;42;3;100\n",
        "orders": "order id;date;sku;quantity;price;warehouse;status\n"
        "A-1;02.11.2026 14:05;TEA-100;2;249,00;W1;shipped\n",
        "sales": "sale id;date;order id;sku;amount;commission\nS-1;03.11.2026;A-1;TEA-100;498,00;49,80\n",
        "returns": "return id;date;order id;sku;quantity;status;reason\nR-1;09.11.2026;A-1;TEA-100;1;back;too strong\n",
        "supplies": "supply id;date;sku;quantity;warehouse;status;expected at;accepted\n"
        "P-1;20.10.2026;TEA-100;100;W1;on the way;27.11.2026;\n",
    }.items()
}
"""An example of each file, with the byte order mark by which spreadsheets know UTF-8."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file tells and in which of its columns."""

    streams: tuple[str, ...]
    """Empty: nothing that is known."""
    columns: Mapping[str, int]
    """Our name of a column to its number."""
    header: Sequence[str]

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """The cells of a row by our names."""
        return {field: row[number].strip() if number < len(row) else "" for field, number in self.columns.items()}

    def problem(self) -> str:
        """Why nobody can read the file; empty when somebody can."""
        if self.streams:
            return ""
        known = ", ".join(self.columns) or "no column that is known"
        wanted = "; ".join(f"{stream}: {', '.join(needed)}" for stream, needed in NEEDED.items())
        return f"columns: received {known}; allowed: one of {wanted}"

    def told_by(self) -> tuple[str, ...]:
        """The streams that look at the file: a file that nobody can read must not be passed over in silence."""
        return self.streams or (_UNKNOWN_GOES_TO,)


def layout_of(header: Sequence[str]) -> Layout:
    """What a header says. A name that comes twice counts where it comes first."""
    columns: dict[str, int] = {}
    for number, name in enumerate(header):
        field = _FIELD_OF.get(plain(name))
        if field is not None:
            columns.setdefault(field, number)
    if "available" not in columns and "quantity" in columns and not set(_OWN_NUMBER.values()) & set(columns):
        columns["available"] = columns["quantity"]  # a list of goods with a count is a list of stock
    return Layout(_streams(set(columns)), columns, header)


def plain(name: str) -> str:
    """A column's name as names are compared: small letters, no signs, ё as е, no unit behind a comma."""
    text = name.casefold().replace("ё", "е").split(",")[0].replace("№", " номер ")
    return " ".join(re.sub(r"[^\w]+|_", " ", text).split())


def _streams(fields: set[str]) -> tuple[str, ...]:
    """What columns tell. One number of its own makes a file of that; a list of goods may tell several things."""
    for stream, number in _OWN_NUMBER.items():
        if number in fields:
            return (stream,) if set(NEEDED[stream]) <= fields else ()
    found = [stream for stream in ("stock", "catalogue", "prices") if set(NEEDED[stream]) <= fields]
    if "catalogue" in found and "prices" in found:
        found.remove("prices")  # the catalogue tells them
    if not found and set(NEEDED["warehouses"]) <= fields:
        return ("warehouses",)
    return tuple(found)
