"""`micore demo` as a user meets it when something is in its way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from micore.api.server import bind

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


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "demo"
    yield home
    for pid in simulators(home):
        os.kill(pid, signal.SIGKILL)


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
