"""micore as a user runs it: the simulator and `micore serve` as processes of their own, on free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from tests.support.keeper import free_port

START_SECONDS = 90
SYNC_SECONDS = 180
HISTORY_DAYS = 60
UNDER_WAY = {"queued", "running"}


@dataclass(frozen=True)
class RunningShop:
    """A living shop and the micore that reads it; `home` is its data root."""

    url: str
    simulator_url: str
    home: Path

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON that the API answers with. Raises httpx2.HTTPStatusError for a refusal."""
        answer = httpx2.get(self.url + path, params=query, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def set_clock(self, **body: int | str | bool) -> None:
        """Move the simulator's clock: advance_seconds=N, set="...Z" or live=True."""
        httpx2.post(self.simulator_url + "/simulator/clock", json=body, timeout=60).raise_for_status()

    def sync(self) -> None:
        """Read everything that is new, as the button does, and wait for the end."""
        answer = httpx2.post(self.url + "/api/v1/sync/runs", json={}, timeout=30)
        answer.raise_for_status()
        deadline = time.monotonic() + SYNC_SECONDS
        for run in answer.json():
            while (now := self.get(f"/api/v1/sync/runs/{run['id']}"))["state"] in UNDER_WAY:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"The sync did not end within {SYNC_SECONDS} s: {now}")
                time.sleep(0.05)
            if now["state"] != "done":
                raise RuntimeError(f"The sync did not succeed: {now}")


@contextmanager
def running_shop(home: Path, products: int = 150, days: int = 120, lived_days: int = 3) -> Iterator[RunningShop]:
    """Start both, live through the last days with micore watching, and end both with the block.

    Raises RuntimeError with the end of its log when one of them does not start.
    """
    ozon_port, wildberries_port, port = free_port(), free_port(), free_port()
    began = datetime.now(UTC) - timedelta(days=lived_days)
    simulator = [
        *(sys.executable, "-m", "micore.simulator", "--ozon-port", str(ozon_port)),
        *("--wildberries-port", str(wildberries_port), "--seed", "7", "--products", str(products)),
        *("--days", str(days), "--no-limits", "--state", str(home / "simulator")),
        *("--clock", began.strftime("%Y-%m-%dT%H:%M:%SZ"), "--frozen"),
    ]
    shop = RunningShop(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ozon_port}", home)
    environment = {
        **os.environ,
        "MICORE_HOME": str(home / "data"),
        "MICORE_OZON_CLIENT_ID": "1000001",
        "MICORE_OZON_API_KEY": "key-of-the-tests",
        "MICORE_OZON_BASE_URL": shop.simulator_url,
        # Each month of storage costs is a report to wait for.
        "MICORE_OZON_HISTORY_DAYS": str(HISTORY_DAYS),
        "MICORE_SHOP_NAME": "Дом и уют",
        "MICORE_SYNC_SCHEDULE": "off",
    }
    serve = [sys.executable, "-m", "micore", "serve", "--port", str(port), "--no-schedule"]
    with ExitStack() as stack:
        stack.enter_context(process_of(simulator, home, {**os.environ}, f"{shop.simulator_url}/simulator"))
        stack.enter_context(process_of(serve, home, environment, f"{shop.url}/livez"))
        shop.sync()
        for _ in range(lived_days - 1):
            shop.set_clock(advance_seconds=86_400)
            shop.sync()
        shop.set_clock(live=True)
        shop.sync()
        yield shop


@contextmanager
def process_of(command: list[str], home: Path, environment: dict[str, str], answers: str) -> Iterator[None]:
    """Run a server until the block ends; it must answer before the block and end by itself on SIGTERM after it."""
    log = home / f"{command[2]}-{command[3].strip('-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait_for(process, answers, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"`{' '.join(command[2:4])}` did not end within 30 s of SIGTERM.") from None


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx2.get(url, timeout=5).is_success:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"No answer at {url}:\n{log.read_text(errors='replace')[-3000:]}")
