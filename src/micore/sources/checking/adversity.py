"""Checks of what a source does in trouble, against a server on this machine: nobody else is asked, no time passes.

Only for sources that take an address (`base_url`). The key they are given here is made up wherever they take such a
one, and the server tells it back: it must turn up nowhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from micore.errors import (
    MicoreError,
    SettingsError,
    SourceAuthError,
    SourceBusyError,
    SourceUnreachableError,
    StopRequestedError,
)
from micore.sources.base import Source, SourceTools, Stream
from micore.sources.checking.check import NotTriedError
from micore.sources.checking.server import Asked, Says, serving
from micore.sources.checking.trial import BASE_URL, Trial, told

CANARY = "canary-0b7e44d2-4c1f-key"
NOBODY = "http://127.0.0.1:1"
LONGEST_SECONDS = 300
"""A call that fails ends within so many seconds of its own clock."""
LONGEST_BUSY_SECONDS = 1500
"""One that is told to wait may wait longer: marketplaces refuse everybody for ten minutes at a time."""
LONGEST_REAL_SECONDS = 20
MOST_PAGES = 50
"""Of nonsense that a source takes for an answer."""
READING_METHODS = ("GET", "POST", "HEAD")


@dataclass
class Pretence:
    """Tools whose waits cost nothing; they count what the source tells."""

    seconds: float = 1000.0
    waits: list[float] = field(default_factory=list)
    requests: int = 0

    def tools(self) -> SourceTools:
        """For one source object or several."""
        return SourceTools(
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds),
            monotonic=self.monotonic,
            sleep=self.sleep,
            on_request=lambda source, endpoint, status, seconds: self._count(),
        )

    def monotonic(self) -> float:
        """As time.monotonic."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Pass the time without waiting."""
        self.waits.append(seconds)
        self.seconds += seconds

    def _count(self) -> None:
        self.requests += 1


def trouble(trial: Trial, stream: Stream | None, says: Says) -> tuple[Exception | None, Pretence, list[Asked]]:
    """What comes of reading a stream (None: of asking who we are) where every request is answered like this."""
    _needs_an_address(trial)
    pretence = Pretence()
    with serving(lambda asked: _echoing(says, asked)) as server:
        error = _attempt(trial, stream, server.url, pretence.tools())
        return error, pretence, list(server.asked)


def wants_reachable(trial: Trial, stream: Stream) -> Iterator[str]:
    _needs_an_address(trial)
    started, pretence = time.monotonic(), Pretence()
    error = _attempt(trial, stream, NOBODY, pretence.tools())
    yield from _expected(error, SourceUnreachableError, "nobody listens")
    if time.monotonic() - started > LONGEST_REAL_SECONDS:
        yield f"{time.monotonic() - started:.0f} s passed without `tools.sleep`"
    broken, pretence, _ = trouble(trial, stream, Says({}, 503))
    yield from _expected(broken, SourceUnreachableError, "every answer is HTTP 503")
    yield from _in_time(pretence)


def waits_when_busy(trial: Trial, stream: Stream) -> Iterator[str]:
    error, pretence, asked = trouble(trial, stream, Says({}, 429, {"Retry-After": "7"}))
    yield from _expected(error, SourceBusyError, "every answer is HTTP 429")
    yield from _in_time(pretence, LONGEST_BUSY_SECONDS)
    if len(asked) > 1 and sum(pretence.waits) < 7 * (len(asked) - 1):
        yield f"asked {len(asked)} times within {sum(pretence.waits):.1f} s, the answers said: wait 7 s"


def stops_at_a_refused_key(trial: Trial, stream: Stream) -> Iterator[str]:
    for asking, status in ((None, 401), (stream, 401), (stream, 403)):
        error, pretence, asked = trouble(trial, asking, Says({"message": "no"}, status))
        yield from _expected(error, SourceAuthError, f"every answer is HTTP {status}")
        if len(asked) > 2 or any(seconds > 1 for seconds in pretence.waits):
            yield f"a refused key was tried {len(asked)} times; some marketplaces ban for that"


