"""A client that costs little: some kept-alive connections, each asked in turn, answers read to their end."""

from __future__ import annotations

import select
import socket
import time
from types import TracebackType

CONNECTIONS = 16
START_SECONDS = 60
_HEADERS = (
    "Accept: application/json\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: ru,en;q=0.8\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) benchmarks\r\n"
)


class WebClient:
    """Asks one server on 127.0.0.1 for one path, as a browser would. Use as a context manager."""

    def __init__(self, port: int, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{_HEADERS}\r\n".encode()
        self._port = port
        self._connections = [_connect(port) for _ in range(CONNECTIONS)]

    def __enter__(self) -> WebClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for connection in self._connections:
            connection.close()

    def ask(self, requests: int) -> bytes:
        """Ask so often, rounded up to whole turns; returns the last answer. Raises RuntimeError unless it is 200."""
        self._connections = [_connect(self._port) if _closed(each) else each for each in self._connections]
        answer = b""
        for _ in range(-(-requests // CONNECTIONS)):
            for connection in self._connections:
                connection.sendall(self._request)
            for connection in self._connections:
                answer = _answer(connection)
        return answer


def _connect(port: int) -> socket.socket:
    """A connection, as soon as the server listens."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def _closed(connection: socket.socket) -> bool:
    """Whether the server has given up a connection that was idle for too long, as it may on a busy machine."""
    # Nothing was asked: what can be read is its end.
    return bool(select.select([connection], [], [], 0)[0])


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head = received[:end].lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"The server answered {received[:200]!r}")
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(received) < end + 4 + length:
        received += _more(connection)
    return received


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise RuntimeError("The server closed the connection.")
    return chunk
