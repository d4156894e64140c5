"""Ozon's own sums of each day, by its balance: what was sold and given back, and all that was booked."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from micore.domain.reconcile_views import Untold
from micore.domain.sold import ACCRUED, COMMISSION, RETURN, SALE
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


class _Total(msgspec.Struct):
    accrued: _Money


class _Totals(msgspec.Struct):
    total: _Total


_BALANCE = msgspec.json.Decoder(_Balance)
_TOTALS = msgspec.json.Decoder(_Totals)


def own_sale_sums(api: OzonApi, first_day: date, end_day: date) -> list[OwnSaleSum]:
    """See OwnSaleSumsSource.own_sale_sums: a request for each day, for a balance tells its whole period together."""
    found: list[OwnSaleSum] = []
    for number in range((end_day - first_day).days):
        found += _of_day(api, first_day + timedelta(days=number))
    return found


def own_accrued(api: OzonApi, first_day: date, end_day: date) -> list[OwnSaleSum]:
    """See OwnAccruedSource.own_accrued. The sign is as it is told: what was booked on a day may be either."""
    days = [first_day + timedelta(days=number) for number in range((end_day - first_day).days)]
    told = [(day, api.ask(BALANCE_PATH, _asked(day), _TOTALS.decode).value.total.accrued) for day in days]
    return [
        OwnSaleSum(day, ACCRUED, _currency(amount), money(f"{amount.value:.2f}") or 0)
        for day, amount in told
        if amount.value or amount.currency_code
    ]


def _asked(day: date) -> dict[str, str]:
    return {"date_from": day.isoformat(), "date_to": day.isoformat()}


def _of_day(api: OzonApi, day: date) -> list[OwnSaleSum]:
    told = api.ask(BALANCE_PATH, _asked(day), _BALANCE.decode).value.cashflows
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
