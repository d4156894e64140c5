"""How pages are gathered into steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from micore.services import loading
from micore.sources.base import Page, RawAnswer

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def page(cursor: str, *, at_once: bool = False, done: bool = False) -> Page:
    return Page(RawAnswer(b"[]", "GET /", "", AT), (), (), cursor, AT, at_once=at_once, done=done)


def test_a_page_that_must_be_stored_at_once_ends_its_step_before_the_next_is_asked_for() -> None:
    told: list[str] = []

    def pages() -> Iterator[Page]:
        for each in (page("1"), page("2", at_once=True), page("3", done=True)):
            told.append(f"asked {each.cursor}")
            yield each

    for step in loading.steps(pages(), monotonic=lambda: 0.0):
        told.append("stored " + " ".join(each.cursor for each in step))  # noqa: PERF401 - pages() tells too
    assert told == ["asked 1", "asked 2", "stored 1 2", "asked 3", "stored 3"]
