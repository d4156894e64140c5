"""The quarantine as people settle it: look, mend, have tried again, drop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from micore.domain.instants import micros
from micore.domain.quarantine import (
    QuarantineCount,
    QuarantinedRowDetail,
    QuarantineOverview,
    QuarantinePage,
    RowState,
)
from micore.domain.run_views import Run, Trigger
from micore.errors import ConflictError, InvalidRequestError, StopRequestedError
from micore.services.sync import SyncService
from micore.sources.base import Reread, SourceTools, StoredRow
from micore.storage import barcodes, events, runs
from micore.storage import quarantine_desk as desk
from micore.storage.database import Connection
from micore.storage.quarantine_desk import Mendable, RowFilter

LONGEST_ROW_BYTES = 1_000_000
LONGEST_NOTE = 500
_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class Settled:
    """How many rows a decision was about, and the runs that carry it out."""

    __pydantic_config__ = _DOCS

    rows: int
    """0: none of those meant was in a state that allows it."""
    runs: list[Run]
    """Replays; none where nothing is to be tried."""
    skipped: list[str]
    """Accounts whose rows nobody can try as things are, each with the reason."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A row as a person mended it, and the replay that loads it."""

    __pydantic_config__ = _DOCS

    row: QuarantinedRowDetail
    runs: list[Run]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What a person can do with rejected rows; the sync's worker does the loading."""

    sync: SyncService
    wake: Callable[[], None] = lambda: None
    """Makes the worker look into the queue."""

    # ------------------------------------------------------------------------------------------ looking

    def overview(self) -> QuarantineOverview:
        """What waits, grouped by what is to be decided, and the counts of each stream."""
        with self.sync.database.read() as connection:
            groups, total = desk.groups(connection, later_only=self._later_only())
            streams = desk.streams(connection)
        waiting = sum(each.waiting for each in streams)
        return QuarantineOverview(waiting=waiting, groups=groups, groups_total=total, streams=streams)

    def waiting(self) -> QuarantineCount:
        """How many rows wait."""
        with self.sync.database.read() as connection:
            return QuarantineCount(desk.waiting_rows(connection))

    def known(self) -> tuple[set[str], set[str]]:
        """The plug-ins and the streams that rows may be of: those installed, and those that ever had any."""
        with self.sync.database.read() as connection:
            told = desk.streams(connection)
        slots = self.sync.sources.values()
        streams = {each.name for slot in slots for each in slot.streams}
        sources = {slot.plugin for slot in slots} | {each.source for each in told}
        return sources, streams | {each.stream for each in told}

    def page(self, wanted: RowFilter, *, limit: int, cursor: str | None = None) -> QuarantinePage:
        """Rows behind a filter, newest first. Raises InvalidRequestError for a cursor it did not give."""
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise InvalidRequestError("cursor", received=cursor, allowed="the next_cursor of an earlier answer")
        before = None if cursor is None else min(int(cursor), 2**62)
        with self.sync.database.read() as connection:
            found, total = desk.page(connection, wanted, limit=limit + 1, before=before, later_only=self._later_only())
        more = len(found) > limit
        return QuarantinePage(found[:limit], total, str(found[limit - 1].id) if more else None)

    def row(self, row_id: int) -> QuarantinedRowDetail:
        """One row with its bytes; raises NotFoundError."""
        with self.sync.database.read() as connection:
            return desk.detail(connection, row_id, later_only=self._later_only())

    # ----------------------------------------------------------------------------------------- deciding

    def replay(self, wanted: RowFilter, *, trigger: Trigger) -> Settled:
        """Have waiting rows tried again, without asking the marketplace. Asking twice is asking once."""
        now = micros(self.sync.now())
        with self.sync.database.write() as connection:
            readers, skipped = self._readers(connection, wanted)
            asked = desk.ask(connection, wanted, readers.keys(), later_only=self._later_only(), now=now)
            sources = sorted({readers[account_id] for account_id in asked})
            requested = [desk.enqueue(connection, source=each, trigger=trigger, now=now) for each in sources]
            replays = [runs.get_run(connection, run_id, now=now) for run_id in requested]
        for each in replays:
            self.sync.listener.run_changed(each.id)
        if replays:
            self.wake()
        return Settled(sum(asked.values()), replays, skipped)

    def fix(self, row_id: int, text: str, *, by: str, trigger: Trigger) -> Mended:
        """Keep a person's version of a row and have it tried. The received bytes stay beside it.

        Raises NotFoundError, ConflictError for a row that does not wait, and InvalidRequestError with the reader's
        own words where the new version does not fit either.
        """
        fixed = text.encode()
        if len(fixed) > LONGEST_ROW_BYTES:
            raise InvalidRequestError("row", received=f"{len(fixed):,} bytes", allowed=f"{LONGEST_ROW_BYTES:,} at most")
        with self.sync.database.read() as connection:
            row = desk.mendable(connection, row_id)
        self._refuse_unless_mendable(row_id, row)
        meant = self._read(row, fixed)
        if meant.reason is not None:
            told = meant.reason.rstrip(".")
            raise InvalidRequestError("row", received=shown(fixed), allowed=f"what its reader takes; {told}")
        now = micros(self.sync.now())
        with self.sync.database.write() as connection:
            self._refuse_unless_mendable(row_id, desk.mendable(connection, row_id, locked=True))
            desk.mend(connection, row_id, fixed, by=by, now=now)
            self._note(connection, "quarantine.fixed", by, f"quarantine:{row_id}", now, rows=1)
        replays = self.replay(RowFilter(ids=(row_id,)), trigger=trigger).runs
        return Mended(self.row(row_id), replays)

    def drop(self, wanted: RowFilter, *, note: str, by: str) -> Settled:
        """Say that waiting rows are not to be loaded, and why. Raises InvalidRequestError without a reason."""
        told = note.strip()
        if not 0 < len(told) <= LONGEST_NOTE:
            raise InvalidRequestError("reason", received=told, allowed=f"1 to {LONGEST_NOTE} characters")
        now = micros(self.sync.now())
        with self.sync.database.write() as connection:
            rows = desk.drop(connection, wanted, note=told, now=now)
            self._note(connection, "quarantine.dropped", by, "quarantine", now, rows=rows)
        return Settled(rows, [], [])

    def take_back(self, wanted: RowFilter, *, by: str) -> Settled:
        """Let dropped rows wait again."""
        now = micros(self.sync.now())
        with self.sync.database.write() as connection:
            rows = desk.take_back(connection, wanted)
            self._note(connection, "quarantine.taken_back", by, "quarantine", now, rows=rows)
        return Settled(rows, [], [])

    # ------------------------------------------------------------------------------------------ helpers

    def _later_only(self) -> set[tuple[str, str]]:
        """Plug-in and stream of the rows that cannot be tried again: their instant has passed, or alone they tell no
        whole fact."""
        return {
            (slot.plugin, each.name)
            for slot in self.sync.sources.values()
            for each in slot.streams
            if not each.replayable
        }

    def _refuse_unless_mendable(self, row_id: int, row: Mendable) -> None:
        if row.state is not RowState.WAITING:
            raise ConflictError(f"Row {row_id} is {row.state.value}; only a row that waits can be mended.")
        if (row.source, row.stream) in self._later_only():
            raise ConflictError(
                f"Row {row_id} tells no whole fact alone, as it is of a snapshot or one part of several; "
                "the next reading settles it."
            )

    def _read(self, row: Mendable, raw: bytes) -> Reread:
        with self.sync.database.read() as connection:
            reader = desk.reader_of(connection, row.account_id) or row.source
            newest = desk.newest_run(connection, row.account_id)
        slot, problem = self.sync.sources.get(reader), self._problem(reader)
        if slot is None or slot.open is None:
            raise ConflictError(f"{reader} cannot read a row as things are: {problem}.")
        known = barcodes.Barcodes(self.sync.database, newest or 0)
        tools = SourceTools(now=self.sync.now, monotonic=self.sync.monotonic, sleep=_never, sku_of_barcode=known.sku_of)
        source = slot.open(tools)
        try:
            return source.reread(row.stream, [StoredRow(raw, row.context)])[0]
        finally:
            source.close()

    def _readers(self, connection: Connection, wanted: RowFilter) -> tuple[dict[int, str], list[str]]:
        """By account the source that can try its rows; and what to say of the accounts that none can try."""
        readers: dict[int, str] = {}
        skipped: list[str] = []
        for account_id, plugin, name in desk.askable(connection, wanted, later_only=self._later_only()):
            reader = desk.reader_of(connection, account_id)
            problem = self._problem(reader)
            if reader is None or problem is not None:
                skipped.append(f"{name} ({reader or plugin}): {problem}")
            else:
                readers[account_id] = reader
        return readers, skipped

    def _problem(self, reader: str | None) -> str | None:
        """Why a source cannot read a row as things are; None: it can."""
        slot = None if reader is None else self.sync.sources.get(reader)
        if slot is None:
            return "no source of the settings reads this account any more"
        return None if slot.open is not None else slot.reason or "it cannot be opened"

    def _note(self, connection: Connection, kind: str, by: str, subject: str, now: int, *, rows: int) -> None:
        if rows:
            events.append_event(connection, at=now, kind=kind, actor=by, subject=subject, payload={"rows": rows})


def shown(raw: bytes) -> str:
    """The beginning of a row, in one line."""
    return " ".join(raw.decode(errors="replace").split())[:120]


def pretty(text: str) -> str:
    """A row's JSON in lines, for people; as it is where it is no JSON."""
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except msgspec.DecodeError:
        return text


def _never(seconds: float) -> None:
    raise StopRequestedError(f"nothing may wait {seconds:g} s here")
