"""Ozon's amounts and the cost of places in its warehouses: each told once, no report ordered twice."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from micore.domain.records import FinanceKind, FinanceRecord, Record, SaleRecord, StorageCostRecord
from micore.errors import (
    OutcomeUnknownError,
    ReportPendingError,
    SourceBusyError,
    SourceGoneError,
    SourceProtocolError,
)
from micore.sources import xlsx
from micore.sources.base import Page
from micore.sources.http import RequestRefusedError
from micore.sources.ozon import OzonSource
from micore.sources.ozon.accruals import AccrualType
from micore.sources.ozon.finance import kind_of
from micore.sources.xlsx import XlsxError, rows_of
from tests.unit.sources.fake_ozon import Bench, Report, Row, bench
from tests.unit.sources.http_server import Asked, Says
from tests.unit.sources.test_ozon import HEADING, accrual, placed, records, rejected

CREATE = "/v1/report/placement/by-products/create"
INFO = "/v1/report/info"
BY_DAY = "/v1/finance/accrual/by-day"
TYPES = [
    {"id": 3, "name": "Logistics", "description": "Логистика"},
    {"id": 12, "name": "ReturnFlow", "description": "Обратная логистика"},
    {"id": 21, "name": "Placement", "description": "Размещение товаров на складах Ozon"},
]


@pytest.fixture
def ozon() -> Iterator[Bench]:
    with bench() as made:
        made.ozon.accrual_types = list(TYPES)
        made.ozon.placement = [HEADING, placed(1)]
        yield made


def roubles(amount: str) -> Row:
    return {"amount": amount, "currency": "RUB"}


def fee(type_id: int, amount: str) -> Row:
    return {"type_id": type_id, "accrued": roubles(amount)}


def amounts(found: list[Record]) -> list[FinanceRecord]:
    return [each for each in found if isinstance(each, FinanceRecord)]


def sales(found: list[Record]) -> list[SaleRecord]:
    return [each for each in found if isinstance(each, SaleRecord)]


# --- finance ------------------------------------------------------------------------------------------------------


def test_one_reading_tells_the_sale_and_every_amount_of_it(ozon: Bench) -> None:
    row = accrual(1, "2026-11-20", total_amount=roubles("500"))
    row["posting"]["products"][0]["delivery"] = {"services": [fee(3, "-56.5"), fee(3, "-20"), fee(99, "-18")]}
    ozon.ozon.accruals = {"2026-11-20": [row]}
    found = records(ozon.read("finance"))
    told = ("1800001", "91-0001-1", "2026-11-20")
    assert amounts(found) == [
        FinanceRecord("1:1800001:1:sale", *told, FinanceKind.SALE, 7_000_000, "RUB", ""),
        FinanceRecord("1:1800001:1:commission", *told, FinanceKind.COMMISSION, -1_055_000, "RUB", ""),
        FinanceRecord("1:1800001:1:fee:3:1", *told, FinanceKind.DELIVERY, -565_000, "RUB", "Логистика"),
        FinanceRecord("1:1800001:1:fee:3:2", *told, FinanceKind.DELIVERY, -200_000, "RUB", "Логистика"),
        FinanceRecord("1:1800001:1:fee:99:1", *told, FinanceKind.OTHER, -180_000, "RUB", "type 99"),
    ]
    assert sum(each.amount for each in amounts(found)) == 5_000_000
    assert sales(found) == [SaleRecord("1:1800001:1", told[1], told[0], told[2], 7_000_000, -1_055_000, "RUB")]


def test_a_booking_is_told_whole_by_a_backfill_too(ozon: Bench) -> None:
    ozon.ozon.accruals = {"2026-11-20": [accrual(1, "2026-11-20"), accrual(2, "2026-11-19")]}
    (page,) = ozon.source.read_range("finance", date(2026, 11, 20), date(2026, 11, 21), None)
    assert (list(page.whole_of), [row.key for row in page.rejected]) == (["1"], ["2"])


def test_what_is_taken_back_is_a_return(ozon: Bench) -> None:
    ozon.ozon.accruals = {"2026-11-20": [accrual(2, "2026-11-20", "-700")]}
    found = records(ozon.read("finance"))
    assert [(each.kind, each.amount) for each in amounts(found)] == [
        (FinanceKind.RETURN, -7_000_000),
        (FinanceKind.COMMISSION, -1_055_000),
    ]
    assert [each.amount for each in sales(found)] == [-7_000_000]


def test_amounts_without_an_order_or_a_product(ozon: Bench) -> None:
    item = {"fees": [{"sku": 7, "fees": [fee(21, "-1.25"), fee(21, "-2")]}, {"sku": 8, "fees": [fee(21, "-3")]}]}
    bare: dict[str, Any] = {"posting": None, "unit_number": "AD-1"}
    ozon.ozon.accruals = {
        "2026-11-20": [
            accrual(3, "2026-11-20", **bare, item_fees=item),
            accrual(4, "2026-11-20", **bare, non_item_fee=fee(99, "-1000")),
            accrual(5, "2026-11-20", **bare, container_fees={"fees": [fee(12, "-5")]}),
        ]
    }
    found = records(ozon.read("finance"))
    assert sales(found) == []
    assert [(each.finance_id, each.sku_id, each.order_id, each.kind, each.amount) for each in amounts(found)] == [
        ("3:7:fee:21:1", "7", None, FinanceKind.STORAGE, -12_500),
        ("3:7:fee:21:2", "7", None, FinanceKind.STORAGE, -20_000),
        ("3:8:fee:21:1", "8", None, FinanceKind.STORAGE, -30_000),
        ("4::fee:99:1", None, None, FinanceKind.OTHER, -10_000_000),
        ("5::fee:12:1", None, None, FinanceKind.RETURN_DELIVERY, -50_000),
    ]


def test_what_the_parts_do_not_explain_of_the_total_is_an_amount_too(ozon: Bench) -> None:
    row = accrual(1, "2026-11-20", total_amount=roubles("594.6"))
    ozon.ozon.accruals = {"2026-11-20": [row]}
    rest = amounts(records(ozon.read("finance")))[-1]
    assert (rest.finance_id, rest.sku_id, rest.kind, rest.amount) == ("1:rest", None, FinanceKind.OTHER, 1_000)


def test_two_lines_of_one_sku_are_two_sales(ozon: Bench) -> None:
    row = accrual(1, "2026-11-20")
    row["posting"]["products"] *= 2
    ozon.ozon.accruals = {"2026-11-20": [row]}
    found = records(ozon.read("finance"))
    assert [each.sale_id for each in sales(found)] == ["1:1800001:1", "1:1800001:2"]
    assert len({each.finance_id for each in amounts(found)}) == 4


def test_days_are_read_one_by_one_and_the_last_ones_again(ozon: Bench) -> None:
    cursor = ozon.read("finance")[-1].cursor
    days = [payload["date"] for payload in ozon.ozon.paths(BY_DAY)]
    assert (days[0], days[-1], len(days)) == ("2026-09-23", "2026-11-22", 61)
    ozon.ozon.asked.clear()
    # 22:16 in Greenwich is past midnight in Moscow.
    ozon.clock.seconds += 13 * 3600
    ozon.read("finance", cursor)
    days = [payload["date"] for payload in ozon.ozon.paths(BY_DAY)]
    assert (days[0], days[-1], len(days)) == ("2026-11-12", "2026-11-23", 12)


@pytest.mark.parametrize("told", ["2026-11-19", "2206-11-20"])
def test_a_booking_of_another_day_than_the_one_asked_for_is_rejected(ozon: Bench, told: str) -> None:
    ozon.ozon.accruals = {"2026-11-20": [accrual(1, told), accrual(2, "2026-11-20")]}
    pages = ozon.read("finance")
    assert {each.finance_id.partition(":")[0] for each in amounts(records(pages))} == {"2"}
    ((key, reason),) = rejected(pages)
    assert (key, f"received {told}" in reason) == ("1", True)


def test_without_the_list_of_types_amounts_are_of_no_kind(ozon: Bench) -> None:
    ozon.ozon.instead["/v1/finance/accrual/types"] = lambda asked: Says({"message": "not found"}, 404)
    ozon.ozon.accruals = {"2026-11-20": [accrual(4, "2026-11-20", posting=None, non_item_fee=fee(21, "-1"))]}
    (found,) = records(ozon.read("finance"))
    assert isinstance(found, FinanceRecord)
    assert (found.kind, found.name) == (FinanceKind.OTHER, "type 21")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Размещение товаров на складах Ozon", FinanceKind.STORAGE),
        ("Временное размещение возвратов", FinanceKind.STORAGE),
        ("Логистика", FinanceKind.DELIVERY),
        ("Доставка до места выдачи", FinanceKind.DELIVERY),
        ("Обработка возвратов, отмен и невыкупов", FinanceKind.RETURN_DELIVERY),
        ("Эквайринг", FinanceKind.ACQUIRING),
        ("Вознаграждение за продажу", FinanceKind.COMMISSION),
        ("Продвижение в поиске", FinanceKind.ADVERTISING),
        ("Штраф за отмену", FinanceKind.PENALTY),
        ("Компенсация за утерянный товар", FinanceKind.CORRECTION),
        ("Приёмка поставки", FinanceKind.ACCEPTANCE),
        ("Нечто иное", FinanceKind.OTHER),
    ],
)
def test_kinds_come_from_the_words_of_the_types(words: str, kind: FinanceKind) -> None:
    assert kind_of(AccrualType(1, None, words)) == kind


# --- the cost of storage ------------------------------------------------------------------------------------------


def costs(pages: list[Page]) -> list[StorageCostRecord]:
    return [each for each in records(pages) if isinstance(each, StorageCostRecord)]


def ordered_cursor(source: OzonSource, cursor: str | None = None) -> str:
    """Where a reading stands once its report is ordered: it was noted before."""
    reading = source.read("storage_cost", cursor)
    next(reading)
    return next(reading).cursor


def test_a_report_is_ordered_once_a_day_and_the_last_days_are_read_again(ozon: Bench) -> None:
    pages = ozon.read("storage_cost")
    assert [report.days for report in ozon.ozon.reports] == [("2026-10-22", "2026-11-21")]
    assert [page.done for page in pages] == [False, False, True]
    again = ozon.read("storage_cost", pages[-1].cursor)
    assert [(page.done, page.records) for page in again] == [(True, ())]
    assert len(ozon.ozon.reports) == 1
    ozon.clock.seconds += 24 * 3600
    ozon.read("storage_cost", again[-1].cursor)
    assert ozon.ozon.reports[1].days == ("2026-11-19", "2026-11-22")


def test_after_a_pause_no_day_is_left_out(ozon: Bench) -> None:
    cursor = ozon.read("storage_cost")[-1].cursor
    ozon.clock.seconds += 40 * 86_400
    pages = ozon.read("storage_cost", cursor)
    assert [report.days for report in ozon.ozon.reports[1:]] == [
        ("2026-11-19", "2026-12-19"),
        ("2026-12-17", "2026-12-31"),
    ]
    assert [page.done for page in pages] == [False] * 5 + [True]


def test_a_row_is_the_cost_of_a_sku_in_a_warehouse_on_a_day(ozon: Bench) -> None:
    ozon.ozon.clusters = [
        {"id": 154, "logistic_clusters": [{"warehouses": [{"warehouse_id": 55, "name": "Хоругвино", "type": "X"}]}]}
    ]
    ozon.ozon.placement = [
        ("Отчёт о стоимости размещения",),
        HEADING,
        placed(1),
        placed(1),
        placed(2, cost="1 234,56789", day="21.11.2026", warehouse="НЕВЕДОМЫЙ", volume="", units=""),
        ("",) * 7,
        placed(3, cost=0),
    ]
    pages = ozon.read("storage_cost")
    told = ("2026-11-20", 123_400, "RUB", 12_000, 4800)
    assert costs(pages) == [
        StorageCostRecord("2026-11-20:1800001:ХОРУГВИНО:", "1800001", "55", *told),
        StorageCostRecord("2026-11-20:1800001:ХОРУГВИНО::2", "1800001", "55", *told),
        StorageCostRecord("2026-11-20:1800003:ХОРУГВИНО:", "1800003", "55", "2026-11-20", 0, "RUB", 12_000, 4800),
        StorageCostRecord(
            "2026-11-21:1800002:НЕВЕДОМЫЙ:", "1800002", None, "2026-11-21", 12_345_679, "RUB", None, None
        ),
    ]
    assert {place.place_id for page in pages for place in page.places} == {"55"}
    assert {hint.offer_id for page in pages for hint in page.skus} == {"MUG-01", "MUG-02", "MUG-03"}


@pytest.mark.parametrize(
    "change",
    [{"day": "31.02.2026"}, {"day": None}, {"sku": 0}, {"sku": 1.5}, {"sku": "words"}, {"cost": "words"},
     {"cost": None}, {"units": -1}, {"volume": 0.5}, {"units": "NaN"}, {"cost": "Infinity"}, {"day": "20.11.2066"}],
    ids=str,
)  # fmt: skip
def test_a_bad_row_stands_apart_and_the_others_load(ozon: Bench, change: dict[str, Any]) -> None:
    ozon.ozon.placement = [HEADING, placed(1), tuple("" if cell is None else cell for cell in placed(2, **change)),
                           placed(3)]  # fmt: skip
    pages = ozon.read("storage_cost")
    assert [record.sku_id for record in costs(pages)] == ["1800001", "1800003"]
    assert len(rejected(pages)) == 1


def test_a_row_of_storage_that_waits_is_named_by_its_day_and_warehouse_too(ozon: Bench) -> None:
    rows: list[dict[str, Any]] = [{}, {"day": "21.11.2026"}, {"warehouse": "КАЗАНЬ"}]
    good, bad = ([placed(1, **row, **more) for row in rows] for more in ({}, {"cost": "words"}))
    ozon.ozon.placement = [HEADING, *bad, *good]
    pages = ozon.read("storage_cost")
    assert [key for key, _ in rejected(pages)] == [record.cost_id for record in costs(pages)]
    assert len({key for key, _ in rejected(pages)}) == 3


def test_the_report_is_waited_for_and_its_code_kept_before(ozon: Bench) -> None:
    ozon.ozon.report_states = ("waiting", "waiting", "processing", "processing", "processing", "success")
    reading = ozon.source.read("storage_cost", None)
    noted = next(reading)
    assert (noted.at_once, noted.done, noted.records) == (True, False, ())
    assert ozon.ozon.paths(CREATE) == [], "nothing is ordered before it is noted"
    coded = next(reading)
    assert (coded.at_once, coded.done, coded.records) == (True, False, ())
    assert ozon.ozon.paths(INFO) == [], "nothing is waited for before the code is stored"
    pages = [noted, coded, *reading]
    assert ozon.clock.waits == [5, 10, 15, 30, 30]
    assert len(costs(pages)) == 1


def test_whatever_happens_the_same_report_is_fetched(ozon: Bench) -> None:
    ozon.ozon.report_states = ("waiting",) * 8 + ("success",)
    cursor = ordered_cursor(ozon.source)
    other = OzonSource(
        {"client_id": "1234", "api_key": "key-for-tests", "base_url": ozon.server.url}, ozon.clock.tools()
    )
    pages = list(other.read("storage_cost", cursor))
    other.close()
    assert len(costs(pages)) == 1
    assert len(ozon.ozon.paths(CREATE)) == 1


def test_a_report_that_stays_in_the_queue_ends_the_reading_and_is_asked_for_next_time(ozon: Bench) -> None:
    ozon.ozon.report_states = ("waiting",)
    pages: list[Page] = []
    started = ozon.clock.seconds
    with pytest.raises(ReportPendingError, match="waiting after 10 min") as caught:
        pages.extend(ozon.source.read("storage_cost", None))
    assert "not ordered twice" in caught.value.remedy
    assert 600 <= ozon.clock.seconds - started < 700
    ozon.ozon.reports[0].states = ["success"]
    assert len(costs(ozon.read("storage_cost", pages[-1].cursor))) == 1
    assert len(ozon.ozon.paths(CREATE)) == 1


@pytest.mark.parametrize("how", ["failed", "expired", "forgotten", "no file"])
def test_a_report_that_cannot_be_had_is_ordered_anew(ozon: Bench, how: str) -> None:
    cursor = ordered_cursor(ozon.source)
    if how == "failed":
        ozon.ozon.reports[0].states = ["failed"]
    elif how == "expired":
        ozon.ozon.expires_at = "2026-11-23T09:00:00Z"
        ozon.clock.seconds += 86_400
        ozon.ozon.instead[INFO] = lambda asked: (
            None if asked.payload["code"] == "REPORT_1" else Says(done_report(ozon, asked.payload["code"]))
        )
    elif how == "forgotten":
        ozon.ozon.reports[0].code = "another"
    else:
        ozon.ozon.instead["/files/REPORT_1.xlsx"] = lambda asked: Says(b"", 404)
    assert len(costs(ozon.read("storage_cost", cursor))) == 1
    assert len(ozon.ozon.paths(CREATE)) == 2


def done_report(ozon: Bench, code: str) -> Row:
    return {"result": {"status": "success", "file": f"{ozon.server.url}/files/{code}.xlsx", "expires_at": None}}


def test_what_fails_again_and_again_is_not_ordered_all_day(ozon: Bench) -> None:
    ozon.ozon.report_states = ("failed",)
    with pytest.raises(SourceProtocolError, match="could not make"):
        ozon.read("storage_cost")
    assert len(ozon.ozon.paths(CREATE)) == 2


def test_a_method_that_was_switched_off_is_not_ordered_for(ozon: Bench) -> None:
    ozon.ozon.instead[INFO] = lambda asked: Says({"message": "Not Found"}, 404)
    with pytest.raises(SourceGoneError):
        ozon.read("storage_cost")
    assert len(ozon.ozon.paths(CREATE)) == 1


def test_never_more_than_five_reports_in_a_day_whoever_ordered_them(ozon: Bench) -> None:
    for _ in range(5):
        ozon.read("storage_cost")
    with pytest.raises(SourceBusyError) as caught:
        ozon.read("storage_cost")
    assert caught.value.retry_after_seconds is not None
    assert caught.value.retry_after_seconds > 86_000
    assert len(ozon.ozon.paths(CREATE)) == 5
    ozon.clock.seconds += 86_400
    ozon.read("storage_cost")


def test_an_earlier_process_s_reports_count(ozon: Bench) -> None:
    cursor = ordered_cursor(ozon.source)
    for _ in range(4):
        ozon.ozon.reports[-1].states = ["failed"]
        other = OzonSource(
            {"client_id": "1234", "api_key": "key-for-tests", "base_url": ozon.server.url}, ozon.clock.tools()
        )
        cursor = ordered_cursor(other, cursor)
        other.close()
    ozon.ozon.reports[-1].states = ["failed"]
    other = OzonSource(
        {"client_id": "1234", "api_key": "key-for-tests", "base_url": ozon.server.url}, ozon.clock.tools()
    )
    with pytest.raises(SourceBusyError):
        list(other.read("storage_cost", cursor))
    other.close()
    assert len(ozon.ozon.paths(CREATE)) == 5


def test_the_file_is_fetched_without_the_key_and_its_link_stays_unsaid(ozon: Bench) -> None:
    pages = ozon.read("storage_cost")
    (asked,) = [each for each in ozon.ozon.asked if each.path.startswith("/files/")]
    assert "key-for-tests" not in str(asked.headers)
    assert "client-id" not in {name.lower() for name in asked.headers}
    assert asked.path == "/files/REPORT_1.xlsx?X-Signature=secret"
    assert "secret" not in repr(pages[-1].raw)
    assert (pages[-1].raw.endpoint, pages[-1].raw.request) == ("GET /files/REPORT_1.xlsx", "")
    assert [endpoint for endpoint, _ in ozon.clock.requests if "file" in endpoint] == ["GET report file"]


@pytest.mark.parametrize("link", ["file:" + "///etc/passwd", "ws://127.0.0.1/x", "nowhere"])
def test_a_link_to_no_file_is_not_followed(ozon: Bench, link: str) -> None:
    ozon.ozon.instead[INFO] = lambda asked: Says({"result": {"status": "success", "file": link}})
    with pytest.raises(SourceProtocolError, match="no address"):
        ozon.read("storage_cost")


def test_pages_of_a_long_file_go_on_where_they_ended(ozon: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micore.sources.ozon.placement.ROWS_PER_PAGE", 2)
    days = [date(2026, 11, 10 + number % 5) for number in range(12)]
    ozon.ozon.placement = [HEADING, *(placed(number % 3, day) for number, day in enumerate(days))]
    ozon.ozon.placement += [placed(4, "soon"), placed(5, "31.02.2026"), placed(6, date(2026, 9, 1))]
    whole = ozon.read("storage_cost")
    assert len(costs(whole)) == 13
    assert len({record.cost_id for record in costs(whole)}) == 13
    assert [len(page.records) + len(page.rejected) for page in whole] == [0, 0, 3, 3, 2, 2, 2, 2, 1]
    for number, page in enumerate(whole[1:-2], 2):
        assert costs(whole[:number]) + costs(ozon.read("storage_cost", page.cursor)) == costs(whole)
    assert len(ozon.ozon.paths(CREATE)) == 1


def whole_days(pages: list[Page]) -> list[str]:
    return [day for page in pages for day in page.whole_of]


def test_each_day_is_told_whole_on_one_page_whatever_the_order_of_the_rows(
    ozon: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micore.sources.ozon.placement.ROWS_PER_PAGE", 3)
    days = [date(2026, 11, 15 + number) for number in range(4)]
    ozon.ozon.placement = [HEADING, *(placed(number, day) for number in range(4) for day in days), ("Итого",)]
    pages = ozon.read("storage_cost")
    assert whole_days(pages) == [day.isoformat() for day in days]
    assert [{record.day for record in costs([page])} for page in pages[2:]] == [{day.isoformat()} for day in days] + [
        set()
    ]
    assert len(rejected(pages)) == 1, "a sum below the table is no cost of any day"


@pytest.mark.parametrize(
    ("bad", "whole", "kept"),
    [
        ({"cost": "words"}, ["2026-11-19", "2026-11-20"], ["2026-11-20:1800002:ХОРУГВИНО:"]),
        ({"sku": "words"}, ["2026-11-19"], []),
        ({"day": "soon"}, [], []),
        ({"day": "20.11.2066"}, [], []),
        ({"day": "20.09.2026"}, [], []),
    ],
    ids=str,
)
def test_what_a_bad_row_was_stays_and_only_that(
    ozon: Bench, bad: dict[str, Any], whole: list[str], kept: list[str]
) -> None:
    ozon.ozon.placement = [HEADING, placed(1), placed(1, date(2026, 11, 19)), placed(2, **bad)]
    pages = ozon.read("storage_cost")
    assert whole_days(pages) == whole
    assert [name for page in pages if page.whole_of for name in page.kept if name[:10] in page.whole_of] == [
        name for name in kept if name
    ]


def test_two_charges_of_one_name_of_which_one_is_bad_both_stay(ozon: Bench) -> None:
    ozon.ozon.placement = [HEADING, placed(1, cost="words"), placed(1), placed(1, cost="words")]
    pages = ozon.read("storage_cost")
    name = "2026-11-20:1800001:ХОРУГВИНО:"
    assert [record.cost_id for record in costs(pages)] == [name]
    assert list(pages[-1].kept) == [f"{name}:2", f"{name}:3"]


# --- orders whose answer was lost ---------------------------------------------------------------------------------


def lost(ozon: Bench, how: Says | None, *, done: bool = True) -> None:
    """The first order's answer is lost, whether it was carried out or not; None: cut in the middle."""
    first: list[bool] = []

    def answer(asked: Asked) -> Says | None:
        if first:
            return None
        first.append(True)
        told = ozon.ozon._report(asked.path, asked.payload) if done else Says({"code": "x"})
        return how or Says(told.body, cut_after=5)

    ozon.ozon.instead[CREATE] = answer


