"""Answers that are no JSON in one place: made readable without moving a byte, so that the rows around it load."""

from __future__ import annotations

import re

import msgspec

NUL = rb"\u0000"
"""How JSON writes the character that PostgreSQL cannot store."""
DEEPEST = 100
"""Levels; no answer of a marketplace has twenty."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{}:,"]+', re.DOTALL)
_UNUSUAL = re.compile(rb"[\x00-\x1f\\]")
_SCALAR = re.compile(rb"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


def mended(body: bytes) -> bytes:
    """The body, as long as before, with question marks for each text and number that JSON does not know, and blanks
    for what is nested too deep. What misses a bracket or a quote stays as it is."""
    text = bytearray(body)
    depth = 0
    for found in _TOKEN.finditer(body):
        token, start, end = found[0], found.start(), found.end()
        first = token[:1]
        if first in (b"[", b"{"):
            depth += 1
            if depth == DEEPEST + 1:
                blank_from = end
        elif first in (b"]", b"}"):
            if depth == DEEPEST + 1:
                text[blank_from:start] = b" " * (start - blank_from)
            depth -= 1
        elif first == b'"':
            if _UNUSUAL.search(token) and not _is_text(token):
                text[start:end] = b'"' + b"?" * (end - start - 2) + b'"'
        elif not _SCALAR.fullmatch(token):
            text[start:end] = b'"' + b"?" * (end - start - 2) + b'"' if end - start > 1 else b"0"
    return bytes(text)


def _is_text(token: bytes) -> bool:
    try:
        msgspec.json.decode(token)
    except msgspec.DecodeError:
        return False
    except UnicodeDecodeError:
        pass
    return True
