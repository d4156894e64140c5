"""What a source is: the contract of the family, checked by tests/contracts/test_sources.py.

A source reads one account. It yields pages: the raw bytes, the records read from them, the rows that could not be
believed, and a cursor from which reading can go on after that page. It knows no database and keeps no state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from micore.domain.records import PlaceRecord, Record, RejectedRow, SkuHint


class StreamKind(StrEnum):
    """How the pages of a stream are loaded."""

    LISTING = "listing"
    """Each reading is whole; merged on natural keys; what a whole reading lacks is retired."""
    SNAPSHOT = "snapshot"
    """Each reading is whole per scope; staged, and published at once."""
    INCREMENTAL = "incremental"
    """Readings overlap; merged on natural keys; nothing is ever retired."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of facts a source can be read for."""

    name: str
    """"warehouses", "catalogue", "prices", "stock", "orders", "sales", "returns", "supplies", "finance",
    "storage_cost" or "funnel"; the dashboard's words for it are translated. A source that tells prices with its cards,
    or sales with its finances, has no stream for them."""
    kind: StreamKind
    alone: bool = True
    """A rejected row means something without the rest of its reading (see Source.reread). False where rows add up to
    one fact, or are told apart by their place among others: a later reading settles them. Never true of a snapshot."""

    @property
    def replayable(self) -> bool:
        """Whether its rejected rows can be tried again by themselves."""
        return self.alone and self.kind is not StreamKind.SNAPSHOT


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a plug-in, read from MICORE_<SOURCE>_<NAME>, <SOURCE>_<NAME>, or a file named by ..._FILE."""

    name: str
    help: str
    secret: bool = False
    required: bool = True
    default: str | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came, and the request that brought it."""

    body: bytes
    endpoint: str
    """Method and path, "POST /v3/product/list"."""
    request: str
    """Body or query of the request; never a header, never a secret."""
    received_at: datetime
    """By our clock, UTC."""
    notice: str = ""
    """What the answer's Deprecation and Sunset headers say of the method; empty without them."""


class DayRows(NamedTuple):
    """How many rows were told of a day, rejected ones included."""

    day: date
    rows: int


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read. All records of a page are of the stream's record type; an order's lines share a page.

    Pages of "finance" may hold SaleRecords too, where one report tells both."""

    raw: RawAnswer
    records: Sequence[Record]
    rejected: Sequence[RejectedRow]
    cursor: str
    """JSON of the source's own; passed back to `read` it goes on after this page. Small (under 2 kB)."""
    as_of: datetime
    """Instant of this reading by the marketplace's clock (its Date header), UTC; the same for all pages of a scope."""
    scope: str = ""
    """Snapshot streams: which part of the stock this is; "fbo", "fbs". Pages of one scope come together. A reading that
    is one empty page without a scope says that nothing has changed since the one whose cursor it was given."""
    scope_done: bool = False
    """Snapshot streams: the scope has been read whole with this page."""
    done: bool = False
    """The reading is whole with this page; `cursor` is where the next one starts."""
    paused: bool = False
    """The run ends with this page though the reading is not whole: the next run goes on behind it. For what the limits
    make longer than other streams can wait. Not of snapshots and listings."""
    expected_rows: int | None = None
    """Rows of the whole reading, where the source can tell."""
    places: Sequence[PlaceRecord] = ()
    """Places these records name, so that they exist before the records do."""
    skus: Sequence[SkuHint] = ()
    """What these records tell of their skus, for those the catalogue does not hold."""
    seen: Sequence[str] = ()
    """Snapshot streams: sku_ids this page answers for even where it holds no row of them."""
    at_once: bool = False
    """Store it before reading on: its cursor tells of what must not be done twice, such as a report just ordered."""
    whole_of: Sequence[str] = ()
    """Supplies: supply_ids whose lines have been told to the last one with this page, none of them rejected. A line
    that was told once and is not among them has been taken out. Likewise bookings of finance (the part of finance_id
    before its first colon) and days of storage_cost, all of whose rows stand on this page."""
    kept: Sequence[str] = ()
    """Of what `whole_of` names: rows that are told on this page and cannot be believed, under the names that their
    records would have. What is known of them stays."""
    all_open: Sequence[str] | None = None
    """Supplies, with `done`: every supply that the marketplace still lists and that may be open. One that is open here
    and not listed there is over. None where it cannot tell."""
    counted: DayRows | None = None
    """Funnel: the day that has been told whole with this page. One with far fewer rows than usual counts as untold
    until a second reading agrees; see RereadingSource."""


