"""The throw-away servers of one test run: started by the first test that asks, shared by all xdist workers."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parents[2]
RUN_DIR_VARIABLE = "TEST_RUN_DIR"


@dataclass(frozen=True)
class Server:
    """A running server on 127.0.0.1; `user` is empty where the server knows none."""

    port: int
    user: str


class TestRun:
    """Owned by the process that runs pytest (xdist's controller): as long as it lives, so do its servers."""

    __test__ = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="micore-test-run-"))
        # A POSIX record lock: it belongs to this process alone (no child inherits it) and ends with it.
        self._alive: IO[bytes] = (self.folder / "alive").open("w+b")
        fcntl.lockf(self._alive, fcntl.LOCK_EX)
        os.environ[RUN_DIR_VARIABLE] = str(self.folder)

    def close(self) -> None:
        """Let the keepers end their servers, and wait until they did."""
        self._alive.close()
        for pid_file in self.folder.glob("*.pid"):
            _wait_for_end(int(pid_file.read_text()))
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(RUN_DIR_VARIABLE, None)


def server(kind: str) -> Server:
    """The running server of this kind ("postgresql" or "redis"), started now when it is the first request.

    Raises RuntimeError with what the server said when it does not start, or what is missing on the machine.
    """
    folder = Path(os.environ[RUN_DIR_VARIABLE])
    facts = folder / f"{kind}.json"
    with FileLock(folder / f"{kind}.lock"):
        if not facts.exists():
            facts.write_text(_start(kind, folder))
    return Server(**json.loads(facts.read_text()))


def _start(kind: str, folder: Path) -> str:
    log = folder / f"{kind}.log"
    with log.open("wb") as errors:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.keeper", kind, str(folder / "alive")],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    (folder / f"{kind}.pid").write_text(str(keeper.pid))
    assert keeper.stdout is not None
    line = keeper.stdout.readline().decode()
    keeper.stdout.close()
    # The keeper outlives this process on purpose; without this, Popen would warn about it when it is collected.
    keeper.returncode = 0
    if not line:
        raise RuntimeError(f"The test server {kind} did not start:\n{log.read_text(errors='replace')[-2000:]}")
    return line


def _wait_for_end(pid: int) -> None:
    """Wait for a keeper that may be our child or a worker's."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        try:
            descriptor = os.pidfd_open(pid)
        except (ProcessLookupError, AttributeError):
            return
        select.select([descriptor], [], [], 30)
        os.close(descriptor)
