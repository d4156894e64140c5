"""What every source promises of rows it rejected once: they can be read again, alone, by the rules of today."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Any

import msgspec
import pytest

from micore.domain.records import Record, RejectedRow
from micore.errors import MicoreError
from micore.simulator.row_faults import rows_of
from micore.sources.base import Source, StoredRow
from micore.sources.ranges import RangeSource
from micore.sources.rereading import LATER_ONLY
from tests.contracts.markets import Market, Mischief, forward_to
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says


class Spoiler:
    """Makes the first row of each answer to one path unreadable, and remembers what it was."""

    def __init__(self, market: Market, path: str) -> None:
        self._market, self._path = market, path
        self.originals: dict[bytes, bytes] = {}

    def __call__(self, asked: Asked) -> Says | None:
        if plain(asked.path) != self._path:
            return None
        says = forward_to(self._market, asked)
        body = msgspec.json.decode(says.body) if isinstance(says.body, bytes) and says.body else None
        rows: list[Any] = rows_of(body) or []
        if not rows:
            return says
        spoilt = {**{key: [[]] for key in rows[0]}, "number": len(self.originals)}
        self.originals[msgspec.json.encode(spoilt)] = msgspec.json.encode(rows[0])
        rows[0] = spoilt
        return Says(msgspec.json.encode(body), says.status, says.headers)


def plain(path: str) -> str:
    return re.sub(r"\d+", "0", path.partition("?")[0])


def read_spoilt(market: Market, source: Source, stream: str, path: str) -> tuple[list[RejectedRow], Spoiler]:
    spoiler = Spoiler(market, path)
    market.mischief = spoiler
    try:
        return [row for page in source.read(stream, None) for row in page.rejected], spoiler
    except MicoreError:
        # Without this row the source cannot go on at all.
        return [], spoiler
    finally:
        market.mischief = quiet


quiet: Mischief = lambda asked: None  # noqa: E731


def test_a_rejected_row_is_rejected_again_until_it_is_mended(market: Market, stream: str) -> None:
    source = market.source(HandClock().tools())
    if not replayable(source, stream):
        return
    market.mischief = quiet
    market.asked.clear()
    honest: set[Record] = {record for page in source.read(stream, None) for record in page.records}
    mended = 0
    for path in sorted({plain(asked.path) for asked in market.asked}):
        rejected, spoiler = read_spoilt(market, source, stream, path)
        again = source.reread(stream, [StoredRow(row.raw, row.context) for row in rejected])
        assert [each.reason is None or bool(each.records) for each in again] == [False] * len(rejected)
        for row in rejected:
            original = spoiler.originals.get(row.raw)
            (each,) = source.reread(stream, [StoredRow(original or row.raw, row.context)])
            # A row of a mere list means nothing alone.
            assert each.reason is None or original is None or each.reason == LATER_ONLY
            assert set(each.records) <= honest
            mended += each.reason is None
    source.close()
    assert mended


def replayable(source: Source, name: str) -> bool:
    return any(each.name == name and each.replayable for each in source.streams)


def test_rows_that_mean_nothing_alone_are_for_the_next_reading(market: Market, stream: str) -> None:
    source = market.source(HandClock().tools())
    (each,) = source.reread(stream, [StoredRow(b'{"sku": 1}', "")])
    assert each.reason is not None
    assert replayable(source, stream) or each.reason == LATER_ONLY
    source.close()


@pytest.mark.parametrize("kind", ["orders", "sales", "returns", "finance"])
def test_a_row_of_past_days_waits_as_it_does_when_it_is_told_live(market: Market, kind: str) -> None:
    """Of what was rejected by both, the backfill's row must not take the place of one that knows more."""
    source = market.source(HandClock().tools())
    assert isinstance(source, RangeSource)
    windows = source.plan_range(kind, date(2026, 11, 5), date(2026, 11, 12), today=date(2026, 11, 20)).windows
    if not windows:
        return
    market.mischief = quiet
    market.asked.clear()
    for window in windows:
        list(source.read_range(kind, *window, None))
    mended = 0
    for path in sorted({plain(asked.path) for asked in market.asked}):
        market.mischief = spoiler = Spoiler(market, path)
        rows: list[RejectedRow] = []
        with suppress(MicoreError):
            rows = [row for each in windows for page in source.read_range(kind, *each, None) for row in page.rejected]
        market.mischief = quiet
        for row in rows:
            (each,) = source.reread(kind, [StoredRow(spoiler.originals[row.raw], row.context)])
            assert each.reason is None
            mended += 1
    source.close()
    assert mended


@pytest.mark.parametrize("raw", [b"", b"nonsense", b'"text"', b"\xff\xfe", b"[" * 5000])
def test_bytes_that_are_no_row_are_said_to_be_none(market: Market, raw: bytes) -> None:
    source = market.source(HandClock().tools())
    for stream in (each.name for each in source.streams):
        for context in ("", "{}"):
            (each,) = source.reread(stream, [StoredRow(raw, context)])
            assert each.reason
            assert not each.records
    source.close()
