"""The transaction log on disk: lines are appended to `transaction_log.jsonl` and synced, never changed.

A file that has grown large is sealed and another one begun. A line without its end (the power went) is cut off when the
log is opened for writing; damage anywhere else is an error that names the file and the line.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from micore.errors import StorageError
from micore.storage.durable import make_folder, sync_file, sync_folder
from micore.storage.log_lines import (
    FILE,
    SEALS,
    Head,
    LogDamagedError,
    LogReader,
    LogReport,
    Record,
    Seal,
    first_seq,
    head_of,
    line_of,
    read_seals,
    write_seals,
)
from micore.telemetry import metrics

LOCK = "lock"
SEGMENT_BYTES = 64 * 1024 * 1024
COPIED_AT_ONCE = 200


class TransactionLog:
    """The log of one data root. Several threads and processes may append; one at a time does."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.folder = folder
        self.synced = 0
        """Records up to this number are known to have been synced. Behind it a line that is not whole was being
        written when the power went: it is cut off, with what follows."""
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._guard = threading.RLock()
        self._locked: int | None = None
        self._fd: int | None = None
        self._head = Head()
        self._size = 0
        """Of the open file as this process knows it; another process may have appended."""
        self._known: tuple[int, int] | None = None
        """Device and inode of the open file."""

    # ------------------------------------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[Head]:
        """Be the only one who appends; gives where the log ends, after cutting off a line without its end.

        Raises StorageError where the folder cannot be used, LogDamagedError.
        """
        with self._guard:
            if self._locked is not None:
                yield self._head
                return
            with self._usable():
                make_folder(self.folder, mode=0o700)
                self._locked = self._lock()
            try:
                with self._usable():
                    self._catch_up_with_others()
                yield self._head
            finally:
                os.close(self._locked)
                self._locked = None

    def append(self, records: Sequence[Record]) -> Head:
        """Write records behind the last one and sync them to disk: when this returns they survive a power cut.

        Raises StorageError; nothing of them counts as written then.
        """
        with self.writing():
            with self._usable():
                if self._size >= self._segment_bytes and self._head.whole:
                    self._seal()
                lines, head = self._lines(records)
                self._write(lines)
            self._head = head
            metrics.LOG_LAST_SEQ.set(head.seq)
            return head

    def seal(self) -> None:
        """Close the present file, so that whole files hold everything; nothing where it holds no line."""
        with self.writing(), self._usable():
            if self._size:
                self._seal()

    def close(self) -> None:
        """Give the file back."""
        with self._guard:
            if self._fd is not None:
                os.close(self._fd)
                self._fd, self._known = None, None

    # ------------------------------------------------------------------------------------------ reading

    def known(self) -> Head:
        """Where the log ends as far as this process knows; asks no disk."""
        return self._head

    def head(self) -> Head:
        """Where the log ends now."""
        if not self.folder.is_dir():
            return Head()
        with self.writing() as head:
            return head

    def seals(self) -> list[Seal]:
        """The files that get no more lines, oldest first. Raises LogDamagedError."""
        return read_seals(self.folder)

    def lay_out(self, after: int, target: Path) -> list[Path]:
        """Whole files with every record behind a number, as a log of their own in an empty folder; none where there
        is no such record. The present file is closed for it."""
        with self.writing():
            self.seal()
            kept = [seal for seal in self.seals() if seal.last > after]
        for seal in kept:
            _link(self.folder / seal.name, target / seal.name)
        if kept:
            write_seals(target, kept)
        return [target / seal.name for seal in kept] + ([target / SEALS] if kept else [])

    def records(self, after: int = 0) -> Iterator[Record]:
        """Every whole record behind a number, the chain checked; a file that ends before it is not read.

        Raises LogDamagedError, StorageError. Needs no lock: what is appended meanwhile may or may not be seen.
        """
        with self._usable():
            yield from LogReader(self.folder, after).records()

    def verify(self) -> LogReport:
        """Read all of it: sums, chain, order. Raises LogDamagedError, StorageError."""
        reader = LogReader(self.folder, after=0, sums=True)
        report = reader.report
        with self._usable():
            for record in reader.records():
                report.records += 1
                report.transactions += record.ends_transaction
                report.first = report.first or record.seq
        return report

    # ----------------------------------------------------------------------------------------- the inside

    def _lock(self) -> int:
        """The lock of the folder that stands there when we have it: it may have been exchanged while we waited."""
        path = self.folder / LOCK
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            mine = os.fstat(handle)
            try:
                there = path.stat()
            except FileNotFoundError:
                there = None
                make_folder(self.folder, mode=0o700)
            if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                return handle
            os.close(handle)

    def _lines(self, records: Sequence[Record]) -> tuple[bytes, Head]:
        head, lines = self._head, bytearray()
        for record in records:
            if head.parts_left:
                follows = record.seq == head.seq and record.parts - record.part == head.parts_left - 1
            else:
                follows = record.part == 1 and (record.seq == head.seq + 1 or not head.seq)
            if not follows:
                raise StorageError(
                    f"Record {record.seq} cannot follow record {head.seq} in the transaction log.",
                    remedy="Report this with the version of micore; the database holds the change.",
                )
            line, digest = line_of(record, head.hash)
            lines += line
            head = head_of(record, digest)
        return bytes(lines), head

    def _write(self, lines: bytes) -> None:
        fd = self._opened()
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(fd, rest) :]
            with metrics.LOG_SYNC_SECONDS.time():
                self._sync(fd)
        except OSError:
            # What a failed write or sync left is unknown: it is taken away, and looked at anew before the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, self._size)
                self._sync(fd)
            self.close()
            raise
        self._size += len(lines)

    def _opened(self) -> int:
        if self._fd is None:
            path = self.folder / FILE
            fresh = not path.exists()
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            status = os.fstat(self._fd)
            self._known = (status.st_dev, status.st_ino)
            if fresh:
                sync_folder(self.folder)
        return self._fd

    def _catch_up_with_others(self) -> None:
        """Know the end of the log as it is on disk: this process may be new, or another one has written."""
        path = self.folder / FILE
        try:
            status = path.stat()
        except FileNotFoundError:
            self._finish_sealing()
            self._begin_file()
            return
        same = self._fd is not None and self._known == (status.st_dev, status.st_ino)
        if same and self._size == status.st_size:
            return
        if not same or status.st_size < self._size:
            if self._finish_sealing():
                self._begin_file()
                return
            self._begin_file()
        self._take_in(self._opened(), status.st_size)

    def _begin_file(self) -> None:
        """Before the first line of the present file."""
        self.close()
        self._size = 0
        seals = self.seals()
        self._head = seals[-1].head if seals else Head()

    def _take_in(self, fd: int, size: int) -> None:
        """Read on from where this process knows the file; cut off what was being written when the power went."""
        path = self.folder / FILE
        reader = LogReader(self.folder, after=0, head=self._head)
        end, head, read = self._size, self._head, self._size
        with path.open("rb") as file:
            file.seek(self._size)
            try:
                for number, line in enumerate(file, start=1):
                    if not line.endswith(b"\n"):
                        break
                    reader.checked(path, number, line)
                    read += len(line)
                    # Half a transaction was never acknowledged: the database holds it whole, or not at all.
                    if reader.report.head.whole:
                        end, head = read, reader.report.head
            except LogDamagedError as error:
                if error.misplaced or error.after < self.synced or not self.synced:
                    raise
        if end < size:
            os.ftruncate(fd, end)
        # Another process may have died between its write and its sync: what we build on must stay.
        self._sync(fd)
        self._size, self._head = end, head

    def _seal(self) -> None:
        path = self.folder / FILE
        with path.open("rb") as file:
            first = first_seq(file.readline())
        head = self._head
        name = f"transaction_log.{first:012}-{head.seq:012}.jsonl"
        seal = Seal(name, first, head.seq, self._size, file_sum(path), head.hash, head.log, head.at)
        try:
            write_seals(self.folder, [*self.seals(), seal])
            self._finish_sealing()
        finally:
            # Whatever became of it: the next one who writes looks anew which file is the present one.
            self.close()
        self._begin_file()

    def _finish_sealing(self) -> bool:
        """A file whose sum is noted gets its name, also after a crash between the two. Whether one did."""
        seals = self.seals()
        present = self.folder / FILE
        if not seals or not present.exists() or (self.folder / seals[-1].name).exists():
            return False
        if present.stat().st_size != seals[-1].size_bytes:
            return False
        present.rename(self.folder / seals[-1].name)
        sync_folder(self.folder)
        return True

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"The transaction log in {self.folder} cannot be used: {error.strerror or error}.",
                remedy="Make room or mend the folder's rights; micore goes on by itself then.",
            ) from error


