"""Cached answers on the shortest way: written to the connection by the HTTP protocol itself.

The server's protocol makes a task, a context and three coroutines for each request, more than a cached answer costs
(docs/decisions/0006). Here it first asks the front whether the answer lies ready. Where it does not, or where anything
is unusual about the request, the ordinary way is taken, which gives the same answer.
"""

from __future__ import annotations

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from micore.api.asgi import Scope
from micore.api.front import Front


class CachedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol for `Front`, and for whatever else it is given."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Queued requests go the ordinary way: each of them starts the next one, as deep as there are any.
        plain = cycle.keep_alive and not (self.pipeline or self.flow.write_paused or cycle.waiting_for_100_continue)
        chunks = app.at_once(cast("Scope", cycle.scope)) if plain and isinstance(app, Front) else None
        if chunks is None:
            super()._start_asgi_task(cycle, app)
            return
        for name, value in self.server_state.default_headers:
            chunks.insert(1, b"%s: %s\r\n" % (name, value))
        self.transport.write(b"".join(chunks))
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()
