"""Raw answers: compressed frames in append-only segment files under the data root, addressed by content.

A frame is one zstd frame with its own checksum. Frames are written and fsynced before the transaction that names
them commits, so the database never points at bytes that a power cut could take. Bytes that no row names (a crash
between the two) are harmless.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import zstandard
from sqlalchemy import Connection, insert, select

from micore.errors import NotFoundError, StorageError
from micore.storage.durable import make_folder, sync_folder
from micore.storage.tables import raw_page

SEGMENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RawPage:
    """One answer to keep, with the request that brought it."""

    body: bytes
    endpoint: str
    request: str
    received_at: int


@dataclass(frozen=True, slots=True)
class RawLocation:
    """Where the frame of an answer lies."""

    segment: str
    position: int
    length: int


class RawStore:
    """The segments of one data root, as one process writes them. Not thread-safe.

    Each writer makes segments of its own, so that several processes (PostgreSQL) never write into one file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._compress = zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True)
        self._segment: str | None = None
        self._file: int | None = None
        self._unsynced = False

    def append(self, body: bytes) -> RawLocation:
        """Write one frame; durable only after `sync`. Raises StorageError when the disk does not take it."""
        frame = self._compress.compress(body)
        try:
            return self._append(frame)
        except OSError as error:
            # What of the frame got through stays unnamed at the end of a segment that is never touched again.
            raise self._abandoned(error) from error

    def sync(self) -> None:
        """Make all appended frames durable. Raises StorageError when the disk does not take them."""
        if self._unsynced and self._file is not None:
            try:
                os.fsync(self._file)
            except OSError as error:
                # The kernel forgets what it could not write: a second sync would succeed without it.
                raise self._abandoned(error) from error
            self._unsynced = False

    def _append(self, frame: bytes) -> RawLocation:
        if self._file is None or os.lseek(self._file, 0, os.SEEK_END) + len(frame) > SEGMENT_BYTES:
            self._next_segment()
        assert self._file is not None and self._segment is not None
        # Asked, not counted: the truth about a file's end is the file's.
        position = os.lseek(self._file, 0, os.SEEK_END)
        view = memoryview(frame)
        while view:
            view = view[os.write(self._file, view) :]
        self._unsynced = True
        return RawLocation(self._segment, position, len(frame))

    def read(self, location: RawLocation) -> bytes:
        """The answer's bytes. Raises NotFoundError when its segment has aged out, StorageError when it is damaged."""
        path = self._root / location.segment
        try:
            with path.open("rb") as file:
                file.seek(location.position)
                frame = file.read(location.length)
        except FileNotFoundError:
            raise NotFoundError("stored response", location.segment) from None
        try:
            return zstandard.ZstdDecompressor().decompress(frame)
        except zstandard.ZstdError as error:
            raise StorageError(
                f"The stored response in {location.segment} at {location.position} is damaged: {error}.",
                remedy="Read the stream again with `micore sync --full`; the loaded rows are not affected.",
            ) from error

    def close(self) -> None:
        """Sync and give the file back."""
        if self._file is not None:
            self.sync()
            os.close(self._file)
            self._file = None

    def _next_segment(self) -> None:
        self.close()
        make_folder(self._root)
        number = max((int(each.stem) for each in self._root.glob("*.seg") if each.stem.isdigit()), default=0)
        while self._file is None:
            number += 1
            self._segment = f"{number:08d}.seg"
            with contextlib.suppress(FileExistsError):
                self._file = os.open(
                    self._root / self._segment, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640
                )
        sync_folder(self._root)

    def _abandoned(self, error: OSError) -> StorageError:
        """What to raise, once the present segment is left for good."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._unsynced = None, False
        return StorageError(
            f"A marketplace's answer could not be stored in {self._root}: {error.strerror}.",
            remedy="Make room or mend the disk; the next sync goes on from where this one stopped.",
        )


def keep_pages(
    connection: Connection,
    store: RawStore,
    pages: Sequence[RawPage],
    *,
    account_id: int,
    stream: str,
    run_id: int,
    parser: str,
) -> list[int]:
    """Store answers and note where they lie; equal bytes are stored once. Returns their ids, in order."""
    if not pages:
        return []
    digests = [sha256(page.body).hexdigest() for page in pages]
    known = {
        row.sha256: RawLocation(row.segment, row.position, row.length)
        for row in connection.execute(
            select(raw_page.c.sha256, raw_page.c.segment, raw_page.c.position, raw_page.c.length).where(
                raw_page.c.sha256.in_(set(digests))
            )
        )
    }
    rows = []
    for page, digest in zip(pages, digests, strict=True):
        location = known.get(digest) or store.append(page.body)
        known[digest] = location
        rows.append(
            {
                "account_id": account_id,
                "stream": stream,
                "run_id": run_id,
                "sha256": digest,
                "segment": location.segment,
                "position": location.position,
                "length": location.length,
                "size": len(page.body),
                "endpoint": page.endpoint,
                "request": page.request,
                "received_at": page.received_at,
                "parser": parser,
            }
        )
    ids = connection.execute(insert(raw_page).returning(raw_page.c.id, sort_by_parameter_order=True), rows).scalars()
    kept = [int(each) for each in ids]
    store.sync()
    return kept


def find_page(connection: Connection, digest: str) -> tuple[RawLocation, str, int]:
    """Where an answer lies, its endpoint and when it came; raises NotFoundError."""
    row = connection.execute(
        select(raw_page).where(raw_page.c.sha256 == digest).order_by(raw_page.c.id).limit(1)
    ).one_or_none()
    if row is None:
        raise NotFoundError("stored response", digest)
    return RawLocation(row.segment, row.position, row.length), row.endpoint, row.received_at
