"""When the answer that is being read was given: what lies far behind that instant has not happened yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from micore.domain.instants import micros

_now: ContextVar[int | None] = ContextVar("marketplace_now", default=None)


@contextmanager
def reading(marketplace_now: datetime) -> Iterator[None]:
    """While the block runs, an answer of that instant is read."""
    before = _now.set(micros(marketplace_now))
    try:
        yield
    finally:
        _now.reset(before)


def read_at() -> int | None:
    """The marketplace's clock when it gave the answer, in microseconds; None where nobody asked it anything."""
    return _now.get()
