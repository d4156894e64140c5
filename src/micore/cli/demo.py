"""`micore demo`: a living shop in one command. The simulator plays the marketplaces; all else is the real thing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from micore.app import App, build_app, installed_source_options
from micore.cli.output import console
from micore.cli.progress import OPEN, follow
from micore.cli.serve import Served, served
from micore.config import load_settings
from micore.domain.views import Run, RunState, Trigger
from micore.errors import ConflictError, FatalError
from micore.telemetry.logs import set_up_logs

LIVED_DAYS = 28
"""How many days of the shop are lived through with micore watching, so that stock has a history to show."""
START_SECONDS = 120
LOOK_SECONDS = 0.1


def demo(
    home: Annotated[Path, typer.Option(help="Where the demonstration keeps its data, apart from yours.")] = Path(
        "storage/demo"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")] = 8083,
    products: Annotated[
        int, typer.Option(min=1, max=100_000, help="Size of the shop; counts at the first start.")
    ] = 1163,
    days: Annotated[int, typer.Option(min=30, max=3650, help="Days of history; counts at the first start.")] = 730,
    seed: Annotated[int, typer.Option(help="Another number, another shop; counts at the first start.")] = 7,
    once: Annotated[bool, typer.Option("--once", help="End when the first sync is in; for measuring.")] = False,
) -> None:
    """Show micore on a made-up, living shop: simulator, full sync, dashboard. Ctrl-C ends it; the data stays.

    The first start lives through the shop's last four weeks, a day at a time, so that stock has a history. A second
    start goes on with the same shop, which has lived forward meanwhile.
    """
    home = home.expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True)
    lived = home / "lived-through"
    first = not lived.exists()
    with _simulator(home, products=products, days=days, seed=seed, first=first) as shop:
        settings = _settings(home, port, shop.ozon_url)
        set_up_logs(settings, quiet=True)
        ready = build_app(settings)
        with served(ready, scheduled=not first) as server:
            console.print(f"\n[bold]The dashboard is at {settings.url}[/]  (Ctrl-C ends it, the data stays)\n")
            if first:
                _live_through(ready, server, shop)
                lived.write_text(datetime.now(UTC).isoformat() + "\n")
                server.schedule()
            console.print(f"[bold]Ready:[/] {settings.url}")
            if not once:
                server.wait()


class _Shop:
    """The simulator as this command drives it."""

    def __init__(self, ozon_url: str, process: subprocess.Popen[bytes]) -> None:
        self.ozon_url = ozon_url
        self.process = process

    def facts(self) -> dict[str, Any]:
        """What it says of itself."""
        found: dict[str, Any] = httpx2.get(self.ozon_url + "/simulator", timeout=10).json()
        return found

    def set_clock(self, body: dict[str, Any]) -> None:
        """Move its virtual clock."""
        httpx2.post(self.ozon_url + "/simulator/clock", json=body, timeout=60).raise_for_status()


@contextmanager
def _simulator(home: Path, *, products: int, days: int, seed: int, first: bool) -> Iterator[_Shop]:
    ozon_port, wildberries_port = _free_port(9101), _free_port(9102)
    start = datetime.now(UTC) - timedelta(days=LIVED_DAYS)
    command = [
        *(sys.executable, "-m", "micore.simulator"),
        *("--ozon-port", str(ozon_port), "--wildberries-port", str(wildberries_port)),
        *("--seed", str(seed), "--products", str(products), "--days", str(days)),
        *("--state", str(home / "simulator")),
    ]
    if first:
        command += ["--clock", start.strftime("%Y-%m-%dT%H:%M:%SZ"), "--frozen"]
    log = (home / "simulator.log").open("ab")
    # A group of its own: Ctrl-C is for us to handle, and the simulator ends last.
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    shop = _Shop(f"http://127.0.0.1:{ozon_port}", process)
    try:
        with console.status("Building the shop: two years of orders, stock and supplies ..."):
            _wait_for(shop, home / "simulator.log")
        facts = shop.facts()
        console.print(f"The shop lives: {facts['products']:,} products, {facts['days']:,} days, seed {facts['seed']}.")
        yield shop
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


def _wait_for(shop: _Shop, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if shop.process.poll() is not None:
            tail = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise FatalError(f"The simulator ended at its start: {' '.join(tail) or 'it said nothing'} (see {log}).")
        try:
            shop.facts()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise FatalError(f"The simulator did not answer within {START_SECONDS} s; see {log}.")


def _free_port(wanted: int) -> int:
    """The wanted port when it is free, else one the system chooses."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConflictError("No port is free on 127.0.0.1.")


def _settings(home: Path, port: int, ozon_url: str) -> Any:
    # The demonstration has a shop of its own: no key, database or setting of the user's may reach it.
    for name in [name for name in os.environ if name.startswith(("MICORE_", "OZON_", "PG_", "WILDBERRIES_", "WB_"))]:
        del os.environ[name]
    os.environ["MICORE_OZON_CLIENT_ID"] = "1000001"
    os.environ["MICORE_OZON_API_KEY"] = "demo-key"
    os.environ["MICORE_OZON_BASE_URL"] = ozon_url
    return load_settings(
        installed_source_options(),
        env_file=None,
        home=home,
        port=port,
        shop_name="Дом и уют",
        sync_schedule="*/5 * * * *",
        stale_after_minutes=20,
        demo=True,
    )


def _live_through(ready: App, server: Served, shop: _Shop) -> None:
    """The first full sync four weeks ago, then a day at a time up to now."""
    first = _ask(ready, server)
    _check(follow(lambda: [ready.sync.run(run_id) for run_id in first], title="First full sync"))
    changed = 0
    with Progress(
        TextColumn("Living through the last four weeks"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} days"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        for day in progress.track(range(LIVED_DAYS)):
            shop.set_clock({"advance_seconds": 86_400} if day < LIVED_DAYS - 1 else {"live": True})
            ended = _wait(ready, _ask(ready, server))
            _check(ended)
            changed += sum(run.rows_loaded for run in ended)
    console.print(f"Lived through {LIVED_DAYS} days: {LIVED_DAYS} syncs, {changed:,} changed rows.")


def _ask(ready: App, server: Served) -> list[int]:
    requested = ready.sync.request(trigger=Trigger.COMMAND)
    server.wake()
    return [run.id for run in requested]


def _wait(ready: App, run_ids: list[int]) -> list[Run]:
    while True:
        runs = [ready.sync.run(run_id) for run_id in run_ids]
        if not any(run.state in OPEN for run in runs):
            return runs
        time.sleep(LOOK_SECONDS)


def _check(ended: list[Run]) -> None:
    failed = [run for run in ended if run.state in (RunState.FAILED, RunState.STOPPED)]
    if failed:
        raise FatalError(f"The sync did not come through: {failed[0].message}")
