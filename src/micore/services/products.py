"""Products: lists by any filter and order, one product with its places, its days, and the places themselves."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from micore.domain.account_views import UnreadAccount
from micore.domain.instants import business_day, instant, micros
from micore.domain.records import FinanceKind, SupplyState
from micore.domain.stock_days import PlaceInterval, StockDay, stock_days
from micore.domain.stock_status import STATUS_CODES, StockStatus
from micore.domain.units import shown_money, shown_quantity
from micore.domain.views import (
    FinanceSum,
    FinanceSums,
    HistoryDay,
    Listing,
    OpenSupply,
    Place,
    PlaceStock,
    ProductDetail,
    ProductHistory,
    ProductPage,
    ReturnsSum,
    StorageSum,
)
from micore.errors import InvalidRequestError, NotFoundError
from micore.services.dashboard import money, oldest, product_id, product_row, source_freshness
from micore.services.funnel import funnel_sums
from micore.services.shop import Shop
from micore.storage import accounts as accounts_store
from micore.storage import dashboard as dashboard_store
from micore.storage import finance as finance_store
from micore.storage import flows, volumes
from micore.storage import history as history_store
from micore.storage import places as places_store
from micore.storage import products as store
from micore.storage.database import Database

LARGEST_ID = 2**62
RETURN_DAYS = 30
MOST_REASONS = 3
_ID = re.compile(r"(item|sku)-([1-9][0-9]{0,18})")


class ProductState(StrEnum):
    """Which products a list holds."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    ALL = "all"


_ARCHIVED = {ProductState.ACTIVE: False, ProductState.ARCHIVED: True, ProductState.ALL: None}


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """A checked request for a page of products."""

    wanted: store.ProductFilter
    sort: str
    descending: bool
    limit: int
    after: store.Position | None


def product_query(
    *,
    words: str = "",
    statuses: str = "",
    marketplaces: str = "",
    accounts: str = "",
    places: str = "",
    state: ProductState = ProductState.ACTIVE,
    sort: str = "-effect",
    limit: int = 50,
    cursor: str | None = None,
) -> ProductQuery:
    """Check and read a request; lists are comma separated. Raises InvalidRequestError saying what is allowed."""
    column = sort.removeprefix("-")
    if column not in store.SORTS:
        raise InvalidRequestError(
            "sort", received=sort, allowed=", ".join(store.SORTS) + ", each also with a leading -"
        )
    wanted = store.ProductFilter(
        words=words.strip(),
        statuses=tuple(_status(each) for each in _listed(statuses)),
        sources=tuple(_listed(marketplaces)),
        accounts=tuple(_number("account", each, "/api/v1/dashboard") for each in _listed(accounts)),
        places=tuple(_number("place", each, "/api/v1/places") for each in _listed(places)),
        archived=_ARCHIVED[state],
    )
    after = None if cursor is None else _position(cursor, sort)
    return ProductQuery(wanted, column, sort.startswith("-"), limit, after)


