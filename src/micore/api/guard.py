"""Who may talk to us and what every answer says: Host and Origin checks, security headers, request ids.

There are no accounts yet, so the browser is the danger: another site's page must not reach this server through it,
neither by its own origin nor by a name that it points at 127.0.0.1.
"""

from __future__ import annotations

import itertools
import secrets
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_REMEMBERED = 200

Headers = list[tuple[bytes, bytes]]

DATA_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
"""On every answer that is no page."""

_PAGE_POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
PAGE_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"content-security-policy", _PAGE_POLICY),
]
"""On the web app's pages and files."""


class Guard:
    """Decides by a request's Host and Origin headers; remembers what it has allowed."""

    def __init__(self) -> None:
        self._allowed: set[tuple[bytes, bytes]] = set()

    def refusal(self, host: bytes, origin: bytes) -> str | None:
        """Why a request is refused; None when it is welcome. `origin` is empty where the header is missing."""
        if (host, origin) in self._allowed:
            return None
        if not _is_loopback(host.decode("latin-1")):
            return f"Host: received {_shown(host)}; allowed: 127.0.0.1, localhost or [::1], with any port."
        if origin and not _is_loopback_origin(origin.decode("latin-1")):
            return f"Origin: received {_shown(origin)}; allowed: pages of 127.0.0.1, localhost or [::1]."
        if len(self._allowed) < _REMEMBERED:
            self._allowed.add((host, origin))
        return None


class RequestIds:
    """Short ids, unique in a process and most likely in the world: a random start and a count."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(4)
        self._count = itertools.count(1)

    def next(self) -> str:
        """A new id."""
        return f"{self._start}-{next(self._count):x}"


def _is_loopback(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, ""
    elif not (port.isascii() and port.isdigit()):
        return False
    return name.lower() in LOOPBACK_NAMES


def _is_loopback_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in {"http", "https"} and plain and _is_loopback(parts.netloc)


def _shown(received: bytes) -> str:
    return repr(received.decode("latin-1"))[:80]