class StoredRow(NamedTuple):
    """A row from quarantine: its bytes, as received or as a person mended them, and what RejectedRow.context said."""

    raw: bytes
    context: str


@dataclass(frozen=True, slots=True)
class Reread:
    """What reading a stored row again came to."""

    records: Sequence[Record] = ()
    places: Sequence[PlaceRecord] = ()
    skus: Sequence[SkuHint] = ()
    """As those of a Page."""
    reason: str | None = None
    """Why it still cannot be believed; None: it can."""
    may_pass: bool = False
    """As RejectedRow.may_pass."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Who the key belongs to."""

    external_id: str
    name: str
    currency: str
    key_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceTools:
    """What a source needs of the world, so that tests can bring their own."""

    now: Callable[[], datetime]
    """Our clock, UTC."""
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    """Waits; raises StopRequestedError as soon as somebody wants the sync to stop."""
    on_request: Callable[[str, str, int, float], None] = field(default=lambda source, endpoint, status, seconds: None)
    """Told of every request: source, endpoint (numbers in its path left out), HTTP status (0: no answer), duration. For
    metrics."""
    on_throttled: Callable[[str, float], None] = field(default=lambda source, seconds: None)
    """Told of every wait for a limit or a 429: source, seconds."""
    sku_of_barcode: Callable[[str, str], str | None] = field(default=lambda barcode, listing_id: None)
    """The sku_id of this account that a barcode stands for, by the catalogue as it was read last; None: not known, or
    no longer only one. With a listing_id (not "") only of that card, also where the barcode has moved on to another
    since. For marketplaces whose orders name barcodes instead of skus."""
    waiting: Callable[[str], Collection[str] | None] = field(default=lambda stream: None)
    """The names of a stream's rejected rows of this account that wait in quarantine; a row that a person has dropped is
    not among them. None: not known. For sources that ask again for what holds such a row."""
    keep: Callable[[str, Callable[[], Any]], Any] = field(default=lambda name, make: make())
    """What outlives this source object: made at the first call with a name, the same one at each later call for this
    account in this process. For limits: a sync that follows another at once must know what that one has asked."""
    others_until: float | None = None
    """On `monotonic`: until then another process may have asked for this account as much as its limits allow, and
    nothing of before is kept here; None: whoever asked before is known by what is kept."""


class Source(Protocol):
    """A marketplace account that can be read. One instance per account; not thread-safe.

    One that knows when methods of its marketplace will end has them in a class variable `retirements`, a tuple of
    micore.domain.retirements.Retirement; syncs warn of those that it still asks.
    """

    name: ClassVar[str]
    """Plug-in name as registered, "ozon"."""
    title: ClassVar[str]
    """The marketplace's own name, "Ozon"."""
    options: ClassVar[tuple[Option, ...]]
    streams: ClassVar[tuple[Stream, ...]]
    """In the order they are read: what others refer to comes first."""
    parser: ClassVar[str]
    """Name and version of the reading code, stored beside each raw page: "ozon/1"."""

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None: ...

    def account(self) -> AccountFacts:
        """Ask the marketplace who we are. Raises SourceAuthError, RetryableError."""
        ...

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """Yield the pages of a reading, the last one with `done`.

        `cursor` is that of the last page that was stored: of a whole reading (the next one then starts, overlapping
        the last) or of a broken one (which then goes on). None, or `full`, reads everything the marketplace keeps.
        An empty reading still yields its page. Raises SourceAuthError, SourceGoneError, SourceProtocolError (stop)
        and, when its own patient retries are used up, RetryableError.
        """
        ...

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> Sequence[Reread]:
        """Read rows again that were rejected once, by the rules of today and without asking the marketplace.

        One result for each row, in their order. Rows of snapshots and of streams that are not `alone`, and those whose
        meaning is lost, are rejected: only a later reading can tell what became of them.
        """
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


@runtime_checkable
class OrderingSource(Protocol):
    """A source that orders reports, which a reading of everything must not order once more."""

    def still_ordered(self, stream: str, cursor: str) -> str | None:
        """The cursor to read everything from that keeps what this one tells of orders; None: it tells of none."""
        ...


@runtime_checkable
class RereadingSource(Protocol):
    """A source whose pages are `counted`: a day that is not believed can be asked for again by itself."""

    def unread(self, stream: str, cursor: str, day: date) -> str | None:
        """The cursor that takes a day for unread, so that the next reading asks for it; None: it cannot any more."""
        ...
