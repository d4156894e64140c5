"""Instants as integers, and the business day an instant belongs to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

MICROS_PER_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; exact. Refuses an instant without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a zone: {instant!r}")
    return (instant - _EPOCH) // _MICROSECOND


def instant(micros_since_epoch: int) -> datetime:
    """The UTC instant behind stored microseconds; exact."""
    return _EPOCH + timedelta(microseconds=micros_since_epoch)


def optional_instant(micros_since_epoch: int | None) -> datetime | None:
    """As `instant`, None stays None."""
    return None if micros_since_epoch is None else instant(micros_since_epoch)


def optional_micros(instant: datetime | None) -> int | None:
    """As `micros`, None stays None."""
    return None if instant is None else micros(instant)


def business_day(micros_since_epoch: int, zone: tzinfo) -> date:
    """The day of the shop's calendar that an instant falls on."""
    return instant(micros_since_epoch).astimezone(zone).date()


class DayTurner:
    """Turns instants into ISO days quickly: a zone is asked once per quarter of an hour, not per row."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._quarters: dict[int, str] = {}

    def day(self, micros_since_epoch: int) -> str:
        """ISO text of the business day; offsets and midnights lie on quarters of an hour."""
        quarter = micros_since_epoch // (900 * MICROS_PER_SECOND)
        found = self._quarters.get(quarter)
        if found is None:
            start = instant(quarter * 900 * MICROS_PER_SECOND)
            found = self._quarters[quarter] = start.astimezone(self._zone).date().isoformat()
        return found
