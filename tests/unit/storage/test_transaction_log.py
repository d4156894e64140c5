"""The transaction log on disk: whole lines, chained and synced; damage is found, torn ends are cut off."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from micore.errors import StorageError
from micore.storage.log_lines import FILE, SEALS, Head, LogDamagedError, Record
from micore.storage.transaction_log import TransactionLog, copy_until


def record(seq: int, *, part: int = 1, parts: int = 1, more: bool = False, size: int = 20) -> Record:
    return Record(
        log="one", seq=seq, part=part, parts=parts, more=more, at=seq * 1_000_000, kind="rows.written",
        actor="test", subject="", payload={"n": seq}, rows={"order_line": 1}, changes=bytes([seq % 251]) * size,
    )  # fmt: skip


def filled(folder: Path, count: int, **how: int) -> TransactionLog:
    log = TransactionLog(folder, **how)  # type: ignore[arg-type]
    for seq in range(1, count + 1):
        log.append([record(seq)])
    return log


def seqs(folder: Path, after: int = 0) -> list[int]:
    return [each.seq for each in TransactionLog(folder).records(after)]


def test_what_is_appended_is_read_back_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "log", 3).close()
    read = list(TransactionLog(tmp_path / "log").records())
    assert [(each.seq, each.kind, each.payload, each.changes) for each in read] == [
        (n, "rows.written", {"n": n}, bytes([n]) * 20) for n in (1, 2, 3)
    ]
    assert read[1].prev and read[0].prev == ""


def test_lines_are_json_that_other_programs_read(tmp_path: Path) -> None:
    filled(tmp_path / "log", 2).close()
    lines = (tmp_path / "log" / FILE).read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [each["seq"] for each in told] == [1, 2]
    assert told[1]["prev"] == told[0]["hash"]


def test_a_record_is_synced_before_append_returns(tmp_path: Path) -> None:
    sizes: list[int] = []

    def sync(fd: int) -> None:
        sizes.append(os.fstat(fd).st_size)
        os.fdatasync(fd)

    log = TransactionLog(tmp_path / "log", sync=sync)
    for seq in (1, 2):
        log.append([record(seq)])
        assert sizes[-1] == (tmp_path / "log" / FILE).stat().st_size


def test_records_sent_together_are_synced_once(tmp_path: Path) -> None:
    syncs: list[int] = []
    log = TransactionLog(tmp_path / "log", sync=syncs.append)
    log.append([record(1)])
    before = len(syncs)
    log.append([record(seq) for seq in range(2, 50)])
    assert len(syncs) == before + 1


@pytest.mark.parametrize("cut", [1, 5, 60, 150])
def test_a_line_without_its_end_is_cut_off_and_the_log_goes_on(tmp_path: Path, cut: int) -> None:
    filled(tmp_path / "log", 3).close()
    path = tmp_path / "log" / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert TransactionLog(tmp_path / "log").verify().torn_bytes > 0
    log = TransactionLog(tmp_path / "log")
    assert log.head().seq == 2
    log.append([record(3)])
    assert seqs(tmp_path / "log") == [1, 2, 3]
    assert path.read_bytes() == whole


def test_half_a_transaction_at_the_end_is_cut_off(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 2)
    log.append([record(3, part=n, parts=3) for n in (1, 2, 3)])
    log.append([record(4, more=True), record(5)])
    log.close()
    path = tmp_path / "log" / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert TransactionLog(tmp_path / "log").head().seq == 3
    path.write_bytes(b"".join(lines[:4]))
    again = TransactionLog(tmp_path / "log")
    assert again.head().seq == 2
    assert path.read_bytes() == b"".join(lines[:2])


def test_every_flipped_bit_in_the_middle_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "log", 3).close()
    path = tmp_path / "log" / FILE
    whole = bytearray(path.read_bytes())
    second = whole.index(b"\n") + 1
    for place in range(second, len(whole) - 1, 7):
        broken = whole.copy()
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        with pytest.raises(LogDamagedError) as caught:
            TransactionLog(tmp_path / "log").verify()
        assert caught.value.after >= 1
        assert FILE in str(caught.value)


@pytest.mark.parametrize("change", ["gone", "twice", "swapped"])
def test_whole_lines_that_are_missing_or_moved_are_found(tmp_path: Path, change: str) -> None:
    filled(tmp_path / "log", 4).close()
    path = tmp_path / "log" / FILE
    one, two, three, four = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        {"gone": one + three + four, "twice": one + two + two + three, "swapped": one + three + two + four}[change]
    )
    with pytest.raises(LogDamagedError, match=r"line [23]"):
        TransactionLog(tmp_path / "log").verify()


def test_a_damaged_end_is_cut_only_behind_what_is_known_to_be_synced(tmp_path: Path) -> None:
    filled(tmp_path / "log", 4).close()
    path = tmp_path / "log" / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    # The power went while records 3 and 4 were written: 4 reached the disk, 3 did not.
    path.write_bytes(lines[0] + lines[1] + bytes(len(lines[2]) - 1) + b"\n" + lines[3])
    with pytest.raises(LogDamagedError):
        TransactionLog(tmp_path / "log").head()
    known = TransactionLog(tmp_path / "log")
    known.synced = 3
    with pytest.raises(LogDamagedError):
        known.head()
    known = TransactionLog(tmp_path / "log")
    known.synced = 2
    assert known.head().seq == 2
    assert path.read_bytes() == lines[0] + lines[1]


def test_large_files_are_sealed_and_read_on_from_any_place(tmp_path: Path) -> None:
    filled(tmp_path / "log", 30, segment_bytes=2_000).close()
    log = TransactionLog(tmp_path / "log")
    seals = log.seals()
    assert len(seals) > 2
    assert [seal.first for seal in seals[1:]] == [seal.last + 1 for seal in seals[:-1]]
    for after in (0, 1, seals[0].last, seals[1].last - 1, 29, 30):
        assert seqs(tmp_path / "log", after) == list(range(after + 1, 31))
    report = log.verify()
    assert (report.records, report.first, report.head.seq, report.files) == (30, 1, 30, len(seals) + 1)


def test_a_sealed_file_that_is_missing_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "log", 30, segment_bytes=2_000).close()
    lost = TransactionLog(tmp_path / "log").seals()[1].name
    (tmp_path / "log" / lost).unlink()
    with pytest.raises(StorageError, match=lost):
        TransactionLog(tmp_path / "log").verify()


def test_a_sealed_file_with_a_line_more_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "log", 30, segment_bytes=2_000).close()
    path = tmp_path / "log" / TransactionLog(tmp_path / "log").seals()[-1].name
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])
    with pytest.raises(LogDamagedError):
        TransactionLog(tmp_path / "log").verify()


def test_sealing_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 5)
    log.seal()
    log.close()
    seal = log.seals()[0]
    # The power went between the note and the name.
    (tmp_path / "log" / seal.name).rename(tmp_path / "log" / FILE)
    assert seqs(tmp_path / "log") == [1, 2, 3, 4, 5]
    again = TransactionLog(tmp_path / "log")
    again.append([record(6)])
    assert (tmp_path / "log" / seal.name).exists()
    assert seqs(tmp_path / "log") == [1, 2, 3, 4, 5, 6]


def test_a_damaged_list_of_sums_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "log", 30, segment_bytes=2_000).close()
    path = tmp_path / "log" / SEALS
    path.write_bytes(path.read_bytes()[10:])
    with pytest.raises(LogDamagedError, match=SEALS):
        TransactionLog(tmp_path / "log").verify()


def test_a_write_that_fails_leaves_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    fails = False

    def sync(fd: int) -> None:
        if fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(fd)

    log = TransactionLog(tmp_path / "log", sync=sync)
    log.append([record(1)])
    fails = True
    with pytest.raises(StorageError, match="Input/output error"):
        log.append([record(2)])
    fails = False
    assert seqs(tmp_path / "log") == [1]
    log.append([record(2)])
    assert seqs(tmp_path / "log") == [1, 2]


def test_a_folder_that_cannot_be_made_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used"):
        TransactionLog(tmp_path / "file" / "log").append([record(1)])


def test_a_number_that_does_not_follow_is_refused(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 2)
    with pytest.raises(StorageError, match="Record 4 cannot follow record 2"):
        log.append([record(4)])
    assert seqs(tmp_path / "log") == [1, 2]


def test_a_log_may_begin_with_any_number(tmp_path: Path) -> None:
    log = TransactionLog(tmp_path / "log")
    log.append([record(17)])
    assert seqs(tmp_path / "log") == [17]


def _append_as_others_do(folder: str, count: int) -> None:
    log = TransactionLog(Path(folder), segment_bytes=3_000)
    for _ in range(count):
        with log.writing() as head:
            log.append([record(head.seq + 1)])


def test_several_processes_and_threads_append_one_after_another(tmp_path: Path) -> None:
    folder = str(tmp_path / "log")
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_append_as_others_do, args=(folder, 20)) for _ in range(2)]
    shared = TransactionLog(tmp_path / "log", segment_bytes=3_000)

    def by_thread() -> None:
        for _ in range(20):
            with shared.writing() as head:
                shared.append([record(head.seq + 1)])

    threads = [threading.Thread(target=by_thread) for _ in range(2)]
    for process in processes:
        process.start()
    for thread in threads:
        thread.start()
    for process in processes:
        process.join()
    for thread in threads:
        thread.join()
    assert seqs(tmp_path / "log") == list(range(1, 81))
    assert TransactionLog(tmp_path / "log").verify().records == 80


@pytest.mark.parametrize("until", [0, 1, 9, 15, 29, 30])
def test_a_log_is_copied_up_to_a_record(tmp_path: Path, until: int) -> None:
    log = filled(tmp_path / "log", 30, segment_bytes=2_000)
    head = copy_until(log, until, tmp_path / "copy")
    assert head.seq == until
    assert seqs(tmp_path / "copy") == list(range(1, until + 1))
    again = TransactionLog(tmp_path / "copy")
    again.append([record(until + 1)])
    assert again.verify().head.seq == until + 1


def test_a_copy_leaves_half_a_transaction_out(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 2)
    log.append([record(3, more=True), record(4)])
    assert copy_until(log, 3, tmp_path / "copy").seq == 2


def test_an_empty_log_has_no_head(tmp_path: Path) -> None:
    assert TransactionLog(tmp_path / "log").head() == Head()
    assert TransactionLog(tmp_path / "log").verify().records == 0
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("failing", ["sync_folder", "rename"])
def test_sealing_that_fails_is_done_by_the_next_write(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path / "log", 5)

    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        if failing == "rename":
            broken.setattr(Path, "rename", fail)
        else:
            broken.setattr("micore.storage.durable.sync_folder", fail)
        with pytest.raises(StorageError, match="Input/output error"):
            log.seal()
    for seq in (6, 7):
        log.append([record(seq)])
    assert seqs(tmp_path / "log") == [1, 2, 3, 4, 5, 6, 7]
    log.close()
    again = TransactionLog(tmp_path / "log")
    again.synced = 4
    assert again.head().seq == 7
    assert again.verify().records == 7


def test_lines_that_were_written_are_never_cut_off(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 5)
    log.close()
    path = tmp_path / "log" / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    again = TransactionLog(tmp_path / "log")
    again.synced = 1
    with pytest.raises(LogDamagedError, match="does not follow"):
        again.head()
    assert path.read_bytes() == b"".join([*lines[:2], *lines[3:]])


def test_a_line_that_another_took_along_is_not_written_twice(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 2)
    with pytest.raises(StorageError, match="Record 2 cannot follow record 2"):
        log.append([record(2)])
    with pytest.raises(StorageError, match="Record 3 cannot follow"):
        log.append([record(3, part=2, parts=2)])
    assert seqs(tmp_path / "log") == [1, 2]
