"""What is asked by a request's headers, and cached answers made ready for it: in a coding, with all their headers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from micore.api.guard import DATA_HEADERS, Headers
from micore.cache import SMALLEST_COMPRESSED_BYTES, Answer

FRESH: Headers = [(b"cache-control", b"private, no-cache"), *DATA_HEADERS]


@dataclass(slots=True)
class Asked:
    """The request headers that matter here; empty where one is missing."""

    host: bytes = b""
    origin: bytes = b""
    if_none_match: bytes = b""
    accept_encoding: bytes = b""
    length: bytes = b""


def asked_of(headers: Headers) -> Asked:
    """Find them in an ASGI request's headers, whose names are lower case."""
    asked = Asked()
    for name, value in headers:
        if name == b"host":
            # Two hosts are one too many; joined they match nothing.
            asked.host = value if not asked.host else asked.host + b"," + value
        elif name == b"origin":
            asked.origin = value or b"null"
        elif name == b"if-none-match":
            asked.if_none_match = value
        elif name == b"accept-encoding":
            asked.accept_encoding = value
        elif name == b"content-length":
            asked.length = value
    return asked


@lru_cache(maxsize=256)
def coding_for(accept_encoding: bytes) -> str:
    """The best content coding a client takes: "zstd", "gzip" or "" for none. Quality 0 is a refusal."""
    if not accept_encoding:
        return ""
    taken = set()
    for each in accept_encoding.lower().split(b","):
        name, _, quality = each.strip().partition(b";")
        if quality.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}:
            taken.add(name.strip())
    return "zstd" if b"zstd" in taken else "gzip" if b"gzip" in taken else ""


@dataclass(slots=True)
class Prepared:
    """An answer in one content coding, with all headers that do not change."""

    etag: bytes
    headers: Headers
    headers_304: Headers
    body: bytes
    lines: bytes
    """The same headers as they go over the wire."""
    lines_304: bytes


def prepared_for(answer: Answer, asked: Asked, headers: Headers = FRESH) -> Prepared:
    """The answer in the coding that is asked for; made once and kept with it."""
    coding = coding_for(asked.accept_encoding) if len(answer.body) >= SMALLEST_COMPRESSED_BYTES else ""
    found: Prepared | None = answer.prepared.get(coding)
    if found is None:
        found = answer.prepared[coding] = _prepare(answer, coding, headers)
    return found


def _prepare(answer: Answer, coding: str, headers: Headers) -> Prepared:
    # Each coding is a representation of its own and so has its own strong ETag.
    etag = (answer.etag if not coding else f'{answer.etag[:-1]}-{coding}"').encode()
    body = answer.coded(coding)
    shared: Headers = [(b"etag", etag), (b"vary", b"accept-encoding"), *headers]
    full = [*shared, (b"content-type", answer.content_type.encode()), (b"content-length", str(len(body)).encode())]
    if coding:
        full.append((b"content-encoding", coding.encode()))
    return Prepared(etag, full, shared, body, _lines(full), _lines(shared))


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)


def names(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the client holds the representation with this ETag already."""
    if if_none_match == etag:
        return True
    return any(each.strip().removeprefix(b"W/") in (etag, b"*") for each in if_none_match.split(b","))
