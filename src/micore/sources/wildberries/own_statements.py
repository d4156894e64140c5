"""What Wildberries says that it pays: the list of its weekly reports, with what goes to the bank and its sums."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from micore.domain.statements import Member, Statement
from micore.errors import RecordRejectedError
from micore.sources.fields import currency_code, ident, money
from micore.sources.paging import Fetched, walk
from micore.sources.rows import named
from micore.sources.wildberries.answers import ListedReport
from micore.sources.wildberries.api import CURRENCY, NAME, REPORTS_PATH, Category, WildberriesApi
from micore.sources.wildberries.finance import NO_ROWS, day_of
from micore.sources.wildberries.statistics import MOSCOW

FIRST_DAY = date(2025, 1, 1)
"""Wildberries lists no earlier reports."""
PAGE_REPORTS = 1000
WEEK = timedelta(days=7)

SUMS = (
    ("for_pay", "for_pay_sum", ("sale", "acquiring", "commission", "paid"), 1),
    ("delivery", "delivery_service_sum", ("delivery",), -1),
    ("storage", "paid_storage_sum", ("storage",), -1),
    ("acceptance", "paid_acceptance_sum", ("acceptance",), -1),
    ("deduction", "deduction_sum", ("deduction",), -1),
    ("penalty", "penalty_sum", ("penalty",), -1),
    ("addition", "additional_payment_sum", ("addition",), 1),
    ("points", "cashback_amount_sum", ("points",), -1),
    ("programme", "cashback_commission_change_sum", ("programme",), -1),
    ("schedule", "payment_schedule", ("schedule",), 1),
    ("discount", "cashback_discount_sum", (), 0),
)
"""Name, field, the amounts of ours that it is the sum of, and how it counts in what is paid out.

On purpose not taken from what reads the rows: a sign that is wrong there must not be wrong here by the same line.
"""

_REPORTS = msgspec.json.Decoder(list[ListedReport])


def own_statements(api: WildberriesApi, first_day: date, end_day: date) -> list[Statement]:
    """See OwnStatementsSource.own_statements. Whether the days asked for choose reports by their first day, their last
    one or both is not said: a week more on both sides brings all."""
    today = api.now(Category.FINANCE).astimezone(MOSCOW).date()
    first, last = max(first_day - WEEK, FIRST_DAY), min(end_day + WEEK, today)
    found: dict[str, ListedReport] = {}

    def fetch(at: str) -> tuple[None, Fetched]:
        asked = {"dateFrom": first.isoformat(), "dateTo": last.isoformat(), "period": "weekly"}
        pages = {"limit": PAGE_REPORTS, "offset": int(at or 0)}
        answer = api.post(Category.FINANCE, REPORTS_PATH, asked | pages, _REPORTS.decode, no_content=NO_ROWS)
        found.update((ident(each.report_id), each) for each in answer.value)
        whole = len(answer.value) >= PAGE_REPORTS
        return None, Fetched(len(answer.value), str(int(at or 0) + PAGE_REPORTS) if whole else None, answer.raw.body)

    for _ in walk(NAME, REPORTS_PATH, "", fetch):
        pass
    told = [_statement(each) for each in found.values()]
    return [each for each in told if each.last_day >= first_day.isoformat() and each.first_day < end_day.isoformat()]


def _statement(report: ListedReport) -> Statement:
    first, last, made = (
        day_of(text, field=field).isoformat()
        for field, text in (
            ("dateFrom", report.date_from),
            ("dateTo", report.date_to),
            ("createDate", report.create_date),
        )
    )
    members = [Member(name, parts, money(getattr(report, field)) or 0, sign) for name, field, parts, sign in SUMS]
    currency = currency_code(report.currency) or CURRENCY
    return Statement(first, last, made, currency, money(report.bank_payment_sum) or 0, tuple(members))


def statement_day(row: bytes) -> date | None:
    """See OwnStatementsSource.statement_day: the last day of its report, or else its own."""
    for field in ("dateTo", "rrDate"):
        try:
            return day_of(named(row, field), field=field)
        except RecordRejectedError:
            continue
    return None
