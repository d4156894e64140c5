"""What a check is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from micore.errors import MicoreError
from micore.sources.base import Stream

if TYPE_CHECKING:
    from micore.sources.checking.trial import Trial

MOST_SEEN = 5
"""A plug-in that is wrong everywhere is told so with examples, not with a line per row."""


class NotTriedError(MicoreError):
    """A check that says nothing of this source, and why."""


class Verdict(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise. `try_source` or `try_stream` yields what was seen that breaks it, a sentence each; nothing: kept."""

    name: str
    promise: str
    """What a source does that keeps it, a sentence."""
    why: str
    """What goes wrong in a shop where it is broken."""
    mend: str
    """What the author does about it."""
    weight: int
    """1: a nuisance, 3: wrong work, 5: wrong figures or a lost key."""
    try_source: Callable[[Trial], Iterable[str]] | None = None
    try_stream: Callable[[Trial, Stream], Iterable[str]] | None = None
    local: bool = False
    """It asks nobody but a server of its own on this machine."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check of one source, over all of its streams."""

    name: str
    promise: str
    verdict: Verdict
    weight: int
    why: str
    mend: str
    seen: Sequence[str]
    """What breaks the promise; for a check that was not tried, the reason."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be said of a source."""

    source: str
    distribution: str
    """Package and version that brings it."""
    score: int
    """0 to 100: the weight of the promises kept, of those that were tried."""
    requests: int
    """Requests that the source has told of, those to this machine's own server left out."""
    pages: int
    thorough: bool
    results: Sequence[Result]
    cut_short: str | None = None
    """Why not everything was tried that could have been; None when it was."""

    @property
    def failed(self) -> list[Result]:
        """The promises that are broken."""
        return [each for each in self.results if each.verdict is Verdict.FAILED]


def score(results: Sequence[Result]) -> int:
    """The share of the weight that is kept, rounded down: 100 is for who keeps everything. 0 when nothing was tried."""
    tried = [each for each in results if each.verdict is not Verdict.NOT_TRIED]
    total = sum(each.weight for each in tried)
    kept = sum(each.weight for each in tried if each.verdict is Verdict.PASSED)
    return 100 * kept // total if total else 0
