"""Wildberries' details of sales reports: sales, returns, deliveries and storage of the reports that have been made."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, MOSCOW, SECOND_US, moscow_day, moscow_midnight_us
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import WB_SELLER
from micore.simulator.wildberries.fbs import order_ids
from micore.simulator.wildberries.money import ACQUIRING_PERMILLE, COMMISSION_PERMILLE, deals
from micore.simulator.wildberries.storage import stored
from micore.simulator.wildberries.units import NEVER_US
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import (
    PROBLEM,
    Body,
    RefusedError,
    integer,
    json_object,
    request_id,
)

Ints = NDArray[np.int64]

MOST_ROWS = 100_000
FIRST_DAY = date(2024, 1, 29)
SALE, RETURN, DELIVERY, STORAGE = range(4)
_MADE_AT_US = 12 * 3600 * SECOND_US
_ID_EPOCH_SECONDS = 1_577_836_800
_LARGEST = 2**63 - 1
_WORDS = {
    SALE: ("Продажа", "Продажа", ""),
    RETURN: ("Возврат", "Возврат", ""),
    DELIVERY: ("Продажа", "Логистика", "К клиенту при продаже"),
    STORAGE: ("", "Хранение", ""),
}

# What a row says when it has nothing to say; every row has every field.
_BLANK: dict[str, Any] = {
    "reportId": 0, "dateFrom": "", "dateTo": "", "createDate": "", "currency": "RUB", "reportType": 1, "rrdId": 0,
    "giId": 0, "dlvPrc": 0, "fixTariffDateFrom": "", "fixTariffDateTo": "", "subjectName": "", "nmId": 0,
    "brandName": "", "vendorCode": "", "title": "", "techSize": "", "sku": "", "docTypeName": "", "quantity": 0,
    "retailPrice": "0", "retailAmount": "0", "salePercent": 0, "commissionPercent": 0, "officeName": "",
    "sellerOperName": "", "orderDt": "0001-01-01T00:00:00Z", "saleDt": "0001-01-01T00:00:00Z", "rrDate": "",
    "shkId": 0, "retailPriceWithDisc": "0", "deliveryAmount": 0, "returnAmount": 0, "deliveryService": "0",
    "giBoxTypeName": "", "productDiscountForReport": 0, "sellerPromo": 0, "spp": 0, "kvwBase": 0, "kvw": 0,
    "supRatingUp": 0, "isKgvpV2": 0, "ppvzSalesCommission": "0", "forPay": "0", "ppvzReward": "0",
    "acquiringFee": "0", "acquiringPercent": 0, "paymentProcessing": "", "acquiringBank": "", "vw": "0", "vwNds": "0",
    "ppvzOfficeName": "", "ppvzOfficeId": 0, "ppvzSupplierName": "", "ppvzSupplierInn": "", "declarationNumber": "",
    "bonusTypeName": "", "stickerId": "0", "country": "Россия", "srvDbs": False, "penalty": "0",
    "additionalPayment": "0", "rebillLogisticCost": "0", "rebillLogisticOrg": "", "paidStorage": "0",
    "deduction": "0", "paidAcceptance": "0", "orderId": 0, "kiz": "", "isB2b": False, "trbxId": "",
    "installmentCofinancingAmount": "0", "wibesDiscountPercent": 0, "cashbackAmount": "0", "cashbackDiscount": "0",
    "cashbackCommissionChange": "0", "paymentSchedule": "0", "deliveryMethod": "", "sellerPromoId": 0,
    "sellerPromoDiscount": 0, "loyaltyId": 0, "loyaltyDiscount": 0, "uuidPromocode": "",
    "salePricePromocodeDiscountPrc": 0, "articleSubstitution": "", "salePriceAffiliatedDiscountPrc": 0,
    "agencyVat": 0, "salePriceWholesaleDiscountPrc": 0, "b2bCustomerTin": "", "paidWithSocialCertificate": False,
    "warehouseLogisticsCoeff": 0, "buyerTaxRegistrationReasonCode": "", "utdUcdNumber": "",
    "utdUcdDate": "0001-01-01", "orderUid": "", "srid": "",
}  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    first: date
    last: date
    weekly: bool
    after: int
    limit: int
    fields: list[str] | None


@dataclass(frozen=True)
class _Report:
    """One report: the days that it is about, and its number."""

    number: int
    first: date
    last: date

    def head(self) -> Body:
        """What each of its rows says of it."""
        return {
            "reportId": self.number, "dateFrom": self.first.isoformat(), "dateTo": self.last.isoformat(),
            "createDate": (self.last + timedelta(days=1)).isoformat(),
        }  # fmt: skip


def detailed(view: View, request: Request) -> Answer:
    """POST /api/finance/v1/sales-reports/detailed: rows behind `rrdId`, and no content behind the last one."""
    asked = _asked(view, request)
    days = [
        day for ordinal in range(max(asked.first, FIRST_DAY).toordinal(), asked.last.toordinal() + 1)
        if _made(view, _report(day := date.fromordinal(ordinal), weekly=asked.weekly))
    ]  # fmt: skip
    if not days:
        return Answer(204, b"")
    charges = {day: int(stored(view, day).charge.sum()) for day in days}
    which, kind, when, number = _events(view, days, [day for day in days if charges[day]])
    shown = np.flatnonzero(number > asked.after)[: asked.limit]
    which, kind, when, number = which[shown], kind[shown], when[shown], number[shown]
    rows = _rows(view, asked, charges, (which, kind, when, number))
    if asked.fields is not None:
        rows = [{name: row[name] for name in asked.fields if name in row} for row in rows]
    return json_answer(rows) if rows else Answer(204, b"")


def _asked(view: View, request: Request) -> _Asked:
    body = json_object(request)
    if body is None:
        raise _refused(view, request, "invalid body")
    days = []
    for name in ("dateFrom", "dateTo"):
        value = body.get(name)
        if not value:
            raise _refused(view, request, f"missing {name} params")
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise _refused(view, request, f"can't parse {name}") from None
        days.append((moment if moment.tzinfo is None else moment.astimezone(MOSCOW)).date())
    limit = integer(body.get("limit", MOST_ROWS), low=1, high=MOST_ROWS)
    after = integer(body.get("rrdId", 0), low=0, high=_LARGEST)
    period, fields = body.get("period", "weekly"), body.get("fields")
    if limit is None or after is None or period not in {"weekly", "daily"}:
        raise _refused(view, request, "limit (1..100000), rrdId (0..), period (weekly, daily)")
    if fields is not None and not (isinstance(fields, list) and all(isinstance(name, str) for name in fields)):
        raise _refused(view, request, "fields must be a list of names")
    if days[1] < days[0]:
        raise _refused(view, request, "dateTo should be greater dateFrom")
    last = min(days[1], moscow_day(view.now_us))
    return _Asked(days[0], last, period == "weekly", after, limit, fields or None)


def _refused(view: View, request: Request, why: str) -> RefusedError:
    title = "GetReportDetailByPeriodNB decode error"
    body = {
        "status": 400, "title": title, "detail": f"{title}: {why}", "requestId": request_id(request, view.now_us),
        "origin": "open-api-finreports",
    }  # fmt: skip
    return RefusedError(json_answer(body, 400, content_type=PROBLEM))


def _report(day: date, *, weekly: bool) -> _Report:
    """The report that a day belongs to: weeks begin on Mondays."""
    if not weekly:
        return _Report(500_000_000 + day.toordinal(), day, day)
    monday = day - timedelta(days=day.weekday())
    return _Report(300_000_000 + monday.toordinal(), monday, monday + timedelta(days=6))


def _made(view: View, report: _Report) -> bool:
    """Reports are made at noon, Moscow time, of the day behind their last one."""
    return view.now_us >= moscow_midnight_us(report.last) + DAY_US + _MADE_AT_US


def _events(view: View, days: list[date], charged: list[date]) -> tuple[Ints, Ints, Ints, Ints]:
    """(unit, kind, instant, rrdId) of everything that these days are charged for, in the order of rrdId.

    Storage comes once on a day that is charged for it, and belongs to no unit: -1.
    """
    units = view.units
    since, end = moscow_midnight_us(days[0]), moscow_midnight_us(days[-1]) + DAY_US
    which = units.created_between(since - 150 * DAY_US, end)
    bought = np.where(units.cancelled[which], NEVER_US, units.final_us[which])
    parts = []
    for what, moments in ((SALE, bought), (RETURN, units.returned_us[which]), (DELIVERY, bought + 3600 * SECOND_US)):
        keep = (moments >= since) & (moments < end)
        parts.append((which[keep], np.full(int(keep.sum()), what), moments[keep]))
    midnights = np.array([moscow_midnight_us(day) + DAY_US - SECOND_US for day in charged], dtype=np.int64)
    parts.append((np.full(len(charged), -1), np.full(len(charged), STORAGE), midnights))
    which, kind, when = (np.concatenate([part[column] for part in parts]).astype(np.int64) for column in range(3))
    mark = np.full(len(which), 2400, dtype=np.int64)
    mark[which >= 0] = (units.number[which[which >= 0]] % np.uint64(2400)).astype(np.int64)
    number = (when // SECOND_US - _ID_EPOCH_SECONDS) * 10_000 + mark * 4 + kind
    order = np.argsort(number, kind="stable")
    return which[order], kind[order], when[order], number[order]


def _rows(view: View, asked: _Asked, charges: dict[date, int], events: tuple[Ints, Ints, Ints, Ints]) -> list[Body]:
    which, kind, when, number = events
    starts = functools.cache(lambda day, what: _start(day, what, weekly=asked.weekly))
    goods = _goods(view, which[which >= 0], when[which >= 0])
    sums = _sums(view, which[which >= 0])
    rows = []
    for what, days, rrd_id in zip(kind.tolist(), _moscow_days(when), number.tolist(), strict=True):
        day = date.fromordinal(days)
        body = {**starts(day, what), "rrdId": rrd_id}
        if what == STORAGE:
            rows.append({**body, "paidStorage": _text((charges[day] + 50) // 100)})
            continue
        delivery, sold = next(sums)
        rows.append(body | next(goods) | (delivery if what == DELIVERY else sold))
    return rows


def _moscow_days(when_us: Ints) -> list[int]:
    """Moscow days of many instants, as ordinals."""
    days: list[int] = ((when_us + 3 * 3600 * SECOND_US) // DAY_US + date(1970, 1, 1).toordinal()).tolist()
    return days


def _sums(view: View, which: Ints) -> Iterator[tuple[Body, Body]]:
    """What the delivery of each unit says of money, and what its sale or return does."""
    costs = deals(view.shop, view.units, which)
    columns = (
        view.units.k[which], costs.full, costs.price, costs.paid, costs.passed_on, costs.discount_percent,
        costs.spp_percent, costs.price * ACQUIRING_PERMILLE // 1000,
    )  # fmt: skip
    percent = COMMISSION_PERMILLE / 10
    deliveries = functools.cache(lambda k: _text(4600 + round(1400 * max(view.card(k).litres - 1, 0))))
    for k, full, price, paid, passed_on, discount, spp, fee in zip(*(one.tolist() for one in columns), strict=True):
        yield {"deliveryAmount": 1, "deliveryService": deliveries(k)}, {
            "quantity": 1, "retailPrice": _text(full), "retailPriceWithDisc": _text(price),
            "retailAmount": _text(paid), "salePercent": discount, "productDiscountForReport": discount, "spp": spp,
            "commissionPercent": percent, "kvwBase": percent, "kvw": percent, "forPay": _text(passed_on),
            "acquiringFee": _text(fee), "acquiringPercent": ACQUIRING_PERMILLE / 10,
            "paymentProcessing": "Комиссия за организацию платежа с НДС",
        }  # fmt: skip


def _start(day: date, what: int, *, weekly: bool) -> Body:
    """What all rows of a kind say on one day."""
    doc_type, operation, bonus = _WORDS[what]
    return {
        **_BLANK, **_report(day, weekly=weekly).head(), "rrDate": day.isoformat(), "docTypeName": doc_type,
        "sellerOperName": operation, "bonusTypeName": bonus, "fixTariffDateFrom": day.isoformat(),
        "fixTariffDateTo": day.isoformat(),
    }  # fmt: skip


def _goods(view: View, which: Ints, when_us: Ints) -> Iterator[Body]:
    """What each row says of its unit. Both days are told as midnights, as the real report does."""
    units = view.units
    midnights = functools.cache(lambda day: f"{date.fromordinal(day).isoformat()}T00:00:00Z")
    products = functools.cache(lambda k: _product(view, k))
    columns = (
        units.k[which].tolist(), np.isin(units.place[which], WB_SELLER).tolist(), units.number[which].tolist(),
        _moscow_days(units.created_us[which]), _moscow_days(when_us), order_ids(units, which).tolist(),
        units.srids(which),
    )  # fmt: skip
    for k, own, word, ordered, sold, task, srid in zip(*columns, strict=True):
        yield {
            **products(k), "officeName": "Склад продавца" if own else "Склад WB", "orderDt": midnights(ordered),
            "saleDt": midnights(sold), "shkId": word % 90_000_000_000 + 10**10,
            "giBoxTypeName": "" if own else "Микс", "orderId": task if own else 0,
            "deliveryMethod": "FBS, (МГТ)" if own else "FBW", "srid": srid,
        }  # fmt: skip


def _product(view: View, k: int) -> Body:
    card = view.card(k)
    return {
        "subjectName": card.category.name, "nmId": int(view.goods.nm_id[k]), "brandName": card.brand,
        "vendorCode": card.vendor_code, "title": card.title[:60], "techSize": card.tech_size,
        "sku": card.wb_barcodes[0],
    }  # fmt: skip


def _text(kopecks: int) -> str:
    """Money as this report writes it: roubles, as short as they are exact."""
    whole, rest = divmod(kopecks, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
