"""The way to a marketplace: one HTTP client with limits, deadlines, patient retries and errors that say what to do.

Every attempt passes the account's limiter. What may go through later is tried again with full jitter; what a person
must mend is raised at once. No header, and none of the secrets handed in, ever reaches an error, a log or a raw answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
import stamina
import stamina.instrumentation
import structlog

from micore.errors import (
    MicoreError,
    OutcomeUnknownError,
    SettingsError,
    SourceAuthError,
    SourceBusyError,
    SourceGoneError,
    SourceProtocolError,
    SourceUnreachableError,
)
from micore.sources.base import RawAnswer, SourceTools
from micore.sources.limits import Limiter
from micore.sources.reading import reading

# Our own waiting (stop-able, told to metrics) stands in the hook below; stamina's would report waits of 0 s.
stamina.instrumentation.set_on_retry_hooks([])

_log = structlog.get_logger("micore.sources")

T = TypeVar("T")

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NUMBER = "{number}"
"""Stands for a number, or a UUID, that is part of a path."""
_NUMBERED = re.compile(r"/(?:\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?=/|$)")
SHORTEST_SCRUBBED = 8
"""Shorter secrets are not searched for in answers: they would blot out innocent text."""

MESSAGE_LETTERS = 300
"""So much of what a marketplace says about an error is told on."""


_NOT_ASKED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Verdict(Enum):
    """What a marketplace means by an error, where its status alone does not say it."""

    AUTH = "auth"
    BUSY = "busy"
    BY_STATUS = "by status"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call is tried; durations in seconds."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    attempt_seconds: float = 120.0
    """Of a whole answer, however steadily it drips."""
    total_seconds: float = 300.0
    """Of all attempts and waits of one call, but for those below; no wait is begun that would pass it."""
    busy_seconds: float = 900.0
    """Of all waits of one call for a marketplace that answers 429: it is waited for, up to here, however often."""
    unreachable_tries: int = 4
    garbled_tries: int = 3
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 30.0
    longest_busy_wait_seconds: float = 15.0
    """Where a 429 does not say how long."""
    body_bytes: int = 64 * 1024 * 1024


class RequestRefusedError(SourceProtocolError):
    """A marketplace answers a request of ours with an error of its own (4xx)."""

    def __init__(self, source: str, *, path: str, status: int, said: str) -> None:
        super().__init__(source, path=path, problem=f"HTTP {status}: {said}")
        self.args = (f"{source} refused the request on {path} (HTTP {status}): {said}",)
        self.status, self.said = status, said


class NotAskedError(SourceUnreachableError):
    """No connection was made, so that the marketplace was not asked at all."""


class GarbledAnswerError(SourceProtocolError):
    """An answer with a good status is not the JSON it should be; proxies do that for a moment."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer that could be read."""

    value: T
    raw: RawAnswer
    marketplace_now: datetime
    """The Date header, UTC; our clock where there is none."""
    dated: bool = True
    """There is a Date header."""


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    detail: str | None = None
    title: str | None = None
    errorText: str | None = None  # noqa: N815 - Wildberries' name


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, however often it is tried."""

    method: str
    path: str
    content: bytes | None
    query: str

    @property
    def pattern(self) -> str:
        """The path with NUMBER for what it names in it: limits and metrics are of methods, not of what is asked for."""
        return _NUMBERED.sub(f"/{NUMBER}", self.path)


class ApiClient:
    """Talks to one marketplace for one account. Not thread-safe: one request at a time."""

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        limiter: Limiter,
        tools: SourceTools,
        verdict: Callable[[str], Verdict] = lambda said: Verdict.BY_STATUS,
        patience: Patience | None = None,
    ) -> None:
        self._source, self._limiter, self._tools, self._verdict = source, limiter, tools, verdict
        self._patience = patience or Patience()
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SCRUBBED)
        self._client = httpx2.Client(
            base_url=checked_url(source, base_url),
            headers={"Accept": "application/json", "User-Agent": "micore", **headers},
            timeout=httpx2.Timeout(
                connect=self._patience.connect_seconds, read=self._patience.read_seconds, write=30.0, pool=5.0
            ),
            limits=httpx2.Limits(max_connections=2, max_keepalive_connections=2, keepalive_expiry=30.0),
            # Loading the certificates takes 60 ms.
            verify=urlsplit(base_url).scheme == "https",
            # A proxy from the environment is for the world outside, not for a simulator on this machine.
            trust_env=urlsplit(base_url).hostname not in LOOPBACK,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def post(
        self,
        path: str,
        payload: object,
        read: Callable[[bytes], T],
        *,
        query: Mapping[str, str | int] | None = None,
        no_content: bytes | None = None,
        once: bool = False,
    ) -> Answer[T]:
        """Send `payload` as JSON, None as no body, and read the answer.

        `read` raises msgspec.DecodeError for what it cannot read. `no_content` is what to read in place of an answer
        204; without it a 204 is garbled. `once`: what is asked for is an order, of which a second one is a loss. It is
        tried again only where it surely was not taken: after a 429, and where no connection was made.

        Raises SourceAuthError, SourceGoneError, RequestRefusedError, SourceProtocolError, StopRequestedError at once;
        SourceBusyError, SourceUnreachableError and GarbledAnswerError when the tries of `Patience` are used up. With
        `once`, OutcomeUnknownError at once, in place of all of these that leave open whether the order was taken.
        """
        content = None if payload is None else msgspec.json.encode(payload)
        question = _Question("POST", path, content, urlencode(query or {}))
        return self._order(question, read) if once else self._ask(question, read, no_content)

    def get(
        self,
        path: str,
        query: Mapping[str, str | int],
        read: Callable[[bytes], T],
        *,
        no_content: bytes | None = None,
        once: bool = False,
    ) -> Answer[T]:
        """Ask with a query, which may be empty; else as `post`."""
        question = _Question("GET", path, None, urlencode(query))
        return self._order(question, read) if once else self._ask(question, read, no_content)

    def _order(self, question: _Question, read: Callable[[bytes], T]) -> Answer[T]:
        try:
            return self._ask(question, read, None, once=True)
        except (NotAskedError, RequestRefusedError):
            raise
        except (SourceUnreachableError, SourceProtocolError) as error:
            raise OutcomeUnknownError(self._source, path=question.path, problem=error.problem) from None

    def _ask(
        self, question: _Question, read: Callable[[bytes], T], no_content: bytes | None, *, once: bool = False
    ) -> Answer[T]:
        def attempt() -> Answer[T]:
            return self._attempt(question, read, no_content)

        again = _TryAgain(self._source, question.path, self._patience, self._tools, once=once)
        return stamina.RetryingCaller(attempts=None, timeout=None)(again, attempt)

    def _attempt(self, question: _Question, read: Callable[[bytes], T], no_content: bytes | None) -> Answer[T]:
        path = question.path
        with self._limiter.slot(question.pattern):
            started, status = self._tools.monotonic(), 0
            try:
                response, body = self._exchange(question)
                status = response.status_code
            except (httpx2.TransportError, httpx2.DecodingError, httpx2.StreamError) as error:
                # Without its cause: that carries the request, and the request carries the key.
                kind = NotAskedError if isinstance(error, _NOT_ASKED) else SourceUnreachableError
                problem = self._scrub(f"{type(error).__name__}: {error}")[:200]
                raise kind(self._source, path=path, problem=problem) from None
            finally:
                seconds = self._tools.monotonic() - started
                self._tools.on_request(self._source, f"{question.method} {question.pattern}", status, seconds)
        received_at = self._tools.now()
        told_at = date_of(response.headers)
        now = told_at or received_at
        if httpx2.codes.BAD_REQUEST <= status < httpx2.codes.INTERNAL_SERVER_ERROR:
            self._limiter.refused(question.pattern)
        empty = status == httpx2.codes.NO_CONTENT and no_content is not None
        if status != 200 and not empty:
            raise self._error(path, status, body, response.headers, now)
        body = self._scrub_bytes(body)
        try:
            with reading(now):
                value = read(no_content if empty and no_content is not None else body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problem = "HTML instead of JSON" if body.lstrip()[:1] == b"<" else f"{error} ({len(body)} bytes)"
            raise GarbledAnswerError(self._source, path=path, problem=problem) from None
        asked = self._scrub(" ".join(filter(None, (question.query, (question.content or b"").decode()))))
        raw = RawAnswer(body, f"{question.method} {path}", asked, received_at, self._scrub(notice_of(response.headers)))
        return Answer(value, raw, now, dated=told_at is not None)

    def _exchange(self, question: _Question) -> tuple[httpx2.Response, bytes]:
        """One request and its whole answer, within the limits of time and size."""
        deadline = self._tools.monotonic() + self._patience.attempt_seconds
        chunks: list[bytes] = []
        size = 0
        headers = {} if question.content is None else {"Content-Type": "application/json"}
        url = f"{question.path}?{question.query}" if question.query else question.path
        with self._client.stream(question.method, url, content=question.content, headers=headers) as response:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > self._patience.body_bytes:
                    raise SourceProtocolError(
                        self._source, path=question.path, problem=f"more than {self._patience.body_bytes} bytes"
                    )
                if self._tools.monotonic() > deadline:
                    late = f"no whole answer in {self._patience.attempt_seconds:g} s"
                    raise SourceUnreachableError(self._source, path=question.path, problem=late)
        return response, b"".join(chunks)

    def _error(self, path: str, status: int, body: bytes, headers: httpx2.Headers, now: datetime) -> MicoreError:
        """The error behind an answer whose status is not 200."""
        # Cut only then: of a key that the cut goes through, the rest would not be recognised.
        said = self._scrub(message_of(body))[:MESSAGE_LETTERS]
        verdict = self._verdict(said)
        if verdict is Verdict.BUSY or (verdict is Verdict.BY_STATUS and status == httpx2.codes.TOO_MANY_REQUESTS):
            return SourceBusyError(self._source, path=path, retry_after_seconds=retry_after_seconds(headers, now))
        if verdict is Verdict.AUTH or status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            return SourceAuthError(self._source, status=status, said=said, path=path)
        if status == httpx2.codes.NOT_FOUND:
            return SourceGoneError(self._source, path=path)
        if status >= httpx2.codes.INTERNAL_SERVER_ERROR or status == httpx2.codes.REQUEST_TIMEOUT:
            return SourceUnreachableError(self._source, path=path, problem=f"HTTP {status}")
        if status < httpx2.codes.BAD_REQUEST:
            return GarbledAnswerError(self._source, path=path, problem=f"HTTP {status} instead of 200")
        return RequestRefusedError(self._source, path=path, status=status, said=said)

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _scrub_bytes(self, body: bytes) -> bytes:
        for secret in self._secrets:
            if secret.encode() in body:
                body = body.replace(secret.encode(), b"***")
        return body


class _TryAgain:
    """Decides after each failure whether to try again, and waits itself: the 0 s it answers are what stamina adds."""

    def __init__(self, source: str, path: str, patience: Patience, tools: SourceTools, *, once: bool) -> None:
        self._source, self._path, self._patience, self._tools = source, path, patience, tools
        self._once = once
        self._started = tools.monotonic()
        self._busy_seconds = 0.0
        self._failed: dict[type[Exception], int] = {}

    def __call__(self, error: Exception) -> bool | float:
        if self._once and not isinstance(error, (SourceBusyError, NotAskedError)):
            return False
        for kind, tries in (
            (SourceBusyError, None),
            (SourceUnreachableError, self._patience.unreachable_tries),
            (GarbledAnswerError, self._patience.garbled_tries),
        ):
            if isinstance(error, kind):
                failed = self._failed[kind] = self._failed.get(kind, 0) + 1
                return (tries is None or failed < tries) and self._wait(error, failed)
        return False

    def _wait(self, error: Exception, failed: int) -> bool | float:
        if isinstance(error, SourceBusyError):
            seconds = self._busy_wait(error, failed)
            self._busy_seconds += seconds
            if self._busy_seconds > self._patience.busy_seconds:
                return False
            self._tools.on_throttled(self._source, seconds)
        else:
            seconds = random.uniform(0, self._longest(failed, self._patience.longest_wait_seconds))  # noqa: S311
            if self._tools.monotonic() - self._started - self._busy_seconds + seconds > self._patience.total_seconds:
                return False
        _log.info("source_retry", source=self._source, path=self._path, wait_seconds=round(seconds, 2), why=str(error))
        self._tools.sleep(seconds)
        return 0.0

    def _busy_wait(self, error: SourceBusyError, failed: int) -> float:
        """Asked to wait, we wait that long and a little more, never less. Not asked, we look again now and then, but
        less than ten times a minute: who does not heed refusals is shut out."""
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds + random.uniform(0, self._patience.first_wait_seconds)  # noqa: S311
        return self._longest(failed, self._patience.longest_busy_wait_seconds) * random.uniform(0.75, 1.25)  # noqa: S311

    def _longest(self, failed: int, most_seconds: float) -> float:
        """Doubles with each failure."""
        return min(most_seconds, self._patience.first_wait_seconds * 2.0 ** min(failed - 1, 30))


def checked_url(source: str, base_url: str) -> str:
    """The address without a trailing slash; raises SettingsError unless it is http(s) and free of credentials."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        shown = "an address with credentials" if parts.username else repr(base_url[:100])
        raise SettingsError(f"MICORE_{source.upper()}_BASE_URL", received=shown, allowed="http(s)://host[:port][/path]")
    return base_url.rstrip("/")


def date_of(headers: httpx2.Headers) -> datetime | None:
    """The marketplace's clock, UTC."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def notice_of(headers: httpx2.Headers) -> str:
    """What an answer says of the end of its method (RFC 9745, RFC 8594); empty where it says nothing."""
    told = [f"{name}: {value[:80]}" for name in ("deprecation", "sunset") if (value := headers.get(name, "").strip())]
    return ", ".join(told)


def retry_after_seconds(headers: httpx2.Headers, now: datetime) -> float | None:
    """How long the marketplace asks us to wait: Retry-After (seconds or a date) or Wildberries' own headers.

    X-Ratelimit-Reset is when its bucket is full again: longer than needed, but never too short.
    """
    for name in ("retry-after", "x-ratelimit-retry", "x-ratelimit-reset"):
        text = headers.get(name, "").strip()
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, (parsedate_to_datetime(text).astimezone(UTC) - now).total_seconds())
        except ValueError:
            continue
    return None


def message_of(body: bytes) -> str:
    """What an error answer says, in one line."""
    try:
        error = msgspec.json.decode(body, type=_ErrorBody)
    except msgspec.DecodeError:
        return "no readable message"
    return " ".join((error.message or error.detail or error.title or error.errorText or "no message").split())
