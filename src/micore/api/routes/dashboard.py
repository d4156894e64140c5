"""The first page: the whole shop in one answer, and what the web app must know before it draws."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.domain.views import Dashboard, Meta

router = noun_router("/api/v1", "dashboard")


@router.get("/meta", response_model=Meta, operation_id="get_meta")
async def get_meta(request: Request, parts: Ready) -> Response:
    """Version, calendar, currency and status bands of this installation."""
    return json_answer(request, parts.meta())


@router.get("/dashboard", response_model=Dashboard, operation_id="get_dashboard")
async def get_dashboard(request: Request, parts: Ready) -> Response:
    """Counts and money per status, the ten that matter most of each, freshness."""
    shown = await parts.call(parts.dashboards.dashboard)
    return json_answer(request, shown, valid_until=parts.dashboards.valid_until(shown))
