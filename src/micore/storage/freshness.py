"""How old the published stock of each account is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from micore.domain.instants import MICROS_PER_SECOND, optional_instant
from micore.domain.views import Freshness
from micore.storage.dashboard import ages


@dataclass(frozen=True, slots=True)
class SourceAge:
    """An account and the age of its stock."""

    account_id: int
    source: str
    account: str
    as_of: int | None
    """The oldest of its scopes' newest published snapshots, by the marketplace's clock."""


def by_account(connection: Connection) -> list[SourceAge]:
    """Every account, by id."""
    return [SourceAge(age.account_id, age.source, age.name, age.as_of) for age in ages(connection)]


def judge(as_of: int | None, *, now: int, stale_after_seconds: int) -> Freshness:
    """Whether stock of that age can still be trusted."""
    if as_of is None:
        return Freshness.NEVER
    return Freshness.STALE if now - as_of >= stale_after_seconds * MICROS_PER_SECOND else Freshness.FRESH


def shown(as_of: int | None) -> datetime | None:
    """The instant as it is shown."""
    return optional_instant(as_of)
