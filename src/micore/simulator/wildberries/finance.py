"""Wildberries' sales reports that have been made: the list of them with their sums, and their details."""

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
from micore.simulator.wildberries.charges import (
    CARRIAGE,
    COLUMNS,
    DELIVERY,
    PICKUP,
    RETURN,
    SALE,
    WORDS,
    Charges,
    charges_of,
    lots,
    money_of,
)
from micore.simulator.wildberries.fbs import order_ids
from micore.simulator.wildberries.money import ACQUIRING_PERMILLE, COMMISSION_PERMILLE, deals
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

MOST_ROWS, MOST_REPORTS = 100_000, 1_000
FIRST_DAY, FIRST_LISTED = date(2024, 1, 29), date(2025, 1, 1)
_MADE_AT_US = 12 * 3600 * SECOND_US
_LARGEST = 2**63 - 1

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


_SUMS = (
    ("retailAmountSum", "retailAmount", 0),
    ("forPaySum", "forPay", 1),
    ("deliveryServiceSum", "deliveryService", -1),
    ("paidStorageSum", "paidStorage", -1),
    ("paidAcceptanceSum", "paidAcceptance", -1),
    ("deductionSum", "deduction", -1),
    ("penaltySum", "penalty", -1),
    ("additionalPaymentSum", "additionalPayment", 1),
    ("cashbackAmountSum", "cashbackAmount", -1),
    ("cashbackDiscountSum", "cashbackDiscount", 0),
    ("cashbackCommissionChangeSum", "cashbackCommissionChange", -1),
    ("paymentSchedule", "paymentSchedule", 1),
)
"""A report's sum, the column that it is of, and how it counts in what is paid out."""


@dataclass(frozen=True)
class _Asked:
    first: date
    last: date
    weekly: bool
    limit: int
    after: int
    """A row's id, or how many reports to leave out."""
    fields: list[str] | None


@dataclass(frozen=True)
class _Report:
    """One report: the days that it is about, and its number."""

    number: int
    first: date
    last: date
    kind: int = 1

    def head(self) -> Body:
        """What it says of itself, in the list and in each of its rows."""
        return {
            "reportId": self.number, "dateFrom": self.first.isoformat(), "dateTo": self.last.isoformat(),
            "createDate": (self.last + timedelta(days=1)).isoformat(), "currency": "RUB", "reportType": self.kind,
        }  # fmt: skip


def detailed(view: View, request: Request) -> Answer:
    """POST /api/finance/v1/sales-reports/detailed: rows behind `rrdId`, and no content behind the last one."""
    asked = _asked(view, request, most=MOST_ROWS, after="rrdId")
    days = _days_made(view, asked, FIRST_DAY)
    if not days:
        return Answer(204, b"")
    charges = charges_of(view, days)
    rows = _rows(view, asked, charges.at(np.flatnonzero(charges.number > asked.after)[: asked.limit]))
    if asked.fields is not None:
        rows = [{name: row[name] for name in asked.fields if name in row} for row in rows]
    return json_answer(rows) if rows else Answer(204, b"")


def report_list(view: View, request: Request) -> Answer:
    """POST /api/finance/v1/sales-reports/list: the reports that lie in these days, with their sums."""
    asked = _asked(view, request, most=MOST_REPORTS, after="offset")
    days = [
        day for day in _days_made(view, asked, FIRST_LISTED)
        if max(asked.first, FIRST_LISTED) <= _report(day, weekly=asked.weekly).first
        and _report(day, weekly=asked.weekly).last <= asked.last
    ]  # fmt: skip
    told = _listed(view, days, weekly=asked.weekly) if days else []
    told = told[asked.after : asked.after + asked.limit]
    return json_answer(told) if told else Answer(204, b"")


def _listed(view: View, days: list[date], *, weekly: bool) -> list[Body]:
    charges = charges_of(view, days)
    columns, second = money_of(view, charges), charges.second(view.units)
    sign = np.where(charges.kind == RETURN, -1, 1)
    of_day = np.array(_moscow_days(charges.when_us), dtype=np.int64)
    told = []
    for report in sorted({_report(day, weekly=weekly, kind=kind) for day in days for kind in (1, 2)}, key=_place):
        chosen = (of_day >= report.first.toordinal()) & (of_day <= report.last.toordinal())
        chosen &= second == (report.kind == 2)
        if not chosen.any():
            continue
        sums = {name: int((columns[column] * sign)[chosen].sum()) for name, column, _ in _SUMS}
        paid = sum(counts * sums[name] for name, _, counts in _SUMS)
        told.append({
            **report.head(), "sellerFinanceName": "ООО «Дом и Уют»", "avgSalePercent": 0,
            **{name: _text(kopecks) for name, kopecks in sums.items()}, "bankPaymentSum": _text(paid),
        })  # fmt: skip
    return told


def _place(report: _Report) -> tuple[date, int]:
    return report.first, report.number


def _days_made(view: View, asked: _Asked, since: date) -> list[date]:
    """The days asked for whose reports are made."""
    return [
        day for ordinal in range(max(asked.first, since).toordinal(), asked.last.toordinal() + 1)
        if _made(view, _report(day := date.fromordinal(ordinal), weekly=asked.weekly))
    ]  # fmt: skip


