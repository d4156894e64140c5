"""A limit is never exceeded, wherever its period is laid and however the answers dawdle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.sources.limits import Limiter, SlidingWindow, TokenBucket, after_others
from tests.unit.sources.clocks import HandClock

# A request arrives at the marketplace some time between its sending and its answer.
LATENCIES = st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=1, max_size=150)


def arrivals(limiter: Limiter, clock: HandClock, latencies: list[tuple[float, float]], path: str = "/x") -> list[float]:
    arrived = []
    for there, back in latencies:
        with limiter.slot(path):
            arrived.append(clock.seconds + there)
            clock.seconds += there + back
    return arrived


@given(latencies=LATENCIES, limit=st.integers(1, 60), period=st.sampled_from([0.2, 1.0, 7.0]))
def test_no_window_ever_sees_more_than_the_limit(
    latencies: list[tuple[float, float]], limit: int, period: float
) -> None:
    clock = HandClock()
    limiter = Limiter([SlidingWindow(limit, period)], {}, monotonic=clock.monotonic, sleep=clock.sleep)
    arrived = arrivals(limiter, clock, latencies)
    for first, last in zip(arrived, arrived[limit:], strict=False):
        assert last - first >= period


@given(latencies=LATENCIES, burst=st.integers(1, 20), interval=st.sampled_from([0.05, 0.2, 3.0]))
def test_a_bucket_is_never_overdrawn(latencies: list[tuple[float, float]], burst: int, interval: float) -> None:
    clock = HandClock()
    limiter = Limiter([TokenBucket(burst, interval)], {}, monotonic=clock.monotonic, sleep=clock.sleep)
    tokens, at = float(burst), None
    for arrived in arrivals(limiter, clock, latencies):
        tokens = min(burst, tokens + (arrived - at) / interval) if at is not None else tokens
        tokens, at = tokens - 1, arrived
        assert tokens > -1e-6


@given(
    burst=st.integers(2, 20),
    interval=st.sampled_from([0.05, 0.2, 3.0]),
    share=st.floats(0, 1),
    latency_share=st.floats(0, 0.9),
)
def test_what_runs_into_a_bucket_while_a_request_is_on_its_way_is_not_lost(
    burst: int, interval: float, share: float, latency_share: float
) -> None:
    clock = HandClock()
    limiter = Limiter([TokenBucket(burst, interval)], {}, monotonic=clock.monotonic, sleep=clock.sleep)
    latency, requests = latency_share * interval, 20 * burst
    began = clock.seconds
    arrivals(limiter, clock, [(share * latency, (1 - share) * latency)] * requests)
    assert (requests - burst) * interval / (clock.seconds - began) >= 0.95


def test_what_others_may_have_used_is_waited_for() -> None:
    for rule, wait in (
        (TokenBucket(10, 2.0), 2.01 - 1.5),
        (SlidingWindow(50, 1.0), 0.0),
        (TokenBucket(3, 60.0), 58.51),
    ):
        clock = HandClock()
        limiter = Limiter([after_others(rule, clock.seconds - 1.5)], {}, monotonic=clock.monotonic, sleep=clock.sleep)
        arrivals(limiter, clock, [(0, 0)])
        assert sum(clock.waits) == pytest.approx(wait, abs=0.005)


def test_a_window_lets_its_whole_limit_go_at_once() -> None:
    clock = HandClock()
    limiter = Limiter([SlidingWindow(50, 1.0)], {}, monotonic=clock.monotonic, sleep=clock.sleep)
    arrivals(limiter, clock, [(0, 0)] * 50)
    assert clock.waits == []
    arrivals(limiter, clock, [(0, 0)])
    assert sum(clock.waits) == pytest.approx(1.01, abs=0.005)


def test_a_method_has_its_own_limit_beside_the_accounts() -> None:
    clock = HandClock()
    waited: list[float] = []
    limiter = Limiter(
        [SlidingWindow(50, 1.0)],
        {"/slow": [SlidingWindow(1, 60.0)]},
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        on_wait=waited.append,
    )
    arrivals(limiter, clock, [(0, 0)] * 5)
    assert clock.waits == []
    arrivals(limiter, clock, [(0, 0)] * 2, "/slow")
    assert waited == clock.waits
    assert sum(waited) == pytest.approx(60.01, abs=0.005)


def test_a_failed_request_counts_like_any_other() -> None:
    clock = HandClock()
    limiter = Limiter([SlidingWindow(1, 1.0)], {}, monotonic=clock.monotonic, sleep=clock.sleep)

    def failing() -> None:
        with limiter.slot("/x"):
            clock.seconds += 0.5
            raise ConnectionError

    with pytest.raises(ConnectionError):
        failing()
    arrivals(limiter, clock, [(0, 0)])
    assert sum(clock.waits) == pytest.approx(1.01, abs=0.005)


@pytest.mark.parametrize("bad", [lambda: SlidingWindow(0, 1), lambda: SlidingWindow(1, 0), lambda: TokenBucket(0, 1)])
def test_a_limit_of_nothing_is_refused(bad: type) -> None:
    with pytest.raises(ValueError, match="above zero"):
        bad()


def test_a_refused_request_counts_as_many_where_a_limit_says_so() -> None:
    clock = HandClock()
    limiter = Limiter(
        [SlidingWindow(100, 1.0)],
        {"/x": [TokenBucket(20, 0.2, refusal_cost=10)]},
        monotonic=clock.monotonic,
        sleep=clock.sleep,
    )
    arrivals(limiter, clock, [(0, 0)])
    limiter.refused("/x")
    arrivals(limiter, clock, [(0, 0)] * 10)
    assert clock.waits == []
    limiter.refused("/x")
    arrivals(limiter, clock, [(0, 0)])
    assert sum(clock.waits) == pytest.approx(10 * 0.202, abs=0.005)
