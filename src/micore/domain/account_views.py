"""Accounts as answers name them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class UnreadAccount:
    """An account that sums lack."""

    __pydantic_config__ = _DOCS

    source: str
    account: str
