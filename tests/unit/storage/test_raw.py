"""Raw segments: one writer each, and what a disk does to the one being written takes nothing from the others."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from micore.errors import StorageError
from micore.storage import raw
from micore.storage.raw import RawStore

NOISE = os.urandom(100_000)
"""Does not compress: its frame is as long."""


@contextmanager
def a_disk_with_room_for(size: int) -> Iterator[None]:
    """No file may grow beyond this: the kernel cuts the write that crosses it and refuses the next one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RawStore]:
    made = RawStore(tmp_path)
    yield made
    made.close()


def test_two_writers_that_begin_at_once_have_a_segment_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = RawStore(tmp_path), RawStore(tmp_path)
    plain = os.open
    locations = []

    def open_late(path: Any, flags: int, mode: int = 0o777) -> int:
        # We have looked which segments there are; before we make ours, the other writer makes its own.
        monkeypatch.setattr(os, "open", plain)
        locations.append(theirs.append(b"theirs"))
        return plain(path, flags, mode)

    monkeypatch.setattr(os, "open", open_late)
    locations.append(ours.append(b"ours"))
    locations += [theirs.append(b"theirs again"), ours.append(b"ours again")]
    assert [each.segment for each in locations] == ["00000001.seg", "00000002.seg", "00000001.seg", "00000002.seg"]
    ours.close()
    theirs.close()
    assert [ours.read(each) for each in locations] == [b"theirs", b"ours", b"theirs again", b"ours again"]


def test_a_new_store_never_writes_into_a_segment_that_is_there(tmp_path: Path) -> None:
    for number in range(1, 4):
        store = RawStore(tmp_path)
        assert store.append(b"answer").segment == f"{number:08}.seg"
        store.close()


def test_a_full_segment_is_followed_by_another(store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "SEGMENT_BYTES", 250_000)
    locations = [store.append(NOISE) for _ in range(5)]
    assert [each.segment for each in locations] == [f"{number:08}.seg" for number in (1, 1, 2, 2, 3)]
    assert {store.read(each) for each in locations} == {NOISE}


def test_a_full_disk_is_an_error_that_says_what_to_do_and_spoils_one_segment_at_most(store: RawStore) -> None:
    before = store.append(NOISE)
    with a_disk_with_room_for(150_000), pytest.raises(StorageError, match="could not be stored") as refused:
        store.append(NOISE)
    assert "Make room" in refused.value.remedy
    after = store.append(b"there is room again")
    store.sync()
    assert (before.segment, after.segment, after.position) == ("00000001.seg", "00000002.seg", 0)
    assert store.read(before) == NOISE
    assert store.read(after) == b"there is room again"


def test_a_write_in_pieces_is_a_whole_frame(store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.write
    monkeypatch.setattr(os, "write", lambda file, frame: plain(file, frame[:40_000]))
    locations = [store.append(NOISE), store.append(b"next")]
    assert [store.read(each) for each in locations] == [NOISE, b"next"]


def test_a_disk_that_fails_at_the_sync_is_not_trusted_again(store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = store.append(NOISE)

    def fail(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError, match="Input/output error"):
            store.sync()
    after = store.append(b"after")
    store.sync()
    assert after.segment != lost.segment
    assert store.read(after) == b"after"
