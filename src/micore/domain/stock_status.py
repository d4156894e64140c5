"""Stock status by units: the four bands of the handover document, and the fifth for what nobody told us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from micore.domain.units import MILLI
from micore.errors import SettingsError


class StockStatus(StrEnum):
    """Where a quantity stands. `unknown` is no band: the marketplace has not told a quantity."""

    CRITICAL = "critical"
    LOW = "low"
    NORMAL = "normal"
    OVERSTOCK = "overstock"
    UNKNOWN = "unknown"


STATUS_CODES: dict[StockStatus, int] = {
    StockStatus.CRITICAL: 0,
    StockStatus.LOW: 1,
    StockStatus.NORMAL: 2,
    StockStatus.OVERSTOCK: 3,
    StockStatus.UNKNOWN: 4,
}
"""How a status is stored and ordered: worst first. Never renumber; rows keep these."""

STATUS_BY_CODE: dict[int, StockStatus] = {code: status for status, code in STATUS_CODES.items()}


@dataclass(frozen=True, slots=True)
class StatusThresholds:
    """Upper edges of the bands, in whole units, each edge inside the lower band.

    critical: up to `critical_max` (negative too); low: above it up to `low_max`; normal: above that up to
    `normal_max`; overstock: everything above.
    """

    __pydantic_config__ = {"use_attribute_docstrings": True}  # noqa: RUF012

    critical_max: int = 5
    low_max: int = 20
    normal_max: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.critical_max < self.low_max < self.normal_max:
            raise SettingsError(
                "stock thresholds",
                received=f"critical {self.critical_max}, low {self.low_max}, normal {self.normal_max}",
                allowed="0 <= critical < low < normal",
            )

    def status_of(self, available_milli: int | None) -> StockStatus:
        """The one status of a quantity in thousandths of a unit; None is unknown."""
        if available_milli is None:
            return StockStatus.UNKNOWN
        if available_milli <= self.critical_max * MILLI:
            return StockStatus.CRITICAL
        if available_milli <= self.low_max * MILLI:
            return StockStatus.LOW
        if available_milli <= self.normal_max * MILLI:
            return StockStatus.NORMAL
        return StockStatus.OVERSTOCK
