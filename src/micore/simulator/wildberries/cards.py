"""Wildberries' catalogue: cards, the basket of thrown away cards, prices."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from micore.simulator.clock import parse_instant, rfc3339
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.wildberries.view import Ints, View
from micore.simulator.wildberries.wire import (
    Body,
    integer,
    integers,
    json_object,
    query_integer,
    refused_content,
    refused_prices,
)

_LARGEST = 2**63 - 1


def cards_list(view: View, request: Request) -> Answer:
    """POST /content/v2/get/cards/list: sorted by updatedAt and nmID, behind the cursor."""
    return _cards(view, request, trashed=False)


def cards_trash(view: View, request: Request) -> Answer:
    """POST /content/v2/get/cards/trash: sorted by trashedAt and nmID, behind the cursor."""
    return _cards(view, request, trashed=True)


def _cards(view: View, request: Request, *, trashed: bool) -> Answer:
    body = json_object(request)
    if body is None:
        return Answer(400, b"Request body can not be decoded", "plain/text")
    settings = _object(body, "settings")
    chosen, cursor = _object(settings, "filter"), _object(settings, "cursor")
    ascending = bool(_object(settings, "sort").get("ascending", False))
    limit = integer(cursor.get("limit", 10), low=1, high=100)
    if limit is None:
        raise refused_content("Invalid cursor: limit must be from 1 to 100")
    firsts = np.array([first for first in view.cards(trashed=trashed) if _wanted(view, first, chosen)], dtype=np.int64)
    when, numbers = _when(view, firsts, trashed=trashed), view.goods.nm_id[firsts]
    name = "trashedAt" if trashed else "updatedAt"
    after = _after(cursor, name)
    if after is not None:
        later = (when > after[0]) | ((when == after[0]) & (numbers > after[1]))
        behind = later if ascending else ~later & ~((when == after[0]) & (numbers == after[1]))
        firsts, when, numbers = firsts[behind], when[behind], numbers[behind]
    order = np.lexsort((numbers, when))
    page = order[:limit] if ascending else order[::-1][:limit]
    shown: list[int] = firsts[page].tolist()
    told = dict(zip(shown, when[page].tolist(), strict=True))
    mark: Body = {"total": len(shown)}
    if shown:
        mark = {name: rfc3339(told[shown[-1]]), "nmID": int(view.goods.nm_id[shown[-1]]), "total": len(shown)}
    return json_answer({"cards": [_card(view, first, told[first], trashed=trashed) for first in shown], "cursor": mark})


def _object(body: Body, name: str) -> Body:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refused_content(f"Invalid request: {name} must be an object")
    return value


def _after(cursor: Body, name: str) -> tuple[int, int] | None:
    moment, number = cursor.get(name), cursor.get("nmID")
    if not moment and not number:
        return None
    number = integer(number if number is not None else 0, low=0, high=_LARGEST)
    try:
        if number is None or not isinstance(moment, str):
            raise ValueError
        return parse_instant(moment), number
    except ValueError:
        raise refused_content(f"Invalid cursor: {name} and nmID must be copied from the last answer") from None


def _when(view: View, firsts: Ints, *, trashed: bool) -> Ints:
    return view.shop.archived_us(firsts) if trashed else view.edited_us(firsts)


def _has_photo(view: View, first: int) -> bool:
    return int(view.goods.nm_id[first]) % 50 != 0


def _wanted(view: View, first: int, chosen: Body) -> bool:
    photo = chosen.get("withPhoto", 0)
    if photo == 1 and not _has_photo(view, first):
        return False
    if not any(chosen.get(name) for name in ("textSearch", "brands", "objectIDs", "imtID")):
        return True
    card = view.card(first)
    search = chosen.get("textSearch")
    if search:
        texts = {card.vendor_code, str(int(view.goods.nm_id[first]))}
        for k in view.sizes(first):
            texts.update(view.card(k).wb_barcodes)
        if search not in texts:
            return False
    for name, value in (
        ("brands", card.brand),
        ("objectIDs", card.category.wb_subject_id),
    ):
        wanted = chosen.get(name)
        if wanted and value not in wanted:
            return False
    imt = chosen.get("imtID")
    return not imt or imt == int(view.goods.imt_id[first])


def _card(view: View, first: int, when_us: int, *, trashed: bool) -> Body:
    card, goods = view.card(first), view.goods
    created = int(view.shop.created_us[first])
    body: dict[str, Any] = {
        "nmID": int(goods.nm_id[first]),
        "vendorCode": card.vendor_code,
        "kizMarked": False,
        "subjectID": card.category.wb_subject_id,
        "subjectName": card.category.name,
        "photos": _photos(int(goods.nm_id[first])) if _has_photo(view, first) else [],
        "wholesale": {"enabled": False, "quantum": 0},
        "dimensions": {
            "length": max(1, round(card.depth_mm / 10)),
            "width": max(1, round(card.width_mm / 10)),
            "height": max(1, round(card.height_mm / 10)),
            "weightBrutto": round(card.weight_g / 1000, 3),
            "isValid": True,
        },
        "characteristics": [{"id": 14177449, "name": "Цвет", "value": [card.colour]}],
        "sizes": [
            {
                "chrtID": int(goods.chrt_id[k]),
                "techSize": view.card(k).tech_size,
                "wbSize": view.card(k).russian_size,
                "skus": list(view.card(k).wb_barcodes),
            }
            for k in view.sizes(first)
        ],
        "createdAt": rfc3339(created),
    }
    if trashed:
        return {**body, "trashedAt": rfc3339(when_us)}
    return {
        **body,
        "imtID": int(goods.imt_id[first]),
        "nmUUID": str(uuid.UUID(int=int(goods.nm_id[first]) << 64 | int(goods.imt_id[first]))),
        "brand": card.brand,
        "title": card.title[:60],
        "description": f"{card.title}. Размер упаковки {card.depth_mm}×{card.width_mm}×{card.height_mm} мм.",
        "needKiz": False,
        "tags": [],
        "updatedAt": rfc3339(when_us),
    }


def _photos(nm_id: int) -> list[Body]:
    base = f"https://basket-10.wbbasket.ru/vol{nm_id // 100_000}/part{nm_id // 1000}/{nm_id}/images"
    return [{name: f"{base}/{name}/1.webp" for name in ("big", "c246x328", "c516x688", "square", "tm")}]


def goods_by_page(view: View, request: Request) -> Answer:
    """GET /api/v2/list/goods/filter"""
    limit = query_integer(request, "limit", low=1, high=1000, default=None)
    offset = query_integer(request, "offset", low=0, high=_LARGEST, default=0)
    number = query_integer(request, "filterNmID", low=0, high=_LARGEST, default=0)
    if limit is None or offset is None or number is None:
        raise refused_prices("Invalid request parameters")
    firsts = view.cards(trashed=False)
    if number:
        firsts = [first for first in firsts if int(view.goods.nm_id[first]) == number]
    return _goods(view, firsts[offset : offset + limit])


def goods_by_number(view: View, request: Request) -> Answer:
    """POST /api/v2/list/goods/filter"""
    body = json_object(request)
    wanted = integers(body.get("nmList"), most=1000) if body is not None else None
    if not wanted:
        raise refused_prices("Invalid request parameters")
    return _goods(view, [first for first in view.cards(trashed=False) if int(view.goods.nm_id[first]) in set(wanted)])


def _goods(view: View, firsts: list[int]) -> Answer:
    rows = []
    for first in firsts:
        now = view.shop.cards.prices(first, view.now_us)
        percent = round((1 - now.price / now.old_price) * 100)
        price = round(now.old_price * (100 - percent) / 100, 2)
        rows.append(
            {
                "nmID": int(view.goods.nm_id[first]),
                "vendorCode": view.card(first).vendor_code,
                "sizes": [
                    {
                        "sizeID": int(view.goods.chrt_id[k]),
                        "price": now.old_price,
                        "discountedPrice": price,
                        "clubDiscountedPrice": price,
                        "techSizeName": view.card(k).tech_size,
                    }
                    for k in view.sizes(first)
                ],
                "currencyIsoCode4217": "RUB",
                "discount": percent,
                "clubDiscount": 0,
                "editableSizePrice": False,
            }
        )
    return json_answer({"data": {"listGoods": rows}, "error": False, "errorText": ""})
