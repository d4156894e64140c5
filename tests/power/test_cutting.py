"""The model of a power cut keeps its own rules; without that the other tests here prove nothing."""

from __future__ import annotations

import random

from tests.power.cutting import Machine, Record

ROOT, FOLDER, FILE, OTHER = 1, 2, 3, 4
BASELINE: dict[int, tuple[str, bytes | None]] = {
    ROOT: ("", None),
    FOLDER: ("folder", None),
    FILE: ("folder/file", b"old!" * 512),
}
SEEDS = range(300)


def call(operation: str, path: str = "", inode: int = 0, offset: int = 0, data: bytes = b"", other: str = "") -> Record:
    return Record(operation, False, path, other, inode, offset, data)


def states(*calls: Record) -> list[dict[str, bytes | str | None]]:
    """What cuts after these calls may leave, many times."""
    machine = Machine(BASELINE)
    for each in calls:
        machine.replay(each)
    return [machine.after_cut(random.Random(seed)) for seed in SEEDS]


def bodies(*calls: Record) -> set[bytes]:
    found = {each["folder/file"] for each in states(*calls)}
    return {body for body in found if isinstance(body, bytes)}


NEW = b"new!" * 512
OVERWRITE = call("w", "folder/file", FILE, 0, NEW)
SYNC = call("f", "folder/file", FILE)


def test_what_was_synced_stays() -> None:
    assert bodies(OVERWRITE, SYNC) == {NEW}


def test_of_what_was_not_each_sector_may_stay_by_itself() -> None:
    found = bodies(OVERWRITE)
    assert {NEW, b"old!" * 512} <= found
    sectors = [[body[at : at + 512] for at in range(0, 2048, 512)] for body in found]
    whole = {tuple(sector[:1] for sector in each) for each in sectors if {*each} <= {b"old!" * 128, b"new!" * 128}}
    assert (b"o", b"n", b"n", b"n") in whole, "a later one without an earlier one"
    assert any(set(sector) >= set(b"old!new!") for each in sectors for sector in each), "a torn one"


def test_a_size_follows_its_calls_up_to_some_point() -> None:
    cut_off, grown = call("t", "folder/file", FILE, 100), call("w", "folder/file", FILE, 100, b"x" * 50)
    assert {len(body) for body in bodies(cut_off, grown)} == {2048, 100, 150}
    assert {len(body) for body in bodies(cut_off, grown, SYNC)} == {150}


def test_a_name_stays_when_its_folder_was_synced_and_not_when_the_file_was() -> None:
    made = call("c", "folder/new", OTHER)
    written = call("w", "folder/new", OTHER, 0, b"here")
    synced = call("f", "folder/new", OTHER)
    assert {"folder/new" in each for each in states(made, written, synced)} == {True, False}
    named = states(made, written, synced, call("F", "folder", FOLDER))
    assert {each.get("folder/new") for each in named} == {b"here"}
    unsynced = {each["folder/new"] for each in states(made, call("F", "folder", FOLDER), written)}
    assert {b"", b"here"} <= unsynced


def test_names_of_a_folder_change_in_their_order() -> None:
    first, second = call("c", "folder/a", OTHER), call("c", "folder/b", OTHER + 1)
    found = {tuple(name for name in ("folder/a", "folder/b") if name in each) for each in states(first, second)}
    assert found == {(), ("folder/a",), ("folder/a", "folder/b")}


def test_a_move_between_folders_is_there_in_both_or_in_neither() -> None:
    moved = call("r", "folder/file", other="file")
    found = {(each.get("folder/file"), each.get("file")) for each in states(moved)}
    assert found == {(b"old!" * 512, None), (None, b"old!" * 512)}
    for synced in (call("F", "folder", FOLDER), call("F", "", ROOT)):
        assert {each.get("file") for each in states(moved, synced)} == {b"old!" * 512}


def test_a_new_folder_goes_with_everything_in_it() -> None:
    made, inside = call("m", "new", OTHER), call("c", "new/file", OTHER + 1)
    synced = [call("F", "new", OTHER), call("f", "new/file", OTHER + 1)]
    assert {tuple(sorted(set(each) - {"folder", "folder/file"})) for each in states(made, inside, *synced)} == {
        (),
        ("new", "new/file"),
    }
    assert all("new/file" in each for each in states(made, inside, *synced, call("F", "", ROOT)))


def test_what_is_acknowledged_is_told_in_its_place() -> None:
    machine = Machine(BASELINE)
    machine.replay(call("a", data=b"one\ntwo\n"))
    assert machine.acknowledged == ["one", "two"]
