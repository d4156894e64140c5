"""Wildberries' statistics: orders and sales of the last 90 days, a unit a row, renewed every half hour."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, MOSCOW, SECOND_US, to_us
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import CLUSTERS, PLACES, Kind
from micore.simulator.wildberries.money import Deals, deals
from micore.simulator.wildberries.stocks import REFRESH_US
from micore.simulator.wildberries.units import NEVER_US, Units, kept_since_us
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import refused_statistics

Ints = NDArray[np.int64]

PAGE_ROWS = 80_000
NOT_CANCELLED = "0001-01-01T00:00:00"
_FROM_WB = ("Склад WB РФ", "Склад WB")
_FROM_SELLER = ("Склад продавца", "Склад продавца")
_HOUR_US = 3600 * SECOND_US
_MOSCOW_US = 3 * _HOUR_US
_DISTRICTS = (
    "Центральный федеральный округ", "Северо-Западный федеральный округ", "Приволжский федеральный округ",
    "Уральский федеральный округ", "Сибирский федеральный округ", "Южный федеральный округ",
    "Южный федеральный округ", "Дальневосточный федеральный округ",
)  # fmt: skip


# Names in the order of the official examples; rows are made by the ten thousand, so column by column.
_COMMON = (
    "date", "lastChangeDate", "warehouseName", "warehouseType", "countryName", "oblastOkrugName", "regionName",
    "supplierArticle", "nmId", "barcode", "category", "subject", "brand", "techSize", "incomeID", "isSupply",
    "isRealization", "totalPrice", "discountPercent", "spp",
)  # fmt: skip
_ORDER = (*_COMMON, "finishedPrice", "priceWithDisc", "isCancel", "cancelDate", "sticker", "gNumber", "srid")
_SALE = (
    *_COMMON, "paymentSaleAmount", "forPay", "finishedPrice", "priceWithDisc", "saleID", "sticker", "gNumber", "srid",
)  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """What a request asks for: everything changed since an instant, or the rows of one Moscow day."""

    since_us: int
    whole_day: bool


@dataclass(frozen=True)
class _Told:
    """Rows to tell: positions of their units, dates, latest changes, whether the money is known, what is a return."""

    which: Ints
    date_us: Ints
    changed_us: Ints
    priced: NDArray[np.bool_]
    returned: NDArray[np.bool_]


def orders(view: View, request: Request) -> Answer:
    """GET /api/v1/supplier/orders"""
    asked, at = _asked(request), view.now_us // REFRESH_US * REFRESH_US
    units = view.units
    which = _kept(units, at)
    seen, final = units.seen_us[which], units.final_us[which]
    filled, silent = _filled_us(units, which, seen)
    shown = _latest(at, seen, np.where(silent, seen, filled), units.shipped_us[which], final)
    told = _Told(
        which, units.created_us[which], np.maximum(shown, seen), filled <= at, np.zeros(len(which), dtype=bool)
    )
    told = _picked(told, asked, seen <= at)
    cancelled = units.cancelled[told.which] & (units.final_us[told.which] <= at)
    ends = np.where(cancelled, _moscow(units.final_us[told.which]), NOT_CANCELLED).tolist()
    costs = deals(view.shop, units, told.which)
    columns = (
        _common(view, told, costs), _money(told, costs.paid, costs.price), cancelled.tolist(), ends,
        _names(units, told, at),
    )  # fmt: skip
    return json_answer([
        dict(zip(_ORDER, (*common, *money, off, ended, *names), strict=True))
        for common, money, off, ended, names in zip(*columns, strict=True)
    ])  # fmt: skip


def sales(view: View, request: Request) -> Answer:
    """GET /api/v1/supplier/sales: a row for what was bought, another one for what came back."""
    asked, at = _asked(request), view.now_us // REFRESH_US * REFRESH_US
    units = view.units
    which = _kept(units, at)
    bought = np.where(units.cancelled[which], NEVER_US, units.final_us[which])
    which = np.concatenate([which, which])
    date = np.concatenate([bought, units.returned_us[which[: len(bought)]]])
    returned = np.arange(len(which)) >= len(bought)
    seen = date + _delay_us(units, which)
    filled, silent = _filled_us(units, which, seen)
    changed = _latest(at, seen, np.where(silent, seen, filled))
    told = _picked(_Told(which, date, changed, filled <= at, returned), asked, seen <= at)
    numbers = (units.number[told.which] >> np.uint64(20)) % np.uint64(10**11)
    letters = np.where(told.returned, "R", "S").tolist()
    costs = deals(view.shop, units, told.which)
    columns = (
        _common(view, told, costs), _money(told, costs.passed_on, costs.paid, costs.price), letters, numbers.tolist(),
        _names(units, told, at),
    )  # fmt: skip
    return json_answer([
        dict(zip(_SALE, (*common, 0, *money, f"{letter}{number:011d}", *names), strict=True))
        for common, money, letter, number, names in zip(*columns, strict=True)
    ])  # fmt: skip


def _asked(request: Request) -> _Asked:
    text = request.query.get("dateFrom")
    if not text:
        raise refused_statistics(["dateFrom: field required"])
    flag = request.query.get("flag", "0")
    if flag not in {"0", "1"}:
        raise refused_statistics("flag: Value not validated")
    try:
        moment = datetime.fromisoformat(text)
        since = to_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=MOSCOW))
    except (ValueError, OverflowError):
        raise refused_statistics("dateFrom: Value not validated") from None
    return _Asked(since, flag == "1")


def _kept(units: Units, at: int) -> Ints:
    return units.created_between(kept_since_us(at), at + 1)


def _delay_us(units: Units, which: Ints) -> Ints:
    """How long a sale takes to reach the statistics: seconds, of one in thirty up to two hours."""
    word = (units.number[which] >> np.uint64(9)).astype(np.int64)
    return np.asarray((5 + word % 40 + np.where(word % 30 == 0, word % 7200, 0)) * SECOND_US)


def _filled_us(units: Units, which: Ints, seen: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """When a row's money is known, and whether that comes without a new lastChangeDate.

    A fifth of the rows come with zeros, filled in the course of 20 hours; a third of those are filled silently.
    """
    word = (units.number[which] >> np.uint64(23)).astype(np.int64)
    late = word % 5 == 0
    filled = seen + np.where(late, _HOUR_US + word // 5 % 19 * _HOUR_US + word % 3600 * SECOND_US, 0)
    return np.asarray(filled), np.asarray(late & (word // 5 % 3 == 0))


def _latest(at: int, first: Ints, *others: Ints) -> Ints:
    """The latest of several instants that has passed."""
    latest = first
    for when in others:
        latest = np.where((when <= at) & (when > latest), when, latest)
    return np.asarray(latest)


def _picked(told: _Told, asked: _Asked, shown: NDArray[np.bool_]) -> _Told:
    """The rows asked for, by their latest change and its tie-breaks; without the day, a page of them at most."""
    if asked.whole_day:
        day = (asked.since_us + _MOSCOW_US) // DAY_US
        keep = shown & ((told.date_us + _MOSCOW_US) // DAY_US == day)
    else:
        # Compared as it is told: in whole seconds. So the row that gave the mark comes again.
        keep = shown & (told.changed_us // SECOND_US * SECOND_US >= asked.since_us)
    found = np.flatnonzero(keep)
    found = found[np.lexsort((told.returned[found], told.which[found], told.changed_us[found] // SECOND_US))]
    if not asked.whole_day:
        found = found[:PAGE_ROWS]
    return _Told(
        told.which[found], told.date_us[found], told.changed_us[found], told.priced[found], told.returned[found]
    )


def _moscow(instant_us: Ints) -> list[str]:
    """`2026-11-02T18:08:31`: Moscow's time, as it is told here without an offset."""
    seconds = (np.minimum(instant_us, 2**55) + _MOSCOW_US) // SECOND_US
    return [str(text) for text in np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()]


