"""Loading that can be trusted: what the tables hold after whole, repeated, broken and doubtful readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from micore.domain.instants import micros
from micore.domain.records import OrderState, RejectedRow
from micore.domain.run_views import RunState, StreamState, Trigger
from micore.errors import ConflictError, InvalidRequestError, SourceAuthError, SourceUnreachableError
from micore.services import loading, sync_work
from micore.storage import raw, runs, stock
from tests.support.fake_source import DAY, START, card, held, order, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

HOUR = timedelta(hours=1)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    with sync_bench(migrated_url, tmp_path, small_shop()) as made:
        yield made


class TestWholeReading:
    def test_everything_arrives(self, bench: SyncBench) -> None:
        run = bench.sync()
        assert (run.state, run.message) == (RunState.DONE, None)
        assert [(each.stream, each.state) for each in run.streams] == [
            (name, StreamState.DONE) for name in ("warehouses", "catalogue", "stock", "orders", "sales")
        ]
        read = {each.stream: each.rows_read for each in run.streams}
        assert read == {"warehouses": 4, "catalogue": 8, "stock": 11, "orders": 21, "sales": 5}
        assert run.rows_loaded == run.rows_read
        assert run.rows_rejected == 0

    def test_status_bands_sum_over_places(self, bench: SyncBench) -> None:
        bench.sync()
        status = {
            code: (state, available)
            for code, state, available in bench.rows("product_summary", "code", "status", "available")
        }
        assert status == {
            "ART-1": (0, 0),
            "ART-2": (0, 3000),
            "ART-3": (1, 14000),
            "ART-4": (2, 57000),
            "ART-5": (3, 401000),
            "ART-6": (0, 5000),
            "ART-7": (1, 20000),
            "ART-8": (2, 100000),
        }
        assert bench.rows("status_total", "status", "products") == [(0, 3), (1, 2), (2, 2), (3, 1), (4, 0)]

    def test_cancelled_orders_are_not_sold(self, bench: SyncBench) -> None:
        bench.sync()
        sold = dict(bench.rows("product_summary", "code", "sold_30d"))
        expected = {f"ART-{sku}": 0 for sku in range(1, 9)}
        for number in range(20):
            expected[f"ART-{number % 8 + 1}"] += (number % 3 + 1) * 1000
        assert sold == expected

    def test_each_answer_is_kept_and_can_be_read_back(self, bench: SyncBench) -> None:
        bench.sync()
        with bench.database.read() as connection:
            digest = (
                connection.exec_driver_sql("SELECT sha256 FROM raw_page WHERE stream = 'catalogue' ORDER BY id")
                .scalars()
                .first()
            )
            assert digest is not None
            location, endpoint, _ = raw.find_page(connection, digest)
        assert endpoint == "POST /fake/catalogue"
        assert b'"stream": "catalogue"' in bench.raw_store.read(location)

    def test_listeners_hear_of_each_publish(self, bench: SyncBench) -> None:
        bench.sync()
        assert bench.told.generations == sorted(set(bench.told.generations))
        assert bench.told.generations
        assert bench.rows("generation", "number") == [(bench.told.generations[-1],)]

    def test_a_listing_is_shown_with_the_stock_that_follows(self, bench: SyncBench) -> None:
        bench.sync(streams=["catalogue", "stock"])
        # One publish for each scheme.
        assert bench.told.generations == [1, 2]
        assert bench.content()["dirty"] == []
        bench.market.catalogue.append(card("9"))
        bench.sync(streams=["catalogue", "stock"])
        assert bench.content()["dirty"] == []
        assert len(bench.rows("product_summary", "code")) == 9

    def test_a_listing_does_not_wait_long_for_stock(self, bench: SyncBench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sync_work, "PUT_OFF_SECONDS", 0)
        monkeypatch.setattr(loading, "ROWS_PER_STEP", 1)
        shown: list[int] = []
        bench.market.on_page = lambda stream, number: shown.append(len(bench.told.generations))
        bench.sync(streams=["catalogue", "stock"])
        assert shown[-1] == 2, "the catalogue, and the first scheme's stock"

    @pytest.mark.parametrize("how", ["stopped", "crashed", "unreachable", "held"])
    def test_a_listing_is_shown_whatever_becomes_of_the_stock(self, bench: SyncBench, how: str) -> None:
        def stop(stream: str, number: int) -> None:
            if stream == "stock":
                bench.service.stop(bench.service.overview().running[0].id)

        if how == "held":
            bench.sync()
            bench.market.catalogue.append(card("9"))
            bench.market.stock = {"fbo": [], "fbs": []}
        elif how == "stopped":
            bench.market.on_page = stop
        else:
            error: Exception = SourceUnreachableError("fake", path="/fake", problem="cut")
            bench.market.fail_before_page["stock:0"] = error if how == "unreachable" else ZeroDivisionError("boom")
        assert bench.sync(streams=["catalogue", "stock"]).state != RunState.DONE
        assert bench.content()["dirty"] == []
        assert len(bench.rows("product_summary", "code")) == (9 if how == "held" else 8)

    def test_what_was_put_off_at_the_end_of_the_program_is_shown_by_who_goes_on(self, bench: SyncBench) -> None:
        def end(stream: str, number: int) -> None:
            if stream == "stock":
                bench.service.stopping.set()

        bench.market.on_page = end
        bench.market.fail_before_page["stock:0"] = SourceUnreachableError("fake", path="/fake", problem="cut")
        assert bench.sync(streams=["catalogue", "stock"]).state == RunState.QUEUED
        assert bench.rows("product_summary", "code") == []
        bench.service.stopping.clear()
        bench.market.on_page = lambda stream, number: None
        assert bench.service.work_once() is not None
        assert len(bench.rows("product_summary", "code")) == 8
        assert bench.content()["dirty"] == []


class TestRepeating:
    def test_a_second_reading_changes_nothing(self, bench: SyncBench) -> None:
        bench.sync()
        before = bench.content()
        again = bench.sync()
        assert bench.content() == before
        assert again.rows_loaded == 0
        assert again.rows_unchanged == again.rows_read

    def test_a_full_reading_changes_nothing(self, bench: SyncBench) -> None:
        bench.sync()
        before = bench.content()
        assert bench.sync(full=True).rows_loaded == 0
        assert bench.content() == before

    @pytest.mark.parametrize("stream", ["warehouses", "catalogue", "stock", "orders", "sales"])
    def test_a_reading_broken_at_any_page_ends_as_if_it_had_not_been(
        self, tmp_path: Path, migrated_sqlite_url: str, stream: str
    ) -> None:
        with sync_bench(migrated_sqlite_url, tmp_path / "whole", small_shop()) as whole:
            whole.sync()
            expected = whole.content()
        for page in range(8):
            market = small_shop()
            market.fail_before_page[f"{stream}:{page}"] = SourceUnreachableError("fake", path="/fake", problem="cut")
            with sync_bench(f"sqlite:///{tmp_path}/{stream}{page}.db", tmp_path / f"{stream}{page}", market) as broken:
                first = broken.sync()
                if market.fail_before_page:
                    break
                assert first.state == RunState.GAPS
                assert broken.sync().state == RunState.DONE
                assert broken.content() == expected
        assert page > 0

    def test_a_broken_reading_goes_on_where_it_stopped(self, bench: SyncBench) -> None:
        bench.market.fail_before_page["orders:4"] = SourceUnreachableError("fake", path="/fake", problem="cut")
        bench.sync()
        bench.market.reads.clear()
        bench.sync()
        cursor = dict(bench.market.reads)["orders"]
        assert cursor is not None
        assert '"next": 4' in cursor


class TestChanges:
    def test_stock_changes_close_one_interval_and_open_another(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.clock += HOUR
        bench.market.stock["fbo"][3] = held("4", "w1", 49)
        run = bench.sync()
        assert {each.stream: each.rows_loaded for each in run.streams}["stock"] == 1
        closed = bench.content()["history"]
        assert closed == [("4", "w1", 50000, micros(START), micros(START + HOUR))]
        assert ("4", "w1", 49000) in [row[:3] for row in bench.content()["stock"]]

    def test_what_a_whole_reading_lacks_is_zero_and_unknown_stays_unknown(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.clock += HOUR
        del bench.market.stock["fbo"][3]
        bench.sync()
        gone = [row for row in bench.content()["stock"] if row[:2] == ("4", "w1")]
        assert gone[0][2:8] == (0, None, None, None, None, None)

    def test_a_scope_says_nothing_of_another(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.clock += HOUR
        bench.market.stock["fbs"] = [held("3", "s1", 2)]
        bench.sync()
        assert [row[:3] for row in bench.content()["stock"] if row[1] == "s1"] == [("3", "s1", 2000), ("5", "s1", 0)]
        assert ("5", "w1", 400000) in [row[:3] for row in bench.content()["stock"]]

    def test_a_late_cancellation_is_a_new_version(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.orders[0] = bench.market.orders[0]._replace(
            state=OrderState.CANCELLED, cancelled_at=micros(START + HOUR)
        )
        run = bench.sync()
        assert {each.stream: each.rows_loaded for each in run.streams}["orders"] == 1
        versions = [row[1:3] for row in bench.content()["versions"] if row[0] == "P-0"]
        assert versions == [(1, "ordered"), (2, "cancelled")]
        sold = dict(bench.rows("product_summary", "code", "sold_30d"))
        assert sold["ART-1"] == 1000 * (0 + 3 + 2)

    def test_a_split_order_counts_its_lines_once(self, bench: SyncBench) -> None:
        bench.market.page_rows = 100
        bench.market.orders = [order("P-1", "1"), order("P-1", "2")]
        bench.sync()
        bench.market.orders = [order("P-1", "1"), order("P-2", "2")]
        bench.sync()
        lines = {(row[0], row[1]): row[2] for row in bench.content()["orders"]}
        assert lines == {("P-1", "1"): "ordered", ("P-1", "2"): "cancelled", ("P-2", "2"): "ordered"}
        assert dict(bench.rows("product_summary", "code", "sold_30d"))["ART-2"] == 1000

    def test_an_order_told_twice_in_one_step_has_both_versions(self, bench: SyncBench) -> None:
        bench.market.page_rows = 2
        bench.market.orders = [
            order("P-1", "1", 1),
            order("P-1", "2", 1),
            order("P-1", "1", 1, state=OrderState.DELIVERED),
            order("P-2", "3", 1),
        ]
        bench.sync()
        lines = {(row[0], row[1]): row[2] for row in bench.rows("order_line", "order_id", "sku_id", "state")}
        # The second answer tells the order whole: the line that it has no more was taken out.
        assert lines == {("P-1", 1): "delivered", ("P-1", 2): "cancelled", ("P-2", 3): "ordered"}
        versions = bench.rows("demand_event", "order_line_id", "version", "state")
        assert sorted(row[1:] for row in versions) == [
            (1, "ordered"), (1, "ordered"), (1, "ordered"), (2, "cancelled"), (2, "delivered"),
        ]  # fmt: skip

    def test_a_card_with_a_living_sku_stays_on_sale(self, bench: SyncBench) -> None:
        bench.market.catalogue[1] = bench.market.catalogue[1]._replace(listing_id="card-1")
        bench.sync()
        del bench.market.catalogue[1]
        bench.sync()
        archived = dict(bench.rows("listing", "external_id", "archived"))
        assert not archived["card-1"]

    def test_a_product_that_was_answered_for_without_rows_has_nothing(self, bench: SyncBench) -> None:
        bench.market.catalogue.append(card("9"))
        bench.market.answered = ["9"]
        bench.sync()
        status = {
            code: (state, available)
            for code, state, available in bench.rows("product_summary", "code", "status", "available")
        }
        assert status["ART-9"] == (0, 0)

    def test_a_card_that_vanishes_keeps_its_history(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.catalogue.pop()
        bench.sync()
        assert bench.rows("sku", "external_id", "retired_at IS NULL")[-1][0] == "8"
        retired = {sku: not active for sku, active in bench.rows("sku", "external_id", "retired_at IS NULL")}
        assert [sku for sku, gone in retired.items() if gone] == ["8"]
        assert ("8", "w1", 100000) in [row[:3] for row in bench.content()["stock"]]

    def test_price_changes_are_dated(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.clock += HOUR
        bench.market.catalogue[0] = bench.market.catalogue[0]._replace(price=8_000_000)
        bench.sync()
        with bench.database.read() as connection:
            dated = connection.exec_driver_sql(
                "SELECT p.valid_from, p.price FROM listing_price p JOIN listing l ON l.id = p.listing_id"
                " WHERE l.external_id = 'card-1' ORDER BY 1"
            ).all()
        assert [tuple(row) for row in dated] == [(micros(START), 7_000_000), (micros(START + HOUR), 8_000_000)]

    def test_orders_of_unknown_skus_are_kept(self, bench: SyncBench) -> None:
        bench.market.orders.append(order("P-OLD", "999"))
        run = bench.sync()
        assert run.state == RunState.DONE
        assert ("P-OLD", "999") in [row[:2] for row in bench.content()["orders"]]
        archived = dict(bench.rows("product_summary", "code", "archived"))
        assert list(archived.values()).count(True) == 1

    def test_a_new_day_moves_the_thirty_day_window(self, bench: SyncBench) -> None:
        bench.sync()
        before = dict(bench.rows("product_summary", "code", "sold_30d"))
        bench.market.clock += 40 * DAY
        bench.sync()
        after = dict(bench.rows("product_summary", "code", "sold_30d"))
        assert any(before.values())
        assert not any(after.values())


class TestDoubt:
    @pytest.fixture
    def large(self, migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
        market = small_shop()
        market.page_rows = 50
        market.catalogue = [card(str(number)) for number in range(100)]
        market.stock = {"fbo": [held(str(number), "w1", 10) for number in range(100)], "fbs": []}
        market.orders, market.sales = [], []
        with sync_bench(migrated_url, tmp_path, market) as made:
            made.sync()
            yield made

    @pytest.mark.parametrize("left", [0, 30, 50])
    def test_a_shrunken_snapshot_is_held(self, large: SyncBench, left: int) -> None:
        large.market.clock += HOUR
        large.market.stock["fbo"] = large.market.stock["fbo"][:left]
        run = large.sync()
        assert run.state == RunState.GAPS
        assert f"only {left} of 100 rows came" in (run.message or "")
        assert sum(row[0] for row in large.rows("stock", "available")) == 100 * 10_000
        assert large.rows("stock_staging", "sku_id") == []

    def test_an_empty_answer_is_held_however_small_the_shop(self, large: SyncBench) -> None:
        large.market.stock["fbo"] = large.market.stock["fbo"][:5]
        for _ in range(2):
            large.market.clock += HOUR
            large.sync()
        large.market.clock += HOUR
        large.market.stock["fbo"] = []
        assert large.sync().state == RunState.GAPS
        assert sum(row[0] for row in large.rows("stock", "available")) == 5 * 10_000

    def test_a_rejected_row_without_a_name_may_be_anybodys(self, large: SyncBench) -> None:
        large.market.clock += HOUR
        large.market.stock["fbo"] = large.market.stock["fbo"][:-1]
        large.market.rejected["fbo"] = [RejectedRow("", "sku: received null", b'{"sku": null}')]
        large.sync()
        last = next(row for row in large.content()["stock"] if row[0] == "99")
        assert (last[2], last[-1]) == (10_000, micros(START + HOUR))

    def test_a_kill_between_the_last_page_and_its_publish_loses_no_scope(self, large: SyncBench) -> None:
        large.market.clock += HOUR
        large.market.stock["fbo"] = [held(str(number), "w1", 11) for number in range(100)]
        large.market.stock["fbs"] = [held("1", "s1", 4)]

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stock, "doubt", die)
            with pytest.raises(KeyboardInterrupt):
                large.sync()
        large.service.recover()
        with large.database.write() as connection:
            connection.exec_driver_sql("UPDATE run SET lease_until = 0 WHERE state = 'running'")
        resumed = large.service.work_once()
        assert resumed is not None
        assert resumed.state == RunState.DONE
        assert sum(row[0] for row in large.rows("stock", "available")) == 100 * 11_000 + 4_000

    def test_a_second_reading_that_agrees_is_believed(self, large: SyncBench) -> None:
        large.market.stock["fbo"] = large.market.stock["fbo"][:30]
        for _ in range(2):
            large.market.clock += HOUR
            run = large.sync()
        assert run.state == RunState.DONE
        assert sum(row[0] for row in large.rows("stock", "available")) == 30 * 10_000

    def test_a_person_can_believe_it(self, large: SyncBench) -> None:
        large.market.clock += HOUR
        large.market.stock["fbo"] = []
        assert large.sync(believe=True).state == RunState.DONE
        assert sum(row[0] for row in large.rows("stock", "available")) == 0

    def test_a_shrunken_catalogue_retires_nobody(self, large: SyncBench) -> None:
        large.market.clock += HOUR
        large.market.catalogue = large.market.catalogue[:10]
        run = large.sync()
        assert run.state == RunState.GAPS
        assert all(active for _, active in large.rows("sku", "external_id", "retired_at IS NULL"))

    def test_a_rejected_row_keeps_its_last_figure_as_stale(self, large: SyncBench) -> None:
        large.market.clock += HOUR
        large.market.stock["fbo"] = [row for row in large.market.stock["fbo"] if row.sku_id != "7"]
        large.market.rejected["fbo"] = [RejectedRow("7", "quantity: received -3; allowed: 0 or more.", b'{"sku": 7}')]
        run = large.sync()
        assert run.state == RunState.GAPS
        assert run.rows_rejected == 1
        seven = next(row for row in large.content()["stock"] if row[0] == "7")
        assert (seven[2], seven[-1]) == (10_000, micros(START + HOUR))
        assert large.rows("quarantine", "stream", "row_key") == [("stock", "7")]
        assert [code for code, stale in large.rows("product_summary", "code", "stale") if stale] == ["ART-7"]
        large.market.clock += HOUR
        large.market.stock["fbo"].append(held("7", "w1", 10))
        large.market.rejected.clear()
        assert large.sync().state == RunState.DONE
        assert not any(stale for _, stale in large.rows("product_summary", "code", "stale"))

    def test_an_older_reading_never_replaces_a_newer_one_and_says_so(self, large: SyncBench) -> None:
        large.market.clock -= HOUR
        large.market.stock["fbo"] = [held(str(number), "w1", 11) for number in range(100)]
        run = large.sync()
        assert run.state == RunState.GAPS
        assert "marketplace's clock" in (run.message or "")
        assert sum(row[0] for row in large.rows("stock", "available")) == 100 * 10_000


class TestRuns:
    def test_a_run_under_way_is_not_doubled(self, bench: SyncBench) -> None:
        first = bench.service.request(trigger=Trigger.BUTTON)
        second = bench.service.request(trigger=Trigger.SCHEDULE)
        assert [each.id for each in first] == [each.id for each in second]

    def test_a_wrong_key_fails_the_run_and_says_what_to_do(self, bench: SyncBench) -> None:
        bench.market.account_error = SourceAuthError("fake", status=403, said="Invalid Api-Key", path="/v1/roles")
        run = bench.sync()
        assert run.state == RunState.FAILED
        assert "Invalid Api-Key" in (run.message or "")
        assert "new key" in (run.remedy or "")

    def test_a_foreign_currency_is_refused_not_relabelled(self, bench: SyncBench) -> None:
        bench.market.currency = "CNY"
        run = bench.sync()
        assert run.state == RunState.FAILED
        assert "MICORE_CURRENCY" in (run.message or "")

    def test_wishes_beyond_a_waiting_run_are_added_and_beyond_a_running_one_refused(self, bench: SyncBench) -> None:
        first = bench.service.request(trigger=Trigger.SCHEDULE, streams=["warehouses"])
        bench.service.request(trigger=Trigger.COMMAND, full=True)
        assert bench.service.run(first[0].id).full

        def ask_more(stream: str, number: int) -> None:
            with pytest.raises(ConflictError, match="is running"):
                bench.service.request(trigger=Trigger.COMMAND, believe=True)

        bench.market.on_page = ask_more
        done = bench.service.work_once()
        assert done is not None
        assert len(done.streams) == 5

    def test_a_full_sync_can_be_asked_for_after_a_worker_died(self, bench: SyncBench) -> None:
        bench.sync()
        bench.service.request(trigger=Trigger.SCHEDULE)
        with bench.database.write() as connection:
            assert runs.claim(connection, owner="a worker that died", now=micros(START - HOUR)) is not None
        bench.service.request(trigger=Trigger.COMMAND, full=True)
        bench.market.reads.clear()
        done = bench.service.work_once()
        assert done is not None
        assert done.full
        assert ("orders", None) in bench.market.reads

    def test_a_worker_that_lost_its_lease_writes_nothing_more(self, bench: SyncBench) -> None:
        def take_over(stream: str, number: int) -> None:
            if (stream, number) == ("orders", 2):
                with bench.database.write() as connection:
                    connection.exec_driver_sql("UPDATE run SET lease_owner = 'another'")

        bench.market.on_page = take_over
        run = bench.sync()
        assert run.state == RunState.RUNNING
        assert bench.content()["orders"] == []

    def test_one_failing_stream_leaves_the_others(self, bench: SyncBench) -> None:
        bench.market.fail_before_page["stock:0"] = SourceUnreachableError("fake", path="/fake", problem="HTTP 503")
        run = bench.sync()
        assert run.state == RunState.GAPS
        assert {each.stream: each.state for each in run.streams}["orders"] == StreamState.DONE
        assert "HTTP 503" in (run.message or "")

    def test_stop_ends_the_run_after_its_step_and_the_next_goes_on(self, bench: SyncBench) -> None:
        def stop(stream: str, number: int) -> None:
            if (stream, number) == ("orders", 3):
                bench.service.stop(bench.service.overview().running[0].id)

        bench.market.on_page = stop
        run = bench.sync()
        assert run.state == RunState.STOPPED
        bench.market.on_page = lambda stream, number: None
        assert bench.sync().state == RunState.DONE
        assert len(bench.content()["orders"]) == 21

    def test_a_crash_in_the_source_is_told_and_the_worker_lives(self, bench: SyncBench) -> None:
        bench.market.fail_before_page["catalogue:1"] = ZeroDivisionError("boom")
        run = bench.sync()
        assert run.state == RunState.FAILED
        assert "ZeroDivisionError" in (run.message or "")
        assert bench.sync().state == RunState.DONE

    def test_streams_can_be_chosen(self, bench: SyncBench) -> None:
        run = bench.sync(streams=["warehouses", "catalogue"])
        assert [each.stream for each in run.streams] == ["warehouses", "catalogue"]

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            ({"source": "nothere"}, "fake, keyless"),
            ({"source": "keyless"}, "MICORE_KEYLESS_API_KEY"),
            ({"streams": ["nonsense"]}, "warehouses, catalogue"),
            ({"streams": []}, "empty list"),
        ],
    )
    def test_impossible_wishes_are_refused(self, bench: SyncBench, asked: dict[str, object], says: str) -> None:
        with pytest.raises(InvalidRequestError, match=says):
            bench.service.request(trigger=Trigger.BUTTON, **asked)  # type: ignore[arg-type]

    def test_a_dead_workers_run_is_taken_up_again(self, bench: SyncBench) -> None:
        bench.service.request(trigger=Trigger.BUTTON)
        with bench.database.write() as connection:
            assert runs.claim(connection, owner="a worker that died", now=micros(START - HOUR)) is not None
        bench.service.recover()
        done = bench.service.work_once()
        assert done is not None
        assert done.state == RunState.DONE

    def test_history_pages_through_all_runs(self, bench: SyncBench) -> None:
        ids = [bench.sync(streams=["warehouses"]).id for _ in range(5)]
        seen, cursor = [], None
        while True:
            page = bench.service.history(limit=2, cursor=cursor)
            seen += [run.id for run in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == ids[::-1]
