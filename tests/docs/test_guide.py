"""The source of docs/guides/add-a-source.md works as it stands there."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from micore.domain import records
from micore.plugins import SOURCES, registered
from micore.sources.checking.values import KEYS, RECORDS

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = (REPOSITORY / "docs" / "guides" / "add-a-source.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```\w+\n# file: (\S+)\n(.*?)```", GUIDE, re.DOTALL))


def check(folder: Path, shelf: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "micore", "source", "check", "shelf", "--set", f"folder={shelf}", "--frozen", *words],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "HOME": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def install(folder: Path) -> None:
    """As pip would: the module, and what pyproject.toml says of its entry point."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    (folder / "micore_shelf.py").write_text(FILES["micore_shelf.py"])
    info = folder / f"micore_shelf-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"][SOURCES]
    (info / "entry_points.txt").write_text(f"[{SOURCES}]\n" + "\n".join(f"{a} = {b}" for a, b in points.items()))


def test_the_small_source_keeps_every_promise(tmp_path: Path) -> None:
    install(tmp_path)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "stock.csv").write_text("sku,pieces\nTea,5\nCup,many\nPot,7\n")
    said = check(tmp_path, shelf, "--thorough", "--json")
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    report = json.loads(said.stdout)
    assert (report["score"], report["distribution"]) == (100, "micore-shelf 1.0")


def test_the_guide_names_every_stream_and_its_key() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `\w+` \| ([\w, ]+) \|", GUIDE, re.MULTILINE))
    assert rows == {stream: ", ".join(KEYS[kinds[0]]) for stream, kinds in RECORDS.items()}
    for stream, kinds in RECORDS.items():
        assert f"| `{stream}` | `{kinds[0].__name__}` |" in GUIDE
        assert hasattr(records, kinds[0].__name__)


def test_the_drop_folder_is_known_by_its_entry_point_alone() -> None:
    """Nothing outside of the module names it."""
    assert registered(SOURCES)["files"].value == "micore.sources.files:FilesSource"
    package = REPOSITORY / "src" / "micore"
    naming = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if not path.is_relative_to(package / "sources" / "files")
        and any(
            isinstance(node, ast.ImportFrom | ast.Import) and "sources.files" in ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert naming == []
