"""The shape of answers: which fields they have, of which types, and what has changed since they were last seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from micore.domain.findings import Finding, FindingKind

MOST_WORDS = 12
"""Of one field; one with more is free text."""
MOST_FIELDS = 400
"""Of one answer; what has more is a map whose keys are data."""
KNOWN_WELL = 50
"""Objects; a field that all of so many had is always there."""
KNOWN_WORDS = 200
"""Texts; a word that none of so many was is new."""
LOOKED_ENOUGH = 10

_WORD = re.compile(r"[A-Za-z][A-Za-z_]{1,39}")
_TYPES = {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "object", type(None): "null"}


@dataclass(slots=True)
class FieldShape:
    """One field, as it has been seen."""

    types: set[str] = field(default_factory=set)
    words: set[str] | None = field(default_factory=set)
    """All texts that it held; None: too many to be a set of words."""
    looked: int = 0
    """Objects that could have held it."""
    present: int = 0
    """Objects that did."""


Shape = dict[str, FieldShape]
"""By path: "items[].sku"."""


def observe(answer: Any) -> Shape:
    """The shape of one answer."""
    shape: Shape = {}
    objects: dict[str, int] = {}
    for path, each in _objects(answer, ""):
        objects[path] = objects.get(path, 0) + 1
        for name, value in each.items():
            at = f"{path}.{name}" if path else name
            if at not in shape and len(shape) >= MOST_FIELDS:
                continue
            found = shape.setdefault(at, FieldShape())
            found.present += 1
            found.types.add(_TYPES[type(value)])
            if isinstance(value, str):
                _add_words(found, {value})
    for at, found in shape.items():
        found.looked = objects[parent(at)]
    return shape


def _objects(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from _objects(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner, f"{path}[]")


def parent(path: str) -> str:
    """The object that holds a field; "" is the answer itself."""
    return path.rpartition(".")[0] if "." in path else ""


def _add_words(known: FieldShape, words: set[str]) -> None:
    if known.words is None:
        return
    known.words |= words
    if len(known.words) > MOST_WORDS or not all(_WORD.fullmatch(each) for each in words):
        known.words = None


def merge(known: Shape, seen: Shape) -> Shape:
    """What is known after another answer; the shapes themselves stay as they are."""
    merged: Shape = {}
    objects = {parent(path): each.looked for path, each in seen.items()}
    for path in known.keys() | seen.keys():
        old, new = known.get(path, FieldShape()), seen.get(path, FieldShape())
        # Where the object was seen and the field was not, it was looked for as well.
        both = FieldShape(
            old.types | new.types,
            None if old.words is None else set(old.words),
            old.looked + objects.get(parent(path), 0),
            old.present + new.present,
        )
        if new.words is None:
            both.words = None
        elif new.words:
            _add_words(both, new.words)
        merged[path] = both
    return merged


def drift(endpoint: str, known: Shape, seen: Shape) -> list[Finding]:
    """What an answer has that those before never had, and what it lacks; nothing where little is known yet."""
    objects_known: dict[str, int] = {}
    for path, each in known.items():
        objects_known[parent(path)] = max(objects_known.get(parent(path), 0), each.looked)
    objects_seen = {parent(path): each.looked for path, each in seen.items()}
    found: list[Finding] = []
    for path, now in seen.items():
        old = known.get(path)
        if old is None:
            # Inside of an object that was never seen, everything is new: the object is what to tell.
            if objects_known.get(parent(path), 0) >= KNOWN_WELL:
                found.append(_finding(FindingKind.NEW_FIELD, endpoint, path, now=_said(now.types)))
        elif old.looked >= KNOWN_WELL:
            found += _changes(endpoint, path, old, now)
    for path, old in known.items():
        looked = objects_seen.get(parent(path), 0)
        if path not in seen and looked >= LOOKED_ENOUGH and old.looked >= KNOWN_WELL and old.present == old.looked:
            found.append(_finding(FindingKind.VANISHED_FIELD, endpoint, path, before=_said(old.types)))
    return found


def _changes(endpoint: str, path: str, old: FieldShape, now: FieldShape) -> list[Finding]:
    before = old.types - {"null"}
    fresh = now.types - {"null"} - before
    if fresh and before:
        return [_finding(FindingKind.CHANGED_TYPE, endpoint, path, before=_said(before), now=_said(fresh))]
    if old.words and now.words and old.present >= KNOWN_WORDS:
        words = sorted(now.words - old.words)
        return [_finding(FindingKind.NEW_VALUE, endpoint, path, now=each) for each in words]
    return []


def _said(types: set[str]) -> str:
    return ", ".join(sorted(types))


_SENTENCES = {
    FindingKind.NEW_FIELD: "{endpoint} has a new field {field} ({now}); nothing is read from it.",
    FindingKind.VANISHED_FIELD: "{endpoint} no longer has the field {field} ({before}), which was always there.",
    FindingKind.CHANGED_TYPE: "{endpoint}: the field {field} was always {before} and now holds {now}.",
    FindingKind.NEW_VALUE: '{endpoint}: the field {field} holds a new word, "{now}".',
}


def _finding(kind: FindingKind, endpoint: str, path: str, **facts: str) -> Finding:
    told = {"endpoint": endpoint, "field": path, **facts}
    return Finding(kind, _SENTENCES[kind].format(**told), told)
