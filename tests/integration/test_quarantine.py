"""Rows in quarantine: kept once, tried again, mended, dropped, superseded; old bytes never overwrite newer ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from micore.domain.checks import check_instants
from micore.domain.quarantine import RowState
from micore.domain.records import FinanceKind, FinanceRecord, OrderState, RejectedRow, StorageCostRecord
from micore.domain.run_views import RunKind, RunState, StreamState, Trigger
from micore.errors import ConflictError, InvalidRequestError, RecordRejectedError
from micore.services.quarantine import Quarantine
from micore.sources.base import Reread, StoredRow
from micore.sources.reading import read_at
from micore.storage import quarantines
from micore.storage.quarantine_desk import RowFilter
from tests.support.fake_source import DAY, START, FakeSource, TellingSource, held, order, sale, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

BAD = b'{"order":"P-N","barcode":"4600"}'
REASON = "barcode: received '4600'; allowed: one that exactly one size of the catalogue has."


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    with sync_bench(migrated_url, tmp_path, small_shop()) as made:
        yield made


def rejects(bench: SyncBench, *, key: str = "P-N", raw: bytes = BAD, may_pass: bool = True) -> None:
    bench.market.rejected["orders"] = [RejectedRow(key, REASON, raw, '{"list":"fbo"}', may_pass)]


def states(bench: SyncBench) -> list[tuple[Any, ...]]:
    return bench.rows("quarantine", "row_key", "state", "attempts", order="id")


def lines(bench: SyncBench, order_id: str) -> list[tuple[Any, ...]]:
    return [row[1:] for row in bench.rows("order_line", "order_id", "state", "quantity") if row[0] == order_id]


class TestKeptOnce:
    def test_a_row_told_in_the_same_bytes_again_waits_once(self, bench: SyncBench) -> None:
        rejects(bench)
        assert [bench.sync().rows_rejected for _ in range(3)] == [1, 1, 1]
        assert states(bench) == [("P-N", "waiting", 0)]
        assert bench.rows("quarantine", "rule", "context") == [
            ("barcode: allowed: one that exactly one size of the catalogue has.", '{"list":"fbo"}')
        ]

    def test_other_bytes_take_its_place(self, bench: SyncBench) -> None:
        rejects(bench)
        bench.sync()
        rejects(bench, raw=b'{"order":"P-N","barcode":"4601"}')
        bench.sync()
        assert states(bench) == [("P-N", "superseded", 0), ("P-N", "waiting", 0)]

    def test_a_later_answer_that_tells_it_well_supersedes_it(self, bench: SyncBench) -> None:
        rejects(bench)
        bench.sync()
        bench.market.rejected.clear()
        bench.market.orders.append(order("P-N", "3"))
        bench.sync()
        assert states(bench) == [("P-N", "superseded", 0)]
        bench.market.rereads[BAD] = Reread([order("P-N", "3", state=OrderState.CANCELLED)])
        bench.sync()
        assert [state for state, _ in lines(bench, "P-N")] == ["ordered"]

    def test_what_a_whole_listing_no_longer_tells_is_superseded(self, bench: SyncBench) -> None:
        bench.market.rejected["catalogue"] = [RejectedRow("99", "name: received null; allowed: text.", b"{}")]
        bench.sync()
        assert states(bench) == [("99", "waiting", 0)]
        bench.market.rejected.clear()
        bench.sync()
        assert states(bench) == [("99", "superseded", 0)]

    def test_a_snapshots_rows_are_settled_by_the_next_whole_reading_of_their_scope(self, bench: SyncBench) -> None:
        row = RejectedRow("7", "quantity: received -3; allowed: 0 or more.", b'{"sku": 7}')
        bench.market.rejected["fbo"], bench.market.rejected["fbs"] = [row], [row._replace(raw=b'{"sku":7,"s":1}')]
        bench.sync()
        bench.market.rejected.pop("fbo")
        bench.market.clock += DAY
        bench.market.rereads[row.raw] = Reread([held("7", "w1", 1)])
        bench.sync()
        assert [state for _, state, _ in states(bench)] == ["superseded", "waiting"]


class TestTriedAgain:
    def test_a_sync_loads_what_has_become_known(self, bench: SyncBench) -> None:
        rejects(bench)
        bench.sync()
        bench.market.rejected.clear()
        bench.sync()
        assert (states(bench), lines(bench, "P-N")) == ([("P-N", "waiting", 1)], [])
        bench.market.rereads[BAD] = Reread([order("P-N", "3", 2)])
        loaded = {each.stream: each.rows_loaded for each in bench.sync().streams}
        assert loaded["orders"] == 1
        assert (states(bench), lines(bench, "P-N")) == ([("P-N", "loaded", 2)], [("ordered", 2000)])
        before = bench.content()
        bench.sync()
        assert (bench.content(), states(bench)) == (before, [("P-N", "loaded", 2)])

    def test_other_reasons_wait_for_a_newer_parser(self, bench: SyncBench, monkeypatch: pytest.MonkeyPatch) -> None:
        rejects(bench, may_pass=False)
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads[BAD] = Reread([order("P-N", "3")])
        bench.sync()
        assert states(bench) == [("P-N", "waiting", 0)]
        monkeypatch.setattr(FakeSource, "parser", "fake/2")
        bench.sync()
        assert states(bench) == [("P-N", "loaded", 1)]

    def test_the_order_line_is_never_older_than_what_was_loaded_since(self, bench: SyncBench) -> None:
        """A row without a name, so that nobody could see it told anew; its order came meanwhile."""
        rejects(bench, key="")
        bench.sync()
        bench.market.rejected.clear()
        bench.market.orders.append(order("P-N", "3", state=OrderState.DELIVERED))
        bench.sync()
        bench.market.rereads[BAD] = Reread([order("P-N", "3", state=OrderState.ORDERED)])
        bench.sync()
        assert states(bench)[0][1] == "superseded"
        assert lines(bench, "P-N") == [("delivered", 1000)]

    def test_what_lies_ahead_of_its_answer_is_not_believed_later_either(
        self, bench: SyncBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The readers compare with the instant of the answer: a replay tells it to them too."""
        ahead = order("P-N", "3", at=START + 400 * DAY)

        def reread(source: FakeSource, stream: str, rows: Sequence[StoredRow]) -> list[Reread]:
            del source, stream
            try:
                if (now := read_at()) is not None:
                    check_instants([ahead], now)
            except RecordRejectedError as error:
                return [Reread(reason=str(error), may_pass=True) for _ in rows]
            return [Reread([ahead]) for _ in rows]

        rejects(bench)
        bench.sync()
        bench.market.rejected.clear()
        monkeypatch.setattr(FakeSource, "reread", reread)
        bench.sync()
        assert (states(bench), lines(bench, "P-N")) == ([("P-N", "waiting", 1)], [])
        assert read_at() is None

    def test_many_are_tried_in_steps_and_none_twice(self, bench: SyncBench) -> None:
        bench.market.rejected["orders"] = [
            RejectedRow(f"P-{number}", REASON, b"%d" % number, "", may_pass=True) for number in range(1000, 2100)
        ]
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads |= {
            b"%d" % number: Reread([order(f"P-{number}", "3", at=START)]) for number in range(1000, 2100, 2)
        }
        run = bench.sync()
        assert {each.stream: each.rows_loaded for each in run.streams}["orders"] == 550
        found = [(state, attempts) for _, state, attempts in states(bench)]
        assert found.count(("loaded", 1)) == found.count(("waiting", 1)) == 550


