"""What Wildberries pays and charges, event by event: the rows of the sales reports and the reports' own sums are both
made of it, each in its own way."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import DAY_US, SECOND_US, moscow_midnight_us
from micore.simulator.wildberries.money import ACQUIRING_PERMILLE, deals
from micore.simulator.wildberries.storage import stored
from micore.simulator.wildberries.units import NEVER_US, Units
from micore.simulator.wildberries.view import View

Ints = NDArray[np.int64]
Money = dict[str, Ints]

SALE, RETURN, DELIVERY, STORAGE, CARRIAGE, PICKUP, PENALTY, ADDITION, LOYALTY, ADVERTS, ACCEPTANCE, SCHEDULE = range(12)
WORDS = {
    SALE: ("Продажа", "Продажа", ""),
    RETURN: ("Возврат", "Возврат", ""),
    DELIVERY: ("Продажа", "Логистика", "К клиенту при продаже"),
    STORAGE: ("", "Хранение", ""),
    CARRIAGE: ("Продажа", "Возмещение издержек по перевозке/по складским операциям с товаром", ""),
    PICKUP: ("Продажа", "Возмещение за выдачу и возврат товаров на ПВЗ", ""),
    PENALTY: ("", "Штраф", "Занижение фактических габаритов упаковки товара"),
    ADDITION: ("", "Корректировка вознаграждения", "Корректировка ВВ"),
    LOYALTY: ("Продажа", "Компенсация скидки по программе лояльности", ""),
    ADVERTS: ("", "Удержание", "Оказание услуг «WB Продвижение», документ №140000001"),
    ACCEPTANCE: ("", "Операции на приемке", ""),
    SCHEDULE: ("", "Разовое изменение срока перечисления денежных средств", ""),
}
"""Kind of document, operation, explanation."""
COLUMNS = {
    SALE: ("retailAmount", "forPay", "acquiringFee"),
    RETURN: ("retailAmount", "forPay", "acquiringFee"),
    DELIVERY: ("deliveryService",),
    STORAGE: ("paidStorage",),
    CARRIAGE: (),
    PICKUP: (),
    PENALTY: ("penalty",),
    ADDITION: ("additionalPayment",),
    LOYALTY: ("forPay", "cashbackAmount", "cashbackDiscount", "cashbackCommissionChange"),
    ADVERTS: ("deduction",),
    ACCEPTANCE: ("paidAcceptance",),
    SCHEDULE: ("paymentSchedule",),
}
"""The columns of money that each kind of row fills."""

_ID_EPOCH_SECONDS = 1_577_836_800
_IDS_A_SECOND = 40_000
_MARKS = 2400
_LOTS = 4096
_HOUR_US = 3600 * SECOND_US
_OF_UNITS = ((CARRIAGE, 2, 1024), (PICKUP, 3, 1024), (PENALTY, 4, 20), (ADDITION, 5, 24), (LOYALTY, 6, 80))
"""Kind, hours after the unit was bought, and how many of 4,096 units have it."""
_OF_DAYS = ((ADVERTS, 3), (ACCEPTANCE, 5), (SCHEDULE, 20))
"""Kind, and on one of how many days it comes."""


@dataclass(frozen=True)
class Charges:
    """Columns with one entry per event, in the order of its number (rrdId); `which` is -1 where it is of no unit."""

    which: Ints
    kind: Ints
    when_us: Ints
    amount: Ints
    """Kopecks of what is of no unit, else 0."""
    number: Ints

    def at(self, chosen: Ints) -> Charges:
        """Those at these positions."""
        columns = (self.which, self.kind, self.when_us, self.amount, self.number)
        return Charges(*(column[chosen] for column in columns))

    def second(self, units: Units) -> NDArray[np.bool_]:
        """Whether each stands in the second report of its week, that of goods bought out."""
        return np.asarray((self.which >= 0) & (lots(units, self.which, 99) < _LOTS // 16))


def lots(units: Units, which: Ints, salt: int) -> Ints:
    """A number from 0 to 4,095 for each unit, another one for each salt."""
    words = units.number[np.maximum(which, 0)] ^ np.uint64(salt * 0xBF58476D1CE4E5B9 % 2**64)
    return ((words * np.uint64(0x94D049BB133111EB)) >> np.uint64(52)).astype(np.int64)


def charges_of(view: View, days: list[date]) -> Charges:
    """Everything that these days, which follow one another, are paid and charged for."""
    units = view.units
    since, end = moscow_midnight_us(days[0]), moscow_midnight_us(days[-1]) + DAY_US
    which = units.created_between(since - 150 * DAY_US, end)
    bought = np.where(units.cancelled[which], NEVER_US, units.final_us[which])
    moments = [(SALE, bought), (RETURN, units.returned_us[which]), (DELIVERY, bought + _HOUR_US)]
    for kind, hours, share in _OF_UNITS:
        moments.append((kind, np.where(lots(units, which, kind) < share, bought + hours * _HOUR_US, NEVER_US)))
    parts = []
    for kind, when in moments:
        keep = (when >= since) & (when < end)
        parts.append((which[keep], np.full(int(keep.sum()), kind), when[keep]))
    told = [(kind, moscow_midnight_us(day) + DAY_US - SECOND_US, kopecks)
            for day in days for kind, kopecks in _of_day(view, day)]  # fmt: skip
    by_day = np.array(told, dtype=np.int64).reshape(-1, 3)
    parts.append((np.full(len(by_day), -1), by_day[:, 0], by_day[:, 1]))
    which, kinds, when = (np.concatenate([part[column] for part in parts]).astype(np.int64) for column in range(3))
    amount = np.concatenate([np.zeros(len(which) - len(by_day), dtype=np.int64), by_day[:, 2]])
    mark = np.full(len(which), _MARKS, dtype=np.int64)
    mark[which >= 0] = (units.number[which[which >= 0]] % np.uint64(_MARKS)).astype(np.int64)
    number = (when // SECOND_US - _ID_EPOCH_SECONDS) * _IDS_A_SECOND + mark * 16 + kinds
    return Charges(which, kinds, when, amount, number).at(np.argsort(number, kind="stable"))


def _of_day(view: View, day: date) -> Iterator[tuple[int, int]]:
    """(kind, kopecks) of what is charged for a day as a whole; nothing before the shop has goods there."""
    storage = (int(stored(view, day).charge.sum()) + 50) // 100
    if not storage:
        return
    yield STORAGE, storage
    for kind, every in _OF_DAYS:
        drawn = random.Random(f"{view.shop.seed} {day} {kind}")
        if drawn.randrange(every) == 0:
            yield kind, _of_lot(kind, drawn.randrange(_LOTS))


def _of_lot(kind: int, lot: int) -> int:
    if kind == ADVERTS:
        # Now and then something is given back.
        return 100_000 + lot * 90 if lot % 10 else -lot * 5 - 100
    return 8_650 + lot * 20 if kind == ACCEPTANCE else -(1_000 + lot * 3)


def money_of(view: View, charges: Charges) -> Money:
    """Kopecks of each event by the column of the report that tells them, without the sign of the document."""
    found = {name: np.zeros(len(charges.kind), dtype=np.int64) for names in COLUMNS.values() for name in names}
    of_unit = np.flatnonzero(charges.which >= 0)
    which = charges.which[of_unit]
    costs = deals(view.shop, view.units, which)
    litres = functools.cache(lambda k: 4600 + round(1400 * max(view.card(k).litres - 1, 0)))
    delivery = np.array([litres(k) for k in view.units.k[which].tolist()], dtype=np.int64)
    loyal = costs.price * 3 // 100
    lot = lots(view.units, which, 7)
    _fill(found, charges.kind, of_unit, (SALE, RETURN), retailAmount=costs.paid, forPay=costs.passed_on,
          acquiringFee=costs.price * ACQUIRING_PERMILLE // 1000)  # fmt: skip
    _fill(found, charges.kind, of_unit, (DELIVERY,), deliveryService=delivery)
    _fill(found, charges.kind, of_unit, (PENALTY,), penalty=5_000 + lot * 10)
    _fill(found, charges.kind, of_unit, (ADDITION,), additionalPayment=(700 + lot) * np.where(lot % 3 == 0, -1, 1))
    _fill(found, charges.kind, of_unit, (LOYALTY,), forPay=loyal, cashbackDiscount=loyal, cashbackAmount=loyal // 2 + 1,
          cashbackCommissionChange=loyal // 100 + 1)  # fmt: skip
    for kind in (STORAGE, *(kind for kind, _ in _OF_DAYS)):
        chosen = charges.kind == kind
        found[COLUMNS[kind][0]][chosen] = charges.amount[chosen]
    return found


def _fill(money: Money, kinds: Ints, places: Ints, of: tuple[int, ...], **columns: Ints) -> None:
    chosen = np.isin(kinds[places], of)
    for name, values in columns.items():
        money[name][places[chosen]] = values[chosen]
