"""Ozon's official specification: it allows every request of ours, and its examples are read or refused, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from micore.domain.records import CatalogueRecord, OrderRecord, ReturnRecord, ReturnState, SupplyRecord, SupplyState
from micore.errors import SourceProtocolError
from micore.sources.base import Page
from micore.sources.cursors import to_text
from micore.sources.http import RequestRefusedError
from micore.sources.ozon import OzonSource
from micore.sources.ozon.api import OzonApi
from micore.sources.ozon.orders import OrdersCursor
from micore.sources.ozon.reports import _INFO, _LIST, _LISTED, INFO_PATH, LIST_PATH, LIST_TYPE
from micore.sources.ozon.return_requests import request_pages
from micore.sources.ozon.returns import ReturnsCursor
from micore.sources.ozon.stock import FBS_PATH, fbs_pages
from micore.sources.ozon.supplies import _ORDERS, GET_PATH, goods_of, supplies_of
from micore.sources.ozon.warehouses import WarehousesCursor
from micore.sources.ozon.windows import Marks
from tests.contracts.spec_mock import mocking
from tests.unit.sources.clocks import HandClock

SPEC = Path(__file__).resolve().parents[1] / "fixtures" / "specs" / "ozon-seller-api.json"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with mocking(SPEC) as url:
        yield url


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def source(address: str, clock: HandClock) -> Iterator[OzonSource]:
    options = {"client_id": "1234", "api_key": "key-for-tests", "base_url": address, "history_days": "40"}
    made = OzonSource(options, clock.tools())
    yield made
    made.close()


@pytest.fixture
def api(address: str, clock: HandClock) -> Iterator[OzonApi]:
    made = OzonApi("1234", "key-for-tests", address, clock.tools())
    yield made
    made.close()


def read(source: OzonSource, stream: str, cursor: str | None = None) -> list[Page]:
    """The pages up to where the mock goes in circles: it answers the same for ever."""
    pages = []
    try:
        for page in source.read(stream, cursor):
            pages.append(page)  # noqa: PERF402 - what came before the error counts
    except RequestRefusedError:
        raise
    except SourceProtocolError:
        pass
    return pages


def test_the_mock_refuses_what_the_specification_does_not_allow(api: OzonApi) -> None:
    with pytest.raises(RequestRefusedError):
        api.ask(FBS_PATH, {"warehouse_id": 1, "limit": 1001, "cursor": ""}, bytes)


def test_the_account_is_read(source: OzonSource) -> None:
    facts = source.account()
    assert (facts.name, facts.currency) == ("ООО 'Ромашка'", "RUB")
    assert facts.key_expires_at == datetime(2026, 2, 18, 9, 54, 23, 296_000, tzinfo=UTC)


def test_the_example_of_a_warehouse_list_breaks_its_own_schema(source: OzonSource) -> None:
    # "has_next": "string": as a whole it is no answer, and nothing of it is believed.
    with pytest.raises(SourceProtocolError, match="has_next"):
        list(source.read("warehouses", None))


def test_placeholder_clusters_are_rejected(source: OzonSource) -> None:
    pages = read(source, "warehouses", to_text(WarehousesCursor(part=1)))
    assert [len(page.rejected) for page in pages] == [1, 1]
    assert pages[-1].done


def test_the_example_product_is_read(source: OzonSource) -> None:
    (page,) = read(source, "catalogue")
    assert [record.name for record in page.records if isinstance(record, CatalogueRecord)] == ["Тестовый товар 123"]
    # The list's example names another product than the description's.
    assert [row.reason for row in page.rejected] == ["listed, but not described"]


def test_placeholder_stock_is_rejected(source: OzonSource) -> None:
    (page,) = read(source, "stock")
    assert (page.records, len(page.rejected), page.seen) == ([], 1, ["987654321"])


def test_the_example_stock_of_a_sellers_warehouse_is_read(api: OzonApi) -> None:
    (step,) = fbs_pages(api, "1020003080073000", "")
    assert [tuple(record)[:5] for record in step.page.value.records] == [
        ("147035011", "1020003080073000", 1_000_000, 1_000_000, 0)
    ]


def test_the_example_postings_are_read_in_both_ways(source: OzonSource, clock: HandClock) -> None:
    first = read(source, "orders")
    assert first[-1].done
    assert {record.order_id for page in first for record in page.records if isinstance(record, OrderRecord)} == {
        "9121072335-0187-1",
        "0208245774-0029-1",
    }
    # Prism's Date header is real time: the marks must lie before it.
    before = first[-1].as_of - timedelta(days=2)
    later = read(source, "orders", to_text(OrdersCursor(Marks(before, before, before))))
    assert later[-1].done
    assert '"last_changed_status_date"' in later[-1].raw.request


def test_placeholder_accruals_are_rejected(source: OzonSource) -> None:
    pages = read(source, "finance")
    assert [(page.records, len(page.rejected)) for page in pages] == [([], 1)]


def test_the_example_return_is_read(source: OzonSource, clock: HandClock) -> None:
    (first, *_) = read(source, "returns")
    (record,) = first.records
    assert isinstance(record, ReturnRecord)
    assert (record.return_id, record.sku_id, record.scheme, record.quantity) == (
        "1000015552",
        "1100526203",
        "FBS",
        1000,
    )
    assert (record.state, record.order_id, record.finished_at) == (ReturnState.READY, "58544282-0057-1", None)
    later = read(source, "returns", to_text(ReturnsCursor(first.as_of - timedelta(days=2))))
    assert later[-1].done


def test_the_example_request_to_return_is_read(api: OzonApi) -> None:
    at = datetime(2026, 2, 1, tzinfo=UTC)
    (step,) = request_pages(api, at, at + timedelta(days=28), "")
    (record,) = step.page.value.records
    assert isinstance(record, ReturnRecord)
    assert (record.return_id, record.sku_id, record.scheme) == ("rfbs:8000123456", "1000123456", "rFBS")
    assert (record.state, record.order_id) == (ReturnState.ON_THE_WAY, "789456123-0002-3")
    assert (record.quantity, record.finished_at) == (None, None)


def test_the_example_supply_is_read(api: OzonApi) -> None:
    (order,) = api.ask(GET_PATH, {"order_ids": ["84882285"]}, _ORDERS.read).value.rows
    (supply,) = supplies_of(order)
    ((_, found),) = goods_of(api, supply)
    assert [(each.supply_id, each.sku_id, each.place_id, each.state, each.quantity, each.expected_at)
        for each in found if isinstance(each, SupplyRecord)
    ] == [
        ("2111140905880", "160249683", "23843917228000", SupplyState.PLANNED, 5000, 1_771_135_200_000_000),
        ("2111140905880", "123456789", "23843917228000", SupplyState.PLANNED, 10_000, 1_771_135_200_000_000),
    ]  # fmt: skip


def test_no_request_was_refused(source: OzonSource, api: OzonApi, clock: HandClock) -> None:
    for stream in source.streams:
        if stream.name == "storage_cost":
            # As far as the link in the example, which leads out into the world.
            order = next(source.read(stream.name, None))
            assert order.at_once
            assert api.ask(INFO_PATH, {"code": "REPORT_1"}, _INFO.decode).value.result.status
            asked = {"page": 1, "page_size": 1000, "report_type": LIST_TYPE}
            rows = api.ask(LIST_PATH, asked, _LIST.decode).value.result.reports
            assert rows and all(_LISTED.decode(row).code for row in rows)
        else:
            read(source, stream.name)
    assert {status for _, status in clock.requests} == {200}