LOST = [
    Says({"code": 13, "message": "internal"}, 500),
    Says(b"<html>Gateway Time-out</html>", 504),
    Says(b"<html>busy</html>"),
    Says({"code": ""}),
    Says(b'{"code": '),
    None,
]


@pytest.mark.parametrize("how", LOST, ids=["500", "504", "html", "no code", "no json", "cut"])
def test_an_order_whose_answer_was_lost_is_taken_up_and_not_repeated(ozon: Bench, how: Says | None) -> None:
    lost(ozon, how)
    pages = ozon.read("storage_cost")
    assert len(costs(pages)) == 1
    assert len(ozon.ozon.paths(CREATE)) == 1
    assert '"ordered":["' in pages[-1].cursor


def test_a_process_killed_between_the_order_and_its_code_leaves_an_order_that_is_found(ozon: Bench) -> None:
    reading = ozon.source.read("storage_cost", None)
    noted = next(reading).cursor
    next(reading)  # it has been ordered, and nobody kept its code
    assert len(ozon.ozon.paths(CREATE)) == 1
    # Others stand in the list: of other days, of a person, of a time before.
    ours, older = ozon.ozon.reports[0], "2026-11-21T09:00:00Z"
    other = ours.listed | {"params": {"date_from": "2026-11-01", "date_to": "2026-11-05"}}
    ozon.ozon.reports = [
        Report("OLD", ours.days, ["success"], ours.listed | {"created_at": older}),
        Report("BAD", ours.days, ["failed"], ours.listed),
        Report("OTHER", ours.days, ["success"], other),
        Report("SALES", ours.days, ["success"], ours.listed | {"report_type": "SELLER_POSTINGS"}),
        Report("ODD", ours.days, ["success"], ours.listed | {"created_at": "soon"}),
        ours,
    ]
    ozon.ozon.list_rows = 1000
    pages = ozon.read("storage_cost", noted)
    assert len(costs(pages)) == 1
    assert [payload["code"] for payload in ozon.ozon.paths(INFO)] == ["REPORT_1"]
    assert len(ozon.ozon.paths(CREATE)) == 1


