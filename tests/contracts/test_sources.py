"""What every source promises, tried on every registered one against its simulated marketplace.

The checks are the product's own, those of `micore source check`; below them stands what needs a proxy before the
marketplace, or its limits.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from micore import plugins
from micore.domain.records import Record
from micore.errors import MicoreError, OutcomeUnknownError, SourceBusyError, SourceUnreachableError
from micore.sources.base import Page, Source, Stream
from micore.sources.checking import CHECKS, Budget, Check, NotTriedError, Place, Trial, run_check
from tests.contracts.markets import CANARY, Market, Mischief
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says

BY_STREAM = [check for check in CHECKS if check.try_stream is not None]
BY_SOURCE = [check for check in CHECKS if check.try_source is not None]


WAITED_SECONDS = 0.1
"""So much of each wait for a limit is waited by the real clock."""
MOST_SYNCS = 6
"""Each of a report's orders, one for some days, may be lost."""


@pytest.fixture
def clock() -> HandClock:
    """Our clock stands years away from the marketplace's: nothing may be taken from it."""
    return HandClock()


@pytest.fixture
def source(market: Market, clock: HandClock) -> Iterator[Source]:
    made = market.source(clock.tools())
    yield made
    made.close()


@pytest.fixture(autouse=True)
def honest(market: Market) -> Iterator[None]:
    market.mischief = lambda asked: None
    market.asked.clear()
    yield
    market.mischief = lambda asked: None


@pytest.fixture(scope="session")
def trial(market: Market) -> Trial:
    """The source under trial, to the end of every stream; each is read once for all checks."""
    options = {**market.options, "base_url": market.direct}
    time_passing = HandClock()
    return Trial(
        market.source_name,
        plugins.load(plugins.SOURCES, market.source_name),
        Place(options, frozen=True, now=market.now),
        Budget(pages=None, requests=10**6, wait_seconds=float("inf")),
        monotonic=time_passing.monotonic,
        sleep=time_passing.sleep,
        now=time_passing.now,
    )


def stream_named(trial: Trial, name: str) -> Stream:
    return next(each for each in trial.streams if each.name == name)


def read(source: Source, stream: str, cursor: str | None = None, *, full: bool = False) -> list[Page]:
    return list(source.read(stream, cursor, full=full))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


# --- the checks of `micore source check` --------------------------------------------------------------------------


@pytest.mark.parametrize("check", BY_SOURCE, ids=lambda check: check.name)
def test_a_source_keeps_its_promises(trial: Trial, check: Check) -> None:
    assert run_check(check, trial) == [], check.mend


@pytest.mark.parametrize("check", BY_STREAM, ids=lambda check: check.name)
def test_a_stream_keeps_its_promises(trial: Trial, stream: str, check: Check) -> None:
    seen: list[str] = []
    with contextlib.suppress(NotTriedError):
        seen = run_check(check, trial, stream_named(trial, stream))
    assert seen == [], check.mend


def test_the_simulated_shop_has_some_of_everything(trial: Trial, stream: str) -> None:
    reading = trial.reading(stream_named(trial, stream))
    assert reading.records, "a check that is not tried for want of a reading would say nothing"
    assert [row for page in reading.pages for row in page.rejected] == []


def test_the_marketplaces_clock_counts(market: Market, source: Source, stream: str) -> None:
    pages = read(source, stream)
    now = market.now()
    for scope in {page.scope for page in pages}:
        (as_of,) = {page.as_of for page in pages if page.scope == scope}
        assert as_of.tzinfo == UTC
        assert abs(now - as_of) < timedelta(seconds=5)


# --- adversity ----------------------------------------------------------------------------------------------------


def first_times(times: int, says: Says) -> Mischief:
    """Spoils the first requests to each path."""
    spoilt: Counter[str] = Counter()

    def mischief(asked: Asked) -> Says | None:
        spoilt[asked.path] += 1
        return says if spoilt[asked.path] <= times else None

    return mischief


