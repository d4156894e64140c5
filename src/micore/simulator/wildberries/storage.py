"""Wildberries' report of paid storage: what each product cost on each whole day in the pooled warehouse."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_day, moscow_midnight_us
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import Kind
from micore.simulator.wildberries.tasks import Tasks
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import RefusedError, refused_report, request_id

Ints = NDArray[np.int64]

LONGEST_DAYS = 8
KOPECKS_PER_LITRE_DAY = 9
_PROBLEM = "application/problem+json"


class Stored(NamedTuple):
    """What lay in the pool on a day: pairs, their units, and the day's charge of each in hundredths of a kopeck."""

    pair: Ints
    units: Ints
    charge: Ints


def stored(view: View, day: date) -> Stored:
    """The goods charged for a Moscow day: those that lay there at its end. Nothing for a day that has not ended."""
    end = moscow_midnight_us(day) + DAY_US
    # Looked at from the day itself: what it was charged does not change when a card is thrown away later.
    then = view.at(end - SECOND_US)
    pairs = then.pairs(Kind.WB_OWN) if view.shop.start_us < end <= view.now_us else np.zeros(0, dtype=np.int64)
    units = view.books.available.at(pairs, then.now_us)
    pairs, units = pairs[units > 0], units[units > 0]
    litres = np.array([view.card(int(k)).litres for k in view.shop.pairs.product[pairs]], dtype=np.float64)
    return Stored(pairs, units, units * np.rint(litres * 100).astype(np.int64) * KOPECKS_PER_LITRE_DAY)


class PaidStorage:
    """The reports asked for so far."""

    def __init__(self, *, limits: bool = True) -> None:
        self._tasks: Tasks[tuple[date, date]] = Tasks(limits=limits)
        self.status = self._tasks.status

    def create(self, view: View, request: Request) -> Answer:
        """GET /api/v1/paid_storage"""
        since, to = (_day(view, request, name) for name in ("dateFrom", "dateTo"))
        if to < since:
            raise _refused(view, request, "dateTo should be greater dateFrom")
        if (to - since).days > LONGEST_DAYS:
            raise _refused(view, request, "Difference between dateFrom and dateTo should be less or equal 8 days")
        return self._tasks.add(view, request, (since, to))

    def download(self, view: View, request: Request) -> Answer:
        """GET /api/v1/paid_storage/tasks/{task_id}/download"""
        task = self._tasks.ready(view, request)
        then, (since, to) = view.at(task.asked_us), task.wish
        rows = [
            row
            for ordinal in range(since.toordinal(), to.toordinal() + 1)
            for row in _rows(then, date.fromordinal(ordinal))
        ]
        return json_answer(rows) if rows else Answer(204, b"")


def _rows(view: View, day: date) -> list[dict[str, object]]:
    text = day.isoformat()
    rows: list[dict[str, object]] = []
    for pair, units, charge in zip(*(column.tolist() for column in stored(view, day)), strict=True):
        k = int(view.shop.pairs.product[pair])
        card = view.card(k)
        rows.append({
            "date": text, "logWarehouseCoef": 0, "officeId": 0, "warehouse": "Склад WB РФ", "warehouseCoef": 1.0,
            "giId": 0, "chrtId": int(view.goods.chrt_id[k]), "size": card.tech_size, "barcode": card.wb_barcodes[0],
            "subject": card.category.name, "brand": card.brand, "vendorCode": card.vendor_code,
            "nmId": int(view.goods.nm_id[k]), "volume": card.litres, "calcType": "короба: без габаритов",
            "warehousePrice": charge / 10_000, "barcodesCount": units, "palletPlaceCode": 0, "palletCount": 0,
            "originalDate": text, "loyaltyDiscount": 0, "tariffFixDate": "", "tariffLowerDate": "",
        })  # fmt: skip
    return rows


def _day(view: View, request: Request, name: str) -> date:
    text = request.query.get(name)
    if not text:
        raise _refused(view, request, f'parameter "{name}" in query has an error: value is required but missing')
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(view, request, f"can't parse {name}") from None
    if moment.tzinfo is None:
        return moment.date()
    return moscow_day(int(moment.timestamp()) * SECOND_US)


def _refused(view: View, request: Request, detail: str) -> RefusedError:
    return refused_report(400, detail, request_id(request, view.now_us), kind=_PROBLEM)
