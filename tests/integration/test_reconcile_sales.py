"""What was sold and given back, beside what the simulated marketplaces tell: equal, or each fault has its class."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from micore.domain.reconcile_views import DifferenceRow, Reconciliation, Untold
from micore.domain.run_views import StreamState, Trigger
from micore.domain.units import Money
from micore.services.reconciliations import Reconciliations
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.sources.ozon import OzonSource
from micore.sources.wildberries import WildberriesSource
from tests.integration.reconcile_bench import END, FIRST, NOW, Bench, findings

DAYS = "sold_day >= '2026-11-11' AND sold_day < '2026-11-18'"
RETURNED = "SELECT order_id FROM sale WHERE order_state = 'returned'"
KEPT = f"{DAYS} AND order_state = 'delivered' AND order_id NOT IN ({RETURNED})"
MONTH = date(2026, 10, 25)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    shop = Shop(seed=7, products=60, days=60, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


@pytest.fixture
def wildberries(simulator: Running, migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench("wildberries", simulator, migrated_url, tmp_path, days=50, streams=["catalogue", "sales"])
    yield made
    made.close()


@pytest.fixture
def ozon(simulator: Running, migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench("ozon", simulator, migrated_url, tmp_path, streams=["catalogue", "finance"])
    yield made
    made.close()


def examples(told: Reconciliation) -> dict[str, list[DifferenceRow]]:
    return {each.kind.value: each.examples for each in told.differences if not each.harmless}


def test_units_are_those_of_the_feed_and_each_fault_shows_in_its_class(wildberries: Bench) -> None:
    told = wildberries.reconcile(MONTH)["sales"]
    assert (findings(told), told.compared) == ({}, True)
    assert [each.day for each in told.days[::2]] == [MONTH + timedelta(days=number) for number in range(26)]
    for member in ("sale", "return"):
        # Of the last day and a half the money of some sales is not known yet.
        sums = [(each.theirs, each.ours) for each in told.days if each.member == member][:-2]
        assert all(theirs == ours for theirs, ours in sums)
        assert any(theirs for theirs, _ in sums), "both were there to be wrong"
    assert told.untold == [Untold.SALES_MONEY, Untold.SALES_PLACES]

    orders = [row.order_id for row in wildberries.rows(f"SELECT order_id FROM sale WHERE {KEPT} ORDER BY order_id")]
    lost, doubled, given_back, next_day = orders[:4]
    both = "SELECT s.id, s.order_id FROM sale s JOIN sale r ON r.order_id = s.order_id AND r.order_state = 'returned' "
    both += "WHERE s.order_state = 'delivered' AND s.sold_day >= '2026-10-30' AND r.sold_day < '2026-11-19' "
    both += "ORDER BY s.sold_day DESC, s.order_id"
    unsold, kept = wildberries.rows(both)[:2]
    moved = wildberries.first(f"SELECT id, order_id FROM sale WHERE {KEPT} AND sold_day < '2026-11-15' "
                              "ORDER BY order_id DESC LIMIT 1")  # fmt: skip
    day = wildberries.first(f"SELECT sold_day FROM sale WHERE order_id = '{next_day}'").sold_day
    columns = "account_id, order_id, sku_id, sold_day, amount, currency, known_from, order_state"
    copy = f"INSERT INTO sale (external_id, {columns}) SELECT :name, {columns} FROM sale WHERE order_id = :id"
    wildberries.change("DELETE FROM sale WHERE order_id = :id", id=lost)
    wildberries.change(copy, name="S-twice", id=doubled)
    wildberries.change(copy, name="S-foreign", id=given_back)
    wildberries.change("UPDATE sale SET order_id = 'nobody' WHERE external_id = 'S-foreign'")
    wildberries.change("UPDATE sale SET order_state = 'returned' WHERE order_id = :id", id=given_back)
    wildberries.change("DELETE FROM sale WHERE id = :id", id=unsold.id)
    wildberries.change("DELETE FROM sale WHERE order_id = :id AND order_state = 'returned'", id=kept.order_id)
    wildberries.change("UPDATE sale SET sold_day = '2026-11-19' WHERE id = :id", id=moved.id)
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    wildberries.change("UPDATE sale SET sold_day = :day WHERE order_id = :id", day=following, id=next_day)

    told = wildberries.reconcile(MONTH)["sales"]
    found = {kind: {(row.order_id, row.member) for row in rows} for kind, rows in examples(told).items()}
    # That a unit is given back says that it was sold, too.
    assert found.pop("missing_here") - {(given_back, "sale")} == {
        (lost, "sale"),
        (unsold.order_id, "sale"),
        (moved.order_id, "sale"),
    }
    assert found == {
        "extra_here": {("nobody", "sale"), (moved.order_id, "sale")},
        "quantity": {(doubled, "sale")},
        "returned": {(given_back, "return"), (kept.order_id, "return")},
    }
    (boundary,) = [each for each in told.differences if each.kind.value == "day_boundary"]
    assert [each.order_id for each in boundary.examples] == [next_day]


def test_what_waits_or_came_since_is_named_and_an_old_reading_excuses_nothing(wildberries: Bench) -> None:
    lost = wildberries.first(f"SELECT order_id AS id FROM sale WHERE {KEPT} ORDER BY order_id LIMIT 1").id
    wildberries.change("DELETE FROM sale WHERE order_id = :id", id=lost)
    wildberries.change(
        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
        "SELECT max(account_id), 'sales', 1, 'S1', 'forPay', :row, 1 FROM sale",
        row=f'{{"saleID":"S1","srid":"{lost}"}}'.encode(),
    )
    assert findings(wildberries.reconcile()["sales"]) == {"quarantined": 1}
    wildberries.change("UPDATE quarantine SET state = 'dropped'")
    assert findings(wildberries.reconcile()["sales"]) == {"missing_here": 1}

    gone = wildberries.change("DELETE FROM sale WHERE sold_day = '2026-11-20'")
    today = wildberries.reconcile(end=END + timedelta(days=1))["sales"]
    assert (findings(today), gone > 0) == ({"missing_here": 1}, True)
    assert next(each.rows for each in today.differences if each.kind.value == "late") >= gone
    old = int((NOW - timedelta(days=3)).timestamp() * 1_000_000)
    wildberries.change("UPDATE stream_state SET as_of = :as_of", as_of=old)
    unexcused = wildberries.reconcile(end=END + timedelta(days=1))["sales"]
    assert findings(unexcused)["missing_here"] > gone


# --- sums of money ------------------------------------------------------------------------------------------------


def test_sums_of_each_day_are_those_of_the_balance_and_each_fault_shows_in_its_class(ozon: Bench) -> None:
    results = ozon.reconcile()
    told, finance = results["sales"], results["finance"]
    assert (told.differences, told.compared) == ([], True)
    assert (finance.compared, finance.differences, finance.statements) == (True, [], [])
    assert [(each.day, each.member) for each in finance.days] == [
        (FIRST + timedelta(days=number), "accrued") for number in range(10)
    ]
    assert all(each.theirs_money == each.ours_money != Money("0.00", "RUB") for each in finance.days)
    assert {each.member for each in told.days} == {"sale", "return", "commission"}
    assert all(each.theirs_money == (each.ours_money or Money("0.00", "RUB")) for each in told.days)
    assert len(told.days) == 30, "every day is told, quiet ones too"
    assert {each.theirs for each in told.days} == {None}, "no units are told, and none is no zero"
    assert sum(each.member == "sale" for each in told.days) == 10
    assert told.untold == [Untold.SALES_UNITS, Untold.SALES_PLACES]

    ozon.change("UPDATE sale SET amount = amount + 10000 WHERE id = (SELECT min(id) FROM sale "
                "WHERE sold_day = '2026-11-11' AND amount > 0)")  # fmt: skip
    ozon.change("DELETE FROM sale WHERE sold_day = '2026-11-12'")
    ozon.change("UPDATE sale SET commission = 0 WHERE sold_day = '2026-11-13'")
    ozon.change(
        "INSERT INTO sale (account_id, external_id, sku_id, sold_day, amount, currency, known_from) "
        "SELECT account_id, 'foreign', sku_id, '2026-11-14', 70000, 'KZT', 1 FROM sale WHERE id = "
        "(SELECT min(id) FROM sale)"
    )
    told = ozon.reconcile()["sales"]
    found = {kind: {(str(row.day), row.member) for row in rows} for kind, rows in examples(told).items()}
    assert found["amount"] == {("2026-11-11", "sale")}
    assert found["missing_here"] - {("2026-11-12", "return")} == {
        ("2026-11-12", "sale"),
        ("2026-11-12", "commission"),
        ("2026-11-13", "commission"),
    }
    assert found["extra_here"] == {("2026-11-14", "sale")}
    foreign = [each for each in told.days if each.ours_money == Money("7.00", "KZT")]
    assert [each.theirs_money for each in foreign] == [None], "what nobody told is no 0.00"
    (extra,) = examples(told)["extra_here"]
    assert (extra.theirs_money, extra.ours_money) == (None, Money("7.00", "KZT"))
    ozon.change(
        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
        "SELECT max(account_id), 'finance', 1, '17', 'money', :row, 1 FROM sale",
        row=b'{"accrual_id":17,"date":"2026-11-12"}',
    )
    waiting = examples(ozon.reconcile()["sales"])
    assert {str(row.day) for row in waiting["quarantined"]} == {"2026-11-12"}
    assert {str(row.day) for row in waiting["missing_here"]} == {"2026-11-13"}


def test_what_was_booked_is_held_against_the_balance_of_its_day_whatever_it_was_for(ozon: Bench) -> None:
    services = "kind NOT IN ('sale', 'return', 'commission')"
    for day, change in (("11", "amount = amount - 10000"), ("13", "amount = -amount")):
        one = f"AND id = (SELECT min(id) FROM finance_line WHERE booked_day = '2026-11-{day}' AND {services})"
        of = f"booked_day = '2026-11-{day}'" + ("" if day == "13" else f" {one}")
        assert ozon.change(f"UPDATE finance_line SET {change} WHERE {of}") > 0
    ozon.change("DELETE FROM finance_line WHERE booked_day = '2026-11-12'")
    results = ozon.reconcile()
    found = {kind: [str(row.day) for row in rows] for kind, rows in examples(results["finance"]).items()}
    assert found == {"amount": ["2026-11-11"], "sign": ["2026-11-13"], "missing_here": ["2026-11-12"]}
    (sign,) = examples(results["finance"])["sign"]
    assert sign.theirs_money is not None and sign.ours_money is not None
    assert Decimal(sign.theirs_money.amount) == -Decimal(sign.ours_money.amount) != 0
    assert results["sales"].differences == [], "the sales are another comparison"
    late = ozon.reconcile(end=END + timedelta(days=1))["finance"]
    assert {str(row.day) for row in examples(late).get("late", ())} <= {"2026-11-20"}
    ozon.change(
        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
        "SELECT max(account_id), 'finance', 1, '17', 'money', :row, 1 FROM sale",
        row=b'{"accrual_id":17,"date":"2026-11-12"}',
    )
    assert [str(row.day) for row in examples(ozon.reconcile()["finance"])["quarantined"]] == ["2026-11-12"]


def test_an_account_without_a_booking_is_compared_by_day_all_the_same(
    ozon: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ozon.change("DELETE FROM finance_line")
    monkeypatch.setattr(OzonSource, "own_accrued", lambda self, first_day, end_day: [])
    finance = ozon.reconcile()["finance"]
    assert (finance.compared, finance.days, finance.statements, finance.by_report) == (True, [], [], False)


@pytest.mark.parametrize("source", ["ozon", "wildberries"])
def test_figures_that_came_empty_are_no_agreement(
    source: str, simulator: Running, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(source, simulator, migrated_sqlite_url, tmp_path, streams=["catalogue", "sales", "finance"])
    try:
        monkeypatch.setattr(OzonSource, "own_sale_sums", lambda self, first_day, end_day: [])
        monkeypatch.setattr(WildberriesSource, "own_sales", lambda self, first_day: [])
        desk = Reconciliations(bench.service)
        desk.request(trigger=Trigger.COMMAND, source=source, first_day=FIRST, end_day=END)
        done = bench.service.work_once()
        assert done is not None
        (sales,) = [each for each in done.streams if each.stream == "sales"]
        assert sales.state == StreamState.FAILED
        assert "nothing could be compared" in (sales.message or "")
        assert "sales" not in {each.stream for each in desk.newest() if each.compared}
    finally:
        bench.close()