def order_noted(ozon: Bench) -> str:
    """The cursor of a reading that was broken off right before its order went out."""
    return next(ozon.source.read("storage_cost", None)).cursor


def listed_then(ozon: Bench, code: str, params: Any) -> Report:
    """A report that was made a minute after the order, as far as its time tells."""
    made_at = (ozon.clock.now() + timedelta(seconds=60)).isoformat()
    return Report(code, ("", ""), ["success"], {"created_at": made_at, "params": params})


@pytest.mark.parametrize("params", [{}, [], None], ids=str)
@pytest.mark.parametrize(("later", "found"), [(60, True), (300, False)])
def test_a_listed_report_without_days_is_ours_where_it_was_made_right_then(
    ozon: Bench, later: int, found: bool, params: Any
) -> None:
    noted = order_noted(ozon)
    made_at = (ozon.clock.now() + timedelta(seconds=later)).isoformat()
    ozon.ozon.reports = [Report("REPORT_9", ("", ""), ["success"], {"created_at": made_at, "params": params})]
    ozon.clock.seconds += 400
    if found:
        assert len(costs(ozon.read("storage_cost", noted))) == 1
    else:
        with pytest.raises(OutcomeUnknownError):
            ozon.read("storage_cost", noted)
    assert ozon.ozon.paths(CREATE) == []


