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
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from micore.api.server import bind
from micore.app import App, build_app, installed_source_options
from micore.cli.output import console
from micore.cli.progress import OPEN, follow
from micore.cli.serve import Served, served
from micore.config import load_settings
from micore.domain.run_views import Run, RunState, Trigger
from micore.errors import ConflictError, FatalError, SettingsError
from micore.telemetry.logs import set_up_logs

LIVED_DAYS = 28
"""How many days of the shop are lived through with micore watching, so that stock has a history to show."""
EVENING = time_of_day(23, 55, tzinfo=ZoneInfo("Europe/Moscow"))
WAITED_FOR = ("finance", "storage_cost", "funnel")
"""Streams that a marketplace lets us wait for, by reports it takes minutes to make or one page a minute: a day of the
past would take as long, or for ever where its clock stands. The first sync of the present reads all of them."""
START_SECONDS = 120
ANSWER_SECONDS = 5
USUAL_PORTS, ANY_PORTS = (9101, 9102), (0, 0)
LOOK_SECONDS = 0.1


def demo(
    home: Annotated[Path, typer.Option(help="Where the demonstration keeps its data, apart from yours.")] = Path(
        "storage/demo"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, envvar="MICORE_PORT", help="Port of the dashboard.")] = 8083,
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
    home = _made(home.expanduser().resolve())
    _check_free(port)
    past = _Past(home / "lived-through")
    with _simulator(home, products=products, days=days, seed=seed, clock=past.clock()) as shop:
        settings = _settings(home, port, shop)
        set_up_logs(settings, quiet=True)
        # This simulator has just begun, and with it all its limits.
        ready = build_app(settings, monotonic=shop.monotonic, others_ask=False, env_file=None)
        with served(ready, scheduled=past.over) as server:
            console.print(f"\n[bold]The dashboard is at {settings.url}[/]  (Ctrl-C ends it, the data stays)\n")
            if not past.over:
                _live_through(ready, server, shop, past)
                server.schedule()
            console.print(f"[bold]Ready:[/] {settings.url}")
            if not once:
                server.wait()


class _Past:
    """The four weeks before the first start, and how far the shop's clock has gone through them; kept in a file.

    A day counts from when the clock shows it: what has been read of it, nothing or all, is read again after a cut.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=_Lived)
        except FileNotFoundError:
            # Late in the evening, when a day's sales and its stock tell the same story.
            today = datetime.now(EVENING.tzinfo).date()
            kept = _Lived((datetime.combine(today, EVENING) - timedelta(days=LIVED_DAYS)).astimezone(UTC), 0)
        except msgspec.DecodeError as error:
            raise FatalError(f"{file} cannot be read ({error}); delete {file.parent} to begin anew.") from None
        self._kept = kept

    @property
    def days_left(self) -> range:
        """The days that are still to be lived through, counted from the first; the last one is the present."""
        return range(self._kept.days, LIVED_DAYS)

    @property
    def over(self) -> bool:
        """Whether the past has caught up with the present."""
        return not self.days_left

    def clock(self) -> datetime | None:
        """Where the simulator's clock stands at this start; None for the present."""
        return None if self.over else self._kept.began + timedelta(days=self._kept.days)

    def begun(self, days: int) -> None:
        """The clock has gone on by so many days."""
        self._kept = _Lived(self._kept.began, days)
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(self._kept))
        partial.replace(self._file)


class _Lived(msgspec.Struct):
    began: datetime
    days: int


class _Shop:
    """The simulator as this command drives it."""

    def __init__(self, ozon_url: str, wildberries_url: str, process: subprocess.Popen[bytes]) -> None:
        self.ozon_url, self.wildberries_url = ozon_url, wildberries_url
        self.process = process
        self._jumped_seconds = 0.0
        # No proxy of the user's stands between us and our own process.
        self._client = httpx2.Client(base_url=ozon_url, trust_env=False)

    def monotonic(self) -> float:
        """A clock that jumps with the shop's: a day that passes there fills the marketplaces' limits again."""
        return time.monotonic() + self._jumped_seconds

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def facts(self) -> dict[str, Any]:
        """What it says of itself. Raises httpx2.HTTPError."""
        found: dict[str, Any] = self._client.get("/simulator", timeout=ANSWER_SECONDS).json()
        return found

    def answers(self) -> bool:
        """Whether it is up: it, and not the simulator of another demonstration that took the port meanwhile."""
        try:
            facts = self.facts()
        except (httpx2.HTTPError, ValueError):
            return False
        if facts.get("process_id") != self.process.pid:
            raise FatalError(f"Another program answers at {self.ozon_url}, which was free a moment ago.")
        return True

    def next_day(self, *, last: bool) -> None:
        """Move its clock on by a day; to the present and ticking, if that is the last one."""
        body = {"live": True} if last else {"advance_seconds": 86_400}
        try:
            before = self._clock()
            self._client.post("/simulator/clock", json=body, timeout=60).raise_for_status()
            self._jumped_seconds += max(0.0, (self._clock() - before).total_seconds())
        except httpx2.HTTPError as error:
            raise FatalError(
                f"The simulator does not answer any more ({error}). Start the demonstration again: it goes on where it "
                "was; the simulator's own words are in simulator.log beside its data."
            ) from None

    def _clock(self) -> datetime:
        return datetime.fromisoformat(self.facts()["clock"])


