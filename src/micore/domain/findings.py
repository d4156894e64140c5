"""What a run has to say beside its rows: findings, each of one stream, in words and in figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

_DOCS = {"use_attribute_docstrings": True}


class FindingKind(StrEnum):
    """What was found."""

    TOO_FEW_ROWS = "too_few_rows"
    """A day or a reading with fewer rows than its own history lets expect; it is held."""
    UNKNOWN_SKUS = "unknown_skus"
    """Rows name skus that the catalogue does not hold."""
    NEW_FIELD = "new_field"
    """An answer has a field that it never had."""
    VANISHED_FIELD = "vanished_field"
    """An answer lacks a field that it always had."""
    CHANGED_TYPE = "changed_type"
    """A field holds another kind of value than ever before."""
    NEW_VALUE = "new_value"
    """A field that knew only a few words holds another one."""
    RETIRING = "retiring"
    """The marketplace will switch a method off that this stream reads."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know of a stream in a run."""

    __pydantic_config__ = _DOCS

    kind: FindingKind
    message: str
    """In English, a whole sentence."""
    facts: dict[str, str] = field(default_factory=dict)
    """The sentence's parts by name, for other languages: rows, low, high, day, field, endpoint, count, examples."""
