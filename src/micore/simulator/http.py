"""A tiny ASGI layer: whole requests in, whole answers out, the virtual clock in every Date header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from micore.simulator.clock import Clock, rfc3339

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 4 * 1024 * 1024
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Request:
    """One request, read to its end. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` come on top of content type, length and date."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(value: object, status: int = 200, *, content_type: str = "application/json") -> Answer:
    """An answer with a JSON body."""
    return Answer(status, encode(value), content_type)


class Handler(Protocol):
    """What answers requests: one marketplace, or the control paths."""

    def answer(self, request: Request) -> Answer | None:
        """The answer, or None where the path is not this handler's."""


@dataclass
class Stats:
    """What was asked, per path. Kept on the event loop's thread only."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    first_us: dict[str, int] = field(default_factory=dict)
    last_us: dict[str, int] = field(default_factory=dict)

    def count(self, path: str, status: int, now_us: int) -> None:
        """Count one answered request."""
        self.requests[path] += 1
        self.statuses[str(status)] += 1
        self.limited[path] += status == 429
        self.first_us.setdefault(path, now_us)
        self.last_us[path] = now_us

    def facts(self) -> dict[str, object]:
        """As JSON."""
        return {
            "total": self.requests.total(),
            "statuses": dict(self.statuses),
            "limited": self.limited.total(),
            "paths": {
                path: {
                    "requests": number,
                    "limited": self.limited[path],
                    "first": rfc3339(self.first_us[path]),
                    "last": rfc3339(self.last_us[path]),
                }
                for path, number in sorted(self.requests.items())
            },
        }


class App:
    """An ASGI application over handlers: the first one that knows the path answers."""

    def __init__(self, clock: Clock, stats: Stats, *handlers: Handler) -> None:
        self._clock = clock
        self._stats = stats
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection event, as ASGI asks."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        body = await _body(receive)
        answer = Answer(413, b"") if body is None else self.answer(_request(scope, body))
        date = format_datetime(self._clock.now(), usegmt=True)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"date", date.encode()),
            *((name.encode(), value.encode()) for name, value in answer.headers),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def answer(self, request: Request) -> Answer:
        """Answer a request without any server in between."""
        for handler in self._handlers:
            answer = handler.answer(request)
            if answer is not None:
                if not request.path.startswith("/simulator"):
                    self._stats.count(f"{request.method} {request.path}", answer.status, self._clock.now_us())
                return answer
        return Answer(404, b"")


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Request(scope["method"], scope["path"], query, headers, body)


async def _body(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= LARGEST_BODY else None


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
