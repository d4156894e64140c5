"""What `micore reconcile` says of a comparison."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from micore.cli import reconcile
from micore.domain.reconcile_views import DayCompared, FailedAttempt, Reconciliation

FAILED = FailedAttempt(9, datetime(2026, 11, 20, tzinfo=UTC), "ozon does not answer.")
NEVER = Reconciliation(
    run_id=9,
    source="ozon",
    account="main",
    stream="stock",
    first_day=date(2026, 11, 10),
    end_day=date(2026, 11, 20),
    checked_at=None,
    findings=0,
    days=[],
    differences=[],
    compared=False,
    failed=FAILED,
)


@pytest.mark.parametrize("compared", [False, True], ids=["never", "before"])
def test_a_comparison_that_failed_says_why_and_nothing_of_an_older_one(
    compared: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    older = replace(NEVER, run_id=8, compared=True, checked_at=FAILED.at, days=[DayCompared(None, "FBO", 5, 5)])
    reconcile._print(older if compared else NEVER)
    said = " ".join(capsys.readouterr().out.split())
    assert said == "ozon main, stock, 2026-11-10 to 2026-11-20: the comparison failed. ozon does not answer."


@pytest.mark.parametrize(("by_report", "head"), [(False, "of marketplace here"), (True, "days reports paid")])
def test_finances_without_a_booking_stand_under_the_head_of_how_they_are_compared(
    by_report: bool, head: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = replace(NEVER, stream="finance", compared=True, checked_at=FAILED.at, failed=None, by_report=by_report)
    reconcile._print(told)
    said = " ".join(capsys.readouterr().out.split())
    assert head in said
    assert "there was nothing to compare" in said
