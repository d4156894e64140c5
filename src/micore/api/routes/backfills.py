"""Backfills: what reading days of the past again would take, and asking for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router, refuse_unknown
from micore.domain.backfill_views import BackfillPlan
from micore.domain.run_views import Run, Trigger

router = noun_router("/api/v1/sync/backfills", "sync")


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """Which days of which streams to read again."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "extra": "forbid"}  # noqa: RUF012

    source: str
    """Plug-in name."""
    first_day: date
    end_day: date
    """The day after the last one."""
    streams: list[str] | None = None
    """As the plan names them; None for all that can be asked for by date."""


@router.get("/plan", response_model=BackfillPlan, operation_id="plan_backfill")
async def plan_backfill(
    request: Request,
    parts: Ready,
    source: Annotated[str, Query(max_length=50, description="ozon; ozon-2 for its second account")],
    first_day: Annotated[date, Query(description="First day, by the marketplace's calendar")],
    end_day: Annotated[date, Query(description="The day after the last one")],
    streams: Annotated[
        str | None, Query(max_length=200, description="Streams separated by commas; none: all with a past")
    ] = None,
) -> Response:
    """What a backfill would fetch, and what of it is here already. Asks the marketplace nothing."""
    refuse_unknown("source", [source], parts.meta().slots)
    plan = await parts.call(
        parts.backfills.plan,
        source=source,
        streams=None if streams is None else streams.split(","),
        first_day=first_day,
        end_day=end_day,
    )
    return json_answer(request, plan)


@router.post("", response_model=Run, status_code=202, operation_id="start_backfill")
async def start_backfill(request: Request, parts: Ready, body: BackfillRequest) -> Response:
    """Queue a backfill; it goes on beside live syncs. The same one that is open is returned. 409: another one is."""
    run = await parts.call(
        parts.backfills.request,
        trigger=Trigger.BUTTON,
        source=body.source,
        streams=body.streams,
        first_day=body.first_day,
        end_day=body.end_day,
    )
    return json_answer(request, run, status=202, headers={"location": f"/api/v1/sync/runs/{run.id}"})
