"""Wildberries as a source: its options, its streams in their order, and who the key belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar

import msgspec

from micore.domain.reconcile_views import Untold
from micore.domain.retirements import Retirement
from micore.domain.statements import Statement
from micore.errors import NotFoundError
from micore.sources.base import AccountFacts, Option, Page, Reread, SourceTools, StoredRow, Stream, StreamKind
from micore.sources.keys import FirstSync, KeyFacts
from micore.sources.options import header_text, whole_number
from micore.sources.own_figures import Note, OwnOrders, OwnSale, OwnStock
from micore.sources.ranges import RangePlan
from micore.sources.rereading import reread_each
from micore.sources.wildberries import own_figures, own_statements, own_stock
from micore.sources.wildberries.answers import SellerInfo
from micore.sources.wildberries.api import (
    CURRENCY,
    NAME,
    RETIREMENTS,
    SELLER_INFO_PATH,
    Category,
    WildberriesApi,
    key_expires_at,
)
from micore.sources.wildberries.catalogue import read_catalogue
from micore.sources.wildberries.finance import read_finance
from micore.sources.wildberries.funnel import read_funnel, unread
from micore.sources.wildberries.history import read_all_orders
from micore.sources.wildberries.keys import first_sync, key_facts
from micore.sources.wildberries.orders import is_unknown_barcode
from micore.sources.wildberries.prices import read_prices
from micore.sources.wildberries.ranges import plan_range, read_range
from micore.sources.wildberries.rereading import read_again
from micore.sources.wildberries.returns import read_returns
from micore.sources.wildberries.sales import read_sales
from micore.sources.wildberries.statistics import KEPT
from micore.sources.wildberries.stock import read_stock
from micore.sources.wildberries.storage import read_storage, still_ordered
from micore.sources.wildberries.supplies import read_supplies
from micore.sources.wildberries.warehouses import read_warehouses

MAX_HISTORY_DAYS = 1000
"""Back to where the sales reports begin."""

_SELLER = msgspec.json.Decoder(SellerInfo)


class WildberriesSource:
    """One Wildberries seller account, read through the seller APIs."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Wildberries"
    parser: ClassVar[str] = "wildberries/1"
    retirements: ClassVar[tuple[Retirement, ...]] = RETIREMENTS
    options: ClassVar[tuple[Option, ...]] = (
        Option("api_token", "Personal API token with reading rights, from Settings, API access.", secret=True),
        Option(
            "base_url", "One address for all of Wildberries' hosts, for the simulator.", required=False, default=None
        ),
        Option("history_days", "Days that the first sync reads; of sales 90 at most.", required=False, default="90"),
        Option("name", "Name to show; otherwise the one Wildberries knows.", required=False),
    )
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("warehouses", StreamKind.LISTING),
        Stream("catalogue", StreamKind.LISTING),
        Stream("prices", StreamKind.LISTING),
        Stream("stock", StreamKind.SNAPSHOT),
        Stream("orders", StreamKind.INCREMENTAL),
        Stream("sales", StreamKind.INCREMENTAL),
        Stream("returns", StreamKind.INCREMENTAL),
        Stream("supplies", StreamKind.INCREMENTAL, alone=False),
        Stream("finance", StreamKind.INCREMENTAL),
        Stream("storage_cost", StreamKind.INCREMENTAL, alone=False),
        Stream("funnel", StreamKind.INCREMENTAL),
    )

    reconciled: ClassVar[tuple[str, ...]] = own_figures.RECONCILED
    untold: ClassVar[Mapping[str, Sequence[Untold]]] = own_figures.UNTOLD
    pooled_place: ClassVar[str | None] = own_figures.POOLED
    stock_parts: ClassVar[Sequence[Sequence[str]]] = own_stock.STOCK_PARTS
    stock_lag: ClassVar[timedelta] = own_figures.STOCK_LAG
    sales_settle: ClassVar[timedelta] = own_figures.SETTLE

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        given = {option.name: options.get(option.name) or option.default or "" for option in self.options}
        self._token = header_text(NAME, "api_token", given["api_token"], cabinet=self.title)
        self._shown_name = given["name"]
        self._history = timedelta(days=whole_number(NAME, "history_days", given["history_days"], MAX_HISTORY_DAYS))
        self._api = WildberriesApi(self._token, given["base_url"], tools)

    def account(self) -> AccountFacts:
        """See Source.account."""
        seller = self._api.get(Category.COMMON, SELLER_INFO_PATH, {}, _SELLER.decode).value
        return AccountFacts(
            external_id=seller.sid,
            name=self._shown_name or seller.trade_mark or seller.name or f"Wildberries {seller.sid}",
            currency=CURRENCY,
            key_expires_at=key_expires_at(self._token),
        )

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """See Source.read."""
        at = None if full else cursor
        if stream == "warehouses":
            return read_warehouses(self._api)
        if stream == "catalogue":
            return read_catalogue(self._api, at)
        if stream == "prices":
            return read_prices(self._api, at)
        if stream == "stock":
            return read_stock(self._api, at)
        if stream == "orders":
            return read_all_orders(self._api, at, self._history)
        if stream == "sales":
            return read_sales(self._api, at, min(self._history, KEPT))
        if stream == "returns":
            return read_returns(self._api, at, self._history)
        if stream == "supplies":
            return read_supplies(self._api, at, self._history)
        if stream == "finance":
            return read_finance(self._api, at, self._history)
        if stream == "storage_cost":
            return read_storage(self._api, at, self._history)
        if stream == "funnel":
            return read_funnel(self._api, at, self._history)
        raise NotFoundError("stream of wildberries", stream)

    def still_ordered(self, stream: str, cursor: str) -> str | None:
        """See OrderingSource.still_ordered."""
        return still_ordered(cursor) if stream == "storage_cost" else None

    def unread(self, stream: str, cursor: str, day: date) -> str | None:
        """See RereadingSource.unread."""
        return unread(cursor, day) if stream == "funnel" else None

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> Sequence[Reread]:
        """See Source.reread."""
        again = read_again(self._api.tools.sku_of_barcode).get(stream)
        return reread_each(rows, again, may_pass=is_unknown_barcode)

    def plan_range(self, stream: str, first_day: date, end_day: date, *, today: date) -> RangePlan:
        """See RangeSource.plan_range."""
        return plan_range(stream, first_day, end_day, today=today)

    def read_range(self, stream: str, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
        """See RangeSource.read_range."""
        return read_range(self._api, stream, first_day, end_day, cursor)

    def own_days(self, today: date) -> date:
        """See OwnFiguresSource.own_days."""
        return today - timedelta(days=own_figures.KEPT_DAYS)

    def own_orders(self, first_day: date, end_day: date) -> OwnOrders:
        """See OwnFiguresSource.own_orders."""
        return own_figures.own_orders(self._api, first_day, end_day)

    def same_place(self, theirs: str, ours: str) -> bool:
        """See OwnFiguresSource.same_place."""
        return own_figures.same_place(theirs, ours)

    def own_sales(self, first_day: date) -> Sequence[OwnSale]:
        """See OwnSalesSource.own_sales."""
        return own_figures.own_sales(self._api, first_day)

    def sold_order(self, row: bytes) -> str:
        """See OwnSalesSource.sold_order."""
        return own_figures.sold_order(row)

    def own_stock(self, schemes: Sequence[str], note: Note) -> Sequence[OwnStock]:
        """See OwnFiguresSource.own_stock."""
        return own_stock.own_stock(self._api, schemes, note)

    def own_statements(self, first_day: date, end_day: date) -> Sequence[Statement]:
        """See OwnStatementsSource.own_statements."""
        return own_statements.own_statements(self._api, first_day, end_day)

    def statement_day(self, row: bytes) -> date | None:
        """See OwnStatementsSource.statement_day."""
        return own_statements.statement_day(row)

    def key(self) -> KeyFacts:
        """See KeySource.key."""
        return key_facts(self._token)

    def estimate(self, streams: Sequence[str], seconds_per_request: float) -> FirstSync:
        """See KeySource.estimate."""
        return first_sync(self._api, self._history, streams, seconds_per_request)

    def close(self) -> None:
        """See Source.close."""
        self._api.close()
