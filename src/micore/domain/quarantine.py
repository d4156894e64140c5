"""Rows that could not be believed: which rule they broke, what names them, how they are shown. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    PlaceRecord,
    PriceRecord,
    Record,
    ReturnRecord,
    SaleRecord,
    StorageCostRecord,
    SupplyRecord,
)

_DOCS = {"use_attribute_docstrings": True}

_RECEIVED = re.compile(r": received .*?; allowed: ", re.DOTALL)
_ALLOWED = ": allowed: "
_LONG_NUMBER = re.compile(r"(?<![\w.])\d{5,}(?![\w])")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?![\w])")
_PATH = re.compile(r"`(\$[^`]*)`")
_FIELD = re.compile(r"^([\w.\[\]]+): ")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_WHERE = re.compile(r"^.{1,300}?, line \d+(?: of \d+ to \d+)?: ", re.DOTALL)
"""In which line of which file a row stood."""
LONGEST_RULE = 300


class RowState(StrEnum):
    """Where a quarantined row stands."""

    WAITING = "waiting"
    LOADED = "loaded"
    DROPPED = "dropped"
    """A person said that it is not to be loaded."""
    SUPERSEDED = "superseded"
    """A later answer told the same anew, or a whole reading no longer tells it."""


def rule_of(reason: str) -> str:
    """A reason without what was received and where it stood: the same for all rows that broke the same rule."""
    told, also, allowed = _RECEIVED.sub(_ALLOWED, _WHERE.sub("", reason), count=1).partition(_ALLOWED)
    # Limits are part of the rule; a long number without commas names a card or the like.
    rule = _NUMBER.sub("#", _QUOTED.sub("'…'", told)) + also + _LONG_NUMBER.sub("#", allowed)
    return rule[:LONGEST_RULE]


def faulty_field(reason: str) -> str | None:
    """The field that a reason names, "products[0].quantity"; None where it names none."""
    reason = _WHERE.sub("", reason)
    path = _PATH.search(reason)
    missing = _MISSING.search(reason)
    if missing is not None:
        inside = path.group(1).lstrip("$").lstrip(".") if path and "$" in path.group(1) else ""
        return f"{inside}.{missing.group(1)}" if inside else missing.group(1)
    if path is not None:
        return path.group(1).lstrip("$").lstrip(".") or None
    named = _FIELD.match(reason)
    return named.group(1) if named else None


def keys_of(record: Record) -> tuple[str, ...]:
    """What the row of a record may have called itself in quarantine (RejectedRow.key); empty for stock, whose
    rejected rows are settled by the next whole reading."""
    match record:
        case OrderRecord():
            return (record.order_id,)
        case SaleRecord():
            # A booking with several lines is one row, and they are named after it.
            return record.sale_id, record.sale_id.partition(":")[0]
        case FinanceRecord():
            # So are the amounts of a booking, or of a row of a report.
            return record.finance_id, record.finance_id.partition(":")[0]
        case StorageCostRecord():
            return (record.cost_id,)
        case FunnelRecord():
            return (record.funnel_id,)
        case ReturnRecord():
            return (record.return_id,)
        case SupplyRecord():
            # A line of it, or all of its lines as one row.
            return f"{record.supply_id}:{record.sku_id}", record.supply_id
        case CatalogueRecord():
            return record.sku_id, record.listing_id
        case PriceRecord():
            return (record.listing_id,)
        case PlaceRecord():
            return (record.place_id,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """Waiting rows of one account and stream that broke the same rule."""

    __pydantic_config__ = _DOCS

    source: str
    """Plug-in name."""
    account_id: int
    account: str
    stream: str
    rule: str
    """The reason without what was received."""
    field: str | None
    """The field that it names; None where it names none."""
    rows: int
    first_at: datetime
    """When the first of them was received."""
    last_at: datetime
    tried: int
    """How many of them were tried again and did not fit."""
    fixed: int
    """How many of them a person has mended, and that wait for their replay."""
    asked: int
    """How many of them are asked to be tried again, and are not yet."""
    may_pass: bool
    """Each sync tries them again by itself: they name something that may become known."""
    replayable: bool
    """False: they tell no whole fact alone, like rows of a snapshot; the next reading settles them."""
    example_id: int


@dataclass(frozen=True, slots=True)
class StreamQuarantine:
    """How many rows of one account's stream are in which state."""

    __pydantic_config__ = _DOCS

    source: str
    account_id: int
    account: str
    stream: str
    waiting: int
    loaded: int
    dropped: int
    superseded: int


@dataclass(frozen=True, slots=True)
class QuarantineOverview:
    """What waits for a decision, most rows first, and how many rows each stream has."""

    __pydantic_config__ = _DOCS

    waiting: int
    groups: list[QuarantineGroup]
    """The 200 largest."""
    groups_total: int
    """How many groups there are."""
    streams: list[StreamQuarantine]


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """How many rows wait, of all accounts and streams."""

    __pydantic_config__ = _DOCS

    waiting: int


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """One row in quarantine, without its bytes."""

    __pydantic_config__ = _DOCS

    id: int
    source: str
    account: str
    stream: str
    state: RowState
    key: str
    """What the row names itself; empty where it has no name."""
    reason: str
    """As it was said last."""
    rule: str
    field: str | None
    run_id: int
    """The run that read it last."""
    received_at: datetime
    told_at: datetime
    """When the marketplace told it last, in the same bytes."""
    attempts: int
    tried_at: datetime | None
    resolved_at: datetime | None
    note: str | None
    """Why it was dropped or superseded."""
    may_pass: bool
    replayable: bool
    asked: bool
    """A try is asked for and has not been yet."""
    fixed_at: datetime | None
    fixed_by: str | None


@dataclass(frozen=True, slots=True)
class QuarantinedRowDetail:
    """One row with its bytes."""

    __pydantic_config__ = _DOCS

    row: QuarantinedRow
    received: str
    """The row as the marketplace sent it, byte for byte where it is UTF-8."""
    fixed: str | None
    """As a person mended it."""
    context: str
    """JSON: what the row stood in, as its source noted it; empty for none."""
    parser: str
    """Plug-in and version that tried it last."""
    raw_sha256: str | None
    """The stored answer that it came in."""
    endpoint: str | None


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A keyset page of rows, newest first."""

    __pydantic_config__ = _DOCS

    items: list[QuarantinedRow]
    total: int
    """Rows that match, on all pages."""
    next_cursor: str | None
