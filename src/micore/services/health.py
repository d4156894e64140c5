"""Whether the program is well: the database, its schema, the cache and the age of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from micore.cache import Cache
from micore.domain.stock_status import STATUS_BY_CODE
from micore.domain.units import TEN_THOUSANDTHS
from micore.domain.views import Freshness
from micore.errors import StorageError
from micore.services.dashboard import oldest, overall_freshness, source_freshness
from micore.services.shop import Shop
from micore.storage import dashboard as store
from micore.storage import migrations
from micore.storage.database import Database
from micore.telemetry import metrics

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class DataHealth:
    """How old what we show is."""

    __pydantic_config__ = _DOCS

    freshness: Freshness
    as_of: datetime | None
    """The oldest of the accounts' newest published stock."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Everything at a glance."""

    __pydantic_config__ = _DOCS

    status: str
    """"ok"; "degraded" when the cache is away (answers are made anew); "down" when the database is."""
    database: str
    """"connected" or "disconnected"."""
    cache: str
    """"connected" (the in-process cache counts) or "disconnected"."""
    version: str
    data: DataHealth
    problems: list[str] = field(default_factory=list)
    """What is wrong, in words; empty when all is well."""


@dataclass(frozen=True, slots=True)
class LiveReport:
    """The process answers."""

    status: str = "alive"


@dataclass(frozen=True, slots=True)
class ReadyReport:
    """Whether requests can be served."""

    __pydantic_config__ = _DOCS

    status: str
    """"ready" or "not ready"."""
    failing: dict[str, str]
    """The checks that fail, with the reason."""


class Health:
    """Asks the parts how they are. Never raises for a part that is down: that is the answer."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        shop: Shop,
        *,
        version: str,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._database = database
        self._cache = cache
        self._shop = shop
        self._version = version
        self._now = now or (lambda: datetime.now(UTC))

    def report(self) -> HealthReport:
        """The state of every part."""
        problems = []
        data = DataHealth(Freshness.NEVER, None)
        try:
            data = self._data()
            database = "connected"
        except StorageError as error:
            problems.append(f"{error} {error.remedy}")
            database = "disconnected"
        connected = self._cache.ping()
        if not connected:
            problems.append("The cache server does not answer; every answer is made anew.")
        status = "down" if database == "disconnected" else "ok" if connected else "degraded"
        metrics.HEALTH.labels("database").set(database == "connected")
        metrics.HEALTH.labels("cache").set(connected)
        return HealthReport(
            status, database, "connected" if connected else "disconnected", self._version, data, problems
        )

    def ready(self) -> ReadyReport:
        """Whether the database answers and holds the schema this program works with."""
        try:
            with self._database.read() as connection:
                migrations.check(connection)
        except StorageError as error:
            return ReadyReport("not ready", {"database": f"{error} {error.remedy}"})
        return ReadyReport("ready", {})

    def measure(self) -> None:
        """Bring the gauges up to date that nobody else keeps; called when Prometheus looks."""
        self.report()
        self._cache.stats()
        try:
            with self._database.read() as connection:
                sizes = self._database.dialect.sizes_bytes(connection)
                version = self._database.dialect.version(connection)
                migrations.check(connection)
                _, totals = store.totals(connection)
                ages = store.ages(connection)
        except StorageError:
            return
        metrics.DB_SIZE_BYTES.set(sizes["database"])
        metrics.DB_WAL_BYTES.set(sizes.get("wal", 0))
        metrics.DB_INFO.info({"kind": self._database.dialect.name, "version": version})
        metrics.BUILD.info({"version": self._version})
        for total in totals:
            metrics.INVENTORY_ITEMS.labels(STATUS_BY_CODE[total.status].value).set(total.products)
        metrics.INVENTORY_VALUE.set(sum(total.stock_value for total in totals) / TEN_THOUSANDTHS)
        now = self._now()
        for age in ages:
            shown = source_freshness(age, self._shop, now)
            if shown.as_of is not None:
                metrics.ETL_FRESHNESS.labels(age.source).set((now - shown.as_of).total_seconds())

    def _data(self) -> DataHealth:
        with self._database.read() as connection:
            migrations.check(connection)
            ages = store.ages(connection)
        sources = [source_freshness(age, self._shop, self._now()) for age in ages]
        return DataHealth(overall_freshness(sources), oldest(sources))
