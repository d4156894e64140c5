"""The program itself: how it runs, whatever the command."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from micore import cli


@pytest.fixture
def thresholds() -> Iterator[None]:
    """Leaves Python's own ones behind."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_garbage_is_not_looked_for_inside_of_a_step(thresholds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["micore", "--version"])
    with pytest.raises(SystemExit):
        cli.main()
    assert gc.get_threshold()[0] == cli.YOUNG_OBJECTS
