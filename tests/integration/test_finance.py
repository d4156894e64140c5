"""The account with the marketplace and the cost of storage: merged on their keys, each amount once, none doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from micore.domain.records import FinanceKind, FinanceRecord, RejectedRow, StorageCostRecord
from micore.domain.run_views import RunState
from micore.storage import finance
from tests.support.fake_source import DAY, START, TellingSource, sale, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

TODAY = START.date().isoformat()


def booked(
    finance_id: str, sku: str | None, amount: int, kind: FinanceKind = FinanceKind.DELIVERY, *, day: str = TODAY
) -> FinanceRecord:
    return FinanceRecord(finance_id, sku, "P-1" if sku else None, day, kind, amount, "RUB", "Логистика")


def stored(sku: str, amount: int, *, day: str = TODAY, place: str | None = "w1") -> StorageCostRecord:
    return StorageCostRecord(f"{day}:{sku}:ХОРУГВИНО", sku, place, day, amount, "RUB", 12_000, 4_800)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.finance = [
        booked("F-1:sale", "2", 7_000_000, FinanceKind.SALE),
        booked("F-1:commission", "2", -1_050_000, FinanceKind.COMMISSION),
        booked("F-2", "3", -560_000),
        booked("F-3", None, -9_990_000, FinanceKind.ADVERTISING),
    ]
    market.storage_costs = [stored("2", 12_300), stored("3", 4_500), stored("3", 4_600, day="2026-11-19", place=None)]
    with sync_bench(migrated_url, tmp_path, market, kind=TellingSource) as made:
        yield made


def loaded(bench: SyncBench) -> dict[str, tuple[int, int]]:
    run = bench.sync()
    assert run.state == RunState.DONE
    return {each.stream: (each.rows_loaded, each.rows_unchanged) for each in run.streams}


def tables(bench: SyncBench) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return bench.rows("finance_line", order="id"), bench.rows("storage_cost", order="id")


def test_twice_is_once(bench: SyncBench) -> None:
    first = loaded(bench)
    assert (first["finance"], first["storage_cost"]) == ((4, 0), (3, 0))
    before = tables(bench)
    again = loaded(bench)
    assert (again["finance"], again["storage_cost"]) == ((0, 4), (0, 3))
    assert tables(bench) == before


def test_what_is_kept(bench: SyncBench) -> None:
    loaded(bench)
    lines = bench.rows("finance_line", "external_id", "kind", "amount", "order_id", "booked_day", "name")
    assert lines[0] == ("F-1:commission", "commission", -1_050_000, "P-1", TODAY, "Логистика")
    assert [row[0] for row in bench.rows("finance_line", "external_id", "sku_id") if row[1] is None] == ["F-3"]
    costs = bench.rows("storage_cost", "stored_day", "amount", "quantity", "volume", order="external_id")
    assert costs[0] == ("2026-11-19", 4_600, 12_000, 4_800)
    assert [row[0] for row in bench.rows("storage_cost", "stored_day", "place_id") if row[1] is None] == ["2026-11-19"]


def test_a_changed_row_is_one_change(bench: SyncBench) -> None:
    loaded(bench)
    bench.market.clock = START + DAY
    bench.market.finance[2] = booked("F-2", "3", -570_000)
    bench.market.storage_costs[0] = stored("2", 12_400)
    again = loaded(bench)
    assert (again["finance"], again["storage_cost"]) == ((1, 3), (1, 2))
    assert dict(bench.rows("finance_line", "external_id", "amount"))["F-2"] == -570_000
    assert 12_400 in [row[0] for row in bench.rows("storage_cost", "amount")]


def test_another_accounts_rows_stay(bench: SyncBench) -> None:
    loaded(bench)
    before = tables(bench)
    line = finance.FinanceRow("F-2", None, None, TODAY, "other", -1, "RUB", "", None)
    cost = finance.StorageCostRow(f"{TODAY}:2:ХОРУГВИНО", 1, None, TODAY, 1, "RUB", None, None, None)
    with bench.database.write() as connection:
        other = connection.execute(
            text(
                "INSERT INTO account (source, external_id, name, currency, created_at) "
                "VALUES ('fake', '8', 'Другой', 'RUB', 0) RETURNING id"
            )
        ).scalar_one()
        assert finance.merge_finance(connection, other, [line], now=1) == [None]
        assert finance.merge_storage_costs(connection, other, [cost], now=1) == [1]
    after = tables(bench)
    assert after[0][:-1] == before[0]
    assert after[1][:-1] == before[1]


def test_one_reading_may_tell_sales_too(bench: SyncBench) -> None:
    bench.market.finance.append(sale("A-9", "2", 7_000_000, order_id="P-1"))
    assert loaded(bench)["finance"] == (5, 0)
    assert "A-9" in [row[0] for row in bench.rows("sale", "external_id")]
    assert len(bench.rows("finance_line", "id")) == 4


def test_what_orders_earned_is_not_doubled(bench: SyncBench) -> None:
    """Revenue and demand come from the orders alone, however often their money is booked."""
    told, bench.market.finance = bench.market.finance, []
    loaded(bench)
    before = bench.rows("product_summary", "product_key", "revenue_30d", "sold_30d", "effect")
    bench.market.finance = told
    assert loaded(bench)["finance"] == (4, 0)
    assert bench.rows("product_summary", "product_key", "revenue_30d", "sold_30d", "effect") == before


def test_a_booking_told_anew_keeps_no_part_that_is_not_told_any_more(bench: SyncBench) -> None:
    bench.market.page_rows = 9
    bench.market.whole = {"finance": ["F-1", "F-9"]}
    loaded(bench)
    bench.market.clock = START + DAY
    bench.market.finance[0:2] = [booked("F-1:sale", "2", 7_000_000, FinanceKind.SALE), booked("F-1:fee", "2", -900_000)]
    assert loaded(bench)["finance"][0] == 2, "one is new, one has gone"
    told = [row[0] for row in bench.rows("finance_line", "external_id")]
    assert told == ["F-1:fee", "F-1:sale", "F-2", "F-3"]
    assert loaded(bench)["finance"][0] == 0


def test_a_day_of_storage_told_anew_under_other_names_is_not_paid_twice(bench: SyncBench) -> None:
    bench.market.whole = {"storage_cost": [TODAY]}
    loaded(bench)
    bench.market.clock = START + DAY
    renamed = [
        each._replace(cost_id=each.cost_id.replace("ХОРУГВИНО", "КОЛЕДИНО")) for each in bench.market.storage_costs
    ]
    bench.market.storage_costs = renamed
    loaded(bench)
    kept = bench.rows("storage_cost", "stored_day", "amount", "external_id")
    assert [row[1] for row in kept if row[0] == TODAY] == [4_500, 12_300]
    assert all("КОЛЕДИНО" in row[2] for row in kept if row[0] == TODAY)
    assert len([row for row in kept if row[0] != TODAY]) == 2, "a day that was not told whole keeps what it had"


def test_of_a_row_that_cannot_be_believed_any_more_the_last_figure_stays(bench: SyncBench) -> None:
    loaded(bench)
    bench.market.clock = START + DAY
    gone = bench.market.storage_costs.pop(0)
    bad = RejectedRow(gone.cost_id, "cost: received 'words'; allowed: a decimal", b'{"cost": "words"}')
    bench.market.rejected["storage_cost"] = [bad]
    bench.market.whole, bench.market.kept = {"storage_cost": [TODAY]}, [gone.cost_id]
    bench.market.storage_costs[0] = stored("3", 4_700)._replace(cost_id="renamed")
    assert bench.sync().state == RunState.GAPS
    assert dict(bench.rows("storage_cost", "external_id", "amount")) == {
        gone.cost_id: gone.amount,
        "renamed": 4_700,
        "2026-11-19:3:ХОРУГВИНО": 4_600,
    }
    assert bench.rows("quarantine", "row_key", "state") == [(gone.cost_id, "waiting")]
    # Told no more at all, it goes, and nobody waits for it.
    bench.market.rejected.clear()
    bench.market.kept.clear()
    loaded(bench)
    assert gone.cost_id not in dict(bench.rows("storage_cost", "external_id", "amount"))
    assert bench.rows("quarantine", "row_key", "state") == [(gone.cost_id, "superseded")]


def test_a_sale_goes_with_its_booking(bench: SyncBench) -> None:
    """Booked, and booked anew as nothing, or with one line less."""
    lines = [
        booked(f"F-7:{sku}:1:sale", sku, 7_000_000, FinanceKind.SALE)._replace(order_id="P-7") for sku in ("2", "3")
    ]
    others = [sale(f"{booking}:2:1", "2", 100)._replace(order_id="P-7") for booking in ("F-70", "F-8")]
    sales = [sale(f"F-7:{sku}:1", sku, 7_000_000)._replace(order_id="P-7") for sku in ("2", "3")]
    bench.market.page_rows = 20
    bench.market.finance = [*lines, *sales, *others]
    loaded(bench)
    bench.market.clock = START + DAY
    bench.market.whole = {"finance": ["F-7"]}
    bench.market.finance = [lines[0], sales[0], *others]
    loaded(bench)
    told = {row[0] for row in bench.rows("sale", "external_id")}
    assert told >= {"F-7:2:1", "F-70:2:1", "F-8:2:1"}
    assert "F-7:3:1" not in told
    bench.market.finance = []
    loaded(bench)
    told = {row[0] for row in bench.rows("sale", "external_id")}
    assert told >= {"F-70:2:1", "F-8:2:1"}
    assert "F-7:2:1" not in told
    assert bench.rows("finance_line", "external_id") == []
