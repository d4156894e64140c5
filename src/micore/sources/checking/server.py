"""A small real HTTP server to try clients with: what it answers is a function; it can be cut, slow or rude."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    """With its query."""
    raw: bytes
    headers: Mapping[str, str]
    """Names in small letters."""

    @property
    def payload(self) -> Any:
        """The body as JSON; None without one."""
        return msgspec.json.decode(self.raw) if self.raw else None


@dataclass(frozen=True)
class Says:
    """An answer, or a way of not giving one."""

    body: object = b""
    """Bytes go as they are, anything else as JSON."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Send so many bytes of the body and close."""
    hang: threading.Event | None = None
    """Send the body byte by byte, with a pause between them, until the event."""

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


Answering = Callable[[Asked], Says]


@dataclass
class Server:
    """Where it listens and what it was asked."""

    url: str
    asked: list[Asked]
    answering: Answering


@contextmanager
def serving(answering: Answering) -> Iterator[Server]:
    """Serve on a free loopback port until the block ends."""
    state = Server("", [], answering)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, raw, headers)
            state.asked.append(asked)
            says = state.answering(asked)
            body = says.encoded()
            headers = {"date": formatdate(usegmt=True), "content-type": "application/json"}
            headers |= {"content-length": str(len(body))}
            headers |= {name.lower(): value for name, value in says.headers.items()}
            lines = [f"HTTP/1.1 {says.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
            head = "\r\n".join([*lines, "", ""]).encode()
            if says.hang is not None:
                self._drip(head + body, says.hang)
            elif says.cut_after is not None:
                self.wfile.write(head + body[: says.cut_after])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.wfile.write(head + body)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the base class looks for these names

        def _drip(self, body: bytes, until: threading.Event) -> None:
            for byte in body:
                if until.wait(0.002):
                    break
                try:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                except OSError:
                    break
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
