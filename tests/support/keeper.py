"""Runs one throw-away server and ends it when the test run that asked for it is gone, however that went.

    python -m tests.support.keeper postgresql|redis <alive file>

The test run holds a lock on the alive file as long as it lives. The keeper prints one line of JSON when the server
answers, then waits for that lock: the kernel gives it up on a clean end, an exception and a `kill -9` alike.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from tests.support import programs

START_ATTEMPTS = 5
START_SECONDS = 60


def main(kind: str, alive_file: str) -> None:
    """Start the server of this kind, say so on standard output, and stop it when nobody holds `alive_file`."""
    # Ctrl-C goes to the whole terminal group; the server must outlive the tests' own clean-up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix=f"micore-test-{kind}-"))
    server = Postgresql(folder) if kind == "postgresql" else Redis(folder)
    try:
        port = server.start()
        print(json.dumps({"port": port, "user": server.user}), flush=True)
        with Path(alive_file).open("r+b") as alive:
            fcntl.lockf(alive, fcntl.LOCK_EX)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody listens on right now; another program may take it before we do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Postgresql:
    """A cluster in a folder of its own, without durability: it lives as long as the test run."""

    settings: ClassVar[tuple[str, ...]] = (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "unix_socket_directories=",
        "listen_addresses=127.0.0.1",
        "max_connections=200",
        "shared_buffers=128MB",
        "timezone=UTC",
        "log_min_messages=warning",
    )

    def __init__(self, folder: Path) -> None:
        self.user = "micore"
        self._bin = programs.postgresql_bin()
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._account = _unprivileged_account()
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def start(self) -> int:
        self._run("initdb", "--auth=trust", f"--username={self.user}", "--encoding=UTF8", "--locale=C", "--no-sync")
        for _ in range(START_ATTEMPTS):
            port = free_port()
            options = " ".join(f"-c {setting}" for setting in (*self.settings, f"port={port}"))
            started = self._run(
                "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", str(self._log), "-o", options, check=False
            )
            if started.returncode == 0:
                return port
        raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text(errors='replace')}")

    def stop(self) -> None:
        # Nothing of this cluster is wanted again, so the fastest way down is the right one.
        self._run("pg_ctl", "stop", "-m", "immediate", "-w", check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        account = self._account
        return subprocess.run(
            [str(self._bin / program), "-D", str(self._data), *arguments],
            check=check,
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            # The server inherits these: standard output must close for the test run to see the keeper's own line.
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
        )


class Redis:
    """A Redis that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.user = ""
        self._folder = folder
        self._program = programs.redis_server()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        for _ in range(START_ATTEMPTS):
            port = free_port()
            options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": "64"}
            self._process = subprocess.Popen(
                [str(self._program), *(word for name, value in options.items() for word in (f"--{name}", value))],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
            )
            if self._is_ready(port):
                return port
            self.stop()
        raise RuntimeError("redis-server did not start: see what it printed above.")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _is_ready(self, port: int) -> bool:
        """Ask until the server answers (True), ends by itself or the time is over (False)."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(7) == b"+PONG\r\n":
                    return True
            time.sleep(0.02)
        return False


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as: it refuses root. None means as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(
        "PostgreSQL refuses to run as root, and this machine has neither the account postgres nor nobody."
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
