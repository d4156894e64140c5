"""What every source promises, tried on every registered one against its simulated marketplace."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    OrderRecord,
    PlaceRecord,
    PriceRecord,
    Record,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.errors import MicoreError, SourceAuthError, SourceBusyError, SourceUnreachableError, StopRequestedError
from micore.sources.base import Page, Source, StreamKind
from tests.contracts.markets import CANARY, Market, Mischief
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says

INT64 = 2**63
RECORDS = {
    "warehouses": PlaceRecord,
    "catalogue": CatalogueRecord,
    "stock": StockRecord,
    "orders": OrderRecord,
    "sales": SaleRecord,
    "prices": PriceRecord,
    "returns": ReturnRecord,
    "supplies": SupplyRecord,
    "finance": (FinanceRecord, SaleRecord),
    "storage_cost": StorageCostRecord,
}


@pytest.fixture
def clock() -> HandClock:
    """Our clock stands years away from the marketplace's: nothing may be taken from it."""
    return HandClock()


@pytest.fixture
def source(market: Market, clock: HandClock) -> Iterator[Source]:
    made = market.source(clock.tools())
    yield made
    made.close()


@pytest.fixture(autouse=True)
def honest(market: Market) -> Iterator[None]:
    market.mischief = lambda asked: None
    market.asked.clear()
    yield
    market.mischief = lambda asked: None


def read(source: Source, stream: str, cursor: str | None = None, *, full: bool = False) -> list[Page]:
    return list(source.read(stream, cursor, full=full))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def key_of(record: Record) -> tuple[str, ...]:
    """What identifies a record within its account."""
    match record:
        case PlaceRecord():
            return record.kind, record.place_id
        case CatalogueRecord():
            return (record.sku_id,)
        case StockRecord():
            return record.sku_id, record.place_id
        case OrderRecord():
            return record.order_id, record.sku_id
        case SaleRecord():
            return "sale", record.sale_id
        case PriceRecord():
            return (record.listing_id,)
        case ReturnRecord():
            return record.return_id, record.sku_id
        case SupplyRecord():
            return record.supply_id, record.sku_id
        case FinanceRecord():
            return "amount", record.finance_id
        case StorageCostRecord():
            return (record.cost_id,)


def figures(record: Record) -> list[int | None]:
    """Counts and prices, none of which can be below zero."""
    match record:
        case StockRecord():
            return list(record[2:])
        case OrderRecord():
            return [record.quantity, record.price, record.ordered_at, record.cancelled_at]
        case CatalogueRecord():
            return [record.price, record.created_at]
        case _:
            return []


def instantly(seconds: float) -> None:
    """Waiting that costs nothing."""


# --- what is read -------------------------------------------------------------------------------------------------


def test_the_account_is_known(market: Market, source: Source) -> None:
    facts = source.account()
    assert facts.external_id
    assert facts.name
    assert len(facts.currency) == 3


def test_records_are_valid_and_each_is_read_once(source: Source, stream: str) -> None:
    pages = read(source, stream)
    found = records(pages)
    assert found, "the simulated shop has some of everything"
    assert {type(record) for record in found} == {RECORDS[stream]}
    assert [row for page in pages for row in page.rejected] == []
    assert [key for key, times in Counter(map(key_of, found)).items() if times > 1] == []
    for record in found:
        assert all(key_of(record))
        assert all(figure is None or 0 <= figure < INT64 for figure in figures(record))


def test_what_records_name_is_told_with_them(source: Source, stream: str) -> None:
    for page in read(source, stream):
        places = {place.place_id for place in page.places}
        for record in page.records:
            if isinstance(record, (StockRecord, OrderRecord)) and record.place_id is not None:
                assert record.place_id in places
        told: set[str] = set()
        for place in [*page.places, *(record for record in page.records if isinstance(record, PlaceRecord))]:
            assert place.parent_id is None or place.parent_id in told, "a parent comes before its children"
            told.add(place.place_id)


def test_reading_again_brings_the_same(market: Market, source: Source, stream: str) -> None:
    assert records(read(source, stream)) == records(read(source, stream))


def test_a_reading_ends_once_and_its_scopes_hang_together(source: Source, stream: str) -> None:
    pages = read(source, stream)
    assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]
    scopes = [page.scope for page in pages]
    assert scopes == sorted(scopes, key=scopes.index), "pages of one scope come together"
    kind = next(each.kind for each in source.streams if each.name == stream)
    if kind is StreamKind.SNAPSHOT:
        for scope in set(scopes):
            of_scope = [page for page in pages if page.scope == scope]
            assert [page.scope_done for page in of_scope] == [False] * (len(of_scope) - 1) + [True]
    else:
        assert not any(page.scope_done or page.scope for page in pages)


def test_raw_answers_and_cursors_are_what_was_sent(source: Source, clock: HandClock, stream: str) -> None:
    for page in read(source, stream):
        method, path = page.raw.endpoint.split(" ")
        assert method in ("GET", "POST")
        assert path.startswith("/")
        assert page.raw.body or not page.records, "only HTTP 204 has no body"
        assert page.raw.received_at.year == clock.now().year
        assert 0 < len(page.cursor.encode()) < 2000


def test_the_marketplaces_clock_counts(market: Market, source: Source, stream: str) -> None:
    pages = read(source, stream)
    now = market.now()
    for scope in {page.scope for page in pages}:
        (as_of,) = {page.as_of for page in pages if page.scope == scope}
        assert as_of.tzinfo == UTC
        assert abs(now - as_of) < timedelta(seconds=5)


