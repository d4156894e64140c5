"""Runs commands of micore, each in a process of its own that is forked from one which has loaded everything.

Loading costs a command more than a second, and a test may give twenty. Tasks are read from standard input, a JSON line
each, and answered with a line that holds the exit code. That a command loads from nothing is seen wherever tests start
servers, syncs that are killed, and the demo.

    python -m tests.support.commander
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import httpcore2
import openpyxl

import micore.services
import micore.sources
import micore.storage
from micore import cli

LOADED_WHEN_FIRST_NEEDED = (httpcore2, openpyxl)
LONGEST_SECONDS = 240


def main() -> None:
    for package in (cli, micore.services, micore.sources, micore.storage):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # The environment of migrations is a script, run by those who migrate.
            if ".migrations." not in module.name:
                import_module(module.name)
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_a_command(task)
        _, status = os.waitpid(pid, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)


def _be_a_command(task: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        signal.alarm(LONGEST_SECONDS)
        os.chdir(task["folder"])
        os.environ.clear()
        os.environ.update(task["environment"])
        for descriptor, (path, mode) in enumerate(
            (
                (os.devnull, os.O_RDONLY),
                (task["out"], os.O_WRONLY | os.O_CREAT),
                (task["err"], os.O_WRONLY | os.O_CREAT),
            )
        ):
            os.dup2(os.open(path, mode), descriptor)
        sys.argv = ["micore", *task["words"]]
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - the last thing a forked process does
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
