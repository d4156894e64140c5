"""What records are made of: their types, their keys, and the units that their numbers are in."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from micore.domain.instants import MICROS_PER_SECOND
from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    PlaceRecord,
    PriceRecord,
    Record,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.domain.units import MILLI, TEN_THOUSANDTHS

RECORDS: dict[str, tuple[type[Any], ...]] = {
    "warehouses": (PlaceRecord,),
    "catalogue": (CatalogueRecord,),
    "prices": (PriceRecord,),
    "stock": (StockRecord,),
    "orders": (OrderRecord,),
    "sales": (SaleRecord,),
    "returns": (ReturnRecord,),
    "supplies": (SupplyRecord,),
    "finance": (FinanceRecord, SaleRecord),
    "storage_cost": (StorageCostRecord,),
    "funnel": (FunnelRecord,),
}
"""The streams there are, and what each of them yields."""

KEYS: dict[type[Any], tuple[str, ...]] = {
    PlaceRecord: ("kind", "place_id"),
    CatalogueRecord: ("sku_id",),
    StockRecord: ("sku_id", "place_id"),
    OrderRecord: ("order_id", "sku_id"),
    SaleRecord: ("sale_id",),
    PriceRecord: ("listing_id",),
    ReturnRecord: ("return_id", "sku_id"),
    SupplyRecord: ("supply_id", "sku_id"),
    FinanceRecord: ("finance_id",),
    StorageCostRecord: ("cost_id",),
    FunnelRecord: ("funnel_id",),
}
"""What identifies a record within its account."""

GROUPS: dict[type[Any], str] = {OrderRecord: "order_id", ReturnRecord: "return_id", SupplyRecord: "supply_id"}
"""What several lines of belong together."""

QUANTITIES = frozenset(
    ("available", "present", "reserved", "inbound", "to_client", "from_client", "quantity", "accepted")
)
COUNTS = frozenset(("opened", "carted", "ordered", "bought", "cancelled", "wished"))
MONEY = frozenset(("price", "amount", "commission"))
SIGNED = frozenset(("amount", "commission"))
"""Money that goes both ways."""
INSTANTS = frozenset(
    ("created_at", "ordered_at", "cancelled_at", "returned_at", "finished_at", "expected_at", "changed_at")
)
CURRENCY_LETTERS = 3
INT64 = 2**63
YEAR_MICROS = 365 * 86_400 * MICROS_PER_SECOND
EARLIEST, LATEST = 10 * YEAR_MICROS, 130 * YEAR_MICROS
"""1980 and 2100: what lies outside counts in other units."""


def key_of(record: Record) -> tuple[Any, ...]:
    """What identifies a record within its account."""
    return (type(record).__name__, *(getattr(record, name) for name in KEYS[type(record)]))


def misfits(record: Record) -> Iterator[str]:
    """Each value of a record that is not what its type says."""
    name = type(record).__name__
    kind: Any = type(record)
    for field, (allowed, optional) in _fields(kind).items():
        value = getattr(record, field)
        if value is None:
            if not optional:
                yield f"{name}.{field} is None"
        elif not _is(value, allowed):
            yield f"{name}.{field} is {value!r}, a {type(value).__name__}; allowed: {_named(allowed)}"
        else:
            problem = _problem(field, value)
            if problem:
                yield f"{name}.{field} {problem}"


def units_too_small(records: list[Record]) -> Iterator[str]:
    """Numbers that would all be less than one piece or one unit of money: they count in something else."""
    for names, unit, scale in (
        (QUANTITIES, "thousandths of a piece", MILLI),
        (MONEY, "ten-thousandths of the currency unit", TEN_THOUSANDTHS),
    ):
        for kind in {type(each) for each in records}:
            for field in names & set(kind._fields):
                told = [abs(v) for each in records if type(each) is kind and isinstance(v := getattr(each, field), int)]
                largest = max(told, default=0)
                if 0 < largest < scale:
                    yield f"the largest {kind.__name__}.{field} is {largest}: is that in {unit}?"


def _problem(field: str, value: Any) -> str:
    """What is wrong with a value of the right type; empty when nothing is."""
    if isinstance(value, Enum):
        return ""
    if field.endswith("_id") and not (value and value == value.strip()):
        return f"is {value!r}: an id is text that names something, without blanks around it"
    if isinstance(value, int) and not isinstance(value, bool) and not -INT64 <= value < INT64:
        return f"is {value}, more than 64 bits hold"
    if field in QUANTITIES | COUNTS | (MONEY - SIGNED) and value < 0:
        return f"is {value}, below zero"
    if field in INSTANTS and not EARLIEST < value < LATEST:
        return f"is {value}: microseconds since 1970 UTC of an instant between 1980 and 2100 are allowed"
    if field == "currency" and not (len(value) == CURRENCY_LETTERS and value.isalpha() and value.isupper()):
        return f"is {value!r}; allowed: three capital letters of ISO 4217"
    if field == "day":
        try:
            if date.fromisoformat(value).isoformat() != value:
                raise ValueError
        except ValueError:
            return f"is {value!r}; allowed: a day as 2026-11-23"
    return ""


@cache
def _fields(kind: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Field by field what it may be, and whether it may be None."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        allowed = [each for each in get_args(hint) if each is not type(None)]
        optional = get_origin(hint) in (Union, types.UnionType) and len(allowed) < len(get_args(hint))
        found[name] = (allowed[0] if optional else hint, optional)
    return found


def _is(value: Any, allowed: Any) -> bool:
    if get_origin(allowed) is tuple:
        return isinstance(value, tuple) and all(type(each) is str for each in value)
    return isinstance(value, allowed) if issubclass(allowed, Enum) else type(value) is allowed


def _named(allowed: Any) -> str:
    return "a tuple of texts" if get_origin(allowed) is tuple else str(allowed.__name__)
