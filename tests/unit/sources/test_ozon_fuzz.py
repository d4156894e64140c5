"""Whatever stands in a row: it is read or rejected, it breaks nothing, and its neighbours load."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    OrderRecord,
    PlaceRecord,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    SupplyRecord,
    SupplyState,
)
from micore.sources.ozon import (
    catalogue,
    finance,
    orders,
    products,
    return_requests,
    returns,
    stock,
    supplies,
    warehouses,
)
from tests.unit.sources.fake_ozon import Row
from tests.unit.sources.test_ozon import (
    accrual,
    fbo_posting,
    fbo_row,
    fbs_posting,
    fbs_row,
    item,
    product,
    requested,
    returned,
    supply_order,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["0", "-1", "NaN", "Infinity", "1e400", "0001-01-01T00:00:00Z", "", "2026-02-30", "12.34567", 0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)

WAREHOUSE: Row = {"warehouse_id": 1, "name": "Мой", "is_rfbs": False}
CLUSTER: Row = {"id": 154, "name": "Москва", "logistic_clusters": [{"warehouses": [{"warehouse_id": 55, "type": "X"}]}]}
RUBLE: Row = {"amount": "1.5", "currency": "RUB"}
FEE: Row = {"type_id": 3, "accrued": RUBLE}
FEES = accrual(
    2,
    "2026-11-20",
    posting={"products": [{"sku": 5, "delivery": {"services": [FEE]}}]},
    item_fees={"fees": [{"sku": 5, "fees": [FEE, FEE]}]},
    non_item_fee=FEE,
    container_fees={"fees": [FEE]},
)
SUPPLY = supplies.FoundSupply("2001", "0195-1", None, SupplyState.PLANNED, 1, None, 1)
READERS: dict[str, tuple[Any, str, Row]] = {
    "warehouses": (warehouses.SELLER, "warehouses", WAREHOUSE),
    "clusters": (warehouses.CLUSTERS, "clusters", CLUSTER),
    "product list": (products._LIST, "result.items", {"product_id": 1, "sku": 2}),
    "catalogue": (catalogue.INFO[0], "items", product(1)),
    "fbo": (stock._FBO, "items", fbo_row(1)),
    "fbs": (stock.fbs_reader("9"), "stocks", fbs_row(1)),
    "fbo orders": (orders._FBO, "postings", fbo_posting(1)),
    "fbs orders": (orders._FBS, "postings", fbs_posting(1)),
    "finance": (finance.reader({}), "accruals", accrual(1, "2026-11-20", total_amount=RUBLE)),
    "fees": (finance.reader({}), "accruals", FEES),
    "returns": (returns.RETURNS, "returns", returned(1)),
    "requests": (return_requests.REQUESTS, "returns", requested(1)),
    "supply orders": (supplies._ORDERS, "orders", supply_order(1)),
    "supplies": (supplies.goods_reader(SUPPLY), "items", item()),
}


def enveloped(where: str, rows: list[Any]) -> bytes:
    answer: Any = rows
    for name in reversed(where.split(".")):
        answer = {name: answer}
    return msgspec.json.encode(answer)


@st.composite
def spoiled(draw: st.DrawFn, row: Row) -> Any:
    """A row with something in it that should not be there, at any depth; or no row at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    copy: Any = msgspec.json.decode(msgspec.json.encode(row))
    at = copy
    while True:
        key = draw(st.sampled_from(sorted(at))) if isinstance(at, dict) else draw(st.integers(0, len(at) - 1))
        inner = at[key]
        if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
            at = inner
            continue
        at[key] = draw(JSON)
        return copy


def believable(record: Any) -> bool:
    counts: list[int | None] = []
    match record:
        case StockRecord():
            ids, counts = [record.sku_id, record.place_id], list(record[2:])
        case OrderRecord():
            ids, counts = [record.order_id, record.sku_id], [record.quantity, record.price, record.ordered_at]
        case CatalogueRecord():
            ids, counts = [record.listing_id, record.sku_id], [record.price]
        case SaleRecord():
            ids, counts = [record.sale_id, record.sku_id, record.day, record.currency], [abs(record.amount)]
        case FinanceRecord():
            ids, counts = [record.finance_id, record.day, record.currency], [abs(record.amount)]
            assert record.sku_id is None or record.sku_id.isdigit()
        case ReturnRecord():
            ids = [record.return_id, record.sku_id]
            counts = [record.quantity, record.returned_at, record.finished_at]
        case SupplyRecord():
            ids, counts = [record.supply_id, record.sku_id], [record.quantity]
        case PlaceRecord():
            ids = [record.place_id, record.name]
        case _:
            return False
    return all(ids) and all(count is None or (type(count) is int and 0 <= count < 2**63) for count in counts)


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_a_spoiled_row_is_read_or_rejected_and_its_neighbours_load(kind: str, data: st.DataObject) -> None:
    reader, where, good = READERS[kind]
    alone = reader.read(enveloped(where, [good]))
    assert len(alone.rows) == 1
    assert not alone.rejected
    bad = data.draw(spoiled(good))
    batch = reader.read(enveloped(where, [bad, good]))
    assert len(batch.rows) + len(batch.rejected) == 2
    assert set(alone.records) <= set(batch.records) or len(batch.rows) == 2
    assert all(believable(record) for record in batch.records)
    for row in batch.rejected:
        assert row.reason
        assert msgspec.json.decode(row.raw) == msgspec.json.decode(msgspec.json.encode(bad))


@pytest.mark.parametrize("kind", READERS)
@given(body=st.binary(max_size=40) | JSON.map(msgspec.json.encode))
def test_what_is_no_answer_at_all_is_a_decode_error(kind: str, body: bytes) -> None:
    reader, _, _ = READERS[kind]
    try:
        batch = reader.read(body)
    except msgspec.DecodeError:
        return
    assert not batch.records