def _link(source: Path, target: Path) -> None:
    """The same file under another name, right for one that gets no more lines; a copy where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        sync_file(target)


def file_sum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal figures."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_until(log: TransactionLog, seq: int, target: Path) -> Head:
    """A log of its own in an empty folder, with the records up to a number; a transaction that is not whole by then
    is left out. Files that lie whole before it are copied as they are.

    Raises StorageError, LogDamagedError.
    """
    make_folder(target, mode=0o700)
    kept: list[Seal] = []
    for seal in log.seals():
        source = log.folder / seal.name
        if seal.last > seq or not source.exists():
            break
        if file_sum(source) != seal.sha256:
            raise LogDamagedError(source, 1, "the file is not the one that was sealed", after=seal.first - 1)
        _link(source, target / seal.name)
        kept.append(seal)
    if kept:
        write_seals(target, kept)
    copied = TransactionLog(target)
    reached = kept[-1].last if kept else 0
    whole: list[Record] = []
    pending: list[Record] = []
    for record in log.records(after=reached) if reached < seq else ():
        if record.seq > seq:
            break
        pending.append(record)
        if not record.ends_transaction:
            continue
        whole, pending = whole + pending, []
        if len(whole) >= COPIED_AT_ONCE or record.seq == seq:
            copied.append(whole)
            whole = []
        if record.seq == seq:
            break  # what follows may be damaged, and is not asked for
    if whole:
        copied.append(whole)
    head = copied.head()
    copied.close()
    return head