@pytest.mark.parametrize(
    "params",
    [
        {"date_from": "2026-10-22", "date_to": "2026-11-21"},
        {"date_from": "22.10.2026", "date_to": "21.11.2026"},
        {"date_from": "2026-10-21T21:00:00Z", "date_to": "2026-11-21T20:59:59.999Z"},
        {"date_from": "2026-10-22T00:00:00+03:00", "date_to": "2026-11-21T23:59:59"},
        {"date_from": "2026-10-22", "date_to": "2026-11-21", "company_id": "20240101", "made": "2026-11-22"},
    ],
    ids=["dates", "dotted", "instants", "other instants", "with more"],
)
def test_a_listed_report_tells_its_days_in_several_forms(ozon: Bench, params: dict[str, str]) -> None:
    noted = order_noted(ozon)
    ozon.ozon.reports = [listed_then(ozon, "REPORT_9", params)]
    ozon.clock.seconds += 400
    assert len(costs(ozon.read("storage_cost", noted))) == 1
    assert ozon.ozon.paths(CREATE) == []


@pytest.mark.parametrize(
    "params",
    [
        {"date_from": "24.10.2026", "date_to": "21.11.2026"},
        {"date_from": "2026-10-22T21:00:00Z", "date_to": "2026-11-21T20:59:59Z"},
        {"date_from": "2026-11-21", "date_to": "2026-10-22"},
        {"date_from": "2026-10-22", "made": "2026-11-21"},
        {"date_from": "22 октября", "date_to": "21 ноября"},
        {"date_from": "0001-01-01T00:00:00+14:00", "date_to": 20261121},
        {"visibility": "3"},
        [{"key": "date_from", "value": "2026-10-22"}],
        "2026-10-22",
    ],
    ids=str,
)
def test_a_listed_report_of_other_or_unreadable_days_is_not_ours(ozon: Bench, params: Any) -> None:
    noted = order_noted(ozon)
    ozon.ozon.reports = [listed_then(ozon, "REPORT_9", params)]
    ozon.clock.seconds += 400
    with pytest.raises(OutcomeUnknownError, match="not listed yet"):
        ozon.read("storage_cost", noted)
    assert ozon.ozon.paths(INFO) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"status": None},
        {"params": []},
        {"params": "none"},
        {"code": 7},
        {"created_at": 1_770_000_000},
        {"created_at": "9999-12-31T23:59:59-12:00"},
        {"report_type": 3},
    ],
    ids=str,
)
def test_an_odd_row_of_the_list_does_not_hide_the_others(ozon: Bench, odd: dict[str, Any]) -> None:
    noted = order_noted(ozon)
    days = {"date_from": "2026-10-22", "date_to": "2026-11-21"}
    foreign = Report("FOREIGN", ("", ""), ["success"], {"created_at": "2026-11-01T09:00:00Z", "params": {}} | odd)
    ozon.ozon.reports = [foreign, listed_then(ozon, "REPORT_9", days)]
    ozon.clock.seconds += 400
    assert len(costs(ozon.read("storage_cost", noted))) == 1
    assert ozon.ozon.paths(CREATE) == []


