"""The client against a real server that answers well, badly or not at all."""

from __future__ import annotations

import contextlib
import gzip
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from micore.errors import (
    MicoreError,
    OutcomeUnknownError,
    SettingsError,
    SourceAuthError,
    SourceBusyError,
    SourceGoneError,
    SourceProtocolError,
    SourceUnreachableError,
    StopRequestedError,
)
from micore.sources.base import SourceTools
from micore.sources.http import ApiClient, Patience, RequestRefusedError, Verdict, checked_url
from micore.sources.limits import Limiter, TokenBucket
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Answering, Asked, Says, Server, serving

CANARY = "canary-5f2d9c1e-key"
GOOD = Says({"rows": [1, 2]})


class Rows(msgspec.Struct):
    rows: list[int]


READ = msgspec.json.Decoder(Rows).decode


@contextmanager
def client_of(
    answering: Answering, clock: HandClock, patience: Patience | None = None, tools: SourceTools | None = None
) -> Iterator[tuple[ApiClient, Server]]:
    with serving(answering) as server:
        client = ApiClient(
            "ozon",
            server.url,
            headers={"Api-Key": CANARY},
            secrets=(CANARY,),
            limiter=Limiter((), {}, monotonic=clock.monotonic, sleep=clock.sleep),
            tools=tools or clock.tools(),
            verdict=lambda said: Verdict.AUTH if "bad key" in said else Verdict.BY_STATUS,
            patience=patience,
        )
        try:
            yield client, server
        finally:
            client.close()


def in_turn(*answers: Says) -> Answering:
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def test_an_answer_brings_its_bytes_its_request_and_the_marketplaces_clock() -> None:
    clock = HandClock()
    dated = replace(GOOD, headers={"Date": "Sun, 22 Nov 2026 08:00:05 GMT"})
    with client_of(in_turn(dated), clock) as (client, server):
        answer = client.post("/v1/rows", {"limit": 2}, READ)
    assert answer.value.rows == [1, 2]
    assert (answer.raw.body, answer.raw.endpoint, answer.raw.request) == (
        b'{"rows":[1,2]}',
        "POST /v1/rows",
        '{"limit":2}',
    )
    assert answer.raw.received_at == clock.now()
    assert answer.marketplace_now == datetime(2026, 11, 22, 8, 0, 5, tzinfo=UTC)
    assert server.asked[0].headers["api-key"] == CANARY
    assert clock.requests == [("POST /v1/rows", 200)]


def test_a_question_has_a_query_instead_of_a_body() -> None:
    clock = HandClock()
    with client_of(in_turn(GOOD), clock) as (client, server):
        answer = client.get("/v1/rows", {"since": "2026-11-22T08:00:00+03:00", "limit": 2}, READ)
        client.get("/v1/rows", {}, READ)
    assert answer.value.rows == [1, 2]
    assert (answer.raw.endpoint, answer.raw.request) == (
        "GET /v1/rows",
        "since=2026-11-22T08%3A00%3A00%2B03%3A00&limit=2",
    )
    first, second = server.asked
    assert (first.method, first.path, first.raw) == ("GET", f"/v1/rows?{answer.raw.request}", b"")
    assert "content-type" not in first.headers
    assert second.path == "/v1/rows"
    assert clock.requests == [("GET /v1/rows", 200)] * 2


def test_a_body_may_have_a_query_beside_it_and_numbers_in_paths_are_one_method() -> None:
    clock = HandClock()
    with client_of(in_turn(GOOD), clock) as (client, server):
        raw = client.post("/v1/rows/31000111/part", {"limit": 2}, READ, query={"offset": 5}).raw
    assert (raw.endpoint, raw.request) == ("POST /v1/rows/31000111/part", 'offset=5 {"limit":2}')
    assert server.asked[0].path == "/v1/rows/31000111/part?offset=5"
    assert clock.requests == [("POST /v1/rows/{number}/part", 200)]