def survives_nonsense(trial: Trial, stream: Stream) -> Iterator[str]:
    for what, says in {
        "HTML with status 200": Says(b"<html>One moment</html>"),
        "a body that is cut": Says(b'{"cut": "here', cut_after=6),
        "an empty body": Says(b""),
        "JSON of another form": Says({"unexpected": True}),
        "HTTP 418": Says({"message": "teapot"}, 418),
        "HTTP 404": Says({"message": "gone"}, 404),
    }.items():
        error, pretence, _ = trouble(trial, stream, says)
        if error is None:
            yield f"{what} is read as if it were an answer"
        elif not isinstance(error, MicoreError):
            yield f"{what}: {told(error)}"
        yield from _in_time(pretence)


def keeps_its_key(trial: Trial, stream: Stream) -> Iterator[str]:
    if not any(option.secret for option in trial.plugin.options):
        raise NotTriedError("it has no secret options")
    with _listening() as logged:
        for status in (401, 404, 418, 429, 503):
            error, _, asked = trouble(trial, stream, Says(None, status))
            if error is not None and _tells(trial, f"{error} {error.args} {vars(error)} {error.__cause__}"):
                yield f"HTTP {status} that tells the key back: it stands in the {type(error).__name__}"
            if any(_tells(trial, each.path) for each in asked):
                yield "the key stands in the address of a request, where every proxy writes it down"
    if _tells(trial, " ".join(logged)):
        yield "the key stands in the log"


def can_be_stopped(trial: Trial, stream: Stream) -> Iterator[str]:
    _needs_an_address(trial)

    def stop(seconds: float) -> None:
        raise StopRequestedError(f"stop instead of waiting {seconds:g} s")

    with serving(lambda asked: Says({}, 503)) as server:
        error = _attempt(trial, stream, server.url, replace(Pretence().tools(), sleep=stop))
    yield from _expected(error, StopRequestedError, "the program ends while the source waits")


def tells_of_its_requests(trial: Trial, stream: Stream) -> Iterator[str]:
    _, pretence, asked = trouble(trial, stream, Says({}, 418))
    if pretence.requests != len(asked):
        yield f"{len(asked)} requests were made and `tools.on_request` was told of {pretence.requests}"
    if writing := sorted({each.method for each in asked} - set(READING_METHODS)):
        yield f"it sends {', '.join(writing)}; a source only reads"


def _attempt(trial: Trial, stream: Stream | None, address: str, tools: SourceTools) -> Exception | None:
    try:
        with _opened(trial, address, tools) as source:
            if stream is None:
                source.account()
            else:
                for _ in islice(source.read(stream.name, None), MOST_PAGES):
                    pass
    except Exception as error:  # noqa: BLE001 - whatever a plug-in does wrong is what is looked for
        return error
    return None


@contextmanager
def _opened(trial: Trial, address: str, tools: SourceTools) -> Iterator[Source]:
    made_up = {option.name: CANARY for option in trial.plugin.options if option.secret}
    try:
        with trial.opened(tools, **{BASE_URL: address}, **made_up):
            pass
    except SettingsError:
        made_up = {}  # its keys have a form of their own
    with trial.opened(tools, **{BASE_URL: address}, **made_up) as source:
        yield source


def _echoing(says: Says, asked: Asked) -> Says:
    """The answer; without a body of its own it tells back what came with the request."""
    if says.body is not None:
        return says
    return Says({"message": f"what a key: {' '.join(asked.headers.values())}"}, says.status, says.headers)


def _needs_an_address(trial: Trial) -> None:
    if not trial.takes_an_address:
        raise NotTriedError(f"it has no option {BASE_URL}, so it cannot be sent to a server of ours")


def _expected(error: Exception | None, kind: type[MicoreError], when: str) -> Iterator[str]:
    if not isinstance(error, kind):
        was = "nothing is raised" if error is None else told(error)
        yield f"{when}: {was}; allowed: {kind.__name__}"


def _in_time(pretence: Pretence, most_seconds: int = LONGEST_SECONDS) -> Iterator[str]:
    if sum(pretence.waits) > 2 * most_seconds:
        yield f"it waits {sum(pretence.waits):.0f} s before it gives up; allowed: {most_seconds} s a call"


def _tells(trial: Trial, text: str) -> bool:
    return any(secret in text for secret in (CANARY, *trial.secrets))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Everything that is logged by the standard library's logging meanwhile."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    root.handlers = [Ear(logging.DEBUG)]
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.handlers = handlers
        root.setLevel(level)
