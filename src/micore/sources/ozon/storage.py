"""The storage cost stream: what each product's place in Ozon's warehouses cost on each day.

Ozon tells it in a file that has to be ordered, waited for and fetched, five times a day at most. That an order is about
to go out is in the cursor, and stored, before it does, and its code before anything is waited for: whatever happens
then, the same report is fetched. One whose order was not answered is looked for in Ozon's list of reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import msgspec
import structlog
from msgspec.structs import replace

from micore.domain.instants import micros
from micore.domain.records import PlaceRecord
from micore.errors import MicoreError, OutcomeUnknownError, SourceProtocolError
from micore.sources.base import Page, RawAnswer
from micore.sources.cursors import from_text, to_text
from micore.sources.http import Answer
from micore.sources.ozon.accruals import OrderedReport
from micore.sources.ozon.api import DAY_SECONDS, NAME, PLACEMENT_PATH, OzonApi
from micore.sources.ozon.finance import ZONE
from micore.sources.ozon.placement import Costs, laid_out, read
from micore.sources.ozon.reports import LostReportError, fetch, find, wait_until_made
from micore.sources.ozon.warehouses import ozon_places
from micore.sources.xlsx import XlsxError

LONGEST_DAYS = 31
"""Of one report, and as far back as a first reading goes: it orders one report of the five."""
OVERLAP_DAYS = 3
"""Days that are read again: charges of the last days are still put right."""
LOOKS_SECONDS = (0.0, 5.0, 10.0, 15.0, 30.0)
"""Before each look for a report whose order was not answered; then the next sync goes on looking."""
SETTLED_SECONDS = 600.0
"""What Ozon does not list so long after its order was never ordered."""

_ORDERED = msgspec.json.Decoder(OrderedReport)
_log = structlog.get_logger("micore.sources")


class StorageCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` and `ordered` last; the other fields stand only inside of a broken reading."""

    read_to: date | None = None
    """Last day that is read."""
    ordered: list[datetime] = []
    """When reports were asked for in the last 24 hours, by the marketplace's clock: those, too, that may not have been
    taken."""
    as_of: datetime | None = None
    asked: datetime | None = None
    """When a report was asked for whose code is not known: it may stand there all the same."""
    code: str = ""
    """The report that was ordered and is not read yet."""
    first: date | None = None
    last: date | None = None
    """Its days."""
    through: date | None = None
    """The last day of its file that is read."""

    @property
    def under_way(self) -> bool:
        """Whether a report stands ordered, or may."""
        return bool(self.code) or self.asked is not None


def read_storage(api: OzonApi, cursor: str | None, history: timedelta, currency: Callable[[], str]) -> Iterator[Page]:
    """The stream; see Source.read. Once a day a report is ordered; until then nothing new can be told."""
    at = from_text(NAME, StorageCursor, cursor) or StorageCursor()
    told = api.roles()
    now = told.marketplace_now
    as_of = at.as_of or now
    recent = [each for each in at.ordered if (now - each).total_seconds() < DAY_SECONDS]
    at = replace(at, as_of=as_of, ordered=recent)
    api.remember_reports(recent, now)
    reading = _Reading(api, at, as_of, history, currency)
    if at.read_to is not None and at.read_to >= reading.yesterday and not at.under_way:
        yield Page(told.raw, (), (), to_text(StorageCursor(at.read_to, recent)), as_of, done=True)
        return
    yield from reading.pages()


def still_ordered(cursor: str) -> str | None:
    """See OrderingSource.still_ordered: also how many reports of the day are used up."""
    at = from_text(NAME, StorageCursor, cursor)
    return None if at is None else to_text(replace(at, read_to=None, as_of=None, through=None))


def _code_of(body: bytes) -> str:
    code = _ORDERED.decode(body).code
    if not code:
        raise msgspec.DecodeError("a report without a code")
    return code