def _asked(view: View, request: Request, *, most: int, after: str) -> _Asked:
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
    limit = integer(body.get("limit", most), low=1, high=most)
    begin = integer(body.get(after, 0), low=0, high=_LARGEST)
    period, fields = body.get("period", "weekly"), body.get("fields")
    if limit is None or begin is None or period not in {"weekly", "daily"}:
        raise _refused(view, request, f"limit (1..{most}), {after} (0..), period (weekly, daily)")
    if fields is not None and not (isinstance(fields, list) and all(isinstance(name, str) for name in fields)):
        raise _refused(view, request, "fields must be a list of names")
    if days[1] < days[0]:
        raise _refused(view, request, "dateTo should be greater dateFrom")
    last = min(days[1], moscow_day(view.now_us))
    return _Asked(days[0], last, period == "weekly", limit, begin, fields or None)


def _refused(view: View, request: Request, why: str) -> RefusedError:
    title = "GetReportDetailByPeriodNB decode error"
    body = {
        "status": 400, "title": title, "detail": f"{title}: {why}", "requestId": request_id(request, view.now_us),
        "origin": "open-api-finreports",
    }  # fmt: skip
    return RefusedError(json_answer(body, 400, content_type=PROBLEM))


def _report(day: date, *, weekly: bool, kind: int = 1) -> _Report:
    """The report that a day belongs to: weeks begin on Mondays; the second kind is of goods bought out."""
    if not weekly:
        return _Report(500_000_000 + day.toordinal() * 2 + kind - 1, day, day, kind)
    monday = day - timedelta(days=day.weekday())
    return _Report(300_000_000 + monday.toordinal() * 2 + kind - 1, monday, monday + timedelta(days=6), kind)


def _made(view: View, report: _Report) -> bool:
    """Reports are made at noon, Moscow time, of the day behind their last one."""
    return view.now_us >= moscow_midnight_us(report.last) + DAY_US + _MADE_AT_US


def _rows(view: View, asked: _Asked, charges: Charges) -> list[Body]:
    starts = functools.cache(lambda day, what, kind: _start(day, what, weekly=asked.weekly, kind=kind))
    of_unit = charges.at(np.flatnonzero(charges.which >= 0))
    goods, terms = _goods(view, of_unit.which, of_unit.when_us), _terms(view, of_unit)
    money = {name: column.tolist() for name, column in money_of(view, charges).items()}
    columns = (charges.which, charges.kind, charges.second(view.units), charges.number)
    rows = []
    for place, (which, what, second, rrd_id, day) in enumerate(
        zip(*(column.tolist() for column in columns), _moscow_days(charges.when_us), strict=True)
    ):
        row = {**starts(date.fromordinal(day), what, 2 if second else 1), "rrdId": rrd_id}
        if which >= 0:
            row |= next(goods) | next(terms)
        row |= {name: _text(money[name][place]) for name in COLUMNS[what]}
        rows.append(row)
    return rows


def _moscow_days(when_us: Ints) -> list[int]:
    """Moscow days of many instants, as ordinals."""
    days: list[int] = ((when_us + 3 * 3600 * SECOND_US) // DAY_US + date(1970, 1, 1).toordinal()).tolist()
    return days


def _terms(view: View, charges: Charges) -> Iterator[Body]:
    """What each row of a unit says beside its sums: of a sale its terms; of what Wildberries settles with its own
    reward both."""
    costs, percent = deals(view.shop, view.units, charges.which), COMMISSION_PERMILLE / 10
    columns = (
        charges.kind, costs.full, costs.price, costs.discount_percent, costs.spp_percent,
        lots(view.units, charges.which, 8),
    )  # fmt: skip
    for what, full, price, discount, spp, lot in zip(*(column.tolist() for column in columns), strict=True):
        if what in (SALE, RETURN):
            yield {
                "quantity": 1, "retailPrice": _text(full), "retailPriceWithDisc": _text(price),
                "salePercent": discount, "productDiscountForReport": discount, "spp": spp,
                "commissionPercent": percent, "kvwBase": percent, "kvw": percent,
                "acquiringPercent": ACQUIRING_PERMILLE / 10,
                "paymentProcessing": "Комиссия за организацию платежа с НДС",
            }  # fmt: skip
        elif what in (CARRIAGE, PICKUP):
            # The same amount is taken off Wildberries' own reward, so it is no part of what is paid out.
            kopecks = 900 + lot
            without_vat = kopecks * 5 // 6
            # Tenths of a kopeck, as in the official example.
            cost = {"rebillLogisticCost": f"{_text(kopecks // 100 * 100)}.{kopecks % 100:02d}{lot % 9 + 1}"}
            paid = cost if what == CARRIAGE else {"ppvzReward": _text(kopecks)}
            yield {**paid, "vw": _text(-without_vat), "vwNds": _text(without_vat - kopecks)}
        else:
            yield {"deliveryAmount": 1} if what == DELIVERY else {}


def _start(day: date, what: int, *, weekly: bool, kind: int) -> Body:
    """What all rows of a kind say on one day."""
    doc_type, operation, bonus = WORDS[what]
    return {
        **_BLANK, **_report(day, weekly=weekly, kind=kind).head(), "rrDate": day.isoformat(), "docTypeName": doc_type,
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
    sign, (whole, rest) = "-" if kopecks < 0 else "", divmod(abs(kopecks), 100)
    return f"{sign}{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else f"{sign}{whole}"
