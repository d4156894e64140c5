"""The real server on a real port: streams, compressed answers, and an end that waits for nobody for long."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from micore.api.front import Front
from micore.api.protocol import CachedHttpProtocol
from micore.api.server import Server, bind
from micore.errors import SettingsError
from micore.telemetry.metrics import REGISTRY
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


def exchanged(port: int, sent: bytes) -> bytes:
    """What comes back for these bytes, the last request of which asks for the connection's end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


class TestShortWay:
    """Cached answers are written by the protocol itself; the application would give the same."""

    PATH = "/api/v1/dashboard"

    def test_the_application_is_not_asked(self, api: Api, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        ask(port, self.PATH)

        async def never(*_: object) -> None:
            raise AssertionError("the application was asked")

        monkeypatch.setattr(Front, "__call__", never)
        status, headers, _ = ask(port, self.PATH)
        assert (status, headers["x-cache"]) == (200, "HIT")
        assert ask(port, self.PATH, if_none_match=headers["etag"])[0] == 304

    @pytest.mark.parametrize("condition", ["none", "etag"])
    def test_both_ways_give_the_same(self, port: int, monkeypatch: pytest.MonkeyPatch, condition: str) -> None:
        etag = ask(port, self.PATH, accept_encoding="zstd")[1]["etag"]
        given = {"accept_encoding": "zstd", **({"if_none_match": etag} if condition == "etag" else {})}
        short = ask(port, self.PATH, **given)
        monkeypatch.setattr(Front, "at_once", lambda *_: None)
        long = ask(port, self.PATH, **given)
        for each in (short, long):
            assert each[1].pop("x-request-id")
            each[1].pop("date")
        assert short == long

    def test_foreign_hosts_and_origins_stay_outside(self, port: int) -> None:
        ask(port, self.PATH)
        assert ask(port, self.PATH, host="evil.example")[0] == 403
        assert ask(port, self.PATH, origin="https://evil.example")[0] == 403

    def test_a_publish_ends_it(self, api: Api, port: int) -> None:
        etag = ask(port, self.PATH)[1]["etag"]
        assert ask(port, self.PATH)[1]["x-cache"] == "HIT"
        api.publish(4, [seed.product(1)])
        status, headers, _ = ask(port, self.PATH, if_none_match=etag)
        assert (status, headers["x-cache"]) == (200, "MISS")

    def test_answers_keep_the_order_of_the_questions(self, port: int) -> None:
        ask(port, self.PATH)
        paths = [self.PATH, "/livez", self.PATH, "/api/v1/meta", self.PATH] * 100
        sent = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode() for path in paths)
        answer = exchanged(port, sent[:-2] + b"Connection: close\r\n\r\n")
        heads = [part.partition(b"\r\n\r\n")[0] for part in answer.split(b"HTTP/1.1 ")[1:]]
        assert [head[:3] for head in heads] == [b"200"] * len(paths)
        assert [b"x-cache" in head for head in heads] == [path != "/livez" for path in paths]

    def test_a_long_answer_behind_a_cached_one_is_waited_for(
        self, api: Api, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        idle_seconds = 0.2
        made, overview = CachedHttpProtocol.__init__, api.desk.overview

        def impatient(protocol: CachedHttpProtocol, *given: Any, **named: Any) -> None:
            made(protocol, *given, **named)
            protocol.timeout_keep_alive = idle_seconds  # type: ignore[assignment]

        def slow() -> object:
            time.sleep(idle_seconds * 3)
            return overview()

        monkeypatch.setattr(CachedHttpProtocol, "__init__", impatient)
        monkeypatch.setattr(api.desk, "overview", slow)
        ask(port, self.PATH)
        request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
        sent = request % (self.PATH.encode(), b"") + request % (b"/api/v1/sync", b"Connection: close\r\n")
        assert exchanged(port, sent).count(b"HTTP/1.1 200") == 2

    def test_a_head_has_no_body_and_a_closed_connection_closes(self, port: int) -> None:
        ask(port, self.PATH)
        request = b"%s /api/v1/dashboard HTTP/1.%d\r\nHost: localhost\r\n%s\r\n"
        assert exchanged(port, request % (b"HEAD", 1, b"Connection: close\r\n")).endswith(b"\r\n\r\n")
        for sent in (request % (b"GET", 1, b"Connection: close\r\n"), request % (b"GET", 0, b"")):
            answer = exchanged(port, sent)
            assert b"connection: close" in answer
            assert answer.endswith(b"}")

    def test_hits_are_counted(self, port: int) -> None:
        ask(port, self.PATH)

        def counted() -> float:
            labels = {"route": self.PATH, "method": "GET", "code": "200"}
            return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0

        before = counted()
        ask(port, self.PATH)
        assert counted() == before + 1


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
