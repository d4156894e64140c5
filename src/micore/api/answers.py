"""Answers as final bytes: encoded once, with a strong ETag, never re-validated on the way out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from micore.cache import etag_of

JSON = "application/json"
FRESH = "private, no-cache"
"""Every use asks again; the ETag makes asking cheap."""

_encode = msgspec.json.Encoder().encode


def json_answer(
    request: Request,
    view: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    valid_until: datetime | None = None,
) -> Response:
    """A view as JSON; 304 without a body when the client has these very bytes.

    `valid_until` tells the cache from when on the clock alone makes the answer wrong.
    """
    notes = request.scope.get("micore.notes")
    if notes is not None and valid_until is not None:
        notes.valid_until = valid_until.timestamp()
    return bytes_answer(request, _encode(view), JSON, status=status, headers=headers)


def bytes_answer(
    request: Request,
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    cache_control: str = FRESH,
) -> Response:
    """Bytes with their ETag; 304 when the client names it."""
    etag = etag_of(body)
    said = {"etag": etag, "cache-control": cache_control, **(headers or {})}
    if status == 200 and request.method in {"GET", "HEAD"} and names(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=said)
    return Response(body, status_code=status, media_type=content_type, headers=said)


def names(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this ETag (weakly compared, as RFC 9110 asks)."""
    if if_none_match is None:
        return False
    return any(each.strip().removeprefix("W/") in {etag, "*"} for each in if_none_match.split(","))
