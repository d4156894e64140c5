"""The returns stream: units on their way back to the seller, and those that have come to an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial

import msgspec

from micore.domain.instants import micros
from micore.domain.records import ReturnKind, ReturnRecord, ReturnState
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import moment
from micore.sources.http import Answer
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader
from micore.sources.wildberries.answers import ItemReturn, ItemReturns
from micore.sources.wildberries.api import NAME, RETURNS_PATH, Category, WildberriesApi
from micore.sources.wildberries.orders import SkuOfBarcode, is_unknown_barcode, sku_of
from micore.sources.wildberries.statistics import MOSCOW, moscow

ACTIVE = "active"
STATUSES = (ACTIVE, "archive")
PAGE_ROWS = 1000
NO_ROWS = b'{"report":[]}'
"""What the report says by HTTP 204."""

WINDOW_DAYS = 31
"""The most that one question may span, both ends included."""

LOOK_BACK = timedelta(days=3 * WINDOW_DAYS - 1)
"""The report is by the day a return was begun: so far back each reading asks, however short the history is to be."""

LONGEST_LOOK_BACK = timedelta(days=6 * WINDOW_DAYS - 1)
"""So far back where an older return was still open when it was read last. Each month costs two requests."""

DEFECTIVE = "брак"
"""Stands in the type of a return that is one of defective goods. Types are free text; no other is told apart."""


class ReturnsCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` is the day of the last whole reading. Of the others only `open_since` outlives a reading."""

    read_to: date | None = None
    open_since: date | None = None
    """When the oldest return was begun that this reading, or the last whole one, found open."""
    as_of: datetime | None = None
    day: date | None = None
    """First day of the window to go on with."""
    part: int = 0
    """Which of STATUSES."""
    at: str = ""
    """Offset inside of it."""


def return_records(rows: Sequence[ItemReturn], *, sku_of_barcode: SkuOfBarcode, archived: bool) -> list[ReturnRecord]:
    """One for each unit."""
    records: dict[tuple[str, str], ReturnRecord] = {}
    for row in rows:
        if not row.srid:
            raise RecordRejectedError(reason="srid", received="empty text", allowed="a return's id")
        finished_at = moscow(row.completed_dt)
        sku_id = sku_of(row.sku or row.barcode or "", row.nm_id, sku_of_barcode)
        defective = DEFECTIVE in (row.return_type or "").lower()
        records[row.srid, sku_id] = ReturnRecord(
            return_id=row.srid,
            order_id=None,
            sku_id=sku_id,
            scheme="",
            kind=ReturnKind.DEFECT if defective else ReturnKind.UNKNOWN,
            state=_state(row, archived=archived),
            quantity=MILLI,
            reason=row.return_reason or row.reason or "",
            returned_at=moment(moscow(row.order_dt), field="orderDt"),
            finished_at=None if finished_at is None else micros(finished_at),
        )
    return list(records.values())


def _state(row: ItemReturn, *, archived: bool) -> ReturnState:
    """By the dates, because the names of the states are free text."""
    if moscow(row.completed_dt) is not None:
        return ReturnState.BACK
    if archived:
        # At its end, and never handed over.
        return ReturnState.WRITTEN_OFF
    return ReturnState.ON_THE_WAY if moscow(row.ready_to_return_dt) is None else ReturnState.READY


_Batch = Batch[ItemReturns[ItemReturn], ItemReturn]
_Reader = RowReader[ItemReturns[ItemReturn], ItemReturn]


def reader(sku_of_barcode: SkuOfBarcode, *, archived: bool) -> _Reader:
    """Reads the returns of one status."""
    return RowReader(
        ItemReturns[ItemReturn],
        ItemReturns[msgspec.Raw],
        ItemReturn,
        rows_of=lambda answer: answer.report,
        convert=partial(return_records, sku_of_barcode=sku_of_barcode, archived=archived),
        key_field="srid",
    )


def read_returns(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, ReturnsCursor, cursor) or ReturnsCursor()
    as_of = at.as_of or api.now(Category.ANALYTICS)
    today = as_of.astimezone(MOSCOW).date()
    first = at.day or _first_day(at, today, history)
    oldest_open = at.open_since if at.day else None
    readers = [reader(api.tools.sku_of_barcode, archived=status == "archive") for status in STATUSES]
    parts = [(day, part) for day in _windows(first, today) for part in range(len(STATUSES))][at.part :]
    for number, (day, part) in enumerate(parts):
        last = min(today, day + timedelta(days=WINDOW_DAYS - 1))
        for step in return_pages(api, readers[part], day, last, part, at.at if number == 0 else ""):
            batch, more = step.page.value, step.following
            if STATUSES[part] == ACTIVE:
                oldest_open = min(filter(None, [oldest_open, *map(_begun, batch.rows)]), default=None)
            done = more is None and number + 1 == len(parts)
            if done:
                after = ReturnsCursor(today, oldest_open)
            elif more is not None:
                after = ReturnsCursor(at.read_to, oldest_open, as_of, day, part, more)
            else:
                after = ReturnsCursor(at.read_to, oldest_open, as_of, *parts[number + 1])
            context = {"archived": STATUSES[part] == "archive"}
            rejected = told_in(batch.rejected, context, may_pass=is_unknown_barcode)
            yield Page(step.page.raw, batch.records, rejected, to_text(after), as_of, done=done)


def _first_day(at: ReturnsCursor, today: date, history: timedelta) -> date:
    """Where a reading begins: an open return is asked for until it has come to its end."""
    if at.read_to is None:
        return today - min(max(history, LOOK_BACK), LONGEST_LOOK_BACK)
    usual = at.read_to - LOOK_BACK
    return usual if at.open_since is None else max(min(usual, at.open_since), today - LONGEST_LOOK_BACK)


def _begun(row: ItemReturn) -> date | None:
    begun = moscow(row.order_dt)
    return None if begun is None else begun.astimezone(MOSCOW).date()


def _windows(first: date, today: date) -> Iterator[date]:
    """The first days of the windows up to today."""
    for days in range(0, (today - first).days + 1, WINDOW_DAYS):
        yield first + timedelta(days=days)


def return_pages(
    api: WildberriesApi, reader: _Reader, day: date, last: date, part: int, cursor: str
) -> Iterator[Step[Answer[_Batch]]]:
    """Returns of one status that were begun from a day to a last one, by offset until a page is not full."""

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        offset = int(at or 0)
        query: dict[str, str | int] = {"dateFrom": day.isoformat(), "dateTo": last.isoformat()}
        query |= {"status": STATUSES[part], "limit": PAGE_ROWS, "offset": offset}
        answer = api.get(Category.ANALYTICS, RETURNS_PATH, query, reader.read, no_content=NO_ROWS)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, str(offset + PAGE_ROWS) if rows >= PAGE_ROWS else None, answer.raw.body)

    return walk(NAME, RETURNS_PATH, cursor, fetch)
