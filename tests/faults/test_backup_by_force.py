"""Backups under force: killed or out of room at every step, and beside a writer. What counts as a backup is one."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from micore.domain.backup_views import BackupState, BackupTrigger
from micore.services.backups import Backups, read_back
from micore.storage import postgresql_copies
from micore.storage.database import Database
from tests.support.backing_up import backups_of, number, numbers, unpacked
from tests.support.backup_victim import Victims
from tests.support.databases import postgresql_database

FEWEST_STEPS = 12
ROWS = 100


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with closing(Victims()) as running:
        yield running


def unbelievable(backups: Backups, scratch: Path) -> list[str]:
    """Everything that claims to be a good backup and is none: what `latest` names, what the history calls verified."""
    claimed = {Path(each.file or "") for each in backups.folder.history() if each.state is BackupState.VERIFIED}
    latest = backups.folder.path / "latest"
    if latest.is_symlink():
        claimed.add(latest.resolve())
    found = []
    for file in sorted(claimed):
        try:
            read_back(file, backups.key(), scratch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no backup
            found.append(str(error))
    return found


def test_a_backup_killed_at_any_step_leaves_only_good_ones(migrated_url: str, tmp_path: Path, victims: Victims) -> None:
    database = Database(migrated_url)
    number(database, 5)
    backups = backups_of(database, tmp_path / "home")
    steps, ended = 0, -9
    while ended != 0:
        steps += 1
        ended = victims.back_up(migrated_url, tmp_path / "home", step=steps, fate="kill")
        assert ended in {0, -9}, f"step {steps}"
        assert unbelievable(backups, tmp_path) == [], f"step {steps}"
        if steps == FEWEST_STEPS // 2:
            # From here on there is an earlier backup that must stay.
            first = backups.create(BackupTrigger.COMMAND)
    assert steps > FEWEST_STEPS
    assert first in backups.history()
    assert [path.name for path in backups.folder.path.glob(".making*")] == []
    database.close()


def test_a_disk_that_is_full_at_any_step_costs_no_good_one(migrated_url: str, tmp_path: Path, victims: Victims) -> None:
    """A step that fails is told, or did not matter."""
    database = Database(migrated_url)
    number(database, 5)
    backups = backups_of(database, tmp_path / "home")
    first = backups.create(BackupTrigger.COMMAND)
    refused = 0
    for step in range(1, 2 * FEWEST_STEPS):
        ended = victims.back_up(migrated_url, tmp_path / "home", step=step, fate="full")
        assert ended in {0, 3}, f"step {step}"
        assert unbelievable(backups, tmp_path) == [], f"step {step}"
        newest = backups.history()[0]
        assert newest.state is (BackupState.FAILED if ended else BackupState.VERIFIED), f"step {step}"
        refused += ended == 3
    assert refused >= FEWEST_STEPS // 2
    assert first in backups.history()
    backups.create(BackupTrigger.COMMAND)
    assert [path.name for path in backups.folder.path.glob(".making*")] == []
    database.close()


class Writer(threading.Thread):
    """Writes numbered rows, one transaction each, and knows which of them were acknowledged."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.acknowledged = 0
        self.wanted = threading.Event()

    def run(self) -> None:
        while not self.wanted.is_set() or self.acknowledged < ROWS:
            number(self.database, 1, first=self.acknowledged + 1)
            self.acknowledged += 1


def is_a_prefix(found: list[int], before: int, after: int) -> bool:
    """All rows that were acknowledged before it began, none that were not written when it ended, none left out."""
    # The row behind the last acknowledged one may be committed already.
    return found == list(range(1, len(found) + 1)) and before <= len(found) <= after + 1


def in_a_copy(file: Path, url: str, folder: Path) -> list[int]:
    """The numbers in an unpacked copy; an empty list where it cannot be read at all."""
    if url.startswith("sqlite"):
        with closing(Database(f"sqlite:///{shutil.copyfile(file, folder / 'restored.db')}")) as copy:
            return numbers(copy)
    with postgresql_database() as restored:
        subprocess.run(
            [postgresql_copies.program_of("pg_restore", None), "--no-owner", f"--dbname={restored}", file], check=True
        )
        with closing(Database(restored)) as copy:
            return numbers(copy)


def test_a_copy_beside_a_writer_is_a_prefix_of_what_it_wrote(migrated_url: str, tmp_path: Path) -> None:
    database = Database(migrated_url)
    backups = backups_of(database, tmp_path / "home")
    writer = Writer(database)
    writer.start()
    sizes = []
    try:
        for turn in range(5):
            before = writer.acknowledged
            made = backups.create(BackupTrigger.COMMAND)
            after = writer.acknowledged
            folder = tmp_path / str(turn)
            folder.mkdir()
            unpacked(backups, made.file, "database", folder / "copy")
            found = in_a_copy(folder / "copy", migrated_url, folder)
            assert is_a_prefix(found, before, after), (before, after, len(found))
            sizes.append(len(found))
    finally:
        writer.wanted.set()
        writer.join()
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0], "nothing was written meanwhile"
    database.close()


def test_a_plain_copy_of_the_file_is_caught(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """The same check finds what `cp` leaves out: it proves something."""
    database = Database(migrated_sqlite_url)
    number(database, ROWS)
    assert database.path is not None
    copied = shutil.copyfile(database.path, tmp_path / "copy")
    try:
        found = in_a_copy(copied, migrated_sqlite_url, tmp_path)
    except Exception:  # noqa: BLE001 - a torn file may not even open
        found = []
    assert not is_a_prefix(found, ROWS, ROWS)
    database.close()
