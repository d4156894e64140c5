"""Reading the rows of a page: all at once, and one by one only where one of them is bad.

The fast way decodes a whole answer into typed structs. When a row does not fit, the answer is decoded again with its
rows left as bytes, so that the good ones load and each bad one stands apart with its reason and its own bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from typing import Any, Generic, TypeVar

import msgspec

from micore.domain.checks import check_instants
from micore.domain.records import Record, RejectedRow, StockRecord
from micore.errors import RecordRejectedError
from micore.sources.mending import NUL, mended
from micore.sources.reading import read_at

RowT = TypeVar("RowT")
EnvelopeT = TypeVar("EnvelopeT")

UNBELIEVABLE = (msgspec.DecodeError, RecordRejectedError, ValueError, ArithmeticError, RecursionError)
"""What reading a bad row raises: it does not fit, says what cannot be, is no text, or is too large or too deep."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[EnvelopeT, RowT]):
    """What one answer held."""

    envelope: EnvelopeT
    """The answer around the rows; never use the rows in it, they may be undecoded."""
    rows: Sequence[RowT]
    """The rows that could be believed."""
    records: Sequence[Record]
    rejected: Sequence[RejectedRow]


class RowReader(Generic[EnvelopeT, RowT]):
    """Reads one kind of answer: an envelope around a list of rows.

    `typed` and `untyped` are the envelope with its rows as structs and as msgspec.Raw; `rows_of` finds the list in
    either. `convert` makes records of rows and raises RecordRejectedError for one that cannot be believed.
    """

    def __init__(
        self,
        typed: type[EnvelopeT],
        untyped: type[Any],
        row: type[RowT],
        *,
        rows_of: Callable[[Any], list[Any] | None],
        convert: Callable[[Sequence[RowT]], Sequence[Record]],
        key_field: str,
    ) -> None:
        self._typed = msgspec.json.Decoder(typed)
        self._untyped = msgspec.json.Decoder(untyped)
        self._row = msgspec.json.Decoder(row)
        self._rows_of, self._convert, self._key_field = rows_of, convert, key_field

    def read(self, body: bytes) -> Batch[EnvelopeT, RowT]:
        """Read an answer; raises msgspec.DecodeError when the envelope itself does not fit."""
        try:
            if NUL in body:
                return self._read_one_by_one(body)
            envelope = self._typed.decode(body)
            rows = self._rows_of(envelope) or []
            return Batch(envelope, rows, self._believed(rows), ())
        except UNBELIEVABLE:
            return self._read_one_by_one(body)

    def one(self, raw: bytes) -> tuple[RowT, Sequence[Record]]:
        """Read a single row as `read` would; raises msgspec.DecodeError, RecordRejectedError."""
        try:
            row = self._row.decode(raw)
            records = self._believed([row])
            if NUL in raw and holds_nul(raw):
                raise RecordRejectedError(reason="text", received="a NUL character", allowed="text")
        except (msgspec.DecodeError, RecordRejectedError):
            raise
        except UNBELIEVABLE as error:
            received = str(error) or type(error).__name__
            raise RecordRejectedError(reason="row", received=received, allowed="text and numbers of JSON") from None
        return row, records

    def settled(
        self, body: bytes, batch: Batch[EnvelopeT, RowT], foreign: Mapping[Record, str] | None = None
    ) -> Batch[EnvelopeT, RowT]:
        """The batch without rows that contradict each other and without `foreign` ones (and why they are)."""
        refused = {**contradictions(batch.records), **(foreign or {})}
        if not refused:
            return batch
        kept = self._read_one_by_one(body, refused)
        return replace(kept, records=list(dict.fromkeys(kept.records)))

    def bytes_by_key(self, body: bytes) -> dict[str, bytes]:
        """The rows of an answer by what they call themselves, as they were received."""
        whole, envelope = rows_apart(self._untyped, body)
        rows = originals(self._rows_of(envelope) or [], whole, body)
        return {named(raw, self._key_field): told for raw, told in rows}

    def _read_one_by_one(self, body: bytes, refused: Mapping[Record, str] | None = None) -> Batch[EnvelopeT, RowT]:
        whole, envelope = rows_apart(self._untyped, body)
        rows: list[RowT] = []
        rejected: list[RejectedRow] = []
        for raw, told in originals(self._rows_of(envelope) or [], whole, body):
            try:
                row, records = self.one(told)
                problem = "; ".join(why for each in records if refused and (why := refused.get(each)))
            except (msgspec.DecodeError, RecordRejectedError) as error:
                problem = str(error)
            if problem:
                rejected.append(rejected_row(named(raw, self._key_field), problem, told))
            else:
                rows.append(row)
        # Together once more: what a page tells twice is settled among all of its rows.
        return Batch(envelope, rows, self._believed(rows), rejected)

    def _believed(self, rows: Sequence[RowT]) -> Sequence[Record]:
        records = self._convert(rows)
        now = read_at()
        if now is not None:
            check_instants(records, now)
        return records


