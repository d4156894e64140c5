"""Our tables beside the simulated marketplaces' own figures: an untouched shop agrees, each fault has its class."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
from sqlalchemy import text

from micore.domain.reconcile_views import DifferenceClass, Untold
from micore.domain.run_views import RunState, StreamState, Trigger
from micore.errors import InvalidRequestError, ReportPendingError, SourceAuthError
from micore.services.reconciliations import Reconciliations
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources.own_figures import Note, OwnStock
from micore.sources.ozon import OzonSource
from micore.sources.wildberries import WildberriesSource, own_remains
from micore.storage import reconciliations
from micore.telemetry import metrics
from tests.integration.reconcile_bench import END, FIRST, NOW, Bench, findings


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    shop = Shop(seed=7, products=60, days=40, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


@pytest.fixture(params=["ozon", "wildberries"])
def bench(request: pytest.FixtureRequest, simulator: Running, migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(request.param, simulator, migrated_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def ozon(simulator: Running, migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench("ozon", simulator, migrated_url, tmp_path)
    yield made
    made.close()


def test_accounts_of_one_marketplace_have_figures_of_their_own(
    simulator: Running, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    streams = ("warehouses", "catalogue", "stock")
    bench = Bench("ozon", simulator, migrated_sqlite_url, tmp_path, streams=streams, account="ozon-2")
    try:
        bench.reconcile()
    finally:
        bench.close()
    labels = {"source": "ozon-2", "stream": "stock", "class": "unexplained"}
    assert metrics.REGISTRY.get_sample_value("inv_reconciliation_rows", labels) == 0


DAYS = "ordered_day >= '2026-11-12' AND ordered_day < '2026-11-18'"


def test_each_injected_fault_shows_in_its_class_and_nothing_else_does(bench: Bench) -> None:
    untouched = bench.reconcile()
    orders = untouched["orders"]
    assert {name: findings(each) for name, each in untouched.items()} == {name: {} for name in untouched}
    assert orders.findings == 0
    assert [each.day for each in orders.days if each.day] == [FIRST + timedelta(days=number) for number in range(10)]
    assert sum(each.theirs or 0 for each in orders.days) == sum(each.ours or 0 for each in orders.days) > 20
    places = [each for each in orders.days if not each.day]
    assert all(each.theirs == each.ours for each in places)
    wildberries = orders.source == "wildberries"
    assert [each.place for each in places if each.pooled] == [None] * wildberries, "no name where none can differ"
    assert (Untold.MARKETPLACE_ORDER_PLACES in orders.untold) is wildberries
    assert any(each.place for each in places) is not wildberries
    assert DifferenceClass.UNEXPLAINED not in {each.kind for each in orders.differences}
    stock = untouched["stock"].days
    assert all(each.theirs == each.ours for each in stock)
    assert {each.scheme for each in stock if each.theirs} >= (
        {"FBO", "FBS"} if orders.source == "ozon" else {"FBS", "FBW"}
    )

    lost = bench.first(f"SELECT min(order_id) AS id FROM order_line WHERE {DAYS}").id
    bench.change(
        "DELETE FROM demand_event WHERE order_line_id IN (SELECT id FROM order_line WHERE order_id = :id)", id=lost
    )
    gone = bench.change("DELETE FROM order_line WHERE order_id = :id", id=lost)
    doubled = bench.first(f"SELECT max(order_id) AS id FROM order_line WHERE {DAYS}").id
    columns = "account_id, sku_id, scheme, state, quantity, currency, ordered_at, ordered_day, version, known_from"
    extra = bench.change(
        f"INSERT INTO order_line (order_id, {columns}) SELECT 'twice', {columns} FROM order_line WHERE order_id = :id",
        id=doubled,
    )
    middle = f"SELECT order_id, id FROM order_line WHERE {DAYS} AND scheme IN ('FBO', 'FBW') AND order_id <> 'twice'"
    changed = bench.first(f"{middle} ORDER BY id LIMIT 1")
    bench.change("UPDATE order_line SET quantity = quantity + 2000 WHERE id = :id", id=changed.id)
    placeless = bench.first(f"{middle} ORDER BY id DESC LIMIT 1")
    bench.change("UPDATE order_line SET place_id = NULL WHERE id = :id", id=placeless.id)
    moved = bench.first(f"{middle} AND id NOT IN ({changed.id}, {placeless.id}) ORDER BY id DESC LIMIT 1")
    bench.change(
        "UPDATE order_line SET place_id = (SELECT min(id) FROM place WHERE holder = 'seller') WHERE id = :id",
        id=moved.id,
    )

    told = bench.reconcile()["orders"]
    assert findings(told) == {"missing_here": gone, "extra_here": extra, "quantity": 1, "place": 2}
    by_class = {each.kind.value: [row.order_id for row in each.examples] for each in told.differences}
    assert set(by_class["missing_here"]) == {lost}
    assert set(by_class["extra_here"]) == {"twice"}
    assert by_class["quantity"] == [changed.order_id]
    assert set(by_class["place"]) == {placeless.order_id, moved.order_id}
    assert any(each.theirs != each.ours for each in told.days if not each.day), "the sums by place differ, too"


def test_a_lost_place_and_a_wrong_amount_show_in_stock(ozon: Bench) -> None:
    assert findings(ozon.reconcile()["stock"]) == {}
    place = ozon.first(
        "SELECT p.id, count(*) AS n FROM stock s JOIN place p ON p.id = s.place_id "
        "WHERE p.scheme IN ('FBS', 'rFBS') AND s.available > 0 GROUP BY p.id ORDER BY 2 DESC LIMIT 1"
    )
    ozon.change("DELETE FROM stock WHERE place_id = :id", id=place.id)
    told = ozon.reconcile()["stock"]
    assert sum(findings(told).values()) == place.n
    assert told.differences[0].units > 0


@pytest.mark.parametrize(("source", "scheme"), [("ozon", "FBO"), ("wildberries", "FBS"), ("wildberries", "FBW")])
def test_stock_is_held_against_its_scheme_or_where_it_is_told_its_place(
    source: str, scheme: str, simulator: Running, migrated_url: str, tmp_path: Path
) -> None:
    bench = Bench(source, simulator, migrated_url, tmp_path)
    try:
        row = bench.first(
            "SELECT s.sku_id, s.place_id, p.name FROM stock s JOIN place p ON p.id = s.place_id "
            f"WHERE p.scheme = '{scheme}' AND s.available > 0 ORDER BY s.sku_id, s.place_id LIMIT 1"
        )
        bench.change(
            "UPDATE stock SET available = available + 7000 WHERE sku_id = :sku AND place_id = :place",
            sku=row.sku_id,
            place=row.place_id,
        )
        told = bench.reconcile()["stock"]
        assert findings(told) == {"quantity": 1}
        (example,) = told.differences[0].examples
        assert (example.ours or 0) - (example.theirs or 0) == 7
        assert (example.scheme, example.place) == (scheme, row.name if scheme == "FBS" else None)
        assert {each.place is None for each in told.days if each.scheme == scheme} == {scheme != "FBS"}
        lost = bench.change("DELETE FROM stock WHERE sku_id = :sku AND place_id = :place",
                            sku=row.sku_id, place=row.place_id)  # fmt: skip
        gone = bench.reconcile()["stock"].differences
        assert (lost, [each.rows for each in gone if not each.harmless]) == (1, [1])
    finally:
        bench.close()


def test_figures_that_came_empty_are_no_agreement(ozon: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OzonSource, "own_stock", lambda self, schemes, note: [])
    desk = Reconciliations(ozon.service)
    desk.request(trigger=Trigger.COMMAND, source="ozon", first_day=FIRST, end_day=END)
    done = ozon.service.work_once()
    assert done is not None
    assert done.state == RunState.GAPS, "not a success"
    told = {each.stream: each for each in desk.newest()}
    compared = {each.stream: each.failed for each in told.values() if each.compared}
    assert compared == dict.fromkeys(("orders", "sales", "finance"))
    never = told["stock"]
    assert (never.compared, never.checked_at, never.run_id, never.days) == (False, None, done.id, [])
    assert (never.account, never.first_day, never.end_day) == (told["orders"].account, FIRST, END)
    assert never.failed is not None
    assert "nothing could be compared" in never.failed.why
    assert {each.stream for each in desk.results([done.id])} == {"orders", "sales", "stock", "finance"}
    (stock,) = [each for each in done.streams if each.stream == "stock"]
    assert stock.state == StreamState.FAILED
    assert "nothing could be compared" in (stock.message or "")


def test_an_older_result_says_that_the_last_attempt_failed(ozon: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ozon.reconcile()
    assert {each.failed for each in before.values()} == {None}
    with monkeypatch.context() as broken:
        broken.setattr(OzonSource, "own_stock", lambda self, schemes, note: [])
        after = ozon.reconcile()
    failed = after["stock"].failed
    assert failed is not None
    assert (after["stock"].run_id, failed.run_id) == (before["stock"].run_id, after["orders"].run_id)
    assert (failed.at, "nothing could be compared" in failed.why) == (NOW, True)
    assert after["orders"].failed is None

    def refused(self: OzonSource) -> NoReturn:
        raise SourceAuthError("ozon", status=403, said="the key ended", path="/v1/seller/info")

    desk = Reconciliations(ozon.service)
    with monkeypatch.context() as broken:
        broken.setattr(OzonSource, "account", refused)
        desk.request(trigger=Trigger.COMMAND, source="ozon", first_day=FIRST, end_day=END)
        done = ozon.service.work_once()
    assert done is not None and done.state == RunState.FAILED
    whole = {each.stream: each.failed for each in desk.newest()}
    assert {each.run_id for each in whole.values() if each} == {done.id}
    assert all(each is not None and "the key ended" in each.why for each in whole.values())
    assert {each.run_id for each in desk.results([done.id])} == {each.run_id for each in desk.newest()}, (
        "why they failed"
    )
    assert ozon.reconcile()["stock"].failed is None, "compared again"


def test_that_no_second_figure_was_read_hides_no_failure_since(ozon: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(OzonSource, "reconciled", ("orders", "sales", "stock"))
        finance = ozon.reconcile()["finance"]
    assert (finance.compared, finance.checked_at, finance.failed) == (False, NOW, None)
    monkeypatch.setattr(OzonSource, "own_accrued", lambda self, first_day, end_day: [])
    never = ozon.reconcile()["finance"]
    assert (never.compared, never.checked_at) == (False, None), "nothing of it is older than this attempt"
    assert never.failed is not None
    assert "nothing could be compared" in never.failed.why


def test_a_scheme_that_they_are_silent_about_does_not_agree(ozon: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = OzonSource.own_stock
    monkeypatch.setattr(
        OzonSource,
        "own_stock",
        lambda self, schemes, note: [each for each in whole(self, schemes, note) if each.scheme != "FBS"],
    )
    told = ozon.reconcile()["stock"]
    assert {each.scheme for each in told.days} == {"FBO", "rFBS"}, "nothing of it is no zero"
    assert findings(told) == {}
    assert [(each.scheme, "came empty" in each.why) for each in told.failed_schemes] == [("FBS", True)]


PENDING = ReportPendingError("wildberries", path="/remains", state="processing", waited_seconds=2700)


@pytest.mark.parametrize("answer", [PENDING, None], ids=["pending", "empty"])
def test_what_the_seller_holds_is_compared_where_the_report_of_remains_is_not_to_be_had(
    answer: ReportPendingError | None, simulator: Running, migrated_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    whole = WildberriesSource.own_stock

    def told(self: WildberriesSource, schemes: Sequence[str], note: Note) -> Sequence[OwnStock]:
        if "FBW" not in schemes:
            return whole(self, schemes, note)
        if answer is not None:
            raise answer
        return []

    monkeypatch.setattr(WildberriesSource, "own_stock", told)
    bench = Bench("wildberries", simulator, migrated_url, tmp_path, streams=("warehouses", "catalogue", "stock"))
    try:
        stock = bench.reconcile()["stock"]
        run = bench.service.run(stock.run_id)
    finally:
        bench.close()
    assert ({each.scheme for each in stock.days}, findings(stock)) == ({"FBS"}, {})
    assert any(each.theirs for each in stock.days)
    (failed,) = stock.failed_schemes
    assert (failed.scheme, str(answer or "came empty") in failed.why) == ("FBW", True)
    (stream,) = [each for each in run.streams if each.stream == "stock"]
    assert (stream.state, run.state) == (StreamState.DONE, RunState.GAPS)
    assert f"FBW was not compared: {failed.why}" in (stream.message or "")


# From Python 3.12 on: the simulator's thread waits for requests meanwhile, and holds nothing that the child needs.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_ends_behind_its_order_leaves_a_report_that_is_fetched(
    simulator: Running, migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = ("warehouses", "catalogue", "stock")
    bench = Bench("wildberries", simulator, migrated_url, tmp_path, streams=streams)
    try:
        before = orders_of_remains(simulator)
        process = os.fork()
        if not process:
            with contextlib.suppress(BaseException):
                monkeypatch.setattr(own_remains, "is_made", lambda *asked, **told: os.kill(os.getpid(), signal.SIGKILL))
                Bench("wildberries", simulator, migrated_url, tmp_path / "child", read=False).reconcile()
            os._exit(1)
        assert os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL
        assert orders_of_remains(simulator) == before + 1
        bench.change("UPDATE run SET lease_until = 1 WHERE state = 'running'")
        stock = bench.reconcile()["stock"]
        assert ({each.scheme for each in stock.days}, findings(stock)) == ({"FBS", "FBW"}, {})
        assert orders_of_remains(simulator) == before + 1, "the next one goes on with it"
        bench.reconcile()
        assert orders_of_remains(simulator) == before + 2, "what was told is old by then"
    finally:
        bench.close()


def orders_of_remains(simulator: Running) -> int:
    stats = httpx2.get(f"{simulator.ozon_url}/simulator/stats", trust_env=False).json()
    return sum(int(told["requests"]) for name, told in stats["paths"].items() if name.endswith("warehouse_remains"))


@pytest.mark.parametrize("as_of", [None, int((NOW - timedelta(days=10)).timestamp() * 1_000_000)])
def test_a_sync_that_is_broken_or_never_came_to_its_end_excuses_nothing(ozon: Bench, as_of: int | None) -> None:
    days = "ordered_day >= '2026-11-16' AND ordered_day < '2026-11-19'"
    ozon.change(f"DELETE FROM demand_event WHERE order_line_id IN (SELECT id FROM order_line WHERE {days})")
    gone = ozon.change(f"DELETE FROM order_line WHERE {days}")
    ozon.change("UPDATE stock SET available = available + 1000 WHERE available > 0")
    ozon.change("UPDATE stream_state SET as_of = :as_of", as_of=as_of)
    told = ozon.reconcile()
    assert (findings(told["orders"])["missing_here"], gone > 5) == (gone, True)
    assert findings(told["stock"])["quantity"] > 10


def test_a_row_that_was_dropped_does_not_wait(ozon: Bench) -> None:
    lost = ozon.first(f"SELECT min(order_id) AS id FROM order_line WHERE {DAYS}").id
    ozon.change(
        "DELETE FROM demand_event WHERE order_line_id IN (SELECT id FROM order_line WHERE order_id = :id)", id=lost
    )
    gone = ozon.change("DELETE FROM order_line WHERE order_id = :id", id=lost)
    ozon.change(
        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
        "SELECT max(account_id), 'orders', 1, :id, 'quantity', :row, 1 FROM order_line",
        id=lost,
        row=b"{}",
    )
    assert findings(ozon.reconcile()["orders"]) == {"quarantined": gone}
    ozon.change("UPDATE quarantine SET state = 'dropped'")
    assert findings(ozon.reconcile()["orders"]) == {"missing_here": gone}


def test_a_cancellation_that_was_never_taken_over_is_a_finding(bench: Bench) -> None:
    line = bench.first(f"SELECT id FROM order_line WHERE {DAYS} AND state = 'cancelled' ORDER BY id LIMIT 1")
    bench.change("UPDATE order_line SET state = 'ordered' WHERE id = :id", id=line.id)
    assert findings(bench.reconcile()["orders"]) == {"cancelled": 1}


def test_results_are_told_of_a_marketplace_with_all_its_accounts_or_of_one(ozon: Bench) -> None:
    (slot,) = ozon.service.sources.values()
    service = replace(ozon.service, sources={"ozon": slot, "ozon-2": replace(slot, name="ozon-2")})
    first = ozon.reconcile()["orders"]
    account = ozon.first("SELECT max(id) AS id FROM account").id
    with ozon.database.write() as connection:
        (run_id,) = connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at) "
                "SELECT kind, 'ozon-2', state, trigger, params, created_at FROM run WHERE id = :id RETURNING id"
            ),
            {"id": first.run_id},
        ).one()
        connection.execute(
            text(
                "INSERT INTO account (source, external_id, name, currency, created_at) "
                "SELECT source, 'two', name, currency, created_at FROM account"
            )
        )
        second = replace(first, run_id=run_id, source="ozon-2", account="second")
        reconciliations.save(connection, second, account_id=account + 1, now=1)
    desk = Reconciliations(service)
    assert {each.source for each in desk.newest("ozon")} == {"ozon", "ozon-2"}
    assert [each.account for each in desk.newest("ozon-2")] == ["second"]
    with pytest.raises(InvalidRequestError, match="ozon-2"):
        desk.newest("ozon-3")
