"""The power is cut while backups are made and while a database is exchanged for another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.power.cuts import cut_at_random, cut_everywhere, findings, nothing_wrong
from tests.power.judging import damage_of_backups, damage_of_exchange, damage_of_restore
from tests.power.living_tables import settle
from tests.power.recording import record
from tests.support.swapping import make_template


def test_a_backup_that_was_told_of_is_there_and_latest_can_be_read(tmp_path: Path) -> None:
    recording = record("backups", settle(tmp_path / "home"), many=3)
    judged = findings(recording, cut_at_random(recording, 25, 11), damage_of_backups)
    nothing_wrong(judged)
    assert {sum(line.startswith("backup") for line in cut.acknowledged) for cut, _ in judged} >= {0, 1, 2}


def test_a_restore_is_the_backup_or_the_shop_of_before(tmp_path: Path) -> None:
    recording = record("restore", settle(tmp_path / "home"))
    begun = next(at for at, each in enumerate(recording.journal) if each.operation == "a") + 1
    judged = findings(recording, cut_at_random(recording, 60, 13, after=begun), damage_of_restore)
    nothing_wrong(judged)
    assert {"restored" in cut.acknowledged for cut, _ in judged} == {True, False}


def test_an_exchange_is_all_old_or_all_new(tmp_path: Path) -> None:
    home = make_template(tmp_path / "home").root
    recording = record("exchange", home)
    nothing_wrong(findings(recording, cut_everywhere(recording, 4, 12), damage_of_exchange))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 205))
def test_many_cuts_of_both(tmp_path: Path, seed: int) -> None:
    recording = record("backups", settle(tmp_path / "backups"), many=4)
    nothing_wrong(findings(recording, cut_at_random(recording, 100, seed), damage_of_backups))
    recording = record("exchange", make_template(tmp_path / "exchange").root)
    nothing_wrong(findings(recording, cut_everywhere(recording, 10, seed), damage_of_exchange))
