"""Ozon's cursors inside of its lists."""

from __future__ import annotations


def following(cursor: str | None, has_next: bool | None) -> str | None:
    """The next page's cursor in the methods with `has_next`; where they leave it out, an empty cursor is the end."""
    more = has_next if has_next is not None else bool(cursor)
    return (cursor or "") if more else None
