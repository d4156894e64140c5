"""Wildberries' supplies (FBW): what the seller sends to its warehouses, from a mere order to accepted goods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from micore.simulator.clock import DAY_US, moscow_day, moscow_midnight_us
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.consignments import Consignments
from micore.simulator.wildberries.stocks import OFFICES
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import (
    Body,
    json_object,
    moscow_offset,
    query_integer,
    refused_supplies,
    request_id,
)

NOT_PLANNED, PLANNED, ALLOWED, ACCEPTING, ACCEPTED, AT_THE_GATE = 1, 2, 3, 4, 5, 6
DATES = ("factDate", "createDate", "supplyDate", "updatedDate")
_FIRST_SUPPLY, _FIRST_ORDER = 21_000_000, 34_000_000
_LARGEST = 2**63 - 1
_LONGEST_PLAN_US = 18 * DAY_US


class _State(NamedTuple):
    """What a supply has come to at an instant; None where a date is not known yet."""

    status: int
    created_us: int
    planned_us: int | None
    fact_us: int | None
    updated_us: int | None


def supply_list(view: View, request: Request) -> Answer:
    """POST /api/v1/supplies: newest first."""
    limit = query_integer(request, "limit", low=1, high=1000, default=1000)
    offset = query_integer(request, "offset", low=0, high=_LARGEST, default=0)
    if limit is None or offset is None:
        raise _refused(view, request, f"Неверный формат {'limit' if limit is None else 'offset'}")
    body = json_object(request)
    if body is None:
        raise _refused(view, request, "некорректное тело запроса")
    chosen = _statuses(view, request, body)
    periods = list(_periods(view, request, body))
    found = []
    for number in range(view.consignments.asked_by(view.now_us) - 1, -1, -1):
        state = _state(view.consignments, number, view.now_us)
        if (not chosen or state.status in chosen) and all(_inside(state, *period) for period in periods):
            found.append((number, state))
    return json_answer([_summary(number, state) for number, state in found[offset : offset + limit]])


def supply(view: View, request: Request) -> Answer:
    """GET /api/v1/supplies/{ID}"""
    number, wanted = _number(view, request, of_goods=False)
    if number is None:
        raise refused_supplies(404, f"поставка {wanted} не найдена", request_id(request, view.now_us))
    state = _state(view.consignments, number, view.now_us)
    office, there = OFFICES[number % len(OFFICES)], state.fact_us is not None
    accepted, ready, laid_out = _progress(view.consignments.units(number), state.status)
    summary = _summary(number, state)
    return json_answer({
        **{name: value for name, value in summary.items() if name not in {"supplyID", "preorderID"}},
        "warehouseID": office[0], "warehouseName": office[1],
        "actualWarehouseID": office[0] if there else None, "actualWarehouseName": office[1] if there else "",
        "transitWarehouseID": None, "transitWarehouseName": "", "acceptanceCost": None,
        "paidAcceptanceCoefficient": None, "rejectReason": None, "supplierAssignName": "Дом и Уют",
        "storageCoef": None, "deliveryCoef": None, "quantity": view.consignments.units(number),
        "readyForSaleQuantity": ready, "acceptedQuantity": accepted, "unloadingQuantity": laid_out,
        "depersonalizedQuantity": 0,
    })  # fmt: skip


def supply_goods(view: View, request: Request) -> Answer:
    """GET /api/v1/supplies/{ID}/goods"""
    limit = query_integer(request, "limit", low=1, high=1000, default=100)
    offset = query_integer(request, "offset", low=0, high=_LARGEST, default=0)
    if limit is None or offset is None:
        raise _refused(view, request, f"Неверный формат {'limit' if limit is None else 'offset'}", plain=True)
    number, _ = _number(view, request, of_goods=True)
    if number is None:
        raise _refused(
            view, request, "fail to get box barcodes info: fail to get barcodes info: internal error: get supply by id:"
            " Поставка не найдена", plain=True,
        )  # fmt: skip
    status = _state(view.consignments, number, view.now_us).status
    inside = view.consignments.rows(number)
    rows = zip(view.consignments.pair[inside].tolist(), view.consignments.quantity[inside].tolist(), strict=True)
    return json_answer([_good(view, pair, units, status) for pair, units in list(rows)[offset : offset + limit]])


def _good(view: View, pair: int, units: int, status: int) -> Body:
    k = int(view.shop.pairs.product[pair])
    card = view.card(k)
    accepted, ready, laid_out = _progress(units, status)
    return {
        "barcode": card.wb_barcodes[0], "vendorCode": card.vendor_code, "nmID": int(view.goods.nm_id[k]),
        "needKiz": False, "tnved": None, "techSize": card.tech_size, "color": card.colour,
        "supplierBoxAmount": int(view.goods.pack[k]), "quantity": units, "readyForSaleQuantity": ready,
        "acceptedQuantity": accepted, "unloadingQuantity": laid_out,
    }  # fmt: skip


def _progress(units: int, status: int) -> tuple[int, int, int]:
    """(accepted, on sale, being laid out) of some units; on sale they come all at once."""
    if status == ACCEPTED:
        return units, units, 0
    return (units // 2, 0, units // 2) if status == ACCEPTING else (0, 0, 0)


def _refused(view: View, request: Request, detail: str, *, plain: bool = False) -> Exception:
    return refused_supplies(400, detail, request_id(request, view.now_us), plain=plain)


def _statuses(view: View, request: Request, body: Body) -> list[int]:
    chosen = body.get("statusIDs") or []
    if not isinstance(chosen, list):
        raise _refused(view, request, "некорректное тело запроса")
    for position, status in enumerate(chosen):
        if status not in range(1, 7) or isinstance(status, bool):
            detail = f"Выберите значение параметра 'StatusIDs[{position}]' из списка: '1 2 3 4 5 6'"
            raise _refused(view, request, detail)
    return chosen


def _periods(view: View, request: Request, body: Body) -> Iterator[tuple[str, int, int]]:
    """(date's name, start, end not included); days are Moscow's and both belong to the period."""
    asked = body.get("dates") or []
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise _refused(view, request, "некорректное тело запроса")
    for one in asked:
        if one.get("type") not in DATES:
            raise _refused(view, request, f"Выберите значение параметра 'Type' из списка: '{' '.join(DATES)}'")
        since, till = (_day(view, request, one.get(name)) for name in ("from", "till"))
        yield one["type"], -_LARGEST if since is None else since, _LARGEST if till is None else till + DAY_US


def _day(view: View, request: Request, value: object) -> int | None:
    if not value:
        return None
    try:
        return moscow_midnight_us(date.fromisoformat(str(value)))
    except ValueError:
        detail = f'ошибка при считывании даты "{value}". Дата должна быть в формате ISO Date: 2006-01-02'
        raise _refused(view, request, detail) from None


def _inside(state: _State, name: str, since_us: int, end_us: int) -> bool:
    when = dict(zip(("createDate", "supplyDate", "factDate", "updatedDate"), state[1:], strict=True))[name]
    return when is not None and since_us <= when < end_us


def _state(supplies: Consignments, number: int, now_us: int) -> _State:
    requested, dispatched, arrived, available = (
        int(column[number])
        for column in (supplies.requested_us, supplies.dispatched_us, supplies.arrived_us, supplies.available_us)
    )
    stages = (
        (available, ACCEPTED),
        (arrived + (available - arrived) * 3 // 10, ACCEPTING),
        (arrived, AT_THE_GATE),
        (dispatched, ALLOWED),
        (requested + (dispatched - requested) * 3 // 10, PLANNED),
    )
    updated, status = next(((when, status) for when, status in stages if when <= now_us), (None, NOT_PLANNED))
    # A late lorry was planned for an earlier day.
    plan = moscow_midnight_us(moscow_day(min(arrived, requested + _LONGEST_PLAN_US)))
    return _State(
        status, requested, plan if status != NOT_PLANNED else None, arrived if arrived <= now_us else None, updated
    )


def _summary(number: int, state: _State) -> Body:
    return {
        "phone": "+7 916 *** 44 44",
        "supplyID": None if state.status == NOT_PLANNED else _FIRST_SUPPLY + number * 3,
        "preorderID": _FIRST_ORDER + number * 3,
        "createDate": moscow_offset(state.created_us),
        **{
            name: None if when is None else moscow_offset(when)
            for name, when in (
                ("supplyDate", state.planned_us), ("factDate", state.fact_us), ("updatedDate", state.updated_us)
            )
        },
        "statusID": state.status, "boxTypeID": 2, "isBoxOnPallet": False,
    }  # fmt: skip


def _number(view: View, request: Request, *, of_goods: bool) -> tuple[int | None, int]:
    """Which supply is asked for, None when there is none; and its id as asked."""
    text, by_order = request.path.split("/")[4], request.query.get("isPreorderID", "false")
    if not text.isascii() or not text.isdigit():
        raise _refused(view, request, "неверный формат id (должен быть int64)", plain=of_goods)
    wanted = int(text)
    if wanted > _LARGEST:
        raise _refused(view, request, "id выходит за рамки int64", plain=of_goods)
    if by_order not in {"true", "false"}:
        raise _refused(view, request, "Неверный формат isPreorderID", plain=of_goods)
    number, rest = divmod(wanted - (_FIRST_ORDER if by_order == "true" else _FIRST_SUPPLY), 3)
    if rest or not 0 <= number < view.consignments.asked_by(view.now_us):
        return None, wanted
    planned = _state(view.consignments, number, view.now_us).status != NOT_PLANNED
    if planned and by_order == "true":
        found = f"по заказу {wanted} найдена поставка {_FIRST_SUPPLY + number * 3}. Используйте поиск по ID поставки"
        raise _refused(view, request, f"fail to get supply details: {found}", plain=of_goods)
    return (number if planned == (by_order == "false") else None), wanted
