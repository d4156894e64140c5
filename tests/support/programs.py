"""Where the machine keeps the programs that tests drive, and the one line that is said when one is missing.

    python -m tests.support.programs        prints what is missing, a word per line: postgresql, redis, chromium

Only the standard library: scripts/test-needs asks it before anything else of the tests is there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

POSTGRESQL_MINIMUM = 15
POSTGRESQL_ROOTS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
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
    """Chromium or Chrome. Raises ProgramMissingError when there is none."""
    return _on_path(BROWSER_NAMES, "Chromium (or Chrome)")


def missing() -> Iterator[str]:
    """What of postgresql, redis, chromium is not on this machine or does not run."""
    needs: dict[str, Callable[[], Path]] = {"postgresql": postgresql_bin, "redis": redis_server, "chromium": browser}
    for name, find in needs.items():
        try:
            found = find()
        except ProgramMissingError:
            yield name
            continue
        # Ubuntu's chromium-browser is a script that only asks for a snap.
        if name == "chromium" and subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
            yield name


def _on_path(names: tuple[str, ...], what: str) -> Path:
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise ProgramMissingError(what)


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
