"""How the rows of each stream are written: a function per stream, inside the step's transaction.

The answers of a step are written together: what writing costs the database is mostly per statement, not per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar, cast

from micore.domain.instants import micros
from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    OrderState,
    PlaceRecord,
    PriceRecord,
    Record,
    ReturnRecord,
    SaleRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.services.sync_work import SyncWork
from micore.sources.base import Page
from micore.storage import finance, flows, funnel, identity, orders, prices, summary
from micore.storage.database import Connection

RecordT = TypeVar("RecordT")


class Told(NamedTuple):
    """Rows of one answer, in the order of the answers of a step."""

    page: Page
    records: Sequence[Record]
    """All of the page's, or some."""
    raw_id: int
    """Where the answer is kept."""


def _records(told: Sequence[Told], kind: type[RecordT]) -> list[RecordT]:
    """All rows of this kind."""
    return [record for each in told for record in each.records if isinstance(record, kind)]


def _with_answers(told: Sequence[Told], kind: type[RecordT]) -> Iterator[tuple[RecordT, int]]:
    """All rows of this kind, each with where its answer is kept."""
    for each in told:
        for record in each.records:
            if isinstance(record, kind):
                yield record, each.raw_id


def _write_places(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    return identity.merge_places(connection, work.identity, _records(told, PlaceRecord), now=work.now_micros())


def _write_catalogue(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    changed = identity.merge_catalogue(
        connection,
        work.identity,
        _records(told, CatalogueRecord),
        as_of=micros(told[-1].page.as_of),
        now=work.now_micros(),
    )
    summary.mark_dirty(connection, [work.identity.products[each] for each in changed])
    return len(changed)


def _write_orders(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    return sum(_write_different_orders(work, connection, group) for group in _each_order_once(told))


def _write_different_orders(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    skus, places, day = work.identity.skus, work.identity.places, work.turner.day
    rows, late = [], set()
    for part in told:
        seen_at = micros(part.page.as_of)
        for each in cast("Sequence[OrderRecord]", part.records):
            rows.append(
                orders.OrderRow(
                    each.order_id,
                    skus[each.sku_id],
                    None if each.place_id is None else places.get(each.place_id),
                    each.scheme,
                    each.state._value_,  # `value` is a property in Python, and asked for each row
                    each.quantity,
                    each.price,
                    each.currency,
                    each.ordered_at,
                    day(each.ordered_at),
                    _cancelled_at(each, seen_at),
                    part.raw_id,
                )
            )
            if each.belated:
                late.add(each.order_id)
    told_now, belated = _apart(rows, late)
    changed = orders.merge_orders(connection, work.account_id, told_now, now=work.now_micros())
    if belated:
        changed += orders.fill_in_orders(connection, work.account_id, belated, now=work.now_micros())
    # A booking may have been read before its order.
    orders.settle_orders(connection, work.account_id, {row.order_id for row in rows}, now=work.now_micros())
    recent = summary.first_day(work.today()).isoformat()
    fresh = {row.sku_id for row in rows if row.ordered_day >= recent}
    # A line that an order lost is not among the rows; its day is unknown here, so its product is looked at anyway.
    here = {row.sku_id for row in rows}
    summary.mark_dirty_skus(connection, [each for each in changed if each in fresh or each not in here])
    return len(changed)


def _each_order_once(told: Sequence[Told]) -> Iterator[Sequence[Told]]:
    """Answers in their order, as many at a time as tell no order twice.

    An order is told whole, and each telling that differs is a version of it: which ones there are must not hang on
    which answers happen to be written together.
    """
    seen: set[str] = set()
    group: list[Told] = []
    for each in told:
        orders_told = _orders_of(each.records)
        if group and not seen.isdisjoint(orders_told):
            yield group
            group, seen = [], set()
        group.append(each)
        seen |= orders_told
    if group:
        yield group


def _orders_of(records: Sequence[Record]) -> set[str]:
    """The orders that rows tell the state of."""
    told = {record.order_id for record in records if isinstance(record, OrderRecord)}
    for record in records:
        if isinstance(record, SaleRecord) and record.order_id is not None and record.order_state is not None:
            told.add(record.order_id)
    return told


def _apart(rows: list[orders.OrderRow], late: set[str]) -> tuple[list[orders.OrderRow], list[orders.OrderRow]]:
    """The rows of lists of orders, and those of reports that tell of orders long after."""
    if not late:
        return rows, []
    return [row for row in rows if row.order_id not in late], [row for row in rows if row.order_id in late]


def _cancelled_at(record: OrderRecord, seen_at: int) -> int | None:
    """As told, else when we first read of it."""
    if record.cancelled_at is None and record.state is OrderState.CANCELLED:
        return seen_at
    return record.cancelled_at


def _write_sales(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    return sum(_write_different_sales(work, connection, group) for group in _each_order_once(told))


def _write_different_sales(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    skus = work.identity.skus
    rows = [
        orders.SaleRow(
            external_id=each.sale_id,
            order_id=each.order_id,
            sku_id=skus[each.sku_id],
            sold_day=each.day,
            amount=each.amount,
            commission=each.commission,
            currency=each.currency,
            order_state=None if each.order_state is None else each.order_state.value,
            raw_page_id=raw_id,
        )
        for each, raw_id in _with_answers(told, SaleRecord)
    ]
    changed = orders.merge_sales(connection, work.account_id, rows, now=work.now_micros())
    telling = {row.order_id for row in rows if row.order_state is not None and row.order_id is not None}
    orders.settle_orders(connection, work.account_id, telling, now=work.now_micros())
    return len(changed)


def _write_returns(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    rows = [
        flows.ReturnRow(
            return_id=each.return_id,
            sku_id=work.identity.skus[each.sku_id],
            order_id=each.order_id,
            scheme=each.scheme,
            kind=each.kind.value,
            state=each.state.value,
            quantity=each.quantity,
            reason=each.reason,
            returned_at=each.returned_at,
            returned_day=work.turner.day(each.returned_at),
            finished_at=each.finished_at,
            raw_page_id=raw_id,
        )
        for each, raw_id in _with_answers(told, ReturnRecord)
    ]
    return _shown(connection, flows.merge_returns(connection, work.account_id, rows, now=work.now_micros()))


def _write_supplies(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    rows = [
        flows.SupplyRow(
            supply_id=each.supply_id,
            sku_id=work.identity.skus[each.sku_id],
            place_id=None if each.place_id is None else work.identity.places.get(each.place_id),
            state=each.state.value,
            quantity=each.quantity,
            accepted=each.accepted,
            created_at=each.created_at,
            expected_at=each.expected_at,
            changed_at=each.changed_at,
            raw_page_id=raw_id,
        )
        for each, raw_id in _with_answers(told, SupplyRecord)
    ]
    return _shown(connection, flows.merge_supplies(connection, work.account_id, rows, now=work.now_micros()))


def _write_finance(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    """One reading may tell both: the account's amounts, and the same sales by order line."""
    skus, now = work.identity.skus, work.now_micros()
    rows = [
        finance.FinanceRow(
            external_id=each.finance_id,
            sku_id=None if each.sku_id is None else skus[each.sku_id],
            order_id=each.order_id,
            booked_day=each.day,
            kind=each.kind.value,
            amount=each.amount,
            currency=each.currency,
            name=each.name,
            raw_page_id=raw_id,
        )
        for each, raw_id in _with_answers(told, FinanceRecord)
    ]
    changed = finance.merge_finance(connection, work.account_id, rows, now=now)
    summary.mark_dirty_skus(connection, sorted({each for each in changed if each is not None}))
    return len(changed) + _write_sales(work, connection, told)


def _write_storage_costs(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    rows = [
        finance.StorageCostRow(
            external_id=each.cost_id,
            sku_id=work.identity.skus[each.sku_id],
            place_id=None if each.place_id is None else work.identity.places.get(each.place_id),
            stored_day=each.day,
            amount=each.amount,
            currency=each.currency,
            quantity=each.quantity,
            volume=each.volume,
            raw_page_id=raw_id,
        )
        for each, raw_id in _with_answers(told, StorageCostRecord)
    ]
    return _shown(connection, finance.merge_storage_costs(connection, work.account_id, rows, now=work.now_micros()))


def _shown(connection: Connection, skus: list[int]) -> int:
    """Product pages show these rows: they are made anew with the next publish. Returns how many rows there were."""
    summary.mark_dirty_skus(connection, skus)
    return len(skus)


def _write_prices(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    rows = [prices.PriceRow(each.listing_id, each.price, each.currency) for each in _records(told, PriceRecord)]
    cards, skus = prices.merge_prices(
        connection, work.account_id, rows, as_of=micros(told[-1].page.as_of), now=work.now_micros()
    )
    summary.mark_dirty_skus(connection, skus)
    return cards


def _write_funnel(work: SyncWork, connection: Connection, told: Sequence[Told]) -> int:
    rows = [
        funnel.FunnelRow(
            each.listing_id,
            each.day,
            each.opened,
            each.carted,
            each.ordered,
            each.bought,
            each.cancelled,
            each.wished,
            raw_id,
        )
        for each, raw_id in _with_answers(told, FunnelRecord)
    ]
    changed, skus = funnel.merge_funnel(connection, work.account_id, rows, now=work.now_micros())
    summary.mark_dirty_skus(connection, skus)
    return changed


Writer = Callable[[SyncWork, Connection, Sequence[Told]], int]
WRITERS: dict[str, Writer] = {
    "warehouses": _write_places,
    "catalogue": _write_catalogue,
    "orders": _write_orders,
    "sales": _write_sales,
    "prices": _write_prices,
    "returns": _write_returns,
    "supplies": _write_supplies,
    "finance": _write_finance,
    "storage_cost": _write_storage_costs,
    "funnel": _write_funnel,
}
"""By stream name; each returns how many rows were new or changed. Snapshots are staged by their loader."""


def _forget_amounts(work: SyncWork, connection: Connection, page: Page, received_at: int | None) -> int:
    amounts = [each.finance_id for each in page.records if isinstance(each, FinanceRecord)]
    sales = [each.sale_id for each in page.records if isinstance(each, SaleRecord)]
    whole = finance.Whole(work.account_id, page.whole_of, received_at)
    gone = finance.forget_sales(connection, whole, [*sales, *page.kept])
    gone += finance.forget_amounts(connection, whole, [*amounts, *page.kept])
    return _gone(connection, gone)


def _forget_costs(work: SyncWork, connection: Connection, page: Page, received_at: int | None) -> int:
    told = [each.cost_id for each in page.records if isinstance(each, StorageCostRecord)]
    whole = finance.Whole(work.account_id, page.whole_of, received_at)
    return _gone(connection, finance.forget_costs(connection, whole, [*told, *page.kept]))


def _gone(connection: Connection, skus: Sequence[int | None]) -> int:
    if skus:
        summary.mark_dirty_skus(connection, [each for each in skus if each is not None])
    return len(skus)


FORGETTING: dict[str, Callable[[SyncWork, Connection, Page, int | None], int]] = {
    "finance": _forget_amounts,
    "storage_cost": _forget_costs,
}
"""Streams whose pages tell something whole: what takes away the rest, all of it or where nothing newer than an instant
is stored; each returns how many rows went."""
