"""Commands of micore as people give them: an environment, a working directory, an exit code and what is printed."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, words: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`micore WORDS...` in a folder, with this environment alone and nothing to read; see commander.py."""
    with tempfile.TemporaryDirectory() as printed:
        out, err = Path(printed) / "out", Path(printed) / "err"
        code = _ask(
            {
                "words": words,
                "folder": str(folder),
                "environment": dict(environment),
                "out": str(out),
                "err": str(err),
            }
        )
        return subprocess.CompletedProcess(["micore", *words], code, out.read_text(), err.read_text())


def _ask(task: dict[str, object]) -> int:
    commander = _commander()
    assert commander.stdin is not None
    assert commander.stdout is not None
    commander.stdin.write(json.dumps(task) + "\n")
    commander.stdin.flush()
    line = commander.stdout.readline()
    assert line, "the program that runs the commands has ended itself"
    return int(json.loads(line))


@functools.cache
def _commander() -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.support.commander"],
        cwd=ROOT,
        # Nothing of the developer's own: what the program reads when it loads is what any command would.
        env={"PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, program)
    return program


def _end(program: subprocess.Popen[str]) -> None:
    program.communicate()
