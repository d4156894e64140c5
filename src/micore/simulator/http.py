"""A tiny ASGI layer: whole requests in, whole answers out, the virtual clock in every Date header."""

from __future__ import annotations

import asyncio
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
class Delivery:
    """How an answer's bytes leave: whole and at once, unless a fault was asked for."""

    never: bool = False
    """The connection is held, and nothing comes."""
    cut_at: int | None = None
    """The connection ends behind this byte of the body, whatever Content-Length says."""
    bytes_per_second: float | None = None


DRIP_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` come on top of content type, length and date."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = Delivery()
    fault: str = ""
    """The kind of fault that made or changed it."""


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
    faults: Counter[str] = field(default_factory=Counter)
    first_us: dict[str, int] = field(default_factory=dict)
    last_us: dict[str, int] = field(default_factory=dict)

    def count(self, path: str, status: int, now_us: int, fault: str = "") -> None:
        """Count one answered request; a 429 that a fault made is no refusal for asking too much."""
        self.requests[path] += 1
        self.statuses[str(status)] += 1
        self.limited[path] += status == 429 and not fault
        if fault:
            self.faults[fault] += 1
        self.first_us.setdefault(path, now_us)
        self.last_us[path] = now_us

    def facts(self) -> dict[str, object]:
        """As JSON."""
        return {
            "total": self.requests.total(),
            "statuses": dict(self.statuses),
            "limited": self.limited.total(),
            "faults": dict(self.faults),
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
        if answer.delivery.never:
            await _until_gone(receive)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.delivery.bytes_per_second is not None:
            await _drip(answer.body, answer.delivery.bytes_per_second, receive, send)
            return
        # Without the end of the body, the server closes the connection when we return.
        cut_at = answer.delivery.cut_at
        await send({"type": "http.response.body", "body": answer.body[:cut_at], "more_body": cut_at is not None})

    def answer(self, request: Request) -> Answer:
        """Answer a request without any server in between."""
        for handler in self._handlers:
            answer = handler.answer(request)
            if answer is not None:
                if not request.path.startswith("/simulator"):
                    path = f"{request.method} {request.path}"
                    self._stats.count(path, answer.status, self._clock.now_us(), answer.fault)
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


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drip(body: bytes, bytes_per_second: float, receive: Receive, send: Send) -> None:
    """Send the body bit by bit, as long as somebody is there to receive it."""
    step = max(1, round(bytes_per_second * DRIP_SECONDS))
    for start in range(0, len(body), step):
        await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        try:
            await asyncio.wait_for(_until_gone(receive), step / bytes_per_second)
            return
        except TimeoutError:
            pass
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
