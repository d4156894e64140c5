"""The HTTP server: uvicorn on uvloop and httptools, bound before anything else starts, ended in order."""

from __future__ import annotations

import errno
import socket
import threading

import uvicorn

from micore.api.app import create_routes
from micore.api.front import Front
from micore.api.parts import Parts
from micore.api.protocol import CachedHttpProtocol
from micore.errors import SettingsError

SHUTDOWN_SECONDS = 10
KEEP_ALIVE_SECONDS = 30
BACKLOG = 512


def create_app(parts: Parts) -> Front:
    """The whole ASGI application, as the server runs it."""
    return Front(create_routes(parts), parts)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; 0 takes a free port. Raises SettingsError when the port is taken or may not be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "taken by another program" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise SettingsError("MICORE_PORT", received=f"{port} on {host}, {why}", allowed="a free port") from None
    return listener


class Server:
    """A server in a thread of its own, so that the main thread stays free for signals and for the terminal."""

    def __init__(self, parts: Parts, listener: socket.socket) -> None:
        config = uvicorn.Config(
            create_app(parts),
            loop="uvloop",
            http=CachedHttpProtocol,
            ws="none",
            lifespan="on",
            # One line per request would double the cost of the cached ones; metrics count them, slow ones are logged.
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        self._started = threading.Event()
        self._server = _Uvicorn(config, parts, self._started)
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="micore-http", daemon=True)

    def start(self) -> None:
        """Returns when requests are answered. Raises RuntimeError when the server could not start; the log says why."""
        self._thread.start()
        self._started.wait()
        if not self._server.started:
            raise RuntimeError("The HTTP server could not start.")

    def wait(self) -> None:
        """Return when the server has ended."""
        self._thread.join()

    def stop(self) -> None:
        """Answer what has been asked, end the event streams, then end; returns when that is done."""
        self._server.should_exit = True
        self._thread.join(SHUTDOWN_SECONDS + 5)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._started.set()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, parts: Parts, started: threading.Event) -> None:
        super().__init__(config)
        self._parts, self._started_event = parts, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started_event.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # An event stream never ends by itself, and the server waits for open answers.
        self._parts.live.broadcaster.close()
        await super().shutdown(sockets)
