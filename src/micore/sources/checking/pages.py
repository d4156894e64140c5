"""Checks of what one reading brings: its records, its pages, its cursors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from micore.domain.records import OrderRecord, PlaceRecord, Record, RejectedRow, StockRecord, SupplyRecord
from micore.sources.base import Page, Stream, StreamKind
from micore.sources.checking.check import NotTriedError
from micore.sources.checking.trial import Trial, told
from micore.sources.checking.values import GROUPS, RECORDS, key_of, misfits, units_too_small

CURSOR_BYTES = 2000
GROWTH_BYTES = 8
"""A cursor that gains so much with each page remembers pages, not a position."""
GROWTH_STEPS = 3
AHEAD = timedelta(minutes=5)


def reads_without_error(trial: Trial, stream: Stream) -> Iterator[str]:
    error = trial.reading(stream).error
    if error is not None:
        yield told(error)


def yields_its_records(trial: Trial, stream: Stream) -> Iterator[str]:
    wanted = RECORDS.get(stream.name, ())
    for record in trial.good_reading(stream).records:
        if type(record) not in wanted:
            yield f"a {type(record).__name__}; allowed: {' and '.join(each.__name__ for each in wanted) or 'nothing'}"


def values_fit(trial: Trial, stream: Stream) -> Iterator[str]:
    for page in trial.good_reading(stream).pages:
        for record in (*page.records, *page.places):
            yield from misfits(record)


def units_fit(trial: Trial, stream: Stream) -> Iterator[str]:
    yield from units_too_small(_judged(trial, stream))


def keys_are_unique(trial: Trial, stream: Stream) -> Iterator[str]:
    for key, times in Counter(key_of(each) for each in _judged(trial, stream)).items():
        if times > 1:
            yield f"{' / '.join(map(str, key))} came {times} times in one reading"


def lines_share_a_page(trial: Trial, stream: Stream) -> Iterator[str]:
    field = next((GROUPS[each] for each in RECORDS.get(stream.name, ()) if each in GROUPS), None)
    if field is None:
        raise NotTriedError("its records stand alone")
    home: dict[str, int] = {}
    for number, page in enumerate(trial.good_reading(stream).pages):
        for record in page.records:
            name = getattr(record, field, None)
            if isinstance(name, str) and home.setdefault(name, number) != number:
                yield f"lines of {field} {name} are on page {home[name] + 1} and on page {number + 1}"


def bad_rows_stand_apart(trial: Trial, stream: Stream) -> Iterator[str]:
    reading = trial.good_reading(stream)
    rejected: list[Any] = [row for page in reading.pages for row in page.rejected]
    for row in rejected:
        if not (isinstance(row, RejectedRow) and row.reason and row.raw and type(row.raw) is bytes):
            yield f"{row!r:.120} has no reason, or not its bytes"
    excused = trial.unknown_barcodes  # a part of the catalogue knows a part of the barcodes
    if len(rejected) > len(reading.records) + excused:
        reasons = Counter(row.reason for row in rejected if isinstance(row, RejectedRow)).most_common(1)
        why = f"; most often: {reasons[0][0]}" if reasons else ""
        yield f"{len(rejected)} rows rejected, {len(reading.records)} believed{why}"


def names_are_told(trial: Trial, stream: Stream) -> Iterator[str]:
    for page in trial.good_reading(stream).pages:
        places = {place.place_id for place in page.places}
        for record in page.records:
            named = record.place_id if isinstance(record, (StockRecord, OrderRecord, SupplyRecord)) else None
            # A supply may go to a place that only the list of warehouses describes.
            if named is not None and named not in places and not isinstance(record, SupplyRecord):
                yield f"{type(record).__name__} names place {named}, its page's `places` do not"
        seen: set[str] = set()
        for place in (*page.places, *(each for each in page.records if isinstance(each, PlaceRecord))):
            if place.parent_id is not None and place.parent_id not in seen:
                yield f"place {place.place_id} comes before its parent {place.parent_id}"
            seen.add(place.place_id)


def ends_once(trial: Trial, stream: Stream) -> Iterator[str]:
    reading = trial.reading(stream)
    if reading.error is not None:
        raise NotTriedError("the reading broke off")
    if not reading.pages:
        yield "not a single page; an empty reading yields one page that is done"
        return
    early = [number for number, page in enumerate(reading.pages[:-1], 1) if page.done]
    if early:
        yield f"page {early[0]} of {len(reading.pages)} says done already"
    if reading.whole and not reading.pages[-1].done:
        yield f"the reading ended after {len(reading.pages)} pages and none of them says done"


def scopes_hang_together(trial: Trial, stream: Stream) -> Iterator[str]:
    reading = trial.good_reading(stream)
    pages = reading.pages
    if stream.kind is not StreamKind.SNAPSHOT:
        if any(page.scope or page.scope_done or page.seen for page in pages):
            yield "a page names a scope; only snapshots have scopes"
        return
    scopes = [page.scope for page in pages]
    if [each for number, each in enumerate(scopes) if number == 0 or scopes[number - 1] != each] != list(
        dict.fromkeys(scopes)
    ):
        yield f"scopes are mixed: {', '.join(scopes[:10])}"
    for page in pages:
        if not page.scope and (page.records or page.scope_done):
            yield "a page of a snapshot with rows names no scope"
    for now, following in pairwise(pages):
        if now.scope and now.scope_done != (now.scope != following.scope):
            yield f"scope {now.scope}: scope_done is {now.scope_done} and the next page is of {following.scope!r}"
    if reading.whole and pages[-1].scope and not pages[-1].scope_done:
        yield f"the reading ended and scope {pages[-1].scope} was never done"


def cursors_are_small(trial: Trial, stream: Stream) -> Iterator[str]:
    pages: Sequence[Any] = trial.good_reading(stream).pages
    for number, page in enumerate(pages, 1):
        if not isinstance(page.cursor, str):
            yield f"page {number}: the cursor is a {type(page.cursor).__name__}; allowed: text"
            return
        if not 0 < (size := len(page.cursor.encode())) < CURSOR_BYTES:
            yield f"page {number}: a cursor of {size} bytes; allowed: 1 to {CURSOR_BYTES - 1}"
        try:
            msgspec.json.decode(page.cursor)
        except msgspec.DecodeError:
            yield f"page {number}: the cursor is no JSON: {page.cursor[:80]!r}"
    sizes = [len(page.cursor.encode()) for page in pages]
    if len(sizes) > GROWTH_STEPS and all(after - before >= GROWTH_BYTES for before, after in pairwise(sizes[:20])):
        yield f"cursors grow with every page, from {sizes[0]} to {sizes[-1]} bytes in {len(sizes)} pages"
    if twice := [page.cursor for page, after in pairwise(pages) if page.cursor == after.cursor]:
        yield f"two pages have one cursor, {twice[0][:80]!r}: a reading cannot go on between them"


def one_instant_per_scope(trial: Trial, stream: Stream) -> Iterator[str]:
    pages: Sequence[Any] = trial.good_reading(stream).pages
    instants: dict[str, datetime] = {}
    now = trial.place.now
    for number, page in enumerate(pages, 1):
        if not isinstance(page.as_of, datetime) or page.as_of.utcoffset() != timedelta(0):
            yield f"page {number}: as_of is {page.as_of!r}; allowed: an instant in UTC"
            return
        first = instants.setdefault(page.scope, page.as_of)
        if page.as_of != first:
            yield f"page {number}: as_of is {page.as_of}, that of its scope's first page is {first}"
        if now is not None and page.as_of > now() + AHEAD:
            yield f"page {number}: as_of is {page.as_of}, the place's clock says {now()}"


def raw_answers_are_whole(trial: Trial, stream: Stream) -> Iterator[str]:
    for number, page in enumerate(trial.good_reading(stream).pages, 1):
        raw: Any = page.raw
        method, _, path = raw.endpoint.partition(" ")
        if method not in ("GET", "POST") or not path.startswith("/"):
            yield f"page {number}: endpoint is {raw.endpoint!r}; allowed: GET or POST, a blank, a path"
        if not isinstance(raw.body, bytes) or (page.records and not raw.body):
            yield f"page {number}: has {len(page.records)} records and no bytes that they came from"
        if raw.received_at.utcoffset() != timedelta(0):
            yield f"page {number}: received_at is {raw.received_at!r}; allowed: our clock, UTC"


def secrets_stay_out(trial: Trial, stream: Stream) -> Iterator[str]:
    if not trial.secrets:
        raise NotTriedError("it has no secret options, or they are not set")
    reading = trial.reading(stream)
    for number, page in enumerate(reading.pages, 1):
        for where in _holding(trial.secrets, page):
            yield f"page {number}: a secret stands in {where}"
    if reading.error is not None and any(each in f"{reading.error} {vars(reading.error)}" for each in trial.secrets):
        yield f"a secret stands in the error {type(reading.error).__name__}"


def _holding(secrets: Sequence[str], page: Page) -> list[str]:
    """The parts of a page that hold a secret."""
    parts = {
        "raw.body": page.raw.body.decode(errors="replace"),
        "raw.request": page.raw.request,
        "raw.endpoint": page.raw.endpoint,
        "cursor": page.cursor,
        "its records": repr((page.records, page.rejected, page.places, page.skus)),
    }
    return [name for name, text in parts.items() if any(secret in text for secret in secrets)]


def _judged(trial: Trial, stream: Stream) -> list[Record]:
    wanted = RECORDS.get(stream.name, ())
    return [each for each in trial.good_reading(stream).records if type(each) in wanted]