class Products:
    """Reads products; one snapshot of the database per answer."""

    def __init__(self, database: Database, shop: Shop, *, now: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._shop = shop
        self._now = now or (lambda: datetime.now(UTC))

    def page(self, query: ProductQuery) -> ProductPage:
        """One page, and how many products match in all."""
        with self._database.read() as connection:
            generation = dashboard_store.generation_number(connection)
            ages = dashboard_store.ages(connection)
            # One row more than asked tells whether another page follows.
            rows = store.page(
                connection,
                query.wanted,
                sort=query.sort,
                descending=query.descending,
                limit=query.limit + 1,
                after=query.after,
            )
            total = store.count(connection, query.wanted)
            sellers = accounts_store.sellers(connection, [row.product_key for row in rows])
        now = self._now()
        shown = rows[: query.limit]
        following = None
        if len(rows) > query.limit:
            following = _cursor(store.position(shown[-1], sort=query.sort), _spelled(query))
        return ProductPage(
            generation=generation,
            as_of=oldest([source_freshness(age, self._shop, now) for age in ages]),
            total=total,
            items=[product_row(row, self._shop.currency, sellers) for row in shown],
            next_cursor=following,
        )

    def detail(self, public_id: str) -> ProductDetail:
        """One product with its cards and places. Raises NotFoundError."""
        key = product_key(public_id)
        with self._database.read() as connection:
            summary = store.summary(connection, key)
            if summary is None:
                raise NotFoundError("product", public_id)
            generation = dashboard_store.generation_number(connection)
            ages = dashboard_store.ages(connection)
            cards = store.listings(connection, key)
            sku_ids = [card.sku_id for card in cards]
            barcodes = store.barcodes(connection, sku_ids)
            places = places_store.stock_of(connection, key)
            first = history_store.first_reading(connection, sku_ids)
            supplies = flows.open_supplies(connection, key)
            since_day = (self.today() - timedelta(days=RETURN_DAYS - 1)).isoformat()
            returns_read = accounts_store.readings(connection, key, "returns")
            returns = flows.returns_of(connection, key, since_day=since_day)
            sellers = accounts_store.sellers(connection, [key])
            finance_read = accounts_store.readings(connection, key, "finance")
            kinds = finance_store.amounts_by_kind(connection, key, since_day=since_day)
            storage_read = accounts_store.readings(connection, key, "storage_cost")
            cost = finance_store.storage_of(connection, key, self._shop.currency, since_day=since_day)
            funnel = funnel_sums(connection, key, self._now())
        now = self._now()
        return ProductDetail(
            generation=generation,
            as_of=oldest([source_freshness(age, self._shop, now) for age in ages]),
            product=product_row(summary, self._shop.currency, sellers),
            listings=[_listing(card, barcodes.get(card.sku_id, [])) for card in cards],
            places=[self._place_stock(row) for row in places],
            supplies=[_open_supply(row) for row in supplies],
            returns=_returns_sum(returns, since_day, returns_read),
            finance=_finance_sums(kinds, finance_read, self._shop.currency),
            storage=_storage_sum(cost, storage_read, self._shop.currency),
            funnel=funnel,
            thresholds=self._shop.thresholds,
            first_known=None if first is None else business_day(first, self._shop.zone),
        )

    def history(self, public_id: str, days: int) -> ProductHistory:
        """Every one of the last `days` business days, oldest first, today included. Raises NotFoundError."""
        key = product_key(public_id)
        today = self.today()
        range_ = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
        edges = [self._midnight(day) for day in [*range_, today + timedelta(days=1)]]
        with self._database.read() as connection:
            if store.summary(connection, key) is None:
                raise NotFoundError("product", public_id)
            generation = dashboard_store.generation_number(connection)
            newest = max((age.as_of for age in dashboard_store.ages(connection) if age.as_of is not None), default=0)
            sku_ids = [card.sku_id for card in store.listings(connection, key)]
            intervals = history_store.intervals(connection, sku_ids, since=edges[0])
            demand = history_store.demand(
                connection, sku_ids, first_day=range_[0].isoformat(), last_day=today.isoformat()
            )
            incomplete = volumes.incomplete_days(connection, sku_ids)
        by_day = {each.day: each for each in demand}
        stock = stock_days([PlaceInterval(*each) for each in intervals], edges, known_until=newest)
        return ProductHistory(
            generation=generation,
            id=product_id(key),
            days=[
                self._history_day(day, by_day.get(day.isoformat()), known, day.isoformat() in incomplete)
                for day, known in zip(range_, stock, strict=True)
            ],
        )

    def places(self) -> list[Place]:
        """Every place that has told a figure."""
        with self._database.read() as connection:
            rows = places_store.places(connection)
        return [
            Place(
                id=row.id,
                name=row.name,
                region=row.region,
                source=row.source,
                account=row.account,
                scheme=row.scheme,
                products=row.products,
                available=shown_quantity(row.available) or 0,
            )
            for row in rows
        ]

    def today(self) -> date:
        """The present business day."""
        return business_day(micros(self._now()), self._shop.zone)

    def next_day(self) -> datetime:
        """When the present business day ends: answers by day are out of date then."""
        return instant(self._midnight(self.today() + timedelta(days=1)))

    def _midnight(self, day: date) -> int:
        return micros(datetime.combine(day, time.min, self._shop.zone))

    def _history_day(
        self, day: date, demand: history_store.DemandDay | None, stock: StockDay | None, incomplete: bool
    ) -> HistoryDay:
        return HistoryDay(
            day=day,
            ordered=(shown_quantity(demand.ordered) if demand else 0) or 0,
            cancelled=(shown_quantity(demand.cancelled) if demand else 0) or 0,
            revenue=money(demand.revenue if demand else 0, self._shop.currency),
            stock_end=shown_quantity(stock.end) if stock else None,
            stock_low=shown_quantity(stock.low) if stock else None,
            out_of_stock=round(stock.out_of_stock, 4) if stock else None,
            incomplete=incomplete,
        )

    def _place_stock(self, row: places_store.PlaceStockRow) -> PlaceStock:
        return PlaceStock(
            place_id=row.place_id,
            place=row.place,
            region=row.region,
            source=row.source,
            account=row.account,
            scheme=row.scheme,
            sku_id=row.sku_external_id,
            status=self._shop.thresholds.status_of(row.available),
            available=shown_quantity(row.available),
            present=shown_quantity(row.present),
            reserved=shown_quantity(row.reserved),
            inbound=shown_quantity(row.inbound),
            to_client=shown_quantity(row.to_client),
            from_client=shown_quantity(row.from_client),
            since=instant(row.valid_from),
            stale=row.stale_from is not None,
            response=row.sha256,
        )


def product_key(public_id: str) -> int:
    """The stored key behind a public id; raises NotFoundError for anything that cannot be one."""
    found = _ID.fullmatch(public_id)
    if found is None or int(found[2]) >= LARGEST_ID:
        raise NotFoundError("product", public_id[:60])
    return int(found[2]) if found[1] == "item" else -int(found[2])


def _open_supply(row: flows.OpenSupplyRow) -> OpenSupply:
    return OpenSupply(
        source=row.source,
        account=row.account,
        supply_id=row.supply_id,
        sku_id=row.sku_external_id,
        place=row.place,
        state=SupplyState(row.state),
        quantity=shown_quantity(row.quantity) or 0,
        accepted=shown_quantity(row.accepted),
        expected_at=None if row.expected_at is None else instant(row.expected_at),
        response=row.sha256,
    )


def _returns_sum(rows: Sequence[flows.ReturnedRow], since_day: str, read: accounts_store.Readings) -> ReturnsSum | None:
    if read.as_of is None:
        return None
    recent = [row for row in rows if row.returned_day >= since_day]
    under_way = [row for row in rows if row.state in flows.UNDER_WAY]
    reasons = Counter(row.reason for row in recent if row.reason)
    return ReturnsSum(
        begun_30d=_units(recent),
        begun_30d_uncounted=_uncounted(recent),
        under_way=_units(under_way),
        under_way_uncounted=_uncounted(under_way),
        # The most frequent first, and of those the first by letters: the same answer each time.
        reasons=[reason for reason, _ in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))[:MOST_REASONS]],
        unread=_unread(read),
    )


