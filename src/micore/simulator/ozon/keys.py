"""What an Ozon key of the simulator may do. Real keys are opaque; these say it: "reader+lacks:finance+expires:10"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

INVALID_KEY = "invalid"
LIMITED_KEY = "limited"
LIMITED_METHODS = ("/v1/roles", "/v1/seller/info", "/v3/product/list", "/v3/product/info/list")
_ALWAYS = "/v1/roles"


@dataclass(frozen=True, slots=True)
class Key:
    """Words joined by "+": `lacks:PART` shuts every method whose path holds PART, `expires:DAYS` ends the key so many
    days after the clock's present day; below zero it has ended. Other words mean nothing."""

    text: str

    @property
    def expires_in_days(self) -> int | None:
        """None: as the shop's keys do."""
        days = [word.removeprefix("expires:") for word in self.text.split("+") if word.startswith("expires:")]
        return int(days[-1]) if days and days[-1].lstrip("-").isdecimal() else None

    @property
    def valid(self) -> bool:
        """Whether it opens anything."""
        return self.text != INVALID_KEY and (self.expires_in_days is None or self.expires_in_days >= 0)

    def methods(self, paths: Sequence[str]) -> list[str]:
        """Those of `paths` that it opens."""
        if self.text == LIMITED_KEY:
            return [path for path in paths if path in LIMITED_METHODS]
        shut = [word.removeprefix("lacks:") for word in self.text.split("+") if word.startswith("lacks:")]
        return [path for path in paths if path == _ALWAYS or not any(part in path for part in shut)]
