"""How a stream is loaded that is told in whole days: each day is judged by its rows when its last page is in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from micore.domain.run_views import StreamState
from micore.services import checks
from micore.services.loaders import HELD_DAYS, Counts, Loader, Outcome
from micore.services.writers import Told
from micore.sources.base import RereadingSource
from micore.storage import funnel, stream_states, summary, volumes
from micore.storage.database import Connection


class CountedLoader(Loader):
    """A day with too few rows is left out of what is shown, and asked for again by the next run, alone."""

    def write(self, connection: Connection, told: Sequence[Told]) -> int:
        changed = super().write(connection, told)
        for page, records, _ in told:
            # A page longer than a step comes in parts; only the last one ends its day.
            if page.counted is None or (records and records[-1] is not page.records[-1]):
                continue
            day, rows = page.counted
            if checks.judge_counted(self.work, connection, self.stream.name, day, rows):
                summary.mark_dirty(connection, funnel.products_of_day(connection, self.work.account_id, day))
        return changed

    def finish(self, total: Counts, before: stream_states.StreamCursor | None) -> Outcome:
        outcome = super().finish(total, before)
        return self._held() or outcome

    def pause(self) -> Outcome:
        outcome = super().pause()
        return self._held() or outcome

    def _held(self) -> Outcome | None:
        """What to say of days that are not believed, those of earlier runs too; the next run asks for them again."""
        work, stream = self.work, self.stream.name
        with work.database.write() as connection:
            doubted = [
                day
                for day in volumes.doubted_days(connection, work.account_id, stream)
                if self._unread(connection, day)
            ]
            found = [each for day in reversed(doubted) if (each := checks.counted_doubt(work, connection, stream, day))]
        if not found:
            return None
        self.found += found[: checks.EXAMPLES]
        more = len(found) - checks.EXAMPLES
        days = " ".join(each.message for each in found[: checks.EXAMPLES]) + (
            f" So had {more} more days." if more > 0 else ""
        )
        return Outcome(StreamState.HELD, f"{days} {HELD_DAYS}")

    def _unread(self, connection: Connection, day: date) -> bool:
        """Whether the next run asks for a day again."""
        work, source = self.work, self.work.source
        found = stream_states.load_cursor(connection, work.account_id, self.stream.name)
        if found is None or not isinstance(source, RereadingSource):
            return False
        kept = json.loads(found.cursor)
        cursor = source.unread(self.stream.name, kept["source"], day)
        if cursor is None:
            return False
        after = replace(found, cursor=json.dumps({**kept, "source": cursor}))
        stream_states.save_cursor(connection, work.account_id, self.stream.name, after)
        return True