def test_a_row_of_the_list_that_is_no_utf_8_does_not_hide_the_others(ozon: Bench) -> None:
    noted = order_noted(ozon)
    ozon.ozon.reports = [Report("REPORT_9", ("", ""), ["success"])]
    ours = msgspec.json.encode({"code": "REPORT_9", "status": "success"} | listed_then(ozon, "", {}).listed)
    rows = b'{"code": "\xff", "status": "success"}, ' + ours
    ozon.ozon.instead["/v1/report/list"] = lambda asked: Says(b'{"result": {"reports": [' + rows + b"]}}")
    assert len(costs(ozon.read("storage_cost", noted))) == 1
    assert ozon.ozon.paths(CREATE) == []


def test_an_order_that_is_listed_nowhere_is_repeated_once_it_is_sure_and_both_count(ozon: Bench) -> None:
    lost(ozon, LOST[0], done=False)
    pages: list[Page] = []
    with pytest.raises(OutcomeUnknownError, match="may or may not") as caught:
        pages.extend(ozon.source.read("storage_cost", None))
    assert "before it asks again" in caught.value.remedy
    assert len(ozon.ozon.paths(CREATE)) == 1, "not at once"
    ozon.clock.seconds += 300
    with pytest.raises(OutcomeUnknownError):
        pages.extend(ozon.source.read("storage_cost", pages[-1].cursor))
    assert len(ozon.ozon.paths(CREATE)) == 1, "not within ten minutes"
    ozon.clock.seconds += 300
    again = ozon.read("storage_cost", pages[-1].cursor)
    assert len(costs(again)) == 1
    assert len(ozon.ozon.paths(CREATE)) == 2
    assert len(msgspec.json.decode(again[-1].cursor)["ordered"]) == 2, "both may have been taken"