def _units(rows: Sequence[flows.ReturnedRow]) -> float:
    return shown_quantity(sum(row.quantity for row in rows if row.quantity is not None)) or 0


def _uncounted(rows: Sequence[flows.ReturnedRow]) -> int:
    return sum(row.quantity is None for row in rows)


def _unread(read: accounts_store.Readings) -> list[UnreadAccount]:
    return [UnreadAccount(source, account) for source, account in read.unread]


def _finance_sums(
    rows: Sequence[finance_store.KindRow], read: accounts_store.Readings, currency: str
) -> FinanceSums | None:
    if read.as_of is None:
        return None
    first = (FinanceKind.SALE, FinanceKind.RETURN)
    ordered = sorted(
        rows, key=lambda row: (row.kind not in first, row.kind == FinanceKind.RETURN, row.amount, row.kind)
    )
    return FinanceSums(
        as_of=instant(read.as_of),
        net=money(sum(row.amount for row in rows if row.currency == currency), currency),
        kinds=[
            FinanceSum(FinanceKind(row.kind), money(row.amount, row.currency), row.lines, row.sha256) for row in ordered
        ],
        unread=_unread(read),
    )


def _storage_sum(row: finance_store.CostRow | None, read: accounts_store.Readings, currency: str) -> StorageSum | None:
    if read.as_of is None:
        return None
    as_of, unread = instant(read.as_of), _unread(read)
    if row is None:
        return StorageSum(as_of, money(0, currency), 0, None, None, None, unread)
    days = date.fromisoformat(row.first_day), date.fromisoformat(row.last_day)
    return StorageSum(as_of, money(row.amount, currency), row.days, *days, row.sha256, unread)


def _listing(card: store.ListingRow, barcodes: list[str]) -> Listing:
    return Listing(
        source=card.source,
        account=card.account,
        listing_id=card.card_id,
        sku_id=card.sku_external_id,
        offer_id=card.offer_id,
        name=card.name,
        size=card.size,
        archived=bool(card.archived) or card.retired_at is not None,
        price=shown_money(card.price, card.currency or ""),
        barcodes=barcodes,
    )


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _status(name: str) -> int:
    try:
        return STATUS_CODES[StockStatus(name)]
    except ValueError:
        raise InvalidRequestError("status", received=name, allowed=", ".join(StockStatus)) from None


def _number(parameter: str, text: str, listed_by: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidRequestError(parameter, received=text, allowed=f"{parameter} ids as {listed_by} lists them")
    return int(text)


def _spelled(query: ProductQuery) -> str:
    return f"-{query.sort}" if query.descending else query.sort


def _cursor(position: store.Position, sort: str) -> str:
    packed = msgspec.json.encode([sort, *position])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _position(cursor: str, sort: str) -> store.Position:
    """The position behind a cursor, checked in every part: a cursor comes from outside."""
    refused = InvalidRequestError("cursor", received=cursor, allowed="the next_cursor of the page before, same sort")
    try:
        packed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        made_for, value, key, effect = msgspec.json.decode(packed, type=tuple[str, int | str | None, int, int])
    except (ValueError, binascii.Error, msgspec.MsgspecError, UnicodeError):
        raise refused from None
    column = sort.removeprefix("-")
    fits = value is None or isinstance(value, str) == (column in {"name", "code"})
    numbers = [key, effect, *([value] if isinstance(value, int) else [])]
    if made_for != sort or not fits or any(abs(number) > LARGEST_ID for number in numbers):
        raise refused
    if (isinstance(value, str) and "\x00" in value) or (column == "status" and value is None):
        raise refused
    return store.Position(value, key, effect)
