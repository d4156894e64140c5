"""Damaged, hostile and lying archives are refused with a line before anything live is touched; they write nowhere."""

from __future__ import annotations

import os
import random
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from micore.errors import ArchiveError, RecoveryKeyError, StorageError
from micore.storage.database import Database
from tests.support.backing_up import number
from tests.support.hostile import Original, foreign_members, mutation, packed, signed
from tests.support.restoring import Restorable, restorable, tree

SEED = 20261124
_watching: list[list[str]] = []
WRITES = {"os.mkdir", "os.rename", "os.symlink", "os.link", "os.truncate", "os.chmod"}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note the paths that Python writes to; SQLite's own files are seen by the comparison of folders."""
    if not _watching:
        return
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _watching[-1].append(os.fsdecode(arguments[0]))
    elif event in WRITES:
        _watching[-1] += [os.fsdecode(each) for each in arguments[:2] if isinstance(each, (str, bytes, os.PathLike))]


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """The paths written to inside of the block."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


@contextmanager
def attacked(url: str, root: Path) -> Iterator[tuple[Restorable, Original]]:
    """A shop with a backup that holds every kind of part, and a folder beside it that nothing may reach."""
    outside = root / "outside"
    outside.mkdir()
    (outside / "canary.txt").write_text("alive")
    database = Database(url)
    number(database, 5)
    home = root / "home"
    home.mkdir()
    (home / "log").mkdir()
    (home / "log" / "transaction_log.jsonl").write_text("one\n")
    shop = restorable(database, home, log_parts=lambda _after, _folder: [home / "log" / "transaction_log.jsonl"])
    data = shop.backup(with_secrets=True).read_bytes()
    yield shop, Original(data, shop.backups.key(), str(outside))
    database.close()


def survive(url: str, root: Path, count: int, seed: int) -> Counter[str]:
    """Restore so many mutations; returns how often each kind was refused."""
    refused: Counter[str] = Counter()
    with attacked(url, root) as (shop, original):
        rows = shop.rows()
        shop.database.close()
        before = tree(root)
        file = root / "attack.tar"
        for step in range(count):
            draw = random.Random(f"{seed} {step}")
            kind, data = mutation(original, draw)
            file.write_bytes(data)
            with watched() as written, pytest.raises((ArchiveError, StorageError, RecoveryKeyError)) as caught:
                shop.restore(file)
            assert "\n" not in str(caught.value), (step, kind)
            elsewhere = [path for path in written if not allowed(path, shop.home)]
            assert not elsewhere, (step, kind, elsewhere)
            file.unlink()
            refused[kind] += 1
            if step % 25 == 24 or step == count - 1:
                shop.database.close()
                assert without_locks(tree(root)) == without_locks(before), (step, kind)
        assert shop.rows() == rows
    return refused


def allowed(path: str, home: Path) -> bool:
    """The staging folder of this restore, and who holds the writer lock."""
    known = home.is_relative_to(path)  # a folder that is made where it is missing
    normal = Path(os.path.normpath(path))
    inside = normal.is_relative_to(home) and normal != home and normal.relative_to(home).parts[0].startswith("restore-")
    return known or inside or path == os.devnull or ".lock" in path or ".writer" in path or ".db." in path


def without_locks(found: dict[str, str]) -> dict[str, str]:
    return {name: what for name, what in found.items() if not name.endswith((".lock", "-wal", "-shm", "restore.lock"))}


def test_300_of_them_are_refused(migrated_sqlite_url: str, tmp_path: Path) -> None:
    refused = survive(migrated_sqlite_url, tmp_path, 300, SEED)
    assert len(refused) >= 15, "every kind was tried"


def test_postgresql_refuses_them_as_well(migrated_postgres_url: str, tmp_path: Path) -> None:
    survive(migrated_postgres_url, tmp_path, 40, SEED + 1)


@pytest.mark.soak
def test_10000_of_them_are_refused(migrated_sqlite_url: str, tmp_path: Path) -> None:
    survive(migrated_sqlite_url, tmp_path, 10_000, SEED + 2)


def test_damage_in_a_part_that_is_not_restored(migrated_sqlite_url: str, tmp_path: Path) -> None:
    with attacked(migrated_sqlite_url, tmp_path) as (shop, original):
        manifest, members = original.manifest, original.members
        manifest["parts"][1]["bytes"] = 2**20
        file = tmp_path / "attack.tar"
        file.write_bytes(packed([(members[0][0], signed(manifest, original.key)), *members[1:]]))
        with pytest.raises(ArchiveError, match=r"configuration\.env\.zst"):
            shop.restore(file)


def test_the_original_is_restored(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """Or all the others would be refused for a reason of ours."""
    with attacked(migrated_sqlite_url, tmp_path) as (shop, original):
        file = tmp_path / "original.tar"
        file.write_bytes(original.data)
        shop.restore(file)


def test_a_general_unpacker_would_be_caught(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """What we never do, done here: the comparison and the watch both see it, or they prove nothing."""
    with attacked(migrated_sqlite_url, tmp_path) as (shop, original):
        before = tree(tmp_path)
        staging = shop.home / "restore-x"
        staging.mkdir()
        caught = 0
        for seed in range(40):
            file = shop.home / "restore-x.tar"
            file.write_bytes(foreign_members(original, random.Random(seed)))
            with watched() as written, tarfile.open(file) as archive:
                for member in archive.getmembers():
                    if member.isreg():
                        with suppress(OSError):
                            archive.extract(member, staging, filter="fully_trusted")
            caught += any(not allowed(path, shop.home) for path in written)
        assert caught > 0
        after = {name: what for name, what in tree(tmp_path).items() if "restore-x" not in name}
        assert without_locks(after) != without_locks(before)
