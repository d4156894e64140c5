"""Sync: ask for runs, work on them, tell how they go."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from micore.domain.instants import micros
from micore.domain.run_views import Run, RunKind, RunPage, RunState, SourceOverview, StreamState, SyncOverview, Trigger
from micore.errors import (
    ConflictError,
    GiveWayError,
    InvalidRequestError,
    LeaseLostError,
    MicoreError,
    StopRequestedError,
)
from micore.services import replay
from micore.services.accounts import Accounts
from micore.services.accounts import SourceSlot as SourceSlot
from micore.services.giving_way import way_giver
from micore.services.key_health import shown_key
from micore.services.loaders import Outcome
from micore.services.range_loading import load
from micore.services.replay import replay_asked, try_again
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync_tools import ToolBox
from micore.services.sync_work import SyncListener, SyncWork, streams_of
from micore.sources.base import Source, Stream, StreamKind
from micore.storage import events, freshness, identity, keys, raw, runs
from micore.storage.database import Connection, Database
from micore.storage.journal import acting
from micore.telemetry import metrics

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
"""A run whose worker died this often inside it is given up, so that one bad answer cannot crash us for ever."""


class NullListener:
    """Nobody listens."""

    def published(self, source: str, generation: int, as_of: datetime) -> None:
        """Nothing to do."""

    def run_changed(self, run_id: int) -> None:
        """Nothing to do."""


@dataclass(slots=True)
class SyncService:
    """Everything about runs. One worker works at a time; asking and reading may come from any thread."""

    database: Database
    raw_store: raw.RawStore
    sources: Mapping[str, SourceSlot]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    shop: Shop
    schedule: Schedule
    owner: str
    listener: SyncListener = field(default_factory=NullListener)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process wants to end: the present run goes back into the queue after its step."""
    others_ask: bool = True
    """See ToolBox."""
    accounts: Accounts = field(init=False)
    tool_box: ToolBox = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.database, self.sources, self.shop, self._now)
        self.tool_box = ToolBox(
            self.database,
            self.owner,
            self.now,
            self.monotonic,
            self.stopping,
            self._give_way,
            self.others_ask,
            self._run_changed,
        )

    # ------------------------------------------------------------------------------------------- asking

    def request(
        self,
        *,
        trigger: Trigger,
        source: str | None = None,
        streams: Sequence[str] | None = None,
        full: bool = False,
        believe: bool = False,
    ) -> list[Run]:
        """A run for each configured source, or the one named; one that is open already is returned, not doubled.

        Raises InvalidRequestError for a source or stream that is not there, or that is not configured.
        """
        slots = self.readable(source)
        for slot in slots:
            check_streams(slot, streams)
        params = runs.SyncParams(None if streams is None else tuple(streams), full, believe)
        now = self._now()
        with self.database.write() as connection:
            ids = [
                runs.enqueue(connection, source=slot.name, trigger=trigger, params=params, now=now) for slot in slots
            ]
            requested = [runs.get_run(connection, run_id, now=now) for run_id in ids]
        for run_id in ids:
            self.listener.run_changed(run_id)
        return requested

    def readable(self, source: str | None) -> list[SourceSlot]:
        """The sources with a key, or the one named. Raises InvalidRequestError where there is none."""
        if source is None:
            ready = [slot for slot in self.sources.values() if slot.open is not None]
            if not ready:
                reasons = "; ".join(f"{slot.name}: {slot.reason}" for slot in self.sources.values())
                raise InvalidRequestError(
                    "source",
                    received="no key for any marketplace",
                    allowed=f"a source with a key ({reasons}); set it where this server is started, then restart it",
                )
            return ready
        slot = self.sources.get(source)
        if slot is None:
            raise InvalidRequestError("source", received=source, allowed=", ".join(self.sources) or "none is installed")
        if slot.open is None:
            raise InvalidRequestError("source", received=source, allowed=f"a source with a key; {slot.reason}")
        return [slot]

    def stop(self, run_id: int) -> Run:
        """Ask a run to stop after its present step. Raises NotFoundError."""
        with self.database.write() as connection:
            runs.request_stop(connection, run_id, now=self._now())
            stopped = runs.get_run(connection, run_id, now=self._now())
        self.listener.run_changed(run_id)
        return stopped

    # ------------------------------------------------------------------------------------------ reading

    def run(self, run_id: int) -> Run:
        """One run; raises NotFoundError."""
        with self.database.read() as connection:
            return runs.get_run(connection, run_id, now=self._now())

    def history(
        self, *, limit: int, cursor: str | None = None, source: str | None = None, findings: bool = False
    ) -> RunPage:
        """Finished runs, newest first. Raises InvalidRequestError for a cursor it did not give."""
        if cursor is not None and not cursor.isdecimal():
            raise InvalidRequestError("cursor", received=cursor, allowed="the next_cursor of an earlier answer")
        before = None if cursor is None else min(int(cursor), 2**62)
        with self.database.read() as connection:
            found = runs.list_runs(
                connection, limit=limit + 1, now=self._now(), before=before, source=source, findings=findings
            )
        more = len(found) > limit
        return RunPage(items=found[:limit], next_cursor=str(found[limit - 1].id) if more else None)

    def overview(self) -> SyncOverview:
        """Sources with their age and plan, and what is under way."""
        now = self._now()
        with self.database.read() as connection:
            ages = {age.account_id: age for age in freshness.by_account(connection)}
            known = keys.keys(connection)
            return SyncOverview(
                sources=[
                    self._overview_of(connection, slot, known.get(slot.name), ages, now)
                    for slot in self.sources.values()
                ],
                running=runs.open_runs(connection, now=now),
            )

    def _overview_of(
        self,
        connection: Connection,
        slot: SourceSlot,
        key: keys.KeyRow | None,
        ages: Mapping[int, freshness.SourceAge],
        now: int,
    ) -> SourceOverview:
        age = None if key is None or key.account_id is None else ages.get(key.account_id)
        as_of = None if age is None else age.as_of
        success = runs.last_success_at(connection, slot.name)
        configured = slot.open is not None
        return SourceOverview(
            source=slot.name,
            plugin=slot.plugin,
            title=slot.title,
            account_id=None if age is None else age.account_id,
            account=None if age is None else age.account,
            configured=configured,
            reason=slot.reason,
            schedule=self.schedule.expression if configured else None,
            next_run_at=self.schedule.next_after(self.now()) if configured else None,
            streams=[stream.name for stream in slot.streams],
            freshness=freshness.judge(as_of, now=now, stale_after_seconds=int(self.shop.stale_after.total_seconds())),
            as_of=freshness.shown(as_of),
            last_success_at=freshness.shown(success),
            key=shown_key(key, now=now) if configured else None,
        )

    # ------------------------------------------------------------------------------------------ working

    def recover(self) -> int:
        """At the start of the one process that may write: runs that its predecessor left are taken up at once.

        Where several processes may write, the lease tells who is dead, and nothing is to be done.
        """
        if not self.database.dialect.one_writer:
            return 0
        with self.database.write() as connection:
            return runs.release_orphans(connection, now=self._now())

    def enqueue_due(self, last_tick: datetime) -> datetime:
        """Put what the schedule wants into the queue. Returns the tick up to which that is done.

        A tick that was missed (the machine slept) is caught up once, not as often as it was missed.
        """
        due = self.schedule.latest_tick(after=last_tick, until=self.now())
        if due is None:
            return last_tick
        if any(slot.open is not None for slot in self.sources.values()):
            # A narrower sync that is running now is followed by the next tick.
            with contextlib.suppress(ConflictError):
                self.request(trigger=Trigger.SCHEDULE)
        return due

    def catch_up(self) -> None:
        """At start: ask for the sources that have not been read since the newest tick of the schedule."""
        tick = self.schedule.latest_tick(after=None, until=self.now())
        if tick is None:
            return
        for slot in self.sources.values():
            with self.database.read() as connection:
                success = runs.last_success_at(connection, slot.name)
            if slot.open is not None and (success is None or success < micros(tick)):
                self.request(trigger=Trigger.SCHEDULE, source=slot.name)

    def work_once(self) -> Run | None:
        """Work on one waiting run to its end. Returns it as it ended; None when nothing waits."""
        ready = [name for name, slot in self.sources.items() if slot.open is not None]
        with self.database.write() as connection:
            self.database.dialect.serialise(connection, "claim")
            claimed = runs.claim(connection, owner=self.owner, now=self._now(), sources=ready)
        if claimed is None:
            return None
        self.listener.run_changed(claimed.id)
        generation: int | None = None
        try:
            with acting(f"{claimed.kind}:{claimed.id}", claimed.source):
                state, message, remedy = self._work(claimed)
        except LeaseLostError as error:
            log.warning("sync.lease_lost", source=claimed.source, run=claimed.id, error=str(error))
            return self.run(claimed.id)
        with self.database.write() as connection:
            if claimed.kind == RunKind.REPLAY and state in (RunState.DONE, RunState.GAPS):
                streams = self.sources[claimed.source].streams
                state = None if replay.is_asked_more(connection, claimed, streams) else state
            if state is None:
                runs.requeue(
                    connection, claimed.id, self.owner, stays_asked=not self.stopping.is_set(), now=self._now()
                )
            else:
                now = self._now()
                before = runs.newest_finished(connection, claimed.source, now=now)
                runs.finish(connection, claimed.id, self.owner, state=state, message=message, remedy=remedy, now=now)
                events.append_event(
                    connection,
                    at=now,
                    kind="run.finished",
                    actor=self.owner,
                    subject=f"run:{claimed.id}",
                    payload={"source": claimed.source, "state": state.value},
                )
                live = claimed.kind == runs.SYNC
                if live and (state != RunState.DONE or (before is not None and before.state != RunState.DONE)):
                    # The dashboard says why a source is behind: what it shows has changed.
                    generation = events.next_generation(connection, events.STOCK, now=now)
        if state is not None:
            self.tool_box.ended(claimed)
        if state == RunState.DONE and claimed.kind == runs.SYNC:
            metrics.ETL_LAST_SUCCESS.labels(claimed.source).set(self.now().timestamp())
        if generation is not None:
            self.listener.published(claimed.source, generation, self.now())
        self.listener.run_changed(claimed.id)
        return self.run(claimed.id)

    def _work(self, claimed: runs.ClaimedRun) -> tuple[RunState | None, str | None, str | None]:
        """How a run ends: state, message, remedy; no state where it goes back into the queue."""
        if claimed.attempts > MOST_ATTEMPTS:
            return (
                RunState.FAILED,
                f"Given up: the program died {MOST_ATTEMPTS} times while it worked on this run.",
                ("Look into the log for what happened each time, then start the sync again."),
            )
        slot = self.sources[claimed.source]
        assert slot.open is not None
        source: Source | None = None
        try:
            source = slot.open(self.tool_box.tools(claimed, slot.name))
            return self._read_streams(claimed, source)
        except StopRequestedError as error:
            if self.stopping.is_set() or isinstance(error, GiveWayError):
                return None, None, None
            return (
                RunState.STOPPED,
                "Stopped by a person. What was loaded stays; the next sync goes on from there.",
                None,
            )
        except LeaseLostError:
            raise
        except MicoreError as error:
            log.warning("sync.failed", source=claimed.source, run=claimed.id, error=str(error))
            return RunState.FAILED, str(error), error.remedy or None
        except Exception as error:
            log.exception("sync.crashed", source=claimed.source, run=claimed.id)
            return (
                RunState.FAILED,
                f"Unexpected {type(error).__name__}: {error}",
                ("This is a fault of micore; the log holds the details. What was loaded stays."),
            )
        finally:
            if source is not None:
                source.close()

    def _read_streams(self, claimed: runs.ClaimedRun, source: Source) -> tuple[RunState | None, str | None, str | None]:
        if claimed.kind == RunKind.REPLAY:
            return self._replay(claimed, source)
        work = self._begin(claimed, source)
        with self.database.read() as connection:
            finished = runs.finished_streams(connection, claimed.id)
        wanted = [stream for stream in streams_of(source, claimed.params) if stream.name not in finished]
        remedies: list[str] = []
        with work.shown_at_the_end():
            for number, stream in enumerate(wanted):
                work.stock_follows = any(each.kind == StreamKind.SNAPSHOT for each in wanted[number:])
                if not work.stock_follows:
                    work.show_rest()
                self._read_stream(work, stream, remedies)
                work.stop_point()
            replay_asked(work, finished | {stream.name for stream in wanted})
        with self.database.read() as connection:
            # From the table, so that what an earlier worker of this run found is not forgotten.
            told = runs.told_streams(connection, claimed.id)
            notice = runs.noticed(connection, claimed.id)
        return _verdict(told, remedies, notice)

    def _begin(self, claimed: runs.ClaimedRun, source: Source) -> SyncWork:
        facts = self.accounts.ask(claimed.source, source)
        self.accounts.check_read_once(claimed.source, facts, partial(self.tool_box.tools, claimed))
        streams = [stream.name for stream in streams_of(source, claimed.params)]
        with self.database.write() as connection:
            entered = self.accounts.enter(connection, claimed.source, source, facts)
            runs.begin_streams(connection, claimed.id, entered.account_id, streams)
            if entered.notice is not None:
                runs.notice(connection, claimed.id, entered.notice)
            known = identity.load_identity(connection, entered.account_id)
            as_of = runs.newest_as_of(connection, entered.account_id)
        work = self._work_of(claimed, source, known, as_of or 0)
        if entered.left is not None:
            with self.database.write() as connection:
                generation = work.publish(connection)
            self.listener.published(claimed.source, generation, self.now())
        return work

    def _replay(self, claimed: runs.ClaimedRun, source: Source) -> tuple[RunState | None, str | None, str | None]:
        """Nothing is asked of the marketplace, not even whose the key is."""
        with self.database.read() as connection:
            accounts = replay.accounts_to_replay(connection, claimed.source, source.streams)
        for account_id in accounts:
            known, as_of = replay.begin_replay(self.database, claimed.id, account_id)
            replay_asked(self._work_of(claimed, source, known, as_of), ())
        with self.database.read() as connection:
            told = runs.told_streams(connection, claimed.id)
            refused = replay.refused(connection, claimed)
        return _verdict(told, (), None if any(message for *_, message in told) else refused)

    def _work_of(self, claimed: runs.ClaimedRun, source: Source, known: identity.Identity, as_of: int) -> SyncWork:
        return SyncWork(
            database=self.database,
            raw_store=self.raw_store,
            source=source,
            slot=claimed.source,
            identity=known,
            run_id=claimed.id,
            owner=self.owner,
            params=claimed.params,
            now=self.now,
            monotonic=self.monotonic,
            shop=self.shop,
            listener=self.listener,
            stopping=self.stopping,
            attempt=claimed.attempts,
            begun_before=claimed.begun_before,
            as_of=as_of,
            give_way=self._give_way(claimed),
        )

    def _read_stream(self, work: SyncWork, stream: Stream, remedies: list[str]) -> Outcome:
        with self.database.write() as connection:
            runs.update_stream(
                connection, work.run_id, stream.name, state=StreamState.RUNNING.value, started_at=self._now()
            )
        self.listener.run_changed(work.run_id)
        try:
            outcome = load(work, stream)
            if work.params.first_day is None:
                try_again(work, stream, asked_only=False)
        except (StopRequestedError, LeaseLostError):
            raise
        except MicoreError as error:
            log.warning("sync.stream_failed", source=work.slot, stream=stream.name, error=str(error))
            outcome = Outcome(StreamState.FAILED, str(error))
            if error.remedy:
                remedies.append(error.remedy)
        metrics.ETL_RUNS.labels(work.slot, stream.name, outcome.state.value).inc()
        with self.database.write() as connection:
            runs.update_stream(
                connection,
                work.run_id,
                stream.name,
                state=outcome.state.value,
                message=outcome.message,
                finished_at=self._now(),
            )
        self.listener.run_changed(work.run_id)
        return outcome

    def _run_changed(self, run_id: int) -> None:
        """Tell whoever listens by now."""
        self.listener.run_changed(run_id)

    def _give_way(self, claimed: runs.ClaimedRun) -> Callable[[], None]:
        ready = [name for name, slot in self.sources.items() if slot.open is not None]
        return way_giver(claimed.kind, database=self.database, schedule=self.schedule, sources=ready, now=self.now)

    def _now(self) -> int:
        return micros(self.now())


def check_streams(slot: SourceSlot, streams: Sequence[str] | None) -> None:
    """Raise InvalidRequestError for what a source does not have."""
    allowed = [stream.name for stream in slot.streams]
    if streams is not None and not streams:
        raise InvalidRequestError("streams", received="an empty list", allowed=", ".join(allowed))
    for name in streams or ():
        if name not in allowed:
            raise InvalidRequestError("streams", received=name, allowed=f"{', '.join(allowed)} (of {slot.name})")


def _verdict(
    streams: Sequence[tuple[str, StreamState, str | None]], remedies: Sequence[str], notice: str | None = None
) -> tuple[RunState | None, str | None, str | None]:
    failed = [name for name, state, _ in streams if state == StreamState.FAILED]
    told = [notice] if notice else []
    told += [f"{name}: {message}" for name, _, message in streams if message]
    message = " ".join(told) or None
    remedy = " ".join(dict.fromkeys(remedies)) or None
    if streams and len(failed) == len(streams):
        return RunState.FAILED, message, remedy
    if told:
        return RunState.GAPS, message, remedy
    return RunState.DONE, None, None
