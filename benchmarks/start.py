"""What a newcomer waits for: the first start of the demonstration, a later one, and the web app on the wire."""

from __future__ import annotations

import gzip
import http.client
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure
from benchmarks.programs import program
from micore.app import web_folder
from tests.support.keeper import free_port

PATIENCE_SECONDS = 900
LOOK_SECONDS = 0.1
FIRST_ROUTE = ("index.html", "src/features/dashboard/DashboardPage.tsx")
LANGUAGES = "src/i18n/"
MOST_KB = 200.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Walls of one cold and one warm start, and the size of the first route."""
    yield _first_route()
    size = ["--products", "200", "--days", "60"] if quick else []
    with tempfile.TemporaryDirectory(prefix="micore-bench-") as name:
        folder = Path(name)
        cold = _until_products(folder, size)
        yield Figure(
            "start",
            "first `micore demo` to a dashboard with products",
            cold,
            "s",
            None,
            f"{'200' if quick else '1,163'} products, {'60' if quick else '730'} days; from the command to the first "
            "answer that has products, installing left out; one start, wall clock",
        )
        warm = _until_products(folder, size)
        yield Figure(
            "start",
            "second `micore demo` to a dashboard with products",
            warm,
            "s",
            None,
            "the same data; from the command to the first answer; one start, wall clock",
        )


def _until_products(folder: Path, size: list[str]) -> float:
    """Seconds from the command until the dashboard shows products; then the demonstration is ended."""
    port = free_port()
    started = time.monotonic()
    arguments = ["demo", "--home", str(folder / "demo"), "--port", str(port), *size]
    log = folder / f"demo-{port}.log"
    with program("micore", arguments, environment={}, log=log) as demo:
        while time.monotonic() - started < PATIENCE_SECONDS:
            if _products(port) > 0:
                taken = time.monotonic() - started
                # A shop that was left half-way would live on, and the second start not be warm.
                _wait_until_ready(log)
                return taken
            if demo.poll() is not None:
                break
            time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"The demonstration showed no products:\n{log.read_text(errors='replace')[-2000:]}")


def _wait_until_ready(log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while "Ready:" not in log.read_text(errors="replace"):
        if time.monotonic() > until:
            raise RuntimeError(f"The demonstration was not ready within {PATIENCE_SECONDS} s.")
        time.sleep(LOOK_SECONDS)


def _products(port: int) -> int:
    """How many products the dashboard has now; 0 as long as it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/v1/dashboard")
        answer = connection.getresponse()
        body = answer.read()
        return int(json.loads(body)["products"]) if answer.status == 200 else 0
    except OSError:
        return 0
    finally:
        connection.close()


# ------------------------------------------------------------------------------------------------ the web app


def _first_route() -> Figure:
    web = web_folder()
    if web is None:
        raise RuntimeError("The web app is not built: `make install` builds it.")
    manifest = json.loads((web / ".vite" / "manifest.json").read_text())
    languages = [name for name in manifest if name.startswith(LANGUAGES)]
    files = {"index.html", *_files(manifest, FIRST_ROUTE)}
    needed = sum(_compressed(web / file) for file in files)
    # One of them is loaded; a reader of the largest waits longest.
    needed += max(sum(_compressed(web / file) for file in _files(manifest, (each,)) - files) for each in languages)
    return Figure(
        "start",
        "web app, first route compressed",
        needed / 1000,
        "kB",
        MOST_KB,
        f"gzip of the {len(files)} files that the dashboard loads and of the largest language",
    )


def _files(manifest: Mapping[str, Any], entries: tuple[str, ...]) -> set[str]:
    """What the browser fetches for these entries: scripts with all that they import, and styles."""
    found: set[str] = set()
    ahead, seen = list(entries), set(entries)
    while ahead:
        chunk = manifest[ahead.pop()]
        found |= {chunk["file"], *chunk.get("css", [])}
        for each in chunk.get("imports", []):
            if each not in seen:
                seen.add(each)
                ahead.append(each)
    return found


def _compressed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 6))
