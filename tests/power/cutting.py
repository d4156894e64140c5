"""Cuts the power of a recorded process: builds the files that a cut at some moment may leave.

The journal of tests/power/recorder.c is replayed up to the moment. The model is harsher than ext4 with ordered data:

- What was synced stays: the data and size of a file at its last fsync or fdatasync, and the names of a folder at its
  own last fsync. An fsync of a file says nothing about its name. sync_file_range promises nothing.
- Of writes that were not synced each piece within a 512-byte sector is kept, lost or torn (a part of it is new) by
  itself, in any combination: a later write may be there and an earlier one not.
- The size of a file follows its writes, cuts and growths in their order up to some point; what is inside of it and was
  lost is what was there before, or zeros.
- Names are made, moved and taken away in their order, folder by folder: a folder keeps its changes up to some point
  that other folders do not share. A move between two folders is there in both or in neither.
- What was open and has no name any more is gone.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

SECTOR_BYTES = 512
_HEAD = struct.Struct("<BBHHIQQ")
LUCK = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not synced survives: a cut draws one of these for data and another for names."""


class Record(NamedTuple):
    """One call that succeeded; see tests/power/recorder.c."""

    operation: str
    synced: bool
    path: str
    other: str
    inode: int
    offset: int
    data: bytes


def read_journal(file: Path) -> list[Record]:
    """All records of a journal, oldest first."""
    body, at, found = memoryview(file.read_bytes()), 0, []
    while at < len(body):
        operation, flags, first, second, length, inode, offset = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        path, other = (bytes(part).decode() for part in (body[at : at + first], body[at + first : at + first + second]))
        at += first + second
        found.append(Record(chr(operation), bool(flags), path, other, inode, offset, bytes(body[at : at + length])))
        at += length
    return found


# ---------------------------------------------------------------------------------------------------- what there is


