"""The supplies stream: what the seller sends to Ozon's warehouses (FBO), sku by sku."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo as NamedZone
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from micore.domain.instants import instant, micros
from micore.domain.records import PlaceRecord, Record, RejectedRow, SkuHint, SupplyRecord, SupplyState
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import NO_YEAR, hint, ident, moment, optional_ident
from micore.sources.http import Answer
from micore.sources.ozon.answers import (
    Bundle,
    BundleItem,
    OrderedSupply,
    SupplyOrder,
    SupplyOrderIds,
    SupplyOrders,
    Timeslot,
    ZoneInfo,
)
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.cursors import following
from micore.sources.ozon.warehouses import in_order, ozon_place
from micore.sources.paging import Fetched, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader

LIST_PATH = "/v3/supply-order/list"
GET_PATH = "/v3/supply-order/get"
BUNDLE_PATH = "/v1/supply-order/bundle"
LIST_ROWS = 50
"""As many as one question can describe; the list itself would give a hundred."""
BUNDLE_ROWS = 100

STATES = {
    "DATA_FILLING": SupplyState.PLANNED,
    "READY_TO_SUPPLY": SupplyState.PLANNED,
    "ACCEPTED_AT_SUPPLY_WAREHOUSE": SupplyState.ON_THE_WAY,  # handed over, perhaps far from where it is to lie
    "IN_TRANSIT": SupplyState.ON_THE_WAY,
    "ACCEPTANCE_AT_STORAGE_WAREHOUSE": SupplyState.ACCEPTING,
    # It has been counted, only the papers are argued about: nothing more is to come of it.
    "REPORTS_CONFIRMATION_AWAITING": SupplyState.DONE,
    "REPORT_REJECTED": SupplyState.DONE,
    "COMPLETED": SupplyState.DONE,
    "REJECTED_AT_SUPPLY_WAREHOUSE": SupplyState.CANCELLED,
    "CANCELLED": SupplyState.CANCELLED,
    "OVERDUE": SupplyState.CANCELLED,  # it was not brought in its time
}
"""Every documented state but UNSPECIFIED."""

CLOSED = (SupplyState.DONE, SupplyState.CANCELLED)
OPEN_STATES = [name for name, state in STATES.items() if state not in CLOSED]
CLOSED_STATES = [name for name, state in STATES.items() if state in CLOSED]

FARTHEST_SECONDS = 14 * 3600
"""No zone of the world is farther from UTC; a larger number is no offset in seconds."""

CLOSED_HISTORY = timedelta(days=180)
"""As far back as a first reading looks for closed supplies, because each costs a request."""

OVERLAP = timedelta(days=1)
"""Changes that Ozon shows late carry their earlier time."""


class SuppliesCursor(msgspec.Struct, omit_defaults=True):
    """The other fields than `since` stand only inside of a broken reading."""

    since: datetime | None = None
    """Closed orders whose state was changed before are left out."""
    as_of: datetime | None = None
    supply: str = ""
    """The supply to go on with; all before it are read."""
    at: str = ""
    """How many pages of its goods are read."""


class FoundSupply(NamedTuple):
    """What an order tells of one of its supplies."""

    supply_id: str
    bundle_id: str
    place: PlaceRecord | None
    state: SupplyState
    created_at: int
    expected_at: int | None
    changed_at: int


def supplies_of(row: SupplyOrder) -> list[FoundSupply]:
    """The supplies of an order; raises RecordRejectedError."""
    ident(row.order_id)
    created_at = moment(row.created_date, field="created_date")
    changed_at = changed_of(row)
    expected_at = expected_of(row.timeslot)
    return [
        FoundSupply(
            ident(told.supply_id),
            told.bundle_id or "",
            _place(told),
            state_of(told.state, row.state),
            created_at,
            expected_at,
            changed_at,
        )
        for told in row.supplies or ()
    ]


def changed_of(row: SupplyOrder) -> int:
    """When an order's state was changed last."""
    return moment(row.state_updated_date or row.created_date, field="state_updated_date")


def state_of(state: str | None, of_order: str | None) -> SupplyState:
    """A supply's own state, its order's where it has none; refuses one that is not documented."""
    told = of_order if state in (None, "", "UNSPECIFIED") else state
    found = STATES.get(told or "")
    if found is None:
        raise RecordRejectedError(reason="state", received=str(told), allowed=", ".join(STATES))
    return found


def expected_of(slot: Timeslot | None) -> int | None:
    """The instant a time slot begins; None where it, or the zone it is told in, is not told.

    Ozon writes local time and marks it as UTC; the zone stands beside it.
    """
    begins = slot.timeslot.since if slot and slot.timeslot else None
    if slot is None or begins is None or begins.year < NO_YEAR:
        return None
    local = begins.replace(tzinfo=None)
    zone = _zone(slot.timezone_info) if slot.timezone_info else None
    return None if zone is None else micros(local.replace(tzinfo=zone))


