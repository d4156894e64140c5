"""Log lines: one event each, UTC, for people on a terminal and as JSON otherwise; secrets never.

Lines go to standard error, where systemd, a container or a shell takes them.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Protocol

import structlog

MASK = "***"
SHORTEST_SECRET = 6
"""Shorter values would mask ordinary words."""

_SECRET_NAMES = re.compile(r"(api[-_]?key|token|secret|password|authorization)", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]+@")
_secrets: set[str] = set()

EventDict = MutableMapping[str, Any]


class LogSettings(Protocol):
    """What of the settings matters here."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_format(self) -> str: ...


def set_up_logs(settings: LogSettings, *, quiet: bool = False) -> None:
    """Send the log lines of micore and of its libraries to standard error.

    `quiet` is for commands that draw on the terminal themselves: there only warnings and errors are logged.
    """
    level = logging.getLevelNamesMapping()[str(settings.log_level).upper()]
    if quiet and sys.stderr.isatty():
        level = max(level, logging.WARNING)
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A plain traceback: the rich one prints every local variable, keys among them.
    traceback = structlog.processors.format_exc_info
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, traceback, redact, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                traceback,
                redact,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def hide(values: Iterable[str]) -> None:
    """Mask these texts wherever they turn up in a log line."""
    _secrets.update(value for value in values if len(value) >= SHORTEST_SECRET)


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask by name (api_key=...), by form (a password in a URL) and by value (what `hide` was told)."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name) and value not in (None, ""):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = redacted(value)
    return event


def redacted(text: str) -> str:
    """A text without the secrets in it."""
    for secret in _secrets:
        text = text.replace(secret, MASK)
    return _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