def test_no_content_is_an_answer_only_where_it_is_expected() -> None:
    with client_of(in_turn(Says(b"", 204)), HandClock()) as (client, _):
        for answer in (
            client.get("/", {}, READ, no_content=b'{"rows":[]}'),
            client.post("/", {}, READ, no_content=b'{"rows":[]}'),
        ):
            assert (answer.value.rows, answer.raw.body) == ([], b"")
        with pytest.raises(SourceProtocolError, match="HTTP 204 instead of 200"):
            client.get("/", {}, READ)


@pytest.mark.parametrize(("status", "tokens_left"), [(200, 19), (404, 10), (500, 16)])
def test_the_limiter_learns_of_refusals(status: int, tokens_left: int) -> None:
    clock = HandClock()
    bucket = TokenBucket(20, 1e9, refusal_cost=10)
    limiter = Limiter([bucket], {}, monotonic=clock.monotonic, sleep=clock.sleep)
    with serving(in_turn(Says({"rows": []}, status))) as server:
        client = ApiClient("wb", server.url, headers={}, secrets=(), limiter=limiter, tools=clock.tools())
        with contextlib.suppress(MicoreError):
            client.get("/", {}, READ)
        client.close()
    assert round(bucket.tokens(clock.seconds), 3) == tokens_left


def test_compressed_answers_are_read() -> None:
    body = Says(gzip.compress(b'{"rows":[3]}'), headers={"Content-Encoding": "gzip"})
    with client_of(in_turn(body), HandClock()) as (client, _):
        assert client.post("/", {}, READ).value.rows == [3]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Says({"message": "no"}, 401), SourceAuthError),
        (Says({"message": "no"}, 403), SourceAuthError),
        (Says({"message": "bad key"}, 400), SourceAuthError),
        (Says({"message": "not here"}, 404), SourceGoneError),
        (Says({"message": "PERIOD_IS_TOO_LONG"}, 400), RequestRefusedError),
        (Says({"message": "conflict"}, 409), RequestRefusedError),
    ],
)
def test_what_a_person_must_mend_is_raised_at_once(answer: Says, error: type[MicoreError]) -> None:
    clock = HandClock()
    with client_of(in_turn(answer), clock) as (client, server), pytest.raises(error):
        client.post("/v1/rows", {}, READ)
    assert len(server.asked) == 1
    assert clock.waits == []


def test_a_refusal_tells_what_the_marketplace_said() -> None:
    says = Says({"message": "MAX_OFFSET\n EXCEEDED"}, 400)
    match = r"ozon refused .* /v1/rows \(HTTP 400\): MAX_OFFSET EXCEEDED"
    with client_of(in_turn(says), HandClock()) as (client, _), pytest.raises(RequestRefusedError, match=match):
        client.post("/v1/rows", {}, READ)


@pytest.mark.parametrize(
    "bad",
    [
        Says({"message": "oops"}, 500),
        Says(b"<html>Bad gateway</html>", 502),
        Says(b'{"rows":[1,2]}', cut_after=5),
        Says(b"<html>One moment</html>"),
        Says(b'{"rows":[1,'),
        Says(b'{"error":"later"}'),
        Says(b"", 302, {"Location": "/login"}),
        Says(b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["500", "502", "cut", "html", "half JSON", "other JSON", "redirect", "broken gzip"],
)
def test_a_hiccup_is_tried_again(bad: Says) -> None:
    clock = HandClock()
    with client_of(in_turn(bad, GOOD), clock) as (client, _):
        assert client.post("/", {}, READ).value.rows == [1, 2]
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    ("bad", "error", "tries"),
    [
        (Says({}, 503), SourceUnreachableError, 4),
        (Says(b'{"rows":[1,2]}', cut_after=5), SourceUnreachableError, 4),
        (Says(b"<html>"), SourceProtocolError, 3),
    ],
)
def test_patience_ends(bad: Says, error: type[MicoreError], tries: int) -> None:
    clock = HandClock()
    with client_of(in_turn(bad), clock) as (client, server), pytest.raises(error):
        client.post("/", {}, READ)
    assert len(server.asked) == tries
    assert len(clock.waits) == tries - 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "5"}])
