"""Runs the checks over a source and adds up the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from micore.sources.base import Stream
from micore.sources.checking.catalogue import CHECKS
from micore.sources.checking.check import MOST_SEEN, Check, NotTriedError, Report, Result, Verdict, score
from micore.sources.checking.trial import Trial, told


def checks_of(*, local: bool | None = None) -> list[Check]:
    """All checks, or those that ask only this machine, or only those that ask the source's own place."""
    return [each for each in CHECKS if local is None or each.local == local]


def run_check(check: Check, trial: Trial, stream: Stream | None = None) -> list[str]:
    """What breaks the promise; empty where it is kept. Raises NotTriedError where nothing can be said."""
    attempt: Callable[[], Iterable[str]]
    if check.try_source is not None:
        attempt = lambda: check.try_source(trial)  # type: ignore[misc]  # noqa: E731
    else:
        assert check.try_stream is not None and stream is not None
        attempt = lambda: check.try_stream(trial, stream)  # type: ignore[misc]  # noqa: E731
    try:
        return [_hidden(each, trial) for each in dict.fromkeys(attempt())]
    except NotTriedError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may hand us anything; that is a finding, not our end
        return [_hidden(f"what the source gave cannot be judged at all ({told(error)})", trial)]


def check_source(
    trial: Trial, distribution: str, *, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """All checks, each told as it is done."""
    results: list[Result] = []
    for check in CHECKS:
        results.append(_result(check, trial))
        on_result(results[-1])
    budget = trial.budget
    return Report(
        trial.name,
        distribution,
        score(results),
        budget.asked,
        trial.page_count,
        trial.thorough,
        results,
        budget.used_up,
    )


def _result(check: Check, trial: Trial) -> Result:
    seen: list[str] = []
    reasons: list[str] = []
    tried = False
    for stream in [None] if check.try_source is not None else trial.streams:
        before = "" if stream is None else f"{stream.name}: "
        try:
            seen += [before + each for each in run_check(check, trial, stream)]
            tried = True
        except NotTriedError as error:
            reasons.append(before + str(error))
    verdict = Verdict.FAILED if seen else Verdict.PASSED if tried else Verdict.NOT_TRIED
    shown = _shortened(seen) if seen else ([] if tried else reasons[:1] or ["the source has no streams"])
    return Result(check.name, check.promise, verdict, check.weight, check.why, check.mend, shown)


def _shortened(seen: Sequence[str]) -> list[str]:
    more = len(seen) - MOST_SEEN
    return [*seen[:MOST_SEEN], *([f"and {more} more of this kind"] if more > 0 else [])]


def _hidden(text: str, trial: Trial) -> str:
    """A finding is printed and pasted into issues: no key of the source's stands in it."""
    for secret in trial.secrets:
        text = text.replace(secret, "***")
    return text[:400]
