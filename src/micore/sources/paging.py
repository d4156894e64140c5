"""Walking through pages: to their end, never in circles, and again from the start where an old cursor has died."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeVar

from micore.errors import SourceProtocolError
from micore.sources.http import RequestRefusedError

T = TypeVar("T")

MAX_CURSOR_BYTES = 1500
"""A longer one does not fit into our own cursor, which is small by contract."""

MAX_RESTARTS = 2
"""Of one walk; the marketplace's cursors die (Ozon: after 15 minutes), and a walk from the start is idempotent."""


class Fetched(NamedTuple):
    """What a walk needs to know of a page."""

    rows: int
    following: str | None
    """Cursor of the next page; None after the last one."""
    body: bytes = b""
    """The page itself, where we count the offset: a marketplace that ignores it tells the same for ever."""


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """One page of a walk."""

    page: T
    at: str
    """The cursor that brought it; "" is the start."""
    following: str | None
    """The cursor of the next page; None after the last one."""


def walk(source: str, path: str, cursor: str, fetch: Callable[[str], tuple[T, Fetched]]) -> Iterator[Step[T]]:
    """Yield the pages from `cursor` to the last one.

    A refused cursor starts the walk again. Raises SourceProtocolError for a walk that would not end, and what
    `fetch` raises.
    """
    at: str | None = cursor
    seen: set[bytes] = set()
    restarts = 0
    while at is not None:
        try:
            page, fetched = fetch(at)
        except RequestRefusedError:
            if not at or restarts == MAX_RESTARTS:
                raise
            restarts, at, seen = restarts + 1, "", set()
            continue
        if fetched.following is not None:
            problem = endless(fetched, seen)
            if problem:
                raise SourceProtocolError(source, path=path, problem=problem)
        yield Step(page, at, fetched.following)
        at = fetched.following


def endless(fetched: Fetched, seen: set[bytes]) -> str:
    """Why a walk would not end; empty while it goes forward. Remembers cursor and page."""
    cursor = fetched.following or ""
    if fetched.rows == 0:
        return "a page without rows says that more follows"
    if not cursor:
        return "a page says that more follows and gives no cursor"
    if len(cursor.encode()) > MAX_CURSOR_BYTES:
        return f"a cursor of {len(cursor.encode())} bytes; allowed: {MAX_CURSOR_BYTES}"
    marks = {blake2b(each, digest_size=8).digest() for each in (cursor.encode(), fetched.body) if each}
    if marks & seen:
        return f"the cursor {cursor[:60]!r} or its page came twice, the pages go in circles"
    seen |= marks
    return ""
