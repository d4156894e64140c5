"""A marketplace in memory: pages are laid out by the test, everything else is the source contract."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from micore.domain.records import (
    CatalogueRecord,
    FinanceRecord,
    FunnelRecord,
    Holder,
    OrderRecord,
    OrderState,
    PlaceKind,
    PlaceRecord,
    PriceRecord,
    Record,
    RejectedRow,
    ReturnRecord,
    SaleRecord,
    StockRecord,
    StorageCostRecord,
    SupplyRecord,
)
from micore.sources.base import (
    AccountFacts,
    Option,
    Page,
    RawAnswer,
    Reread,
    SourceTools,
    StoredRow,
    Stream,
    StreamKind,
)

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class FakeMarketplace:
    """What the fake source reads; tests change it between syncs."""

    clock: datetime = START
    page_rows: int = 3
    places: list[PlaceRecord] = field(default_factory=list)
    catalogue: list[CatalogueRecord] = field(default_factory=list)
    stock: dict[str, list[StockRecord]] = field(default_factory=lambda: {"fbo": [], "fbs": []})
    orders: list[OrderRecord] = field(default_factory=list)
    sales: list[SaleRecord] = field(default_factory=list)
    prices: list[PriceRecord] = field(default_factory=list)
    returns: list[ReturnRecord] = field(default_factory=list)
    supplies: list[SupplyRecord] = field(default_factory=list)
    finance: list[FinanceRecord | SaleRecord] = field(default_factory=list)
    storage_costs: list[StorageCostRecord] = field(default_factory=list)
    funnel: list[FunnelRecord] = field(default_factory=list)
    whole_supplies: list[str] = field(default_factory=list)
    """Supplies that the last page of a reading ends."""
    whole: dict[str, list[str]] = field(default_factory=dict)
    """By stream: bookings or days that its last page tells whole."""
    kept: list[str] = field(default_factory=list)
    """What the last page of a reading says of rows that stand and cannot be believed."""
    open_supplies: list[str] | None = None
    rereads: dict[bytes, Reread] = field(default_factory=dict)
    """What stored rows mean by now; those that are not here still mean nothing."""
    rejected: dict[str, list[RejectedRow]] = field(default_factory=dict)
    """Stream, or stock scope, to rows that come with its first page."""
    fail_before_page: dict[str, Exception] = field(default_factory=dict)
    """"stream:number" to what is raised instead of that page, once."""
    on_page: Callable[[str, int], None] = field(default=lambda stream, number: None)
    account_error: Exception | None = None
    currency: str = "RUB"
    account_id: str = "7"
    account_name: str = "Дом и уют"
    key_expires_at: datetime | None = None
    answered: list[str] = field(default_factory=list)
    """Skus that stock pages answer for beside those in their rows."""
    reads: list[tuple[str, str | None]] = field(default_factory=list)


class FakeSource:
    """Reads a FakeMarketplace by the contract of micore.sources.base.Source."""

    name: ClassVar[str] = "fake"
    title: ClassVar[str] = "Fake"
    options: ClassVar[tuple[Option, ...]] = ()
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("warehouses", StreamKind.LISTING),
        Stream("catalogue", StreamKind.LISTING),
        Stream("stock", StreamKind.SNAPSHOT),
        Stream("orders", StreamKind.INCREMENTAL),
        Stream("sales", StreamKind.INCREMENTAL),
    )
    parser: ClassVar[str] = "fake/1"

    def __init__(self, options: Mapping[str, str], tools: SourceTools, market: FakeMarketplace | None = None) -> None:
        del options
        self._tools = tools
        self._market = market or FakeMarketplace()

    def account(self) -> AccountFacts:
        if self._market.account_error is not None:
            raise self._market.account_error
        market = self._market
        return AccountFacts(market.account_id, market.account_name, market.currency, market.key_expires_at)

    def close(self) -> None:
        """Nothing to give back."""

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> Sequence[Reread]:
        """What the test says these bytes mean by now."""
        known = self._market.rereads
        unknown = Reread(reason="still: received it; allowed: nothing of the kind.", may_pass=True)
        return [known.get(row.raw, unknown) for row in rows]

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        market = self._market
        market.reads.append((stream, None if full else cursor))
        saved: dict[str, Any] = {} if cursor is None or full else json.loads(cursor)
        pages = self._lay_out(stream)
        number, began, scope = 0, market.clock, pages[0].scope
        if not saved.get("done", True):
            number, began, scope = saved["next"], datetime.fromisoformat(saved["as_of"]), saved["scope"]
        while number < len(pages):
            market.on_page(stream, number)
            error = market.fail_before_page.pop(f"{stream}:{number}", None)
            if error is not None:
                raise error
            if stream == "stock" and began != market.clock:
                # Half of a scope from then and half from now would be no snapshot: it begins anew, as real ones do.
                pages, began = self._lay_out(stream), market.clock
                number = next(at for at, page in enumerate(pages) if page.scope == scope)
            yield pages[number]
            number += 1
            scope = pages[number].scope if number < len(pages) else ""

    def _lay_out(self, stream: str) -> list[Page]:
        market = self._market
        as_of = market.clock
        parts: list[tuple[str, Sequence[Record]]]
        if stream == "stock":
            parts = [(scope, rows) for scope, rows in market.stock.items()]
        else:
            rows: dict[str, Sequence[Record]] = {
                "warehouses": market.places,
                "catalogue": market.catalogue,
                "orders": market.orders,
                "sales": market.sales,
                "prices": market.prices,
                "returns": market.returns,
                "supplies": market.supplies,
                "finance": market.finance,
                "storage_cost": market.storage_costs,
                "funnel": market.funnel,
            }
            parts = [("", rows[stream])]
        laid: list[tuple[str, Sequence[Record], bool, list[RejectedRow]]] = []
        for scope, rows_of_scope in parts:
            chunks = [
                rows_of_scope[at : at + market.page_rows]
                for at in range(0, max(len(rows_of_scope), 1), market.page_rows)
            ]
            for index, chunk in enumerate(chunks):
                rejected = market.rejected.get(scope or stream, []) if index == 0 else []
                laid.append((scope, chunk, index == len(chunks) - 1, rejected))
        following: list[str | None] = [*(scope for scope, *_ in laid[1:]), None]
        return [
            self._page(stream, number, following[number], scope, chunk, last, rejected, as_of)
            for number, (scope, chunk, last, rejected) in enumerate(laid)
        ]

    def _whole_of(self, stream: str) -> Sequence[str]:
        return self._market.whole_supplies if stream == "supplies" else self._market.whole.get(stream, ())

    def _page(
        self,
        stream: str,
        number: int,
        following: str | None,
        scope: str,
        chunk: Sequence[Record],
        last: bool,
        rejected: Sequence[RejectedRow],
        as_of: datetime,
    ) -> Page:
        done = following is None
        body = json.dumps({"stream": stream, "page": number, "rows": [list(map(str, each)) for each in chunk]}).encode()
        return Page(
            raw=RawAnswer(body, f"POST /fake/{stream}", f'{{"page": {number}}}', self._tools.now()),
            records=chunk,
            rejected=rejected,
            cursor=json.dumps({"next": number + 1, "done": done, "as_of": as_of.isoformat(), "scope": following}),
            as_of=as_of,
            scope=scope,
            scope_done=bool(scope) and last,
            seen=self._market.answered if scope else (),
            done=done,
            whole_of=self._whole_of(stream) if done else (),
            kept=self._market.kept if done else (),
            all_open=self._market.open_supplies if stream == "supplies" and done else None,
        )


class TellingSource(FakeSource):
    """As FakeSource, with every stream there is."""

    streams: ClassVar[tuple[Stream, ...]] = (
        *FakeSource.streams[:2],
        Stream("prices", StreamKind.LISTING),
        *FakeSource.streams[2:],
        Stream("returns", StreamKind.INCREMENTAL),
        Stream("supplies", StreamKind.INCREMENTAL),
        Stream("finance", StreamKind.INCREMENTAL),
        Stream("storage_cost", StreamKind.INCREMENTAL, alone=False),
        Stream("funnel", StreamKind.INCREMENTAL),
    )


# --------------------------------------------------------------------------------------------- a small shop


def warehouse(
    place_id: str, name: str, *, holder: Holder = Holder.MARKETPLACE, scheme: str = "FBO", parent: str | None = None
) -> PlaceRecord:
    return PlaceRecord(PlaceKind.WAREHOUSE, place_id, name, holder, scheme, parent)


def card(
    sku: str, name: str = "", *, price: int | None = 7_000_000, archived: bool = False, barcodes: tuple[str, ...] = ()
) -> CatalogueRecord:
    return CatalogueRecord(
        listing_id=f"card-{sku}",
        sku_id=sku,
        offer_id=f"ART-{sku}",
        name=name or f"Товар {sku}",
        size=None,
        archived=archived,
        price=price,
        currency=None if price is None else "RUB",
        barcodes=barcodes,
        created_at=None,
    )


def held(sku: str, place_id: str, units: int | None, *, inbound: int | None = None) -> StockRecord:
    return StockRecord(
        sku,
        place_id,
        None if units is None else units * 1000,
        None,
        None,
        None if inbound is None else inbound * 1000,
        None,
        None,
    )


def order(
    order_id: str,
    sku: str,
    units: int = 1,
    *,
    at: datetime = START,
    state: OrderState = OrderState.ORDERED,
    price: int | None = 7_000_000,
    place: str | None = None,
) -> OrderRecord:
    instant = int(at.timestamp()) * 1_000_000
    cancelled = instant + 3_600_000_000 if state == OrderState.CANCELLED else None
    return OrderRecord(order_id, sku, place, "FBO", state, units * 1000, price, "RUB", instant, cancelled)


def sale(sale_id: str, sku: str, amount: int, *, order_id: str | None = None, day: str = "2026-11-20") -> SaleRecord:
    return SaleRecord(sale_id, order_id, sku, day, amount, -amount // 5, "RUB")


def small_shop() -> FakeMarketplace:
    """Eight products in three places, with some orders."""
    market = FakeMarketplace()
    market.places = [
        PlaceRecord(PlaceKind.CLUSTER, "c1", "Москва", Holder.MARKETPLACE, "", None),
        warehouse("w1", "ХОРУГВИНО", parent="c1"),
        warehouse("w2", "КАЗАНЬ"),
        warehouse("s1", "Склад Мытищи", holder=Holder.SELLER, scheme="FBS"),
    ]
    market.catalogue = [card(str(number), barcodes=(f"46000000000{number:02d}",)) for number in range(1, 9)]
    units = {"1": 0, "2": 3, "3": 12, "4": 50, "5": 400, "6": 5, "7": 20, "8": 100}
    market.stock = {
        "fbo": [held(sku, "w1", count) for sku, count in units.items()] + [held("4", "w2", 7)],
        "fbs": [held("3", "s1", 2), held("5", "s1", 1)],
    }
    market.orders = [
        order(f"P-{number}", str(number % 8 + 1), number % 3 + 1, at=START - number * DAY) for number in range(20)
    ]
    market.orders.append(order("P-X", "2", 4, state=OrderState.CANCELLED))
    market.sales = [sale(f"A-{number}", str(number % 8 + 1), 7_000_000, order_id=f"P-{number}") for number in range(5)]
    return market


class SteppingClock:
    """Our own clock in tests: moves on a second with every look."""

    def __init__(self, start: datetime = START) -> None:
        self.instant = start

    def __call__(self) -> datetime:
        self.instant += timedelta(seconds=1)
        return self.instant


def tools() -> SourceTools:
    return SourceTools(now=SteppingClock(), monotonic=time.monotonic, sleep=lambda seconds: None)
