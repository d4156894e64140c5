"""Programs that benchmarks start: on free ports, with an environment of their own, ended by us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

END_SECONDS = 20


@contextmanager
def program(
    module: str, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module arguments`, ended with the block. None of the user's own micore settings reaches it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**own_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def own_environment() -> dict[str, str]:
    """The environment without settings of micore, and without what keeps Python from keeping its byte code: a program
    that compiles all its modules at each start costs several times what an installed one costs."""
    foreign = ("MICORE_", "OZON_", "PG_", "WILDBERRIES_", "WB_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
