"""Time that passes only when somebody waits, for tests of sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from micore.sources.base import SourceTools


@dataclass
class HandClock:
    """A clock that only sleeping moves; remembers the waits and what a source told."""

    seconds: float = 1000.0
    waits: list[float] = field(default_factory=list)
    requests: list[tuple[str, int]] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 9, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def tick(self) -> float:
        """As monotonic, but looking costs a second."""
        self.seconds += 1.0
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def tools(self) -> SourceTools:
        return SourceTools(
            now=self.now,
            monotonic=self.monotonic,
            sleep=self.sleep,
            on_request=lambda source, endpoint, status, seconds: self.requests.append((endpoint, status)),
            on_throttled=lambda source, seconds: self.throttled.append(seconds),
        )
