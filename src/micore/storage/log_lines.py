"""The lines of the transaction log: records, each chained to the one before by its hash, and how they are read.

A line is JSON and ends with its own hash, SHA-256 over the bytes before it, of which the hash of the line before is
one field. A file that has grown large is sealed: renamed after the records that it holds, its sum noted in
`sealed.jsonl`. storage/transaction_log.py writes them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from micore.errors import StorageError
from micore.storage.durable import replace_file

FILE = "transaction_log.jsonl"
SEALS = "sealed.jsonl"
_HASH_FIELD = b',"hash":"'
_TAIL = len(_HASH_FIELD) + 64 + len(b'"}\n')


class Record(msgspec.Struct, kw_only=True):
    """One line without its hash: a thing that was said, or a part of the rows that a transaction left."""

    log: str
    """Which history this is: another one begins with each new log and with each return to an earlier state."""
    seq: int
    """Number of the event, counted by the database, without gaps."""
    part: int = 1
    parts: int = 1
    """Large transactions lie in several lines of one number."""
    more: bool = False
    """The same transaction goes on with the next number."""
    at: int
    """Microseconds since 1970-01-01 UTC, by our clock."""
    kind: str
    actor: str
    subject: str
    payload: dict[str, Any] = msgspec.field(default_factory=dict)
    rows: dict[str, int] = msgspec.field(default_factory=dict)
    """By table: rows written or deleted by this part."""
    changes: bytes = b""
    """What the rows are now, see storage/changes.py; empty where none changed."""
    prev: str = ""
    """Hash of the line before."""

    @property
    def ends_transaction(self) -> bool:
        """Whether what came before and this may be made true together."""
        return self.part == self.parts and not self.more


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends. Zero and empty where it holds nothing."""

    log: str = ""
    seq: int = 0
    hash: str = ""
    at: int = 0
    whole: bool = True
    """Its last transaction has all its lines."""
    parts_left: int = 0
    """Lines that the last number lacks yet."""


class Seal(msgspec.Struct, frozen=True):
    """A file that gets no more lines."""

    name: str
    first: int
    last: int
    size_bytes: int
    sha256: str
    hash: str
    """Of its last line."""
    log: str
    at: int

    @property
    def head(self) -> Head:
        """Where the log ended with this file."""
        return Head(self.log, self.last, self.hash, self.at)


@dataclass(slots=True)
class LogReport:
    """What reading a whole log found."""

    files: int = 0
    records: int = 0
    transactions: int = 0
    size_bytes: int = 0
    first: int = 0
    head: Head = field(default_factory=Head)
    torn_bytes: int = 0
    """Behind the last whole line: it was being written when the power went, nothing of it was acknowledged."""


