"""Whether the program is well: for people, for supervisors and for Prometheus."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.services.health import HealthReport, LiveReport, ReadyReport
from micore.telemetry import metrics

router = noun_router("", "health")

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", response_model=HealthReport, operation_id="get_health")
@router.get("/api/health", response_model=HealthReport, operation_id="get_api_health")
async def get_health(request: Request, parts: Ready) -> Response:
    """Everything at a glance; 503 when the database does not answer."""
    report = await parts.call(parts.health.report)
    return json_answer(request, report, status=200 if report.database == "connected" else 503)


@router.get("/livez", response_model=LiveReport, operation_id="get_livez")
async def get_livez(request: Request) -> Response:
    """The process answers. Ask nothing else of it: a restart mends no database."""
    return json_answer(request, LiveReport())


@router.get("/readyz", response_model=ReadyReport, operation_id="get_readyz")
async def get_readyz(request: Request, parts: Ready) -> Response:
    """Whether requests can be served; 503 names the checks that fail."""
    report = await parts.call(parts.health.ready)
    return json_answer(request, report, status=200 if report.status == "ready" else 503)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text"}},
)
async def get_metrics(parts: Ready) -> Response:
    """All metrics in Prometheus' text format."""
    await parts.call(parts.health.measure)
    return Response(
        await parts.call(metrics.exposition), media_type=METRICS_TYPE, headers={"cache-control": "no-store"}
    )
