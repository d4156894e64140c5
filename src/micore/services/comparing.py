"""What every stream's comparison with the marketplace's own figures has in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta, timezone

from micore.domain.reconcile_views import DayCompared, NotCompared, StatementCompared
from micore.domain.reconciling import Difference
from micore.errors import SourceProtocolError
from micore.services.sync_work import SyncWork
from micore.sources.own_figures import OwnFiguresSource
from micore.storage import notes

MOSCOW = timezone(timedelta(hours=3))
"""Whose days both marketplaces count by."""
RECENT = 86_400_000_000
"""Microseconds. A reading that is older excuses nothing: then what is missing is missing because nobody reads."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of a stream, before it is shown."""

    days: list[DayCompared]
    differences: list[Difference]
    rows: int
    statements: list[StatementCompared] = field(default_factory=list)
    by_report: bool = False
    """Compared report by report, perhaps none."""
    range: tuple[date, date] | None = None
    """Which days were compared, the end left out; None: those asked for."""
    failed_schemes: list[NotCompared] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoredNote:
    """See Note: in the database, so that whoever goes on after this process finds it."""

    work: SyncWork
    name: str

    def read(self) -> str:
        """See Note."""
        with self.work.database.read() as connection:
            return notes.note(connection, self.work.account_id, self.name)

    def write(self, text: str) -> None:
        """See Note."""
        with self.work.database.write() as connection:
            notes.write_note(connection, self.work.account_id, self.name, text, now=self.work.now_micros())
            self.work.keep_lease(connection)


def recent(work: SyncWork, read_to: int | None) -> int | None:
    """A reading that may excuse what is missing behind it; None where there is none."""
    return read_to if read_to is not None and work.now_micros() - read_to <= RECENT else None


def refuse_silence(source: OwnFiguresSource, stream: str, *, told: bool, here: bool) -> None:
    """Where the marketplace tells nothing at all and we have something, nothing was compared."""
    if here and not told:
        raise silence(source, stream)


def silence(source: OwnFiguresSource, of: str) -> SourceProtocolError:
    """What it is where the marketplace tells nothing at all of something that is stored here."""
    problem = "its own figures came empty, though something is stored here: nothing could be compared"
    return SourceProtocolError(source.name, path=of, problem=problem)
