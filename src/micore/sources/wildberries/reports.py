"""Wildberries' reports that are ordered, waited for and fetched: how far one is, whatever it is about."""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog

from micore.errors import ReportPendingError, SourceGoneError, SourceProtocolError
from micore.sources.http import NUMBER
from micore.sources.wildberries.answers import OrderedReport, ReportState
from micore.sources.wildberries.api import NAME, Category, WildberriesApi

WAITS_SECONDS = (10.0, 20.0, 30.0)
"""Between two looks at a report; the last one for ever."""
LONGEST_WAIT_SECONDS = 900.0
"""Of one run for one report, unless it is known to take longer."""
SETTLED_SECONDS = 60.0
"""After an order that was not answered, before the same report is ordered once more."""
NO_ROWS = b"[]"
"""What a report says by HTTP 204."""
DONE, WAITING, LOST = ("done",), ("new", "processing"), ("purged", "canceled")

_ORDERED = msgspec.json.Decoder(OrderedReport)
_STATE = msgspec.json.Decoder(ReportState)
_log = structlog.get_logger("micore.sources")


def task_of(body: bytes) -> str:
    """The id of a report that was ordered."""
    number = _ORDERED.decode(body).data.task_id
    if not number:
        raise msgspec.DecodeError("a report without an id")
    return number


def let_settle(api: WildberriesApi, path: str, asked_at: datetime, **asked: str | int) -> None:
    """Before a report is ordered that may stand there: Wildberries has no list to look into."""
    waited = (api.tools.now() - asked_at).total_seconds()
    _log.warning("source_ordered_again", source=NAME, path=path, **asked)
    # A clock that was set back meanwhile says that less than nothing has passed.
    api.tools.sleep(min(max(SETTLED_SECONDS - waited, 0.0), SETTLED_SECONDS))


def is_made(
    api: WildberriesApi, path: str, number: str, *, ordered_now: bool, longest_seconds: float = LONGEST_WAIT_SECONDS
) -> bool:
    """Wait until a report of `path` is made; False where it never will be. Raises ReportPendingError when that takes
    long, SourceGoneError where one that was `ordered_now` is not known: then the method is gone."""
    began, waits = api.tools.monotonic(), iter(WAITS_SECONDS)
    asked = f"{path}/tasks/{NUMBER}/status".replace(NUMBER, number)
    while True:
        try:
            state = api.get(Category.ANALYTICS, asked, {}, _STATE.decode).value.data.status
        except SourceGoneError:
            # Wildberries says the same of a report it does not know (any more) and of a method it has no more.
            if ordered_now:
                raise
            return False
        if state in DONE or state in LOST:
            return state in DONE
        if state not in WAITING:
            raise SourceProtocolError(NAME, path=asked, problem=f"a report's status {state[:50]!r}")
        waited = api.tools.monotonic() - began
        if waited >= longest_seconds:
            raise ReportPendingError(NAME, path=path, state=state, waited_seconds=waited)
        api.tools.sleep(next(waits, WAITS_SECONDS[-1]))
