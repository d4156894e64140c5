"""Makes backups in processes that die, or whose disk is full, at the Nth step that changes the disk for good.

Tasks are read from standard input, a JSON line each; every one runs in a process of its own, forked from this one,
which has loaded everything, and is answered with its exit code: 0 the backup was made, 3 it was refused, -9 killed.

    python -m tests.support.backup_victim
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from micore.domain.backup_views import BackupTrigger
from micore.errors import BackupError
from micore.storage import postgresql_copies, sqlite_copies
from micore.storage.database import Database
from tests.support.backing_up import backups_of

LOADED = (postgresql_copies, sqlite_copies)
STEPS = ("fsync", "rename", "replace", "symlink", "unlink", "rmdir", "mkdir")
REPOSITORY = Path(__file__).resolve().parents[2]


class Victims:
    """The program, for a test."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.backup_victim"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def back_up(self, url: str, home: Path, *, step: int, fate: str) -> int:
        """Try a backup that meets its fate ("kill" or "full") right before this step, counted from 1."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([url, str(home), step, fate]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def main() -> None:
    for line in sys.stdin:
        url, home, step, fate = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _back_up(url, Path(home), step, fate)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _back_up(url: str, home: Path, step: int, fate: str) -> NoReturn:
    code = 1
    sys.stdout = sys.stderr
    try:
        _count_down(step, fate)
        backups_of(Database(url), home).create(BackupTrigger.COMMAND)
        code = 0
    except BackupError:
        code = 3
    except BaseException:  # noqa: BLE001 - the last thing a forked process does
        traceback.print_exc()
    os._exit(code)


def _count_down(step: int, fate: str) -> None:
    """Let the fate come right before the step; a full disk stays full for that one call only."""
    left = [step]

    def at_risk(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if fate == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args, **kwargs)

        return counted

    for name in STEPS:
        setattr(os, name, at_risk(getattr(os, name)))


if __name__ == "__main__":
    main()
