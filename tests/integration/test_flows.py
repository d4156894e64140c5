"""Prices told apart, returns, supplies, and what bookings say of orders: merged, versioned, never told twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from micore.domain.records import (
    OrderState,
    PriceRecord,
    RejectedRow,
    ReturnKind,
    ReturnRecord,
    ReturnState,
    SaleRecord,
    SupplyRecord,
    SupplyState,
)
from micore.domain.run_views import RunState, StreamState
from micore.storage import barcodes
from tests.support.fake_source import DAY, START, FakeMarketplace, TellingSource, card, order, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

NOW = int(START.timestamp()) * 1_000_000


def back(return_id: str, sku: str, state: ReturnState = ReturnState.ON_THE_WAY) -> ReturnRecord:
    return ReturnRecord(return_id, "P-1", sku, "FBO", ReturnKind.BUYER, state, 1000, "Не подошёл", NOW, None)


def supply(supply_id: str, sku: str, *, accepted: int | None = None, place: str | None = "w1") -> SupplyRecord:
    state = SupplyState.ON_THE_WAY if accepted is None else SupplyState.DONE
    return SupplyRecord(supply_id, sku, place, state, 40_000, accepted, NOW, NOW, NOW)


def booked(sale_id: str, order_id: str, sku: str, state: OrderState) -> SaleRecord:
    amount = 5_600_000 if state == OrderState.DELIVERED else -5_600_000
    return SaleRecord(sale_id, order_id, sku, "2026-11-20", amount, None, "RUB", state)


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.returns = [back("R-1", "2"), back("R-2", "3")]
    market.supplies = [supply("S-1", "1"), supply("S-1", "2"), supply("S-2", "5", place="w9")]
    with sync_bench(migrated_url, tmp_path, market, kind=TellingSource) as made:
        yield made


class TestReturnsAndSupplies:
    def test_they_arrive_and_a_second_reading_changes_nothing(self, bench: SyncBench) -> None:
        first = bench.sync()
        assert first.state == RunState.DONE
        returns, supplies = bench.rows("return_line", order="id"), bench.rows("supply_line", order="id")
        assert (len(returns), len(supplies)) == (2, 3)
        again = {each.stream: (each.rows_loaded, each.rows_unchanged) for each in bench.sync().streams}
        assert (again["returns"], again["supplies"]) == ((0, 2), (0, 3))
        assert (bench.rows("return_line", order="id"), bench.rows("supply_line", order="id")) == (returns, supplies)

    def test_a_changed_one_is_written_alone(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.returns[1] = back("R-2", "3", ReturnState.BACK)
        bench.market.supplies[0] = supply("S-1", "1", accepted=38_000)
        again = {each.stream: each.rows_loaded for each in bench.sync().streams}
        assert (again["returns"], again["supplies"]) == (1, 1)
        assert bench.rows("return_line", "return_id", "state") == [("R-1", "on_the_way"), ("R-2", "back")]
        assert bench.rows("supply_line", "accepted", "state", order="supply_id, sku_id")[0] == (38_000, "done")

    def test_a_quantity_that_nobody_told_is_not_zero(self, bench: SyncBench) -> None:
        bench.market.returns = [back("R-1", "2")._replace(quantity=None), back("R-2", "3")]
        assert bench.sync().state == RunState.DONE
        assert bench.rows("return_line", "return_id", "quantity") == [("R-1", None), ("R-2", 1000)]
        again = {each.stream: (each.rows_loaded, each.rows_unchanged) for each in bench.sync().streams}
        assert again["returns"] == (0, 2), "unknown twice is no change"
        bench.market.returns[0] = back("R-1", "2")
        bench.sync()
        assert bench.rows("return_line", "return_id", "quantity") == [("R-1", 1000), ("R-2", 1000)]

    def test_the_day_is_the_shops(self, bench: SyncBench) -> None:
        late = NOW + 13 * 3_600_000_000  # 22:00 UTC, the next day in Moscow
        bench.market.returns = [back("R-1", "2")._replace(returned_at=late)]
        bench.sync()
        assert bench.rows("return_line", "returned_day") == [("2026-11-21",)]

    def test_a_warehouse_nobody_told_of_is_made(self, bench: SyncBench) -> None:
        bench.sync()
        assert ("w9",) in bench.rows("place", "external_id")
        assert None not in [row[0] for row in bench.rows("supply_line", "place_id")]

    def test_a_sku_nobody_told_of_is_made(self, bench: SyncBench) -> None:
        bench.market.returns.append(back("R-3", "777"))
        assert bench.sync().state == RunState.DONE
        assert ("777",) in bench.rows("sku", "external_id")


class TestClosedSupplies:
    """What the marketplace no longer tells of does not stay under way."""

    def lines(self, bench: SyncBench) -> list[tuple[Any, ...]]:
        return bench.rows("supply_line l JOIN sku k ON k.id = l.sku_id", "l.supply_id", "k.external_id", "l.state")

    def test_a_line_taken_out_of_a_supply(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.supplies, bench.market.whole_supplies = [supply("S-1", "1")], ["S-1"]
        bench.sync()
        assert self.lines(bench) == [("S-1", "1", "on_the_way"), ("S-1", "2", "cancelled"), ("S-2", "5", "on_the_way")]

    def test_a_supply_that_is_not_told_whole_keeps_its_lines(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.supplies = [supply("S-1", "1")]
        bench.sync()
        assert [state for *_, state in self.lines(bench)] == ["on_the_way"] * 3

    def test_a_supply_told_in_several_pages_keeps_them_all(self, bench: SyncBench) -> None:
        bench.market.supplies = [supply("S-1", str(number)) for number in range(1, 9)]
        bench.market.whole_supplies = ["S-1"]
        bench.sync()
        bench.sync()
        assert [state for *_, state in self.lines(bench)] == ["on_the_way"] * 8

    def test_a_supply_that_is_listed_no_more(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.supplies, bench.market.open_supplies = [], ["S-2"]
        bench.sync()
        assert [state for *_, state in self.lines(bench)] == ["cancelled", "cancelled", "on_the_way"]

    def test_half_of_many_that_vanish_at_once_are_not_believed(self, bench: SyncBench) -> None:
        bench.market.supplies = [supply(f"S-{number}", "1") for number in range(30)]
        bench.sync()
        bench.market.supplies, bench.market.open_supplies = [], ["S-1"]
        held = bench.sync()
        assert held.message is not None and "Only 1 of 30 open supplies" in held.message
        assert {state for *_, state in self.lines(bench)} == {"on_the_way"}
        assert bench.sync(believe=True).state == RunState.DONE
        assert [each for each, _, state in self.lines(bench) if state == "on_the_way"] == ["S-1"]


class TestPrices:
    def test_one_rejected_row_holds_nothing(self, bench: SyncBench) -> None:
        bench.market.catalogue = [card(str(number), price=None) for number in range(1, 30)]
        bench.market.prices = [PriceRecord(f"card-{number}", 1_990_000, "RUB") for number in range(1, 30)]
        bench.sync()
        bench.market.rejected["prices"] = [RejectedRow("card-30", "price: received -1; allowed: 0 or more.", b"{}")]
        told = {each.stream: each.state for each in bench.sync().streams}
        assert told["prices"] == StreamState.DONE

    @pytest.fixture(autouse=True)
    def catalogue_without_prices(self, bench: SyncBench) -> None:
        bench.market.catalogue = [card(str(number), price=None) for number in range(1, 9)]

    def prices(self, bench: SyncBench) -> dict[str, int | None]:
        return dict(bench.rows("listing", "external_id", "price"))

    def test_they_reach_the_card_and_the_dashboard(self, bench: SyncBench) -> None:
        bench.market.prices = [PriceRecord("card-4", 1_990_000, "RUB"), PriceRecord("card-unknown", 1, "RUB")]
        bench.sync()
        assert self.prices(bench)["card-4"] == 1_990_000
        assert dict(bench.rows("product_summary", "code", "stock_value"))["ART-4"] == 57 * 1_990_000

    def test_a_price_that_goes_does_not_stand_on(self, bench: SyncBench) -> None:
        bench.market.prices = [PriceRecord("card-4", 1_990_000, "RUB"), PriceRecord("card-5", None, "RUB")]
        bench.sync()
        bench.market.clock = START + DAY
        bench.market.prices = [PriceRecord("card-4", None, "RUB"), PriceRecord("card-5", None, "RUB")]
        bench.sync()
        assert (self.prices(bench)["card-4"], self.prices(bench)["card-5"]) == (None, None)
        assert [price for _, price in sorted(bench.rows("listing_price", "valid_from", "price"))] == [1_990_000, None]

    def test_a_catalogue_that_tells_no_price_takes_none_away(self, bench: SyncBench) -> None:
        bench.market.prices = [PriceRecord("card-4", 1_990_000, "RUB")]
        bench.sync()
        bench.market.catalogue[3] = card("4", "Новое имя", price=None)
        changed = {each.stream: each.rows_loaded for each in bench.sync().streams}
        assert (changed["catalogue"], changed["prices"]) == (1, 0)
        assert self.prices(bench)["card-4"] == 1_990_000

    def test_each_change_is_dated(self, bench: SyncBench) -> None:
        for days, price in ((0, 1_990_000), (1, 1_990_000), (2, 2_490_000)):
            bench.market.clock = START + days * DAY
            bench.market.prices = [PriceRecord("card-4", price, "RUB")]
            bench.sync()
        day = 86_400_000_000
        assert bench.rows("listing_price", "price", "valid_from") == [(1_990_000, NOW), (2_490_000, NOW + 2 * day)]


class TestSettledOrders:
    """A marketplace whose orders never say more than "ordered"."""

    @pytest.fixture(autouse=True)
    def few(self, bench: SyncBench) -> FakeMarketplace:
        bench.market.orders = [order(f"P-{number}", "2") for number in (1, 2, 3)]
        bench.market.sales = [booked("S1", "P-1", "2", OrderState.DELIVERED)]
        return bench.market

    def states(self, bench: SyncBench) -> dict[str, tuple[str, int]]:
        return {
            order_id: (state, version)
            for order_id, state, version in bench.rows("order_line", "order_id", "state", "version")
        }

    def test_a_booking_delivers_its_line_once(self, bench: SyncBench) -> None:
        bench.sync()
        assert self.states(bench) == {"P-1": ("delivered", 2), "P-2": ("ordered", 1), "P-3": ("ordered", 1)}
        before = bench.content()
        bench.sync(full=True)
        assert bench.content() == before

    def test_what_was_taken_back_is_returned_and_each_step_kept(self, bench: SyncBench) -> None:
        bench.sync()
        bench.market.sales.append(booked("R1", "P-1", "2", OrderState.RETURNED))
        bench.sync()
        assert self.states(bench)["P-1"] == ("returned", 3)
        versions = [row[2] for row in bench.content()["versions"] if row[0] == "P-1"]
        assert versions == ["ordered", "delivered", "returned"]

    def test_a_booking_read_before_its_order(self, bench: SyncBench) -> None:
        bench.market.sales.append(booked("S9", "P-9", "3", OrderState.DELIVERED))
        bench.sync()
        bench.market.orders.append(order("P-9", "3"))
        bench.sync()
        assert self.states(bench)["P-9"][0] == "delivered"

    def test_a_cancelled_line_stays_cancelled(self, bench: SyncBench) -> None:
        bench.market.orders[0] = order("P-1", "2", state=OrderState.CANCELLED)
        bench.sync()
        assert self.states(bench)["P-1"] == ("cancelled", 1)


class TestBelatedOrders:
    def lines(self, bench: SyncBench) -> dict[str, tuple[str, str, int]]:
        rows = bench.rows("order_line", "order_id", "state", "ordered_day", "version")
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def test_they_fill_in_what_nobody_told_and_change_nothing_else(self, bench: SyncBench) -> None:
        bench.market.orders = [order("P-1", "2"), order("P-2", "2", state=OrderState.DELIVERED), order("P-3", "2")]
        bench.sync()
        before = self.lines(bench)
        late = order("P-9", "3", state=OrderState.DELIVERED, at=START - 120 * DAY)._replace(belated=True)
        bench.market.orders = [
            late,
            late._replace(order_id="P-1"),  # under another sku: the order is known
            late._replace(order_id="P-2", sku_id="2", state=OrderState.RETURNED),
            late._replace(order_id="P-3", sku_id="2"),
        ]
        bench.sync()
        after = self.lines(bench)
        assert (after["P-1"], after["P-3"]) == (before["P-1"], before["P-3"])
        assert after["P-2"] == ("returned", before["P-2"][1], 2)
        assert after["P-9"] == ("delivered", "2026-07-23", 1)
        assert len(bench.rows("order_line", "order_id")) == 4
        bench.sync()
        assert self.lines(bench) == after


class TestBarcodes:
    def test_what_they_stand_for(self, bench: SyncBench) -> None:
        bench.market.catalogue = [
            card("1", barcodes=("both", "mine")),
            card("2", barcodes=("both", "moved")),
            card("3", barcodes=("gone",)),
        ]
        bench.sync()
        bench.market.clock = START + DAY
        bench.market.catalogue = [
            card("1", barcodes=("both", "mine", "moved")),
            card("2", barcodes=("both",)),
            card("3", barcodes=()),
        ]
        run = bench.sync()
        with bench.database.read() as connection:
            known = barcodes.skus_by_barcode(connection, run.id)
        assert known == {"mine": "1", "moved": "1", "gone": "3"}

    def test_those_of_a_retired_sku_give_way_to_a_living_one(self, bench: SyncBench) -> None:
        bench.market.catalogue = [card("1", barcodes=("same",)), card("2", barcodes=("left",))]
        bench.sync()
        bench.market.clock = START + DAY
        bench.market.catalogue = [card("3", "Made anew", barcodes=("same",))]
        run = bench.sync()
        with bench.database.read() as connection:
            known = barcodes.skus_by_barcode(connection, run.id)
        assert known == {"same": "3", "left": "2"}

    def test_a_row_that_names_its_card_is_of_that_card(self, bench: SyncBench) -> None:
        bench.market.catalogue = [
            card("1", barcodes=("both", "mine")),
            card("2", barcodes=("both", "moved")),
            card("3", barcodes=("three",))._replace(listing_id="card-2", size="L"),
            card("4", barcodes=("four",)),
        ]
        bench.sync()
        bench.market.clock = START + DAY
        bench.market.catalogue[0] = card("1", barcodes=("both", "mine", "moved"))
        bench.market.catalogue[1] = card("2", barcodes=("both",))
        run = bench.sync()
        found = barcodes.Barcodes(bench.database, run.id)
        cards = {each.sku_id: each.listing_id for each in bench.market.catalogue}
        # Who bears it now, and whose it was when the order was made.
        assert found.sku_of("moved") == "1"
        assert [found.sku_of("moved", cards[sku]) for sku in ("1", "2")] == ["1", "2"]
        assert found.sku_of("both") is None
        assert [found.sku_of("both", cards[sku]) for sku in ("1", "2")] == ["1", "2"]
        # A barcode that a card never had is of none of its sizes, be it the only one.
        assert found.sku_of("unheard of", cards["4"]) is None
        assert found.sku_of("unheard of", cards["2"]) is None
        assert found.sku_of("mine", "no card") is None
        assert found.sku_of("unheard of") is None
