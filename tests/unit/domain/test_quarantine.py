"""Rules that rows of quarantine broke, and the names by which later answers tell them anew."""

from __future__ import annotations

import pytest

from micore.domain.quarantine import keys_of, rule_of
from micore.domain.records import FinanceKind, FinanceRecord, FunnelRecord, StorageCostRecord


@pytest.mark.parametrize(
    ("reasons", "rule"),
    [
        (
            [f"{file}, line {at}: price: received 'x'; allowed: a number." for file, at in (("a", 3), ("b", 4))],
            "price: allowed: a number.",
        ),
        (
            [f"quantity: received '{many}'; allowed: 1 to 1,000,000." for many in (-1, 2_000_001)],
            "quantity: allowed: 1 to 1,000,000.",
        ),
        (
            [f"barcode: received '46'; allowed: one of card {card}." for card in (500001, 7654321)],
            "barcode: allowed: one of card #.",
        ),
        (
            [f"told {times} times for warehouse w1, differently" for times in (2, 3)],
            "told # times for warehouse w1, differently",
        ),
    ],
)
def test_rows_that_broke_the_same_rule_say_the_same(reasons: list[str], rule: str) -> None:
    assert {rule_of(reason) for reason in reasons} == {rule}


def test_a_booking_is_known_by_each_of_its_amounts() -> None:
    amount = FinanceRecord("900:2:fee:1", "2", None, "2026-11-20", FinanceKind.DELIVERY, -1, "RUB", "")
    assert keys_of(amount) == ("900:2:fee:1", "900")
    cost = StorageCostRecord("2026-11-20:2:W:", "2", None, "2026-11-20", 1, "RUB", None, None)
    assert keys_of(cost) == ("2026-11-20:2:W:",)
    assert keys_of(FunnelRecord("2026-11-20:7", "7", "2026-11-20", 1, 1, 1, 1, 0, 0)) == ("2026-11-20:7",)
