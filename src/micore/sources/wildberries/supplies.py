"""The supplies stream: what the seller sends to Wildberries' warehouses (FBW), size by size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import msgspec

from micore.domain.instants import instant, micros
from micore.domain.records import PlaceRecord, Record, RejectedRow, SupplyRecord, SupplyState
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import moment
from micore.sources.http import NUMBER, Answer
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import told_in
from micore.sources.rows import Batch, RowReader
from micore.sources.wildberries.answers import Supply, SupplyDetails, SupplyGood
from micore.sources.wildberries.api import (
    NAME,
    SUPPLIES_PATH,
    SUPPLY_GOODS_PATH,
    SUPPLY_PATH,
    Category,
    WildberriesApi,
)
from micore.sources.wildberries.orders import SkuOfBarcode, is_unknown_barcode, sku_of
from micore.sources.wildberries.statistics import MOSCOW, moscow
from micore.sources.wildberries.warehouses import pooled_place

STREAM = "supplies"
PAGE_ROWS = 1000
NOT_PLANNED = 1
STATES = {
    2: SupplyState.PLANNED,
    3: SupplyState.PLANNED,  # it may be brought; whether it is on its way nobody tells
    6: SupplyState.ACCEPTING,  # it stands at the gate
    4: SupplyState.ACCEPTING,
    5: SupplyState.DONE,
}
"""By `statusID`; every documented one but 1, a mere order without a supply."""

DAY = timedelta(days=1)
OVERLAP = DAY
OLDEST = timedelta(days=180)
"""A supply that was made longer ago is not looked at any more."""

MOST_DOUBTED = 50
"""Supplies that are asked for again because of rows in quarantine, the newest ones: each costs two requests or more."""


class SuppliesCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` is when the last whole reading began; the other fields stand only inside of a broken one."""

    read_to: datetime | None = None
    as_of: datetime | None = None
    supply: int = 0
    """The supply to go on with, from its first goods on; all before it are read."""
    doubted: list[int] = []
    """Supplies with a row of goods that could not be believed: each reading asks for them again until none is left, but
    for those whose rows a person has dropped. They stay here: who drops a row may let it wait again."""


@dataclass(frozen=True, slots=True)
class _Dates:
    """A supply's instants, in microseconds."""

    created_at: int
    expected_at: int | None
    changed_at: int


def dates_of(row: Supply) -> _Dates:
    """The instants of a supply."""
    created_at = moment(moscow(row.create_date), field="createDate")
    told = [micros(each) for text in (row.updated_date, row.fact_date) if (each := moscow(text)) is not None]
    expected = moscow(row.supply_date)
    return _Dates(created_at, None if expected is None else micros(expected), max([created_at, *told]))


def names_supplies(rows: Sequence[Supply]) -> Sequence[Record]:
    """Nothing is recorded of the list itself, but a row that tells nothing of a supply is refused."""
    for row in rows:
        dates_of(row)
        if row.status_id != NOT_PLANNED and row.status_id not in STATES:
            allowed = ", ".join(map(str, sorted([NOT_PLANNED, *STATES])))
            raise RecordRejectedError(reason="statusID", received=str(row.status_id), allowed=allowed)
        if row.supply_id is not None and row.supply_id < 1:
            raise RecordRejectedError(reason="supplyID", received=str(row.supply_id), allowed="above zero, or null")
    return ()


def supply_records(
    rows: Sequence[SupplyGood], *, supply: Supply, place: PlaceRecord | None, sku_of_barcode: SkuOfBarcode
) -> list[SupplyRecord]:
    """One for each size; a size under several barcodes is added up."""
    dates = dates_of(supply)
    records: list[SupplyRecord] = []
    for row in rows:
        record = SupplyRecord(
            supply_id=str(supply.supply_id),
            sku_id=sku_of(row.barcode, row.nm_id, sku_of_barcode),
            place_id=place.place_id if place else None,
            state=STATES[supply.status_id],
            quantity=row.quantity * MILLI,
            accepted=None if row.accepted_quantity is None else row.accepted_quantity * MILLI,
            created_at=dates.created_at,
            expected_at=dates.expected_at,
            changed_at=dates.changed_at,
        )
        records.append(record)
    return added_up(records)


