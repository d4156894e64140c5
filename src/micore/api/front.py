"""The layer before the framework: guards every request, answers cached routes from final bytes, measures.

Raw ASGI, because a cached answer costs less than the framework's own overhead. What is not in the cache goes on to
the inner application, once per generation and key however many ask at the same time.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import structlog

from micore.api.asgi import LARGEST_BODY_BYTES, App, Captured, LimitedBody, Message, Receive, Scope, Send, capture
from micore.api.errors import PROBLEM_JSON, problem_bytes
from micore.api.guard import DATA_HEADERS, Guard, Headers, RequestIds
from micore.api.parts import Parts
from micore.api.prepared import FRESH, Asked, asked_of, names, prepared_for
from micore.api.shared import SharedLook
from micore.api.web import WebApp
from micore.cache import Answer, MemoryCache
from micore.telemetry import metrics

LARGEST_QUERY_BYTES = 4096
SLOW_REQUEST_SECONDS = 1.0
NOTES = "micore.notes"
METHODS = frozenset({"GET", "HEAD", "POST"})
STREAMS = frozenset({"/api/v1/events"})

CACHED = {
    path: path
    for path in (
        "/api/v1/meta",
        "/api/v1/dashboard",
        "/api/v1/products",
        "/api/v1/places",
        "/api/inventory/list",
        "/api/inventory/items",
        "/api/dashboard/stats",
    )
}
"""Paths answered from the cache, with the route template they are measured under."""
PRODUCT = "/api/v1/products/"
HIT, MISS = (b"x-cache", b"HIT"), (b"x-cache", b"MISS")
_OK, _NOT_MODIFIED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n"
OURS = ("/api/", "/health", "/livez", "/readyz", "/metrics")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Notes:
    """What the layers tell one another about a request."""

    request_id: str
    valid_until: float | None = None
    """Unix seconds from which the clock alone makes the answer wrong; set by the route."""


class Front:
    """The ASGI application that the server runs."""

    def __init__(self, inner: App, parts: Parts) -> None:
        self._inner = inner
        self._parts = parts
        self._live, self._cache = parts.live, parts.cache
        self._generation = SharedLook(lambda: parts.call(parts.live.generation))
        self._at_hand = parts.cache if parts.live.one_process and isinstance(parts.cache, MemoryCache) else None
        self._web = WebApp(parts.web)
        self._guard = Guard()
        self._ids = RequestIds()
        self._flights: dict[tuple[int, str], asyncio.Task[Answer | Captured]] = {}
        self._in_flight = 0
        metrics.HTTP_IN_FLIGHT.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        started = time.perf_counter()
        self._in_flight += 1
        try:
            route, status = await self._answer(scope, receive, send)
        finally:
            self._in_flight -= 1
        self._measure(scope, route, status, time.perf_counter() - started)

    def at_once(self, target: bytes, headers: Headers) -> list[bytes] | None:
        """The whole answer to a GET as it goes over the wire, without the server's own headers, where it lies ready in
        this process: its status line first. None when it has to be made, refused or asked for elsewhere.

        `target` is as the request's line has it. Callable from the server's event loop only.
        """
        started = time.perf_counter()
        # Written with escapes it is another key, which no answer is kept under.
        path, _, query = target.decode("latin-1").partition("?")
        if self._at_hand is None:
            return None
        route = CACHED.get(path) or _product_template(path)
        if route is None or self._live.known is None:
            return None
        asked = asked_of(headers)
        if asked.length or self._guard.refusal(asked.host, asked.origin) is not None:
            return None
        answer = self._at_hand.peek(self._live.known, f"{path}?{query}")
        if answer is None:
            return None
        prepared = prepared_for(answer, asked)
        extra = b"x-request-id: %s\r\nx-cache: HIT\r\n" % self._ids.next().encode()
        if asked.if_none_match and names(asked.if_none_match, prepared.etag):
            status, chunks = 304, [_NOT_MODIFIED, prepared.lines_304, extra, b"\r\n"]
        else:
            status, chunks = 200, [_OK, prepared.lines, extra, b"\r\n", prepared.body]
        metrics.HTTP_ANSWERS.record(route, "GET", status, time.perf_counter() - started)
        return chunks

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        """Answer a request; returns the route template it is measured under, and the status."""
        asked = asked_of(scope["headers"])
        notes = Notes(self._ids.next())
        refusal = self._guard.refusal(asked.host, asked.origin)
        if refusal is not None:
            metrics.HTTP_REFUSED.labels("host" if refusal.startswith("Host") else "origin").inc()
            return await self._problem(scope, send, notes, 403, "forbidden", "Not from here", refusal)
        if len(scope["query_string"]) > LARGEST_QUERY_BYTES:
            detail = f"The query has {len(scope['query_string'])} bytes; allowed: {LARGEST_QUERY_BYTES}."
            return await self._problem(scope, send, notes, 414, "query-too-long", "Query too long", detail)
        path: str = scope["path"]
        method: str = scope["method"]
        if method == "HEAD":
            # Answered as GET; the server sends no body to a HEAD.
            scope = {**scope, "method": "GET"}
        if method in {"GET", "HEAD"}:
            template = CACHED.get(path) or _product_template(path)
            if template is not None:
                return template, await self._cached(scope, receive, send, asked, notes)
            if not path.startswith(OURS):
                return await self._web_file(scope, send, path, asked, notes)
        return await self._inside(scope, receive, send, asked, notes)

    # --------------------------------------------------------------------------------------------- cached

    async def _cached(self, scope: Scope, receive: Receive, send: Send, asked: Asked, notes: Notes) -> int:
        parts = self._parts
        key = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
        live = self._live
        # Read before the answer is made: what is stored under this number is at least as new as it.
        try:
            generation = live.generation() if live.one_process else await self._generation()
        except Exception:  # noqa: BLE001 - the inner application answers, and its errors become problems
            return (await self._inside(scope, receive, send, asked, notes))[1]
        if self._cache.local:
            answer = self._cache.get(generation, key)
        else:
            answer = await parts.call(self._cache.get, generation, key)
        if answer is not None:
            return await _send_answer(send, answer, asked, notes, hit=True)
        flight = self._flights.get((generation, key))
        first = flight is None
        if flight is None:
            # A task of its own: the first asker may go away without taking the answer from the others.
            flight = asyncio.create_task(self._make(scope, generation, key, notes))
            self._flights[generation, key] = flight
            flight.add_done_callback(lambda _: self._flights.pop((generation, key), None))
        made = await asyncio.shield(flight)
        if isinstance(made, Answer):
            return await _send_answer(send, made, asked, notes, hit=False)
        if first:
            return await _send_captured(send, made, notes)
        # Nothing to share (an error, most likely): the others get one with an id of their own.
        return (await self._inside(scope, receive, send, asked, notes))[1]

    async def _make(self, scope: Scope, generation: int, key: str, notes: Notes) -> Answer | Captured:
        """Ask the inner application and keep what it answers; an error is handed back and not kept."""
        without_conditions = [each for each in scope["headers"] if each[0] != b"if-none-match"]
        captured = await capture(self._inner, {**scope, "headers": without_conditions, NOTES: notes})
        etag = captured.headers.get(b"etag")
        if captured.status != 200 or etag is None:
            return captured
        content_type = captured.headers.get(b"content-type", b"application/json").decode("latin-1")
        answer = Answer(captured.body, content_type, etag.decode("latin-1"), notes.valid_until)
        if self._cache.local:
            self._cache.put(generation, key, answer)
        else:
            for coding in ("gzip", "zstd"):
                answer.coded(coding)
            await self._parts.call(self._cache.put, generation, key, answer)
        return answer

    # ------------------------------------------------------------------------------------------- uncached

    async def _inside(self, scope: Scope, receive: Receive, send: Send, asked: Asked, notes: Notes) -> tuple[str, int]:
        if asked.length and (not asked.length.isdigit() or int(asked.length) > LARGEST_BODY_BYTES):
            detail = f"The body has {asked.length.decode('latin-1')[:20]} bytes; allowed: {LARGEST_BODY_BYTES}."
            return await self._problem(scope, send, notes, 413, "body-too-large", "Body too large", detail)
        scope[NOTES] = notes
        body = LimitedBody(receive)
        status = 500
        started = False

        async def sender(message: Message) -> None:
            nonlocal status, started
            if body.too_large and not started:
                return  # what the application makes of half a body
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                message["headers"] = [*message["headers"], *DATA_HEADERS, _id_header(notes)]
            await send(message)

        try:
            await self._inner(scope, body.receive, sender)
        except Exception:
            if not started and not body.too_large:
                raise
        if body.too_large and not started:
            detail = f"The body is longer than the allowed {LARGEST_BODY_BYTES} bytes."
            return await self._problem(scope, send, notes, 413, "body-too-large", "Body too large", detail)
        route = scope.get("route")
        return getattr(route, "path", "unmatched"), status

    async def _web_file(self, scope: Scope, send: Send, path: str, asked: Asked, notes: Notes) -> tuple[str, int]:
        file = self._web.file(path)
        if file is None:
            detail = f"There is nothing at {path[:200]}."
            return await self._problem(scope, send, notes, 404, "not-found", "Not found", detail)
        if file.status != 200:
            headers = [(b"content-type", file.answer.content_type.encode()), *file.headers, _id_header(notes)]
            await _send(send, file.status, headers, file.answer.body)
            return "web", file.status
        return "web", await _send_answer(send, file.answer, asked, notes, headers=file.headers)

    async def _problem(
        self, scope: Scope, send: Send, notes: Notes, status: int, name: str, title: str, detail: str
    ) -> tuple[str, int]:
        body = problem_bytes(
            name=name,
            title=title,
            status=status,
            detail=detail,
            instance=scope["path"],
            request_id=notes.request_id,
        )
        headers: Headers = [
            (b"content-type", PROBLEM_JSON.encode()),
            (b"cache-control", b"no-store"),
            *DATA_HEADERS,
            _id_header(notes),
        ]
        await _send(send, status, headers, body)
        return "refused", status

    def _measure(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        # A stream lasts as long as its browser looks; that is no duration of an answer.
        metrics.HTTP_ANSWERS.record(route, method, status, None if route in STREAMS else seconds)
        if seconds >= SLOW_REQUEST_SECONDS and route not in STREAMS:
            log.warning("api.slow_request", route=route, method=method, status=status, seconds=round(seconds, 3))


def _product_template(path: str) -> str | None:
    """The template of a product's own paths; None for all others. Origins of figures are not kept: they age out."""
    if not path.startswith(PRODUCT):
        return None
    product, slash, rest = path[len(PRODUCT) :].partition("/")
    if not product:
        return None
    if not slash:
        return PRODUCT + "{product_id}"
    return PRODUCT + "{product_id}/history" if rest == "history" else None


async def _send_answer(
    send: Send, answer: Answer, asked: Asked, notes: Notes, *, hit: bool | None = None, headers: Headers = FRESH
) -> int:
    prepared = prepared_for(answer, asked, headers)
    extra = [_id_header(notes)] if hit is None else [_id_header(notes), HIT if hit else MISS]
    if asked.if_none_match and names(asked.if_none_match, prepared.etag):
        await send({"type": "http.response.start", "status": 304, "headers": prepared.headers_304 + extra})
        await send({"type": "http.response.body", "body": b""})
        return 304
    await send({"type": "http.response.start", "status": 200, "headers": prepared.headers + extra})
    await send({"type": "http.response.body", "body": prepared.body})
    return 200


async def _send_captured(send: Send, captured: Captured, notes: Notes) -> int:
    headers = [each for each in captured.headers.items() if each[0] != b"content-length"]
    await _send(send, captured.status, [*headers, *DATA_HEADERS, _id_header(notes)], captured.body)
    return captured.status


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    if status != 304:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _id_header(notes: Notes) -> tuple[bytes, bytes]:
    return (b"x-request-id", notes.request_id.encode())
