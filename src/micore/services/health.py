"""Whether the program is well: the database, its schema, the cache and the age of the data."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from micore.cache import Cache
from micore.domain.backup_views import BackupStatus
from micore.domain.instants import micros
from micore.domain.restore_views import Restored
from micore.domain.run_views import KeyState
from micore.domain.stock_status import STATUS_BY_CODE
from micore.domain.units import TEN_THOUSANDTHS
from micore.domain.views import Freshness
from micore.errors import BackupError, StorageError
from micore.services.dashboard import oldest, overall_freshness, source_freshness
from micore.services.key_health import key_problem, shown_key
from micore.services.shop import Shop
from micore.storage import dashboard as store
from micore.storage import keys as key_store
from micore.storage import maintenance, migrations, quarantine_desk
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
    """"ok"; "degraded" when the cache is away (answers are made anew), a key is refused, backups fail, the disk takes
    no write, the transaction log cannot be written or a restored database is damaged; "down" when the database is."""
    database: str
    """"connected" or "disconnected"."""
    cache: str
    """"connected" (the in-process cache counts) or "disconnected"."""
    backup: str
    """"ok" (also when no schedule is set), "failed" when the last one did, "late" when one was due and is not there."""
    version: str
    transaction_log: str
    """"written"; "behind" when it cannot be written: nothing is changed then; "none" where none is kept."""
    data: DataHealth
    problems: list[str] = field(default_factory=list)
    """What is wrong, in words; empty when all is well."""
    restored: str | None = None
    """After a restore, how the check of the whole database stands: "pending", "ok" or "damaged"; null without one."""


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
        slots: Collection[str] = (),
        backups: Callable[[], BackupStatus] | None = None,
        restored: Callable[[], Restored | None] = lambda: None,
    ) -> None:
        """`slots` are the accounts with a key in the settings; `backups` says how the backups are, `restored` tells of
        the last restore."""
        self._backups = backups
        self._slots = slots
        self._restored = restored
        self._database = database
        self._cache = cache
        self._shop = shop
        self._version = version
        self._now = now or (lambda: datetime.now(UTC))

    def report(self) -> HealthReport:
        """The state of every part."""
        problems: list[str] = []
        data = DataHealth(Freshness.NEVER, None)
        dead = False
        backup = "ok"
        try:
            data = self._data()
            keys = self._keys()
            dead = any(key.problem is not None for key in keys.values())
            problems += filter(None, (key_problem(slot, key) for slot, key in keys.items()))
            backup, problem = self._backup()
            problems += filter(None, [problem])
            database = "connected"
        except StorageError as error:
            problems.append(f"{error} {error.remedy}")
            database = "disconnected"
        refused = None if database == "disconnected" else maintenance.still_refused(self._database, now=self._micros())
        if refused is not None:
            problems.append(f"{refused} {refused.remedy}")
        connected = self._cache.ping()
        if not connected:
            problems.append("The cache server does not answer; every answer is made anew.")
        restored = self._after_restore(problems)
        log = self._database.journal.state()
        if log.problem is not None:
            problems.append(f"{log.problem} Until it can be written nothing is changed.")
        bad = dead or refused is not None or not connected or backup != "ok" or restored == "damaged"
        bad = bad or log.problem is not None
        status = "down" if database == "disconnected" else "degraded" if bad else "ok"
        metrics.HEALTH.labels("database").set(database == "connected" and refused is None)
        metrics.HEALTH.labels("cache").set(connected)
        cache = "connected" if connected else "disconnected"
        logged = "none" if not log.kept else "behind" if log.problem is not None else "written"
        return HealthReport(status, database, cache, backup, self._version, logged, data, problems, restored)

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
                waiting = quarantine_desk.waiting_by_stream(connection)
        except StorageError:
            return
        metrics.DB_SIZE_BYTES.set(sizes["database"])
        metrics.DB_WAL_BYTES.set(sizes.get("wal", 0))
        metrics.DB_INFO.info({"kind": self._database.dialect.name, "version": version})
        metrics.BUILD.info({"version": self._version})
        for total in totals:
            metrics.INVENTORY_ITEMS.labels(STATUS_BY_CODE[total.status].value).set(total.products)
        metrics.INVENTORY_VALUE.set(sum(total.stock_value for total in totals) / TEN_THOUSANDTHS)
        for (source, stream), rows in waiting.items():
            metrics.QUARANTINE_WAITING.labels(source, stream).set(rows)
        now = self._now()
        metrics.ETL_FRESHNESS.clear()
        for age in ages:
            shown = source_freshness(age, self._shop, now)
            if shown.as_of is not None and shown.read:
                metrics.ETL_FRESHNESS.labels(age.slot or age.source).set((now - shown.as_of).total_seconds())

    def _micros(self) -> int:
        return micros(self._now())

    def _after_restore(self, problems: list[str]) -> str | None:
        """How the last restore stands; into the metrics too."""
        restored = self._restored()
        if restored is None:
            return None
        metrics.RESTORE_TIME.set(restored.at.timestamp())
        metrics.RESTORE_SECONDS.set(restored.seconds)
        if restored.integrity in {"pending", "ok"}:
            return restored.integrity
        problems.append(
            f"The database that was restored from {restored.id} is damaged: {restored.integrity} "
            "Restore another backup, or `micore restore undo`."
        )
        return "damaged"

    def _keys(self) -> dict[str, KeyState]:
        """What is known of the keys in force; into the metrics too."""
        now = self._now()
        with self._database.read() as connection:
            rows = key_store.keys(connection)
        known = {slot: shown_key(rows.get(slot), now=micros(now)) for slot in self._slots}
        found = {slot: key for slot, key in known.items() if key is not None}
        for slot, key in found.items():
            metrics.KEY_ACCEPTED.labels(slot).set(key.problem is None)
            if key.expires_at is not None:
                metrics.KEY_EXPIRES.labels(slot).set(key.expires_at.timestamp())
        return found

    def _backup(self) -> tuple[str, str | None]:
        """How the backups are, and what is wrong with them."""
        if self._backups is None:
            return "ok", None
        try:
            status = self._backups()
        except BackupError as error:
            return "failed", f"{error} {error.remedy}"
        return ("ok" if status.alarm is None else status.alarm.value), status.problem

    def _data(self) -> DataHealth:
        with self._database.read() as connection:
            migrations.check(connection)
            ages = store.ages(connection)
        sources = [source_freshness(age, self._shop, self._now()) for age in ages]
        return DataHealth(overall_freshness(sources), oldest(sources))
