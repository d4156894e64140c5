"""Where the machine keeps the programs that tests drive, and the one line that is said when one is missing.

    python -m tests.support.programs        prints what is missing, a word per line: postgresql, redis, chromium, gcc

Only the standard library: scripts/test-needs asks it before anything else of the tests is there.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

POSTGRESQL_MINIMUM = 15
POSTGRESQL_ROOTS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
PROBE_SECONDS = 30
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class ProgramMissingError(RuntimeError):
    """A program that the tests need is not on this machine; the message names it and the way to get it."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not on this machine: run scripts/test-needs, which installs it or says what to install."
        )


def postgresql_bin() -> Path:
    """The folder of `initdb`, `pg_ctl` and `postgres`, the newest version of 15 or later.

    Raises ProgramMissingError when there is none.
    """
    found = [bin_dir for pattern in POSTGRESQL_ROOTS for bin_dir in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    usable = [
        (version, bin_dir) for bin_dir in found if (version := _postgresql_version(bin_dir)) >= POSTGRESQL_MINIMUM
    ]
    if not usable:
        raise ProgramMissingError(f"PostgreSQL {POSTGRESQL_MINIMUM} or newer (initdb, pg_ctl)")
    return max(usable)[1]


def redis_server() -> Path:
    """The `redis-server` program (or its twin `valkey-server`). Raises ProgramMissingError when there is none."""
    return _on_path(("redis-server", "valkey-server"), "redis-server")


def browser() -> Path:
    """Chromium or Chrome: the first that runs without a window. Raises ProgramMissingError when none does."""
    found = list(_all_on_path(BROWSER_NAMES))
    for program in found:
        if _runs_headless(program):
            return program
    tried = f" that runs without a window ({', '.join(map(str, found))} does not)" if found else ""
    raise ProgramMissingError(f"Chromium (or Chrome){tried}")


def compiler() -> Path:
    """A C compiler that makes a library. Raises ProgramMissingError when none does."""
    for found in _all_on_path(("cc", "gcc", "clang")):
        if _compiles(found):
            return found
    raise ProgramMissingError("A C compiler with the C library's headers (gcc)")


def missing() -> Iterator[str]:
    """What of postgresql, redis, chromium, gcc is not on this machine or does not run."""
    needs: dict[str, Callable[[], Path]] = {
        "postgresql": postgresql_bin,
        "redis": redis_server,
        "chromium": browser,
        "gcc": compiler,
    }
    for name, find in needs.items():
        try:
            find()
        except ProgramMissingError:
            yield name


def _on_path(names: tuple[str, ...], what: str) -> Path:
    for found in _all_on_path(names):
        return found
    raise ProgramMissingError(what)


def _all_on_path(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        found = shutil.which(name)
        if found is not None:
            yield Path(found)


@functools.cache
def _runs_headless(program: Path) -> bool:
    """Whether a browser opens an empty page; asked once for each program, it takes a second or two."""
    if _is_snap(program):
        return False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # A version is not enough to ask for: what tells it may still not start here, as root for instance.
        command = [str(program), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={profile}", "--dump-dom", "about:blank"]
        try:
            result = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return result.returncode == 0 and b"<html" in result.stdout


@functools.cache
def _compiles(program: Path) -> bool:
    """Whether a compiler finds what it needs beside itself, the headers and the linker."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [str(program), "-shared", "-fPIC", "-x", "c", "-o", f"{folder}/probe.so", "-"]
        source = b'#include <stdio.h>\nint probe(void) { return puts(""); }\n'
        try:
            result = subprocess.run(command, input=source, capture_output=True, timeout=PROBE_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return result.returncode == 0


def _is_snap(program: Path) -> bool:
    """A snap, or Ubuntu's script that calls one: it sees no temporary folder of ours, and root cannot start it."""
    real = program.resolve()
    if "snap" in program.parts or "snap" in real.parts:
        return True
    with real.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"/snap/" in head


def _postgresql_version(bin_dir: Path) -> int:
    """The major version that a folder such as /usr/lib/postgresql/15/bin names, 0 when it is not complete."""
    if not all((bin_dir / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
        return 0
    number = re.search(r"(\d+)", bin_dir.parent.name)
    # A folder without a version in its name (a build in /usr/local/pgsql) is believed to be new enough.
    return int(number.group(1)) if number else POSTGRESQL_MINIMUM


if __name__ == "__main__":
    for need in missing():
        print(need)
