"""Ozon's own sums of what was sold and given back: the balance of each day, told apart from the bookings themselves."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from micore.domain.reconcile_views import Untold
from micore.domain.sold import COMMISSION, RETURN, SALE
from micore.errors import SourceProtocolError
from micore.sources.fields import currency_code, money
from micore.sources.own_figures import OwnSaleSum
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.rows import named

BALANCE_PATH = "/v1/finance/balance"
STREAM = "finance"
UNTOLD = (Untold.SALES_UNITS, Untold.SALES_PLACES)


# The specification marks nothing as required, but has each of these sums, zero where there was none: an answer without
# one is another answer, and a default would make of it a day without sales.


class _Money(msgspec.Struct):
    value: float
    currency_code: str | None = None


class _Goods(msgspec.Struct):
    amount: _Money
    fee: _Money


class _Cashflows(msgspec.Struct):
    sales: _Goods
    returns: _Goods


class _Balance(msgspec.Struct):
    cashflows: _Cashflows


_BALANCE = msgspec.json.Decoder(_Balance)


def own_sale_sums(api: OzonApi, first_day: date, end_day: date) -> list[OwnSaleSum]:
    """See OwnSaleSumsSource.own_sale_sums: a request for each day, for a balance tells its whole period together."""
    found: list[OwnSaleSum] = []
    for number in range((end_day - first_day).days):
        found += _of_day(api, first_day + timedelta(days=number))
    return found


def _of_day(api: OzonApi, day: date) -> list[OwnSaleSum]:
    asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
    told = api.ask(BALANCE_PATH, asked, _BALANCE.decode).value.cashflows
    sales, returns = told.sales, told.returns
    # The specification says of no sum whether it has a sign, so none is believed: a commission is paid on what was
    # sold, and given back with it.
    sums = (
        (SALE, sales.amount, 1),
        (RETURN, returns.amount, -1),
        (COMMISSION, sales.fee, -1),
        (COMMISSION, returns.fee, 1),
    )
    return [
        OwnSaleSum(day, member, _currency(amount), sign * abs(money(f"{amount.value:.2f}") or 0))
        for member, amount, sign in sums
        # A zero is told, too; one that names no currency is a zero of none.
        if amount.value or amount.currency_code
    ]


def _currency(amount: _Money) -> str:
    found = currency_code(amount.currency_code)
    if found is None:
        raise SourceProtocolError(NAME, path=BALANCE_PATH, problem="an amount without its currency")
    return found


def sale_day(row: bytes) -> date | None:
    """See OwnSaleSumsSource.sale_day."""
    try:
        return date.fromisoformat(named(row, "date")[:10])
    except ValueError:
        return None
