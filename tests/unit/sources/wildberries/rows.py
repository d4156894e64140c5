"""Good rows of each kind, to be changed by a test."""

from __future__ import annotations

from typing import Any

from tests.unit.sources.wildberries.fake_wildberries import Row


def size(chrt_id: int, **changes: Any) -> Row:
    return {"chrtID": chrt_id, "techSize": "0", "wbSize": "", "skus": [f"20430{chrt_id}"]} | changes


def card(number: int, **changes: Any) -> Row:
    return {
        "nmID": 500_000 + number,
        "imtID": 70_000 + number,
        "vendorCode": f"MUG-{number:02}",
        "title": "Кружка",
        "subjectName": "Кружки",
        "dimensions": {"length": 12, "width": 9, "height": 10, "weightBrutto": 0.4, "isValid": True},
        "sizes": [size(700_000 + number)],
        "createdAt": "2026-02-01T10:00:00.123456Z",
        "updatedAt": f"2026-11-01T08:00:00.{number:06}Z",
    } | changes


def trashed(number: int, **changes: Any) -> Row:
    row = card(number, trashedAt=f"2026-11-02T08:00:00.{number:06}Z") | changes
    return {name: value for name, value in row.items() if name not in ("title", "imtID", "updatedAt")}


def priced(number: int, *discounted: float | None, **changes: Any) -> Row:
    prices = discounted or (700,)
    return {
        "nmID": 500_000 + number,
        "vendorCode": f"MUG-{number:02}",
        "sizes": [
            {"sizeID": 700_000 + number, "price": 1000, "discountedPrice": each, "clubDiscountedPrice": 650}
            for each in prices
        ],
        "currencyIsoCode4217": "RUB",
        "discount": 30,
    } | changes


def warehouse(number: int, name: str, delivery: int | None = 1) -> Row:
    return {
        "id": number,
        "name": name,
        "officeId": 15,
        "cargoType": 1,
        "deliveryType": delivery,
        "isDeleting": False,
        "isProcessing": False,
    }


def pooled(number: int, **changes: Any) -> Row:
    return {
        "nmId": 500_000 + number,
        "chrtId": 700_000 + number,
        "warehouseId": -999999,
        "warehouseName": "Склад WB",
        "regionName": "Склад WB",
        "quantity": 43,
        "inWayToClient": 14,
        "inWayFromClient": 11,
    } | changes


def sellers(number: int, warehouse_id: int = 9, **changes: Any) -> Row:
    return {
        "nmId": 500_000 + number,
        "chrtId": 700_000 + number,
        "warehouseId": warehouse_id,
        "warehouseName": "Мой склад",
        "regionName": "Свой склад",
        "quantity": 12,
    } | changes


def order(number: int, **changes: Any) -> Row:
    return {
        "date": "2026-11-20T18:08:31",
        "lastChangeDate": f"2026-11-21T10:{number // 60:02}:{number % 60:02}",
        "warehouseName": "Склад WB РФ",
        "warehouseType": "Склад WB",
        "supplierArticle": "MUG-01",
        "nmId": 500_001,
        "barcode": "20430700001",
        "techSize": "0",
        "incomeID": 0,
        "totalPrice": 1000,
        "discountPercent": 30,
        "spp": 10,
        "finishedPrice": 630,
        "priceWithDisc": 700.5,
        "isCancel": False,
        "cancelDate": "0001-01-01T00:00:00",
        "srid": f"11.r{number:04}.0.0",
    } | changes


def sale(number: int, **changes: Any) -> Row:
    row = order(number) | {"saleID": f"S{number:010}", "forPay": 560.25, "paymentSaleAmount": 0} | changes
    return {name: value for name, value in row.items() if name not in ("isCancel", "cancelDate")}


def item_return(number: int, **changes: Any) -> Row:
    return {
        "sku": "20430700001",
        "nmId": 500_001,
        "srid": f"mp.{number:04}.r",
        "orderId": 2_034_240_826,
        "orderDt": "2026-11-10",
        "returnType": "Возврат товара продавца",
        "returnStatus": "В пути в пвз",
        "completedDt": None,
        "readyToReturnDt": None,
        "expiredDt": None,
        "shkId": 23_411_783_472,
        "kiz": None,
    } | changes


def supply(number: int, **changes: Any) -> Row:
    return {
        "supplyID": 31_000_000 + number,
        "preorderID": 34_000_000 + number,
        "createDate": "2026-11-01T16:58:26+03:00",
        "supplyDate": "2026-11-25T00:00:00+03:00",
        "factDate": None,
        "updatedDate": None,
        "statusID": 2,
        "boxTypeID": 2,
        "isBoxOnPallet": False,
    } | changes


def good(barcode: str = "20430700001", **changes: Any) -> Row:
    return {
        "barcode": barcode,
        "vendorCode": "MUG-01",
        "nmID": 500_001,
        "techSize": "0",
        "quantity": 30,
        "acceptedQuantity": 0,
        "readyForSaleQuantity": 0,
        "unloadingQuantity": 0,
        "supplierBoxAmount": None,
    } | changes


def report_row(number: int, **changes: Any) -> Row:
    return {
        "reportId": 1_234_567,
        "dateFrom": "2026-11-09",
        "dateTo": "2026-11-15",
        "currency": "RUB",
        "rrdId": 1_232_610_000 + number,
        "nmId": 500_001,
        "sku": "20430700001",
        "docTypeName": "Продажа",
        "quantity": 1,
        "retailAmount": "630",
        "officeName": "Склад WB",
        "sellerOperName": "Продажа",
        "orderDt": "2026-11-08T00:00:00Z",
        "saleDt": "2026-11-12T00:00:00Z",
        "rrDate": "2026-11-12",
        "retailPriceWithDisc": "700.5",
        "deliveryService": "0",
        "bonusTypeName": "",
        "forPay": "560.25",
        "acquiringFee": "10.5",
        "penalty": "0",
        "additionalPayment": "0",
        "rebillLogisticCost": "0",
        "paidStorage": "0",
        "deduction": "0",
        "paidAcceptance": "0",
        "cashbackAmount": "0",
        "cashbackCommissionChange": "0",
        "paymentSchedule": "0",
        "deliveryMethod": "FBW",
        "srid": f"11.r{number:04}.0.0",
    } | changes


def stored(number: int, **changes: Any) -> Row:
    return {
        "date": "2026-11-20",
        "officeId": 0,
        "warehouse": "Склад WB РФ",
        "giId": 0,
        "chrtId": 700_000 + number,
        "size": "0",
        "barcode": f"20430{700_000 + number}",
        "nmId": 500_000 + number,
        "volume": 1.5,
        "calcType": "короба: без габаритов",
        "warehousePrice": 7.65,
        "barcodesCount": 4,
        "palletCount": 0,
        "originalDate": "2026-11-20",
        "loyaltyDiscount": 0,
    } | changes


def looked_at(number: int, day: str = "2026-11-21", **changes: Any) -> Row:
    """A card's day in the sales funnel."""
    return {
        "product": {"nmId": 500_000 + number, "title": "Кружка", "vendorCode": f"MUG-{number:02}"},
        "statistic": {
            "selected": {
                "period": {"start": day, "end": day},
                "openCount": 120,
                "cartCount": 14,
                "orderCount": 5,
                "orderSum": 3500,
                "buyoutCount": 2,
                "cancelCount": 1,
                "addToWishlist": 3,
            }
            | changes
        },
    }