def read_on(market: Market, source: Source, clock: HandClock, stream: str) -> list[Page]:
    """Read to the end, as later syncs do where nobody knows whether an order was taken."""
    pages: list[Page] = []
    for _ in range(MOST_SYNCS):
        try:
            pages.extend(source.read(stream, pages[-1].cursor if pages else None))
        except OutcomeUnknownError:
            market.advance(600)
            clock.seconds += 600
        else:
            return pages
    raise AssertionError(f"{stream}: nobody ever knows whether its report was ordered")


@pytest.mark.parametrize(
    "says",
    [
        Says({}, 500),
        Says(b"<html>Bad gateway</html>", 502),
        Says(b"<html>One moment</html>"),
        Says(b'{"cut', cut_after=2),
        Says({"message": "slow down"}, 429, {"Retry-After": "3"}),
    ],
    ids=["500", "502", "html", "cut", "429"],
)
def test_a_passing_trouble_changes_nothing(
    market: Market, source: Source, clock: HandClock, stream: str, says: Says
) -> None:
    expected = records(read(source, stream))
    clock.waits.clear()
    market.mischief = first_times(2, says)
    assert records(read_on(market, source, clock, stream)) == expected
    assert clock.waits
    if says.status == 429:
        assert sum(seconds >= 3 for seconds in clock.throttled) >= 2


@pytest.mark.parametrize(("status", "error"), [(503, SourceUnreachableError), (429, SourceBusyError)])
def test_a_lasting_trouble_ends_the_reading_in_time(
    market: Market, source: Source, clock: HandClock, stream: str, status: int, error: type[MicoreError]
) -> None:
    market.mischief = lambda asked: Says({}, status)
    started = clock.seconds
    with pytest.raises(error):
        read(source, stream)
    # A marketplace that says it is busy is waited for through a storm of ten minutes; some streams ask in two ways.
    assert clock.seconds - started < (3_000 if status == 429 else 300)


def test_the_key_turns_up_nowhere(
    market: Market,
    source: Source,
    stream: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    pages = read(source, stream)
    assert any(CANARY in "".join(asked.headers.values()) for asked in market.asked), "the header is where it belongs"
    assert all(CANARY.encode() not in asked.raw and CANARY not in asked.path for asked in market.asked)
    market.mischief = lambda asked: Says({"message": f"what a key: {CANARY}"}, 418)
    with pytest.raises(MicoreError) as caught:
        read(source, stream)
    told: list[Any] = [*pages, caught.value, vars(caught.value), caught.getrepr(showlocals=False)]
    assert not any(CANARY in repr(each) or CANARY in str(each) for each in told)
    assert CANARY not in caplog.text + "".join(capsys.readouterr())


def test_limits_are_never_exceeded(strict_market: Market, clock: HandClock) -> None:
    """As fast as it goes, by the real clock, all streams twice, and syncs one right after another.

    The limits are the account's: what one sync has asked counts for the next.
    """
    leapt_seconds = 0.0
    kept: dict[str, Any] = {}

    def keep(name: str, make: Callable[[], Any]) -> Any:
        return kept[name] if name in kept else kept.setdefault(name, make())

    def sleep(seconds: float) -> None:
        # Over the rest of a long wait both clocks leap, while no request is on its way. Whatever happens around a
        # request takes its real time, and a wait is over by the real clock.
        nonlocal leapt_seconds
        leap = max(0.0, seconds - WAITED_SECONDS)
        strict_market.advance(leap)
        leapt_seconds += leap
        time.sleep(seconds - leap)

    tools = replace(clock.tools(), monotonic=lambda: time.monotonic() + leapt_seconds, sleep=sleep, keep=keep)
    for times in (2, 1, 1):
        source = strict_market.source(tools)
        source.account()
        for each in source.streams:
            for _ in range(times):
                read(source, each.name)
        source.close()
    assert strict_market.refusals() == 0
    assert {status for _, status in clock.requests} <= {200, 204}