UNTOLD = [
    Says({"message": "missing a required role"}, 403),
    Says({"result": {"total": 0}}),
    Says({"result": {"reports": None, "total": 0}}),
    Says({"result": None}),
    Says(b"<html>busy</html>"),
    Says({"message": "internal"}, 500),
]


@pytest.mark.parametrize("untold", UNTOLD, ids=["role", "no rows", "null rows", "null", "html", "500"])
def test_without_a_list_an_order_is_repeated_once_it_has_had_its_time(ozon: Bench, untold: Says) -> None:
    lost(ozon, LOST[0])
    ozon.ozon.instead["/v1/report/list"] = lambda asked: untold
    pages: list[Page] = []
    with pytest.raises(OutcomeUnknownError):
        pages.extend(ozon.source.read("storage_cost", None))
    assert len(ozon.ozon.paths(CREATE)) == 1
    ozon.clock.seconds += 600
    assert len(costs(ozon.read("storage_cost", pages[-1].cursor))) == 1
    assert len(ozon.ozon.paths(CREATE)) == 2


def test_a_list_that_says_wait_is_not_taken_for_an_untold_one(ozon: Bench) -> None:
    noted = order_noted(ozon)
    ozon.ozon.instead["/v1/report/list"] = lambda asked: Says({"message": "slow down"}, 429)
    ozon.clock.seconds += 700
    with pytest.raises(SourceBusyError):
        ozon.read("storage_cost", noted)
    assert ozon.ozon.paths(CREATE) == []


