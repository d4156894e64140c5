"""Backfills: days of the past read again beside live syncs, and what that would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from micore.domain.backfill_views import BackfillPlan, MonthRows, StreamBackfillPlan
from micore.domain.instants import micros
from micore.domain.run_views import Run, Trigger
from micore.errors import InvalidRequestError, StopRequestedError
from micore.services.range_loading import plan_of
from micore.services.sync import SyncService, check_streams
from micore.sources.base import SourceTools, StreamKind
from micore.sources.ranges import RangePlan, RangeSource, refused
from micore.storage import backfills, runs

_MARKETPLACES = ZoneInfo("Europe/Moscow")
"""Whose days ranges are cut by."""
LONGEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Backfills:
    """Asking for backfills; the sync's worker does them."""

    sync: SyncService
    wake: Callable[[], None] = lambda: None
    """Makes the worker look into the queue."""

    def plan(self, *, source: str, streams: Sequence[str] | None, first_day: date, end_day: date) -> BackfillPlan:
        """What a backfill would fetch; asks the marketplace nothing. Raises InvalidRequestError."""
        params = self._params(source, streams, first_day, end_day)
        plans = self._plans(source, params)
        with self.sync.database.read() as connection:
            days = (params.first_day or "", params.end_day or "")
            told = [
                _told(stream, plan, backfills.rows_by_month(connection, source, stream, *days) if plan.windows else {})
                for stream, plan in plans.items()
            ]
        return BackfillPlan(
            source=source,
            first_day=first_day,
            end_day=end_day,
            requests_at_least=sum(each.requests_at_least for each in told),
            seconds_at_least=sum(each.seconds_at_least for each in told),
            streams=told,
        )

    def request(
        self, *, trigger: Trigger, source: str, streams: Sequence[str] | None, first_day: date, end_day: date
    ) -> Run:
        """Queue a backfill; the same one that is open already is returned, not doubled.

        Raises InvalidRequestError where nothing of a stream can be read, ConflictError where another one is open.
        """
        params = self._params(source, streams, first_day, end_day)
        windows: dict[str, int] = {}
        plans = self._plans(source, params)
        for stream, plan in plans.items():
            if not plan.windows and streams is not None:
                raise InvalidRequestError("streams", received=stream, allowed=f"what can be read; {plan.reason}")
            if plan.windows:
                windows[stream] = len(plan.windows)
        if not windows:
            told = " ".join(f"{stream}: {plan.reason}" for stream, plan in plans.items())
            raise InvalidRequestError("streams", received="none that can be read", allowed=f"what can be; {told}")
        params = runs.SyncParams(
            tuple(windows), first_day=params.first_day, end_day=params.end_day, asked_day=params.asked_day
        )
        now = micros(self.sync.now())
        with self.sync.database.write() as connection:
            run_id = backfills.enqueue(
                connection, source=source, trigger=trigger, params=params, windows=windows, now=now
            )
            requested = runs.get_run(connection, run_id, now=now)
        self.sync.listener.run_changed(run_id)
        self.wake()
        return requested

    def _params(self, source: str, streams: Sequence[str] | None, first_day: date, end_day: date) -> runs.SyncParams:
        slot = self.sync.readable(source)[0]
        check_streams(slot, streams)
        if not first_day < end_day or (end_day - first_day).days > LONGEST_DAYS:
            raise InvalidRequestError(
                "to",
                received=f"{first_day} to {end_day}",
                allowed=f"a day after the first one, {LONGEST_DAYS:,} days at most; the last day itself is left out",
            )
        wanted = streams or [each.name for each in slot.streams if each.kind is StreamKind.INCREMENTAL]
        today = self.sync.now().astimezone(_MARKETPLACES).date()
        return runs.SyncParams(
            tuple(dict.fromkeys(wanted)),
            first_day=first_day.isoformat(),
            end_day=end_day.isoformat(),
            asked_day=today.isoformat(),
        )

    def _plans(self, source: str, params: runs.SyncParams) -> dict[str, RangePlan]:
        slot = self.sync.readable(source)[0]
        assert slot.open is not None
        past = {each.name for each in slot.streams if each.kind is StreamKind.INCREMENTAL}
        opened = slot.open(SourceTools(now=self.sync.now, monotonic=self.sync.monotonic, sleep=_never))
        try:
            return {
                stream: _plan(opened, stream, params) if stream in past else _present_only(stream)
                for stream in params.streams or ()
            }
        finally:
            opened.close()


def _plan(source: object, stream: str, params: runs.SyncParams) -> RangePlan:
    if not isinstance(source, RangeSource):
        return refused("This source cannot be asked for days of the past.")
    return plan_of(source, stream, params)


def _present_only(stream: str) -> RangePlan:
    return refused(f"Only the present {stream} can be read, not that of a day in the past.")


def _never(seconds: float) -> None:
    raise StopRequestedError(f"a plan asks nothing, so it cannot have to wait {seconds} s")


def _told(stream: str, plan: RangePlan, here: dict[str, int]) -> StreamBackfillPlan:
    return StreamBackfillPlan(
        stream=stream,
        windows=len(plan.windows),
        first_day=plan.windows[0].first_day if plan.windows else None,
        end_day=plan.windows[-1].end_day if plan.windows else None,
        requests_at_least=plan.requests_at_least,
        seconds_at_least=plan.seconds_at_least,
        kept_from=plan.kept_from,
        reason=plan.reason,
        here=[MonthRows(month, rows) for month, rows in here.items()],
    )
