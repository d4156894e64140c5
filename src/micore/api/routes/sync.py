"""Syncs: what can be read, what is running, what ran; starting and stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router, refuse_unknown
from micore.domain.run_views import Run, RunPage, SyncOverview

router = noun_router("/api/v1/sync", "sync")

RunId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What to sync."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "extra": "forbid"}  # noqa: RUF012

    source: str | None = None
    """"ozon", or "ozon-2" for its second account; None for everything that has a key."""
    streams: list[str] | None = None
    """warehouses, catalogue, prices, stock, orders, sales, returns, supplies; None for all."""
    full: bool = False
    """Read everything the marketplace keeps, not only what is new."""


@router.get("", response_model=SyncOverview, operation_id="get_sync")
async def get_sync(request: Request, parts: Ready) -> Response:
    """The registered sources, whether they are configured, and what is running now."""
    return json_answer(request, await parts.call(parts.sync.overview))


@router.get("/runs", response_model=RunPage, operation_id="list_runs")
async def list_runs(
    request: Request,
    parts: Ready,
    limit: Annotated[int, Query(ge=1, le=200, description="Runs per page")] = 20,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
    source: Annotated[str | None, Query(max_length=50, description="ozon; ozon-2 for its second account")] = None,
    findings: Annotated[bool, Query(description="Only runs that have something to say")] = False,
) -> Response:
    """Runs, newest first."""
    refuse_unknown("source", [] if source is None else [source], parts.meta().slots)
    page = await parts.call(parts.sync.runs, limit=limit, cursor=cursor, source=source, findings=findings)
    return json_answer(request, page)


@router.get("/runs/{run_id}", response_model=Run, operation_id="get_run")
async def get_run(request: Request, parts: Ready, run_id: RunId) -> Response:
    """One run with its streams."""
    return json_answer(request, await parts.call(parts.sync.run, run_id))


@router.post("/runs", response_model=list[Run], status_code=202, operation_id="start_sync")
async def start_sync(request: Request, parts: Ready, body: SyncRequest | None = None) -> Response:
    """Queue a sync per configured account; one that is queued or running already is returned, not doubled."""
    wanted = body or SyncRequest()
    runs = await parts.call(parts.sync.request, source=wanted.source, streams=wanted.streams, full=wanted.full)
    location = f"/api/v1/sync/runs/{runs[0].id}" if len(runs) == 1 else "/api/v1/sync/runs"
    return json_answer(request, runs, status=202, headers={"location": location})


@router.post("/runs/{run_id}/stop", response_model=Run, status_code=202, operation_id="stop_sync")
async def stop_sync(request: Request, parts: Ready, run_id: RunId) -> Response:
    """Ask a run to stop; it ends after the step it is in, and the next run goes on from there. 409: it has ended."""
    return json_answer(request, await parts.call(parts.sync.stop, run_id), status=202)
