"""What answers say of syncs: runs with their streams, and the sources. Conventions as in views.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from micore.domain.findings import Finding
from micore.domain.views import Freshness

_DOCS = {"use_attribute_docstrings": True}


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    GAPS = "gaps"
    """Finished, but rows were rejected or a stream was held or failed; the message says which."""
    FAILED = "failed"
    STOPPED = "stopped"
    """Somebody stopped it; the next run goes on from there."""


class RunKind(StrEnum):
    """What a run reads."""

    SYNC = "sync"
    """What is new."""
    BACKFILL = "backfill"
    """Chosen days of the past."""
    RECONCILE = "reconcile"
    """The marketplace's own figures, to compare."""
    REPLAY = "replay"
    """Nothing: it tries rows from quarantine again."""


class Trigger(StrEnum):
    """Who started a run."""

    SCHEDULE = "schedule"
    BUTTON = "button"
    COMMAND = "command"


class StreamState(StrEnum):
    """Where one stream of a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    """Read whole, but not believed (empty or strongly shrunken): the old stock stays."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StreamRun:
    """One stream inside a run; rows are the marketplace's records."""

    __pydantic_config__ = _DOCS

    stream: str
    state: StreamState
    expected_rows: int | None
    """What the source announced or the last run read; None when nobody can tell."""
    rows_read: int
    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    started_at: datetime | None
    finished_at: datetime | None
    message: str | None
    """What a person should know about it; None when all is well."""
    findings: list[Finding] = field(default_factory=list)
    """What else is worth knowing: too few rows, unknown skus, fields that changed, methods that will end."""
    windows: int | None = None
    """Backfills: stretches of days that the range is read in."""
    windows_done: int | None = None
    rows_new: int | None = None
    """Backfills: of rows_loaded; the others were here and changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One sync or backfill of one source account."""

    __pydantic_config__ = _DOCS

    id: int
    source: str
    """"ozon"; "ozon-2" for its second account."""
    account: str
    state: RunState
    trigger: Trigger
    full: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    rows_read: int
    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    rows_per_second: float | None
    """Over the run so far; None before the first row."""
    eta_seconds: float | None
    """Time left by the present rate; None when nobody can tell."""
    progress: float | None
    """0 to 1; None when nobody can tell."""
    message: str | None
    remedy: str | None
    streams: list[StreamRun]
    kind: RunKind = RunKind.SYNC
    first_day: date | None = None
    """Backfills: the first day that is read, by the marketplace's calendar."""
    end_day: date | None = None
    """Backfills: the day after the last one."""
    waits_until: datetime | None = None
    """When it asks its marketplace again, where that allows no request before; None: it does not wait, or not long."""


@dataclass(frozen=True, slots=True)
class RunPage:
    """A keyset page of runs, newest first."""

    __pydantic_config__ = _DOCS

    items: list[Run]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of a key in force; never the key."""

    __pydantic_config__ = _DOCS

    expires_at: datetime | None
    """As the marketplace or the key itself says; None: not told."""
    days_left: int | None
    """Whole days until then; below zero: expired."""
    expires_soon: bool
    """It has to be renewed within two weeks, or has expired."""
    problem: str | None
    """Why the marketplace refuses it; None when it accepted it last."""
    remedy: str | None
    """What to do about either; None when nothing is to be done."""
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """A registered source with one account's key, and whether it can be read."""

    __pydantic_config__ = _DOCS

    source: str
    """"ozon"; "ozon-2" for its second account."""
    plugin: str
    """"ozon": the marketplace."""
    title: str
    """"Ozon"; "Ozon 2" for its second account."""
    account_id: int | None
    """None until the account has been read."""
    account: str | None
    """The account as the seller knows it."""
    configured: bool
    reason: str | None
    """Why it is left out; None when it is read."""
    schedule: str | None
    """Cron expression in the shop's zone; None when nothing is scheduled."""
    next_run_at: datetime | None
    streams: list[str]
    freshness: Freshness
    as_of: datetime | None
    last_success_at: datetime | None
    key: KeyState | None
    """None until a key was tried."""


@dataclass(frozen=True, slots=True)
class SyncOverview:
    """The head of the sync page."""

    __pydantic_config__ = _DOCS

    sources: list[SourceOverview]
    running: list[Run]
    """Queued and running runs, oldest first."""
