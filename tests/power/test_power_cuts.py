"""The power is cut while the product writes: whatever a cut leaves, all that was acknowledged is there, once and whole.

And the harness sees what it must: a database that does not sync its commits, and a live file that is merely copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage.database import Database
from tests.power.cuts import cut_at_random, findings, nothing_wrong
from tests.power.cutting import lay_out
from tests.power.judging import damage, damage_of_sync
from tests.power.living import _installed
from tests.power.living_tables import database_of, settle, url_of
from tests.power.recording import Recording, record
from tests.support.real_sync import Content, content_of

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    """A small shop whose clock stands still."""
    shop = Shop(seed=7, products=6, days=10, today=NOW.date())
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


def test_no_acknowledged_write_is_lost(tmp_path: Path) -> None:
    recording = record("writes", settle(tmp_path / "home"), commits=40)
    judged = findings(recording, cut_at_random(recording, 70, 1), damage)
    nothing_wrong(judged)
    assert len({len(cut.acknowledged) for cut, _ in judged}) > 20, "the cuts fall into the midst of it"
    checkpoints = [each for each in recording.journal if each.operation == "f" and each.path == "db/micore.db"]
    assert len(checkpoints) > 5, "SQLite's log goes into the database again and again meanwhile"


def test_nor_when_everything_is_made_for_the_first_time(tmp_path: Path) -> None:
    """The folders, too: what is synced inside of a folder goes with the folder's own name."""
    (tmp_path / "home").mkdir()
    recording = record("first_start", tmp_path / "home", commits=20)
    judged = findings(recording, cut_at_random(recording, 30, 6, after=first_acknowledgement(recording)), damage)
    nothing_wrong(judged)
    assert all(cut.acknowledged for cut, _ in judged)


def first_acknowledgement(recording: Recording) -> int:
    return next(at for at, each in enumerate(recording.journal) if each.operation == "a") + 1


def test_commits_that_are_not_synced_are_caught(tmp_path: Path) -> None:
    recording = record("writes", settle(tmp_path / "home"), commits=40, synchronous="NORMAL")
    judged = findings(recording, cut_at_random(recording, 30, 2), damage)
    caught = [cut for cut, found in judged if any("acknowledged and lost" in each for each in found)]
    assert len(caught) >= len(judged) / 2, f"{len(caught)} of {len(judged)}"


def test_a_live_file_that_is_copied_is_no_backup(tmp_path: Path) -> None:
    recording = record("copies", settle(tmp_path / "home"), commits=40, every=4)
    acknowledged: list[str] = []
    lacking = 0
    for told in (line for each in recording.journal if each.operation == "a" for line in each.data.decode().split()):
        if told.startswith("copy"):
            lacking += bool(damage(copied(recording.lived / f"{told}.db", tmp_path / told), acknowledged))
        else:
            acknowledged.append(told)
    assert lacking >= 5, "of ten copies"


def copied(file: Path, home: Path) -> Path:
    database_of(home).parent.mkdir(parents=True)
    return Path(shutil.copyfile(file, database_of(home))).parents[1]


def test_a_copy_is_no_backup_after_a_cut_either(tmp_path: Path) -> None:
    """Nobody has synced it: told to be there, it may be anything."""
    recording = record("copies", settle(tmp_path / "home"), commits=12, every=4)
    incomplete = told = 0
    for cut in cut_at_random(recording, 40, 3):
        for name in (each for each in cut.acknowledged if each.startswith("copy")):
            told += 1
            incomplete += cut.files.get(f"{name}.db") != (recording.lived / f"{name}.db").read_bytes()
    assert incomplete >= told / 2 > 10


@pytest.fixture(scope="module")
def synced(market: Running, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    home = settle(tmp_path_factory.mktemp("synced") / "home", counter=True)
    return record("sync", home, url=market.ozon_url, now=NOW.isoformat())


class TestSync:
    def test_what_it_has_stored_stays_and_can_be_read(self, synced: Recording) -> None:
        nothing_wrong(findings(synced, cut_at_random(synced, 40, 4), damage_of_sync))

    def test_the_next_one_ends_where_an_undisturbed_one_does(self, synced: Recording, market: Running) -> None:
        expected, place = content(synced.lived), synced.home
        for cut in cut_at_random(synced, 4, 5):
            lay_out(cut.files, place)
            with _installed(place, market.ozon_url, NOW.isoformat()) as micore:
                micore.service.recover()
                micore.sync()
            assert content(place) == expected, f"cut at {cut.at}, seed {cut.seed}"
            shutil.rmtree(place)


def content(home: Path) -> Content:
    database = Database(url_of(home))
    try:
        return content_of(database)
    finally:
        database.close()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_five_thousand_cuts(market: Running, tmp_path: Path, seed: int) -> None:
    recording = record("writes", settle(tmp_path / "writes"), commits=60, seed=seed)
    nothing_wrong(findings(recording, cut_at_random(recording, 200, seed), damage))
    recording = record("sync", settle(tmp_path / "sync", counter=True), url=market.ozon_url, now=NOW.isoformat())
    nothing_wrong(findings(recording, cut_at_random(recording, 50, seed), damage_of_sync))
