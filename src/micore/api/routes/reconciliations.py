"""Reconciliations: our tables beside the marketplaces' own figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.domain.reconcile_views import Reconciliation
from micore.domain.run_views import Run, Trigger

router = noun_router("/api/v1/reconciliations", "reconciliations")


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """What to compare."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "extra": "forbid"}  # noqa: RUF012

    source: str | None = None
    """As in the runs: "ozon", "ozon-2" for its second account; None for every source with own figures."""
    first_day: date | None = None
    """None: seven days before the end."""
    end_day: date | None = None
    """The day after the last one; None: today, so that only whole days are compared."""


@router.get("", response_model=list[Reconciliation], operation_id="list_reconciliations")
async def list_reconciliations(
    request: Request,
    parts: Ready,
    source: Annotated[
        str | None, Query(max_length=50, description="A marketplace with all its accounts, or one of them (ozon-2)")
    ] = None,
) -> Response:
    """The newest comparison of each account and stream, differences by class with the rows behind them."""
    return json_answer(request, await parts.call(parts.reconciliations.newest, source))


@router.post("", response_model=list[Run], status_code=202, operation_id="start_reconciliation")
async def start_reconciliation(request: Request, parts: Ready, body: ReconcileRequest | None = None) -> Response:
    """Queue a comparison; live syncs go first. One of a source that is open is returned as it is."""
    wanted = body or ReconcileRequest()
    runs = await parts.call(
        parts.reconciliations.request,
        trigger=Trigger.BUTTON,
        source=wanted.source,
        first_day=wanted.first_day,
        end_day=wanted.end_day,
    )
    return json_answer(request, runs, status=202, headers={"location": "/api/v1/reconciliations"})
