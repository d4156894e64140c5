"""Single fields of answers: tolerant where the real APIs are, strict where a wrong number could come of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, TypeAlias

import msgspec

from micore.domain.checks import MOST_MONEY, MOST_PIECES, check_instant
from micore.domain.instants import micros
from micore.domain.records import SkuHint
from micore.domain.units import TEN_THOUSANDTHS, ten_thousandths
from micore.errors import RecordRejectedError
from micore.sources.reading import read_at

Id: TypeAlias = int | str
"""Documented as a number, often sent as text."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST_PIECES)]
"""Pieces; marketplaces count whole ones."""

Amount: TypeAlias = str | int | float
"""Money: text in some methods, a number in others."""

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with a zone."""

NO_YEAR = 1971
"""Go's zero time is the year 1; marketplaces send it for "never"."""


LONGEST_ID = 19
"""Digits of the largest number of 64 bits."""

_CURRENCY = re.compile(r"[A-Z]{3}")


@lru_cache(maxsize=65_536)
def ident(value: Id | None) -> str:
    """An id as text; refuses what is no number above zero: null, 0, empty text, words."""
    text = str(value).strip() if value is not None else ""
    if not (text.isascii() and text.isdigit() and text.strip("0") and len(text) <= LONGEST_ID):
        raise RecordRejectedError(reason="id", received=repr(value), allowed="a number above zero, of 64 bits")
    return text


def optional_ident(value: Id | None) -> str | None:
    """An id as text, None where it names nothing."""
    return None if value in (None, 0, "", "0") else ident(value)


@lru_cache(maxsize=16_384)
def money(amount: Amount | None) -> int | None:
    """Ten-thousandths; None and empty text are not told. Refuses NaN, text that is no number, too many decimals, and
    more than anything costs."""
    if amount is None or amount == "":
        return None
    value = ten_thousandths(amount)
    if abs(value) > MOST_MONEY:
        most = MOST_MONEY // TEN_THOUSANDTHS
        raise RecordRejectedError(reason="money", received=str(amount), allowed=f"at most {most}")
    return value


def price(amount: Amount | None) -> int | None:
    """Money that is asked for a thing: 0 means that no price is set. Refuses a negative one."""
    value = money(amount)
    if value is not None and value < 0:
        raise RecordRejectedError(reason="price", received=str(amount), allowed="0 or more")
    return value or None


def moment(value: datetime | None, *, field: str) -> int:
    """Microseconds of an instant that must be there, and behind us while an answer is read."""
    if value is None or value.year < NO_YEAR:
        raise RecordRejectedError(reason=field, received=str(value), allowed="an instant after 1970")
    told, now = micros(value), read_at()
    if now is not None:
        check_instant(field, told, now)
    return told


def optional_moment(text: str | None) -> int | None:
    """Microseconds of an instant given as text; None for null, empty text and the year 1."""
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise RecordRejectedError(reason="instant", received=text, allowed="RFC 3339") from None
    return None if value.year < NO_YEAR else micros(value if value.tzinfo else value.replace(tzinfo=UTC))


@lru_cache(maxsize=1024)
def currency_code(text: str | None) -> str | None:
    """An ISO 4217 code in capitals; None where none is given. Refuses what is no such code."""
    code = text.strip().upper() if text else ""
    if code and not _CURRENCY.fullmatch(code):
        raise RecordRejectedError(reason="currency", received=repr(text), allowed="a code of ISO 4217 such as RUB")
    return code or None


def hint(sku: Id, offer_id: str | None, name: str | None) -> SkuHint:
    """What a row tells of its sku."""
    return SkuHint(ident(sku), offer_id or "", name or "")
