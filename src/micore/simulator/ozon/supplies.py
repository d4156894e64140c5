"""Ozon's supply orders: ids by state, what one is, and the goods inside."""

from __future__ import annotations

import hashlib
import uuid
from typing import NamedTuple

import numpy as np

from micore.simulator.clock import DAY_US, SECOND_US, rfc3339, rfc3339_seconds
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import (
    NOT_FOUND,
    Body,
    RefusedError,
    choice,
    flag,
    instant,
    make_cursor,
    read_cursor,
    section,
    text,
    text_list,
    whole,
    whole_list,
)
from micore.simulator.shop.consignments import Consignments
from micore.simulator.shop.places import CLUSTERS, OZON_FBO, PLACES, Place

STATES = (
    "DATA_FILLING", "READY_TO_SUPPLY", "ACCEPTED_AT_SUPPLY_WAREHOUSE", "IN_TRANSIT", "ACCEPTANCE_AT_STORAGE_WAREHOUSE",
    "REPORTS_CONFIRMATION_AWAITING", "COMPLETED",
)  # fmt: skip
_OTHER_STATES = ("REPORT_REJECTED", "REJECTED_AT_SUPPLY_WAREHOUSE", "CANCELLED", "OVERDUE")
_SORTINGS = ("ORDER_CREATION", "ORDER_STATE_UPDATED_AT", "TIMESLOT_FROM_UTC", "TIMESLOT_FROM_LOCAL")
_HOUR_US = 3600 * SECOND_US
_MOSCOW_US = 3 * _HOUR_US
_LONGEST_PLAN_US = 18 * DAY_US
_FIRST_ORDER, _FIRST_SUPPLY, _FIRST_NUMBER = 84_000_000, 2_111_000_000, 2_000_010_000_000


class _State(NamedTuple):
    name: str
    since_us: int


def order_list(view: View, supplies: Consignments, body: Body) -> Body:
    """/v3/supply-order/list: a mark with every page that has rows, an empty page at the end."""
    chosen = section(body, "filter", required=True)
    states = text_list(chosen, "states")
    if not states:
        raise RefusedError("Request validation error: filter.states: value must contain at least 1 item(s)")
    for wanted in states:
        if wanted not in {*STATES, *_OTHER_STATES}:
            raise RefusedError(f"proto: invalid value for enum type: states: {wanted!r}")
    limit = whole(body, "limit", low=1, high=100)
    if not text(body, "sort_by"):
        raise RefusedError("Request validation error: sort_by: value is required")
    sort_by = choice(body, "sort_by", _SORTINGS, "")
    descending = choice(body, "sort_dir", ("ASC", "DESC"), "DESC") == "DESC"
    mark = read_cursor(text(body, "last_id"), 2)
    drop_offs = set(whole_list(chosen, "dropoff_warehouse_ids", most=1000))
    search, slot = text(chosen, "order_number_search"), section(chosen, "timeslot_from_range")
    since, to = instant(slot, "from"), instant(slot, "to")
    found = []
    for number in range(supplies.asked_by(view.now_us)):
        state, starts = _state(supplies, number, view.now_us), _timeslot_us(supplies, number)
        if (
            state.name in states
            and (not drop_offs or _drop_off(supplies, number).place_id in drop_offs)
            and search in _order_number(number)
            and (since is None or starts >= since)
            and (to is None or starts <= to)
        ):
            keys = {"ORDER_CREATION": int(supplies.requested_us[number]), "ORDER_STATE_UPDATED_AT": state.since_us}
            found.append((keys.get(sort_by, starts), number))
    found.sort(reverse=descending)
    if mark is not None:
        found = [one for one in found if (one < tuple(mark) if descending else one > tuple(mark))]
    shown = found[:limit]
    return {
        "order_ids": [str(_FIRST_ORDER + number * 3) for _, number in shown],
        "last_id": make_cursor(*shown[-1]) if shown else "",
    }


def order_get(view: View, supplies: Consignments, body: Body) -> Body:
    """/v3/supply-order/get; unknown ids are left out."""
    wanted = whole_list(body, "order_ids", most=50)
    if not wanted:
        raise RefusedError("Request validation error: order_ids: value must contain at least 1 item(s)")
    orders = []
    for one in wanted:
        number, rest = divmod(one - _FIRST_ORDER, 3)
        if not rest and 0 <= number < supplies.asked_by(view.now_us):
            orders.append(_order(view, supplies, number))
    return {"orders": orders}


def bundle(view: View, supplies: Consignments, body: Body) -> Body:
    """/v1/supply-order/bundle: the goods of one supply."""
    wanted = text_list(body, "bundle_ids", most=100)
    if len(wanted) != 1:
        raise RefusedError("Request validation error: bundle_ids: one call gives the content of one supply")
    limit = whole(body, "limit", low=1, high=100)
    field = choice(body, "sort_field", ("SKU", "NAME", "QUANTITY", "TOTAL_VOLUME_IN_LITRES"), "SKU")
    mark, search = read_cursor(text(body, "last_id"), 1), text(body, "query").lower()
    number = _bundle_number(wanted[0])
    if number is None or number >= supplies.asked_by(view.now_us):
        raise RefusedError("bundle not found", 404, NOT_FOUND)
    inside = supplies.rows(number)
    items = [
        _item(view, int(view.pairs.product[pair]), units)
        for pair, units in zip(supplies.pair[inside].tolist(), supplies.quantity[inside].tolist(), strict=True)
    ]
    items = [one for one in items if search in f"{one['name']} {one['offer_id']} {one['sku']}".lower()]
    items.sort(key=lambda one: (one[field.lower()], one["sku"]), reverse=not flag(body, "is_asc"))
    start = mark[0] if mark is not None else 0
    end = start + limit
    more = end < len(items)
    return {
        "items": items[start:end], "total_count": len(items), "has_next": more,
        "last_id": make_cursor(end) if more else "",
    }  # fmt: skip


