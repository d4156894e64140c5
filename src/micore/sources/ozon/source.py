"""Ozon as a source: its options, its streams in their order, and who the key belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar

import msgspec

from micore.domain.instants import instant
from micore.domain.reconcile_views import Untold
from micore.domain.retirements import Retirement
from micore.errors import NotFoundError, SourceAuthError
from micore.sources.base import AccountFacts, Option, Page, Reread, SourceTools, StoredRow, Stream, StreamKind
from micore.sources.fields import currency_code, optional_moment
from micore.sources.keys import FirstSync, KeyFacts
from micore.sources.options import header_text, whole_number
from micore.sources.own_figures import Note, OwnOrders, OwnSaleSum, OwnStock
from micore.sources.ozon import own_figures, own_sales, own_stock
from micore.sources.ozon.answers import Company, SellerInfo
from micore.sources.ozon.api import NAME, RETIREMENTS, OzonApi
from micore.sources.ozon.catalogue import read_catalogue
from micore.sources.ozon.finance import read_finance
from micore.sources.ozon.keys import first_sync, key_facts
from micore.sources.ozon.orders import read_orders
from micore.sources.ozon.ranges import plan_range, read_range
from micore.sources.ozon.rereading import READ_AGAIN
from micore.sources.ozon.returns import read_returns
from micore.sources.ozon.stock import read_stock
from micore.sources.ozon.storage import read_storage, still_ordered
from micore.sources.ozon.supplies import read_supplies
from micore.sources.ozon.warehouses import read_warehouses
from micore.sources.ranges import RangePlan
from micore.sources.rereading import reread_each

DEFAULT_CURRENCY = "RUB"
MAX_HISTORY_DAYS = 3650

_SELLER = msgspec.json.Decoder(SellerInfo)


class OzonSource:
    """One Ozon seller account, read through the Seller API."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Ozon"
    parser: ClassVar[str] = "ozon/1"
    retirements: ClassVar[tuple[Retirement, ...]] = RETIREMENTS
    options: ClassVar[tuple[Option, ...]] = (
        Option("client_id", "Client ID of the seller account, from Settings, Seller API."),
        Option("api_key", "API key with reading rights, from Settings, Seller API.", secret=True),
        Option("base_url", "Address of the Seller API.", required=False, default="https://api-seller.ozon.ru"),
        Option(
            "history_days",
            "Days of orders, finances and returns that the first sync reads.",
            required=False,
            default="730",
        ),
        Option("name", "Name to show; otherwise the one Ozon knows.", required=False),
    )
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("warehouses", StreamKind.LISTING),
        Stream("catalogue", StreamKind.LISTING),
        Stream("stock", StreamKind.SNAPSHOT),
        Stream("orders", StreamKind.INCREMENTAL),
        Stream("returns", StreamKind.INCREMENTAL),
        Stream("supplies", StreamKind.INCREMENTAL),
        Stream("finance", StreamKind.INCREMENTAL),
        Stream("storage_cost", StreamKind.INCREMENTAL, alone=False),
    )

    reconciled: ClassVar[tuple[str, ...]] = own_figures.RECONCILED
    untold: ClassVar[Mapping[str, Sequence[Untold]]] = own_figures.UNTOLD
    pooled_place: ClassVar[str | None] = None
    stock_parts: ClassVar[Sequence[Sequence[str]]] = own_stock.STOCK_PARTS
    stock_lag: ClassVar[timedelta] = timedelta()
    sales_stream: ClassVar[str] = own_sales.STREAM

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        given = {option.name: options.get(option.name) or option.default or "" for option in self.options}
        self._client_id = header_text(NAME, "client_id", given["client_id"], cabinet=self.title)
        self._shown_name = given["name"]
        self._history = timedelta(days=whole_number(NAME, "history_days", given["history_days"], MAX_HISTORY_DAYS))
        api_key = header_text(NAME, "api_key", given["api_key"], cabinet=self.title)
        self._seller: Company | None = None
        self._api = OzonApi(self._client_id, api_key, given["base_url"], tools)

    def account(self) -> AccountFacts:
        """See Source.account. A key without the right to see the seller still reads its stock."""
        expires_at = optional_moment(self._api.roles().value.expires_at)
        company = self._company()
        return AccountFacts(
            external_id=self._client_id,
            name=self._shown_name or company.name or f"Ozon {self._client_id}",
            currency=self._currency(),
            key_expires_at=None if expires_at is None else instant(expires_at),
        )

    def _company(self) -> Company:
        if self._seller is None:
            try:
                self._seller = self._api.ask("/v1/seller/info", None, _SELLER.decode).value.company or Company()
            except SourceAuthError:
                self._seller = Company()
        return self._seller

    def _currency(self) -> str:
        """What the account counts in; what reports tell of money is in it."""
        return currency_code(self._company().currency) or DEFAULT_CURRENCY

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """See Source.read."""
        at = None if full else cursor
        if stream == "warehouses":
            return read_warehouses(self._api, at)
        if stream == "catalogue":
            return read_catalogue(self._api, at)
        if stream == "stock":
            return read_stock(self._api, at)
        if stream == "orders":
            return read_orders(self._api, at, self._history)
        if stream == "returns":
            return read_returns(self._api, at, self._history)
        if stream == "supplies":
            return read_supplies(self._api, at, self._history)
        if stream == "finance":
            return read_finance(self._api, at, self._history)
        if stream == "storage_cost":
            return read_storage(self._api, at, self._history, self._currency)
        raise NotFoundError("stream of ozon", stream)

    def still_ordered(self, stream: str, cursor: str) -> str | None:
        """See OrderingSource.still_ordered."""
        return still_ordered(cursor) if stream == "storage_cost" else None

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> Sequence[Reread]:
        """See Source.reread."""
        return reread_each(rows, READ_AGAIN.get(stream))

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
        return theirs == ours

    def own_sale_sums(self, first_day: date, end_day: date) -> Sequence[OwnSaleSum]:
        """See OwnSaleSumsSource.own_sale_sums."""
        return own_sales.own_sale_sums(self._api, first_day, end_day)

    def sale_day(self, row: bytes) -> date | None:
        """See OwnSaleSumsSource.sale_day."""
        return own_sales.sale_day(row)

    def own_accrued(self, first_day: date, end_day: date) -> Sequence[OwnSaleSum]:
        """See OwnAccruedSource.own_accrued."""
        return own_sales.own_accrued(self._api, first_day, end_day)

    def booked_day(self, row: bytes) -> date | None:
        """See OwnAccruedSource.booked_day."""
        return own_sales.sale_day(row)

    def own_stock(self, schemes: Sequence[str], note: Note) -> Sequence[OwnStock]:
        """See OwnFiguresSource.own_stock. Nothing is ordered for it."""
        del note
        return own_stock.own_stock(self._api, schemes)

    def key(self) -> KeyFacts:
        """See KeySource.key."""
        return key_facts(self._api)

    def estimate(self, streams: Sequence[str], seconds_per_request: float) -> FirstSync:
        """See KeySource.estimate."""
        return first_sync(self._api, self._history, streams, seconds_per_request)

    def close(self) -> None:
        """See Source.close."""
        self._api.close()