def _zone(told: ZoneInfo) -> tzinfo | None:
    """The zone by its offset, as hours and minutes or in seconds, else by its name."""
    text = str(told.offset if told.offset is not None else "").strip()
    with suppress(ValueError, OverflowError):
        seconds = float(text)
        if abs(seconds) <= FARTHEST_SECONDS:
            return timezone(timedelta(seconds=round(seconds)))
    with suppress(ValueError):
        return datetime.strptime(text, "%z").tzinfo
    # Names of folders and of nothing at all fail in ways of their own.
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        return NamedZone(told.iana_name or "")
    return None


def _place(told: OrderedSupply) -> PlaceRecord | None:
    warehouse = told.storage_warehouse
    warehouse_id = optional_ident(warehouse.warehouse_id) if warehouse else None
    return ozon_place(warehouse_id, warehouse.name, None) if warehouse and warehouse_id else None


def tells_supplies(rows: Sequence[SupplyOrder]) -> Sequence[Record]:
    """Nothing is recorded of the orders themselves, but one that cannot be believed is refused."""
    for row in rows:
        supplies_of(row)
    return ()


def supply_records(rows: Sequence[BundleItem], *, supply: FoundSupply) -> Sequence[Record]:
    """One for each sku; one that is told in several lines is added up."""
    records: dict[str, SupplyRecord] = {}
    for row in rows:
        sku_id = ident(row.sku)
        other = records.get(sku_id)
        records[sku_id] = SupplyRecord(
            supply_id=supply.supply_id,
            sku_id=sku_id,
            place_id=supply.place.place_id if supply.place else None,
            state=supply.state,
            quantity=row.quantity * MILLI + (other.quantity if other else 0),
            accepted=None,
            created_at=supply.created_at,
            expected_at=supply.expected_at,
            changed_at=supply.changed_at,
        )
    return list(records.values())


_Goods = Batch[Bundle[BundleItem], BundleItem]
_IDS = msgspec.json.Decoder(SupplyOrderIds)
_ORDERS = RowReader(
    SupplyOrders[SupplyOrder],
    SupplyOrders[msgspec.Raw],
    SupplyOrder,
    rows_of=lambda answer: answer.orders,
    convert=tells_supplies,
    key_field="order_id",
)


def goods_reader(supply: FoundSupply) -> RowReader[Bundle[BundleItem], BundleItem]:
    """Reads what is in a supply."""
    return RowReader(
        Bundle[BundleItem],
        Bundle[msgspec.Raw],
        BundleItem,
        rows_of=lambda answer: answer.items,
        convert=partial(supply_records, supply=supply),
        key_field="sku",
    )


class _Listing:
    """What the lists tell, gathered before the first supply is looked into."""

    def __init__(self) -> None:
        self.supplies: dict[str, FoundSupply] = {}
        self.rejected: dict[tuple[str, bytes], RejectedRow] = {}
        self.named: set[str] = set()
        """Every supply of the lists, also one without goods yet."""

    def read(self, api: OzonApi, states: Sequence[str], since: datetime | None) -> Answer[SupplyOrderIds]:
        """Add the orders in some states, those changed last first, as far back as `since`; returns the last answer."""
        asked = {
            "filter": {"states": states},
            "limit": LIST_ROWS,
            "sort_by": "ORDER_STATE_UPDATED_AT",
            "sort_dir": "DESC",
        }

        def fetch(at: str) -> tuple[Answer[SupplyOrderIds], Fetched]:
            answer = api.ask(LIST_PATH, {**asked, "last_id": at}, _IDS.decode)
            ids = answer.value.order_ids or ()
            return answer, Fetched(len(ids), answer.value.last_id or None if ids else None)

        for step in walk(NAME, LIST_PATH, "", fetch):
            answer = step.page
            if answer.value.order_ids and not self._describe(api, list(map(str, answer.value.order_ids)), since):
                break
        return answer

    def _describe(self, api: OzonApi, order_ids: list[str], since: datetime | None) -> bool:
        """Add what is told of some orders; returns whether older ones may count too."""
        batch = api.ask(GET_PATH, {"order_ids": order_ids}, _ORDERS.read).value
        told = {str(row.order_id) for row in batch.rows} | {row.key for row in batch.rejected}
        missing = [
            RejectedRow(each, "listed, but not described", each.encode()) for each in order_ids if each not in told
        ]
        self.rejected.update(((row.key, row.raw), row) for row in [*batch.rejected, *missing])
        recent = [row for row in batch.rows if since is None or instant(changed_of(row)) >= since]
        self.supplies.update((each.supply_id, each) for row in recent for each in supplies_of(row) if each.bundle_id)
        self.named.update(each.supply_id for row in batch.rows for each in supplies_of(row))
        return len(recent) == len(batch.rows)


