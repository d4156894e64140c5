"""The generated pages are those of this program, and every setting says what it means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from micore.app import installed_source_options
from micore.config import facts

REPOSITORY = Path(__file__).resolve().parents[2]


def test_generated_pages_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"run `make generate`:\n{result.stdout}{result.stderr}"


def test_every_setting_is_described_in_the_table_and_the_example() -> None:
    table = (REPOSITORY / "docs" / "reference" / "settings.md").read_text()
    example = (REPOSITORY / ".env.example").read_text()
    settings = facts(installed_source_options())
    assert len(settings) > 10
    for setting in settings:
        assert len(setting.description) > 8, setting.name
        assert f"| `{setting.name}` |" in table
        assert f"\n#{setting.name}=" in example


def test_the_example_gives_no_secret_a_value() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    for setting in facts(installed_source_options()):
        if setting.secret:
            assert f"\n#{setting.name}=\n" in example
