"""Rules of the house (ARCHITECTURE.md) that no linter of ours knows: each is a few lines of `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "micore"
LONGEST_FILE_LINES = 480  # about 400 is the aim; beyond this it is two rooms in one
CLOCKS_AND_WORLD = {"now", "today", "utcnow", "time_ns", "monotonic", "perf_counter", "getenv", "environ", "urlopen"}


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Our Python files, without migrations (frozen history) and the built web app."""
    left_out = {"versions", "web", "__pycache__"}
    return sorted(path for path in folder.rglob("*.py") if not left_out & set(path.relative_to(folder).parts))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def attributes(path: Path) -> Iterator[ast.Attribute]:
    """Every `something.name` in a file."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))


def place(path: Path, line: int | None = None) -> str:
    return str(path.relative_to(REPOSITORY)) + (f":{line}" if line else "")


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 5


def test_files_are_short_enough_to_know() -> None:
    long = {place(path): lines for path in modules() if (lines := path.read_text().count("\n")) > LONGEST_FILE_LINES}
    assert not long, "two rooms in one file? split it"


def test_every_file_says_what_it_owns() -> None:
    silent = [place(path) for path in modules() if not (ast.get_docstring(tree(path)) or "").strip()]
    assert not silent


def test_domain_knows_no_clock_and_no_world() -> None:
    seen = [
        place(path, node.lineno)
        for path in modules(PACKAGE / "domain")
        for node in attributes(path)
        if node.attr in CLOCKS_AND_WORLD
    ]
    assert not seen, "time and settings are arguments of the domain"


def test_only_database_commits() -> None:
    """One transaction per request, job or step, committed at the edge: a store has no commit."""
    seen = [
        place(path, node.lineno)
        for path in modules()
        if path.parent.name != "migrations" and path.relative_to(PACKAGE).as_posix() != "storage/database.py"
        for node in attributes(path)
        if node.attr == "commit"
    ]
    assert not seen


def test_database_differences_live_in_one_place() -> None:
    seen = [
        place(path, node.lineno)
        for path in modules()
        if path.parent.name != "migrations" and path.name not in {"dialects.py", "database.py"}
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare) and "dialect" in ast.unparse(node.left)
    ]
    assert not seen, "give storage/dialects.py a method instead"


@pytest.mark.parametrize("folder", ["sources", "forecasting", "reports", "alerts", "backups"])
def test_families_have_a_base(folder: str) -> None:
    family = PACKAGE / folder
    assert not family.exists() or (family / "base.py").exists()
