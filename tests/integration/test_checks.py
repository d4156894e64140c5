"""Checks of what was read: too few rows are held and told, what changed in the answers is told, ends are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from micore.domain.findings import FindingKind
from micore.domain.records import OrderRecord
from micore.domain.retirements import Retirement
from micore.domain.run_views import Run, RunState, StreamRun, StreamState
from micore.domain.views import HistoryDay
from micore.errors import SourceUnreachableError
from micore.services import checks
from micore.services.dashboard import product_id
from micore.services.products import Products
from tests.support.fake_source import DAY, START, FakeSource, card, held, order, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

USUAL = 40
WEEKS = 7


class EndingSource(FakeSource):
    """One method of it ends."""

    retirements: ClassVar[tuple[Retirement, ...]] = (Retirement("/fake/orders", date(2026, 12, 31), "/fake/v2"),)


def orders_of(days_ago: int, count: int) -> list[OrderRecord]:
    at = START - days_ago * DAY
    return [order(f"{at:%m%d}-{number}", str(number % 8 + 1), at=at) for number in range(count)]


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.page_rows = 200
    market.orders = [each for days in range(7 * WEEKS) for each in orders_of(days, USUAL + days % 3)]
    with sync_bench(migrated_url, tmp_path, market, kind=EndingSource) as made:
        yield made


def sold(bench: SyncBench) -> int:
    """Units of the last 30 days of all products."""
    return sum(int(row[0]) for row in bench.rows("product_summary", "sold_30d")) // 1000


def history(bench: SyncBench) -> list[HistoryDay]:
    """The last days of one product."""
    products = Products(bench.database, bench.service.shop, now=lambda: bench.market.clock)
    key = bench.rows("product_summary", "product_key")[-1][0]
    return products.history(product_id(key), 7).days


def raise_killed(*args: object) -> None:
    raise KeyboardInterrupt


def stream_of(run: Run, name: str) -> StreamRun:
    return next(each for each in run.streams if each.stream == name)


def kinds(run: Run, name: str) -> list[FindingKind]:
    return [each.kind for each in stream_of(run, name).findings]


class TestDays:
    def test_a_day_with_too_few_orders_is_held_and_says_what_is_usual(self, bench: SyncBench) -> None:
        assert bench.sync().state == RunState.DONE
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        generations = len(bench.told.generations)
        run = bench.sync(streams=["orders"])
        orders = stream_of(run, "orders")
        assert (run.state, orders.state) == (RunState.GAPS, StreamState.HELD)
        (few,) = [each for each in orders.findings if each.kind == FindingKind.TOO_FEW_ROWS]
        assert few.message.startswith("orders of Saturday 21 Nov: 3 rows came, ")
        assert few.facts["day"] == "2026-11-21"
        assert ("1121-0",) in bench.rows("order_line", "order_id"), "rows are facts and stay"
        # The one generation that a run which did not end well makes: nothing of the day is published.
        assert len(bench.told.generations) == generations + 1

    def test_the_reading_after_it_begins_where_that_one_began_and_is_believed(self, bench: SyncBench) -> None:
        bench.sync()
        cursor = bench.rows("stream_state", "stream", "cursor")
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        bench.sync(streams=["orders"])
        assert bench.rows("stream_state", "stream", "cursor") == cursor
        run = bench.sync(streams=["orders"])
        assert stream_of(run, "orders").state == StreamState.DONE
        assert FindingKind.TOO_FEW_ROWS not in kinds(run, "orders")

    def test_no_sum_counts_it_whoever_publishes_until_it_is_believed(self, bench: SyncBench) -> None:
        bench.sync()
        before = sold(bench)
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        run = bench.sync()
        assert stream_of(run, "orders").state == StreamState.HELD
        assert stream_of(run, "sales").state == StreamState.DONE
        # Two days have gone by, and with them the two oldest of the month.
        oldest = [each for days in (28, 29) for each in orders_of(days, USUAL + days % 3)]
        assert sold(bench) == before - len(oldest)
        assert [day.day for day in history(bench) if day.incomplete] == [date(2026, 11, 21)]
        assert bench.sync().state == RunState.DONE
        assert sold(bench) == before - len(oldest) + 3
        assert not [day for day in history(bench) if day.incomplete]

    def test_a_reading_in_two_pieces_is_not_its_own_confirmation(self, bench: SyncBench) -> None:
        bench.sync()
        cursor = bench.rows("stream_state", "stream", "cursor", "complete")
        bench.market.orders = orders_of(-1, 3)
        bench.market.page_rows = 1
        bench.market.clock += 2 * DAY
        bench.market.fail_before_page["orders:2"] = SourceUnreachableError("fake", path="/orders", problem="cut")
        assert stream_of(bench.sync(streams=["orders"]), "orders").state == StreamState.FAILED
        assert bench.rows("stream_state", "stream", "cursor", "complete") != cursor
        assert stream_of(bench.sync(streams=["orders"]), "orders").state == StreamState.HELD
        assert bench.rows("stream_state", "stream", "cursor", "complete") == cursor, "the same days are asked for again"
        assert stream_of(bench.sync(streams=["orders"]), "orders").state == StreamState.DONE

    def test_killed_before_it_was_judged_the_same_days_are_read_again(
        self, bench: SyncBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.sync()
        cursor = bench.rows("stream_state", "stream", "cursor")
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        with monkeypatch.context() as patched:
            patched.setattr(checks, "doubted_days", raise_killed)
            with pytest.raises(KeyboardInterrupt):
                bench.sync(streams=["orders"])
        bench.service.recover()
        with bench.database.write() as connection:
            connection.exec_driver_sql("UPDATE run SET lease_until = 0 WHERE state = 'running'")
        run = bench.service.work_once()
        assert run is not None and stream_of(run, "orders").state == StreamState.HELD
        assert bench.rows("stream_state", "stream", "cursor") == cursor

    def test_orders_that_come_late_end_the_doubt(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        assert bench.sync(streams=["orders"]).state == RunState.GAPS
        bench.market.orders = orders_of(-1, USUAL)
        assert bench.sync(streams=["orders"]).state == RunState.DONE
        assert ("2026-11-21", USUAL, "believed") in bench.rows("stream_volume", "day", "rows", "state")

    def test_a_person_may_believe_it(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.orders = orders_of(-1, 3)
        bench.market.clock += 2 * DAY
        assert bench.sync(streams=["orders"], believe=True).state == RunState.DONE

    def test_usual_days_and_the_day_under_way_say_nothing(self, bench: SyncBench) -> None:
        bench.sync()
        for days in range(1, 4):
            bench.market.orders = orders_of(-days, USUAL)
            bench.market.clock += DAY
            assert bench.sync(streams=["orders"]).state == RunState.DONE
        counted = bench.rows("stream_volume", "day", "rows", "state")
        assert counted[-1] == ("2026-11-22", USUAL, "believed")


class TestWholeReadings:
    def test_a_listing_below_its_own_history_is_held_though_more_than_half_came(self, bench: SyncBench) -> None:
        bench.market.catalogue = [card(str(number)) for number in range(1, 201)]
        for _ in range(5):
            assert bench.sync(streams=["catalogue"]).state == RunState.DONE
            bench.market.clock += timedelta(days=7)
        del bench.market.catalogue[120:]
        run = bench.sync(streams=["catalogue"])
        assert stream_of(run, "catalogue").state == StreamState.HELD
        assert kinds(run, "catalogue") == [FindingKind.TOO_FEW_ROWS]
        assert bench.rows("sku", "count(*)") == [(200,)]
        assert not [row for row in bench.rows("sku", "retired_at") if row[0] is not None]
        assert bench.sync(streams=["catalogue"]).state == RunState.DONE, "a second one that agrees"
        assert len([row for row in bench.rows("sku", "retired_at") if row[0] is not None]) == 80

    def test_a_snapshot_below_its_own_history_is_held(self, bench: SyncBench) -> None:
        bench.market.catalogue = [card(str(number)) for number in range(1, 201)]
        bench.market.stock["fbo"] = [held(str(number), "w1", 5) for number in range(1, 201)]
        for _ in range(5):
            assert bench.sync(streams=["catalogue", "stock"]).state == RunState.DONE
            bench.market.clock += timedelta(days=7)
        del bench.market.stock["fbo"][120:]
        run = bench.sync(streams=["stock"])
        assert stream_of(run, "stock").state == StreamState.HELD
        assert "stock FBO: 120 rows came" in (run.message or "")
        assert len([row for row in bench.rows("stock", "available") if row[0] == 0]) == 0


class TestNotes:
    def test_skus_that_the_catalogue_does_not_hold_are_counted(self, bench: SyncBench) -> None:
        bench.market.orders.append(order("P-?", "999"))
        run = bench.sync()
        assert run.state == RunState.DONE, "a note is no failure"
        assert FindingKind.UNKNOWN_SKUS in kinds(run, "orders")
        assert FindingKind.UNKNOWN_SKUS not in kinds(bench.sync(), "orders"), "told once"

    def test_a_method_that_ends_within_two_months_is_told(self, bench: SyncBench) -> None:
        run = bench.sync()
        assert kinds(run, "orders") == [FindingKind.RETIRING]
        assert kinds(run, "stock") == []
        assert [each.id for each in bench.service.history(limit=9, findings=True).items] == [run.id]
