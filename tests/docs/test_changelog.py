"""CHANGELOG.md keeps the form that people and tools read."""

from __future__ import annotations

import re
from pathlib import Path

CHANGELOG = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text()
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_versions_come_newest_first() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    dates = []
    for heading in headings[1:]:
        match = re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d{2}-\d{2})", heading)
        assert match, f"{heading!r} is not `[1.2.3] - 2026-01-31`"
        dates.append(match[1])
    assert dates == sorted(dates, reverse=True)


def test_changes_are_sorted_into_the_known_kinds() -> None:
    sections = re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]
    for section in sections:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert set(kinds) <= KINDS
        assert len(kinds) == len(set(kinds))


def test_every_kind_has_lines() -> None:
    for block in re.split(r"^### ", CHANGELOG, flags=re.MULTILINE)[1:]:
        assert re.search(r"^- \S", block, re.MULTILINE), block.splitlines()[0]
