"""The smallest ASGI application there is, on the server that micore runs on: `python -m benchmarks.hello PORT`."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from micore.api.server import BACKLOG, KEEP_ALIVE_SECONDS

BODY = b"Hello, world!"
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())],
}


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Says so, to every request."""
    del scope, receive
    await send(_START)
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        hello,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
