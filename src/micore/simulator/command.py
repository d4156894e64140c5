"""The simulator as a command: arguments kept in a state folder, both servers until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from micore.simulator.clock import Clock, moscow_day
from micore.simulator.control import start_instant
from micore.simulator.faults import read_wish
from micore.simulator.server import Servers, Simulator, listen
from micore.simulator.shop.shop import Shop


class KeptShop(msgspec.Struct):
    """The arguments that make a shop, as kept in `simulator.json`."""

    seed: int
    products: int
    days: int
    today: str


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    ozon_port: int = 9101
    wildberries_port: int = 9102
    host: str = "127.0.0.1"
    seed: int = 7
    products: int = 1163
    days: int = 730
    today: str | None = None
    clock: str | None = None
    frozen: bool = False
    limits: bool = True
    faults: tuple[str, ...] = ()
    ban_seconds: float = 0
    state: Path | None = None
    end_with_parent: bool = False


def kept_shop(options: Options) -> KeptShop:
    """The shop to serve: the kept one if there is one (a later start goes on with it), else the one asked for.

    Raises ValueError for an unreadable day or state file.
    """
    today = options.today or moscow_day(time.time_ns() // 1000).isoformat()
    try:
        wanted = KeptShop(options.seed, options.products, options.days, date.fromisoformat(today).isoformat())
    except ValueError as error:
        raise ValueError(f"--today {today!r} is not a day; write it like 2026-11-23") from error
    if options.state is None:
        return wanted
    file = options.state / "simulator.json"
    if file.exists():
        try:
            return msgspec.json.decode(file.read_bytes(), type=KeptShop)
        except msgspec.DecodeError as error:
            raise ValueError(f"{file} cannot be read ({error}); delete it to begin a new shop") from error
    options.state.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(wanted)))
    partial.replace(file)
    return wanted


def run(options: Options, say: Callable[[str], None]) -> None:
    """Build the shop and serve until SIGINT or SIGTERM. `say` gets lines for a person.

    Raises ValueError for impossible arguments, OSError for a port that is taken.
    """
    for fault in options.faults:
        read_wish(fault)  # A wrong one is told before the shop is built.
    ozon, wildberries = _sockets(options)
    kept = kept_shop(options)
    started = time.monotonic()
    shop = Shop(kept.seed, kept.products, kept.days, date.fromisoformat(kept.today))
    clock = Clock(start_instant(options.clock), frozen=options.frozen)
    shop.books(clock.now_us())
    say(
        f"The shop of {kept.products:,} products and {kept.days:,} days up to {kept.today} (seed {kept.seed}) "
        f"was built in {time.monotonic() - started:.1f} s."
    )
    for name, where in (("Ozon", ozon), ("Wildberries", wildberries)):
        say(f"{name:<12} http://{options.host}:{where.getsockname()[1]}  (facts: /simulator)")
    simulator = Simulator(shop, clock, limits=options.limits, faults=options.faults, ban_seconds=options.ban_seconds)
    for fault in options.faults:
        say(f"Fault on request: {fault}")
    servers = Servers(simulator, ozon, wildberries)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: servers.stop())
    if options.end_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(servers,), daemon=True).start()
    asyncio.run(servers.run())


def _sockets(options: Options) -> tuple[socket.socket, socket.socket]:
    """Where Ozon and Wildberries are served."""
    if options.ozon_port == options.wildberries_port != 0:
        # Both could be bound and only one of them served.
        raise ValueError(f"--ozon-port and --wildberries-port are both {options.ozon_port}; give two different ones")
    with ExitStack() as opened:
        ozon = opened.enter_context(_socket(options.host, options.ozon_port, "--ozon-port"))
        wildberries = opened.enter_context(_socket(options.host, options.wildberries_port, "--wildberries-port"))
        opened.pop_all()
    return ozon, wildberries


def _socket(host: str, port: int, option: str) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is in use by another program" if taken else f"cannot be used ({error.strerror})"
        raise OSError(f"port {port} on {host} {why}; choose another with {option}, 0 for a free one") from error


def _stop_at_end_of_input(servers: Servers) -> None:
    """However the program that started us ends, a kill included, its end of the pipe is closed."""
    while sys.stdin.buffer.read(1024):
        pass
    servers.stop()


def say_to_stdout(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
