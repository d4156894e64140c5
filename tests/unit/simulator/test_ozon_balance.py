"""Ozon's balance as the simulator tells it: the sum of the accruals of its days, an hour behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from micore.simulator import Clock
from tests.unit.simulator.asking import Ozon, Spec
from tests.unit.simulator.conftest import NOON

PATH = "/v1/finance/balance"
SPEC = Spec("ozon-seller-api.json")


def ask(ozon: Ozon, first: str, last: str) -> Any:
    asked = {"date_from": first, "date_to": last}
    said = ozon.ask(PATH, asked)
    assert SPEC.answer_faults(PATH, said) == []
    return said


def accruals(ozon: Ozon, day: str) -> list[Any]:
    found, last_id = [], ""
    while True:
        page = ozon.ask("/v1/finance/accrual/by-day", {"date": day, "last_id": last_id})
        found += page["accruals"]
        last_id = page["last_id"]
        if not last_id:
            return found


def test_a_day_is_the_sum_of_its_accruals(ozon: Ozon) -> None:
    told, rows = ask(ozon, "2026-11-20", "2026-11-20"), accruals(ozon, "2026-11-20")
    goods = [each["commission"] for row in rows for each in (row["posting"] or {}).get("products", ())]
    for side, wanted in (("sales", 1), ("returns", -1)):
        of = [each for each in goods if float(each["sale_amount"]["amount"]) * wanted > 0]
        assert of, "both were there to be wrong"
        amount, fee = (sum(float(each[name]["amount"]) for each in of) for name in ("sale_amount", "commission"))
        flows = told["cashflows"][side]
        assert (flows["amount"]["value"], flows["fee"]["value"]) == (pytest.approx(amount), pytest.approx(fee))
    total = sum(float(row["total_amount"]["amount"]) for row in rows)
    assert told["total"]["accrued"]["value"] == pytest.approx(total)


def test_days_add_up_to_their_period(ozon: Ozon) -> None:
    whole = ask(ozon, "2026-11-18", "2026-11-20")
    days = [ask(ozon, day, day) for day in ("2026-11-18", "2026-11-19", "2026-11-20")]
    told = [each["cashflows"]["sales"]["amount"]["value"] for each in days]
    assert whole["cashflows"]["sales"]["amount"]["value"] == pytest.approx(sum(told))
    assert all(told)


def test_the_present_hour_is_not_in_yet(ozon: Ozon, clock: Clock) -> None:
    clock.set(NOON + timedelta(minutes=59))
    late = ask(ozon, "2026-11-22", "2026-11-22")
    clock.set(NOON)
    assert late == ask(ozon, "2026-11-22", "2026-11-22")


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-11-20", "2026-11-19"), ("2026-10-20", "2026-11-20"), ("20.11.2026", "2026-11-20"), ("", "2026-11-20")],
)
def test_periods_that_are_none_or_too_long_are_refused(ozon: Ozon, first: str, last: str) -> None:
    assert ozon.refused(PATH, {"date_from": first, "date_to": last})[0] == 400