def rows_apart(untyped: msgspec.json.Decoder[Any], body: bytes) -> tuple[bytes, Any]:
    """An answer with its rows left as bytes, and the text that it was read from: the body, mended where that is no
    JSON. Raises msgspec.DecodeError where nothing helps."""
    try:
        return body, untyped.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        whole = mended(body)
        return whole, untyped.decode(whole)


def originals(rows: Sequence[msgspec.Raw], whole: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each row as it could be told apart, and as it was received."""
    at = 0
    for row in rows:
        raw = bytes(row)
        if whole is body:
            yield raw, raw
        else:
            # Mending keeps every byte's place, and rows stand in order.
            start = whole.index(raw, at)
            at = start + len(raw)
            yield raw, body[start:at]


def rejected_row(key: str, reason: str, raw: bytes) -> RejectedRow:
    """A row for quarantine; what it says of itself is made fit for every database."""
    return RejectedRow(storable(key)[:LONGEST_KEY], storable(reason)[:LONGEST_REASON], raw)


LONGEST_KEY, LONGEST_REASON = 200, 600


def standing(rejected: Sequence[RejectedRow], told: Iterable[str]) -> list[str]:
    """The ids of records that rejected rows may stand for, beside those that were told. Of rows with one name the
    second is `name:2` and so on, and nobody knows which of them could not be believed."""
    ids = set(told) if rejected else set()
    names: list[str] = []
    for name, rows in Counter(row.key for row in rejected).items():
        numbered = chain([name], (f"{name}:{number}" for number in count(2)))
        names += islice((each for each in numbered if each not in ids), rows)
    return names


def storable(text: str) -> str:
    """Without the one character that no PostgreSQL text may hold."""
    return text.replace("\x00", "\\0")


def holds_nul(raw: bytes) -> bool:
    """Whether a text of a row holds the character; it may only look so."""
    # Written anew, JSON spells it in one way only, and a backslash before it as two.
    return b"\\u0000" in msgspec.json.encode(msgspec.json.decode(raw)).replace(b"\\\\", b"")


def named(raw: msgspec.Raw | bytes, key_field: str) -> str:
    """What a row calls itself, however little else of it makes sense; empty where it has no name."""
    try:
        fields = msgspec.json.decode(raw)
    except UNBELIEVABLE:
        return ""
    value = fields.get(key_field) if isinstance(fields, dict) else None
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return ""
    try:
        return str(value).strip("?")
    except ValueError:  # a number of thousands of digits
        return ""


def contradictions(records: Sequence[Record]) -> dict[Record, str]:
    """The records of a (sku, place) that is told with different figures, and why: which one is right?"""
    different = dict.fromkeys(records)
    stock = [record for record in different if isinstance(record, StockRecord)]
    told = Counter((record.sku_id, record.place_id) for record in stock)
    if len(told) == len(stock):
        return {}
    return {
        record: f"told {told[key]} times for warehouse {key[1]}, differently"
        for record in stock
        if told[key := (record.sku_id, record.place_id)] > 1
    }