def added_up(records: Iterable[SupplyRecord]) -> list[SupplyRecord]:
    """One for each size of a supply, however often it was told."""
    found: dict[str, SupplyRecord] = {}
    for record in records:
        other = found.get(record.sku_id)
        found[record.sku_id] = record if other is None else _together(other, record)
    return list(found.values())


def _together(one: SupplyRecord, other: SupplyRecord) -> SupplyRecord:
    accepted = None if one.accepted is None or other.accepted is None else one.accepted + other.accepted
    return one._replace(quantity=one.quantity + other.quantity, accepted=accepted)


_ListBatch = Batch[list[Supply], Supply]
_LIST = RowReader(
    list[Supply],
    list[msgspec.Raw],
    Supply,
    rows_of=lambda answer: answer,
    convert=names_supplies,
    key_field="supplyID",
)
_DETAILS = msgspec.json.Decoder(SupplyDetails)


def read_supplies(api: WildberriesApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read."""
    at = from_text(NAME, SuppliesCursor, cursor) or SuppliesCursor()
    as_of = at.as_of or api.now(Category.SUPPLIES)
    listed, rejected, answer = _all_supplies(api, as_of)
    chosen = _chosen(listed, at.read_to, as_of, history, _unsettled(api, at))
    left = [supply for number, supply in sorted(chosen.items()) if number >= at.supply]
    doubts = set(at.doubted)
    if rejected or not left:
        after = SuppliesCursor(at.read_to, as_of, at.supply, _newest(doubts)) if left else _ended(as_of, doubts)
        all_open = None if left else still_listed(listed, rejected)
        yield Page(answer.raw, (), rejected, to_text(after), as_of, done=not left, all_open=all_open)
    for number, supply in enumerate(left, 1):
        place = _place(api, supply)
        goods: list[SupplyRecord] = []
        doubted = False
        for step in _goods(api, supply, place):
            if not step.at:
                goods, doubted = [], False  # the walk had to begin anew
            batch, whole = step.page.value, step.following is None
            # A size may stand on several pages: its sum is told with the last one.
            goods += cast("Sequence[SupplyRecord]", batch.records)
            doubted = doubted or bool(batch.rejected)
            done = whole and number == len(left)
            going_on = left[number] if whole and not done else supply
            if whole:
                (doubts.add if doubted else doubts.discard)(supply.supply_id or 0)
            after = SuppliesCursor(at.read_to, as_of, going_on.supply_id or 0, _newest(doubts))
            yield Page(
                step.page.raw,
                added_up(goods) if whole else (),
                told_in(batch.rejected, {}, within=str(supply.supply_id), may_pass=is_unknown_barcode),
                to_text(_ended(as_of, doubts) if done else after),
                as_of,
                done=done,
                places=(place,) if place and whole else (),
                whole_of=(str(supply.supply_id),) if whole and not doubted else (),
                all_open=still_listed(listed, rejected) if done else None,
            )


def _unsettled(api: WildberriesApi, at: SuppliesCursor) -> set[int]:
    """The doubted supplies of which a row still waits. One reading that broke off goes on with the same ones."""
    names = api.tools.waiting(STREAM) if at.doubted else ()
    if names is None:
        return set(at.doubted)
    waiting = {name.partition(":")[0] for name in names}
    return {supply for supply in at.doubted if str(supply) in waiting}


def _newest(doubts: set[int]) -> list[int]:
    return sorted(doubts)[-MOST_DOUBTED:]


def _ended(as_of: datetime, doubts: set[int]) -> SuppliesCursor:
    return SuppliesCursor(as_of, doubted=_newest(doubts))


def still_listed(listed: Sequence[Supply], rejected: Sequence[RejectedRow]) -> list[str] | None:
    """The numbers of all supplies in the list; None where a row without one may be any of them."""
    if not all(row.key.isdecimal() for row in rejected):
        return None
    return [str(row.supply_id) for row in listed if row.supply_id is not None] + [row.key for row in rejected]


def _all_supplies(api: WildberriesApi, as_of: datetime) -> tuple[list[Supply], list[RejectedRow], Answer[_ListBatch]]:
    """Those that were made since `OLDEST`, and the last answer that told of them."""
    rows: list[Supply] = []
    rejected: list[RejectedRow] = []
    # A day more at either end: whose midnights these are is not said.
    since, till = (each.astimezone(MOSCOW).date() for each in (as_of - OLDEST - DAY, as_of + DAY))
    made = {"from": since.isoformat(), "till": till.isoformat(), "type": "createDate"}
    asked = {"dates": [made], "statusIDs": sorted(STATES)}

    def fetch(at: str) -> tuple[Answer[_ListBatch], Fetched]:
        query = {"limit": PAGE_ROWS, "offset": int(at or 0)}
        answer = api.post(Category.SUPPLIES, SUPPLIES_PATH, asked, _LIST.read, query=query)
        count = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(count, str(int(at or 0) + PAGE_ROWS) if count >= PAGE_ROWS else None, answer.raw.body)

    for step in walk(NAME, SUPPLIES_PATH, "", fetch):
        if not step.at:
            rows, rejected = [], []  # the walk had to begin anew
        rows += step.page.value.rows
        rejected += step.page.value.rejected
        answer = step.page
    return rows, rejected, answer


def _chosen(
    listed: Sequence[Supply], read_to: datetime | None, as_of: datetime, history: timedelta, doubted: set[int]
) -> dict[int, Supply]:
    """Supplies by number that may tell something new: all at first, then the changed ones, those being accepted and
    the doubted ones."""
    chosen: dict[int, Supply] = {}
    for row in listed:
        dates, state = dates_of(row), STATES.get(row.status_id)
        # Without a number it is a mere order: it gets another one with its plan, and both would count.
        if row.supply_id is None or state is None or instant(dates.created_at) < as_of - OLDEST:
            continue
        if read_to is None:
            wanted = state is not SupplyState.DONE or instant(dates.created_at) >= as_of - history
        else:
            wanted = state is SupplyState.ACCEPTING or instant(dates.changed_at) >= read_to - OVERLAP
        if wanted or row.supply_id in doubted:
            chosen[row.supply_id] = row
    return chosen


def _place(api: WildberriesApi, supply: Supply) -> PlaceRecord | None:
    """Where a supply went or, until it is there, is to go."""
    path = SUPPLY_PATH.replace(NUMBER, str(supply.supply_id))
    told = api.get(Category.SUPPLIES, path, {"isPreorderID": "false"}, _DETAILS.decode).value
    name = (told.actual_warehouse_name or "").strip() or (told.warehouse_name or "").strip()
    return pooled_place(name) if name else None


def goods_reader(
    supply: Supply, place: PlaceRecord | None, sku_of_barcode: SkuOfBarcode
) -> RowReader[list[SupplyGood], SupplyGood]:
    """Reads what is in a supply."""
    return RowReader(
        list[SupplyGood],
        list[msgspec.Raw],
        SupplyGood,
        rows_of=lambda answer: answer,
        convert=partial(supply_records, supply=supply, place=place, sku_of_barcode=sku_of_barcode),
        key_field="barcode",
    )


def _goods(
    api: WildberriesApi, supply: Supply, place: PlaceRecord | None
) -> Iterator[Step[Answer[Batch[list[SupplyGood], SupplyGood]]]]:
    """What is in a supply, by offset until a page is not full."""
    path = SUPPLY_GOODS_PATH.replace(NUMBER, str(supply.supply_id))
    reader = goods_reader(supply, place, api.tools.sku_of_barcode)

    def fetch(at: str) -> tuple[Answer[Batch[list[SupplyGood], SupplyGood]], Fetched]:
        query: dict[str, str | int] = {"limit": PAGE_ROWS, "offset": int(at or 0), "isPreorderID": "false"}
        answer = api.get(Category.SUPPLIES, path, query, reader.read)
        rows = len(answer.value.rows) + len(answer.value.rejected)
        return answer, Fetched(rows, str(int(at or 0) + PAGE_ROWS) if rows >= PAGE_ROWS else None, answer.raw.body)

    return walk(NAME, path, "", fetch)


def recent_supplies(api: WildberriesApi) -> int:
    """How many supplies a first reading looks into."""
    rows, rejected, _ = _all_supplies(api, api.now(Category.SUPPLIES))
    return len(rows) + len(rejected)
