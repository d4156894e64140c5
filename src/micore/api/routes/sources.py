"""Marketplaces and their keys: what a key is made of, and what one that is not stored is worth."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Path, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.domain.key_views import KeyForm, KeyReport
from micore.errors import InvalidRequestError

router = noun_router("/api/v1/sources", "sources")

SourceName = Annotated[str, Path(max_length=50, pattern=r"^[a-z0-9-]+$", examples=["ozon"])]
LARGEST_BYTES = 20_000
_KEY = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "The fields of GET /api/v1/sources, by name; without a body the key in the settings.",
            }
        }
    },
}


@router.get("", response_model=list[KeyForm], operation_id="list_sources")
async def list_sources(request: Request, parts: Ready) -> Response:
    """Every installed marketplace, what its keys are made of, and the settings that the next one belongs into."""
    return json_answer(request, await parts.call(parts.key_tests.forms))


@router.post("/{name}/test-key", response_model=KeyReport, operation_id="test_key", openapi_extra={"requestBody": _KEY})
async def test_key(request: Request, parts: Ready, name: SourceName) -> Response:
    """Try a key: what it is, what it opens, until when, and how long its first sync takes.

    The key is neither stored nor logged, and no answer holds it. 409: a sync of that marketplace is running.
    """
    # Read by hand: an error of the framework would show what it has received.
    report = await parts.call(parts.key_tests.test, name, _fields(await request.body()))
    return json_answer(request, report, headers={"cache-control": "no-store"})


def _fields(body: bytes) -> dict[str, str] | None:
    if not body.strip():
        return None
    try:
        if len(body) > LARGEST_BYTES:
            raise ValueError
        return msgspec.json.decode(body, type=dict[str, str])
    except ValueError:
        raise InvalidRequestError(
            "body", received=f"{len(body)} bytes that are no key", allowed='a JSON object such as {"api_key": "..."}'
        ) from None
