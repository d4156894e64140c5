"""When syncs are due: a cron expression in the shop's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from micore.errors import SettingsError

_OLDEST_TICK = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A five-field cron expression, "*/30 * * * *"; "off" for none."""

    expression: str | None
    zone: tzinfo

    @classmethod
    def parse(cls, expression: str, zone: tzinfo, *, setting: str = "MICORE_SYNC_SCHEDULE") -> Schedule:
        """Raises SettingsError for what is no cron expression."""
        if expression.strip().casefold() in {"", "off"}:
            return cls(None, zone)
        try:
            CronSim(expression, datetime(2026, 1, 1))  # noqa: DTZ001 - only parsed
        except CronSimError as error:
            raise SettingsError(
                setting,
                received=f"{expression!r} ({error})",
                allowed='five cron fields such as "*/30 * * * *", or "off"',
            ) from None
        return cls(expression, zone)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first tick after an instant, UTC; None when nothing is scheduled."""
        if self.expression is None:
            return None
        return next(CronSim(self.expression, instant.astimezone(self.zone))).astimezone(UTC)

    def latest_tick(self, *, after: datetime | None, until: datetime) -> datetime | None:
        """The newest tick in (after, until]; None when there is none. `after` None looks 40 days back."""
        if self.expression is None:
            return None
        start = after if after is not None else until - _OLDEST_TICK
        backwards = CronSim(self.expression, (until + timedelta(minutes=1)).astimezone(self.zone), reverse=True)
        for tick in backwards:
            found = tick.astimezone(UTC)
            if found <= start:
                return None
            if found <= until:
                return found
        return None
