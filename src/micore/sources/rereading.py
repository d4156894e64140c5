"""Rejected rows: what is kept beside their bytes, and how they are read again later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from micore.domain.records import RejectedRow
from micore.errors import RecordRejectedError
from micore.sources.base import Reread, StoredRow

Context: TypeAlias = Mapping[str, Any]
ReadAgain: TypeAlias = Callable[[bytes, Context], Reread]
"""Reads the bytes of one row in its context; raises as a reader does where they do not fit."""

LATER_ONLY = "the row alone does not tell enough; the next reading of the stream settles it"
_UNFIT = (msgspec.DecodeError, RecordRejectedError, ValueError, ArithmeticError, RecursionError)


class LostContextError(RecordRejectedError):
    """A row cannot be read without what stood around it."""

    def __init__(self) -> None:
        super().__init__(reason="context", received="none", allowed=LATER_ONLY)
        self.args = (LATER_ONLY,)


def told_in(
    rejected: Sequence[RejectedRow],
    context: Context | Callable[[RejectedRow], Context],
    *,
    within: str = "",
    may_pass: Callable[[str], bool] = lambda reason: False,
) -> list[RejectedRow]:
    """Rejected rows with the context that reading them again needs.

    `within` names what holds them, where their own names tell apart no more than that ("supply 7, sku 5");
    `may_pass` knows the reasons that may pass by themselves.
    """
    return [
        RejectedRow(
            f"{within}:{row.key}" if within else row.key,
            row.reason,
            row.raw,
            msgspec.json.encode(context(row) if callable(context) else context).decode(),
            may_pass(row.reason),
        )
        for row in rejected
    ]


def reread_each(
    rows: Sequence[StoredRow], read: ReadAgain | None, *, may_pass: Callable[[str], bool] = lambda reason: False
) -> list[Reread]:
    """See Source.reread; without `read` the stream's rows cannot be read alone."""
    return [_reread(row, read, may_pass) for row in rows]


def _reread(row: StoredRow, read: ReadAgain | None, may_pass: Callable[[str], bool]) -> Reread:
    try:
        if read is None:
            raise LostContextError
        return read(row.raw, msgspec.json.decode(row.context) if row.context else {})
    except _UNFIT as error:
        reason = str(error) or type(error).__name__
        return Reread(reason=reason, may_pass=may_pass(reason))


def needed(context: Context, name: str) -> Any:
    """A part of a row's context; raises LostContextError where it was not kept."""
    if name not in context:
        raise LostContextError
    return context[name]
