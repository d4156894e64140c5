"""The commands that our documents name exist, and each explains itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_repository import tracked

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
# `make demo` in backquotes, or at the start of a line of a code block.
NAMED = re.compile(r"`make ([a-z][a-z-]*)|^(?:\$ )?make ([a-z][a-z-]*)", re.MULTILINE)


def test_every_target_has_help_and_is_phony() -> None:
    helped = set(re.findall(r"^([a-z][a-z-]*):.*## \S", MAKEFILE, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert helped == TARGETS == set(phony[1].split())


@pytest.mark.parametrize("document", tracked("*.md"), ids=lambda path: path.name)
def test_documents_name_only_commands_that_exist(document: Path) -> None:
    named = {first or second for first, second in NAMED.findall(document.read_text())}
    assert named <= TARGETS


def test_readme_opens_with_the_two_commands() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_ci_runs_what_the_readme_promises() -> None:
    ci = (REPOSITORY / ".ci" / "run").read_text()
    assert re.search(r"^make lint\b", ci, re.MULTILINE)
    assert re.search(r"^make test\b", ci, re.MULTILINE)
