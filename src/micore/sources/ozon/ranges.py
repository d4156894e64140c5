"""Ozon asked for days of the past: postings by creation, accruals by their day, returns by the day they were begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.http import Answer
from micore.sources.ozon.api import NAME, REQUESTS_PER_SECOND, OzonApi
from micore.sources.ozon.finance import FIRST_DAY, ZONE, bookings, day_pages, types_of
from micore.sources.ozon.finance import hints as hints_of_finance
from micore.sources.ozon.orders import SCHEMES, hints, window_pages
from micore.sources.ozon.return_requests import CONTEXT, PREFIX, request_pages
from micore.sources.ozon.return_requests import hints as hints_of_requests
from micore.sources.ozon.returns import hints as hints_of_returns
from micore.sources.ozon.returns import return_pages
from micore.sources.ozon.windows import Window
from micore.sources.paging import Step
from micore.sources.ranges import Keeping, RangePlan, WindowCursor, not_by_date
from micore.sources.rereading import Context, told_in
from micore.sources.rows import Batch

_PACE = 1 / REQUESTS_PER_SECOND
_KEPT = {
    "orders": Keeping(7, len(SCHEMES), _PACE, REQUESTS_PER_SECOND),
    "finance": Keeping(1, 1, _PACE, REQUESTS_PER_SECOND, kept_from=FIRST_DAY),
    "returns": Keeping(7, 2, _PACE, REQUESTS_PER_SECOND),
}

_Answer = Answer[Batch[Any, Any]]


def plan_range(stream: str, first_day: date, end_day: date, *, today: date) -> RangePlan:
    """See RangeSource.plan_range."""
    terms = _KEPT.get(stream)
    return not_by_date(stream) if terms is None else terms.plan(first_day, end_day, today=today)


def read_range(api: OzonApi, stream: str, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
    """See RangeSource.read_range."""
    since, to = _midnight(first_day), _midnight(end_day)
    if stream == "finance":
        return _finance(api, first_day, cursor)
    if stream == "returns":
        return _pages(
            [partial(return_pages, api, since, to, by="logistic_return_date"), partial(request_pages, api, since, to)],
            cursor,
            contexts=[{}, CONTEXT],
            within=["", PREFIX],
            skus=lambda part, batch: (hints_of_returns, hints_of_requests)[part](batch.rows),
        )
    schemes = list(SCHEMES.values())
    walks = [partial(window_pages, api, scheme, Window(name, False, since, to)) for name, scheme in SCHEMES.items()]
    return _pages(
        walks,
        cursor,
        contexts=[{"scheme": name} for name in SCHEMES],
        skus=lambda _, batch: hints(batch.rows),
        places=lambda part, batch: schemes[part].places(batch.rows),
    )


def _finance(api: OzonApi, day: date, cursor: str | None) -> Iterator[Page]:
    types = types_of(api)
    walks = [partial(day_pages, api, types, day)]
    context = {"types": types, "day": day.isoformat()}
    yield from _pages(
        walks, cursor, contexts=[context], skus=lambda _, batch: hints_of_finance(batch.records), whole_of=bookings
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def _pages(
    walks: Sequence[Callable[[str], Iterator[Step[_Answer]]]],
    cursor: str | None,
    *,
    contexts: Sequence[Context],
    within: Sequence[str] = ("", ""),
    skus: Callable[[int, Batch[Any, Any]], Any],
    whole_of: Callable[[Batch[Any, Any]], Sequence[str]] = lambda batch: (),
    places: Callable[[int, Batch[Any, Any]], Any] = lambda part, batch: (),
) -> Iterator[Page]:
    """The pages of several lists, one after the other; what reading their rows again needs, by list."""
    begin = from_text(NAME, WindowCursor, cursor) or WindowCursor()
    for part in range(begin.part, len(walks)):
        for step in walks[part](begin.at if part == begin.part else ""):
            batch, more = step.page.value, step.following
            after = WindowCursor(part, more) if more is not None else WindowCursor(part + 1)
            yield Page(
                step.page.raw,
                batch.records,
                told_in(batch.rejected, contexts[part], within=within[part]),
                to_text(after),
                step.page.marketplace_now,
                done=more is None and part + 1 == len(walks),
                places=places(part, batch),
                skus=skus(part, batch),
                whole_of=whole_of(batch),
            )
