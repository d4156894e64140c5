"""Checks of what comes after a page, and after a reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from micore.domain.records import Record
from micore.sources.base import Stream
from micore.sources.checking.check import NotTriedError
from micore.sources.checking.trial import Reading, Trial, told
from micore.sources.checking.values import KEYS, key_of

POINTS = 25
"""Pages after which a thorough trial goes on."""
LIVE_SHARE = 0.5
"""A shop lives: of a page read twice so many rows are the same at least."""


def goes_on_after_a_page(trial: Trial, stream: Stream) -> Iterator[str]:
    pages = trial.good_reading(stream).pages
    if len(pages) < 2:
        raise NotTriedError("all of it fits on one page")
    numbers = range(1, len(pages), 1 + len(pages) // POINTS) if trial.thorough else [1]
    for number in numbers:
        # To the end: behind the note of an order whose answer nobody kept there are more pages than there were.
        left = None if trial.thorough else 1
        rest = trial.read(stream, pages[number - 1].cursor, pages=left)
        if rest.error is not None:
            yield f"after page {number}: {told(rest.error)}"
            continue
        expected = [record for page in pages[number:][:left] for record in page.records]
        yield from _differences(trial, f"after page {number}", expected, rest)


def reads_the_same_again(trial: Trial, stream: Stream) -> Iterator[str]:
    first = trial.good_reading(stream)
    count = len(first.pages) if trial.thorough else 1
    again = trial.read(stream, None, pages=count)
    yield from _differences(trial, "read again from the beginning", _first(first, count), again)


def starts_anew_after_the_end(trial: Trial, stream: Stream) -> Iterator[str]:
    first = trial.good_reading(stream)
    if not first.pages[-1].done:
        raise NotTriedError("only --thorough reads it to its end")
    cursor = first.pages[-1].cursor
    second = trial.read(stream, cursor, pages=None if trial.thorough else 1)
    if second.error is not None:
        yield f"with the cursor of a whole reading: {told(second.error)}"
        return
    if not second.pages:
        yield "with the cursor of a whole reading not even an empty page comes"
        return
    if trial.place.frozen and (news := set(second.records) - set(first.records)):
        yield f"the next reading brings {len(news)} records that the first did not know, and nothing has changed there"
    again = trial.read(stream, cursor, pages=1, full=True)
    yield from _differences(trial, "with `full` and a cursor", _first(first, 1), again)


def _first(reading: Reading, count: int) -> list[Record]:
    return [record for page in reading.pages[:count] for record in page.records]


def _differences(trial: Trial, when: str, expected: Sequence[Record], got: Reading) -> Iterator[str]:
    if got.error is not None:
        yield f"{when}: {told(got.error)}"
        return
    records = got.records
    if trial.place.frozen:
        if list(expected) != records:
            yield f"{when}: {_compared(expected, records)}"
        return
    wanted = {key_of(each) for each in expected if type(each) in KEYS}
    found = {key_of(each) for each in records if type(each) in KEYS}
    if wanted and len(wanted & found) < LIVE_SHARE * len(wanted):
        yield f"{when}: only {len(wanted & found)} of {len(wanted)} records came that a reading in one go has there"


def _compared(expected: Sequence[Record], records: Sequence[Record]) -> str:
    lost, new = len(set(expected) - set(records)), len(set(records) - set(expected))
    return f"{len(records)} records instead of {len(expected)}; {lost} missing, {new} that do not belong there"