def read_supplies(api: OzonApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, SuppliesCursor, cursor) or SuppliesCursor()
    listing = _Listing()
    # Open orders are looked into each time: their goods may change while their state stays.
    answer = listing.read(api, OPEN_STATES, None)
    as_of = at.as_of or answer.marketplace_now
    since = at.since or as_of - min(history, CLOSED_HISTORY)
    answer = listing.read(api, CLOSED_STATES, since)
    left = sorted(
        (each for each in listing.supplies.values() if in_order(each.supply_id) >= in_order(at.supply)),
        key=lambda each: in_order(each.supply_id),
    )
    end = to_text(SuppliesCursor(as_of - OVERLAP))
    rejected = list(listing.rejected.values())
    # An order that cannot be read may hold any of the supplies.
    all_open = None if rejected else sorted(listing.named)
    if rejected or not left:
        after = to_text(SuppliesCursor(since, as_of, at.supply, at.at)) if left else end
        yield Page(answer.raw, (), rejected, after, as_of, done=not left, all_open=None if left else all_open)
    for number, supply in enumerate(left, 1):
        pages = goods_of(api, supply)
        read = int(at.at) if supply.supply_id == at.supply and at.at.isdecimal() else 0
        doubted = read > 0 or any(page.value.rejected for page, _ in pages)
        for index, (goods, records) in enumerate(pages[read:] or pages[-1:], min(read, len(pages) - 1) + 1):
            more = index < len(pages)
            done = not more and number == len(left)
            going_on = supply if more or done else left[number]
            batch = goods.value
            yield Page(
                goods.raw,
                records,
                told_in(batch.rejected, {"supply": supply}, within=supply.supply_id),
                end if done else to_text(SuppliesCursor(since, as_of, going_on.supply_id, str(index) if more else "")),
                as_of,
                done=done,
                places=(supply.place,) if supply.place else (),
                skus=hints(batch.rows),
                whole_of=() if doubted or more else (supply.supply_id,),
                all_open=all_open if done else None,
            )


def hints(rows: Sequence[BundleItem]) -> list[SkuHint]:
    """What these goods tell of their skus."""
    return list({each.sku_id: each for each in (hint(row.sku, row.offer_id, row.name) for row in rows)}.values())


def goods_of(api: OzonApi, supply: FoundSupply) -> list[tuple[Answer[_Goods], Sequence[Record]]]:
    """What is in a supply: its pages, each with the skus it is the first to tell, added up over all of them."""
    reader = goods_reader(supply)
    asked = {"bundle_ids": [supply.bundle_id], "limit": BUNDLE_ROWS, "sort_field": "SKU", "is_asc": True}

    def fetch(at: str) -> tuple[Answer[_Goods], Fetched]:
        answer = api.ask(BUNDLE_PATH, {**asked, "last_id": at}, reader.read)
        batch = answer.value
        rows = len(batch.rows) + len(batch.rejected)
        return answer, Fetched(rows, following(batch.envelope.last_id, batch.envelope.has_next))

    pages: list[Answer[_Goods]] = []
    for step in walk(NAME, BUNDLE_PATH, "", fetch):
        if not step.at:
            pages.clear()  # the walk had to begin anew
        pages.append(step.page)
    return list(zip(pages, _added_up(pages), strict=True))


def _added_up(pages: Sequence[Answer[_Goods]]) -> list[Sequence[Record]]:
    """A page may end between two lines of one sku. A page that came twice counts once."""
    totals: dict[str, SupplyRecord] = {}
    first: dict[str, int] = {}
    for number, page in enumerate(pages):
        told = page.value.records
        if any(told == earlier.value.records for earlier in pages[:number]):
            continue
        for record in told:
            assert isinstance(record, SupplyRecord)
            other = totals.get(record.sku_id)
            first.setdefault(record.sku_id, number)
            totals[record.sku_id] = record._replace(quantity=record.quantity + (other.quantity if other else 0))
    return [[totals[sku_id] for sku_id, of in first.items() if of == number] for number in range(len(pages))]


def count_supplies(api: OzonApi, history: timedelta) -> int:
    """How many supplies a first reading looks into."""
    listing = _Listing()
    as_of = api.now()
    listing.read(api, OPEN_STATES, None)
    listing.read(api, CLOSED_STATES, as_of - min(history, CLOSED_HISTORY))
    return len(listing.supplies)
