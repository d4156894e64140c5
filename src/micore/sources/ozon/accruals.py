"""Ozon's answers about money as typed structs, as in answers.py: bookings, their types, reports that are ordered."""

from __future__ import annotations

from datetime import date
from typing import Any, Generic

from micore.sources.fields import Id
from micore.sources.ozon.answers import Price, RowT, Struct

# --- finance ------------------------------------------------------------------------------------------------------


class Commission(Struct):
    """What was sold for how much, and Ozon's share."""

    sale_amount: Price | None = None
    commission: Price | None = None


class Fee(Struct):
    """One amount with what it is for."""

    accrued: Price | None = None
    type_id: Id | None = None


class Fees(Struct):
    """Amounts for services."""

    fees: list[Fee] | None = None


class Delivery(Struct):
    """What bringing a product to its buyer, or back, cost."""

    services: list[Fee] | None = None


class AccruedProduct(Struct):
    """A sku of an accrued posting."""

    sku: Id
    commission: Commission | None = None
    delivery: Delivery | None = None


class AccruedPosting(Struct):
    """What an accrual says of its posting."""

    products: list[AccruedProduct] | None = None


class FeesOfItem(Struct):
    """Amounts for one sku."""

    sku: Id
    fees: list[Fee] | None = None


class ItemFees(Struct):
    """Amounts by sku."""

    fees: list[FeesOfItem] | None = None


class Accrual(Struct):
    """A booking, in /v1/finance/accrual/by-day."""

    accrual_id: Id
    date: date
    unit_number: str | None = None
    total_amount: Price | None = None
    posting: AccruedPosting | None = None
    item_fees: ItemFees | None = None
    non_item_fee: Fee | None = None
    container_fees: Fees | None = None


class Accruals(Struct, Generic[RowT]):
    """/v1/finance/accrual/by-day."""

    accruals: list[RowT] | None
    last_id: str | None = None


class AccrualType(Struct):
    """What a number of a fee means."""

    id: Id
    name: str | None = None
    description: str | None = None


class AccrualTypes(Struct):
    """/v1/finance/accrual/types."""

    accrual_types: list[AccrualType] | None


# --- reports ------------------------------------------------------------------------------------------------------


class OrderedReport(Struct):
    """/v1/report/placement/by-products/create."""

    code: str


class ReportState(Struct):
    """How far a report is, inside of /v1/report/info."""

    status: str
    file: str | None = None
    error: str | None = None
    expires_at: str | None = None


class ReportInfo(Struct):
    """/v1/report/info."""

    result: ReportState


class ListedReport(Struct):
    """One of /v1/report/list."""

    code: str
    status: str
    created_at: str | None = None
    report_type: str | None = None
    params: Any = None
    """What it was ordered with, by name; empty in forms of its own."""


class ListedReports(Struct, Generic[RowT]):
    """Inside of /v1/report/list."""

    reports: list[RowT] | None = None


class ReportList(Struct, Generic[RowT]):
    """/v1/report/list."""

    result: ListedReports[RowT]
