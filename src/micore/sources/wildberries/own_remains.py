"""What lies in Wildberries' own warehouses by its report of remains, apart from the report that the stock stream reads.

It has to be ordered, waited for and fetched, and names barcodes, not sizes. Its rows of warehouses stand beside rows of
what is on its way and of the total; which warehouses there are Wildberries hides elsewhere, so the total is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from micore.domain.units import MILLI
from micore.errors import MicoreError, OutcomeUnknownError, SourceGoneError, SourceProtocolError
from micore.sources.cursors import to_text
from micore.sources.fields import Count
from micore.sources.http import NUMBER
from micore.sources.own_figures import Note, OwnStock
from micore.sources.wildberries.answers import Struct
from micore.sources.wildberries.api import NAME, REMAINS_FILE_PATH, REMAINS_PATH, Category, WildberriesApi
from micore.sources.wildberries.reports import NO_ROWS, is_made, let_settle, task_of

SCHEME = "FBW"
TOTAL = "Всего находится на складах"
ON_THE_WAY = ("В пути до получателей", "В пути возвраты на склад WB")
GROUPS = {"groupByNm": "true", "groupByBarcode": "true", "groupBySize": "true"}
OLDEST = timedelta(minutes=45)
"""A report takes 5 to 30 minutes. So long it is waited for, and gone on with by a comparison that gave way; an
older one tells of another stock."""


class _Held(Struct):
    warehouse_name: str
    quantity: Count


class _Row(Struct):
    barcode: str
    nm_id: int | None = None
    warehouses: list[_Held] = msgspec.field(default_factory=list)


_ROWS = msgspec.json.Decoder(list[_Row])


class _Ordered(Struct):
    """The report that stands ordered, as it is noted."""

    at: datetime
    """When it was asked for, by our clock."""
    number: str = ""
    """Empty: nobody knows it, because the answer to the order is not there (yet)."""


_ORDERED = msgspec.json.Decoder(_Ordered)


def own_remains(api: WildberriesApi, note: Note) -> Sequence[OwnStock]:
    """Each size's stock over all of Wildberries' warehouses. Raises as `Source.read`."""
    number = _number(api, note)
    path = REMAINS_FILE_PATH.replace(NUMBER, number)
    try:
        rows = api.get(Category.ANALYTICS, path, {}, _ROWS.decode, no_content=NO_ROWS).value
    except SourceGoneError as error:
        note.write("")
        raise SourceProtocolError(NAME, path=REMAINS_PATH, problem="the report has expired; compare again") from error
    except SourceProtocolError:
        # The same file would say the same again.
        note.write("")
        raise
    note.write("")
    return [OwnStock(SCHEME, _sku(api, row), _held(row) * MILLI) for row in rows]


def _number(api: WildberriesApi, note: Note) -> str:
    """The id of a report that is made: of the one that stands ordered, or else of a new one."""
    before = _standing(note.read(), api.tools.now())
    if before is not None and before.number:
        left = (OLDEST - (api.tools.now() - before.at)).total_seconds()
        if is_made(api, REMAINS_PATH, before.number, ordered_now=False, longest_seconds=left):
            return before.number
    elif before is not None:
        let_settle(api, REMAINS_PATH, before.at)
    number = _order(api, note)
    if not is_made(api, REMAINS_PATH, number, ordered_now=True, longest_seconds=OLDEST.total_seconds()):
        note.write("")
        raise SourceProtocolError(
            NAME, path=REMAINS_PATH, problem="the report that was ordered was never made; compare again"
        )
    return number


def _standing(text: str, now: datetime) -> _Ordered | None:
    """What stands ordered; None for what cannot be read, is too old, or is of a clock that was set back since."""
    try:
        ordered = _ORDERED.decode(text)
    except msgspec.DecodeError:
        return None
    return ordered if timedelta() <= now - ordered.at <= OLDEST else None


def _order(api: WildberriesApi, note: Note) -> str:
    """That an order goes out is noted before it does."""
    asked = _Ordered(api.tools.now())
    note.write(to_text(asked))
    try:
        number = api.get(Category.ANALYTICS, REMAINS_PATH, GROUPS, task_of, once=True).value
    except OutcomeUnknownError:
        raise
    except MicoreError:
        # It surely was not taken.
        note.write("")
        raise
    note.write(to_text(_Ordered(asked.at, number)))
    return number


def _sku(api: WildberriesApi, row: _Row) -> str:
    """The size; what the catalogue does not know keeps its barcode as a name, so that it is seen to be missing."""
    found = api.tools.sku_of_barcode(row.barcode.strip(), str(row.nm_id) if row.nm_id else "")
    return found or f"barcode {row.barcode.strip()}"


def _held(row: _Row) -> int:
    told = {each.warehouse_name.strip(): each.quantity for each in row.warehouses}
    if TOTAL in told:
        return told[TOTAL]
    return sum(each.quantity for each in row.warehouses if each.warehouse_name.strip() not in ON_THE_WAY)