def _common(view: View, told: _Told, costs: Deals) -> Iterator[tuple[object, ...]]:
    """The columns up to `spp`, row by row."""
    units, which = view.units, told.which
    from_places = [_FROM_WB if place.kind is Kind.WB_OWN else _FROM_SELLER for place in PLACES]
    to_regions = [("Россия", district, cluster.region) for district, cluster in zip(_DISTRICTS, CLUSTERS, strict=True)]
    product = functools.cache(lambda k: _product(view, k))
    columns = (
        _moscow(told.date_us), _moscow(told.changed_us), units.place[which].tolist(), units.cluster[which].tolist(),
        units.k[which].tolist(), (costs.full // 100).tolist(), costs.discount_percent.tolist(),
        costs.spp_percent.tolist(),
    )  # fmt: skip
    for date, changed, place, cluster, k, *cost in zip(*columns, strict=True):
        yield date, changed, *from_places[place], *to_regions[cluster], *product(k), 0, False, True, *cost


def _product(view: View, k: int) -> tuple[object, ...]:
    card = view.card(k)
    return (card.vendor_code, int(view.goods.nm_id[k]), card.wb_barcodes[0], "Товары для дома", card.category.name,
            card.brand, card.tech_size)  # fmt: skip


def _money(told: _Told, *columns: Ints) -> Iterator[tuple[float, ...]]:
    """Roubles row by row: zeros until they are known, below zero for a return."""
    signs = np.where(told.returned, -1, 1) * told.priced
    return zip(*((signs * column / 100).tolist() for column in columns), strict=True)


def _names(units: Units, told: _Told, at: int) -> Iterator[tuple[str, str, str]]:
    """(sticker, basket, srid) row by row; a sticker is what the seller puts on the goods that he sends himself."""
    own = np.array([place.kind is Kind.WB_SELLER for place in PLACES])[units.place[told.which]]
    stuck = own & (units.packed_us[told.which] <= at)
    words = units.number[told.which].tolist()
    for word, sticker, srid in zip(words, stuck.tolist(), units.srids(told.which), strict=True):
        yield str(word % 90_000_000_000 + 10_000_000_000) if sticker else "", str(word), srid
