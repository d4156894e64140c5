"""The marketplaces' own figures, where a walk dies on its way and begins again."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from micore.errors import OutcomeUnknownError, SourceProtocolError
from micore.sources.own_figures import OwnStock
from micore.sources.wildberries import own_figures as wildberries_figures
from tests.unit.sources import fake_ozon
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.wildberries import fake_wildberries


class Paper:
    """A note that is kept as long as the test."""

    def __init__(self) -> None:
        self.text = ""

    def read(self) -> str:
        return self.text

    def write(self, text: str) -> None:
        self.text = text


@pytest.fixture
def note() -> Paper:
    return Paper()


STOCKS, FEED = "/v4/product/info/stocks", "/api/analytics/v1/order-feed"


def test_ozons_stock_is_not_told_twice_by_a_walk_that_began_again() -> None:
    """A thousand rows, a dead cursor, then all of them anew."""
    with fake_ozon.bench() as ozon:
        rows = [
            {"stocks": [{"sku": sku, "type": "fbs", "present": 5, "reserved": 1}, {"sku": sku, "type": "fbp"}]}
            for sku in range(1, 1002)
        ]
        for row in rows:
            row["stocks"][1] |= {"present": 9, "reserved": 0}
        refused = iter([True])

        def answer(asked: Asked) -> Says:
            if not asked.payload["cursor"]:
                return Says({"items": rows[:1000], "cursor": "next"})
            if next(refused, False):
                return Says({"code": 3, "message": "cursor has expired", "details": []}, 400)
            return Says({"items": rows[1000:], "cursor": ""})

        ozon.ozon.instead[STOCKS] = answer
        told = [each for each in ozon.source.own_stock(["FBS", "rFBS"], Paper()) if each.scheme == "FBS"]
    assert sorted(told) == sorted(OwnStock("FBS", str(sku), 4_000) for sku in range(1, 1002))


def test_wildberries_orders_are_not_told_twice_by_a_walk_that_began_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wildberries_figures, "PAGE_ROWS", 2)
    with fake_wildberries.bench() as wildberries:
        rows = [
            {
                "srid": f"order-{number}",
                "chrtId": 7,
                "createdAt": "2026-11-20T10:00:00+03:00",
                "updatedAt": "2026-11-21T10:00:00+03:00",
                "status": "created",
            }
            for number in range(3)
        ]
        snapshots = iter(["2026-11-22T09:00:00Z", "2026-11-22T09:05:00Z"])

        def answer(asked: Asked) -> Says:
            pages = asked.payload["pagination"]
            if pages["offset"] == 0:
                assert "snapshotTime" not in pages, "a walk that begins again takes a new look"
                return Says({"data": {"snapshotTime": next(snapshots), "orders": rows[:2]}})
            if pages["snapshotTime"] == "2026-11-22T09:00:00Z":
                return Says({"title": "snapshot has expired"}, 400)
            return Says({"data": {"snapshotTime": pages["snapshotTime"], "orders": rows[2:]}})

        wildberries.shop.instead[FEED] = answer
        told = wildberries.source.own_orders(date(2026, 11, 20), date(2026, 11, 21)).lines
    assert [each.order_id for each in told] == ["order-0", "order-1", "order-2"]
    assert all(each.changed_at is not None and each.changed_at > each.ordered_at for each in told)


BALANCE = "/v1/finance/balance"
NOTHING = {"value": 0, "currency_code": "RUB"}
QUIET = {"amount": NOTHING, "fee": NOTHING}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"cashflows": {}},
        {"cashflows": {"sales": QUIET}},
        {"cashflows": {"sales": QUIET, "returns": {"amount": NOTHING, "charge": NOTHING}}},
        {"cashflows": {"sales": {**QUIET, "amount": {"currency_code": "RUB"}}, "returns": QUIET}},
        {"cashflows": {"sales": {**QUIET, "amount": {"value": 7}}, "returns": QUIET}},
    ],
)
def test_a_day_of_ozons_balance_that_lacks_a_sum_is_no_day_without_sales(told: dict[str, object]) -> None:
    with fake_ozon.bench() as ozon:
        ozon.ozon.instead[BALANCE] = lambda asked: Says(told)
        with pytest.raises(SourceProtocolError, match="balance"):
            ozon.source.own_sale_sums(date(2026, 11, 20), date(2026, 11, 21))


def test_each_day_of_ozons_balance_is_told_where_nothing_was_sold_too() -> None:
    with fake_ozon.bench() as ozon:
        ozon.ozon.instead[BALANCE] = lambda asked: Says({"cashflows": {"sales": QUIET, "returns": QUIET}})
        told = ozon.source.own_sale_sums(date(2026, 11, 20), date(2026, 11, 22))
    assert {(each.day.day, each.member, each.amount) for each in told} == {
        (day, member, 0) for day in (20, 21) for member in ("sale", "return", "commission")
    }


def test_what_was_booked_on_a_day_keeps_its_sign() -> None:
    with fake_ozon.bench() as ozon:
        told = {"total": {"accrued": {"value": -12.5, "currency_code": "RUB"}}}
        ozon.ozon.instead[BALANCE] = lambda asked: Says(told)
        (day,) = ozon.source.own_accrued(date(2026, 11, 20), date(2026, 11, 21))
        assert (day.day, day.member, day.currency, day.amount) == (date(2026, 11, 20), "accrued", "RUB", -125_000)


@pytest.mark.parametrize("told", [{}, {"total": {}}, {"total": {"accrued": {"currency_code": "RUB"}}}])
def test_a_day_of_ozons_balance_that_lacks_what_was_booked_is_no_day_without_bookings(told: dict[str, object]) -> None:
    with fake_ozon.bench() as ozon:
        ozon.ozon.instead[BALANCE] = lambda asked: Says(told)
        with pytest.raises(SourceProtocolError, match="balance"):
            ozon.source.own_accrued(date(2026, 11, 20), date(2026, 11, 21))


REMAINS = "/api/v1/warehouse_remains"


def remains_row(barcode: str, *warehouses: tuple[str, int]) -> dict[str, object]:
    named = [{"warehouseName": name, "quantity": quantity} for name, quantity in warehouses]
    return {"nmId": 7, "barcode": barcode, "techSize": "0", "volume": 1.1, "warehouses": named}


def test_what_lies_at_wildberries_is_the_total_and_never_what_is_on_its_way(note: Paper) -> None:
    with fake_wildberries.bench() as wildberries:
        ordered: list[Asked] = []
        statuses = iter(["new", "processing", "done"])
        rows = [
            remains_row(
                "20", ("В пути до получателей", 5), ("Всего находится на складах", 9), ("Минск", 4), ("Склад WB РФ", 5)
            ),
            remains_row("21", ("В пути возвраты на склад WB", 2), ("Склад WB РФ", 3)),
            remains_row("22", ("В пути до получателей", 1)),
        ]

        def order(asked: Asked) -> Says:
            ordered.append(asked)
            return Says({"data": {"taskId": "t1"}})

        wildberries.shop.instead |= {
            REMAINS: order,
            f"{REMAINS}/tasks/t1/status": lambda asked: Says({"data": {"id": "t1", "status": next(statuses)}}),
            f"{REMAINS}/tasks/t1/download": lambda asked: Says(rows),
        }
        told = wildberries.source.own_stock(["FBW"], note)
    assert len(ordered) == 1
    # The catalogue is empty here: a size that it does not know is told under its barcode, never left out.
    assert told == [
        OwnStock("FBW", "barcode 20", 9_000),
        OwnStock("FBW", "barcode 21", 3_000),
        OwnStock("FBW", "barcode 22", 0),
    ]


def test_a_report_of_remains_may_take_half_an_hour_and_is_not_ordered_again(note: Paper) -> None:
    with fake_wildberries.bench() as wildberries:
        ordered, since = [], wildberries.clock.seconds

        def order(asked: Asked) -> Says:
            ordered.append(asked)
            return Says({"data": {"taskId": "t1"}})

        def state(asked: Asked) -> Says:
            made = wildberries.clock.seconds - since >= 1800
            return Says({"data": {"id": "t1", "status": "done" if made else "processing"}})

        wildberries.shop.instead |= {
            REMAINS: order,
            f"{REMAINS}/tasks/t1/status": state,
            f"{REMAINS}/tasks/t1/download": lambda asked: Says([remains_row("21", ("Минск", 3))]),
        }
        told = wildberries.source.own_stock(["FBW"], note)
    assert (told, len(ordered)) == ([OwnStock("FBW", "barcode 21", 3_000)], 1)


def test_a_report_of_remains_that_was_lost_is_no_stock(note: Paper) -> None:
    with fake_wildberries.bench() as wildberries:
        wildberries.shop.instead |= {
            REMAINS: lambda asked: Says({"data": {"taskId": "t1"}}),
            f"{REMAINS}/tasks/t1/status": lambda asked: Says({"data": {"id": "t1", "status": "canceled"}}),
        }
        with pytest.raises(SourceProtocolError, match="never made"):
            wildberries.source.own_stock(["FBW"], note)
    assert note.text == "", "the next comparison orders another one"


def test_an_order_of_remains_that_was_not_answered_is_noted_and_repeated_once_it_has_settled(note: Paper) -> None:
    with fake_wildberries.bench() as wildberries:
        noted: list[str] = []
        answers = iter([Says({}, 504), Says({"data": {"taskId": "t2"}})])

        def order(asked: Asked) -> Says:
            noted.append(note.text)
            return next(answers)

        wildberries.shop.instead |= {
            REMAINS: order,
            f"{REMAINS}/tasks/t2/status": lambda asked: Says({"data": {"id": "t2", "status": "done"}}),
            f"{REMAINS}/tasks/t2/download": lambda asked: Says([remains_row("21", ("Минск", 3))]),
        }
        with pytest.raises(OutcomeUnknownError):
            wildberries.source.own_stock(["FBW"], note)
        since = wildberries.clock.seconds
        told = wildberries.source.own_stock(["FBW"], note)
        waited = wildberries.clock.seconds - since
    assert (told, len(noted)) == ([OwnStock("FBW", "barcode 21", 3_000)], 2)
    assert all(noted), "before it goes out"
    assert (waited >= 60, note.text) == (True, "")


@pytest.mark.parametrize("age", [timedelta(minutes=46), timedelta(minutes=-5)])
def test_a_report_of_remains_that_is_too_old_or_of_another_clock_is_not_fetched(note: Paper, age: timedelta) -> None:
    with fake_wildberries.bench() as wildberries:
        asked_at = wildberries.source._api.tools.now() - age
        note.text = json.dumps({"at": asked_at.isoformat(), "number": "old"})
        wildberries.shop.instead |= {
            REMAINS: lambda asked: Says({"data": {"taskId": "new"}}),
            f"{REMAINS}/tasks/new/status": lambda asked: Says({"data": {"id": "new", "status": "done"}}),
            f"{REMAINS}/tasks/new/download": lambda asked: Says([]),
        }
        assert wildberries.source.own_stock(["FBW"], note) == []
