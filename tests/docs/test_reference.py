"""What is generated from the program is what the program says now."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETS = runpy.run_path(str(REPOSITORY / "scripts" / "reference.py"))["TARGETS"]


@pytest.mark.parametrize("name", list(TARGETS))
def test_is_up_to_date(name: str) -> None:
    assert (REPOSITORY / name).read_text(encoding="utf-8") == TARGETS[name](), "run `python scripts/reference.py`"
