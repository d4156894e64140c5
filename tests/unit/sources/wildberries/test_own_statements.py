"""The list of Wildberries' weekly reports: what it pays, and the sums that this is made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import pytest

from micore.errors import SourceAuthError, SourceProtocolError
from micore.sources.own_figures import OwnStatementsSource
from micore.sources.wildberries import own_statements
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.wildberries.fake_wildberries import Bench, bench
from tests.unit.sources.wildberries.rows import report_row

REPORTS = "/api/finance/v1/sales-reports/list"
FIRST, END = date(2026, 11, 9), date(2026, 11, 16)


def report(number: int, **changes: Any) -> dict[str, Any]:
    """As in the official example, but for the days."""
    return {
        "reportId": 307_401_554 + number,
        "sellerFinanceName": "ИП Кружинин В. Р.",
        "dateFrom": "2026-11-09",
        "dateTo": "2026-11-15",
        "createDate": "2026-11-16",
        "currency": "RUB",
        "reportType": 1,
        "retailAmountSum": "258",
        "forPaySum": "183.79",
        "avgSalePercent": 0,
        "deliveryServiceSum": "2558.47",
        "paidStorageSum": "626.84",
        "paidAcceptanceSum": "243.81",
        "deductionSum": "150",
        "penaltySum": "1457.61",
        "additionalPaymentSum": "9509.71",
        "cashbackAmountSum": "2",
        "cashbackDiscountSum": "19",
        "cashbackCommissionChangeSum": "0.2",
        "paymentSchedule": "-1",
        "bankPaymentSum": "5172.94",
    } | changes


@pytest.fixture
def wb() -> Iterator[Bench]:
    with bench() as made:
        yield made


def listing(wb: Bench, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers with these, and gives the bodies that will have been asked."""
    bodies: list[dict[str, Any]] = []

    def answer(asked: Asked) -> Says:
        bodies.append(asked.payload)
        page = rows[asked.payload["offset"] :][: asked.payload["limit"]]
        return Says(page) if page else Says(b"", 204)

    wb.shop.instead[REPORTS] = answer
    return bodies


def test_every_sum_is_told_with_the_sign_that_it_counts_with(wb: Bench) -> None:
    asked = listing(wb, [report(1)])
    assert isinstance(wb.source, OwnStatementsSource)
    (told,) = wb.source.own_statements(FIRST, END)
    assert told[:5] == ("2026-11-09", "2026-11-15", "2026-11-16", "RUB", 51_729_400)
    assert {each.name: each.counted for each in told.members} == {
        "for_pay": 1_837_900,
        "delivery": -25_584_700,
        "storage": -6_268_400,
        "acceptance": -2_438_100,
        "deduction": -1_500_000,
        "penalty": -14_576_100,
        "addition": 95_097_100,
        "points": -20_000,
        "programme": -2_000,
        "schedule": -10_000,
        "discount": 0,
    }
    assert asked == [
        {"dateFrom": "2026-11-02", "dateTo": "2026-11-22", "period": "weekly", "limit": 1000, "offset": 0}
    ], "a week more on both sides, and never of days to come"


def test_reports_of_other_days_are_left_out_and_none_is_asked_for_before_the_first(wb: Bench) -> None:
    other = {"dateFrom": "2026-11-02", "dateTo": "2026-11-08", "createDate": "2026-11-09"}
    asked = listing(wb, [report(1, **other), report(2)])
    assert [each.first_day for each in wb.source.own_statements(FIRST, END)] == ["2026-11-09"]
    wb.source.own_statements(date(2025, 1, 3), END)
    assert asked[-1]["dateFrom"] == "2025-01-01"


def test_all_pages_are_read_and_no_report_twice(wb: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_statements, "PAGE_REPORTS", 2)
    asked = listing(wb, [report(number, reportType=1 + number % 2) for number in range(4)])
    assert len(wb.source.own_statements(FIRST, END)) == 4
    assert [each["offset"] for each in asked] == [0, 2, 4]
    monkeypatch.setattr(own_statements, "PAGE_REPORTS", 3)
    wb.shop.instead[REPORTS] = lambda asked: Says([report(1), report(2), report(3)])
    with pytest.raises(SourceProtocolError, match="go in circles"):
        wb.source.own_statements(FIRST, END)


def test_no_content_is_no_report_and_a_basic_token_is_told_of(wb: Bench) -> None:
    listing(wb, [])
    assert wb.source.own_statements(FIRST, END) == []
    refusal = {"title": "forbidden", "detail": "base token is not allowed", "status": 403}
    wb.shop.instead[REPORTS] = lambda asked: Says(refusal, 403)
    with pytest.raises(SourceAuthError, match="base token is not allowed"):
        wb.source.own_statements(FIRST, END)


def test_a_rejected_row_names_its_report_where_it_can(wb: Bench) -> None:
    def day(**changes: Any) -> date | None:
        return wb.source.statement_day(msgspec.json.encode(report_row(1, **changes)))

    assert day(forPay="much") == date(2026, 11, 15)
    assert day(dateTo=None) == date(2026, 11, 12)
    assert day(dateTo="soon", rrDate=7) is None
    assert wb.source.statement_day(b"[[[") is None
