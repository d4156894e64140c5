"""The sales funnel stream: how often each card was opened, put into a cart, ordered and bought, day by day.

An answer tells up to a thousand cards of one period, so each day is a question of its own; the method by days would
tell twenty cards of a week. Once a Moscow day the days that have ended since are read, and some earlier ones again:
visits become known over some days, and what became of an order stands on the day of the order. What is left of a
reading's requests goes into the past, back to where two spans of four weeks can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from micore.domain.records import FunnelRecord, RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.base import Page, RawAnswer
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import ident
from micore.sources.http import Answer
from micore.sources.keys import pages
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import LONGEST_KEY, UNBELIEVABLE, Batch, RowReader, storable
from micore.sources.wildberries.answers import Funnel, FunnelCard, FunnelNames
from micore.sources.wildberries.api import FUNNEL_PATH, NAME, Category, WildberriesApi
from micore.sources.wildberries.finance import day_of
from micore.sources.wildberries.statistics import MOSCOW

PAGE_ROWS = 1000
HISTORY_DAYS = 56
"""As far back as days are read by themselves."""
KEPT_DAYS = 364
"""Wildberries tells the last 365 days; one less, because midnight may pass between the plan and the question."""
SETTLED_DAYS = 14
"""After so many days hardly an order is still on its way: each day is read again then, whatever it takes."""
AGAIN_DAYS = (1, 2, 7, 28)
"""Days are also read again so long after the first time, as far as the requests of the reading last."""
MOST_REQUESTS = 28
"""Of one reading, beside the days that must be read: at a request in 20 seconds no sync of other streams waits longer
than nine minutes for it, and that once a day."""
_DAY = timedelta(days=1)
_NAMES = msgspec.json.Decoder(FunnelNames)

_Batch = Batch[Funnel[FunnelCard], FunnelCard]


class FunnelCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` and `read_from` last; the other fields stand only inside of a broken reading."""

    read_to: date | None = None
    """Last day that is read, and every day down to `read_from`."""
    read_from: date | None = None
    as_of: datetime | None = None
    days: list[date] = []
    """Still to be read, the first one now."""
    more: list[date] = []
    """To be read while requests are left."""
    at: str = ""
    """The offset inside of the first day."""
    left: int = 0
    """Requests that this reading may still make for days of `more`."""


# --- what the rows say --------------------------------------------------------------------------------------------


def funnel_records(rows: Sequence[FunnelCard]) -> list[FunnelRecord]:
    """One for each row, which must tell of a single day."""
    return [_record(row) for row in rows]


def _record(row: FunnelCard) -> FunnelRecord:
    listing_id, told = ident(row.product.nm_id), row.statistic.selected
    day, last = (day_of(text, field="period") for text in (told.period.start, told.period.end))
    if day != last:
        raise RecordRejectedError(reason="period", received=f"{day} to {last}", allowed="a period of one day")
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


FUNNEL = RowReader(
    Funnel[FunnelCard],
    Funnel[msgspec.Raw],
    FunnelCard,
    rows_of=lambda answer: answer.data.products,
    convert=funnel_records,
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


def _read(body: bytes) -> _Batch:
    batch = FUNNEL.read(body)
    return Batch(batch.envelope, batch.rows, batch.records, [_named(row) for row in batch.rejected])


# --- the stream ---------------------------------------------------------------------------------------------------


def read_funnel(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, FunnelCursor, cursor) or FunnelCursor()
    as_of = at.as_of or api.now(Category.ANALYTICS)
    if not at.days:
        at = _begun(at, as_of, history)
        if not at.days:
            nothing = RawAnswer(b"", f"POST {FUNNEL_PATH}", "nothing new", api.tools.now())
            yield Page(nothing, [], [], to_text(at), as_of, done=True)
    while at.days:
        for step in day_pages(api, at.days[0], at.at):
            at = _behind(at, step.following)
            batch = step.page.value
            yield Page(step.page.raw, batch.records, batch.rejected, to_text(at), as_of, done=not at.days)


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
        answer = api.post(Category.ANALYTICS, FUNNEL_PATH, asked, _read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        following = str(offset + PAGE_ROWS) if rows >= PAGE_ROWS else None
        return answer, Fetched(rows, following, answer.raw.body)

    return walk(NAME, FUNNEL_PATH, cursor, fetch)


def first_days(cards: int, history: timedelta) -> int:
    """How many days the first reading of so many cards holds."""
    return max(1, min(MOST_REQUESTS // pages(cards, PAGE_ROWS), HISTORY_DAYS, history.days))


def _begun(at: FunnelCursor, as_of: datetime, history: timedelta) -> FunnelCursor:
    """What a new reading has to read; no days where all of them are."""
    yesterday = _yesterday(as_of)
    earliest = yesterday - max(min(timedelta(days=HISTORY_DAYS), history) - _DAY, timedelta())
    read_to, read_from = at.read_to, at.read_from
    # Around midnight a clock may seem to go back by a day; one of the far future was wrong.
    if read_to is None or read_from is None or not earliest - _DAY <= read_to <= yesterday + _DAY:
        read_to, read_from = yesterday - _DAY, yesterday
    new = _down(yesterday, read_to + _DAY)
    if not new:
        return FunnelCursor(at.read_to, at.read_from)
    settled = [day - timedelta(days=SETTLED_DAYS) for day in new]
    days = [*new, *(day for day in settled if day >= read_from and day not in new)]
    again = [day - timedelta(days=after) for after in AGAIN_DAYS for day in new]
    known = [day for day in again if day >= read_from and day not in days]
    more = list(dict.fromkeys([*known, *_down(read_from - _DAY, earliest)]))
    return FunnelCursor(read_to, read_from, as_of, days, more[:MOST_REQUESTS], "", MOST_REQUESTS)


def _behind(at: FunnelCursor, following: str | None) -> FunnelCursor:
    """Where the reading goes on behind a page."""
    assert at.as_of is not None
    left = at.left - 1
    if following is not None:
        return replace(at, at=following, left=left)
    day, days, more = at.days[0], at.days[1:], at.more
    # As many requests as this day took: its offset tells how many pages lay before the last.
    if not days and more and left >= int(at.at or 0) // PAGE_ROWS + 1:
        days, more = more[:1], more[1:]
    read_from = min(at.read_from or day, day)
    if not days:
        return FunnelCursor(_yesterday(at.as_of), read_from)
    return replace(at, read_from=read_from, days=days, more=more, at="", left=left)


def _yesterday(as_of: datetime) -> date:
    """The last day that has ended."""
    return as_of.astimezone(MOSCOW).date() - _DAY


def _down(last: date, first: date) -> list[date]:
    """The days from one down to another, both among them."""
    return [date.fromordinal(day) for day in range(last.toordinal(), first.toordinal() - 1, -1)]
