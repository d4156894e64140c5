"""Ozon's ways on the wire: error bodies, the reading of request fields, opaque cursors."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from micore.simulator.clock import parse_instant
from micore.simulator.http import Answer, encode, json_answer

Body = dict[str, Any]

INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED, INTERNAL, UNAUTHENTICATED = 3, 5, 7, 8, 13, 16


class RefusedError(Exception):
    """A request that Ozon would not serve: HTTP status, gRPC code and message."""

    def __init__(self, message: str, status: int = 400, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        """As Ozon says it."""
        return json_answer({"code": self.code, "message": self.message, "details": []}, self.status)


def read_body(raw: bytes) -> Body:
    """The request's JSON object; an empty body is an empty object, as for the methods that take nothing."""
    if not raw.strip():
        return {}
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise RefusedError(f"proto: syntax error: {error}") from error
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise RefusedError("proto: syntax error: unexpected token, an object is expected")
    return body


def section(body: Body, name: str, *, required: bool = False) -> Body:
    """A nested object; empty where it is absent or null."""
    value = body.get(name)
    if value is None:
        if required:
            raise RefusedError(f"Request validation error: {name}: value is required")
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"proto: invalid value for {name}: an object is expected")
    return value


def whole(body: Body, name: str, *, low: int, high: int, default: int | None = None) -> int:
    """An integer (also as text, as protobuf JSON allows) within a range; absent needs a default."""
    value = body.get(name, default)
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise RefusedError(f"proto: invalid value for int64 type: {name}: {value!r}") from None
    if value is None:
        raise RefusedError(f"Request validation error: {name}: value is required")
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError(f"proto: invalid value for int64 type: {name}: {value!r}")
    if not low <= value <= high:
        raise RefusedError(f"Request validation error: {name}: value must be inside range [{low}, {high}]")
    return value


def whole_list(body: Body, name: str, *, most: int) -> list[int]:
    """A list of integers, each also as text; empty where absent."""
    found: list[int] = []
    for value in _list(body, name, most):
        try:
            found.append(int(str(value) if isinstance(value, bool) else value))
        except (ValueError, TypeError):
            raise RefusedError(f"proto: invalid value for int64 type: {name}: {value!r}") from None
    return found


def text_list(body: Body, name: str, *, most: int = 1000) -> list[str]:
    """A list of texts; empty where absent."""
    values = _list(body, name, most)
    if not all(isinstance(value, str) for value in values):
        raise RefusedError(f"proto: invalid value for string type: {name}")
    return values


def _list(body: Body, name: str, most: int) -> list[Any]:
    values = body.get(name)
    if values is None:
        return []
    if not isinstance(values, list):
        raise RefusedError(f"proto: syntax error: {name}: a list is expected")
    if len(values) > most:
        raise RefusedError(f"Request validation error: {name}: value must contain no more than {most} item(s)")
    return values


def text(body: Body, name: str, default: str = "") -> str:
    """A text; the default where absent."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise RefusedError(f"proto: invalid value for string type: {name}: {value!r}")
    return value


def flag(body: Body, name: str) -> bool:
    """A boolean; false where absent."""
    value = body.get(name, False)
    if value is not None and not isinstance(value, bool):
        raise RefusedError(f"proto: invalid value for bool type: {name}: {value!r}")
    return bool(value)


def choice(body: Body, name: str, allowed: tuple[str, ...], default: str) -> str:
    """One of a list of words."""
    value = text(body, name) or default
    if value not in allowed:
        raise RefusedError(f"proto: invalid value for enum type: {name}: {value!r}")
    return value


def instant(body: Body, name: str, *, required: bool = False) -> int | None:
    """A point in time in microseconds."""
    value = text(body, name)
    if not value:
        if required:
            raise RefusedError(f"Request validation error: {name}: value is required")
        return None
    try:
        return parse_instant(value)
    except ValueError:
        raise RefusedError(f"proto: invalid google.protobuf.Timestamp value: {name}: {value!r}") from None


def make_cursor(*numbers: int) -> str:
    """An opaque mark for the next page."""
    return base64.b64encode(encode(numbers)).decode()


def read_cursor(value: str, numbers: int) -> list[int] | None:
    """The numbers inside a mark of ours, None for the empty one."""
    if not value:
        return None
    try:
        found = msgspec.json.decode(base64.b64decode(value, validate=True), type=list[int])
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise RefusedError("invalid cursor") from error
    if len(found) != numbers:
        raise RefusedError("invalid cursor")
    return found


def money(roubles: float, *, decimals: int = 2) -> Body:
    """An amount as Ozon writes it in accruals."""
    return {"amount": f"{roubles:.{decimals}f}", "currency": "RUB"}