class LogDamagedError(StorageError):
    """A line of the log is not what was written."""

    def __init__(self, file: Path, line: int, problem: str, *, after: int, misplaced: bool = False) -> None:
        super().__init__(
            f"The transaction log is damaged in line {line} of {file}: {problem}. It is whole up to record {after}.",
            remedy="Where the database is whole: make a backup, then `micore log begin` begins a new log. Where it is "
            "lost, `micore restore run` with `--despite-damage` brings back what is whole.",
        )
        self.file, self.line, self.problem, self.after = file, line, problem, after
        self.misplaced = misplaced
        """The line is one that was written, and stands in the wrong place: no power cut does that."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_seals = msgspec.json.Decoder(Seal)


class LogReader:
    """Reads the lines of a log in order and checks that each follows the one before."""

    def __init__(self, folder: Path, after: int, *, sums: bool = False, head: Head | None = None) -> None:
        self._folder = folder
        self._after = after
        self._sums = sums
        self._seq = 0 if head is None else head.seq
        self._previous = None if head is None or not head.seq else head.hash
        self._parts_left = 0
        self.report = LogReport()

    def records(self) -> Iterator[Record]:
        read = 0
        while True:
            # Files may be sealed while we read: they are then read under their names before the present one.
            seals = read_seals(self._folder)
            for number in range(read, len(seals)):
                yield from self._sealed(seals, number)
            read = len(seals)
            try:
                file = (self._folder / FILE).open("rb")
            except FileNotFoundError:
                return
            with file:
                now = read_seals(self._folder)
                if len(now) > read:
                    continue
                if not (now and os.fstat(file.fileno()).st_size == now[-1].size_bytes and self._is_sealed(now[-1])):
                    yield from self._lines(self._folder / FILE, file, None)
                return

    def _is_sealed(self, seal: Seal) -> bool:
        """The present file is one that was sealed and has not got its name yet: it was read already."""
        return not (self._folder / seal.name).exists()

    def _sealed(self, seals: Sequence[Seal], number: int) -> Iterator[Record]:
        seal = seals[number]
        path = self._folder / seal.name
        if number and seal.first != seals[number - 1].last + 1:
            problem = f"records {seals[number - 1].last + 1} to {seal.first - 1} are missing"
            raise LogDamagedError(path, 1, problem, after=self._seq)
        if not path.exists():
            path = self._folder / FILE
            if number != len(seals) - 1 or not path.exists() or path.stat().st_size != seal.size_bytes:
                raise StorageError(
                    f"{self._folder / seal.name}, a part of the transaction log (records {seal.first} to "
                    f"{seal.last}), is missing.",
                    remedy="Put it back. If it is lost: make a backup, then `micore log begin`.",
                )
        if seal.last <= self._after:
            self._previous, self._seq, self.report.head = seal.hash, seal.last, seal.head
            return
        with path.open("rb") as file:
            yield from self._lines(path, file, seal)

    def _lines(self, path: Path, file: BinaryIO, seal: Seal | None) -> Iterator[Record]:
        report, sums, number = self.report, hashlib.sha256(), 0
        report.files += 1
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n") and seal is None:
                report.torn_bytes = len(line)
                return
            if self._sums:
                sums.update(line)
            report.size_bytes += len(line)
            record = self.checked(path, number, line)
            if record.seq > self._after:
                yield record
        if seal is not None and (self._previous != seal.hash or (self._sums and sums.hexdigest() != seal.sha256)):
            raise LogDamagedError(path, number, "the file is not the one that was sealed", after=self._seq)

    def checked(self, path: Path, number: int, line: bytes) -> Record:
        """The record of a line that follows the one before. Raises LogDamagedError."""

        def damaged(problem: str, *, misplaced: bool = False) -> LogDamagedError:
            after = self._seq - bool(self._parts_left)
            return LogDamagedError(path, number, problem, after=after, misplaced=misplaced)

        body = line[:-_TAIL]
        digest = hashlib.sha256(body).hexdigest()
        if line[-_TAIL:] != _HASH_FIELD + digest.encode() + b'"}\n':
            raise damaged("the line does not have the hash that it ends with")
        try:
            record = _decoder.decode(body + b"}")
        except msgspec.DecodeError as error:
            raise damaged(str(error)) from None
        if self._previous is not None and record.prev != self._previous:
            raise damaged("the line does not follow the one before it", misplaced=True)
        expected = self._seq if self._parts_left else self._seq + 1
        if self._seq and record.seq != expected:
            raise damaged(f"record {record.seq} stands where {expected} should", misplaced=True)
        self._previous, self._seq, self._parts_left = digest, record.seq, record.parts - record.part
        self.report.head = head_of(record, digest)
        return record


def head_of(record: Record, digest: str) -> Head:
    """Where a log ends with this record, whose line has this hash."""
    return Head(record.log, record.seq, digest, record.at, record.ends_transaction, record.parts - record.part)


def line_of(record: Record, previous: str) -> tuple[bytes, str]:
    """The line of a record behind one with the hash `previous`, and its own hash."""
    record.prev = previous
    body = _encoder.encode(record)[:-1]
    digest = hashlib.sha256(body).hexdigest()
    return body + _HASH_FIELD + digest.encode() + b'"}\n', digest


def first_seq(line: bytes) -> int:
    """The number of a line that is known to be whole."""
    return _decoder.decode(line[:-_TAIL] + b"}").seq


def read_seals(folder: Path) -> list[Seal]:
    """The files of a log that get no more lines, oldest first. Raises LogDamagedError."""
    path = folder / SEALS
    found: list[Seal] = []
    if not path.exists():
        return found
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(_seals.decode(line))
        except msgspec.DecodeError as error:
            raise LogDamagedError(path, number, str(error), after=found[-1].last if found else 0) from None
    return found


def write_seals(folder: Path, seals: Sequence[Seal]) -> None:
    """Write the list of sealed files anew, whole or not at all."""
    replace_file(folder / SEALS, b"".join(_encoder.encode(seal) + b"\n" for seal in seals))