@pytest.mark.parametrize("status", [429, 400, 404])
def test_an_order_that_surely_was_not_taken_is_not_counted(ozon: Bench, status: int) -> None:
    ozon.ozon.instead[CREATE] = lambda asked: Says({"message": "no"}, status)
    pages: list[Page] = []
    with pytest.raises((SourceBusyError, RequestRefusedError, SourceGoneError)):
        pages.extend(ozon.source.read("storage_cost", None))
    assert "ordered" in pages[0].cursor
    assert "ordered" not in pages[-1].cursor
    assert "asked" not in pages[-1].cursor


# --- a reading of everything --------------------------------------------------------------------------------------


def test_reading_everything_takes_what_stands_ordered_and_counts_it(ozon: Bench) -> None:
    cursor = ordered_cursor(ozon.source)
    anew = ozon.source.still_ordered("storage_cost", cursor)
    pages = ozon.read("storage_cost", anew)
    assert len(costs(pages)) == 1
    assert len(ozon.ozon.paths(CREATE)) == 1
    # Of a whole reading the number of orders is left, and all the days are read again.
    anew = ozon.source.still_ordered("storage_cost", pages[-1].cursor)
    assert "read_to" not in str(anew)
    assert len(msgspec.json.decode(str(anew))["ordered"]) == 1
    ozon.read("storage_cost", anew)
    assert [report.days for report in ozon.ozon.reports] == [("2026-10-22", "2026-11-21")] * 2


