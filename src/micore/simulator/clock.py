"""The virtual clock of the simulated marketplaces: live, shifted or frozen; the only "now" behind the servers."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

MOSCOW = timezone(timedelta(hours=3), "MSK")
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


class Clock:
    """Gives the instant in microseconds since the epoch, UTC. Safe to read and set from several threads."""

    def __init__(
        self, start: datetime | None = None, *, frozen: bool = False, real_us: Callable[[], int] | None = None
    ) -> None:
        """Start at `start` (default: real now). A frozen clock moves only when told to.

        Raises ValueError for an instant without a time zone.
        """
        self._real_us = real_us or (lambda: time.time_ns() // 1000)
        self._lock = threading.Lock()
        self._offset_us = 0
        self._jumped_us = 0
        self._frozen_us: int | None = None
        if start is not None:
            self._offset_us = to_us(start) - self._real_us()
        if frozen:
            self._frozen_us = self._real_us() + self._offset_us if start is None else to_us(start)

    @property
    def frozen(self) -> bool:
        return self._frozen_us is not None

    @property
    def jumped_seconds(self) -> float:
        """How far it has been moved forward in all: time in which limits fill again, as they do in real days."""
        return self._jumped_us / SECOND_US

    def now_us(self) -> int:
        with self._lock:
            return self._now_us()

    def _now_us(self) -> int:
        return self._frozen_us if self._frozen_us is not None else self._real_us() + self._offset_us

    def now(self) -> datetime:
        return from_us(self.now_us())

    def advance(self, seconds: float) -> None:
        """Move forward (or back, with a negative number) and stay frozen or ticking as before."""
        step = round(seconds * SECOND_US)
        with self._lock:
            self._jumped_us += max(step, 0)
            if self._frozen_us is not None:
                self._frozen_us += step
            else:
                self._offset_us += step

    def set(self, instant: datetime) -> None:
        """Jump to an instant and stay frozen or ticking as before."""
        with self._lock:
            self._jumped_us += max(to_us(instant) - self._now_us(), 0)
            if self._frozen_us is not None:
                self._frozen_us = to_us(instant)
            else:
                self._offset_us = to_us(instant) - self._real_us()

    def live(self) -> None:
        """Jump to the real now and tick."""
        with self._lock:
            self._jumped_us += max(self._real_us() - self._now_us(), 0)
            self._offset_us, self._frozen_us = 0, None


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an aware datetime. Raises ValueError without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant.isoformat()} has no time zone; add Z or an offset such as +03:00")
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(instant_us: int) -> datetime:
    """An aware datetime in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)


def moscow_midnight_us(day: date) -> int:
    """Instant at which a Moscow day begins."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=MOSCOW))


def moscow_day(instant_us: int) -> date:
    """The Moscow day of an instant."""
    return from_us(instant_us).astimezone(MOSCOW).date()


@functools.lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()


def rfc3339(instant_us: int) -> str:
    """`2026-11-20T09:00:00.123456Z`; the fraction is trimmed of zeros, and left out when it is zero."""
    fraction = instant_us % SECOND_US
    text = rfc3339_seconds(instant_us)
    return f"{text[:-1]}.{fraction:06d}".rstrip("0") + "Z" if fraction else text


def rfc3339_seconds(instant_us: int) -> str:
    """`2026-11-20T09:00:00Z`, fractions of a second left out."""
    day, within = divmod(instant_us // SECOND_US, 86_400)
    hours, rest = divmod(within, 3600)
    return f"{_date_text(day)}T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}Z"


def parse_instant(text: str) -> int:
    """Microseconds of an RFC3339 text. Raises ValueError for anything else, also for a text without a zone."""
    if "T" not in text:
        raise ValueError(f"{text!r} is not RFC3339; write it like 2026-11-20T09:00:00Z")
    return to_us(datetime.fromisoformat(text))
