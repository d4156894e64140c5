"""Backups as people see them: what there is, what failed, and whether what should happen by itself does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

_DOCS = {"use_attribute_docstrings": True}


class BackupTrigger(StrEnum):
    """Who asked for a backup."""

    SCHEDULE = "schedule"
    BUTTON = "button"
    COMMAND = "command"


class BackupState(StrEnum):
    """What is known of a backup."""

    VERIFIED = "verified"
    """It was read back whole when it was made, and its file is there."""
    FAILED = "failed"
    """It was not made."""
    DELETED = "deleted"
    """It grew older than is kept, and newer ones were there."""
    MISSING = "missing"
    """Its file is gone, or is no longer as long as it was."""
    UNKNOWN = "unknown"
    """A file in the folder that this installation did not make; `micore backup verify` tells more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup, or one attempt."""

    __pydantic_config__ = _DOCS

    id: str
    """Eight hexadecimal figures, part of its file's name."""
    at: datetime
    """When it was begun: it holds the shop as it was then or a little later."""
    state: BackupState
    trigger: BackupTrigger | None = None
    """None for a file that this installation did not make."""
    file: str | None = None
    """The whole path of its archive; None where none was made."""
    size_bytes: int = 0
    """Of the archive."""
    database_bytes: int = 0
    """Of the copy of the database in it, before it is compressed."""
    rows: int = 0
    """In all tables."""
    copy_seconds: float = 0.0
    """How long the copy of the database took, beside which the shop goes on."""
    pack_seconds: float = 0.0
    """Compressing it and writing the archive."""
    verify_seconds: float = 0.0
    """Reading the archive back and checking all of it."""
    parts: list[str] = field(default_factory=list)
    """What it holds: database, configuration, secrets, log."""
    schema: str = ""
    """The database's revision."""
    problem: str | None = None
    """Why it failed, in words."""


class BackupAlarm(StrEnum):
    """What is wrong with the backups."""

    FAILED = "failed"
    """The last attempt failed."""
    LATE = "late"
    """The schedule has passed, and no backup has been made since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupStatus:
    """How the backups are, and what happens next."""

    __pydantic_config__ = _DOCS

    running: bool
    """Whether this server is making one."""
    running_since: datetime | None
    alarm: BackupAlarm | None
    """None when all is well, or when no schedule is set and none was tried."""
    problem: str | None
    """The alarm in words."""
    last: Backup | None
    """The last attempt, whatever came of it."""
    last_verified: Backup | None
    """The newest backup that was read back whole and whose file is there."""
    verified: int
    """How many such backups there are."""
    next_at: datetime | None
    """When the schedule makes the next one; None when it is off."""
    schedule: str | None
    """The cron expression, in the shop's zone; None when it is off."""
    retention_days: int
    folder: str
    """Where the backups are."""
    key_file: str
    """Where the recovery key is, of which a copy must be kept elsewhere."""
    key_made: bool
    """False before the first backup."""
