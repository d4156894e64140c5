"""A whole first sync of a large shop from the simulator: as fast as it goes, and within the marketplace's limits."""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, peak_resident_bytes, whole_cpu_seconds
from benchmarks.programs import program
from tests.support.keeper import free_port

DAYS = 7
PATIENCE_SECONDS = 900
LOOK_SECONDS = 0.2
MOST_MEGABYTES = 300.0


def run(*, quick: bool) -> Iterator[Figure]:
    """One sync each; walls, since most of it is waiting for answers."""
    # With its limits on, the marketplace decides how long it takes: a tenth of the shop shows as much.
    for limits, products in ((False, 2_000 if quick else 100_000), (True, 1_000 if quick else 10_000)):
        done = _measured(products, limits=limits)
        yield Figure(
            "sync",
            f"whole sync of {products:,} products, limits {'on' if limits else 'off'}",
            done.seconds,
            "s",
            None,
            f"all streams of Ozon, {DAYS} days of orders: {done.rows:,} rows, {done.requests:,} requests, "
            f"{done.cpu_seconds:.0f} s of micore's CPU; the simulator on the same machine; one sync",
        )
        yield Figure(
            "sync",
            f"memory of the sync of {products:,} products at the most, limits {'on' if limits else 'off'}",
            done.peak_bytes / 2**20,
            "MB",
            MOST_MEGABYTES,
            "resident memory of the `micore sync` process",
        )


@dataclass(frozen=True, slots=True)
class _Done:
    seconds: float
    rows: int
    requests: int
    cpu_seconds: float
    peak_bytes: int


def _measured(products: int, *, limits: bool) -> _Done:
    with tempfile.TemporaryDirectory(prefix="micore-bench-") as name, _simulator(Path(name), products, limits) as port:
        folder = Path(name)
        environment = {
            "MICORE_HOME": str(folder / "home"),
            "MICORE_OZON_CLIENT_ID": "1000001",
            "MICORE_OZON_API_KEY": "benchmark",
            "MICORE_OZON_BASE_URL": f"http://127.0.0.1:{port}",
        }
        started = time.monotonic()
        peak = 0
        log = folder / "sync.log"
        with program("micore", ["sync", "--full"], environment=environment, log=log) as sync:
            # An ended child's memory is not told any more: look while it lives, and leave it unreaped meanwhile.
            while os.waitid(os.P_PID, sync.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                peak = max(peak, _peak(sync.pid))
                if time.monotonic() - started > PATIENCE_SECONDS:
                    raise RuntimeError(f"The sync was not done within {PATIENCE_SECONDS} s.")
                time.sleep(LOOK_SECONDS)
            seconds, cpu = time.monotonic() - started, whole_cpu_seconds(sync.pid)
            if sync.wait() != 0:
                raise RuntimeError(f"The sync did not come through:\n{log.read_text(errors='replace')[-2000:]}")
        with program("micore", ["sync", "runs", "--json"], environment=environment, log=folder / "runs.json") as shown:
            shown.wait()
        rows = int(json.loads((folder / "runs.json").read_text())["items"][0]["rows_read"])
        return _Done(seconds, rows, int(_asked(port, "/simulator/stats")["total"]), cpu, peak)


@contextmanager
def _simulator(folder: Path, products: int, limits: bool) -> Iterator[int]:
    """The port of a simulated Ozon of this size."""
    port = free_port()
    arguments = [
        *("simulator", "--ozon-port", str(port), "--wildberries-port", "0"),
        *("--products", str(products), "--days", str(DAYS)),
        *(() if limits else ("--no-limits",)),
    ]
    log = folder / "simulator.log"
    with program("micore", arguments, environment={}, log=log) as simulator:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                _asked(port, "/simulator/stats")
                break
            except OSError:
                if simulator.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"The simulator did not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(LOOK_SECONDS)
        yield port


def _asked(port: int, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def _peak(pid: int) -> int:
    try:
        return peak_resident_bytes(pid)
    except (RuntimeError, OSError):  # it has just ended
        return 0
