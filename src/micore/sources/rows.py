"""Reading the rows of a page: all at once, and one by one only where one of them is bad.

The fast way decodes a whole answer into typed structs. When a row does not fit, the answer is decoded again with its
rows left as bytes, so that the good ones load and each bad one stands apart with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from micore.domain.records import Record, RejectedRow, StockRecord
from micore.errors import RecordRejectedError

RowT = TypeVar("RowT")
EnvelopeT = TypeVar("EnvelopeT")


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
            envelope = self._typed.decode(body)
            rows = self._rows_of(envelope) or []
            return Batch(envelope, rows, self._convert(rows), ())
        except (msgspec.ValidationError, RecordRejectedError):
            return self._read_one_by_one(body)

    def one(self, raw: bytes) -> tuple[RowT, Sequence[Record]]:
        """Read a single row as `read` would; raises msgspec.DecodeError, RecordRejectedError."""
        row = self._row.decode(raw)
        return row, self._convert([row])

    def _read_one_by_one(self, body: bytes) -> Batch[EnvelopeT, RowT]:
        envelope = self._untyped.decode(body)
        rows: list[RowT] = []
        rejected: list[RejectedRow] = []
        for raw in self._rows_of(envelope) or []:
            try:
                row = self._row.decode(raw)
                self._convert([row])
            except (msgspec.DecodeError, RecordRejectedError) as error:
                rejected.append(RejectedRow(named(raw, self._key_field), str(error), bytes(raw)))
            else:
                rows.append(row)
        # Together once more: what a page tells twice is settled among all of its rows.
        return Batch(envelope, rows, self._convert(rows), rejected)


def named(raw: msgspec.Raw | bytes, key_field: str) -> str:
    """What a row calls itself, however little else of it makes sense; empty where it has no name."""
    try:
        fields = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return ""
    value = fields.get(key_field) if isinstance(fields, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def told_once(records: Sequence[Record]) -> tuple[Sequence[Record], list[RejectedRow]]:
    """The records without those of a (sku, place) that is told twice with different figures: which one is right?"""
    different = dict.fromkeys(records)
    stock = [record for record in different if isinstance(record, StockRecord)]
    told = Counter((record.sku_id, record.place_id) for record in stock)
    if len(told) == len(records):
        return records, []
    kept = [record for record in stock if told[record.sku_id, record.place_id] == 1]
    rejected = [
        RejectedRow(record.sku_id, f"told {told[key]} times for warehouse {key[1]}, differently", repr(record).encode())
        for record in stock
        if told[key := (record.sku_id, record.place_id)] > 1
    ]
    return kept, rejected
