"""`micore demo` cut off in the middle: the simulator ends with it, and the next start goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from micore.api.server import bind
from tests.support.keeper import free_port

PATIENCE_SECONDS = 400


def start(home: Path, port: int, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "micore", "demo", "--home", str(home), "--port", str(port), "--once", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Wide, so that no line of it is wrapped.
        env={**os.environ, "COLUMNS": "200"},
    )


def simulators(home: Path) -> list[int]:
    """The processes that keep their shop in this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            if b"micore.simulator" in words and str(home / "simulator").encode() in words:
                found.append(int(entry.name))
    return found


def until(happened: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def lived(home: Path) -> int:
    """How many days of its past a demonstration has begun; 0 before the first."""
    try:
        days: int = json.loads((home / "lived-through").read_bytes())["days"]
    except FileNotFoundError:
        return 0
    return days


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "demo"
    yield home
    for pid in simulators(home):
        os.kill(pid, signal.SIGKILL)


def cut_off(home: Path, number: signal.Signals) -> int:
    """Start a demonstration, end it in the past, and see its simulator go; how many days it had lived through."""
    demo = start(home, free_port(), "--products", "12", "--days", "40")
    until(lambda: lived(home) >= 3 or demo.poll() is not None, "no day was lived through")
    assert demo.poll() is None, demo.communicate()[0]
    assert len(simulators(home)) == 1
    demo.send_signal(number)
    demo.communicate(timeout=PATIENCE_SECONDS)
    until(lambda: not simulators(home), "the simulator outlived its demonstration")
    assert lived(home) < 28
    return lived(home)


def test_a_closed_terminal_ends_the_simulator_too(home: Path) -> None:
    cut_off(home, signal.SIGHUP)


def test_killed_in_the_past_it_goes_on_there(home: Path) -> None:
    days = cut_off(home, signal.SIGKILL)
    said, _ = start(home, free_port()).communicate(timeout=PATIENCE_SECONDS)
    assert f"Lived through {28 - days} days" in said, said
    assert lived(home) == 28
    shown = subprocess.run(
        [sys.executable, "-m", "micore", "sync", "runs", "--findings", "--json"],
        env={**os.environ, "MICORE_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    runs = json.loads(shown.stdout)["items"]
    kinds = {finding["kind"] for run in runs for stream in run["streams"] for finding in stream["findings"]}
    # A shop this small has not shown every word of its marketplace when the past begins.
    assert kinds <= {"new_value"}


def test_a_taken_port_is_told_before_anything_is_built(home: Path) -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        demo = start(home, port)
        said, _ = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert f"make demo PORT={port + 100}" in said
    assert not (home / "simulator").exists()
