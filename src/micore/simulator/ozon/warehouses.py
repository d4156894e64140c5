"""Ozon's account, warehouses and clusters."""

from __future__ import annotations

from micore.simulator.clock import DAY_US, rfc3339
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, choice, make_cursor, read_cursor, text, whole, whole_list
from micore.simulator.shop.places import CLUSTERS, OZON_FBO, OZON_SELLER, PLACES, Kind

_KEY_LIFE_US = 180 * DAY_US


def seller_info(view: View, body: Body) -> Body:
    """/v1/seller/info"""
    del view, body
    return {
        "company": {
            "country": "Россия", "currency": "RUB", "inn": "7700000000", "name": "Дом и Уют",
            "legal_name": "Общество с ограниченной ответственностью «Дом и Уют»", "ogrn": "1027700000000",
            "ownership_form": "ООО", "tax_system": "USN",
        },
        "ratings": [],
        "subscription": {"is_premium": False, "type": "UNSPECIFIED"},
    }  # fmt: skip


def roles(view: View, methods: list[str], expires_in_days: int | None) -> Body:
    """/v1/roles: the key's end and what it may call. The end moves once in 180 days, as keys are renewed."""
    since = view.now_us - view.shop.start_us
    end = view.shop.start_us + (since // _KEY_LIFE_US + 1) * _KEY_LIFE_US + 30 * DAY_US
    if expires_in_days is not None:
        end = view.now_us // DAY_US * DAY_US + (expires_in_days + 1) * DAY_US
    return {"expires_at": rfc3339(end), "roles": [{"name": "Admin read only", "methods": methods}]}


def warehouses(view: View, body: Body) -> Body:
    """/v2/warehouse/list: the seller's warehouses."""
    limit = whole(body, "limit", low=1, high=200)
    wanted = set(whole_list(body, "warehouse_ids", most=200))
    places = sorted(OZON_SELLER, key=lambda place: PLACES[place].place_id)
    after = read_cursor(text(body, "cursor"), 1)
    places = [
        place
        for place in places
        if (not wanted or PLACES[place].place_id in wanted) and (after is None or PLACES[place].place_id > after[0])
    ]
    shown = places[:limit]
    return {
        "warehouses": [_warehouse(view, place) for place in shown],
        "cursor": make_cursor(PLACES[shown[-1]].place_id) if shown else "",
        "has_next": len(places) > limit,
    }


def _warehouse(view: View, position: int) -> Body:
    place = PLACES[position]
    rfbs = place.kind is Kind.OZON_RFBS
    created = view.shop.start_us - (400 + position) * DAY_US + 36_000_000_000 + position * 811_000
    return {
        "warehouse_id": place.place_id,
        "name": place.name,
        "status": "created",
        "is_rfbs": rfbs,
        "is_kgt": False,
        "is_express": False,
        "is_comfort": False,
        "warehouse_type": "rfbs" if rfbs else "fbs",
        "address_info": {
            "address": place.address, "latitude": place.latitude, "longitude": place.longitude, "utc": "UTC+03:00"
        },
        "carriage_label_type": "BIG",
        "courier_comment": "",
        "courier_phones": [],
        "created_at": rfc3339(created),
        "updated_at": rfc3339(created + 35 * DAY_US),
        "cut_in_time": 0,
        "first_mile": {
            "dropoff_point_id": "", "first_mile_is_changing": False, "timeslot_from": "10:00", "timeslot_id": 287231,
            "timeslot_to": "11:00", "type": "PICK_UP",
        },
        "has_entrusted_acceptance": False,
        "has_postings_limit": False,
        "is_auto_assembly": False,
        "is_waybill_enabled": False,
        "min_postings_limit": 0,
        "pause_at": None,
        "phone": "",
        "postings_limit": -1,
        "sla_cut_in": 1440,
        "timetable": {"timetable_from": None, "timetable_to": None, "working_hours": []},
        "with_item_list": False,
        "working_days": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"],
    }  # fmt: skip


def clusters(view: View, body: Body) -> Body:
    """/v1/cluster/list"""
    del view
    if not text(body, "cluster_type"):
        raise RefusedError("Request validation error: cluster_type: value is required")
    kind = choice(body, "cluster_type", ("CLUSTER_TYPE_OZON", "CLUSTER_TYPE_CIS"), "CLUSTER_TYPE_OZON")
    wanted = set(whole_list(body, "cluster_ids", most=1000))
    if kind == "CLUSTER_TYPE_CIS":
        return {"clusters": []}
    return {
        "clusters": [
            {
                "id": cluster.cluster_id,
                "name": cluster.name,
                "type": kind,
                "macrolocal_cluster_id": cluster.macrolocal_id,
                "logistic_clusters": [
                    {"warehouses": [{**warehouse, "type": "FULL_FILLMENT"} for warehouse in _fulfilments(position)]}
                ],
            }
            for position, cluster in enumerate(CLUSTERS)
            if not wanted or cluster.cluster_id in wanted
        ]
    }


def macrolocal_clusters(view: View, body: Body) -> Body:
    """/v2/cluster/list"""
    del view, body
    return {
        "result": [
            {
                "macrolocal_cluster_id": cluster.macrolocal_id,
                "data": {
                    "macrolocal_cluster": {"name": cluster.name, "country": {"name": "Россия", "uid": "RU"}},
                    "fulfillments": _fulfilments(position),
                },
            }
            for position, cluster in enumerate(CLUSTERS)
        ]
    }


def _fulfilments(cluster: int) -> list[Body]:
    return [
        {"warehouse_id": PLACES[place].place_id, "name": PLACES[place].name}
        for place in OZON_FBO
        if PLACES[place].cluster == cluster
    ]
