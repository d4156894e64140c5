"""The archive of a backup, one file: written, read and checked to the byte.

The file is a plain ustar archive that any `tar` can list: `manifest.json`, then the parts in the manifest's order, then
two empty blocks, nothing else. It is never unpacked by a general program: the manifest says what every byte must be,
and the reader compares each header with the one it would have written itself. So there are no links, devices, long
names or paths to fall for.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from micore.errors import ArchiveError
from micore.storage import manifests
from micore.storage.manifests import COMPRESSED, Kind, Manifest, ManifestProblem, Part
from micore.storage.recovery_key import RecoveryKey

MANIFEST_NAME = "manifest.json"
BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
READ_BYTES = 1024 * 1024
FRAME_STEP_BYTES = 1024
"""So much of a frame at once: three bytes of it can unpack to 128 KiB, hence never more than 43 MiB in memory."""
COMPRESSION_LEVEL = 3
_OCTAL_LIMIT_BYTES = 8**11


@dataclass(frozen=True, slots=True)
class Prepared:
    """A part that lies in a file of its own, ready for the archive."""

    part: Part
    path: Path


# ----------------------------------------------------------------------------------------------------- writing


def prepare_compressed(kind: Kind, name: str, source: BinaryIO, target: Path) -> Prepared:
    """Compress `source` to its end into a new file: one zstd frame with a checksum of its own. Raises OSError."""
    plain, stored = _Sum(), _Sum()
    with _new_file(target) as file:
        compress = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True, threads=-1).compressobj()
        while chunk := source.read(READ_BYTES):
            plain.add(chunk)
            file.write(stored.add(compress.compress(chunk)))
        file.write(stored.add(compress.flush()))
    return Prepared(Part(name, kind, stored.count, stored.hex, plain.count, plain.hex), target)


def prepare_plain(kind: Kind, name: str, path: Path) -> Prepared:
    """A part that is stored as it lies there. Raises OSError."""
    found = _Sum()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            found.add(chunk)
    return Prepared(Part(name, kind, found.count, found.hex, found.count, found.hex), path)


def write(target: Path, manifest: Manifest, parts: Sequence[Prepared], key: RecoveryKey) -> None:
    """Write a new archive and make its bytes durable; the name in its folder is the caller's to make durable.

    Raises OSError, ArchiveError for a manifest that could not be read again, ValueError when the manifest speaks of
    other parts.
    """
    if manifest.parts != tuple(each.part for each in parts):
        raise ValueError("the manifest's parts are not the prepared ones")
    try:
        head = manifests.encoded(manifest, key)
    except ManifestProblem as problem:
        raise ArchiveError(
            str(target), problem=str(problem), remedy="Report this with the version of micore."
        ) from None
    with _new_file(target) as file:
        file.write(_header(MANIFEST_NAME, len(head)) + head + _padding(len(head)))
        for each in parts:
            file.write(_header(each.part.name, each.part.stored_bytes))
            _copy(each, file)
            file.write(_padding(each.part.stored_bytes))
        file.write(END)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for this user alone, durable when the block ends."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        yield file
        file.flush()
        os.fsync(file.fileno())


def _copy(prepared: Prepared, file: BinaryIO) -> None:
    missing = prepared.part.stored_bytes
    with prepared.path.open("rb") as source:
        while chunk := source.read(min(READ_BYTES, missing)):
            missing -= len(chunk)
            file.write(chunk)
    if missing:
        # Reading back would find it too, with a less helpful word.
        raise OSError(f"{prepared.path} became shorter while it was copied")


def _header(name: str, size: int) -> bytes:
    """The header of a regular file of ustar. Times and owners say nothing about a backup, and are left at zero."""
    # The second form is what every tar of today writes for 8 GiB and more.
    length = b"%011o\0" % size if size < _OCTAL_LIMIT_BYTES else b"\x80" + size.to_bytes(11, "big")
    fields = (
        name.encode("ascii").ljust(100, b"\0"),
        b"0000600\0",  # mode
        b"0000000\0" * 2,  # user, group
        length,
        b"00000000000\0",  # time of change
        b" " * 8,  # checksum, as it is while it is computed
        b"0" + bytes(100),  # a regular file, linked to nothing
        b"ustar\0" + b"00",
        bytes(32 + 32),  # names of user and group
        b"0000000\0" * 2,  # device
        bytes(155 + 12),  # prefix of the name, filling
    )
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK_BYTES)


# ----------------------------------------------------------------------------------------------------- reading


class Archive:
    """An archive whose manifest is believed. Not thread-safe; open it by `opened`."""

    def __init__(self, path: Path, file: BinaryIO, key: RecoveryKey) -> None:
        self.path = path
        self._file = file
        head = self._read_manifest()
        try:
            self.manifest = manifests.decoded(head, key)
        except ManifestProblem as problem:
            raise self._refused(str(problem)) from None
        self._places: dict[str, int] = {}
        self.size_bytes = self._lay_out(len(head))

    @classmethod
    @contextmanager
    def opened(cls, path: Path, key: RecoveryKey) -> Iterator[Archive]:
        """Read the manifest and what lies around the parts; the parts themselves are read by `check` or `unpack`.

        Raises ArchiveError for anything but what `write` has written with this key.
        """
        with _opened(path) as file:
            yield cls(path, file, key)

    def check(self) -> None:
        """Read every part to its end and compare its sums. Raises ArchiveError."""
        for part in self.manifest.parts:
            self.check_part(part)

    def check_part(self, part: Part) -> None:
        """As `check`, of one part."""
        self._stream(part, lambda _chunk: None)

    def unpack(self, part: Part, target: Path) -> None:
        """Write what a part unpacks to into a new file of our naming, durable, for this user alone.

        Raises ArchiveError, and OSError when the disk does not take it; the file is gone then.
        """
        try:
            with _new_file(target) as file:

                def keep(chunk: bytes) -> None:
                    file.write(chunk)

                self._stream(part, keep)
        except FileExistsError:
            raise
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _read_manifest(self) -> bytes:
        header = self._take(BLOCK_BYTES)
        try:
            length = int(header[124:135], 8)
        except ValueError:
            length = 0
        # What int() reads more generously than tar, such as a sign, shows in the comparison.
        if not 0 < length <= manifests.LONGEST_BYTES or header != _header(MANIFEST_NAME, length):
            raise self._refused("it does not begin with a manifest")
        head = self._take(length)
        self._expect(_padding(length), "behind the manifest")
        return head

    def _lay_out(self, manifest_bytes: int) -> int:
        """Note where each part begins, and check everything that is not part: headers, filling, end, size."""
        at = BLOCK_BYTES + manifest_bytes + len(_padding(manifest_bytes))
        for part in self.manifest.parts:
            self._file.seek(at)
            self._expect(_header(part.name, part.stored_bytes), f"before {part.name}")
            self._places[part.name] = at + BLOCK_BYTES
            self._file.seek(at + BLOCK_BYTES + part.stored_bytes)
            self._expect(_padding(part.stored_bytes), f"behind {part.name}")
            at += BLOCK_BYTES + part.stored_bytes + len(_padding(part.stored_bytes))
        self._file.seek(at)
        self._expect(END, "at its end")
        if self._file.read(1):
            raise self._refused("something follows its end")
        return at + len(END)

    def _stream(self, part: Part, give: Callable[[bytes], None]) -> None:
        """Hand on what a part unpacks to, never more than it declares; raises ArchiveError at the first difference."""
        self._file.seek(self._places[part.name])
        plain, stored = _Sum(), _Sum()
        unpack = _Frame() if part.kind in COMPRESSED else _AsIs()
        try:
            for chunk in self._stored_chunks(part):
                stored.add(chunk)
                for piece in unpack.pieces(chunk):
                    if plain.count + len(piece) > part.bytes:
                        raise self._refused(f"{part.name} unpacks to more than its {part.bytes:,} bytes")
                    give(plain.add(piece))
        except zstandard.ZstdError as error:
            raise self._refused(f"{part.name} is damaged ({error})") from error
        if stored.hex != part.stored_sha256:
            raise self._refused(f"{part.name} is damaged (its checksum differs)")
        if not unpack.ended:
            raise self._refused(f"{part.name} stops before its end")
        if (plain.count, plain.hex) != (part.bytes, part.sha256):
            raise self._refused(f"{part.name} does not unpack to what its manifest declares")

    def _stored_chunks(self, part: Part) -> Iterator[bytes]:
        missing = part.stored_bytes
        while missing:
            chunk = self._take(min(READ_BYTES, missing))
            missing -= len(chunk)
            yield chunk

    def _take(self, count: int) -> bytes:
        try:
            taken = self._file.read(count)
        except OSError as error:
            raise self._refused(f"it cannot be read ({error.strerror})") from error
        if len(taken) != count:
            raise self._refused("it is shorter than it should be")
        return taken

    def _expect(self, wanted: bytes, where: str) -> None:
        if self._take(len(wanted)) != wanted:
            raise self._refused(f"it differs {where} from what micore writes")

    def _refused(self, problem: str) -> ArchiveError:
        return ArchiveError(str(self.path), problem=problem)


def _opened(path: Path) -> BinaryIO:
    try:
        # A pipe would keep us waiting for its other end.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ArchiveError(str(path), problem=f"it cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ArchiveError(str(path), problem="it is no regular file")
    return open(handle, "rb")  # noqa: PTH123 - of a handle, not of a path


class _Sum:
    """Length and SHA-256 of what passes by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, chunk: bytes) -> bytes:
        self._hash.update(chunk)
        self.count += len(chunk)
        return chunk

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


class _AsIs:
    """A part that is stored as it is."""

    ended = True

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk


class _Frame:
    """A part that is one zstd frame: nothing may be missing of it and nothing may follow."""

    def __init__(self) -> None:
        self._unpack = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()

    @property
    def ended(self) -> bool:
        return self._unpack.eof

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        view = memoryview(chunk)
        for at in range(0, len(view), FRAME_STEP_BYTES):
            if self._unpack.eof:
                raise zstandard.ZstdError("something follows its end")
            yield self._unpack.decompress(view[at : at + FRAME_STEP_BYTES])
        if self._unpack.unused_data:
            raise zstandard.ZstdError("something follows its end")
