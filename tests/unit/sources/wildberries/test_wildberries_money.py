"""What the Wildberries source makes of the sales reports and of the reports of paid storage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from micore.domain.instants import micros
from micore.domain.records import FinanceKind, FinanceRecord, OrderRecord, OrderState, StorageCostRecord
from micore.errors import (
    OutcomeUnknownError,
    ReportPendingError,
    SourceBusyError,
    SourceGoneError,
    SourceProtocolError,
)
from micore.sources.base import Page, StoredRow
from micore.sources.http import RequestRefusedError
from micore.sources.wildberries import finance, storage
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.wildberries.fake_wildberries import FINANCE, STORAGE, Bench, Row, bench, path_of, query_of
from tests.unit.sources.wildberries.rows import order, report_row, stored


@pytest.fixture
def wb() -> Iterator[Bench]:
    with bench() as made:
        made.barcodes["20430700001"] = "700001"
        yield made


def records(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in page.records]


def rejected(pages: list[Page]) -> list[tuple[str, str]]:
    return [(row.key, row.reason) for page in pages for row in page.rejected]


# --- finance ------------------------------------------------------------------------------------------------------


def amounts(pages: list[Page]) -> list[tuple[str, str, int]]:
    return [(record.finance_id.partition(":")[2], record.kind.value, record.amount) for record in records(pages)]


def test_a_sale_adds_up_to_what_is_paid_for_it(wb: Bench) -> None:
    wb.shop.finance = [report_row(1)]
    pages = wb.read("finance")
    sold = FinanceRecord(
        "1232610001:sale",
        "700001",
        "11.r0001.0.0",
        "2026-11-12",
        FinanceKind.SALE,
        6_300_000,
        "RUB",
        "Продажа",
    )
    assert records(pages)[0] == sold
    assert amounts(pages) == [
        ("sale", "sale", 6_300_000),
        ("acquiring", "acquiring", -105_000),
        ("commission", "commission", -592_500),
    ]
    assert sum(record.amount for record in records(pages)) == 5_602_500


@pytest.mark.parametrize("name", ["docTypeName", "documentType"])
def test_a_return_takes_back_whatever_the_kind_of_document_is_called(wb: Bench, name: str) -> None:
    row = report_row(1, sellerOperName="Возврат")
    del row["docTypeName"]
    wb.shop.finance = [row | {name: "Возврат"}, report_row(2, sellerOperName="Компенсация ущерба")]
    wb.shop.finance[1] |= {name: "Продажа"}
    pages = wb.read("finance")
    assert amounts(pages) == [
        ("sale", "return", -6_300_000),
        ("acquiring", "acquiring", 105_000),
        ("commission", "commission", 592_500),
        ("paid", "correction", 5_602_500),
    ]


def test_every_column_of_money_is_an_amount_of_its_own(wb: Bench) -> None:
    nothing = {"forPay": "0", "retailAmount": "0", "acquiringFee": "0", "nmId": 0, "sku": "", "srid": ""}
    wb.shop.finance = [
        report_row(1, **nothing, sellerOperName="Логистика", deliveryService="46", bonusTypeName="К клиенту"),
        report_row(2, **nothing, sellerOperName="Логистика", deliveryService="50", bonusTypeName="От клиента, отмена"),
        report_row(3, **nothing, sellerOperName="Хранение", paidStorage="12647.29", docTypeName=""),
        report_row(4, **nothing, sellerOperName="Удержание", deduction="6354", bonusTypeName="«WB Продвижение»"),
        report_row(5, **nothing, sellerOperName="Штраф", penalty="231.35", additionalPayment="10", deduction="1"),
        report_row(6, **nothing, sellerOperName="Платная приемка", paidAcceptance="865"),
        report_row(7, **nothing, sellerOperName="Разовое изменение срока перечисления", paymentSchedule="-13.5"),
        report_row(8, **nothing, sellerOperName="Лояльность", cashbackAmount="2", cashbackCommissionChange="0.2"),
    ]
    pages = wb.read("finance")
    assert amounts(pages) == [
        ("delivery", "delivery", -460_000),
        ("delivery", "return_delivery", -500_000),
        ("storage", "storage", -126_472_900),
        ("deduction", "advertising", -63_540_000),
        ("penalty", "penalty", -2_313_500),
        ("deduction", "other", -10_000),
        ("addition", "correction", 100_000),
        ("acceptance", "acceptance", -8_650_000),
        ("schedule", "other", -135_000),
        ("points", "correction", -20_000),
        ("programme", "other", -2_000),
    ]
    assert {(record.sku_id, record.order_id) for record in records(pages)} == {(None, None)}
    assert records(pages)[0].name == "Логистика: К клиенту"


def test_what_is_no_part_of_the_payout_is_no_amount(wb: Bench) -> None:
    """Wildberries settles it with its own reward, or has it in the sale already."""
    nothing = {"forPay": "0", "retailAmount": "0", "acquiringFee": "0"}
    beside = {
        "rebillLogisticCost": "1.349",
        "ppvzReward": "12",
        "vw": "-1.12",
        "vwNds": "-0.23",
        "cashbackDiscount": "19",
    }
    wb.shop.finance = [report_row(1, **nothing, **beside, sellerOperName="Возмещение издержек по перевозке")]
    assert records(wb.read("finance")) == []


def test_money_of_goods_that_nobody_knows_is_still_money(wb: Bench) -> None:
    wb.shop.finance = [report_row(1, sku="999")]
    assert {record.sku_id for record in records(wb.read("finance"))} == {None}


def test_a_row_of_a_report_is_told_whole_and_one_that_cannot_be_believed_is_not(wb: Bench) -> None:
    wb.shop.finance = [report_row(1), report_row(2, forPay="much"), report_row(3, forPay="0", retailAmount="0")]
    told = [rrd_id for page in wb.read("finance") for rrd_id in page.whole_of]
    assert told == ["1232610001", "1232610003"]


MONEY = (
    "retailAmount", "forPay", "acquiringFee", "deliveryService", "paidStorage", "paidAcceptance", "penalty",
    "deduction",
    "additionalPayment", "cashbackAmount", "cashbackCommissionChange", "paymentSchedule",
)  # fmt: skip


@pytest.mark.parametrize("column", MONEY)
def test_a_row_without_a_column_of_money_waits_and_a_null_one_takes_nothing_away(wb: Bench, column: str) -> None:
    renamed = {f"{name}_v2" if name == column else name: value for name, value in report_row(1).items()}
    wb.shop.finance = [renamed, report_row(2, **{column: None}), report_row(3)]
    pages = wb.read("finance")
    assert [rrd_id for page in pages for rrd_id in page.whole_of] == ["1232610003"]
    ((row, reason),) = [(each.key, each.reason) for page in pages for each in page.rejected]
    assert (row, reason.startswith(f"{column}: "), f"a row without {column}" in reason) == ("1232610001", True, True)
    assert {record.finance_id[:10] for record in records(pages)} == {"1232610002", "1232610003"}


def test_a_column_that_changes_nothing_in_what_is_paid_may_be_missing(wb: Bench) -> None:
    beside = ("rebillLogisticCost", "retailPriceWithDisc", "bonusTypeName", "officeName")
    wb.shop.finance = [{name: value for name, value in report_row(1).items() if name not in beside}]
    (page, *_) = wb.read("finance")
    assert (len(page.rejected), bool(page.records)) == (0, True)


def test_a_report_that_ends_in_a_far_future_hides_none_to_come(wb: Bench) -> None:
    wb.shop.finance = [report_row(1), report_row(2, dateTo="2062-11-22")]
    cursor = wb.read("finance")[-1].cursor
    assert msgspec.json.decode(cursor)["read_to"] == "2026-11-15"
    # Also where an earlier version has read it: everything is asked for once more.
    wb.read("finance", '{"read_to": "2062-11-22", "looked": "2026-11-21"}')
    assert wb.shop.paths(FINANCE)[-1].payload["dateFrom"] == "2026-09-23"


BAD_ROWS: list[Row] = [
    {"forPay": "much"},
    {"rrDate": "soon"},
    {"rrDate": None},
    {"docTypeName": "Иное"},
    {"rrDate": "2066-11-12"},
]


@pytest.mark.parametrize("bad", BAD_ROWS, ids=str)
def test_a_row_of_a_report_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    wb.shop.finance = [report_row(1), report_row(2, **{name: value for name, value in bad.items() if value != "soon"})]
    if "soon" in bad.values() or str(bad.get("rrDate", "")).startswith("2066"):
        wb.shop.instead[FINANCE] = lambda asked: (
            Says([report_row(1), report_row(2, **bad)]) if not asked.payload["rrdId"] else Says(b"", 204)
        )
    elif bad.get("rrDate", "") is None:
        wb.shop.instead[FINANCE] = lambda asked: (
            Says([report_row(1), report_row(2, rrDate=None)]) if not asked.payload["rrdId"] else Says(b"", 204)
        )
    pages = wb.read("finance")
    assert {record.order_id for record in records(pages)} == {"11.r0001.0.0"}
    assert [key for key, _ in rejected(pages)] == ["1232610002"]


def test_reports_are_read_by_the_ids_of_their_rows_until_nothing_follows(
    wb: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finance, "PAGE_ROWS", 2)
    wb.shop.finance = [report_row(number) for number in range(1, 6)]
    whole = wb.read("finance")
    asked = [each.payload for each in wb.shop.paths(FINANCE)]
    assert [each["rrdId"] for each in asked] == [0, 1_232_610_002, 1_232_610_004, 1_232_610_005]
    assert {(each["dateFrom"], each["dateTo"], each["period"]) for each in asked} == {
        ("2026-09-23", "2026-11-22", "weekly")
    }
    assert {"docTypeName", "documentType", "rrdId", "forPay"} < set(asked[0]["fields"])
    for number, page in enumerate(whole[:-1], 1):
        assert records(whole[:number]) + records(wb.read("finance", page.cursor)) == records(whole)
    assert len({record.finance_id for record in records(whole)}) == 15


def test_later_only_newer_reports_are_asked_for_and_once_a_day_the_last_one(wb: Bench) -> None:
    wb.shop.finance = [report_row(1)]
    cursor = wb.read("finance")[-1].cursor
    wb.shop.asked.clear()
    cursor = wb.read("finance", cursor)[-1].cursor
    assert [each.payload["dateFrom"] for each in wb.shop.paths(FINANCE)] == ["2026-11-16"]
    wb.shop.asked.clear()
    wb.clock.seconds += 86_400
    assert len(records(wb.read("finance", cursor))) == 3
    assert wb.shop.paths(FINANCE)[0].payload["dateFrom"] == "2026-11-09"


def test_a_name_that_is_no_field_any_more_does_not_end_the_reading(wb: Bench) -> None:
    wb.shop.finance = [report_row(1)]
    refusal = Says({"title": "decode error", "detail": "unknown field"}, 400)
    wb.shop.instead[FINANCE] = lambda asked: refusal if "fields" in asked.payload else None
    assert len(records(wb.read("finance"))) == 3


def test_a_row_that_is_no_json_leaves_its_neighbours(wb: Bench) -> None:
    body = msgspec.json.encode([report_row(1), report_row(2, forPay="BROKEN"), report_row(3)])
    broken = body.replace(b'"BROKEN"', b"NaN")
    wb.shop.instead[FINANCE] = lambda asked: Says(b"", 204) if asked.payload["rrdId"] else Says(broken)
    pages = wb.read("finance")
    assert {record.order_id for record in records(pages)} == {"11.r0001.0.0", "11.r0003.0.0"}
    assert len(rejected(pages)) == 1


def test_rows_without_ids_are_no_report(wb: Bench) -> None:
    wb.shop.instead[FINANCE] = lambda asked: Says([report_row(1, rrdId=None)])
    with pytest.raises(SourceProtocolError, match="none of 1 rows has an rrdId"):
        wb.read("finance")


# --- storage ------------------------------------------------------------------------------------------------------


def ordered(wb: Bench) -> list[tuple[str, str]]:
    """The days of the reports that were ordered."""
    asked = [query_of(each) for each in wb.shop.asked if path_of(each) == STORAGE]
    return [(query["dateFrom"], query["dateTo"]) for query in asked]


def every_day(number: int = 1) -> list[Row]:
    days = [(datetime(2026, 10, 22, tzinfo=UTC) + timedelta(days=each)).date().isoformat() for each in range(45)]
    return [stored(each, date=day, originalDate=day) for day in days for each in range(1, number + 1)]


def test_storage_costs_are_told_by_size_place_and_day(wb: Bench) -> None:
    wb.shop.stored = [
        stored(1),
        stored(1, giId=7, warehousePrice=0.00126),
        stored(1, originalDate="2026-11-02", warehousePrice=-3),
        stored(2, warehouse="Минск", barcodesCount=None),
        stored(2, warehouse=None, volume=None),
        stored(2, warehouse=None, volume=None),
    ]
    pages = wb.read("storage_cost")
    kind = "короба: без габаритов"
    assert records(pages)[0] == StorageCostRecord(
        cost_id=f"2026-11-20:700001:Склад WB РФ::{kind}",
        sku_id="700001",
        place_id="wb:Склад WB",
        day="2026-11-20",
        amount=76_500,
        currency="RUB",
        quantity=4_000,
        volume=6_000,
    )
    assert [(record.sku_id, record.place_id, record.amount) for record in records(pages)][1:] == [
        ("700001", "wb:Склад WB", 13),
        ("700001", "wb:Склад WB", -30_000),
        ("700002", "wb:Минск", 76_500),
        ("700002", None, 76_500),
        ("700002", None, 76_500),
    ]
    assert len({record.cost_id for record in records(pages)}) == 6
    told = next(page for page in pages if page.records)
    assert [place.place_id for place in told.places] == ["wb:Склад WB", "wb:Минск"]


@pytest.mark.parametrize(
    "bad",
    [{"chrtId": 0}, {"warehousePrice": "NaN"}, {"date": "soon"}, {"barcodesCount": -1}, {"warehousePrice": None}],
    ids=str,
)
def test_a_row_of_storage_that_cannot_be_is_rejected_and_the_others_load(wb: Bench, bad: Row) -> None:
    rows = [stored(1), stored(2, **bad), stored(3)]
    wb.shop.instead |= {path: lambda asked: Says(rows) for path in downloads(wb, 1)}
    pages = wb.read("storage_cost")
    assert [record.sku_id for record in records(pages)] == ["700001", "700003"]
    assert len(rejected(pages)) == 1


def test_a_row_of_storage_that_waits_is_named_by_its_day_and_warehouse_too(wb: Bench) -> None:
    good = [stored(1), stored(1, date="2026-11-21", originalDate="2026-11-20"), stored(1, warehouse="Минск", giId=7)]
    bad = [row | {"warehousePrice": "NaN"} for row in good]
    wb.shop.instead |= {path: lambda asked: Says([*bad, *good]) for path in downloads(wb, 1)}
    pages = wb.read("storage_cost")
    assert [row[0] for row in rejected(pages)] == [record.cost_id for record in records(pages)]
    assert len({row[0] for row in rejected(pages)}) == 3


def downloads(wb: Bench, number: int) -> list[str]:
    """The paths of the first reports."""
    del wb
    return [f"{STORAGE}/tasks/06e06887-9d9f-491f-b16a-{each:012}/download" for each in range(number)]


def test_a_report_is_known_before_it_is_waited_for(wb: Bench) -> None:
    wb.shop.stored = every_day()
    pages = wb.source.read("storage_cost", None)
    noted = next(pages)
    assert (noted.at_once, noted.records, noted.done) == (True, (), False)
    assert wb.shop.tasks == {}, "nothing is ordered before it is noted"
    first = next(pages)
    assert (first.at_once, first.records, first.done) == (True, (), False)
    assert len(wb.shop.tasks) == 1
    assert wb.clock.waits == []
    assert "06e06887-9d9f-491f-b16a-000000000000" in first.cursor


def test_the_days_of_a_report_are_as_many_as_fit_and_each_is_ordered_once(
    wb: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb.shop.stored = every_day()
    pages = wb.read("storage_cost")
    windows = [
        ("2026-10-22", "2026-10-22"),
        ("2026-10-23", "2026-10-30"),
        ("2026-10-31", "2026-11-07"),
        ("2026-11-08", "2026-11-15"),
        ("2026-11-16", "2026-11-21"),
    ]
    assert ordered(wb) == windows
    assert [record.day for record in records(pages)] == sorted(record.day for record in records(pages))
    assert len(records(pages)) == 31
    assert max(len(page.cursor) for page in pages) < 1000
    # All of them are made at the same time.
    assert sum(wb.clock.waits) < 2 * wb.shop.made_after_seconds + 3 * 61
    wb.shop.asked.clear()
    (nothing,) = wb.read("storage_cost", pages[-1].cursor)
    assert (nothing.records, nothing.done, ordered(wb)) == ((), True, [])
    wb.clock.seconds += 86_400
    assert len(records(wb.read("storage_cost", pages[-1].cursor))) == 4
    assert ordered(wb) == [("2026-11-19", "2026-11-22")]
    # A shop with many goods gets a day at a time.
    monkeypatch.setattr(storage, "MOST_ROWS", 2)
    wb.shop.stored = every_day(2)
    wb.shop.asked.clear()
    wb.read("storage_cost", full=True)
    assert {since == to for since, to in ordered(wb)} == {True}


def test_whoever_is_killed_never_orders_twice(wb: Bench) -> None:
    """Killed behind every page and in every wait, a reading goes on with the reports that it knows."""
    wb.shop.stored = every_day()
    whole = wb.read("storage_cost")
    for number, page in enumerate(whole[:-1], 1):
        before = len(wb.shop.tasks)
        rest = wb.read("storage_cost", page.cursor)
        assert records(whole[:number]) + records(rest) == records(whole)
        told = sum('"asked"' not in each.cursor for each in whole[:number] if each.at_once)
        assert len(wb.shop.tasks) - before == 5 - told
        assert {each.as_of for each in rest} == {page.as_of}


def test_a_report_in_the_queue_for_ever_is_asked_for_again_next_time(wb: Bench) -> None:
    wb.shop.stored, wb.shop.made_after_seconds = every_day(), 1e9
    wb.shop.lives_seconds = 2e9
    cursor = None
    for _ in range(3):
        found: list[Page] = []
        started = wb.clock.seconds
        with pytest.raises(ReportPendingError, match=r"has not made the report of /api/v1/paid_storage yet"):
            found.extend(wb.source.read("storage_cost", cursor))
        assert wb.clock.seconds - started < 1200
        cursor = found[-1].cursor if found else cursor
    assert len(wb.shop.tasks) == 1
    wb.shop.made_after_seconds = 0
    assert len(records(wb.read("storage_cost", cursor))) == 31


def test_an_expired_report_is_ordered_anew_and_not_for_ever(wb: Bench) -> None:
    wb.shop.stored = every_day()
    reading = wb.source.read("storage_cost", None)
    next(reading)
    first = next(reading)
    wb.clock.seconds += 8000
    pages = wb.read("storage_cost", first.cursor)
    assert ordered(wb)[:2] == [("2026-10-22", "2026-10-22")] * 2
    assert len(records(pages)) == 31
    # One that Wildberries knows nothing of is ordered anew too.
    wb.shop.tasks.clear()
    assert len(records(wb.read("storage_cost", first.cursor))) == 31
    wb.shop.lives_seconds = 0
    wb.shop.made_after_seconds = -1
    with pytest.raises(SourceProtocolError, match="lost twice"):
        wb.read("storage_cost")


LOST = [
    Says({"title": "internal"}, 500),
    Says(b"<html>Gateway Time-out</html>", 504),
    Says(b"<html>busy</html>"),
    Says({"data": {"taskId": ""}}),
    Says(b'{"data": '),
    None,
]


def lose(wb: Bench, how: Says | None, *, times: int = 1) -> None:
    """So many first orders are carried out, and their answers are lost; None: cut in the middle."""
    left = [True] * times

    def answer(asked: Asked) -> Says | None:
        if not left:
            return None
        left.pop()
        told = wb.shop._storage(STORAGE, query_of(asked))
        return how or Says(told.body, cut_after=5)

    wb.shop.instead[STORAGE] = answer


@pytest.mark.parametrize("how", LOST, ids=["500", "504", "html", "no id", "no json", "cut"])
def test_an_order_whose_answer_was_lost_is_repeated_once_after_a_pause(wb: Bench, how: Says | None) -> None:
    wb.shop.stored = every_day()
    lose(wb, how)
    with capture_logs() as said:
        pages = wb.read("storage_cost")
    assert len(records(pages)) == 31
    assert ordered(wb)[:3] == [("2026-10-22", "2026-10-22")] * 2 + [("2026-10-23", "2026-10-30")]
    assert wb.clock.waits[0] == 60
    events = [each["event"] for each in said]
    assert [each for each in events if each.startswith("source_order")] == [
        "source_order_unknown",
        "source_ordered_again",
    ]
    assert '"asked"' not in pages[-1].cursor


def test_an_order_that_is_lost_twice_ends_the_reading_and_the_next_one_repeats_it_once(wb: Bench) -> None:
    wb.shop.stored = every_day()
    lose(wb, LOST[0], times=3)
    cursor = None
    for asked in (2, 3):
        pages: list[Page] = []
        with pytest.raises(OutcomeUnknownError, match="may or may not"):
            pages.extend(wb.source.read("storage_cost", cursor))
        cursor = pages[-1].cursor
        assert len(wb.shop.tasks) == asked
    assert len(records(wb.read("storage_cost", cursor))) == 31


@pytest.mark.parametrize(("passed", "waits"), [(20, 40), (90, 0), (-7200, 60)], ids=["soon", "late", "clock set back"])
def test_a_process_killed_between_the_order_and_its_id_orders_once_more_and_later(
    wb: Bench, passed: float, waits: float
) -> None:
    wb.shop.stored = every_day()
    reading = wb.source.read("storage_cost", None)
    noted = next(reading).cursor
    next(reading)  # it has been ordered, and nobody kept its id
    wb.clock.seconds += passed
    assert len(records(wb.read("storage_cost", noted))) == 31
    assert wb.clock.waits[0] == waits
    assert ordered(wb)[:3] == [("2026-10-22", "2026-10-22")] * 2 + [("2026-10-23", "2026-10-30")]


@pytest.mark.parametrize("status", [429, 400, 404])
def test_an_order_that_surely_was_not_taken_is_not_waited_for(wb: Bench, status: int) -> None:
    wb.shop.instead[STORAGE] = lambda asked: Says({"detail": "no"}, status)
    pages: list[Page] = []
    with pytest.raises((SourceBusyError, RequestRefusedError, SourceGoneError)):
        pages.extend(wb.source.read("storage_cost", None))
    assert ['"asked"' in page.cursor for page in pages] == [True, False]


def days_of(windows: list[tuple[str, str]]) -> set[date]:
    spans = [(date.fromisoformat(since), date.fromisoformat(to)) for since, to in windows]
    return {since + timedelta(days=each) for since, to in spans for each in range((to - since).days + 1)}


def test_reading_everything_takes_what_stands_ordered(wb: Bench) -> None:
    """Wherever it is asked for, no day is ordered that a report which stands there tells."""
    wb.shop.stored, wb.shop.lives_seconds = every_day(), 1e9
    first = wb.read("storage_cost")
    wb.clock.seconds += 9 * 86_400
    whole = wb.read("storage_cost", first[-1].cursor)
    for page in whole[:-1]:
        standing = msgspec.json.decode(page.cursor).get("tasks", [])
        wb.shop.asked.clear()
        anew = wb.source.still_ordered("storage_cost", page.cursor)
        again = wb.read("storage_cost", anew)
        days = sorted({record.day for record in records(again)})
        assert (days[0], days[-1], len(days)) == ("2026-10-31", "2026-11-30", 31)
        taken = [(since, to) for _, since, to in standing]
        assert not days_of(taken).intersection(days_of(ordered(wb)))
        assert '"kept"' not in again[-1].cursor
    assert wb.source.still_ordered("finance", "{}") is None


@pytest.mark.parametrize(
    ("bad", "whole", "kept"),
    [
        ({"warehousePrice": "NaN"}, ["2026-11-19", "2026-11-20"], 1),
        ({"warehousePrice": "NaN", "warehouse": 7}, ["2026-11-19"], 1),
        ({"chrtId": 0}, ["2026-11-19"], 1),
        ({"date": "soon"}, [], 0),
        ({"date": "2025-11-20", "warehousePrice": "NaN"}, [], 0),
    ],
    ids=str,
)
def test_what_a_bad_row_of_storage_was_stays_and_only_that(wb: Bench, bad: Row, whole: list[str], kept: int) -> None:
    wb.shop.stored = [stored(1), stored(1, date="2026-11-19", originalDate="2026-11-19"), stored(2)]
    cursor = still_to_fetch(wb)
    rows = [*wb.shop.stored[:2], stored(2, **bad)]
    wb.shop.instead |= {path: lambda asked: Says(rows) for path in downloads(wb, 9)}
    page = next(page for page in wb.source.read("storage_cost", cursor) if page.records)
    assert (list(page.whole_of), len(page.kept)) == (whole, kept)
    if len(whole) == 2:
        assert page.kept == ["2026-11-20:700002:Склад WB РФ::короба: без габаритов"]


def still_to_fetch(wb: Bench) -> str:
    """Where a reading stands whose report is of several days."""
    pages = []
    for page in wb.source.read("storage_cost", '{"read_to": "2026-11-20", "days": 8}'):
        pages.append(page)
        if '"asked"' not in page.cursor:
            break
    return pages[-1].cursor


def test_a_report_that_is_gone_at_once_is_a_method_that_is_gone(wb: Bench) -> None:
    path = f"{STORAGE}/tasks/06e06887-9d9f-491f-b16a-{0:012}/status"
    wb.shop.instead[path] = lambda asked: Says({}, 404)
    with pytest.raises(SourceGoneError):
        wb.read("storage_cost")


def test_a_state_that_nobody_knows_is_told(wb: Bench) -> None:
    def odd(asked: Asked) -> Says:
        return Says({"data": {"id": "1", "status": "error"}})

    wb.shop.instead[f"{STORAGE}/tasks/06e06887-9d9f-491f-b16a-{0:012}/status"] = odd
    with pytest.raises(SourceProtocolError, match="status 'error'"):
        wb.read("storage_cost")


def test_reports_are_asked_for_within_their_limits_whatever_their_ids(wb: Bench) -> None:
    wb.shop.stored = every_day()
    wb.read("storage_cost")
    assert {endpoint for endpoint, _ in wb.clock.requests} == {
        "GET /ping",
        "GET /api/v1/paid_storage",
        "GET /api/v1/paid_storage/tasks/{number}/status",
        "GET /api/v1/paid_storage/tasks/{number}/download",
    }


# --- orders that the statistics have forgotten --------------------------------------------------------------------


@pytest.fixture
def old(wb: Bench) -> Iterator[Bench]:
    """Knows orders of 200 days: from the statistics those of 90."""
    del wb
    with bench(history_days="200") as made:
        made.barcodes["20430700001"] = "700001"
        made.shop.orders = [order(1)]
        made.shop.finance = [
            report_row(2, orderDt="2026-06-01T00:00:00Z", rrDate="2026-06-09"),
            report_row(3, orderDt="2026-06-01T00:00:00Z", rrDate="2026-06-09"),
            report_row(4, orderDt="2026-06-02T00:00:00Z", sellerOperName="Логистика", rrDate="2026-06-09"),
            report_row(5, orderDt="2026-08-24T00:00:00Z", officeName="Склад продавца", deliveryMethod="DBS, (МГТ)"),
            report_row(6, orderDt="2026-08-25T00:00:00Z"),
            report_row(7, srid="11.r0003.0.0", orderDt="2026-06-01T00:00:00Z", sellerOperName="Возврат"),
            report_row(8, orderDt="2026-06-03T00:00:00Z", sku="999"),
        ]
        yield made


def test_orders_that_the_statistics_have_forgotten_come_from_the_reports(old: Bench) -> None:
    pages = old.read("orders")
    told = {record.order_id[5:7] + record.order_id[7:8]: record for record in records(pages)}
    assert [(each.order_id[4:8], each.state.value, each.belated) for each in told.values()] == [
        ("0001", "ordered", False),
        ("0002", "delivered", True),
        ("0003", "returned", True),
        ("0005", "delivered", True),
    ]
    assert told["002"] == OrderRecord(
        order_id="11.r0002.0.0",
        sku_id="700001",
        place_id="wb:Склад WB",
        scheme="FBW",
        state=OrderState.DELIVERED,
        quantity=1000,
        price=7_005_000,
        currency="RUB",
        ordered_at=micros(datetime(2026, 6, 1, 9, tzinfo=UTC)),
        cancelled_at=None,
        belated=True,
    )
    assert (told["005"].scheme, told["005"].place_id) == ("DBS", None)
    assert [key for key, _ in rejected(pages)] == ["1232610008"]
    assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len({page.as_of for page in pages}) == 1


def test_history_goes_on_after_any_page_and_is_read_once(old: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finance, "PAGE_ROWS", 2)
    whole = old.read("orders")
    for number, page in enumerate(whole[:-1], 1):
        assert records(whole[:number]) + records(old.read("orders", page.cursor)) == records(whole)
    old.shop.asked.clear()
    assert [record.order_id for record in records(old.read("orders", whole[-1].cursor))] == ["11.r0001.0.0"]
    assert old.shop.paths(FINANCE) == []


def test_a_forgotten_order_that_was_rejected_is_read_again(old: Bench) -> None:
    row = next(row for page in old.read("orders") for row in page.rejected)
    assert row.may_pass
    old.barcodes["999"] = "700009"
    (again,) = old.source.reread("orders", [StoredRow(row.raw, row.context)])
    assert [(record[0], record[1]) for record in again.records] == [("11.r0008.0.0", "700009")]


def test_within_ninety_days_the_statistics_tell_all(wb: Bench) -> None:
    wb.shop.orders, wb.shop.finance = [order(1)], [report_row(2, orderDt="2026-06-01T00:00:00Z")]
    assert len(records(wb.read("orders"))) == 1
    assert wb.shop.paths(FINANCE) == []
