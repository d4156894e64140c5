"""What lies in Wildberries' own warehouses by its report of remains, apart from the report that the stock stream reads.

It has to be ordered, waited for and fetched, and names barcodes, not sizes. Its rows of warehouses stand beside rows of
what is on its way and of the total; which warehouses there are Wildberries hides elsewhere, so the total is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from micore.domain.units import MILLI
from micore.errors import SourceGoneError, SourceProtocolError
from micore.sources.fields import Count
from micore.sources.http import NUMBER
from micore.sources.own_figures import OwnStock
from micore.sources.wildberries.answers import Struct
from micore.sources.wildberries.api import NAME, REMAINS_FILE_PATH, REMAINS_PATH, Category, WildberriesApi
from micore.sources.wildberries.reports import NO_ROWS, is_made, task_of

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


@dataclass(slots=True)
class _Ordered:
    """The report that stands ordered; kept while this process lives, so that it is not ordered twice."""

    number: str | None = None
    at: datetime | None = None


def own_remains(api: WildberriesApi) -> Sequence[OwnStock]:
    """Each size's stock over all of Wildberries' warehouses. Raises as `Source.read`."""
    ordered: _Ordered = api.tools.keep("report of remains", _Ordered)
    now = api.tools.now()
    age = timedelta() if ordered.at is None else now - ordered.at
    known = ordered.number if timedelta() <= age <= OLDEST else None
    left = (OLDEST - age).total_seconds()
    if known is None or not is_made(api, REMAINS_PATH, known, ordered_now=False, longest_seconds=left):
        ordered.number = api.get(Category.ANALYTICS, REMAINS_PATH, GROUPS, task_of, once=True).value
        ordered.at = now
        longest = OLDEST.total_seconds()
        if not is_made(api, REMAINS_PATH, ordered.number, ordered_now=True, longest_seconds=longest):
            problem = "the report that was ordered was never made; compare again"
            ordered.number = ordered.at = None
            raise SourceProtocolError(NAME, path=REMAINS_PATH, problem=problem)
    number, ordered.number, ordered.at = ordered.number, None, None
    path = REMAINS_FILE_PATH.replace(NUMBER, number or "")
    try:
        rows = api.get(Category.ANALYTICS, path, {}, _ROWS.decode, no_content=NO_ROWS).value
    except SourceGoneError as error:
        raise SourceProtocolError(NAME, path=REMAINS_PATH, problem="the report has expired; compare again") from error
    return [OwnStock(SCHEME, _sku(api, row), _held(row) * MILLI) for row in rows]


def _sku(api: WildberriesApi, row: _Row) -> str:
    """The size; what the catalogue does not know keeps its barcode as a name, so that it is seen to be missing."""
    found = api.tools.sku_of_barcode(row.barcode.strip(), str(row.nm_id) if row.nm_id else "")
    return found or f"barcode {row.barcode.strip()}"


def _held(row: _Row) -> int:
    told = {each.warehouse_name.strip(): each.quantity for each in row.warehouses}
    if TOTAL in told:
        return told[TOTAL]
    return sum(each.quantity for each in row.warehouses if each.warehouse_name.strip() not in ON_THE_WAY)
