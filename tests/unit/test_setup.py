"""scripts/setup.py: which Python and Node it takes, when a step is done again, what it says when it cannot go on."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def program(folder: Path, name: str, shell: str) -> Path:
    """A small shell program for the fake machine that a test builds."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{shell}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, working on a checkout in a temporary folder with nothing on the PATH but /bin/sh."""
    spec = importlib.util.spec_from_file_location("micore_setup", REPOSITORY / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "checkout"
    for folder in ("web/src", "requirements", "src/micore"):
        (root / folder).mkdir(parents=True)
    for name in ("web/package.json", "web/package-lock.json", "web/src/main.tsx", "pyproject.toml"):
        (root / name).write_text("{}")
    for name in ("base.txt", "dev.txt", "node.txt"):
        (root / "requirements" / name).write_text(name)
    venv = root / ".venv"
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(module, "WEB", root / "web")
    monkeypatch.setattr(module, "WEB_OUTPUT", root / "src" / "micore" / "web")
    monkeypatch.setattr(module, "REQUIREMENTS", root / "requirements")
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "VENV_NODE", venv / "node")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return module


@pytest.mark.parametrize(
    ("said", "usable"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.1", True),
        ("nothing of the kind", False),
    ],
)
def test_node_must_be_one_that_builds_the_web_app(setup: ModuleType, said: str, usable: bool) -> None:
    assert setup.node_is_new_enough(setup.version_of(said)) is usable


def test_node_of_the_machine_is_taken_when_it_is_new_enough(setup: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "bin", "node", "echo v22.12.0")
    program(tmp_path / "bin", "npm", "echo 11.0.0")
    assert setup.find_node() == tmp_path / "bin"


@pytest.mark.parametrize(("node", "npm"), [("v18.19.0", "11.0.0"), ("v22.12.0", "10.9.0")])
def test_old_node_gives_way_to_the_packaged_one(setup: ModuleType, tmp_path: Path, node: str, npm: str) -> None:
    program(tmp_path / "bin", "node", f"echo {node}")
    program(tmp_path / "bin", "npm", f"echo {npm}")
    assert setup.find_node() is None
    setup.VENV_NODE.mkdir(parents=True)
    program(setup.VENV_NODE, "node", "echo v24.1.0")
    program(setup.VENV_NODE, "npm", "echo 11.2.0")
    assert setup.find_node() == setup.VENV_NODE


