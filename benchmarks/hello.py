"""The smallest ASGI application there is, on the server that micore runs on: `python -m benchmarks.hello PORT [FILE]`.

With a file, an HTTP answer as it came over the wire, it says that instead, headers and body.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn

from micore.api.server import BACKLOG, KEEP_ALIVE_SECONDS

BODY = b"Hello, world!"
HEADERS = [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())]


class Hello:
    """Says the same to every request."""

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._start = {"type": "http.response.start", "status": 200, "headers": headers}
        self._body = {"type": "http.response.body", "body": body}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        del scope, receive
        await send(self._start)
        await send(self._body)


def repeating(answer: bytes) -> Hello:
    """Says what another server answered; the date is the server's own."""
    head, _, body = answer.partition(b"\r\n\r\n")
    pairs = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
    return Hello([(name, value) for name, value in pairs if name.lower() != b"date"], body)


def main() -> None:
    uvicorn.run(
        repeating(Path(sys.argv[2]).read_bytes()) if len(sys.argv) > 2 else Hello(HEADERS, BODY),
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


if __name__ == "__main__":
    main()
