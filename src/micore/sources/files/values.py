"""Numbers, dates and words as people write them; what can be read in two ways is refused, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from micore.domain.checks import MOST_MONEY, MOST_PIECES
from micore.domain.instants import micros
from micore.domain.records import OrderState, ReturnState, SupplyState
from micore.domain.units import TEN_THOUSANDTHS, milli, ten_thousandths
from micore.errors import RecordRejectedError

WordT = TypeVar("WordT")

_SIGNS = re.compile(r"[\s\u00a0\u202f'’]|₽|руб\.?|шт\.?|rub|pcs", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{2}|\d{4})")
_WORDS = re.compile(r"(\d{1,2})\.?\s+([^\W\d]{3,})\.?\s+(\d{4})(?:\s*г\.?)?")
_STARTS = "jan feb mar apr may jun jul aug sep oct nov dec янв фев мар апр мая июн июл авг сен окт ноя дек"
_MONTHS = {start: 1 + number % 12 for number, start in enumerate(_STARTS.split())} | {"май": 5}
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2}", re.IGNORECASE)
_YES = {"1", "yes", "true", "y", "да", "истина", "+"}
_NO = {"", "0", "no", "false", "n", "нет", "ложь", "-"}

ORDER_STATES = {
    OrderState.ORDERED: "ordered new created новый оформлен принят создан",
    OrderState.SHIPPED: "shipped sent отправлен отгружен",
    OrderState.DELIVERED: "delivered done completed доставлен выполнен выкуплен",
    OrderState.CANCELLED: "cancelled canceled отменен отмена",
    OrderState.RETURNED: "returned возвращен возврат",
}
RETURN_STATES = {
    ReturnState.ON_THE_WAY: "on_the_way в_пути",
    ReturnState.READY: "ready готов",
    ReturnState.BACK: "back done получен вернулся принят",
    ReturnState.WRITTEN_OFF: "written_off списан утилизирован",
}
SUPPLY_STATES = {
    SupplyState.PLANNED: "planned новая план запланирована",
    SupplyState.ON_THE_WAY: "on_the_way shipped в_пути отправлена",
    SupplyState.ACCEPTING: "accepting приемка",
    SupplyState.DONE: "done accepted принята завершена",
    SupplyState.CANCELLED: "cancelled canceled отменена",
}


def number(text: str, field: str) -> Decimal | None:
    """A number with a decimal point or comma; None for an empty cell. Refuses "1,234": which of the two is it?"""
    bare = _SIGNS.sub("", text)
    if not bare:
        return None
    if "," in bare and "." in bare:
        groups, decimals = (",", ".") if bare.rindex(".") > bare.rindex(",") else (".", ",")
        bare = bare.replace(groups, "").replace(decimals, ".")
    elif _GROUPED.fullmatch(bare):
        raise RecordRejectedError(reason=field, received=repr(text), allowed="1234 or 1.234, this can be either")
    else:
        bare = bare.replace(",", ".")
    try:
        value = Decimal(bare)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or "e" in bare.casefold() or "_" in bare:
        raise RecordRejectedError(reason=field, received=repr(text), allowed="a number such as 12 or 12,5")
    return value


def quantity(text: str, field: str) -> int | None:
    """Thousandths of a piece, none below zero; None for an empty cell."""
    value = number(text, field)
    if value is not None and not 0 <= value <= MOST_PIECES:
        raise RecordRejectedError(reason=field, received=repr(text), allowed=f"0 to {MOST_PIECES}")
    return None if value is None else milli(value)


def money(text: str, field: str) -> int | None:
    """Ten-thousandths of the currency unit; None for an empty cell."""
    value = number(text, field)
    if value is not None and abs(value) > MOST_MONEY // TEN_THOUSANDTHS:
        most = MOST_MONEY // TEN_THOUSANDTHS
        raise RecordRejectedError(reason=field, received=repr(text), allowed=f"-{most} to {most}")
    return None if value is None else ten_thousandths(value)


def price(text: str) -> int | None:
    """Money that is asked for; 0 and empty mean that no price is set."""
    value = money(text, "price")
    if value is not None and value < 0:
        raise RecordRejectedError(reason="price", received=repr(text), allowed="0 or more")
    return value or None


def needed(value: int | None, field: str) -> int:
    """A value that must be there."""
    if value is None:
        raise RecordRejectedError(reason=field, received="nothing", allowed="a number")
    return value


def ident(text: str, field: str) -> str:
    """A name or number that things are known by."""
    if not text or "\ufffd" in text or "\n" in text or "\r" in text or len(text) > 200:
        raise RecordRejectedError(reason=field, received=repr(text), allowed="1 to 200 letters or digits in one line")
    return whole(text, field)


def whole(text: str, field: str) -> str:
    """A code with all of its digits; refuses 4,6E+12, which is what a spreadsheet makes of a barcode."""
    if _ROUNDED.fullmatch(text):
        raise RecordRejectedError(reason=field, received=repr(text), allowed="all digits; format the column as text")
    return text


def moment(text: str, zone: tzinfo, field: str) -> datetime:
    """An instant; a time without a zone is the zone's, a day alone is its midnight."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        day, _, clock = _split(text)
        try:
            found = datetime.combine(_day(day), time.fromisoformat(clock) if clock else time())
        except ValueError:
            raise RecordRejectedError(reason=field, received=repr(text), allowed="23.11.2026 or 2026-11-23") from None
    if not 1980 <= found.year < 2100:
        raise RecordRejectedError(reason=field, received=repr(text), allowed="a year from 1980 to 2099")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def instant(text: str, zone: tzinfo, field: str) -> int:
    """As `moment`, in microseconds."""
    return micros(moment(text, zone, field))


def iso_day(text: str, zone: tzinfo, field: str) -> str:
    """A day of the zone's calendar."""
    return moment(text, zone, field).astimezone(zone).date().isoformat()


def yes(text: str) -> bool:
    """Yes or no in a cell."""
    word = text.casefold()
    if word not in _YES | _NO:
        raise RecordRejectedError(reason="archived", received=repr(text), allowed="yes, no, да or нет")
    return word in _YES


def word(text: str, words: Mapping[WordT, str], default: WordT, field: str) -> WordT:
    """Which of some words a cell says; `default` for an empty cell."""
    said = "_".join(text.casefold().replace("ё", "е").split())
    if not said:
        return default
    for meaning, known in words.items():
        if said in known.split():
            return meaning
    allowed = ", ".join(known.split()[0] for known in words.values())
    raise RecordRejectedError(reason=field, received=repr(text), allowed=allowed)


def _split(text: str) -> tuple[str, str, str]:
    """A day and a time of day."""
    found = re.fullmatch(r"(.+?)[ T,]+(\d{1,2}:\d{2}(?::\d{2})?)", text.strip())
    if found is None:
        return text.strip(), "", ""
    return found[1], " ", found[2].rjust(len(found[2]) + (found[2].index(":") == 1), "0")


def _day(text: str) -> date:
    """A day as people write it; raises ValueError, also for 03/04/2026, which is two days."""
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] == "/" and day <= 12 and month <= 12 and day != month:
            raise ValueError
        if found[2] == "/" and month > 12:
            day, month = month, day
        return date(year + 2000 if year < 100 else year, month, day)
    if found := _WORDS.fullmatch(text):
        return date(int(found[3]), _MONTHS.get(found[2].casefold()[:3], 0), int(found[1]))
    return date.fromisoformat(text.replace("/", "-").replace(".", "-"))
