"""Prism: a server made from an official specification, which refuses every request that this does not allow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRISM = ROOT / "tests" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
LISTENING = re.compile(r"Prism is listening on (http://[0-9.:]+)")


@contextmanager
def mocking(spec: Path) -> Iterator[str]:
    """Serve a specification on a free loopback port; yields the address."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(ROOT / ".venv" / "node")])
    node = shutil.which("node", path=path)
    if node is None or not PRISM.exists():
        raise RuntimeError("Prism is missing: run `make test` once, or `npm ci --prefix tests/prism`.")
    command = [node, str(PRISM), "mock", "--host", "127.0.0.1", "--port", "0", str(spec)]
    environment = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"} | {"NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as prism:
        try:
            yield _address(prism)
        finally:
            prism.terminate()
            if prism.stdout is not None:
                prism.stdout.read()


def _address(prism: subprocess.Popen[str]) -> str:
    said = []
    for line in prism.stdout or ():
        said.append(line)
        found = LISTENING.search(line)
        if found:
            return found[1]
    raise RuntimeError("Prism did not start:\n" + "".join(said[-20:]))
