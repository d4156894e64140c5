"""The dashboard: the whole shop in one answer, read in four statements whose cost does not grow with the shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from struct import Struct

from micore.domain.instants import business_day, micros, optional_instant
from micore.domain.stock_status import STATUS_BY_CODE, STATUS_CODES, StatusThresholds, StockStatus
from micore.domain.units import Money, shown_money, shown_quantity
from micore.domain.views import Category, Dashboard, EffectKind, Freshness, ProductRow, SourceFreshness, TrendPoint
from micore.services.shop import Shop
from micore.storage import accounts
from micore.storage import dashboard as store
from micore.storage.database import Database
from micore.storage.products import SummaryRow

TOP_PRODUCTS = 10
TREND_DAYS = 30
DECISIONS = (StockStatus.CRITICAL, StockStatus.LOW, StockStatus.OVERSTOCK)

_SPARK = Struct("<30q")


class Dashboards:
    """Reads the dashboard; one snapshot of the database per answer."""

    def __init__(self, database: Database, shop: Shop, *, now: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._shop = shop
        self._now = now or (lambda: datetime.now(UTC))

    def dashboard(self) -> Dashboard:
        """Counts, money, trend and the ten largest of each status that needs a decision."""
        now = self._now()
        today = business_day(micros(now), self._shop.zone)
        first_day = today - timedelta(days=TREND_DAYS - 1)
        with self._database.read() as connection:
            generation, totals = store.totals(connection)
            trend = store.trend(connection, first_day=first_day.isoformat())
            ages = store.ages(connection)
            top = store.top(connection, tuple(STATUS_CODES[status] for status in DECISIONS), limit=TOP_PRODUCTS)
            several = len({age.source for age in ages}) < len(ages)
            keys = [row.product_key for rows in top.values() for row in rows] if several else []
            sellers = accounts.sellers(connection, keys) if keys else {}
        sources = [source_freshness(age, self._shop, now) for age in ages]
        known = {STATUS_BY_CODE[total.status]: total for total in totals}
        currency = self._shop.currency
        return Dashboard(
            generation=generation,
            freshness=overall_freshness(sources),
            as_of=oldest(sources),
            sources=sources,
            currency=currency,
            thresholds=self._shop.thresholds,
            products=sum(total.products for total in totals),
            need_decision=sum(known[status].products for status in DECISIONS if status in known),
            stock_value=money(sum(total.stock_value for total in totals), currency),
            revenue_30d=money(sum(total.revenue_30d for total in totals), currency),
            categories=[self._category(status, known.get(status), trend) for status in STATUS_CODES],
            top={
                STATUS_BY_CODE[code]: [product_row(row, currency, sellers) for row in rows]
                for code, rows in top.items()
            },
        )

    def valid_until(self, shown: Dashboard) -> datetime | None:
        """When the clock alone changes this answer: the next moment a source becomes stale."""
        ends = [each.as_of + self._shop.stale_after for each in shown.sources if each.as_of is not None]
        return min((end for end in ends if end > self._now()), default=None)

    def _category(
        self, status: StockStatus, total: store.StatusTotal | None, trend: Sequence[tuple[str, int, int]]
    ) -> Category:
        code = STATUS_CODES[status]
        above, up_to = edges(status, self._shop.thresholds)
        return Category(
            status=status,
            products=total.products if total else 0,
            money=money(total.effect if total else 0, self._shop.currency),
            effect_kind=effect_kind(status),
            above_units=above,
            up_to_units=up_to,
            trend=[TrendPoint(date.fromisoformat(day), products) for day, each, products in trend if each == code],
        )


def edges(status: StockStatus, thresholds: StatusThresholds) -> tuple[int | None, int | None]:
    """A band's open lower and closed upper edge in units; None for none."""
    return {
        StockStatus.CRITICAL: (None, thresholds.critical_max),
        StockStatus.LOW: (thresholds.critical_max, thresholds.low_max),
        StockStatus.NORMAL: (thresholds.low_max, thresholds.normal_max),
        StockStatus.OVERSTOCK: (thresholds.normal_max, None),
    }.get(status, (None, None))


def effect_kind(status: StockStatus) -> EffectKind:
    """Which money the effect of a status is."""
    return EffectKind.STOCK_VALUE if status is StockStatus.OVERSTOCK else EffectKind.SOLD_30D


def source_freshness(age: store.AccountAge, shop: Shop, now: datetime) -> SourceFreshness:
    """An account's age as it is shown."""
    as_of = optional_instant(age.as_of)
    error = age.newest_message if age.newest_state in store.UNPUBLISHED else None
    if age.left_at is not None:
        day = business_day(age.left_at, shop.zone).isoformat()
        error = f"No key reads this account any more, since {day}; its stock stays as it was read last."
    return SourceFreshness(
        account_id=age.account_id,
        source=age.source,
        name=age.name,
        freshness=Freshness.STALE if as_of and age.left_at is not None else freshness(as_of, shop, now),
        as_of=as_of,
        stale_after_seconds=int(shop.stale_after.total_seconds()),
        last_error=error,
        read=age.left_at is None,
    )


def freshness(as_of: datetime | None, shop: Shop, now: datetime) -> Freshness:
    """How old a reading is; at the very limit it is stale already."""
    if as_of is None:
        return Freshness.NEVER
    return Freshness.STALE if now - as_of >= shop.stale_after else Freshness.FRESH


def overall_freshness(sources: Sequence[SourceFreshness]) -> Freshness:
    """The worst of the accounts that have published; never when none has."""
    told = {each.freshness for each in sources} - {Freshness.NEVER}
    if not told:
        return Freshness.NEVER
    return Freshness.STALE if Freshness.STALE in told else Freshness.FRESH


def oldest(sources: Sequence[SourceFreshness]) -> datetime | None:
    """The oldest of the accounts' newest published stock."""
    return min((each.as_of for each in sources if each.as_of is not None), default=None)


def product_row(row: SummaryRow, currency: str, sellers: Mapping[int, Sequence[str]]) -> ProductRow:
    """A product as lists show it; `sellers` as storage.accounts tells them."""
    status = STATUS_BY_CODE[row.status]
    return ProductRow(
        id=product_id(row.product_key),
        name=row.name,
        code=row.code,
        marketplaces=row.sources.split(",") if row.sources else [],
        accounts=list(sellers.get(row.product_key, ())),
        status=status,
        available=shown_quantity(row.available),
        present=shown_quantity(row.present),
        reserved=shown_quantity(row.reserved),
        inbound=shown_quantity(row.inbound),
        places=row.places,
        sold_30d=shown_quantity(row.sold_30d) or 0,
        revenue_30d=money(row.revenue_30d, currency),
        cover_days=None if row.cover_tenths is None else row.cover_tenths / 10,
        price=shown_money(row.price, currency),
        stock_value=shown_money(row.stock_value, currency),
        effect=money(row.effect, currency),
        effect_kind=effect_kind(status),
        spark=[shown_quantity(units) or 0 for units in _SPARK.unpack(row.spark)],
        stale=bool(row.stale),
        archived=bool(row.archived),
    )


def product_id(product_key: int) -> str:
    """The public id of a product: "item-12", or "sku-45" for a sku that is not linked to an item."""
    return f"item-{product_key}" if product_key > 0 else f"sku-{-product_key}"


def money(amount: int, currency: str) -> Money:
    """An amount that is known."""
    shown = shown_money(amount, currency)
    assert shown is not None
    return shown