@dataclass(eq=False)
class File:
    """Durable bytes, and what was asked of the file since its last sync."""

    data: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything durable."""
        for record in self.pending:
            _apply(self.data, record)
        self.pending.clear()

    def after_cut(self, chance: random.Random, luck: float) -> bytes:
        """What a cut may leave of it."""
        data, size = bytearray(self.data), len(self.data)
        sizes_kept = _some(chance, len(self.pending), luck)
        for number, record in enumerate(self.pending):
            sized = number < sizes_kept
            if record.operation == "w":
                for start, piece in _pieces(record):
                    _survive(data, start, piece, chance, luck)
                size = max(size, record.offset + len(record.data)) if sized else size
            elif sized:
                size = record.offset if record.operation == "t" else max(size, record.offset)
                del data[size:]
        del data[size:]
        return bytes(data.ljust(size, b"\0"))


@dataclass(eq=False)
class Symlink:
    """Its text is written with its name."""

    text: str


@dataclass(eq=False)
class Folder:
    """Names: as they are now, as the last sync of the folder left them, and the changes since."""

    names: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)


Node: TypeAlias = File | Symlink | Folder


@dataclass(eq=False)
class Change:
    """Names that come or go together."""

    number: int
    edits: list[tuple[Folder, str, Node | None]]

    def folders(self) -> list[Folder]:
        """Those whose names it changes, each once."""
        return list({id(folder): folder for folder, _, _ in self.edits}.values())


def _apply(data: bytearray, record: Record) -> None:
    if record.operation == "w":
        data.extend(b"\0" * (record.offset - len(data)))
        data[record.offset : record.offset + len(record.data)] = record.data
    elif record.operation == "t":
        del data[record.offset :]
        data.extend(b"\0" * (record.offset - len(data)))
    else:
        data.extend(b"\0" * (record.offset - len(data)))


def _pieces(record: Record) -> Iterator[tuple[int, bytes]]:
    """The parts of a write that lie in one sector each, with where they begin."""
    at, end = record.offset, record.offset + len(record.data)
    while at < end:
        until = min(end, (at // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield at, record.data[at - record.offset : until - record.offset]
        at = until


def _survive(data: bytearray, start: int, piece: bytes, chance: random.Random, luck: float) -> None:
    drawn = chance.random()
    if drawn >= luck:
        return
    if luck < 1.0 and drawn >= luck * 0.95:  # torn: its beginning or its end got there
        part = chance.randint(0, len(piece))
        start, piece = (start, piece[:part]) if chance.random() < 0.5 else (start + part, piece[part:])
    data.extend(b"\0" * (start - len(data)))
    data[start : start + len(piece)] = piece


def _some(chance: random.Random, whole: int, luck: float) -> int:
    """How many of changes that come in their order are kept."""
    if luck in (0.0, 1.0):
        return whole if luck else 0
    return chance.randint(0, whole)


# ------------------------------------------------------------------------------------------------------- the machine


class Machine:
    """The disk of a machine while a journal is replayed on it."""

    def __init__(self, baseline: Mapping[int, tuple[str, bytes | None]]) -> None:
        """`baseline` is what lay there, durably, before: see `lying_in`."""
        self.root = Folder()
        self.acknowledged: list[str] = []
        self._by_inode: dict[int, Node] = {}
        self._changes = 0
        for inode, (path, body) in sorted(baseline.items(), key=lambda each: each[1][0]):
            if not path:
                self._by_inode[inode] = self.root
                continue
            node: Node = Folder() if body is None else File(bytearray(body))
            folder, name = self._place(path)
            folder.names[name] = folder.durable[name] = node
            self._by_inode[inode] = node

    def replay(self, record: Record) -> None:
        """Let one call happen."""
        if record.operation == "a":
            self.acknowledged += record.data.decode().split("\n")[:-1]
        elif record.operation in "wtg":
            file = self._file(record.inode)
            file.pending.append(record)
            if record.synced:
                file.sync()
        elif record.operation == "f":
            self._file(record.inode).sync()
        elif record.operation == "F":
            folder = self._by_inode.get(record.inode) or self._at(record.path)
            assert isinstance(folder, Folder), record
            self._sync_names(folder)
        elif record.operation == "S":
            for node in list(self._by_inode.values()):
                if isinstance(node, File):
                    node.sync()
                elif isinstance(node, Folder):
                    self._sync_names(node)
        else:
            self._rename(record)

    def after_cut(self, chance: random.Random) -> dict[str, bytes | str | None]:
        """What a cut now may leave: path to bytes, to the text of a link, or to None for a folder."""
        data_luck, name_luck = chance.choice(LUCK), chance.choice(LUCK)
        folders = self._names_after_cut(chance, name_luck)
        found: dict[str, bytes | str | None] = {}
        bodies: dict[int, bytes] = {}

        def walk(folder: Folder, prefix: str) -> None:
            for name, node in sorted(folders.get(id(folder), folder.durable).items()):
                path = f"{prefix}{name}"
                if isinstance(node, Folder):
                    found[path] = None
                    walk(node, f"{path}/")
                elif isinstance(node, Symlink):
                    found[path] = node.text
                else:
                    if id(node) not in bodies:
                        bodies[id(node)] = node.after_cut(chance, data_luck)
                    found[path] = bodies[id(node)]

        walk(self.root, "")
        return found

    # --------------------------------------------------------------------------------------------------- names

    def _rename(self, record: Record) -> None:
        folder, name = self._place(record.path)
        edits: list[tuple[Folder, str, Node | None]]
        if record.operation == "c":
            edits = [(folder, name, File())]
        elif record.operation == "m":
            edits = [(folder, name, Folder())]
        elif record.operation == "s":
            edits = [(folder, name, Symlink(record.data.decode()))]
        elif record.operation in "ud":
            edits = [(folder, name, None)]
        else:
            to, new_name = self._place(record.other)
            # Only SQLite's -shm comes into being unseen; whatever stands in it is made anew.
            edits = [(to, new_name, folder.names.get(name) or File())]
            if record.operation == "r":
                edits.insert(0, (folder, name, None))
        if record.inode and edits[-1][2] is not None:
            self._by_inode[record.inode] = edits[-1][2]
        self._changes += 1
        change = Change(self._changes, edits)
        _edit(change, lambda folder: folder.names)
        for touched in change.folders():
            touched.pending.append(change)

    def _sync_names(self, folder: Folder) -> None:
        """A move out of another folder brings what happened there before."""
        wanted: dict[int, Change] = {}
        waiting = [(folder, self._changes)]
        while waiting:
            here, until = waiting.pop()
            for change in here.pending:
                if change.number <= until and change.number not in wanted:
                    wanted[change.number] = change
                    waiting += [(other, change.number) for other in change.folders() if other is not here]
        for number in sorted(wanted):
            _edit(wanted[number], lambda folder: folder.durable)
            for touched in wanted[number].folders():
                touched.pending.remove(wanted[number])

    def _names_after_cut(self, chance: random.Random, luck: float) -> dict[int, dict[str, Node]]:
        """The names of folders that have unsynced changes, by the folder's id."""
        changed = {id(node): node for node in self._folders() if node.pending}
        kept = {key: folder.pending[: _some(chance, len(folder.pending), luck)] for key, folder in changed.items()}
        while True:
            lost = [
                (key, number)
                for key, changes in kept.items()
                for number, change in enumerate(changes)
                if any(change not in kept[id(other)] for other in change.folders())
            ]
            if not lost:
                break
            key, number = lost[0]
            del kept[key][number:]
        names = {key: dict(folder.durable) for key, folder in changed.items()}
        for change in sorted({each.number: each for some in kept.values() for each in some}.values(), key=_number):
            _edit(change, lambda folder: names[id(folder)])
        return names

    def _folders(self) -> list[Folder]:
        """All that have a name, or had one at their folder's last sync."""
        found: dict[int, Folder] = {}
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            if id(folder) in found:
                continue
            found[id(folder)] = folder
            nodes = [*folder.names.values(), *folder.durable.values()]
            nodes += [node for change in folder.pending for _, _, node in change.edits if node is not None]
            waiting += [node for node in nodes if isinstance(node, Folder)]
        return list(found.values())

    def _file(self, inode: int) -> File:
        file = self._by_inode[inode]
        assert isinstance(file, File)
        return file

    def _place(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        node = self._at(folder)
        assert isinstance(node, Folder), path
        return node, name

    def _at(self, path: str) -> Node:
        node: Node = self.root
        for name in path.split("/") if path else ():
            assert isinstance(node, Folder), path
            node = node.names[name]
        return node


def _number(change: Change) -> int:
    return change.number


def _edit(change: Change, names_of: Callable[[Folder], dict[str, Node]]) -> None:
    for folder, name, node in change.edits:
        if node is None:
            names_of(folder).pop(name, None)
        else:
            names_of(folder)[name] = node


# -------------------------------------------------------------------------------------------------------------- cuts


class Cut(NamedTuple):
    """What one cut left."""

    at: int
    """Before which record."""
    seed: int
    files: dict[str, bytes | str | None]
    acknowledged: list[str]
    """Everything that was acknowledged before it."""


def lying_in(root: Path) -> dict[int, tuple[str, bytes | None]]:
    """What lies in a folder, by inode: its path below the folder, and its bytes; None for a folder."""
    found: dict[int, tuple[str, bytes | None]] = {root.stat().st_ino: ("", None)}
    for path in root.rglob("*"):
        body = None if path.is_dir() else path.read_bytes()
        found[path.stat().st_ino] = (str(path.relative_to(root)), body)
    return found


def cuts(
    baseline: Mapping[int, tuple[str, bytes | None]], journal: Sequence[Record], points: Sequence[int], seed: int
) -> Iterator[Cut]:
    """A cut before each of these records, in their order; equal seeds draw the same."""
    machine, at = Machine(baseline), 0
    for number, point in enumerate(sorted(points)):
        for record in journal[at:point]:
            machine.replay(record)
        at = point
        drawn = seed * 1_000_003 + number
        yield Cut(point, drawn, machine.after_cut(random.Random(drawn)), list(machine.acknowledged))


def lay_out(files: Mapping[str, bytes | str | None], folder: Path) -> None:
    """Write what a cut left into a new folder."""
    folder.mkdir(parents=True)
    for path, body in sorted(files.items()):
        if body is None:
            (folder / path).mkdir()
        elif isinstance(body, str):
            (folder / path).symlink_to(body)
        else:
            (folder / path).write_bytes(body)
