"""Ozon's charge for placing goods in its warehouses, and the report of it: asked for, waited for, fetched as a file."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_midnight_us, rfc3339
from micore.simulator.http import Answer
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import NOT_FOUND, RESOURCE_EXHAUSTED, Body, RefusedError, choice, text, whole
from micore.simulator.shop.places import OZON_FBO, PLACES
from micore.simulator.xlsx import CONTENT_TYPE, Cell, workbook

Ints = NDArray[np.int64]

WAITING_US, READY_US, LIFE_US = 30 * SECOND_US, 150 * SECOND_US, 3 * 3600 * SECOND_US
REPORTS_A_DAY, LONGEST_DAYS = 5, 31
FREE_DAYS = 120
KOPECKS_PER_LITRE_DAY = 10
FILES = "/simulated-storage/reports/"
REPORT_TYPE = "seller_placement_by_products"
"""As live answers spell it; the specification has it in capitals, which is how the list is asked for it."""
TYPES = (
    "ALL", "SELLER_PRODUCTS", "SELLER_STOCK", "SELLER_RETURNS", "SELLER_POSTINGS", "SELLER_DISCOUNTED",
    "MUTUAL_SETTLEMENT", "DOCUMENT_B2B_SALES", "COMPENSATION_REPORT", "DECOMPENSATION_REPORT", "MARKED_PRODUCTS_SALES",
    "SELLER_PLACEMENT_BY_PRODUCTS", "SELLER_PLACEMENT_BY_SUPPLIES",
)  # fmt: skip
MOST_LISTED = 1000
LISTED_US = 10 * SECOND_US
"""A report is not in the list before."""
COLUMNS = (
    "Дата", "SKU", "Артикул", "Категория товара", "Описательный тип", "Склад", "Признак товара",
    "Суммарный объем в миллилитрах", "Кол-во экземпляров", "Платный объем в миллилитрах", "Кол-во платных экземпляров",
    "Начисленная стоимость размещения",
)  # fmt: skip
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Placed(NamedTuple):
    """What lay at Ozon on a day: pairs, their units, those that are paid for, volume of one, kopecks charged."""

    pair: Ints
    units: Ints
    paid: Ints
    millilitres: Ints
    kopecks: Ints


def placed(view: View, day: date) -> Placed:
    """The goods of a Moscow day at its end; paid for is what 120 days of sales do not explain. Nothing for today."""
    end = moscow_midnight_us(day) + DAY_US - SECOND_US
    started = view.shop.start_us
    pairs = view.pairs
    chosen = np.isin(pairs.place, OZON_FBO) & (pairs.product < view.shop.products)
    pair = np.flatnonzero(chosen).astype(np.int64)
    if not started <= end <= view.now_us:
        pair = pair[:0]
    units = view.books.available.at(pair, end)
    pair, units = pair[units > 0], units[units > 0]
    ordered = view.books.ordered
    sold = ordered.at(pair, end) - ordered.at(pair, max(end - FREE_DAYS * DAY_US, started))
    paid = np.maximum(units - sold, 0)
    litres = [view.shop.cards.card(k).litres for k in pairs.product[pair].tolist()]
    millilitres = np.rint(np.array(litres, dtype=np.float64) * 1000).astype(np.int64)
    return Placed(pair, units, paid, millilitres, paid * millilitres * KOPECKS_PER_LITRE_DAY // 1000)


def fees(view: View, day: date) -> dict[int, int]:
    """Kopecks charged for a day, by sku."""
    found = placed(view, day)
    sums: Counter[int] = Counter()
    for k, kopecks in zip(view.pairs.product[found.pair].tolist(), found.kopecks.tolist(), strict=True):
        if kopecks:
            sums[int(view.goods.sku[k])] += kopecks
    return dict(sums)


@dataclass(frozen=True)
class _Report:
    asked_us: int
    first: date
    last: date


class Reports:
    """The reports asked for so far."""

    def __init__(self, *, limits: bool) -> None:
        self._reports: dict[str, _Report] = {}
        self._asked: deque[int] = deque()
        self._limits = limits
        # Without limits nothing holds anybody up, neither a number of requests nor a queue.
        self._waiting_us, self._ready_us = (WAITING_US, READY_US) if limits else (0, 0)
        self._listed_us = LISTED_US if limits else 0

    def create(self, view: View, body: Body) -> Body:
        """/v1/report/placement/by-products/create"""
        first, last = (_day(text(body, name), name) for name in ("date_from", "date_to"))
        if last < first:
            raise RefusedError("date_to must not be before date_from")
        if (last - first).days >= LONGEST_DAYS:
            raise RefusedError("PERIOD_IS_TOO_LONG")
        # Nobody says when Ozon's day begins: any 24 hours are one.
        while self._asked and self._asked[0] <= view.now_us - DAY_US:
            self._asked.popleft()
        if self._limits and len(self._asked) >= REPORTS_A_DAY:
            raise RefusedError("You have reached request rate limit per day", 429, RESOURCE_EXHAUSTED)
        self._asked.append(view.now_us)
        seed = f"{view.now_us} {first} {last}".encode()
        mark = uuid.UUID(bytes=hashlib.blake2b(seed, digest_size=16).digest(), version=4)
        code = f"REPORT_{REPORT_TYPE}_{view.now_us // SECOND_US}_{mark}"
        self._reports[code] = _Report(view.now_us, first, last)
        return {"code": code}

    def info(self, view: View, body: Body, host: str) -> Body:
        """/v1/report/info; the file is fetched without a key, as from Ozon's storage."""
        code = text(body, "code")
        if not code:
            raise RefusedError("Request validation error: code: value is required")
        report = self._reports.get(code)
        if report is None:
            raise RefusedError("report not found", 404, NOT_FOUND)
        return {"result": self._facts(view, code, report, host)}

    def listed(self, view: View, body: Body, host: str) -> Body:
        """/v1/report/list, the oldest first."""
        page, rows = whole(body, "page", low=1, high=10**6), whole(body, "page_size", low=1, high=MOST_LISTED)
        wanted = choice(body, "report_type", TYPES, "ALL")
        told = [
            self._facts(view, code, report, host)
            for code, report in self._reports.items()
            if wanted in ("ALL", REPORT_TYPE.upper()) and view.now_us - report.asked_us >= self._listed_us
        ]
        return {"result": {"reports": told[(page - 1) * rows : page * rows], "total": len(told)}}

    def _facts(self, view: View, code: str, report: _Report, host: str) -> Body:
        age = view.now_us - report.asked_us
        status = "waiting" if age < self._waiting_us else "processing" if age < self._ready_us else "success"
        return {
            "additional_data": [], "code": code, "created_at": rfc3339(report.asked_us), "error": "",
            "expires_at": rfc3339(report.asked_us + LIFE_US),
            "file": f"http://{host}{FILES}{code}.xlsx" if status == "success" else "",
            "params": {"date_from": report.first.isoformat(), "date_to": report.last.isoformat()},
            "report_type": REPORT_TYPE, "status": status,
        }  # fmt: skip

    def file(self, view: View, path: str) -> Answer:
        """The file behind a link, not found before it is made and after its life."""
        report = self._reports.get(path.removeprefix(FILES).removesuffix(".xlsx"))
        if report is None or not self._ready_us <= view.now_us - report.asked_us < LIFE_US:
            return Answer(404, b"", "text/plain")
        then = View(view.shop, view.index, report.asked_us)
        return Answer(200, workbook(_rows(then, report.first, report.last)), CONTENT_TYPE)


def _rows(view: View, first: date, last: date) -> Iterator[tuple[Cell, ...]]:
    """The table: a row per day, product and warehouse. The warehouse is told by its name alone."""
    yield COLUMNS
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        for pair, units, paid, volume, kopecks in zip(*(column.tolist() for column in placed(view, day)), strict=True):
            k = int(view.pairs.product[pair])
            card = view.shop.cards.card(k)
            yield (
                day, int(view.goods.sku[k]), card.offer_id, card.category.name, card.category.nouns[0],
                PLACES[int(view.pairs.place[pair])].name, "Уценка" if view.goods.discounted[k] else "",
                units * volume, units, paid * volume, paid, kopecks / 100,
            )  # fmt: skip


def _day(value: str, name: str) -> date:
    try:
        if not _DATE.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise RefusedError(f"Request validation error: {name}: value must be like 2026-11-01") from None
