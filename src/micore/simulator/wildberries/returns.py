"""Wildberries' report of goods on their way back to the seller; the older method ends on 26 October 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, MOSCOW, SECOND_US, from_us, moscow_midnight_us, rfc3339_seconds, to_us
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import PLACES, WB_SELLER
from micore.simulator.wildberries.fbs import order_ids
from micore.simulator.wildberries.units import NEVER_US, Units
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import Body, RefusedError, problem, query_integer, refused_report, request_id

Ints = NDArray[np.int64]

OLD_METHOD_ENDS_US = to_us(datetime(2026, 10, 26, tzinfo=MOSCOW).astimezone(UTC))
LONGEST_DAYS = 31
_LARGEST = 2**31 - 1
_KEPT_AT_OFFICE_US = 14 * DAY_US
_OFFICES = ((310105, "Жуковский Улица Маяковского 19"), (127418, "Москва Улица Бауманская 33/2"))


def item_returns(view: View, request: Request) -> Answer:
    """GET /api/analytics/v1/item-returns"""
    since, end = _period(view, request)
    limit = query_integer(request, "limit", low=0, high=1000, default=1000)
    offset = query_integer(request, "offset", low=0, high=_LARGEST, default=0)
    status = request.query.get("status")
    if limit is None or offset is None or status not in {None, "archive", "active"}:
        raise _refused(view, request, "parameter in query has an error: limit (0..1000), offset (0..), status")
    which, begun = _on_their_way(view.units, since, min(end, view.now_us + 1))
    if status is not None:
        done = view.units.restocked_us[which] <= view.now_us
        which, begun = which[done == (status == "archive")], begun[done == (status == "archive")]
    if not len(which):
        return Answer(204, b"")
    page = slice(offset, offset + limit)
    rows = [
        {"sku": barcode, "kiz": None, "returnStatus": stage, **row}
        for barcode, stage, row in _rows(view, which[page], begun[page])
    ]
    return json_answer({"count": len(which), "report": rows})


def goods_return(view: View, request: Request) -> Answer:
    """GET /api/v1/analytics/goods-return: the same goods in the older form, and no path after its last day."""
    if view.now_us >= OLD_METHOD_ENDS_US:
        raise RefusedError(problem(
            404, "path not found", "Please consult the https://dev.wildberries.ru", "s2s-api-auth",
            request_id(request, view.now_us), rfc3339_seconds(view.now_us),
        ))  # fmt: skip
    since, end = _period(view, request)
    which, begun = _on_their_way(view.units, since, min(end, view.now_us + 1))
    rows = [
        {"barcode": barcode, "status": stage, "isStatusActive": int(row["completedDt"] is None), "reason": "", **row}
        for barcode, stage, row in _rows(view, which, begun)
    ]
    return json_answer({"report": rows})


def _period(view: View, request: Request) -> tuple[int, int]:
    """Start and end (not included) of the asked Moscow days."""
    days = []
    for name in ("dateFrom", "dateTo"):
        text = request.query.get(name)
        if not text:
            raise _refused(view, request, f'parameter "{name}" in query has an error: value is required but missing')
        try:
            days.append(moscow_midnight_us(date.fromisoformat(text)))
        except ValueError:
            raise _refused(view, request, f"can't parse {name}") from None
    since, to = days
    if to < since:
        raise _refused(view, request, "dateTo should be greater dateFrom")
    if to - since > LONGEST_DAYS * DAY_US:
        raise _refused(view, request, "difference between dateFrom and dateTo should be less or equal 31 days")
    return since, to + DAY_US


def _refused(view: View, request: Request, detail: str) -> RefusedError:
    return refused_report(400, detail, request_id(request, view.now_us))


def _on_their_way(units: Units, since_us: int, end_us: int) -> tuple[Ints, Ints]:
    """Units that began their way to the seller in a period, and when: what he sent himself, and defective goods."""
    which = units.created_between(since_us - 120 * DAY_US, end_us)
    begun = np.where(units.refused[which], units.final_us[which], units.returned_us[which])
    to_seller = np.isin(units.place[which], WB_SELLER) | ~units.sellable[which]
    keep = to_seller & (begun >= since_us) & (begun < end_us) & (begun < NEVER_US)
    which, begun = which[keep], begun[keep]
    order = np.lexsort((which, begun))
    return which[order], begun[order]


def _rows(view: View, which: Ints, begun: Ints) -> list[tuple[str, str, Body]]:
    """(barcode, status, the rest of the row) of each unit."""
    units = view.units
    rows = []
    for position, start, task in zip(which.tolist(), begun.tolist(), order_ids(units, which).tolist(), strict=True):
        k, word = int(units.k[position]), int(units.number[position])
        card, end = view.card(k), int(units.restocked_us[position])
        ready = start + (end - start) * 7 // 10
        own = PLACES[int(units.place[position])].place_id > 0
        stage = "Выдано" if end <= view.now_us else "Готов к выдаче" if ready <= view.now_us else "В пути в пвз"
        office, address = _OFFICES[word >> 5 & 1]
        rows.append((card.wb_barcodes[0], stage, {
            "brand": card.brand, "completedDt": _moscow(end, view.now_us), "dstOfficeAddress": address,
            "dstOfficeId": office, "expiredDt": _moscow(ready + _KEPT_AT_OFFICE_US, view.now_us + _KEPT_AT_OFFICE_US),
            "nmId": int(view.goods.nm_id[k]), "orderDt": from_us(start).astimezone(MOSCOW).date().isoformat(),
            "orderId": task, "readyToReturnDt": _moscow(ready, view.now_us),
            "returnType": "Возврат товара продавца" if own else "Возврат брака",
            "shkId": word % 90_000_000_000 + 10**10,
            "srid": f"mp.{word:016x}{word * 0xD1342543DE82EF95 % 2**64:016x}.r",
            "stickerId": str(word % 80_000_000_000 + 10**10), "subjectName": card.category.name,
            "techSize": card.tech_size,
        }))  # fmt: skip
    return rows


def _moscow(when_us: int, now_us: int) -> str | None:
    """Moscow's time without an offset; nothing while it lies ahead."""
    if when_us > now_us:
        return None
    return from_us(when_us // SECOND_US * SECOND_US).astimezone(MOSCOW).replace(tzinfo=None).isoformat()
