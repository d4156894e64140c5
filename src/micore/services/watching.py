"""What a reading shows beside its rows: the shape of its answers, and methods that will end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from micore.domain.findings import Finding
from micore.domain.retirements import announced, retiring
from micore.domain.shapes import Shape, drift, merge, observe
from micore.services.sync_work import SyncWork
from micore.sources.base import Page
from micore.storage import shapes
from micore.storage.database import Connection

FIRST_ROWS, LAST_ROWS = 15, 10
"""Of the rows of an answer, so many are looked at."""
ENVELOPE = 3
"""Levels that may stand around the rows."""


class Watch:
    """Looks at one answer of each method that a stream reads."""

    def __init__(self, work: SyncWork) -> None:
        self._work = work
        self._shapes: dict[str, Shape] = {}
        self._notices: dict[str, str] = {}

    def look(self, pages: Sequence[Page]) -> None:
        """Remember what is to be told of some pages."""
        for page in pages:
            endpoint = re.sub(r"/\d+(?=/|$)", "/{number}", page.raw.endpoint)
            if page.raw.notice:
                self._notices[endpoint] = page.raw.notice
            if endpoint not in self._shapes and page.records:
                self._shapes[endpoint] = shape_of(page.raw.body)

    def findings(self, connection: Connection) -> list[Finding]:
        """What a person should know; what was seen is known from now on."""
        work = self._work
        found = retiring(self._shapes, getattr(work.source, "retirements", ()), work.today())
        found += [announced(endpoint, notice) for endpoint, notice in self._notices.items()]
        for endpoint, seen in self._shapes.items():
            known = shapes.load(connection, work.account_id, endpoint)
            found += drift(endpoint, known, seen)
            shapes.save(connection, work.account_id, endpoint, known, merge(known, seen), now=work.now_micros())
        return found


def shape_of(body: bytes) -> Shape:
    """The shape of an answer by a few of its rows; nothing of one that is no JSON as a whole."""
    try:
        return observe(_sampled(msgspec.Raw(body), ENVELOPE))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _sampled(raw: msgspec.Raw, levels: int) -> Any:
    """The value, with long lists cut short before they are decoded."""
    first = bytes(memoryview(raw)[:64]).lstrip()[:1]
    if levels and first == b"{":
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return {name: _sampled(inner, levels - 1) for name, inner in fields.items()}
    if levels and first == b"[":
        rows = msgspec.json.decode(raw, type=list[msgspec.Raw])
        some = rows if len(rows) <= FIRST_ROWS + LAST_ROWS else [*rows[:FIRST_ROWS], *rows[-LAST_ROWS:]]
        return [msgspec.json.decode(each) for each in some]
    return msgspec.json.decode(raw)
