"""Marketplace responses as they were received."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from micore.api.answers import JSON, bytes_answer
from micore.api.routes.context import Ready, noun_router

router = noun_router("/api/v1", "raw")


@router.get(
    "/raw/{sha256}",
    operation_id="get_raw",
    response_class=Response,
    responses={200: {"content": {JSON: {}}, "description": "The body of the marketplace's answer, byte for byte"}},
)
async def get_raw(request: Request, parts: Ready, sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Response:
    """A stored marketplace response; 404 when it is unknown or has aged out."""
    body = await parts.call(parts.explanations.raw, sha256)
    # Named by its own hash, so it never changes; shown as a download, never as a page of ours.
    return bytes_answer(
        request,
        body,
        JSON,
        cache_control="private, max-age=31536000, immutable",
        headers={"content-disposition": f'inline; filename="{sha256[:12]}.json"'},
    )