def test_reading_everything_needs_more_than_the_report_of_the_last_days(ozon: Bench) -> None:
    cursor = ozon.read("storage_cost")[-1].cursor
    ozon.clock.seconds += 86_400
    few = ordered_cursor(ozon.source, cursor)
    assert ozon.ozon.reports[-1].days == ("2026-11-19", "2026-11-22")
    ozon.read("storage_cost", ozon.source.still_ordered("storage_cost", few))
    assert ozon.ozon.reports[-1].days == ("2026-10-23", "2026-11-22")


def bomb() -> bytes:
    """A small file that unpacks into more than it may."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts,
        parts.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet,
    ):
        for _ in range(xlsx.MAX_UNPACKED_BYTES // (16 * 1024 * 1024) + 1):
            sheet.write(bytes(16 * 1024 * 1024))
    return file.getvalue()


def test_a_file_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micore.sources.xlsx.MAX_UNPACKED_BYTES", 64 * 1024 * 1024)
    with pytest.raises(XlsxError, match="allowed"):
        list(rows_of(bomb()))


@pytest.mark.parametrize("body", [b"PK\x03\x04", b"%PDF-1.7", b'{"a": 1}'], ids=["cut", "pdf", "json"])
def test_what_is_no_table_ends_the_reading(ozon: Bench, body: bytes) -> None:
    ozon.ozon.instead["/files/REPORT_1.xlsx"] = lambda asked: Says(body)
    with pytest.raises(SourceProtocolError, match="file"):
        ozon.read("storage_cost")


def test_a_table_of_something_else_ends_the_reading(ozon: Bench) -> None:
    ozon.ozon.placement = [("Дата", "SKU", "Остаток"), (date(2026, 11, 20), 1, 2)]
    with pytest.raises(SourceProtocolError, match="начисленная стоимость"):
        ozon.read("storage_cost")
