"""Whatever stands in a row of Wildberries': it is read or rejected, it breaks nothing, and its neighbours load."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    OrderRecord,
    PlaceRecord,
    PriceRecord,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.sources.rows import RowReader
from micore.sources.wildberries import (
    catalogue,
    finance,
    funnel,
    orders,
    prices,
    returns,
    sales,
    stock,
    storage,
    supplies,
    warehouses,
)
from micore.sources.wildberries.answers import Order, Sale, Supply, SupplyGood
from micore.sources.wildberries.statistics import changed, moscow_or_none
from tests.unit.sources.test_ozon_fuzz import JSON, enveloped, spoiled
from tests.unit.sources.wildberries.fake_wildberries import Row
from tests.unit.sources.wildberries.rows import (
    card,
    good,
    item_return,
    looked_at,
    order,
    pooled,
    priced,
    report_row,
    sale,
    sellers,
    stored,
    supply,
    trashed,
    warehouse,
)

PLACE = warehouses.named_place("9", "Мой склад", "FBS")


def sku_of_barcode(barcode: str, card: str) -> str | None:
    del card
    return {"20430700001": "700001"}.get(barcode)


def bare(row: type[Any], convert: Any, key_field: str) -> RowReader[Any, Any]:
    """The reader of an answer that is nothing but its rows."""
    return RowReader(
        list[row],  # type: ignore[valid-type]
        list[msgspec.Raw],
        row,
        rows_of=lambda answer: answer,
        convert=convert,
        key_field=key_field,
    )


ORDERS = partial(orders.order_records, sku_of_barcode=sku_of_barcode, sellers={"Мой склад": PLACE})
SALES = partial(sales.sale_records, sku_of_barcode=sku_of_barcode)
GOODS = partial(
    supplies.supply_records,
    supply=msgspec.convert(supply(1), Supply),
    place=PLACE,
    sku_of_barcode=sku_of_barcode,
)
READERS: dict[str, tuple[Any, str, Row]] = {
    "warehouses": (warehouses.WAREHOUSES, "", warehouse(1, "Мой")),
    "cards": (catalogue.READERS[0], "cards", card(1)),
    "trash": (catalogue.READERS[1], "cards", trashed(1)),
    "prices": (prices.PRICES, "data.listGoods", priced(1)),
    "fbw": (stock._FBW, "data.items", pooled(1)),
    "fbs": (stock._FBS, "data.items", sellers(1)),
    "fbs by size": (stock.amounts_reader("9"), "stocks", {"chrtId": 700_001, "amount": 5}),
    "orders": (bare(Order, ORDERS, "srid"), "", order(1)),
    "cancelled orders": (bare(Order, ORDERS, "srid"), "", order(1, isCancel=True, cancelDate="2026-11-21T09:00:00")),
    "sales": (bare(Sale, SALES, "saleID"), "", sale(1)),
    "returns": (returns.reader(sku_of_barcode, archived=False), "report", item_return(1)),
    "supplies": (supplies._LIST, "", supply(1)),
    "finance": (
        finance.report_reader(partial(finance.finance_records, sku_of_barcode=sku_of_barcode)),
        "",
        report_row(1),
    ),
    "storage": (storage.STORED, "", stored(1)),
    "funnel": (funnel.reader(None), "data.products", looked_at(1)),
    "goods": (bare(SupplyGood, GOODS, "barcode"), "", good()),
}


def answer(where: str, rows: list[Any]) -> bytes:
    if where == "cards":
        return msgspec.json.encode({"cards": rows, "cursor": {"total": len(rows)}})
    return enveloped(where, rows) if where else msgspec.json.encode(rows)


def believable(record: Any) -> bool:
    counts: list[int | None] = []
    match record:
        case StockRecord():
            ids, counts = [record.sku_id, record.place_id], list(record[2:])
        case OrderRecord():
            ids, counts = [record.order_id, record.sku_id], [record.quantity, record.price, record.ordered_at]
        case CatalogueRecord():
            ids = [record.listing_id, record.sku_id]
        case PriceRecord():
            ids, counts = [record.listing_id, record.currency], [record.price]
        case SaleRecord():
            ids, counts = [record.sale_id, record.sku_id, record.day, record.currency], [abs(record.amount)]
        case ReturnRecord():
            ids, counts = [record.return_id, record.sku_id], [record.quantity, record.returned_at, record.finished_at]
        case SupplyRecord():
            ids = [record.supply_id, record.sku_id]
            counts = [record.quantity, record.accepted, record.created_at, record.expected_at, record.changed_at]
        case FinanceRecord():
            ids = [record.finance_id, record.day, record.currency]
            counts = [abs(record.amount)]
        case StorageCostRecord():
            ids = [record.cost_id, record.sku_id, record.day, record.currency]
            counts = [abs(record.amount), record.quantity, record.volume]
        case FunnelRecord():
            ids, counts = [record.funnel_id, record.listing_id, record.day], list(record[3:])
        case PlaceRecord():
            ids = [record.place_id, record.name, record.scheme]
        case _:
            return False
    return all(ids) and all(count is None or (type(count) is int and 0 <= count < 2**63) for count in counts)


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_a_spoiled_row_is_read_or_rejected_and_its_neighbours_load(kind: str, data: st.DataObject) -> None:
    reader, where, fine = READERS[kind]
    alone = reader.read(answer(where, [fine]))
    assert (len(alone.rows), list(alone.rejected)) == (1, [])
    bad = data.draw(spoiled(fine))
    batch = reader.read(answer(where, [bad, fine]))
    assert len(batch.rows) + len(batch.rejected) == 2
    # Later rows win, and goods of one size are added up.
    assert set(alone.records) <= set(batch.records) or len(batch.rows) == 2
    assert all(believable(record) for record in batch.records)
    for row in batch.rejected:
        assert row.reason
        assert msgspec.json.decode(row.raw) == msgspec.json.decode(msgspec.json.encode(bad))
    if where == "cards":
        assert all(row.raw for row in catalogue.by_size(batch.rejected))


@pytest.mark.parametrize("kind", READERS)
@given(body=st.binary(max_size=40) | JSON.map(msgspec.json.encode))
def test_what_is_no_answer_at_all_is_a_decode_error(kind: str, body: bytes) -> None:
    reader, _, _ = READERS[kind]
    try:
        batch = reader.read(body)
    except msgspec.DecodeError:
        return
    assert not batch.records


@given(row=JSON)
def test_the_change_of_a_row_is_an_instant_or_nothing(row: Any) -> None:
    for told in (row, {"lastChangeDate": row}):
        text = changed(msgspec.json.encode(told))
        assert text == "" or moscow_or_none(text) is not None


@given(instant=st.datetimes().filter(lambda each: each.year > 1971))
def test_times_without_an_offset_are_moscows(instant: datetime) -> None:
    read = moscow_or_none(instant.isoformat())
    assert read is not None
    assert read.utcoffset() == timedelta(hours=3)
    assert read.replace(tzinfo=None) == instant
