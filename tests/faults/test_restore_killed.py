"""A restore that is killed at any moment, or finds no room, leaves a shop that is all old or all new, log included."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from micore.errors import StorageError
from micore.services.restoring_log import Wanted
from micore.storage.database import Database
from micore.storage.journal import LoggedJournal
from micore.storage.transaction_log import TransactionLog
from tests.support.backing_up import number, numbers
from tests.support.restoring import Restorable, drop_kept, restorable

OLD, NEW = 30, 12
"""Rows of the live shop, and of the backup."""


@pytest.fixture
def shop(migrated_url: str, tmp_path: Path) -> Restorable:
    """A live shop with its log, and an earlier backup of it."""
    home = tmp_path / "home"
    journal = LoggedJournal(TransactionLog(home / "log"))
    database = Database(migrated_url, journal=journal)
    made = restorable(database, home)
    journal.open(database)
    number(database, NEW)
    made.backup()
    number(database, OLD - NEW, first=NEW + 1)
    database.close()
    return made


def file_of(shop: Restorable) -> Path:
    return shop.backups.folder.path / "latest"


def state_of(shop: Restorable) -> str:
    """ "old" or "new", as the next start finds it."""
    shop.restoring.finish()
    found = numbers(shop.database)
    state = {OLD: "old", NEW: "new"}[len(found)]
    assert found == list(range(1, len(found) + 1))
    # The log that lies there is the one of this state, and goes on with it.
    journal = LoggedJournal(TransactionLog(shop.home / "log"))
    journal.look(shop.database)
    assert (journal.log.verify().head.seq > NEW + 2) == (state == "old")
    journal.close()
    shop.database.close()
    return state


def restore(shop: Restorable) -> None:
    """The backup alone: with the log behind it both states would be one."""
    shop.restoring.run(file_of(shop), wanted=Wanted(backup_only=True), confirmed=lambda _plan: True)


def in_a_process(shop: Restorable, *, limit_bytes: int | None = None) -> int:
    """Restore in a process of its own, which is still at it when this returns; exit code 0 done, 3 refused."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if limit_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        try:
            restore(shop)
            code = 0
        except StorageError:
            code = 3
    finally:
        os._exit(code)


def test_killed_at_random_moments(shop: Restorable) -> None:
    started = time.monotonic()
    os.waitpid(in_a_process(shop), 0)
    whole_seconds = time.monotonic() - started
    assert state_of(shop) == "new"
    kills = 40 if shop.database.path is not None else 12
    draw, seen = random.Random(7), Counter[str]()
    for _ in range(kills):
        if state_of(shop) == "new":
            shop.restoring.undo(lambda _last: True)
        assert state_of(shop) == "old"
        pid = in_a_process(shop)
        # Most of the time goes into the checks; what matters happens at the end.
        time.sleep(whole_seconds * draw.choice((draw.random(), 0.7 + 0.4 * draw.random())))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        seen[state_of(shop)] += 1
    assert sum(seen.values()) == kills
    restore(shop)
    assert state_of(shop) == "new", "what a killed one has left is not in the way"
    assert not list(shop.home.glob("restore-*"))
    drop_kept(shop.database)


def test_no_room_while_it_is_unpacked(shop: Restorable) -> None:
    for limit_bytes in (0, 4096, 100_000):
        _, status = os.waitpid(in_a_process(shop, limit_bytes=limit_bytes), 0)
        assert os.waitstatus_to_exitcode(status) == 3
        assert state_of(shop) == "old"
        assert not list(shop.home.glob("restore-*"))
    restore(shop)
    assert state_of(shop) == "new"
    drop_kept(shop.database)