class _Reading:
    """One reading, from its cursor on."""

    def __init__(
        self, api: OzonApi, at: StorageCursor, as_of: datetime, history: timedelta, currency: Callable[[], str]
    ) -> None:
        self._api, self._as_of, self._history, self._currency = api, as_of, history, currency
        self.yesterday = as_of.astimezone(ZONE).date() - timedelta(days=1)
        self._at = at
        if at.under_way and at.read_to is None and at.first is not None and at.first > self._first_day():
            # It is of a later reading's few days, and everything is to be read.
            self._at = replace(at, code="", asked=None, through=None)
        self._known = False
        """Ozon has told of the report that is waited for."""

    def pages(self) -> Iterator[Page]:
        """Order, wait for and fetch report by report, up to yesterday."""
        places = ozon_places(self._api)
        lost = 0
        while self._at.under_way or self._at.read_to is None or self._at.read_to < self.yesterday:
            if not self._at.code:
                yield from self._coded()
                self._known = True
            try:
                state = wait_until_made(self._api, self._at.code)
                answer = fetch(self._api, self._at.code, state)
            except LostReportError as error:
                # Ordered anew, once: what fails twice would eat up the day's reports. What was ordered just now is
                # known to Ozon: then it is the method that is gone.
                lost += 1
                if self._known and error.gone is not None:
                    raise error.gone from None
                if lost > 1:
                    raise SourceProtocolError(NAME, path=PLACEMENT_PATH, problem=str(error)) from None
                self._at = replace(self._at, code="", through=None)
            else:
                yield from self._days(answer, places)

    # --- ordering -------------------------------------------------------------------------------------------------

    def _coded(self) -> Iterator[Page]:
        """Have the code of a report: of one that was asked for, where Ozon lists it, else of a new one."""
        if self._at.asked is not None:
            yield from self._looked_for()
        if not self._at.code:
            yield from self._ordered()

    def _looked_for(self) -> Iterator[Page]:
        """Take a report up whose order was not answered; leaves no code where it was never ordered.

        Raises OutcomeUnknownError where it is too early to say so.
        """
        at = self._at
        assert at.asked is not None and at.first is not None and at.last is not None
        for seconds in LOOKS_SECONDS:
            self._api.tools.sleep(seconds)
            told = self._api.roles()
            code = find(self._api, at.asked, at.first, at.last)
            if code is not None:
                _log.info("source_report_found", source=NAME, code=code, asked=at.asked.isoformat())
                yield self._noted(told.raw, replace(at, code=code, asked=None))
                return
            if (told.marketplace_now - at.asked).total_seconds() >= SETTLED_SECONDS:
                _log.warning("source_report_never_ordered", source=NAME, asked=at.asked.isoformat())
                self._at = replace(at, asked=None)
                return
        raise OutcomeUnknownError(
            NAME, path=PLACEMENT_PATH, problem=f"the report asked for at {at.asked:%H:%M:%S} UTC is not listed yet"
        )

    def _ordered(self) -> Iterator[Page]:
        """Order the next report. That it is asked for is to be stored before, its code before it is waited for."""
        told, before = self._api.roles(), self._at
        now = told.marketplace_now
        first = self._first_day()
        last = min(first + timedelta(days=LONGEST_DAYS - 1), self.yesterday)
        asking = replace(before, ordered=[*before.ordered, now], asked=now, first=first, last=last, code="")
        yield self._noted(told.raw, replace(asking, through=None))
        try:
            answer = self._api.order({"date_from": first.isoformat(), "date_to": last.isoformat()}, _code_of)
        except OutcomeUnknownError as error:
            _log.warning("source_order_unknown", source=NAME, path=PLACEMENT_PATH, why=str(error))
        except MicoreError:
            # It surely was not taken.
            yield self._noted(told.raw, before)
            raise
        else:
            yield self._noted(answer.raw, replace(self._at, code=answer.value, asked=None))
            return
        yield from self._looked_for()

    def _first_day(self) -> date:
        if self._at.read_to is None:
            longest = timedelta(days=LONGEST_DAYS - 1)
            first = max(self.yesterday - longest, self.yesterday - self._history + timedelta(days=1))
        else:
            first = self._at.read_to - timedelta(days=OVERLAP_DAYS - 1)
        return min(first, self.yesterday)

    # --- reading --------------------------------------------------------------------------------------------------

    def _days(self, answer: Answer[bytes], places: dict[str, PlaceRecord]) -> Iterator[Page]:
        """The rows of a report's file, each day whole on one page."""
        at, currency = self._at, self._currency()
        assert at.first is not None and at.last is not None
        try:
            with laid_out(answer.value, at.first, at.last) as laid:
                for days, rows, last in laid.pages(at.through):
                    costs = read(rows, places, currency, micros(self._as_of))
                    done = last and at.last >= self.yesterday
                    if last:
                        self._at = StorageCursor(at.last, at.ordered, None if done else self._as_of)
                    elif days:
                        self._at = replace(self._at, through=days[-1])
                    yield self._told(answer.raw, costs, sure=not laid.unsure, done=done)
        except XlsxError as error:
            raise SourceProtocolError(NAME, path="the report's file", problem=str(error)) from None

    def _told(self, raw: RawAnswer, costs: Costs, *, sure: bool, done: bool) -> Page:
        return Page(
            raw,
            costs.records,
            costs.rejected,
            to_text(self._at),
            self._as_of,
            done=done,
            places=costs.places,
            skus=costs.skus,
            # A day of which nothing is told any more keeps what was: it is rather a gap of theirs.
            whole_of=costs.whole() if sure else (),
            kept=costs.kept,
        )

    def _noted(self, raw: RawAnswer, after: StorageCursor) -> Page:
        self._at = after
        return Page(raw, (), (), to_text(after), self._as_of, at_once=True)
