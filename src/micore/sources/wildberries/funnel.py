"""The sales funnel stream: how often each card was opened, put into a cart, ordered and bought, day by day.

An answer tells up to a thousand cards of one period, so each day is a question of its own; the method by days would
tell twenty cards of a week. Once a Moscow day the days that have ended since are read, and earlier ones again: visits
become known over some days, and what became of an order stands on the day of the order. Then run after run goes on into
the past, back to where two spans of four weeks can be compared; what is left of a run's requests reads days again that
were read longest ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import chain

import msgspec
from msgspec.structs import replace

from micore.domain.funnel_views import SETTLED_DAYS
from micore.domain.instants import micros
from micore.domain.records import CatalogueRecord, FunnelRecord, RejectedRow
from micore.errors import RecordRejectedError, SourceProtocolError
from micore.sources.base import DayRows, Page, RawAnswer
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident
from micore.sources.http import Answer
from micore.sources.keys import pages
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import LONGEST_KEY, UNBELIEVABLE, Batch, RowReader, storable
from micore.sources.wildberries.answers import Funnel, FunnelCard, FunnelNames
from micore.sources.wildberries.api import CARDS_PATH, FUNNEL_PATH, NAME, Category, WildberriesApi
from micore.sources.wildberries.catalogue import card_pages
from micore.sources.wildberries.finance import day_of
from micore.sources.wildberries.statistics import MOSCOW

PAGE_ROWS = 1000
HISTORY_DAYS = 56
"""As far back as days are read by themselves."""
KEPT_DAYS = 364
"""Wildberries tells the last 365 days; one less, because midnight may pass between the plan and the question."""
AGAIN_DAYS = 28
"""As far back days are read again, those whose last reading is oldest first, as far as the requests last."""
MOST_REQUESTS = 28
"""Of one run: at a request in 20 seconds no sync of other streams waits longer than nine minutes for it. What is not
read then, the next run goes on with."""
_DAY = timedelta(days=1)
_NAMES = msgspec.json.Decoder(FunnelNames)

_Batch = Batch[Funnel[FunnelCard], FunnelCard]


class FunnelCursor(msgspec.Struct, omit_defaults=True):
    """`day` and the fields behind it stand where something is under way."""

    newest: date | None = None
    """The first day that `ages` tells of."""
    ages: list[int] = []
    """Of `newest` and each day before it: how many days ago it was when it was read last; 0 where it never was."""
    as_of: datetime | None = None
    """When the reading under way began, or else the last one that read something."""
    day: date | None = None
    """Is being read, or the next to be: of a whole reading, the next of the past."""
    at: str = ""
    """The offset inside of it."""
    left: int = 0
    """Requests that this run may still make."""


# --- what the rows say --------------------------------------------------------------------------------------------


def funnel_records(rows: Sequence[FunnelCard], *, asked: date | None = None) -> list[FunnelRecord]:
    """One for each row, which must tell of a single day, the one that was asked for; None: nobody knows which."""
    return [_record(row, asked) for row in rows]


def _record(row: FunnelCard, asked: date | None) -> FunnelRecord:
    listing_id, told = ident(row.product.nm_id), row.statistic.selected
    day, last = (day_of(text, field="period") for text in (told.period.start, told.period.end))
    if day != last:
        raise RecordRejectedError(reason="period", received=f"{day} to {last}", allowed="a period of one day")
    if asked is not None and day != asked:
        raise RecordRejectedError(reason="period", received=str(day), allowed=f"{asked}, the day asked for")
    return FunnelRecord(
        f"{day}:{listing_id}",
        listing_id,
        day.isoformat(),
        opened=told.open_count,
        carted=told.cart_count,
        ordered=told.order_count,
        bought=told.buyout_count,
        cancelled=told.cancel_count,
        wished=told.add_to_wishlist,
    )


def reader(asked: date | None) -> RowReader[Funnel[FunnelCard], FunnelCard]:
    """Reads the answer about a day, or a row of it."""
    return RowReader(
        Funnel[FunnelCard],
        Funnel[msgspec.Raw],
        FunnelCard,
        rows_of=lambda answer: answer.data.products,
        convert=partial(funnel_records, asked=asked),
        key_field="product",
    )


def _named(row: RejectedRow) -> RejectedRow:
    """A row that cannot be believed under the name that its record would have."""
    try:
        told = _NAMES.decode(row.raw)
        key = f"{told.statistic.selected.period.start[:10]}:{ident(told.product.nm_id)}"
    except UNBELIEVABLE:
        return row
    return row._replace(key=storable(key)[:LONGEST_KEY])


def _read(body: bytes, *, asked: date) -> _Batch:
    batch = reader(asked).read(body)
    named = told_in([_named(row) for row in batch.rejected], {"day": asked.isoformat()})
    return Batch(batch.envelope, batch.rows, batch.records, named)


# --- the stream ---------------------------------------------------------------------------------------------------


def read_funnel(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = _begun(from_text(NAME, FunnelCursor, cursor) or FunnelCursor(), api.now(Category.ANALYTICS), history)
    as_of = at.as_of
    assert as_of is not None
    if at.day is None:
        nothing = RawAnswer(b"", f"POST {FUNNEL_PATH}", "nothing new", api.tools.now())
        yield Page(nothing, [], [], to_text(at), as_of, done=True)
    while at.day is not None:
        for step in day_pages(api, at.day, at.at):
            before, batch = at, step.page.value
            at = _behind(at, step.following)
            # What of the past is still to be read leaves nothing of the present unread.
            done = at.day is None or (at.left == 0 and _due(at.ages) is None)
            paused = not done and at.left == 0
            counted = _counted(before, batch) if step.following is None else None
            yield Page(
                *(step.page.raw, batch.records, batch.rejected, to_text(at), as_of),
                done=done,
                paused=paused,
                counted=counted,
            )
            if done or paused:
                return


def _counted(at: FunnelCursor, batch: _Batch) -> DayRows:
    """How many cards were told of the day that the last page ends."""
    assert at.day is not None
    return DayRows(at.day, int(at.at or 0) + len(batch.rows) + len(batch.rejected))


def unread(cursor: str, day: date) -> str | None:
    """See RereadingSource.unread."""
    at = from_text(NAME, FunnelCursor, cursor)
    back = -1 if at is None or at.newest is None else (at.newest - day).days
    if at is None or not 0 <= back < len(at.ages):
        return None
    nothing_due = _due(at.ages) is None
    at = replace(at, ages=[0 if place == back else age for place, age in enumerate(at.ages)])
    # A day of the past that is under way gives way to it, and begins anew.
    return to_text(replace(at, day=day, at="") if nothing_due else at)


def day_pages(api: WildberriesApi, day: date, cursor: str) -> Iterator[Step[Answer[_Batch]]]:
    """All cards of a day, those that were opened most first, until a page is not full."""
    period = {"start": day.isoformat(), "end": day.isoformat()}

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        offset = int(at or 0)
        asked = {
            "selectedPeriod": period,
            "orderBy": {"field": "openCard", "mode": "desc"},
            "limit": PAGE_ROWS,
            "offset": offset,
        }
        answer = api.post(Category.ANALYTICS, FUNNEL_PATH, asked, partial(_read, asked=day))
        rows = len(answer.value.rows) + len(answer.value.rejected)
        following = str(offset + PAGE_ROWS) if rows >= PAGE_ROWS else None
        return answer, Fetched(rows, following, answer.raw.body)

    return walk(NAME, FUNNEL_PATH, cursor, fetch)


def refuse_untold(api: WildberriesApi, day: date) -> None:
    """Raises SourceProtocolError where a card of the account was there before a day of which no card is told, as far
    as the first page of its cards tells."""
    first = next(card_pages(api, CARDS_PATH)).page.value
    began = micros(datetime.combine(day, time(), MOSCOW))
    made = [each.created_at for each in first.records if isinstance(each, CatalogueRecord)]
    if any(at is not None and at < began for at in made):
        problem = f"no card is told of {day}, and the account has cards since before it"
        raise SourceProtocolError(NAME, path=FUNNEL_PATH, problem=problem)


def first_days(cards: int, history: timedelta) -> int:
    """How many days the first reading of so many cards holds."""
    return max(1, min(MOST_REQUESTS // pages(cards, PAGE_ROWS), HISTORY_DAYS, history.days))


def _begun(at: FunnelCursor, now: datetime, history: timedelta) -> FunnelCursor:
    """Where a run begins; without a day where everything is read that must be."""
    yesterday, known = _yesterday(now), max(min(HISTORY_DAYS, history.days), 1)
    newest = at.newest or yesterday
    # Around midnight a clock may seem to go back by a day; one of the far future was wrong.
    passed = (yesterday - newest).days if newest <= yesterday + _DAY else known
    if at.as_of is not None and (passed < 0 or (passed == 0 and at.day is not None)):
        return replace(at, left=at.left or MOST_REQUESTS) if at.day is not None else at
    # A day that was begun before midnight is begun anew: its pages would be of different days' knowledge.
    ages = ([0] * passed + at.ages + [0] * known)[:known]
    due = _due(ages)
    if due is None:
        return replace(at, ages=ages)
    return FunnelCursor(yesterday, ages, now, yesterday - due * _DAY, "", MOST_REQUESTS)


def _behind(at: FunnelCursor, following: str | None) -> FunnelCursor:
    """Where the reading goes on behind a page."""
    assert at.newest is not None
    assert at.day is not None
    left = at.left - 1
    if following is not None:
        return replace(at, at=following, left=left)
    ages = list(at.ages)
    back = (at.newest - at.day).days
    ages[back] = back + 1
    due = _due(ages)
    if due is None:
        due = _past(ages)
    # As many requests as this day took: its offset tells how many pages lay before the last.
    if due is None and left >= int(at.at or 0) // PAGE_ROWS + 1:
        due = _again(ages)
    if due is None:
        return FunnelCursor(at.newest, ages, at.as_of)
    return replace(at, ages=ages, day=at.newest - due * _DAY, at="", left=left)


def _due(ages: list[int]) -> int | None:
    """The place of the next day that must be read: those that have ended since the last reading, then those that were
    read last before they were settled, the newest first; None: all of them are."""
    oldest = max((back for back, age in enumerate(ages) if age), default=0)
    new = (back for back in range(oldest + 1) if not ages[back])
    settled = (back for back, age in enumerate(ages) if 0 < age < SETTLED_DAYS <= back + 1)
    return next(chain(new, settled), None)


def _past(ages: list[int]) -> int | None:
    """The place of the next day of the past; None: all are read that are read by themselves."""
    return next((back for back, age in enumerate(ages) if not age), None)


def _again(ages: list[int]) -> int | None:
    """The place of the day of the last four weeks that was read longest ago; None: all of them were read today."""
    known = [back for back, age in enumerate(ages[:AGAIN_DAYS]) if age <= back]
    return min(known, key=lambda back: (ages[back] - back, back), default=None)


def _yesterday(as_of: datetime) -> date:
    """The last day that has ended."""
    return as_of.astimezone(MOSCOW).date() - _DAY
