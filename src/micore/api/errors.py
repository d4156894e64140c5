"""One error shape for everything: problem+json (RFC 9457), with what to do next and the request's id."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from micore.errors import (
    BackupError,
    ConflictError,
    InvalidRequestError,
    MicoreError,
    NotFoundError,
    RetryableError,
    RunEndedError,
    SettingsError,
    StorageError,
)

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "https://micore.invalid/problems/"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong (RFC 9457)."""

    __pydantic_config__ = {"use_attribute_docstrings": True}  # noqa: RUF012 - a dataclass field needs an annotation

    type: str
    """Stable name of the kind of problem, "https://micore.invalid/problems/not-found"."""
    title: str
    """The kind in words; the same for all problems of a type."""
    status: int
    detail: str
    """What was received and what is allowed."""
    instance: str
    """Path of the request."""
    request_id: str
    """Also in the header X-Request-Id and in the log."""
    remedy: str
    """What to do next; empty where nothing is to be done."""


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be answered; `detail` says why."},
    "5XX": {"model": Problem, "description": "The server could not answer; `request_id` finds it in the log."},
}

_KINDS: tuple[tuple[type[MicoreError], int, str, str], ...] = (
    (NotFoundError, 404, "not-found", "Not found"),
    (InvalidRequestError, 422, "invalid-request", "A parameter is not allowed"),
    (RunEndedError, 409, "run-ended", "The run has ended"),
    (ConflictError, 409, "conflict", "Something else is under way"),
    (StorageError, 503, "storage", "The database cannot be used"),
    (BackupError, 503, "backup", "The backups cannot be used"),
    (SettingsError, 409, "settings", "A setting is missing or wrong"),
    (RetryableError, 503, "try-later", "Try again later"),
)


def problem_bytes(
    *, name: str, title: str, status: int, detail: str, instance: str, request_id: str, remedy: str = ""
) -> bytes:
    """The body of a problem answer."""
    return msgspec.json.encode(
        Problem(TYPE_PREFIX + name, title, status, detail, instance, request_id, remedy),
    )


def install(api: FastAPI) -> None:
    """Answer every error of this application as a problem."""
    api.add_exception_handler(MicoreError, _micore_error)
    api.add_exception_handler(RequestValidationError, _validation_error)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _unexpected)


def request_id(request: Request) -> str:
    """The id the front layer gave this request."""
    return str(getattr(request.scope.get("micore.notes"), "request_id", ""))


def _answer(
    request: Request, status: int, name: str, title: str, detail: str, remedy: str = "", **more: str
) -> Response:
    body = problem_bytes(
        name=name,
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=request_id(request),
        remedy=remedy,
    )
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers={"cache-control": "no-store", **more})


async def _micore_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MicoreError)
    for kind, status, name, title in _KINDS:
        if isinstance(error, kind):
            return _answer(request, status, name, title, str(error), error.remedy)
    return await _unexpected(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [_finding(each) for each in error.errors()]
    return _answer(
        request,
        422,
        "invalid-request",
        "A parameter is not allowed",
        "; ".join(findings[:5]),
        "The reference of the API lists what is allowed: /api/openapi.json.",
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} is not possible here."}.get(
        error.status_code, str(error.detail)
    )
    name = title.lower().replace(" ", "-")
    return _answer(request, error.status_code, name, title, detail, **dict(error.headers or {}))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("api.unexpected_error", request_id=request_id(request), path=request.url.path, exc_info=error)
    return _answer(
        request,
        500,
        "unexpected",
        "Unexpected error",
        "The server made a mistake; the request changed nothing that its answer would have told.",
        f"Try again; if it stays, look for {request_id(request)} in the log.",
    )


_ALLOWED = {
    "bool_parsing": "true or false",
    "enum": "{expected}",
    "extra_forbidden": "no such field",
    "greater_than_equal": "{ge} or more",
    "int_parsing": "a whole number",
    "less_than_equal": "{le} or less",
    "string_pattern_mismatch": "what matches {pattern}",
    "string_too_long": "at most {max_length} characters",
}
"""What is allowed, by pydantic's kinds of error, whose own words are for programmers; others keep theirs."""


def _finding(error: dict[str, Any]) -> str:
    if error["type"] == "json_invalid":
        reason, position = error["ctx"]["error"], error["loc"][-1]
        return f"body: received no JSON ({reason} at character {position}); allowed: a JSON object"
    words = _ALLOWED.get(error["type"])
    allowed = error["msg"] if words is None else words.format(**error.get("ctx", {}))
    return f"{_place(error['loc'])}: received {_shown(error.get('input'))}; allowed: {allowed}"


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location if part not in {"query", "path", "body"}) or "body"


def _shown(received: Any) -> str:
    return repr(received)[:100]
