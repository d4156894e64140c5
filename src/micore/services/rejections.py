"""Rejected rows of a reading: put into quarantine, and out of it again when a later answer tells the same well."""

from __future__ import annotations

from collections.abc import Container, Sequence

import structlog

from micore.domain.instants import micros
from micore.domain.quarantine import keys_of
from micore.services.sync_work import SyncWork
from micore.sources.base import Page, Stream, StreamKind
from micore.storage import quarantines
from micore.storage.database import Connection

log = structlog.get_logger(__name__)


class Rejections:
    """The quarantine of one stream, while it is read."""

    def __init__(self, work: SyncWork, stream: Stream) -> None:
        self._work, self._stream = work, stream
        self._waiting: dict[str, list[int]] | None = None
        """What waits, by the name of the row."""

    def settle(
        self, connection: Connection, pages: Sequence[Page], raw_ids: Sequence[int], snapshot_id: int | None
    ) -> int:
        """Part of the step that loads these pages; returns how many of their rows were rejected.

        Rows that a person has settled in these very bytes do not count: nobody is to be asked again.
        """
        rejected = 0
        for page, raw_id in zip(pages, raw_ids, strict=True):
            self._supersede(connection, page)
            if page.rejected:
                rejected += self._add(connection, page, raw_id, snapshot_id)
        if rejected:
            log.warning(
                "sync.rows_rejected",
                source=self._work.slot,
                stream=self._stream.name,
                rows=rejected,
                first=next(row.reason for page in pages for row in page.rejected),
            )
        return rejected

    def _known(self, connection: Connection) -> dict[str, list[int]]:
        if self._waiting is None:
            self._waiting = quarantines.waiting_keys(connection, self._work.account_id, self._stream.name)
        return self._waiting

    def _supersede(self, connection: Connection, page: Page) -> None:
        waiting = self._known(connection)
        if not waiting:
            return
        told = {key for record in page.records for key in keys_of(record) if key in waiting}
        # A supply that was told whole has no line that waits, whatever the line was called.
        if whole := set(page.whole_of):
            told |= {key for key in waiting if _is_part(key, whole)}
        if self._stream.kind is StreamKind.INCREMENTAL:
            # Told anew, and again in a way that cannot be believed: only the newest bytes may ever be loaded.
            told |= {row.key for row in page.rejected if row.key in waiting}
        ids = [each for key in told for each in waiting.pop(key)]
        quarantines.supersede(connection, ids, now=self._work.now_micros())

    def _add(self, connection: Connection, page: Page, raw_id: int, snapshot_id: int | None) -> int:
        work, as_of = self._work, micros(page.as_of)
        rows = [
            quarantines.Quarantined(row.key, row.reason, row.raw, raw_id, snapshot_id, row.context, row.may_pass, as_of)
            for row in page.rejected
        ]
        told = quarantines.Told(work.account_id, self._stream.name, work.run_id, work.source.parser, work.now_micros())
        unsettled, waiting = quarantines.add(connection, rows, told)
        known = self._known(connection)
        for key, row_id in waiting:
            if key:
                known.setdefault(key, []).append(row_id)
        return unsettled


def _is_part(key: str, whole: Container[str]) -> bool:
    """Whether a row names itself a part of something that was told whole: as that name, a colon and more."""
    return any(key[:place] in whole for place, letter in enumerate(key) if letter == ":")
