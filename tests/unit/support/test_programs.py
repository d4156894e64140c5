"""Which of the machine's browsers the tests take."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support import programs

PAGE = 'case "$*" in *--dump-dom*) echo "<html></html>";; esac'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(programs, "PROBE_SECONDS", 5)
    return folder


def program(path: Path, shell: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{shell}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    "broken",
    [
        'case "$*" in *--version*) echo "Chromium 140";; *) exit 46;; esac',
        'echo "the chromium snap is needed" >&2; exit 10',
        'echo "a window without a page"',
        f"exec /snap/bin/chromium; {PAGE}",
    ],
    ids=["only tells its version", "asks for a snap", "shows nothing", "calls a snap"],
)
def test_a_browser_that_does_not_run_gives_way_to_one_that_does(machine: Path, broken: str) -> None:
    program(machine / "chromium-browser", broken)
    chrome = program(machine / "google-chrome", PAGE)
    assert programs.browser() == chrome
    chrome.unlink()
    with pytest.raises(programs.ProgramMissingError, match=r"chromium-browser does not"):
        programs.browser()
    assert "chromium" in programs.missing()


def test_an_installed_snap_is_refused_although_it_runs(machine: Path, tmp_path: Path) -> None:
    (machine / "chromium").symlink_to(program(tmp_path / "snap" / "bin" / "chromium", PAGE))
    with pytest.raises(programs.ProgramMissingError, match="chromium does not"):
        programs.browser()


def test_a_browser_that_hangs_is_given_up(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROBE_SECONDS", 0.2)
    program(machine / "chromium", "exec /bin/sleep 60")
    chrome = program(machine / "google-chrome", PAGE)
    assert programs.browser() == chrome