def _state(supplies: Consignments, number: int, now_us: int) -> _State:
    requested, dispatched, arrived, available = (
        int(column[number])
        for column in (supplies.requested_us, supplies.dispatched_us, supplies.arrived_us, supplies.available_us)
    )
    handed_over = min(8 * _HOUR_US, (arrived - dispatched) // 3)
    starts = (
        requested, min(requested + _HOUR_US, dispatched), dispatched, dispatched + handed_over, arrived, available,
        available + 6 * _HOUR_US,
    )  # fmt: skip
    stage = max(stage for stage, when in enumerate(starts) if when <= now_us)
    return _State(STATES[stage], starts[stage])


def _timeslot_us(supplies: Consignments, number: int) -> int:
    return int(supplies.dispatched_us[number]) // _HOUR_US * _HOUR_US


def _drop_off(supplies: Consignments, number: int) -> Place:
    """Where the seller hands the goods over: a third of the supplies travel on from there."""
    return PLACES[OZON_FBO[0] if number % 3 == 0 else int(supplies.place[number])]


def _order_number(number: int) -> str:
    return str(_FIRST_NUMBER + number * 7919)


def _bundle_id(number: int) -> str:
    digits = hashlib.blake2b(str(number).encode(), digest_size=8).hexdigest()
    return str(uuid.UUID(f"{digits}7000a000{number:08x}"))


def _bundle_number(bundle_id: str) -> int | None:
    try:
        number = int(bundle_id[-8:], 16)
    except ValueError:
        return None
    return number if _bundle_id(number) == bundle_id else None


def _order(view: View, supplies: Consignments, number: int) -> Body:
    state, starts = _state(supplies, number, view.now_us), _timeslot_us(supplies, number)
    # The one field in local time, though it ends in Z.
    starts += _MOSCOW_US
    place, drop_off = PLACES[int(supplies.place[number])], _drop_off(supplies, number)
    requested = int(supplies.requested_us[number])
    # A late lorry was planned for an earlier day.
    plan = min(int(supplies.arrived_us[number]), requested + _LONGEST_PLAN_US) // DAY_US * DAY_US
    return {
        "order_id": _FIRST_ORDER + number * 3,
        "order_number": _order_number(number),
        "state": state.name,
        "created_date": rfc3339_seconds(requested // DAY_US * DAY_US),
        "state_updated_date": rfc3339(state.since_us),
        "data_filling_deadline_utc": None,
        "dropoff_warehouse": {"warehouse_id": drop_off.place_id, "name": drop_off.name, "address": drop_off.address},
        "order_tags": {
            "is_econom": False, "is_pickup": False, "is_quant": False, "is_super_fbo": False, "is_virtual": False,
            "original_supply_id": 0, "product_super_fbo": False, "seller_warehouse_id": 0,
        },
        "timeslot": {
            "timeslot": {"from": rfc3339_seconds(starts), "to": rfc3339_seconds(starts + _HOUR_US)},
            "timezone_info": {"iana_name": "Europe/Moscow", "offset": "+03:00"},
        },
        "supplies": [
            {
                "supply_id": _FIRST_SUPPLY + number * 3,
                "bundle_id": _bundle_id(number),
                "state": state.name,
                "is_crossdock": drop_off is not place,
                "macrolocal_cluster_id": CLUSTERS[place.cluster].macrolocal_id,
                "storage_warehouse": {
                    "warehouse_id": place.place_id, "name": place.name, "address": place.address,
                    "arrival_date": rfc3339_seconds(plan),
                },
                "supply_tags": {
                    "freeze_stock_for_marking": False, "is_ettn_required": False, "is_evsd_required": False,
                    "is_jewelry": False, "is_marking_possible": False, "is_marking_required": False, "is_utd": False,
                },
            }
        ],
    }  # fmt: skip


def _item(view: View, k: int, units: int) -> Body:
    card = view.shop.cards.card(k)
    return {
        "icon_path": "", "sku": int(view.goods.sku[k]), "name": card.name, "offer_id": card.offer_id,
        "quantity": units, "barcode": card.ozon_barcodes[0], "product_id": int(view.goods.product_id[k]),
        "quant": int(view.goods.pack[k]), "is_quant_editable": False, "volume_in_litres": card.litres,
        "total_volume_in_litres": float(np.round(card.litres * units, 2)), "contractor_item_code": card.offer_id,
        "sfbo_attribute": "ITEM_SFBO_ATTRIBUTE_NONE", "shipment_type": "BUNDLE_ITEM_SHIPMENT_TYPE_GENERAL", "tags": [],
        "placement_zone": "SORT",
    }  # fmt: skip
