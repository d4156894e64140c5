"""The power is cut while the transaction log is written: the log alone makes all that was acknowledged, and the next
start finds database and log in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.power.cuts import cut_at_random, findings, nothing_wrong
from tests.power.judging import damage_of_log, damage_without_database
from tests.power.recording import Recording, record
from tests.power.test_power_cuts import first_acknowledgement


def recorded(tmp_path: Path, **how: object) -> Recording:
    (tmp_path / "home").mkdir()
    return record("logged", tmp_path / "home", **how)


def test_the_log_alone_makes_what_was_acknowledged(tmp_path: Path) -> None:
    recording = recorded(tmp_path, commits=12)
    judged = findings(recording, cut_at_random(recording, 30, 11), damage_of_log)
    nothing_wrong(judged)
    assert len({len(cut.acknowledged) for cut, _ in judged}) > 10, "the cuts fall into the midst of it"
    sealed = [each for each in recording.journal if each.operation == "r" and "log/" in each.path]
    assert len(sealed) >= 4, "files are sealed meanwhile"


def test_a_log_that_is_not_synced_is_caught(tmp_path: Path) -> None:
    recording = recorded(tmp_path, commits=12, synced=False)
    judged = findings(
        recording, cut_at_random(recording, 20, 12, after=first_acknowledgement(recording)), damage_without_database
    )
    caught = [cut for cut, found in judged if any("acknowledged and lost" in each for each in found)]
    assert len(caught) >= len(judged) / 2, f"{len(caught)} of {len(judged)}"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_cuts_of_the_log(tmp_path: Path, seed: int) -> None:
    recording = recorded(tmp_path, commits=20, seed=seed)
    nothing_wrong(findings(recording, cut_at_random(recording, 100, 100 + seed), damage_of_log))
