"""Puts shop, clock and marketplaces together, and runs both servers: until a signal, or in a thread for tests."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from micore.simulator.clock import Clock
from micore.simulator.control import Control
from micore.simulator.faults import Faults, LaggingClock, Troubled
from micore.simulator.http import App, Stats
from micore.simulator.limits import Bans
from micore.simulator.ozon.api import OzonApi
from micore.simulator.shop.shop import Shop
from micore.simulator.wildberries.api import WildberriesApi


class Simulator:
    """Both marketplaces over one shop and one clock: `ozon` and `wildberries` are ASGI applications."""

    def __init__(
        self,
        shop: Shop,
        clock: Clock,
        *,
        limits: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Sequence[str] = (),
        ban_seconds: float = 0,
    ) -> None:
        """`faults` are as in the reference. Raises ValueError for one that cannot be read."""
        self.shop, self.clock, self.stats = shop, clock, Stats()

        def limits_time() -> float:
            return monotonic() + clock.jumped_seconds

        self.faults, self.bans = Faults(shop.seed, limits_time), Bans(ban_seconds, limits_time)
        for fault in faults:
            self.faults.add(fault)
        told = LaggingClock(clock)
        ozon = OzonApi(shop, told, limits=limits, monotonic=limits_time)
        wildberries = WildberriesApi(shop, told, limits=limits, monotonic=limits_time)
        control = Control(
            shop,
            clock,
            self.stats,
            self.faults,
            self.bans,
            lambda: {"ozon": ozon.paths(), "wildberries": wildberries.paths()},
        )
        self.ozon = App(clock, self.stats, control, Troubled(ozon, told, self.faults, self.bans))
        self.wildberries = App(clock, self.stats, control, Troubled(wildberries, told, self.faults, self.bans))


class _Server(uvicorn.Server):
    """A server that leaves the signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: App) -> _Server:
    # Uvicorn's own Date would be the real time; ours is the virtual clock's.
    return _Server(
        uvicorn.Config(
            app, log_config=None, log_level="warning", access_log=False, lifespan="off", date_header=False,
            server_header=False, timeout_graceful_shutdown=2, backlog=256,
        )
    )  # fmt: skip


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port is taken."""
    # The protocol is named so that asyncio turns Nagle's algorithm off; else every answer waits 40 ms for an ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # Until one of them listens, two programs may have bound the same port.
        found.listen()
    except OSError:
        found.close()
        raise
    return found


class Servers:
    """The two servers on their sockets."""

    def __init__(self, simulator: Simulator, ozon: socket.socket, wildberries: socket.socket) -> None:
        self._parts = [(_server(simulator.ozon), ozon), (_server(simulator.wildberries), wildberries)]

    def stop(self) -> None:
        """Ask both to end; safe from signal handlers and other threads."""
        for server, _ in self._parts:
            server.should_exit = True

    @property
    def started(self) -> bool:
        """Whether both take requests."""
        return all(server.started for server, _ in self._parts)

    async def run(self) -> None:
        """Serve until `stop`."""
        await asyncio.gather(*(server.serve(sockets=[where]) for server, where in self._parts))
        for _, where in self._parts:
            where.close()


@dataclass(frozen=True)
class Running:
    """A simulator that serves in a thread."""

    simulator: Simulator
    ozon_url: str
    wildberries_url: str

    @property
    def clock(self) -> Clock:
        """The virtual clock of both marketplaces."""
        return self.simulator.clock

    @property
    def shop(self) -> Shop:
        """The shop behind both marketplaces."""
        return self.simulator.shop


@contextmanager
def serve_in_thread(
    shop: Shop,
    clock: Clock,
    *,
    limits: bool = True,
    host: str = "127.0.0.1",
    monotonic: Callable[[], float] = time.monotonic,
    faults: Sequence[str] = (),
    ban_seconds: float = 0,
) -> Iterator[Running]:
    """Serve both marketplaces on free ports while the block runs; `monotonic` is the time that the limits run in."""
    simulator = Simulator(shop, clock, limits=limits, monotonic=monotonic, faults=faults, ban_seconds=ban_seconds)
    ozon, wildberries = listen(host, 0), listen(host, 0)
    urls = [f"http://{host}:{where.getsockname()[1]}" for where in (ozon, wildberries)]
    servers = Servers(simulator, ozon, wildberries)
    thread = threading.Thread(target=lambda: asyncio.run(servers.run()), name="simulator", daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 10
        while not servers.started:
            if time.monotonic() > until or not thread.is_alive():
                raise RuntimeError("the simulator did not start within 10 s")
            time.sleep(0.005)
        yield Running(simulator, urls[0], urls[1])
    finally:
        servers.stop()
        thread.join(10)