def test_a_storm_of_429_is_waited_out_for_a_quarter_of_an_hour_and_asked_less_than_ten_times_a_minute(
    headers: dict[str, str],
) -> None:
    clock = HandClock()
    with client_of(in_turn(Says({}, 429, headers)), clock) as (client, server), pytest.raises(SourceBusyError):
        client.post("/", {}, READ)
    assert 870 <= sum(clock.waits) <= 900
    assert len(server.asked) == len(clock.waits) + 1
    if not headers:
        assert all(sum(clock.waits[at : at + 9]) > 60 for at in range(len(clock.waits) - 9))


def test_other_failures_behind_a_storm_are_tried_again_as_ever() -> None:
    clock = HandClock()
    storm = [Says({}, 429, {"Retry-After": "100"})] * 7
    with client_of(in_turn(*storm, Says({}, 502), GOOD), clock) as (client, _):
        assert client.post("/", {}, READ).value.rows == [1, 2]
    assert sum(clock.waits) > 700


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"X-Ratelimit-Retry": "12"}, 12.0),
        ({"X-Ratelimit-Retry": "12", "X-Ratelimit-Reset": "60"}, 12.0),
        ({"X-Ratelimit-Reset": "60"}, 60.0),
        ({"Date": "Sun, 22 Nov 2026 08:00:00 GMT", "Retry-After": "Sun, 22 Nov 2026 08:00:30 GMT"}, 30.0),
        ({}, 0.5),
    ],
)
def test_a_wait_that_is_asked_for_is_kept(headers: dict[str, str], least: float) -> None:
    clock = HandClock()
    with client_of(in_turn(Says({}, 429, headers), GOOD), clock) as (client, _):
        client.post("/", {}, READ)
    assert clock.throttled == clock.waits
    assert least <= clock.waits[0] <= least + 1


def test_a_wait_longer_than_our_patience_is_left_to_the_next_run() -> None:
    clock = HandClock()
    busy = in_turn(Says({}, 429, {"Retry-After": "3600"}))
    with client_of(busy, clock) as (client, _), pytest.raises(SourceBusyError) as caught:
        client.post("/", {}, READ)
    assert caught.value.retry_after_seconds == 3600
    assert clock.waits == []


def test_stopping_interrupts_a_wait() -> None:
    def stop(seconds: float) -> None:
        raise StopRequestedError("stop")

    clock = HandClock()
    tools = replace(clock.tools(), sleep=stop)
    with client_of(in_turn(Says({}, 500)), clock, tools=tools) as (client, _), pytest.raises(StopRequestedError):
        client.post("/", {}, READ)


def test_nobody_listening_is_unreachable() -> None:
    clock = HandClock()
    with client_of(in_turn(GOOD), clock) as (client, _):
        pass
    with serving(in_turn(GOOD)) as gone:
        pass
    client = ApiClient(
        "ozon",
        gone.url,
        headers={},
        secrets=(),
        limiter=Limiter((), {}, monotonic=clock.monotonic, sleep=clock.sleep),
        tools=clock.tools(),
    )
    with pytest.raises(SourceUnreachableError, match="ConnectError"):
        client.post("/", {}, READ)
    assert clock.requests == [("POST /", 0)] * 4
    client.close()


def test_an_answer_that_only_drips_is_given_up() -> None:
    clock = HandClock()
    ended = threading.Event()
    # Every look at the clock takes a second, so that the deadline comes without waiting for it.
    tools = replace(clock.tools(), monotonic=clock.tick)
    patience = Patience(attempt_seconds=5.0, unreachable_tries=1)
    with client_of(in_turn(Says(b" " * 500, hang=ended)), clock, patience, tools) as (client, _):
        with pytest.raises(SourceUnreachableError, match="no whole answer in 5 s"):
            client.post("/", {}, READ)
        ended.set()


