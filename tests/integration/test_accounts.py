"""Two accounts of one marketplace in one installation: each has its own runs, age and figures, and nothing mixes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from micore.cache import MemoryCache
from micore.domain.run_views import Run, RunState, Trigger
from micore.domain.views import Freshness
from micore.errors import SourceAuthError
from micore.services.dashboard import Dashboards
from micore.services.health import Health
from micore.services.products import Products, product_query
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import SourceSlot, SyncService
from micore.storage.database import Database
from micore.storage.raw import RawStore
from tests.support.fake_source import DAY, START, FakeSource, SteppingClock, small_shop

REFUSED = SourceAuthError("fake", status=403, said="Invalid Api-Key", path="/v1/roles")


class Installation:
    """Slots "fake" and "fake-2", each with a marketplace in memory of its own."""

    def __init__(self, database: Database, raw_store: RawStore, clock: SteppingClock) -> None:
        self.database, self.clock = database, clock
        self.markets = {"fake": small_shop(), "fake-2": small_shop()}
        self.markets["fake-2"].account_id, self.markets["fake-2"].account_name = "8", "Вторая лавка"
        self.shop = Shop()
        self.service = self.started(raw_store)
        self.raw_store = raw_store

    def started(self, raw_store: RawStore) -> SyncService:
        """As a new process would be: what the last one knew of keys is forgotten."""

        def slot(name: str, title: str, setting: str) -> SourceSlot:
            return SourceSlot(
                name,
                title,
                FakeSource.streams,
                lambda tools: FakeSource({}, tools, self.markets[name]),
                None,
                plugin="fake",
                settings=(setting,),
            )

        return SyncService(
            database=self.database,
            raw_store=raw_store,
            sources={
                "fake": slot("fake", "Fake", "MICORE_FAKE_API_KEY"),
                "fake-2": slot("fake-2", "Fake 2", "MICORE_FAKE_2_API_KEY"),
            },
            now=self.clock,
            monotonic=time.monotonic,
            shop=self.shop,
            schedule=Schedule.parse("*/30 * * * *", self.shop.zone),
            owner="test",
        )

    def an_hour_later(self) -> None:
        for market in self.markets.values():
            market.clock += timedelta(hours=1)

    def restart(self) -> None:
        self.service = self.started(self.raw_store)

    def sync(self, source: str | None = None) -> dict[str, Run]:
        """Ask and work until nothing waits; the runs by slot."""
        asked = self.service.request(trigger=Trigger.COMMAND, source=source)
        while self.service.work_once() is not None:
            pass
        return {run.source: self.service.run(run.id) for run in asked}

    def dashboards(self) -> Dashboards:
        return Dashboards(self.database, self.shop, now=self.clock)

    def products(self) -> Products:
        return Products(self.database, self.shop, now=self.clock)

    def health(self) -> Health:
        return Health(
            self.database, MemoryCache(), self.shop, version="1", now=self.clock, slots=list(self.service.sources)
        )

    def available(self) -> dict[tuple[str, ...], float]:
        """Units that can be sold, by the accounts that the rows name."""
        found: dict[tuple[str, ...], float] = {}
        for row in self.products().page(product_query(limit=200)).items:
            found[tuple(row.accounts)] = found.get(tuple(row.accounts), 0) + (row.available or 0)
        return found


@pytest.fixture
def two(migrated_url: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(migrated_url, tmp_path) as made:
        yield made


@contextmanager
def installation(url: str, root: Path) -> Iterator[Installation]:
    database, raw_store = Database(url), RawStore(root / "raw")
    try:
        yield Installation(database, raw_store, SteppingClock())
    finally:
        raw_store.close()
        database.close()


class TestSideBySide:
    def test_all_ids_collide_and_nothing_mixes(self, two: Installation) -> None:
        """Both shops have the same skus, orders, warehouses and barcodes."""
        one = two.sync("fake")["fake"]
        alone = two.dashboards().dashboard()
        assert two.available() == {(): 600}
        both = two.sync()
        assert [run.state for run in both.values()] == [RunState.DONE, RunState.DONE]
        assert both["fake-2"].rows_loaded == one.rows_loaded
        together = two.dashboards().dashboard()
        assert together.products == 2 * alone.products
        assert [each.products for each in together.categories] == [2 * each.products for each in alone.categories]
        assert float(together.revenue_30d.amount) == 2 * float(alone.revenue_30d.amount) > 0
        assert float(together.stock_value.amount) == 2 * float(alone.stock_value.amount) > 0
        assert two.available() == {("Дом и уют",): 600, ("Вторая лавка",): 600}

    def test_what_happens_in_one_is_not_seen_in_the_other(self, two: Installation) -> None:
        two.sync()
        market = two.markets["fake-2"]
        market.clock += timedelta(hours=1)
        market.stock["fbo"] = [row._replace(available=0) for row in market.stock["fbo"]]
        two.sync()
        assert two.available() == {("Дом и уют",): 600, ("Вторая лавка",): 3}

    def test_products_are_found_by_their_account(self, two: Installation) -> None:
        two.sync()
        first, second = two.dashboards().dashboard().sources
        page = two.products().page(product_query(accounts=str(second.account_id)))
        assert page.total == 8
        assert {name for row in page.items for name in row.accounts} == {"Вторая лавка"}
        assert two.products().page(product_query(accounts=f"{first.account_id},{second.account_id}")).total == 16

    def test_runs_ages_and_plans_are_of_each(self, two: Installation) -> None:
        two.sync("fake-2")
        first, second = two.service.overview().sources
        assert (first.source, first.plugin, first.title, first.account) == ("fake", "fake", "Fake", None)
        assert (second.source, second.plugin, second.title, second.account) == (
            "fake-2", "fake", "Fake 2", "Вторая лавка",
        )  # fmt: skip
        assert first.last_success_at is None
        assert second.last_success_at is not None
        assert [run.source for run in two.service.history(limit=9, source="fake-2").items] == ["fake-2"]
        # The start of a server reads what has not been read since the newest tick of the schedule.
        two.service.catch_up()
        assert "fake" in {run.source for run in two.service.overview().running}

    def test_accounts_of_one_name_can_be_told_apart(self, two: Installation) -> None:
        two.markets["fake-2"].account_name = "Дом и уют"
        two.sync()
        two.sync()
        assert [each.name for each in two.dashboards().dashboard().sources] == ["Дом и уют", "Дом и уют (fake-2)"]


class TestOneAccountKeyedTwice:
    def test_the_later_key_is_refused_with_both_settings(self, two: Installation) -> None:
        two.markets["fake-2"].account_id = "7"
        for order in (["fake", "fake-2"], ["fake-2", "fake"]):
            runs = {name: two.sync(name)[name] for name in order}
            assert runs["fake"].state == RunState.DONE
            assert runs["fake-2"].state == RunState.FAILED
            assert "MICORE_FAKE_2_API_KEY" in (runs["fake-2"].message or "")
            assert "MICORE_FAKE_API_KEY" in (runs["fake-2"].message or "")
            two.restart()
        assert two.available() == {(): 600}

    def test_a_dead_key_keeps_no_other_account_from_being_read(self, two: Installation) -> None:
        two.markets["fake"].account_error = REFUSED
        runs = two.sync()
        assert (runs["fake"].state, runs["fake-2"].state) == (RunState.FAILED, RunState.DONE)

    def test_keys_that_change_places_are_no_double(self, two: Installation) -> None:
        two.sync()
        two.markets = {"fake": two.markets["fake-2"], "fake-2": two.markets["fake"]}
        two.an_hour_later()
        two.restart()
        runs = two.sync()
        assert [run.state for run in runs.values()] == [RunState.GAPS, RunState.GAPS]
        shown = two.dashboards().dashboard()
        assert [(each.name, each.read) for each in shown.sources] == [("Дом и уют", True), ("Вторая лавка", True)]
        assert not any(row.stale for row in two.products().page(product_query(limit=200)).items)
        assert two.available() == {("Дом и уют",): 600, ("Вторая лавка",): 600}
        assert [run.state for run in two.sync().values()] == [RunState.DONE, RunState.DONE]


class TestKeyOfAnotherAccount:
    def test_it_is_an_account_of_its_own_and_the_old_stock_stays_stale(self, two: Installation) -> None:
        two.sync("fake")
        two.markets["fake"] = two.markets["fake-2"]
        two.markets["fake"].stock["fbo"] = two.markets["fake"].stock["fbo"][:1]
        two.restart()
        run = two.sync("fake")["fake"]
        assert run.state == RunState.GAPS
        assert run.account == "Вторая лавка"
        assert "The key is now one of Вторая лавка (8); until now it was one of Дом и уют" in (run.message or "")
        old, new = two.dashboards().dashboard().sources
        assert (old.read, old.freshness, new.read, new.freshness) == (False, Freshness.STALE, True, Freshness.FRESH)
        assert "No key reads this account any more" in (old.last_error or "")
        rows = two.products().page(product_query(limit=200)).items
        assert {(row.accounts[0], row.stale) for row in rows} == {("Дом и уют", True), ("Вторая лавка", False)}
        assert two.available()["Дом и уют",] == 600

    def test_said_once(self, two: Installation) -> None:
        two.sync("fake")
        two.markets["fake"] = two.markets["fake-2"]
        two.restart()
        assert two.sync("fake")["fake"].state == RunState.GAPS
        assert two.sync("fake")["fake"].state == RunState.DONE

    def test_its_old_key_brings_it_back(self, two: Installation) -> None:
        two.sync("fake")
        mine = two.markets["fake"]
        two.markets["fake"] = two.markets["fake-2"]
        two.restart()
        two.sync("fake")
        two.markets["fake"] = mine
        two.an_hour_later()
        two.restart()
        two.sync("fake")
        old, new = two.dashboards().dashboard().sources
        assert (old.read, new.read) == (True, False)
        rows = two.products().page(product_query(limit=200)).items
        assert {(row.accounts[0], row.stale) for row in rows} == {("Дом и уют", False), ("Вторая лавка", True)}


class TestKeyHealth:
    def test_an_expiring_key_is_told_two_weeks_before(self, two: Installation) -> None:
        two.markets["fake"].key_expires_at = START + 13 * DAY + timedelta(hours=23)
        two.markets["fake-2"].key_expires_at = START + 15 * DAY
        two.sync()
        report = two.health().report()
        assert report.status == "ok"
        (problem,) = report.problems
        assert problem.startswith("The key of fake expires on 2026-12-04, in 13 days. Make a new key")
        assert "MICORE_FAKE_..." in problem
        first, second = two.service.overview().sources
        assert first.key is not None
        assert second.key is not None
        assert (first.key.days_left, first.key.expires_soon, second.key.expires_soon) == (13, True, False)

    def test_a_dead_key_says_what_to_do_and_a_good_one_ends_it(self, two: Installation) -> None:
        two.sync()
        two.markets["fake-2"].account_error = REFUSED
        two.sync()
        report = two.health().report()
        assert report.status == "degraded"
        assert [problem[:37] for problem in report.problems] == ["The key of fake-2 is refused: fake re"]
        assert "Make a new key" in report.problems[0]
        state = two.service.overview().sources[1].key
        assert state is not None
        assert state.problem is not None
        two.markets["fake-2"].account_error = None
        two.sync()
        assert two.health().report().problems == []

    def test_a_key_without_one_right_costs_only_its_stream(self, two: Installation) -> None:
        two.markets["fake"].fail_before_page["orders:0"] = SourceAuthError(
            "fake", status=403, said="Api-Key is missing a required role for a method", path="/v3/posting/fbo/list"
        )
        run = two.sync("fake")["fake"]
        assert run.state == RunState.GAPS
        assert {each.stream: each.state.value for each in run.streams} == {
            "warehouses": "done", "catalogue": "done", "stock": "done", "orders": "failed", "sales": "done",
        }  # fmt: skip
        assert "required role" in (run.message or "")
