"""Ozon's reports: waited for, fetched as a file, and looked for in its list where an order was not answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog

from micore.domain.instants import instant, micros
from micore.errors import (
    RecordRejectedError,
    ReportPendingError,
    SourceAuthError,
    SourceGoneError,
    SourceProtocolError,
    SourceUnreachableError,
)
from micore.sources.fields import optional_moment
from micore.sources.http import Answer, RequestRefusedError
from micore.sources.ozon.accruals import ListedReport, ReportInfo, ReportList, ReportState
from micore.sources.ozon.api import NAME, PLACEMENT_PATH, OzonApi
from micore.sources.ozon.finance import ZONE

INFO_PATH = "/v1/report/info"
LIST_PATH = "/v1/report/list"
LIST_TYPE = "SELLER_PLACEMENT_BY_PRODUCTS"
"""As the list is asked for it; what it tells has come in small letters too."""
LIST_ROWS, MOST_LIST_PAGES = 1000, 20
DOTTED = "%d.%m.%Y"
CLOCKS_DIFFER = timedelta(minutes=1)
"""A report may bear an earlier instant than the answer before its order, by no more than this."""
UNNAMED_WITHIN = timedelta(minutes=2)
"""A listed report that tells no params at all is ours where it was made so soon after our order."""
WAITS_SECONDS = (5.0, 10.0, 15.0, 30.0)
"""Between two looks at a report; the last one for ever."""
LONGEST_WAIT_SECONDS = 600.0
"""Of one run for one report."""

_INFO = msgspec.json.Decoder(ReportInfo)
_LIST = msgspec.json.Decoder(ReportList[msgspec.Raw])
_LISTED = msgspec.json.Decoder(ListedReport)
_log = structlog.get_logger("micore.sources")


class LostReportError(Exception):
    """A report cannot be had (any more)."""

    def __init__(self, problem: str, gone: SourceGoneError | None = None) -> None:
        super().__init__(problem)
        self.gone = gone
        """The method itself, or the report: Ozon says the same of both."""


def wait_until_made(api: OzonApi, code: str) -> ReportState:
    """Returns the state of a report that is made. Raises ReportPendingError when that takes too long, and
    LostReportError when it never will be."""
    began = api.tools.monotonic()
    waits = iter(WAITS_SECONDS)
    while True:
        answer = _info(api, code)
        state, now = answer.value.result, api.tools.monotonic()
        if state.status == "success":
            expires_at = optional_moment(state.expires_at)
            if not state.file or (expires_at is not None and expires_at <= micros(answer.marketplace_now)):
                raise LostReportError(f"the file of the report {code} has expired")
            return state
        if state.status == "failed":
            raise LostReportError(f"Ozon could not make the report {code}: {state.error or 'no reason told'}")
        if state.status not in ("waiting", "processing"):
            raise SourceProtocolError(NAME, path=INFO_PATH, problem=f"a report's status {state.status[:50]!r}")
        if now - began >= LONGEST_WAIT_SECONDS:
            raise ReportPendingError(NAME, path=PLACEMENT_PATH, state=state.status, waited_seconds=now - began)
        api.tools.sleep(next(waits, WAITS_SECONDS[-1]))


def _info(api: OzonApi, code: str) -> Answer[ReportInfo]:
    try:
        return api.ask(INFO_PATH, {"code": code}, _INFO.decode)
    except (RequestRefusedError, SourceGoneError) as error:
        gone = error if isinstance(error, SourceGoneError) else None
        raise LostReportError(f"Ozon knows nothing of the report {code}: {error}", gone) from None


def fetch(api: OzonApi, code: str, state: ReportState) -> Answer[bytes]:
    """The file of a report that is made. Raises LostReportError where its link is dead."""
    try:
        return api.file(state.file or "")
    except (RequestRefusedError, SourceGoneError) as error:
        gone = error if isinstance(error, SourceGoneError) else None
        raise LostReportError(f"the file of the report {code} is gone: {error}", gone) from None


def find(api: OzonApi, asked: datetime, first: date, last: date) -> str | None:
    """The code of a report of these days that was ordered at an instant, by Ozon's clock; None where Ozon lists none,
    or does not tell its list in any way that can be read. Raises SourceBusyError: then it is to be asked later."""
    try:
        listed = list(_listed(api))
    except (SourceProtocolError, SourceUnreachableError, SourceGoneError, SourceAuthError) as error:
        _log.warning("source_reports_not_listed", source=NAME, path=LIST_PATH, why=str(error))
        return None
    ours = {made: report.code for report in listed if (made := _made_at(report, asked, first, last)) is not None}
    # The nearest to the order; the others are of a person, or of an order of another day.
    return ours[min(ours)] if ours else None


def _listed(api: OzonApi) -> Iterator[ListedReport]:
    """The reports of the list that can be read: it holds those of others, and one odd row must not hide ours."""
    for page in range(1, MOST_LIST_PAGES + 1):
        asked = {"page": page, "page_size": LIST_ROWS, "report_type": LIST_TYPE}
        rows = api.ask(LIST_PATH, asked, _LIST.decode).value.result.reports or []
        for row in rows:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                yield _LISTED.decode(row)
        if len(rows) < LIST_ROWS:
            return


def _made_at(report: ListedReport, asked: datetime, first: date, last: date) -> datetime | None:
    """When a report was made, if it is the one that was asked for and may yet be had."""
    made = _instant(report.created_at)
    if made is None or report.status == "failed" or not report.code:
        return None
    if (report.report_type or LIST_TYPE).upper() != LIST_TYPE:
        return None
    ours = _is_of(report.params, first, last) if report.params else made <= asked + UNNAMED_WITHIN
    return made if ours and made >= asked - CLOCKS_DIFFER else None


def _is_of(params: Any, first: date, last: date) -> bool:
    """Whether a report was ordered for these days; one whose days cannot be read is not ours."""
    if not isinstance(params, dict):
        return False
    return (_day(params.get("date_from")), _day(params.get("date_to"))) == (first, last)


def _instant(text: str | None) -> datetime | None:
    try:
        told = optional_moment(text)
        return None if told is None else instant(told)
    except (RecordRejectedError, OverflowError):
        return None


def _day(text: object) -> date | None:
    """A day as Ozon may tell it: an ISO date, 24.10.2026, or an ISO instant, which falls on a Moscow day."""
    if not isinstance(text, str):
        return None
    try:
        if text[2:3] == ".":
            return datetime.strptime(text, DOTTED).replace(tzinfo=ZONE).date()
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo is None else told.astimezone(ZONE)).date()
    except (ValueError, OverflowError):
        return None