def fees(bench: SyncBench, booking: str) -> list[int]:
    return [row[1] for row in bench.rows("finance_line", "external_id", "amount") if row[0].startswith(f"{booking}:")]


class TestMoney:
    """A booking is one row of an answer and several amounts in the tables, named after it."""

    @pytest.fixture
    def bench(self, migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
        with sync_bench(migrated_url, tmp_path, small_shop(), kind=TellingSource) as made:
            yield made

    @staticmethod
    def booked(amount: int) -> FinanceRecord:
        return FinanceRecord("900:2:fee:1", "2", None, "2026-11-20", FinanceKind.DELIVERY, amount, "RUB", "")

    def test_a_booking_that_is_told_well_later_no_longer_waits(self, bench: SyncBench) -> None:
        bench.market.rejected["finance"] = [RejectedRow("900", REASON, BAD)]
        bench.sync()
        bench.market.rejected.clear()
        bench.market.finance = [self.booked(-120)]
        bench.sync()
        assert states(bench) == [("900", "superseded", 0)]
        assert fees(bench, "900") == [-120]

    @pytest.mark.parametrize("key", ["", "900"])
    def test_an_old_booking_never_overwrites_a_newer_one(self, bench: SyncBench, key: str) -> None:
        bench.market.rejected["finance"] = [RejectedRow(key, REASON, BAD)]
        bench.sync()
        bench.market.rejected.clear()
        bench.market.finance = [self.booked(-120)._replace(finance_id="900:rest")]
        bench.sync()
        with bench.database.write() as connection:
            # As micore kept it before bookings were watched.
            connection.execute(text("UPDATE quarantine SET state = 'waiting'"))
        bench.market.rereads[BAD] = Reread([self.booked(-100)])
        Quarantine(bench.service).replay(RowFilter(stream="finance"), trigger=Trigger.BUTTON)
        bench.service.work_once()
        assert states(bench) == [(key, "superseded", 1)]
        assert fees(bench, "900") == [-120]

    def test_a_booking_that_was_never_told_well_is_loaded(self, bench: SyncBench) -> None:
        bench.market.rejected["finance"] = [RejectedRow("900", REASON, BAD)]
        bench.market.finance = [self.booked(-7)._replace(finance_id="9001:rest")]
        bench.sync()
        bench.market.rereads[BAD] = Reread([self.booked(-100)])
        Quarantine(bench.service).replay(RowFilter(stream="finance"), trigger=Trigger.BUTTON)
        bench.service.work_once()
        assert states(bench) == [("900", "loaded", 1)]
        assert fees(bench, "900") == [-100]

    def test_what_tells_no_whole_fact_alone_is_left_to_the_next_reading(self, bench: SyncBench) -> None:
        alone = [each.name for each in bench.service.sources["fake"].streams if not each.replayable]
        assert alone == ["stock", "storage_cost"]
        bench.market.rejected["storage_cost"] = [RejectedRow("2026-11-20:2:W:", REASON, BAD, "", may_pass=True)]
        bench.sync()
        desk = Quarantine(bench.service)
        (group,) = desk.overview().groups
        assert not group.replayable
        assert desk.replay(RowFilter(ids=(group.example_id,)), trigger=Trigger.BUTTON).rows == 0
        with pytest.raises(ConflictError, match="next reading"):
            desk.fix(group.example_id, "{}", by="dashboard", trigger=Trigger.BUTTON)
        bench.market.rejected.clear()
        bench.sync()
        assert states(bench)[0][1:] == ("waiting", 0)
        bench.market.storage_costs = [StorageCostRecord("2026-11-20:2:W:", "2", None, "2026-11-20", 1, "RUB", 1, 1)]
        bench.sync()
        assert states(bench)[0][1] == "superseded"


class TestDecisions:
    """What a person does with rows; each is carried out by a run that asks no marketplace."""

    @pytest.fixture
    def desk(self, bench: SyncBench) -> Quarantine:
        rejects(bench, may_pass=False)
        bench.sync()
        bench.market.rejected.clear()
        bench.market.reads.clear()
        return Quarantine(bench.service)

    def work(self, bench: SyncBench) -> Any:
        done = bench.service.work_once()
        assert done is not None
        return done

    def test_what_waits_is_grouped_by_the_rule_it_broke(self, bench: SyncBench, desk: Quarantine) -> None:
        (group,) = desk.overview().groups
        assert (group.source, group.stream, group.rows, group.field) == ("fake", "orders", 1, "barcode")
        assert group.rule == "barcode: allowed: one that exactly one size of the catalogue has."
        assert [row.key for row in desk.page(RowFilter(rule=group.rule), limit=1).items] == ["P-N"]
        assert desk.page(RowFilter(stream="sales"), limit=1).items == []

    def test_a_replay_is_a_run_of_its_own_that_reads_nothing(self, bench: SyncBench, desk: Quarantine) -> None:
        bench.market.rereads[BAD] = Reread([order("P-N", "3", 2)])
        bench.market.account_error = RuntimeError("the marketplace was asked")
        asked = [desk.replay(RowFilter(stream="orders"), trigger=Trigger.BUTTON) for _ in range(2)]
        assert [each.rows for each in asked] == [1, 1]
        assert {run.id for each in asked for run in each.runs} == {asked[0].runs[0].id}
        run = self.work(bench)
        assert (run.kind, run.state, run.rows_read, run.rows_loaded) == (RunKind.REPLAY, RunState.DONE, 1, 1)
        assert [(each.stream, each.state) for each in run.streams] == [("orders", StreamState.DONE)]
        assert bench.market.reads == []
        assert (states(bench), lines(bench, "P-N")) == ([("P-N", "loaded", 1)], [("ordered", 2000)])
        assert bench.service.work_once() is None

    def test_a_replay_says_what_still_does_not_fit(self, bench: SyncBench, desk: Quarantine) -> None:
        desk.replay(RowFilter(source="fake"), trigger=Trigger.BUTTON)
        run = self.work(bench)
        assert (run.state, run.rows_rejected) == (RunState.GAPS, 1)
        assert "1 of 1 rows still cannot be believed" in run.message
        assert states(bench) == [("P-N", "waiting", 1)]

    def test_a_replay_goes_on_where_it_was_stopped(self, bench: SyncBench) -> None:
        numbers = range(5000, 6200)
        bench.market.rejected["orders"] = [RejectedRow(f"P-{each}", REASON, b"%d" % each) for each in numbers]
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads |= {b"%d" % each: Reread([order(f"P-{each}", "3", at=START)]) for each in numbers}
        desk = Quarantine(bench.service)
        desk.replay(RowFilter(source="fake"), trigger=Trigger.BUTTON)

        def stop_inside(run_id: int) -> None:
            if 0 < tried(bench) < len(numbers):
                bench.service.stopping.set()

        bench.told.run_changed = stop_inside  # type: ignore[method-assign]
        first = self.work(bench)
        assert first.state == RunState.QUEUED
        assert 0 < tried(bench) < len(numbers)
        bench.told.run_changed = lambda run_id: None  # type: ignore[method-assign]
        bench.service.stopping.clear()
        assert self.work(bench).state == RunState.DONE
        assert tried(bench) == len(numbers)
        assert bench.rows("quarantine", "attempts", order="id") == [(1,)] * len(numbers)

    def test_a_mended_row_is_loaded_and_both_versions_are_kept(self, bench: SyncBench, desk: Quarantine) -> None:
        bench.market.rereads[b'{"mended":1}'] = Reread([order("P-N", "3")])
        (row,) = desk.page(RowFilter(), limit=5).items
        mended = desk.fix(row.id, '{"mended":1}', by="dashboard", trigger=Trigger.BUTTON)
        assert (mended.row.received.encode(), mended.row.fixed) == (BAD, '{"mended":1}')
        self.work(bench)
        found = desk.row(row.id)
        assert (found.row.state, found.row.fixed_by, found.fixed) == (RowState.LOADED, "dashboard", '{"mended":1}')
        assert lines(bench, "P-N") == [("ordered", 1000)]
        rejects(bench)
        again = bench.sync()
        assert again.rows_rejected == 0
        assert desk.row(row.id).row.state == RowState.LOADED

    def test_a_row_that_does_not_fit_either_is_refused_in_the_readers_words(
        self, bench: SyncBench, desk: Quarantine
    ) -> None:
        (row,) = desk.page(RowFilter(), limit=5).items
        with pytest.raises(InvalidRequestError, match="nothing of the kind"):
            desk.fix(row.id, "{}", by="dashboard", trigger=Trigger.BUTTON)
        assert desk.row(row.id).fixed is None

    def test_a_row_mended_into_another_order_does_not_overwrite_it(self, bench: SyncBench, desk: Quarantine) -> None:
        bench.market.rereads[b"{}"] = Reread([order("P-1", "2", 99)])
        before = lines(bench, "P-1")
        (row,) = desk.page(RowFilter(), limit=5).items
        desk.fix(row.id, "{}", by="dashboard", trigger=Trigger.BUTTON)
        self.work(bench)
        assert lines(bench, "P-1") == before
        assert desk.row(row.id).row.state == RowState.SUPERSEDED

    def test_a_dropped_row_asks_nobody_again_until_that_is_taken_back(self, bench: SyncBench, desk: Quarantine) -> None:
        with pytest.raises(InvalidRequestError, match="reason"):
            desk.drop(RowFilter(source="fake"), note=" ", by="dashboard")
        assert desk.drop(RowFilter(source="fake"), note="a test order", by="dashboard").rows == 1
        rejects(bench)
        run = bench.sync()
        assert (run.state, run.rows_rejected) == (RunState.DONE, 0)
        assert desk.replay(RowFilter(source="fake"), trigger=Trigger.BUTTON).runs == []
        (row,) = desk.page(RowFilter(state=RowState.DROPPED), limit=5).items
        assert row.note == "a test order"
        with pytest.raises(ConflictError, match="dropped"):
            desk.fix(row.id, "{}", by="dashboard", trigger=Trigger.BUTTON)
        assert desk.take_back(RowFilter(ids=(row.id,)), by="dashboard").rows == 1
        assert desk.overview().waiting == 1

    def test_rows_of_a_snapshot_are_left_to_the_next_reading(self, bench: SyncBench, desk: Quarantine) -> None:
        bench.market.rejected["fbo"] = [RejectedRow("7", "quantity: received -3; allowed: 0 or more.", b"{}")]
        bench.market.clock += DAY
        bench.sync()
        assert desk.replay(RowFilter(stream="stock"), trigger=Trigger.BUTTON).rows == 0
        group = next(each for each in desk.overview().groups if each.stream == "stock")
        assert not group.replayable
        with pytest.raises(ConflictError, match="snapshot"):
            desk.fix(group.example_id, "{}", by="dashboard", trigger=Trigger.BUTTON)


class TestWhoTries:
    """Which source tries a row: the one that has read its account last, if it can be read as things are."""

    @pytest.fixture
    def desk(self, bench: SyncBench) -> Quarantine:
        rejects(bench, may_pass=False)
        bench.sync()
        bench.market.rejected.clear()
        return Quarantine(bench.service)

    def test_a_key_that_became_that_of_another_account_still_tries_the_rows_of_the_first(
        self, bench: SyncBench, desk: Quarantine
    ) -> None:
        bench.market.account_id = "8"
        bench.sync()
        rejects(bench, key="P-M", raw=b"{}", may_pass=False)
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads = {BAD: Reread([order("P-N", "3", 2)]), b"{}": Reread([order("P-M", "3", 5)])}
        settled = desk.replay(RowFilter(source="fake"), trigger=Trigger.BUTTON)
        assert (settled.rows, len(settled.runs), settled.skipped) == (2, 1, [])
        run = bench.service.work_once()
        assert run is not None
        assert (run.state, run.rows_loaded) == (RunState.DONE, 2)
        assert [state for _, state, _ in states(bench)] == ["loaded", "loaded"]
        accounts = dict(bench.rows("order_line", "order_id", "account_id"))
        assert accounts["P-N"] != accounts["P-M"]
        assert bench.service.work_once() is None

    def test_rows_of_a_source_that_lost_its_key_are_named_and_the_others_tried(
        self, bench: SyncBench, desk: Quarantine
    ) -> None:
        with bench.database.write() as connection:
            connection.execute(
                text(
                    "INSERT INTO account (id, source, external_id, name, currency, created_at) "
                    "VALUES (99, 'fake', 'x', 'Второй', 'RUB', 1)"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO run (kind, source, account_id, state, trigger, params, created_at) "
                    "VALUES ('sync', 'keyless', 99, 'done', 'button', '{}', 1)"
                )
            )
            told = quarantines.Told(99, "orders", 1, "fake/1", 1)
            row = quarantines.Quarantined("P-Z", REASON, b"1", 0, None, "", may_pass=False, as_of=1)
            quarantines.add(connection, [row], told)
        bench.market.rereads[BAD] = Reread([order("P-N", "3", 2)])
        settled = desk.replay(RowFilter(source="fake"), trigger=Trigger.BUTTON)
        assert settled.rows == 1
        assert settled.skipped == ["Второй (keyless): MICORE_KEYLESS_API_KEY is not set"]
        assert [run.source for run in settled.runs] == ["fake"]
        bench.service.work_once()
        assert [state for _, state, _ in states(bench)] == ["loaded", "waiting"]
        alone = desk.replay(RowFilter(account_id=99), trigger=Trigger.BUTTON)
        assert (alone.rows, alone.runs, len(alone.skipped)) == (0, [], 1)

    def test_what_is_asked_while_a_replay_runs_is_tried_by_it(self, bench: SyncBench, desk: Quarantine) -> None:
        bench.market.rejected["sales"] = [RejectedRow("A-N", REASON, b"sale")]
        bench.sync()
        bench.market.rejected.clear()
        bench.market.rereads |= {BAD: Reread([order("P-N", "3")]), b"sale": Reread([sale("A-N", "3", 5)])}
        first = desk.replay(RowFilter(stream="sales"), trigger=Trigger.BUTTON)
        asked: list[int] = []

        def ask_more(run_id: int) -> None:
            if tried(bench):
                bench.told.run_changed = lambda run_id: None  # type: ignore[method-assign]
                asked.extend(run.id for run in desk.replay(RowFilter(stream="orders"), trigger=Trigger.BUTTON).runs)

        bench.told.run_changed = ask_more  # type: ignore[method-assign]
        while bench.service.work_once() is not None:
            pass
        assert asked == [run.id for run in first.runs]
        assert sorted(states(bench)) == [("A-N", "loaded", 1), ("P-N", "loaded", 1)]
        assert bench.service.run(asked[0]).state == RunState.DONE

    def test_a_replay_that_a_sync_was_quicker_than_says_what_was_refused(
        self, bench: SyncBench, desk: Quarantine
    ) -> None:
        settled = desk.replay(RowFilter(stream="orders"), trigger=Trigger.BUTTON)
        bench.service.request(trigger=Trigger.BUTTON)
        live = bench.service.work_once()
        assert live is not None
        assert live.kind == RunKind.SYNC
        assert states(bench) == [("P-N", "waiting", 1)]
        run = bench.service.work_once()
        assert run is not None
        assert (run.id, run.state) == (settled.runs[0].id, RunState.GAPS)
        assert run.message == "1 of the rows asked for still cannot be believed and go on waiting."

    def test_many_groups_are_cut_and_counted(self, bench: SyncBench, desk: Quarantine) -> None:
        letters = "abcdefghijklmnopqrstuvwxyz"
        bench.market.rejected["orders"] = [
            RejectedRow(f"{one}{two}", f"{one}{two}: received 1; allowed: 2.", f"{one}{two}".encode())
            for one in letters[:15]
            for two in letters[:15]
        ]
        bench.sync()
        overview = desk.overview()
        assert (len(overview.groups), overview.groups_total, overview.waiting) == (200, 226, 226)
        assert desk.waiting().waiting == 226


def tried(bench: SyncBench) -> int:
    return len([each for each in states(bench) if each[2]])
