"""What testing a key tells. Conventions as in views.py; never the key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class KeyField:
    """One thing that makes a key."""

    __pydantic_config__ = _DOCS

    name: str
    """"api_key"."""
    help: str
    secret: bool
    variable: str
    """The setting of the marketplace's next account that has no key: "MICORE_OZON_2_API_KEY"."""


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A marketplace and what its keys are made of."""

    __pydantic_config__ = _DOCS

    source: str
    title: str
    fields: list[KeyField]
    slots: list[str]
    """Accounts of it that have a key: "ozon", "ozon-2"."""
    testable: bool
    """Its plug-in can tell what a key is."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a key means for one stream."""

    __pydantic_config__ = _DOCS

    stream: str
    missing: list[str]
    """Rights it lacks, in the marketplace's words; empty: it can be read."""
    requests: int | None
    """Of its first reading; None: not reckoned."""
    seconds: float | None
    """How long that takes at the published limits; None: not reckoned."""
    reason: str | None
    """What the figures are made of."""


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What a test of a key found; nothing of it is stored."""

    __pydantic_config__ = _DOCS

    source: str
    title: str
    accepted: bool | None
    """The marketplace takes it; False: it refuses the key. None: it did not get as far as telling."""
    problem: str | None
    """Why it does not take it, or could not be asked, or why no estimate could be made."""
    remedy: str | None
    kind: str | None
    """In the marketplace's words."""
    account: str | None
    account_id: str | None
    """The marketplace's own number of the account."""
    read_by: str | None
    """The slot that reads this account already: "ozon"; None: it is a new one."""
    rights: list[str]
    read_only: bool | None
    sandbox: bool | None
    slow: bool
    """Keys of this kind may ask far less often than the estimate takes for granted."""
    expires_at: datetime | None
    days_left: int | None
    streams: list[StreamFacts]
    products: int | None
    seconds: float | None
    """Of the whole first sync: the streams, one after the other."""
    requests_made: int
    """What the test itself asked."""