# --- going on -----------------------------------------------------------------------------------------------------


def test_a_reading_goes_on_after_any_page(market: Market, source: Source, clock: HandClock, stream: str) -> None:
    whole = read(source, stream)
    for number in range(1, len(whole), 1 + len(whole) // 25):
        other = market.source(clock.tools())
        rest = read(other, stream, whole[number - 1].cursor)
        other.close()
        assert records(whole[:number]) + records(rest) == records(whole)


def test_the_next_reading_begins_where_the_last_one_ended(source: Source, stream: str) -> None:
    first = read(source, stream)
    second = read(source, stream, first[-1].cursor)
    assert second[-1].done
    assert set(records(second)) <= set(records(first))
    assert records(read(source, stream, first[-1].cursor, full=True)) == records(first)


# --- adversity ----------------------------------------------------------------------------------------------------


def first_times(times: int, says: Says) -> Mischief:
    """Spoils the first requests to each path."""
    spoilt: Counter[str] = Counter()

    def mischief(asked: Asked) -> Says | None:
        spoilt[asked.path] += 1
        return says if spoilt[asked.path] <= times else None

    return mischief


@pytest.mark.parametrize(
    "says",
    [
        Says({}, 500),
        Says(b"<html>Bad gateway</html>", 502),
        Says(b"<html>One moment</html>"),
        Says(b'{"cut', cut_after=2),
        Says({"message": "slow down"}, 429, {"Retry-After": "3"}),
    ],
    ids=["500", "502", "html", "cut", "429"],
)
def test_a_passing_trouble_changes_nothing(
    market: Market, source: Source, clock: HandClock, stream: str, says: Says
) -> None:
    expected = records(read(source, stream))
    clock.waits.clear()
    market.mischief = first_times(2, says)
    assert records(read(source, stream)) == expected
    assert clock.waits
    if says.status == 429:
        assert sum(seconds >= 3 for seconds in clock.throttled) >= 2


@pytest.mark.parametrize(("status", "error"), [(503, SourceUnreachableError), (429, SourceBusyError)])
def test_a_lasting_trouble_ends_the_reading_in_time(
    market: Market, source: Source, clock: HandClock, stream: str, status: int, error: type[MicoreError]
) -> None:
    market.mischief = lambda asked: Says({}, status)
    started = clock.seconds
    with pytest.raises(error):
        read(source, stream)
    assert clock.seconds - started < 300


def test_a_marketplace_that_is_down_is_unreachable(market: Market, clock: HandClock, stream: str) -> None:
    source = market.source(clock.tools(), base_url="http://127.0.0.1:1")
    started, real = clock.seconds, time.monotonic()
    with pytest.raises(SourceUnreachableError):
        read(source, stream)
    assert clock.seconds - started < 300
    assert time.monotonic() - real < 20
    source.close()


def test_a_wrong_key_is_refused(market: Market, clock: HandClock, stream: str) -> None:
    wrong = dict.fromkeys(secret_options(market, clock), "invalid")
    source = market.source(clock.tools(), **wrong)
    with pytest.raises(SourceAuthError):
        read(source, stream)
    with pytest.raises(SourceAuthError):
        source.account()
    assert clock.waits == []
    source.close()


def test_stopping_interrupts_a_wait(market: Market, clock: HandClock, stream: str) -> None:
    def stop(seconds: float) -> None:
        raise StopRequestedError("stop")

    source = market.source(replace(clock.tools(), sleep=stop))
    market.mischief = lambda asked: Says({}, 503)
    with pytest.raises(StopRequestedError):
        read(source, stream)
    source.close()


def test_the_key_turns_up_nowhere(
    market: Market,
    source: Source,
    stream: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    pages = read(source, stream)
    assert any(CANARY in "".join(asked.headers.values()) for asked in market.asked), "the header is where it belongs"
    assert all(CANARY.encode() not in asked.raw and CANARY not in asked.path for asked in market.asked)
    market.mischief = lambda asked: Says({"message": f"what a key: {CANARY}"}, 418)
    with pytest.raises(MicoreError) as caught:
        read(source, stream)
    told: list[Any] = [*pages, caught.value, vars(caught.value), caught.getrepr(showlocals=False)]
    assert not any(CANARY in repr(each) or CANARY in str(each) for each in told)
    assert CANARY not in caplog.text + "".join(capsys.readouterr())


def test_limits_are_never_exceeded(strict_market: Market, clock: HandClock) -> None:
    """As fast as it goes, by the real clock at the market's pace, all streams twice, and syncs one right after another.

    The limits are the account's: what one sync has asked counts for the next.
    """
    pace = strict_market.pace
    kept: dict[str, Any] = {}

    def keep(name: str, make: Callable[[], Any]) -> Any:
        return kept[name] if name in kept else kept.setdefault(name, make())

    tools = replace(
        clock.tools(),
        monotonic=lambda: time.monotonic() * pace,
        sleep=lambda seconds: time.sleep(seconds / pace),
        keep=keep,
    )
    for times in (2, 1, 1):
        source = strict_market.source(tools)
        source.account()
        for each in source.streams:
            for _ in range(times):
                read(source, each.name)
        source.close()
    assert strict_market.refusals() == 0
    assert {status for _, status in clock.requests} <= {200, 204}


def secret_options(market: Market, clock: HandClock) -> list[str]:
    source = market.source(clock.tools())
    source.close()
    return [option.name for option in source.options if option.secret]
