"""The facts about the shop that every read needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from micore.domain.stock_status import StatusThresholds


@dataclass(frozen=True, slots=True)
class Shop:
    """How this installation counts: its calendar, its money and its status bands."""

    name: str = ""
    time_zone: str = "Europe/Moscow"
    currency: str = "RUB"
    thresholds: StatusThresholds = field(default_factory=StatusThresholds)
    stale_after: timedelta = timedelta(minutes=90)
    """Stock older than this is shown as stale."""
    demo: bool = False
    """The data comes from the simulator."""

    @property
    def zone(self) -> ZoneInfo:
        """The business calendar."""
        return ZoneInfo(self.time_zone)
