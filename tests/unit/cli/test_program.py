"""The program itself: how it runs, whatever the command."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from micore import cli

Registered = list[Callable[[], object]]


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registered]:
    """Runs `micore --version` here; what it wants done at its exit. Leaves Python's own thresholds behind."""
    before, registered = gc.get_threshold(), Registered()
    monkeypatch.setattr("atexit.register", registered.append)
    monkeypatch.setattr("sys.argv", ["micore", "--version"])
    with pytest.raises(SystemExit):
        cli.main()
    yield registered
    gc.set_threshold(*before)


def test_garbage_is_not_looked_for_inside_of_a_step(at_exit: Registered) -> None:
    del at_exit
    assert gc.get_threshold()[0] == cli.YOUNG_OBJECTS


def test_what_lives_at_the_end_is_not_looked_through(at_exit: Registered) -> None:
    assert gc.freeze in at_exit
