"""Whether the keys in force live, and how long: for the sync page, /health and the metrics."""

from __future__ import annotations

from micore.domain.instants import MICROS_PER_SECOND, instant, optional_instant
from micore.domain.run_views import KeyState
from micore.slots import option_variables
from micore.storage.keys import KeyRow

WARN_DAYS = 14
_DAY = 86_400 * MICROS_PER_SECOND


def shown_key(row: KeyRow | None, *, now: int) -> KeyState | None:
    """A key as it is shown; None when it was never tried."""
    if row is None:
        return None
    days_left = None if row.expires_at is None else (row.expires_at - now) // _DAY
    soon = days_left is not None and days_left < WARN_DAYS
    remedy = row.remedy
    if row.problem is None and soon:
        beginning = option_variables(row.slot, "")[0]
        remedy = f"Make a new key in the seller cabinet, put it into the settings {beginning}..., and restart micore."
    return KeyState(
        expires_at=optional_instant(row.expires_at),
        days_left=days_left,
        expires_soon=soon,
        problem=row.problem,
        remedy=remedy,
        checked_at=instant(row.checked_at),
    )


def key_problem(slot: str, key: KeyState) -> str | None:
    """What is to be said of a key, in words with what to do; None when all is well."""
    if key.problem is not None:
        return f"The key of {slot} is refused: {key.problem} {key.remedy or ''}".strip()
    if not key.expires_soon or key.days_left is None or key.expires_at is None:
        return None
    day = key.expires_at.date().isoformat()
    when = f"expired on {day}" if key.days_left < 0 else f"expires on {day}, in {key.days_left} days"
    return f"The key of {slot} {when}. {key.remedy}"
