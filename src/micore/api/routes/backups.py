"""Backups: which there are, how they are, and asking for one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.domain.backup_views import Backup, BackupStatus

router = noun_router("/api/backup", "backups")


@router.get("/status", response_model=BackupStatus, operation_id="get_backup_status")
async def get_backup_status(request: Request, parts: Ready) -> Response:
    """Whether backups happen as they should, what is being made, when the next one is due."""
    return json_answer(request, await parts.call(parts.backups.status))


@router.get("/list", response_model=list[Backup], operation_id="list_backups")
async def list_backups(
    request: Request,
    parts: Ready,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many at most")] = 100,
) -> Response:
    """Backups and attempts that failed, the newest first."""
    return json_answer(request, await parts.call(parts.backups.history, limit))


@router.post("/create", response_model=BackupStatus, status_code=202, operation_id="create_backup")
async def create_backup(request: Request, parts: Ready) -> Response:
    """Have a backup made. The answer comes at once, `/api/backup/status` tells the end. 409: one is being made."""
    status = await parts.call(parts.backups.request)
    return json_answer(request, status, status=202, headers={"location": "/api/backup/status"})