def _made(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "simulator.log").open("ab").close()
    except OSError as error:
        raise FatalError(f"{home} cannot be written: {error.strerror}. Name another folder with --home.") from None
    return home


def _check_free(port: int) -> None:
    """Before anything is built."""
    try:
        bind("127.0.0.1", port).close()
    except SettingsError:
        raise ConflictError(
            f"Port {port} on 127.0.0.1 is taken by another program, another demonstration perhaps. "
            f"Take another one: `make demo PORT={port + 100}`, or `micore demo --port {port + 100}`."
        ) from None


@contextmanager
def _simulator(home: Path, *, products: int, days: int, seed: int, clock: datetime | None) -> Iterator[_Shop]:
    arguments = [
        *("--seed", str(seed), "--products", str(products), "--days", str(days)),
        *("--state", str(home / "simulator")),
        "--end-with-parent",
    ]
    if clock is not None:
        arguments += ["--clock", clock.strftime("%Y-%m-%dT%H:%M:%SZ"), "--frozen"]
    with console.status("Building the shop: two years of orders, stock and supplies ..."):
        try:
            shop = _started(home, arguments, USUAL_PORTS)
        except FatalError:
            # Another demonstration may have taken a port between our look and the simulator's. Whatever else it was
            # comes again, and is told.
            shop = _started(home, arguments, ANY_PORTS)
    try:
        facts = shop.facts()
        console.print(f"The shop lives: {facts['products']:,} products, {facts['days']:,} days, seed {facts['seed']}.")
        yield shop
    finally:
        shop.close()
        _end(shop.process)


def _started(home: Path, arguments: list[str], ports: tuple[int, int]) -> _Shop:
    """A simulator that answers. Raises FatalError."""
    ozon_port, wildberries_port = map(_free_port, ports)
    command = [
        *(sys.executable, "-m", "micore.simulator"),
        *("--ozon-port", str(ozon_port), "--wildberries-port", str(wildberries_port)),
        *arguments,
    ]
    with (home / "simulator.log").open("ab") as log:
        # A group of its own: Ctrl-C is for us to handle, and the simulator ends last. However we end, its input does
        # too.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    shop = _Shop(f"http://127.0.0.1:{ozon_port}", f"http://127.0.0.1:{wildberries_port}", process)
    try:
        _wait_for(shop, home / "simulator.log")
    except BaseException:
        shop.close()
        _end(process)
        raise
    return shop


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(shop: _Shop, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if shop.process.poll() is not None:
            tail = " ".join(log.read_text(errors="replace").strip().splitlines()[-1:]) or "it said nothing"
            raise FatalError(f"The simulator ended at its start: {tail} (see {log}).")
        if shop.answers():
            return
        time.sleep(0.1)
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


def _settings(home: Path, port: int, shop: _Shop) -> Any:
    # The demonstration has a shop of its own: no key, database or setting of the user's may reach it.
    for name in [name for name in os.environ if name.startswith(("MICORE_", "OZON_", "PG_", "WILDBERRIES_", "WB_"))]:
        del os.environ[name]
    os.environ["MICORE_OZON_CLIENT_ID"] = "1000001"
    os.environ["MICORE_OZON_API_KEY"] = "demo-key"
    os.environ["MICORE_OZON_BASE_URL"] = shop.ozon_url
    os.environ["MICORE_WILDBERRIES_API_TOKEN"] = "demo-token"  # noqa: S105 - opens the simulator only
    os.environ["MICORE_WILDBERRIES_BASE_URL"] = shop.wildberries_url
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


def _live_through(ready: App, server: Served, shop: _Shop, past: _Past) -> None:
    """The first full sync four weeks ago, then a day at a time up to now; an interrupted past goes on where it was."""
    first = _ask(ready, server)
    _check(follow(lambda: [ready.sync.run(run_id) for run_id in first], title="First full sync"))
    changed, days = 0, past.days_left
    with Progress(
        TextColumn("Living through the last four weeks"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} days"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=LIVED_DAYS, completed=days.start)
        for day in days:
            shop.next_day(last=day == LIVED_DAYS - 1)
            past.begun(day + 1)
            ended = _wait(ready, _ask(ready, server))
            _check(ended)
            changed += sum(run.rows_loaded for run in ended)
            progress.update(task, advance=1)
    console.print(f"Lived through {len(days)} days: {len(days)} syncs, {changed:,} changed rows.")


def _ask(ready: App, server: Served) -> list[int]:
    requested = []
    for name, slot in ready.sync.sources.items():
        if slot.open is not None:
            streams = [stream.name for stream in slot.streams if stream.name not in WAITED_FOR]
            requested += ready.sync.request(trigger=Trigger.COMMAND, source=name, streams=streams)
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
