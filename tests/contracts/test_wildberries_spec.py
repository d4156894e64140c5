"""Wildberries' official specification: it allows every request of ours; its placeholders are refused row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from micore.errors import RecordRejectedError, SourceGoneError, SourceProtocolError
from micore.sources.base import Page
from micore.sources.http import RequestRefusedError
from micore.sources.wildberries import WildberriesSource
from micore.sources.wildberries.api import (
    ORDERS_PATH,
    PRICES_PATH,
    REPORTS_PATH,
    RETURNS_PATH,
    SALES_PATH,
    SELLER_STOCK_PATH,
    SUPPLIES_PATH,
    TRASH_PATH,
    Category,
    WildberriesApi,
)
from tests.contracts.spec_mock import mocking
from tests.unit.sources.clocks import HandClock

SPEC = Path(__file__).resolve().parents[1] / "fixtures" / "specs" / "wildberries-seller-api.json"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with mocking(SPEC) as url:
        yield url


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def source(address: str, clock: HandClock) -> Iterator[WildberriesSource]:
    options = {"api_token": "token-for-tests", "base_url": address, "history_days": "40"}
    made = WildberriesSource(options, replace(clock.tools(), sku_of_barcode=lambda barcode, card: "1"))
    yield made
    made.close()


@pytest.fixture
def api(address: str, clock: HandClock) -> Iterator[WildberriesApi]:
    made = WildberriesApi("token-for-tests", address, clock.tools())
    yield made
    made.close()


def read(source: WildberriesSource, stream: str, cursor: str | None = None) -> list[Page]:
    """The pages up to where the mock goes in circles, or where it does not know a method that is younger than it."""
    pages = []
    try:
        for page in source.read(stream, cursor):
            pages.append(page)  # noqa: PERF402 - what came before the error counts
    except RequestRefusedError:
        raise
    except (SourceProtocolError, SourceGoneError):
        pass
    return pages


@pytest.mark.parametrize(
    "query", [{"limit": 1001}, {"limit": "many"}, {"offset": 0}, {"limit": 1, "offset": -1}], ids=str
)
def test_the_mock_refuses_what_the_specification_does_not_allow(
    api: WildberriesApi, query: dict[str, str | int]
) -> None:
    with pytest.raises(RequestRefusedError):
        api.get(Category.PRICES, PRICES_PATH, query, bytes)


def test_ping_is_allowed(api: WildberriesApi, clock: HandClock) -> None:
    api.now(Category.COMMON)
    assert clock.requests == [("GET /ping", 200)]


def test_the_account_is_read(source: WildberriesSource) -> None:
    assert source.account().currency == "RUB"


@pytest.mark.parametrize("stream", ["warehouses", "catalogue", "prices", "stock", "orders", "sales", "supplies"])
def test_placeholders_are_rejected_row_by_row(source: WildberriesSource, stream: str) -> None:
    pages = read(source, stream)
    assert [page.records for page in pages if page.records] == []
    assert sum(len(page.rejected) for page in pages) >= 1


def test_no_request_was_refused(source: WildberriesSource, clock: HandClock) -> None:
    for stream in source.streams:
        read(source, stream.name)
    allowed = {endpoint for endpoint, status in clock.requests if status == 200}
    refused = {endpoint: status for endpoint, status in clock.requests if status != 200}
    # Both are younger than the specification.
    assert set(refused) <= {f"POST {SELLER_STOCK_PATH}", f"GET {RETURNS_PATH}"}
    assert set(refused.values()) <= {404}
    assert {
        f"GET {ORDERS_PATH}",
        f"GET {SALES_PATH}",
        f"POST {SUPPLIES_PATH}",
        f"POST {TRASH_PATH}",
    } <= allowed


def test_the_list_of_reports_is_asked_as_specified_and_its_placeholders_are_no_money(
    source: WildberriesSource, clock: HandClock
) -> None:
    with pytest.raises((RecordRejectedError, SourceProtocolError)) as failed:
        source.own_statements(date(2026, 11, 9), date(2026, 11, 16))
    assert not isinstance(failed.value, RequestRefusedError)
    assert (f"POST {REPORTS_PATH}", 200) in clock.requests
