"""Small pieces of ASGI that the front layer is made of: captured answers and bounded bodies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_BODY_BYTES = 64 * 1024


@dataclass(slots=True)
class Captured:
    """What the inner application answered."""

    status: int = 500
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


async def capture(inner: App, scope: Scope) -> Captured:
    """What an application answers to a request without a body; an exception of its is a 500."""
    captured = Captured()
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            captured.status = message["status"]
            captured.headers = dict(message["headers"])
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    try:
        await inner(scope, receive, send)
    except Exception:  # noqa: BLE001 - the framework has logged it and sent its 500, which is not kept
        captured.status = 500
    captured.body = b"".join(chunks)
    return captured


class LimitedBody:
    """A request's body, counted as it comes: not every one announces its length."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._received = 0

    @property
    def too_large(self) -> bool:
        """More came than is allowed."""
        return self._received > LARGEST_BODY_BYTES

    async def receive(self) -> Message:
        """The next part; the end of the client's attention once there were too many."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.too_large else message
