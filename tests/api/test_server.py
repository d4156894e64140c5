"""The real server on a real port: streams, compressed answers, and an end that waits for nobody for long."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from micore.api.server import Server, bind
from micore.errors import SettingsError
from tests import seed
from tests.api.conftest import Api, fill


@pytest.fixture
def port(api: Api) -> Iterator[int]:
    fill(api)
    listener = bind("127.0.0.1", 0)
    server = Server(api.parts, listener)
    server.start()
    yield listener.getsockname()[1]
    server.stop()
    listener.close()


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_serves(port: int) -> None:
    status, headers, body = ask(port, "/api/v1/dashboard", accept_encoding="gzip, deflate, br, zstd")
    assert (status, headers["content-encoding"], headers["content-length"]) == (200, "zstd", str(len(body)))
    status, again, nothing = ask(port, "/api/v1/dashboard", accept_encoding="zstd", if_none_match=headers["etag"])
    assert (status, nothing, again["x-cache"]) == (304, b"", "HIT")
    assert "server" not in headers


def test_bytes_that_are_no_request(port: int) -> None:
    for sent in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/products?q=%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionError:
                pass
        assert not answer.startswith(b"HTTP/1.1 5"), sent[:60]
    assert ask(port, "/livez")[0] == 200


def test_a_publish_reaches_the_stream(api: Api, port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/v1/events")
    answer = connection.getresponse()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    hello = answer.read1(4096)
    assert b"retry: 2000" in hello
    assert b'event: hello\ndata: {"generation":3}' in hello
    api.publish(4, [seed.product(1)])
    assert b'event: publish\ndata: {"generation":4' in answer.read1(4096)
    connection.close()


def test_open_streams_do_not_hold_up_the_end(api: Api) -> None:
    listener = bind("127.0.0.1", 0)
    server = Server(api.parts, listener)
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)
    connection.request("GET", "/api/v1/events")
    answer = connection.getresponse()
    answer.read1(4096)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5
    assert answer.read() == b""
    connection.close()
    listener.close()


def test_an_answer_under_way_is_finished(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow() -> object:
        entered.set()
        assert leave.wait(10)
        return api.desk.__class__().overview()

    monkeypatch.setattr(api.desk, "overview", slow)
    listener = bind("127.0.0.1", 0)
    server = Server(api.parts, listener)
    server.start()
    found: list[int] = []
    asker = threading.Thread(target=lambda: found.append(ask(listener.getsockname()[1], "/api/v1/sync")[0]))
    asker.start()
    assert entered.wait(10)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    leave.set()
    stopper.join()
    asker.join()
    listener.close()
    assert found == [200]


def test_a_taken_port_is_said() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"MICORE_PORT: received {port} on 127.0.0.1, taken by another program"):
            bind("127.0.0.1", port)
