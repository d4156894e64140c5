"""Wildberries' ways on the wire: problem bodies, the shapes of a 400 that differ by service, request fields."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from micore.simulator.clock import MOSCOW, SECOND_US, from_us
from micore.simulator.http import Answer, Request, json_answer

Body = dict[str, Any]

PROBLEM = "application/problem+json"


class RefusedError(Exception):
    """A request that Wildberries would not serve, with the whole answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


def request_id(request: Request, now_us: int) -> str:
    """An id that is the same for the same request at the same instant."""
    seen = f"{now_us} {request.method} {request.path} {sorted(request.query.items())}".encode() + request.body
    return hashlib.blake2b(seen, digest_size=16).hexdigest()


def problem(status: int, title: str, detail: str, origin: str, number: str, moment: str) -> Answer:
    """The shape of 401, 403 and 429; taken for 500 too."""
    names = {
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        429: "Too Many Requests",
        500: "Internal Server Error",
    }
    body = {
        "title": title, "detail": detail, "code": f"{number[:8]}-{number[8:20]}", "requestId": number,
        "origin": origin, "status": status, "statusText": names[status], "timestamp": moment,
    }  # fmt: skip
    return json_answer(body, status, content_type=PROBLEM)


def refused_content(text: str) -> RefusedError:
    """A 400 of the content service."""
    body = {"data": None, "error": True, "errorText": text, "additionalErrors": None}
    return RefusedError(json_answer(body, 400))


def refused_prices(text: str) -> RefusedError:
    """A 400 of the price service."""
    return RefusedError(json_answer({"data": None, "error": True, "errorText": text}, 400))


def refused_marketplace(status: int, code: str, message: str) -> RefusedError:
    """A 4XX of the marketplace service."""
    return RefusedError(json_answer({"code": code, "message": message}, status))


def refused_report(
    status: int, detail: str, number: str, origin: str = "api-statistics", *, kind: str | None = None
) -> RefusedError:
    """A 4XX of the analytics and report services; `kind` of content differs by method."""
    titles = {400: "Bad Request", 404: "Not Found"}
    body = {"title": titles[status], "detail": detail, "requestId": number, "origin": origin}
    kind = kind or ("application/json" if status == 400 else PROBLEM)
    return RefusedError(json_answer(body, status, content_type=kind))


def refused_statistics(errors: str | list[str]) -> RefusedError:
    """A 400 of the statistics service: a list of texts, or one text."""
    return RefusedError(json_answer({"errors": errors}, 400))


def refused_supplies(status: int, detail: str, number: str, *, plain: bool = False) -> RefusedError:
    """A 4XX of the supplies service; the list of goods says it as plain text."""
    titles = {400: "bad request", 404: "not found"}
    body = {
        "status": status, "title": titles[status], "detail": detail, "requestId": number, "origin": "supply-api",
    }  # fmt: skip
    kind = "text/plain; charset=utf-8" if plain else "application/json"
    return RefusedError(json_answer(body, status, content_type=kind))


def moscow_offset(instant_us: int) -> str:
    """`2026-11-02T18:08:31+03:00`"""
    return from_us(instant_us // SECOND_US * SECOND_US).astimezone(MOSCOW).isoformat()


def json_object(request: Request) -> Body | None:
    """The request's JSON object, None when it is not one."""
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        return None
    return body if isinstance(body, dict) else None


def integer(value: object, *, low: int, high: int) -> int | None:
    """An integer within a range, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return None
    return value


def integers(value: object, *, most: int) -> list[int] | None:
    """A list of integers, None for anything else or too many of them."""
    if not isinstance(value, list) or len(value) > most:
        return None
    return value if all(isinstance(item, int) and not isinstance(item, bool) for item in value) else None


def query_integer(request: Request, name: str, *, low: int, high: int, default: int | None) -> int | None:
    """An integer of the query string; None when it is missing without a default, or wrong."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        return None
    return value if low <= value <= high else None
