"""What is new, told at once: the generation that answers are made from, and the events browsers listen to.

The publisher calls `stock_published` after its commit, from whatever thread it works in. One asyncio broadcaster
carries events to the browsers; a browser that does not keep up is dropped and comes back by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from micore.domain.run_views import Run, RunState
from micore.telemetry import metrics

PING_SECONDS = 15.0
RECONNECT_MS = 2000
QUEUE_EVENTS = 64
RUN_EVENT_SECONDS = 0.25

_PING = b": ping\n\n"
_json = msgspec.json.Encoder().encode


def event_bytes(event: str, data: Any) -> bytes:
    """One server-sent event; `data` is encoded as JSON, which holds no line break."""
    return b"event: " + event.encode() + b"\ndata: " + _json(data) + b"\n\n"


class _Client:
    """One connected browser: events that wait for it."""

    __slots__ = ("loop", "queue")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_EVENTS)

    def offer(self, chunk: bytes | None) -> bool:
        """Queue an event (None: the end); False when it has not kept up."""
        try:
            self.queue.put_nowait(chunk)
        except asyncio.QueueFull:
            return False
        return True


class Broadcaster:
    """Carries events from any thread to every connected browser. Never blocks the sender."""

    def __init__(self, hello: Callable[[], Any]) -> None:
        self._hello = hello
        self._clients: set[_Client] = set()
        self._closed = False

    def publish_threadsafe(self, event: str, data: Any) -> None:
        """Send an event to all; callable from every thread, with or without a running server."""
        clients = list(self._clients)
        if not clients:
            return
        chunk = event_bytes(event, data)
        for loop in {client.loop for client in clients}:
            # A loop that has ended meanwhile has no clients any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._deliver, loop, chunk)

    @contextlib.asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of one browser's event stream: a hello first, pings when nothing happens."""
        client = _Client(asyncio.get_running_loop())
        self._clients.add(client)
        metrics.LIVE_CLIENTS.set(len(self._clients))
        try:
            yield self._chunks(client)
        finally:
            self._forget(client)

    def close(self) -> None:
        """End every stream, so that the server can end; called in the server's loop."""
        self._closed = True
        for client in list(self._clients):
            self._end(client)

    async def _chunks(self, client: _Client) -> AsyncIterator[bytes]:
        yield f"retry: {RECONNECT_MS}\n\n".encode() + event_bytes("hello", self._hello())
        while not self._closed:
            try:
                chunk = await asyncio.wait_for(client.queue.get(), PING_SECONDS)
            except TimeoutError:
                chunk = _PING
            if chunk is None:
                return
            yield chunk

    def _deliver(self, loop: asyncio.AbstractEventLoop, chunk: bytes) -> None:
        for client in [each for each in self._clients if each.loop is loop]:
            if not client.offer(chunk):
                metrics.LIVE_DROPPED.inc()
                self._end(client)

    def _end(self, client: _Client) -> None:
        """Finish a stream whatever still waits in it; the browser reconnects and starts from a hello."""
        while not client.queue.empty():
            client.queue.get_nowait()
        client.offer(None)
        self._forget(client)

    def _forget(self, client: _Client) -> None:
        self._clients.discard(client)
        metrics.LIVE_CLIENTS.set(len(self._clients))


class Live:
    """The generation of what is shown, and the events about it.

    With one process the number lives here and is counted up by the publisher. With several (PostgreSQL) it is read
    from the database by `read`, and a number that grew elsewhere is announced here too.
    """

    def __init__(
        self, read: Callable[[], int], *, one_process: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.one_process: Final = one_process
        self._monotonic = monotonic
        self._read = read
        self._known: int | None = None
        self._lock = threading.Lock()
        self._sent: dict[int, tuple[RunState, float]] = {}
        self.broadcaster = Broadcaster(lambda: {"generation": self._known or 0})

    @property
    def known(self) -> int | None:
        """The newest generation seen; None before the first look."""
        return self._known

    def generation(self) -> int:
        """The generation whose data a read begun now sees at least."""
        if self.one_process and self._known is not None:
            return self._known
        found = self._read()
        self._learn(found, as_of=None, source="")
        return max(found, self._known or 0)

    def stock_published(self, *, generation: int, as_of: datetime | None, source: str) -> None:
        """After the commit of a publish: everything older is out of date from now on, and browsers hear of it."""
        self._learn(generation, as_of=as_of, source=source, announce=True)

    def run_changed(self, run: Run) -> None:
        """Tell browsers how a sync stands; at each change of state, and at most four times a second between."""
        now = self._monotonic()
        with self._lock:
            state, sent_at = self._sent.get(run.id, (None, 0.0))
            if run.state == state and now - sent_at < RUN_EVENT_SECONDS:
                return
            self._sent[run.id] = (run.state, now)
            if run.state not in {RunState.QUEUED, RunState.RUNNING}:
                del self._sent[run.id]
        self.broadcaster.publish_threadsafe("run", run)

    def _learn(self, generation: int, *, as_of: datetime | None, source: str, announce: bool = False) -> None:
        with self._lock:
            first = self._known is None
            if not first and generation <= (self._known or 0):
                return
            self._known = generation
        if announce or not first:
            event = {"generation": generation, "as_of": as_of, "source": source}
            self.broadcaster.publish_threadsafe("publish", event)
