"""Cached answers on the shortest way: written to the connection by the HTTP protocol itself.

The server's protocol makes a scope, a task, a context and three coroutines for each request, more than a cached answer
costs (docs/decisions/0006). Here it first asks the front whether the answer lies ready. Where it does not, or where
anything is unusual about the request, the ordinary way is taken, which gives the same answer.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from micore.api.front import Front


class _Answered:
    """What stands for a request that was answered here, where uvicorn looks whether the last one is done with."""

    response_complete = True
    message_event = asyncio.Event()


_ANSWERED = _Answered()


class CachedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol for `Front`, and for whatever else it is given."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come; nothing it asked is open yet."""
        super().connection_made(transport)
        self.cycle = _ANSWERED  # type: ignore[assignment]

    def on_headers_complete(self) -> None:
        """A request's line and headers are in; its body, if any, comes later."""
        # A request may come in one piece with the one before, whose answer has armed the timer of an idle connection.
        self._unset_keepalive_if_required()
        chunks = self._ready() if self._plain() else None
        if chunks is None:
            super().on_headers_complete()
            return
        for name, value in self.server_state.default_headers:
            chunks.insert(1, b"%s: %s\r\n" % (name, value))
        self.transport.write(b"".join(chunks))
        self.cycle = _ANSWERED  # type: ignore[assignment]
        self.on_response_complete()

    def _plain(self) -> bool:
        """A GET on a connection that stays open, and nobody waits before it."""
        parser = self.parser
        return (
            self.cycle.response_complete
            and parser.get_method() == b"GET"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not (parser.should_upgrade() or self.expect_100_continue or self.flow.write_paused)
        )

    def _ready(self) -> list[bytes] | None:
        app = self.app
        return app.at_once(self.url, self.headers) if isinstance(app, Front) else None
