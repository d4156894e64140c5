"""Our own cursors: small JSON that a reading can go on from, whoever stored it and however long ago."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import structlog

CursorT = TypeVar("CursorT", bound=msgspec.Struct)

_log = structlog.get_logger("micore.sources")


def from_text(source: str, kind: type[CursorT], text: str | None) -> CursorT | None:
    """The cursor behind a text; None for none, and for one that another version wrote: then all is read again."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        _log.warning("source_cursor_unknown", source=source, cursor=text[:200], why=str(error))
        return None


def to_text(cursor: msgspec.Struct) -> str:
    """The text that `from_text` reads."""
    return msgspec.json.encode(cursor).decode()
