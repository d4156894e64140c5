"""Numbers, dates and headers as people write them."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.records import OrderState
from micore.errors import RecordRejectedError
from micore.sources.files import values
from micore.sources.files.columns import NEEDED, TEMPLATES, layout_of

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("12,5", "12.5"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50 ₽", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("0,125", "0.125"),
        ("7 шт.", "7"),
        ("-3", "-3"),
    ],
)
def test_numbers_as_people_write_them(text: str, value: str) -> None:
    assert values.number(text, "price") == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "many", "1e5", "nan", "inf", "1_000", "--", "12.3.4"])
def test_what_is_no_number_or_two_is_refused(text: str) -> None:
    with pytest.raises(RecordRejectedError):
        values.number(text, "price")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-05",
        "05.11.2026",
        "5.11.26",
        "5 ноября 2026",
        "5 ноября 2026 г.",
        "5 Nov 2026",
        "2026/11/05",
        "2026-11-05T00:00:00",
    ],
)
def test_days_as_people_write_them(text: str) -> None:
    assert values.iso_day(text, MOSCOW, "date") == "2026-11-05"


@pytest.mark.parametrize("text", ["03/04/2026", "31.02.2026", "yesterday", "", "5.11", "2026", "05.11.1026"])
def test_what_is_no_day_or_two_is_refused(text: str) -> None:
    with pytest.raises(RecordRejectedError):
        values.iso_day(text, MOSCOW, "date")


def test_times_are_of_the_zone_unless_they_name_one() -> None:
    assert values.moment("23.11.2026 9:05", MOSCOW, "date").isoformat() == "2026-11-23T06:05:00+00:00"
    assert values.moment("2026-11-23T09:05:00Z", MOSCOW, "date").isoformat() == "2026-11-23T09:05:00+00:00"
    assert values.moment("25/11/2026", MOSCOW, "date").day == 24  # midnight in Moscow


@given(st.integers(1 - 10**10, 10**10 - 1), st.integers(0, 99))
def test_money_written_either_way_is_the_same(whole: int, cents: int) -> None:
    for text in (f"{whole},{cents:02d}", f"{whole}.{cents:02d}"):
        sign = -1 if text.startswith("-") else 1
        assert values.money(text, "amount") == whole * 10_000 + sign * cents * 100


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    for read in (
        lambda: values.quantity(text, "x"),
        lambda: values.moment(text, MOSCOW, "x"),
        lambda: values.word(text, values.ORDER_STATES, OrderState.ORDERED, "x"),
        lambda: values.yes(text),
        lambda: values.price(text),
    ):
        with contextlib.suppress(RecordRejectedError):
            read()


@pytest.mark.parametrize(
    ("header", "streams"),
    [
        ("Артикул;Остаток", ("stock",)),
        ("Номенклатура;Код;Остаток, шт;Цена", ("stock", "catalogue")),
        ("SKU;Name", ("catalogue",)),
        ("sku;price", ("prices",)),
        ("Код склада;Склад", ("warehouses",)),
        ("Номер заказа;Дата;Артикул;Кол-во", ("orders",)),
        ("№ чека;Дата;Артикул;Сумма", ("sales",)),
        ("Номер возврата;Артикул;Количество;Дата", ("returns",)),
        ("Поставка;Дата;Артикул;Количество", ("supplies",)),
        ("Номер заказа;Артикул", ()),
        ("colour;taste", ()),
    ],
)
def test_what_a_file_tells_is_seen_by_its_header(header: str, streams: tuple[str, ...]) -> None:
    layout = layout_of(header.split(";"))
    assert layout.streams == streams
    assert bool(layout.problem()) == (not streams)


def test_every_stream_has_a_template_that_tells_it() -> None:
    assert set(TEMPLATES) == set(NEEDED)
    for name, content in TEMPLATES.items():
        assert name in layout_of(content.decode("utf-8-sig").splitlines()[0].split(";")).streams