def test_an_answer_that_does_not_end_is_refused() -> None:
    bomb = Says(gzip.compress(b" " * 2_000_000), headers={"Content-Encoding": "gzip"})
    with client_of(in_turn(bomb), HandClock(), Patience(body_bytes=1_000_000)) as (client, server):
        with pytest.raises(SourceProtocolError, match="more than 1000000 bytes"):
            client.post("/", {}, READ)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Says({"message": f"key {CANARY} is wrong"}, 403),
        lambda: Says({"message": f"key {CANARY} is wrong"}, 400),
        lambda: Says(f"<html>{CANARY}</html>".encode()),
        lambda: Says({"message": CANARY}, 500),
    ],
)
def test_the_key_reaches_no_error_and_no_log(
    answer: Callable[[], Says], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with client_of(in_turn(answer()), HandClock()) as (client, _), pytest.raises(MicoreError) as caught:
        client.post("/", {}, READ)
    seen: BaseException | None = caught.value
    while seen is not None:
        assert CANARY not in f"{seen!r} {seen} {vars(seen)}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.parametrize("status", [400, 403])
def test_a_key_is_hidden_before_a_long_message_is_cut(status: int) -> None:
    # Cut first, half of the key would stand at the end and not be recognised.
    says = Says({"message": "x" * (300 - len(CANARY) // 2) + CANARY}, status)
    with client_of(in_turn(says), HandClock()) as (client, _), pytest.raises(MicoreError) as caught:
        client.post("/", {}, READ)
    assert CANARY[:8] not in str(caught.value)


def test_the_key_reaches_no_raw_answer() -> None:
    echo = Says(f'{{"rows":[1],"you":"{CANARY}"}}'.encode())
    with client_of(in_turn(echo), HandClock()) as (client, _):
        raw = client.post("/", {}, READ).raw
    assert CANARY not in f"{raw}"
    assert raw.body == b'{"rows":[1],"you":"***"}'


@pytest.mark.parametrize("url", ["ftp://x", "api.example.org", "https://me:secret@example.org", "http://"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_credentials(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        checked_url("ozon", url)
    assert "MICORE_OZON_BASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


# --- what is done once --------------------------------------------------------------------------------------------

LOST = [
    Says({"message": "internal"}, 500),
    Says(b"<html>Gateway Time-out</html>", 504),
    Says(b"<html>busy</html>"),
    Says({"rows": [1, 2]}, cut_after=3),
    Says({}, 302),
    Says({}, 204),
    Says({"rows": "x" * 5000}),
]


@pytest.mark.parametrize("lost", LOST, ids=["500", "504", "html", "cut", "302", "204", "too long"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_order_whose_answer_was_lost_is_not_repeated(lost: Says, method: str) -> None:
    clock = HandClock()
    with client_of(in_turn(lost, GOOD), clock, Patience(body_bytes=4000)) as (client, server):
        with pytest.raises(OutcomeUnknownError, match="may or may not have done"):
            getattr(client, method)("/v1/order", {}, READ, once=True)
        assert len(server.asked) == 1
        assert clock.waits == []
        assert getattr(client, method)("/v1/order", {}, READ).value.rows == [1, 2]


def test_an_order_that_is_not_answered_in_time_is_not_repeated() -> None:
    ended = threading.Event()

    def silent(asked: Asked) -> Says:
        ended.wait(10)
        return GOOD

    with client_of(silent, HandClock(), Patience(read_seconds=0.1)) as (client, server):
        try:
            with pytest.raises(OutcomeUnknownError, match="ReadTimeout"):
                client.post("/v1/order", {}, READ, once=True)
            assert len(server.asked) == 1
        finally:
            ended.set()


def test_an_order_that_was_surely_not_taken_is_repeated_as_always() -> None:
    clock = HandClock()
    busy = Says({}, 429, {"Retry-After": "3"})
    with client_of(in_turn(busy, busy, GOOD), clock) as (client, server):
        assert client.post("/v1/order", {}, READ, once=True).value.rows == [1, 2]
        assert len(server.asked) == 3
    with client_of(in_turn(GOOD), clock) as (client, server):
        client._client.base_url = "http://127.0.0.1:1"
        with pytest.raises(SourceUnreachableError) as caught:
            client.post("/v1/order", {}, READ, once=True)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert len([path for path, status in clock.requests if status == 0]) == 4
    for status, refusal in ((400, RequestRefusedError), (403, SourceAuthError), (404, SourceGoneError)):
        with client_of(in_turn(Says({}, status)), clock) as (client, server), pytest.raises(refusal):
            client.post("/v1/order", {}, READ, once=True)