def test_old_python_is_refused_in_one_line(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(tmp_path / "bin", "python3", "echo 3 10")
    monkeypatch.setattr(setup.sys, "executable", str(old))
    with pytest.raises(setup.SetupError, match=r"^Python 3.11 or newer is needed"):
        setup.find_python()


def test_newer_python_beside_an_old_one_is_found(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(tmp_path / "bin", "python3", "echo 3 10")
    new = program(tmp_path / "bin", "python3.13", "echo 3 13")
    monkeypatch.setattr(setup.sys, "executable", str(old))
    assert setup.find_python() == str(new)


def test_missing_venv_module_names_the_package(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = program(tmp_path / "bin", "python3", 'case "$2" in *ensurepip*) exit 1;; *) echo 3 11;; esac')
    monkeypatch.setattr(setup.sys, "executable", str(bare))
    with pytest.raises(setup.SetupError, match=r"apt-get install python3\.11-venv"):
        setup.find_python()


def test_web_steps_run_once_until_their_sources_change(
    setup: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = tmp_path / "calls"
    index = setup.WEB_OUTPUT / "index.html"
    program(
        tmp_path / "bin",
        "npm",
        f'echo "$1" >> {calls}; /bin/mkdir -p {setup.WEB}/node_modules {setup.WEB_OUTPUT}; : > {index}',
    )

    def made() -> list[str]:
        calls.write_text("")
        setup.install_web_packages(setup.WEB, tmp_path / "bin")
        setup.build_web_app(tmp_path / "bin")
        return calls.read_text().split()

    assert made() == ["ci", "run"]
    assert made() == []
    (setup.WEB / "src" / "main.tsx").write_text("changed")
    assert made() == ["run"]
    (setup.WEB / "package-lock.json").write_text("changed")
    assert made() == ["ci", "run"]
    index.unlink()
    assert made() == ["run"]


def test_failing_step_shows_what_was_said_and_is_not_remembered(
    setup: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (setup.WEB / "node_modules").mkdir()
    program(tmp_path / "bin", "npm", "echo the registry is away; exit 1")
    for _ in range(2):
        with pytest.raises(setup.SetupError, match=r"`npm ci .*` failed, see above"):
            setup.install_web_packages(setup.WEB, tmp_path / "bin")
        assert "the registry is away" in capfd.readouterr().err


def test_base_packages_are_enough_after_dev_ones_but_not_before(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.VENV.mkdir()
    taken: list[tuple[str, ...]] = []
    monkeypatch.setattr(setup, "_pip", lambda *arguments: taken.append(arguments))

    def installed(*, dev: bool) -> list[str]:
        taken.clear()
        setup.install_packages(dev)
        return [Path(arguments[-1]).name for arguments in taken]

    assert installed(dev=False) == ["base.txt", "checkout"]
    assert installed(dev=False) == []
    assert installed(dev=True) == ["dev.txt"]
    assert installed(dev=False) == []
    (setup.REQUIREMENTS / "base.txt").write_text("changed")
    assert installed(dev=False) == ["base.txt"]


def test_moved_checkout_gets_a_new_environment(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (setup.VENV / "bin").mkdir(parents=True)
    (setup.VENV / "bin" / "python").touch()
    (setup.VENV / "pyvenv.cfg").touch()
    made: list[list[str]] = []

    def make(command: list[str]) -> None:
        made.append(command)
        setup.VENV.mkdir()

    monkeypatch.setattr(setup, "_run", make)
    monkeypatch.setattr(setup, "find_python", lambda: "python3")
    setup._stamp(setup.VENV, "place", "/somewhere/else")
    setup.make_venv()
    assert made == [["python3", "-m", "venv", str(setup.VENV)]]


def needs_tried(
    tmp_path: Path, *, lacking: str, system: str = "debian", apt: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """scripts/test-needs on a machine that lacks something; `apt` is what apt-get installs: the package, the need."""
    checkout, bin_dir, lacks = tmp_path / "checkout", tmp_path / "bin", tmp_path / "lacks"
    for folder in (checkout / "scripts", checkout / ".venv" / "bin", bin_dir, lacks):
        folder.mkdir(parents=True)
    for need in lacking.split():
        (lacks / need).touch()
    (checkout / "scripts" / "test-needs").write_bytes((REPOSITORY / "scripts" / "test-needs").read_bytes())
    program(checkout / ".venv" / "bin", "python", f"ls {lacks}")
    for name in ("bash", "sh", "dirname", "paste", "cut", "env", "ls", "grep", "tail", "mktemp", "rm", "echo"):
        source = next(Path(folder, name) for folder in ("/usr/bin", "/bin") if Path(folder, name).exists())
        (bin_dir / name).symlink_to(source)
    if apt is not None:
        program(bin_dir, "id", "echo 0")
        known = " | ".join(apt) or "none-at-all"
        # More than a pipe holds comes after the line that is looked for, as a long table of versions may.
        table = "printf '%0100000d' 0"
        program(
            bin_dir, "apt-cache",
            f'case $2 in {known}) echo "  Candidate: 1.0"; {table};; *) echo "  Candidate: (none)";; esac',
        )  # fmt: skip
        brings = "".join(f"{package}) rm -f {lacks}/{need};; " for package, need in apt.items())
        refuses = '*) echo "E: Package $word has no installation candidate" >&2; exit 100;;'
        program(
            bin_dir, "apt-get",
            f"for word; do case $word in -*|*=*|install|update) ;; {brings}{refuses} esac; done\n"
            f'echo "$@" >> {tmp_path}/apt',
        )  # fmt: skip
    (tmp_path / "os-release").write_text(f'NAME="Some Linux"\nID={system}\n')
    return subprocess.run(
        ["bash", str(checkout / "scripts" / "test-needs")],
        env={"PATH": str(bin_dir), "OS_RELEASE": str(tmp_path / "os-release")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


CHROME = "install Google Chrome from https://www.google.com/chrome (Ubuntu's chromium is a snap: no use here)"


@pytest.mark.parametrize(
    ("system", "says"),
    [
        ("debian", "To do: sudo apt-get install chromium redis-server"),
        ("ubuntu", f"To do: sudo apt-get install redis-server; and {CHROME}"),
        ("arch", "Install them: PostgreSQL 15 or newer with initdb, redis-server, Chromium or Google Chrome, gcc"),
    ],
)
def test_test_needs_say_in_one_line_what_to_do_on_this_system(tmp_path: Path, system: str, says: str) -> None:
    result = needs_tried(tmp_path, lacking="chromium redis", system=system)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"The tests need chromium redis, and this system has no apt-get. {says}\n"


def test_test_needs_install_what_there_is_and_name_the_rest(tmp_path: Path) -> None:
    apt = {"redis-server": "redis", "postgresql": "postgresql"}
    result = needs_tried(tmp_path, lacking="chromium postgresql redis", system="ubuntu", apt=apt)
    assert "install -y --no-install-recommends postgresql redis-server" in (tmp_path / "apt").read_text()
    assert result.returncode == 1
    assert result.stderr.startswith("The tests need chromium, and this system's packages bring none that runs.")
    assert "apt-get install" not in result.stderr
    assert "Google Chrome" in result.stderr


def test_test_needs_bring_a_compiler_with_its_headers(tmp_path: Path) -> None:
    apt = {"build-essential": "gcc", "gcc": "gcc"}
    assert needs_tried(tmp_path, lacking="gcc", system="debian", apt=apt).returncode == 0
    assert "install -y --no-install-recommends build-essential\n" in (tmp_path / "apt").read_text()


@pytest.mark.parametrize("package", ["chromium", "google-chrome-stable"])
def test_test_needs_take_the_browser_that_apt_has(tmp_path: Path, package: str) -> None:
    result = needs_tried(tmp_path, lacking="chromium", system="ubuntu", apt={package: "chromium"})
    assert (result.returncode, result.stderr) == (0, "")
    assert package in (tmp_path / "apt").read_text()


def test_help_needs_nothing_but_python() -> None:
    result = subprocess.run(
        [sys.executable, "-I", "-S", str(REPOSITORY / "scripts" / "setup.py"), "--help"],
        env={"PATH": os.defpath}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0
    assert "install" in result.stdout
