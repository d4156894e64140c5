"""What must never be committed: addresses of package registries, paths of somebody's machine, unhashed packages."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
REGISTRY = re.compile(r"(pypi|pythonhosted|npmjs|debian)[.](org|com)\b|file:/{3}")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|home|root|Users|farm)/[A-Za-z.]")
# Facts of the outside world that are no address of ours: vendors' specs name their own servers.
VENDOR_FIXTURES = "tests/fixtures/specs/"


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows or would take, still on disk."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for name in listing.splitlines() if (path := REPOSITORY / name).is_file()]


def text_files() -> list[tuple[str, str]]:
    files = []
    for path in tracked():
        name = path.relative_to(REPOSITORY).as_posix()
        if name.startswith(VENDOR_FIXTURES):
            continue
        raw = path.read_bytes()
        if b"\0" not in raw[:8000]:
            files.append((name, raw.decode("utf-8")))
    return files


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE_PATH], ids=["registry address", "machine path"])
def test_nothing_of_this_machine_is_committed(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE_PATH], ids=["registry address", "machine path"])
@pytest.mark.parametrize(
    ("line", "is_registry", "is_path"),
    [
        ("https://files.python" + "hosted.org/packages/x.whl", True, False),
        ("--index-url https://py" + "pi.org/simple", True, False),
        ("cd /ho" + "me/anna/micore", False, True),
        ("sqlite:////wo" + "rk/data.db", False, False),
        ("GET /api/v1/home/x", False, False),
    ],
)
def test_the_patterns_find_what_they_should(
    pattern: re.Pattern[str], line: str, is_registry: bool, is_path: bool
) -> None:
    assert bool(pattern.search(line)) is (is_registry if pattern is REGISTRY else is_path)


@pytest.mark.parametrize("name", ["base.txt", "dev.txt", "node.txt"])
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (REPOSITORY / "requirements" / name).read_text()
    packages = [block for block in re.split(r"\n(?=\S)", text.strip()) if block]
    assert packages
    unlocked = [
        block.splitlines()[0] for block in packages if not re.match(r"[\w.-]+==\S+[^\n]* \\\n    --hash=sha256:", block)
    ]
    assert not unlocked


def test_dev_packages_include_the_base_at_the_same_versions() -> None:
    pins = {
        name: set(re.findall(r"^([\w.-]+==\S+)", (REPOSITORY / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("base.txt", "dev.txt")
    }
    assert pins["base.txt"] <= pins["dev.txt"]


def test_web_packages_are_locked_without_addresses() -> None:
    lock = json.loads((REPOSITORY / "web" / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name and not facts.get("link")}
    assert packages
    assert not [name for name, facts in packages.items() if "resolved" in facts]
    assert not [name for name, facts in packages.items() if "integrity" not in facts and not facts.get("inBundle")]
