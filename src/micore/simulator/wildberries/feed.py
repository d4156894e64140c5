"""Wildberries' order feed: every order of the last 31 days at the time of its present status, newest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, from_us, moscow_day, moscow_midnight_us, parse_instant
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import CLUSTERS, PLACES, Kind
from micore.simulator.wildberries.money import deals
from micore.simulator.wildberries.units import Units
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import (
    Body,
    RefusedError,
    integer,
    integers,
    json_object,
    moscow_offset,
    refused_report,
    request_id,
)

Ints = NDArray[np.int64]

LONGEST_DAYS = 31
_LARGEST = 2**31 - 1
_LONGEST_LIFE_US = 150 * DAY_US
DISTRICTS = ("Центральный", "Северо-Западный", "Приволжский", "Уральский", "Сибирский", "Южный", "Южный",
             "Дальневосточный")  # fmt: skip
_CANCEL_TYPES = ("app", "other")
_REFUSAL_TYPES = ("receipt", "expire")


@dataclass(frozen=True)
class _Asked:
    since_us: int
    to_us: int
    snapshot_us: int
    offset: int
    limit: int


def order_feed(view: View, request: Request) -> Answer:
    """POST /api/analytics/v1/order-feed; pages of one selection look at one instant, the snapshot's."""
    body = json_object(request)
    if body is None:
        raise _refused(view, request, "invalid body")
    asked = _asked(view, request, body)
    then = view.at(asked.snapshot_us)
    units = then.units
    which = units.created_between(asked.since_us - _LONGEST_LIFE_US, asked.snapshot_us + 1)
    updated = _updated_us(units, which, asked.snapshot_us)
    keep = (updated >= asked.since_us) & (updated <= asked.to_us) & _wanted(view, request, body, units.k[which])
    which, updated = which[keep], updated[keep]
    order = np.lexsort((-which, -updated))[asked.offset : asked.offset + asked.limit]
    return json_answer({
        "data": {
            "snapshotTime": from_us(asked.snapshot_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "currency": "RUB",
            "orders": _rows(then, which[order], updated[order]),
        }
    })  # fmt: skip


def _asked(view: View, request: Request, body: Body) -> _Asked:
    period, pages = body.get("selectedPeriod"), body.get("pagination") or {}
    if not isinstance(period, dict) or not isinstance(pages, dict):
        raise _refused(view, request, "selectedPeriod (field required)")
    now = view.now_us // SECOND_US * SECOND_US
    since, to, snapshot = (
        _instant(view, request, values, name)
        for values, name in ((period, "start"), (period, "end"), (pages, "snapshotTime"))
    )
    if since is None:
        raise _refused(view, request, "selectedPeriod.start (field required)")
    offset = integer(pages.get("offset", 0), low=0, high=_LARGEST)
    limit = integer(pages.get("limit", 50), low=1, high=10_000)
    if offset is None or limit is None:
        raise _refused(view, request, "pagination: limit (1..10000), offset (0..)")
    if (snapshot is None and offset) or (snapshot is not None and snapshot > now):
        raise _refused(view, request, "pagination.snapshotTime: take it from the first answer")
    earliest = moscow_midnight_us(moscow_day(view.now_us)) - LONGEST_DAYS * DAY_US
    end = now if to is None else to
    if since < earliest or end < since:
        raise _refused(view, request, "selectedPeriod: not earlier than 31 days ago, start not after end")
    return _Asked(since, end, now if snapshot is None else snapshot, offset, limit)


def _instant(view: View, request: Request, values: Body, name: str) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        return parse_instant(str(value))
    except ValueError:
        raise _refused(view, request, f"{name}: not in RFC3339") from None


def _refused(view: View, request: Request, what: str) -> RefusedError:
    return refused_report(400, f"code=400, message=invalid: {what}", request_id(request, view.now_us),
                          "analytic-open-api")  # fmt: skip


def _wanted(view: View, request: Request, body: Body, k: Ints) -> NDArray[np.bool_]:
    """Which units belong to products that all the filters name; empty filters name all."""
    keep = np.ones(len(k), dtype=bool)
    for name, most in (("nmIds", 1000), ("subjectIds", 50), ("tagIds", 50)):
        ids = integers(body.get(name) or [], most=most)
        if ids is None:
            raise _refused(view, request, f"{name}: at most {most} numbers")
        if ids and name == "nmIds":
            keep &= np.isin(view.goods.nm_id[k], ids)
        elif ids and name == "subjectIds":
            keep &= _of_products(k, {one for one in set(k.tolist()) if view.card(one).category.wb_subject_id in ids})
        elif ids:
            keep[:] = False
    brands = body.get("brandNames") or []
    if not isinstance(brands, list) or len(brands) > 50:
        raise _refused(view, request, "brandNames: at most 50 texts")
    if brands:
        keep &= _of_products(k, {one for one in set(k.tolist()) if view.card(one).brand in brands})
    return keep


def _of_products(k: Ints, chosen: set[int]) -> NDArray[np.bool_]:
    return np.asarray(np.isin(k, np.array(sorted(chosen), dtype=np.int64)))


def _updated_us(units: Units, which: Ints, at_us: int) -> Ints:
    """When the present status came."""
    updated = units.created_us[which]
    for column in (units.final_us, units.returned_us):
        updated = np.where(column[which] <= at_us, column[which], updated)
    return np.asarray(updated)


def _rows(view: View, which: Ints, updated: Ints) -> list[Body]:
    units, goods = view.units, view.goods
    rows = []
    for position, when, srid, price in zip(
        which.tolist(), updated.tolist(), units.srids(which), deals(view.shop, units, which).price.tolist(), strict=True
    ):
        k, place = int(units.k[position]), PLACES[int(units.place[position])]
        cluster, word = int(units.cluster[position]), int(units.number[position])
        own, cities = place.kind is Kind.WB_SELLER, CLUSTERS[cluster].cities
        rows.append({
            "nmId": int(goods.nm_id[k]), "chrtId": int(goods.chrt_id[k]), "srid": srid,
            "createdAt": moscow_offset(int(units.created_us[position])), "updatedAt": moscow_offset(when),
            **_status(units, position, view.now_us),
            "warehouseName": f"Склад продавца {CLUSTERS[place.cluster].cities[0]}" if own else "Склад WB",
            "warehouseRegion": DISTRICTS[place.cluster] if own else "Склад WB", "isMp": own,
            "destinationCity": cities[(word >> 12) % len(cities)], "destinationDistrict": DISTRICTS[cluster],
            "sellerPrice": price / 100, "isB2b": False,
        })  # fmt: skip
    return rows


def _status(units: Units, position: int, now_us: int) -> Body:
    if units.returned_us[position] <= now_us:
        return {"status": "return" if units.sellable[position] else "returnDefective"}
    if units.final_us[position] > now_us:
        return {"status": "created"}
    if not units.cancelled[position]:
        return {"status": "buyout"}
    kinds = _REFUSAL_TYPES if units.refused[position] else _CANCEL_TYPES
    return {"status": "cancel", "cancelType": kinds[int(units.number[position]) >> 21 & 1]}
