"""All metrics of micore, in one file; docs/reference/metrics.md is generated from it.

Names come from the operations guide where it names them, else they begin with `inv_`. Base units (seconds, bytes),
bounded labels: never a product, a user or a URL, only route templates.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

# A second series per counter that says when it began: nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

HTTP_SECONDS_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
DB_SECONDS_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)

BUILD = Info("inv_build", "Version of the running program", registry=REGISTRY)
HEALTH = Gauge(
    "system_health_status", "1 healthy, 0.5 degraded, 0 down, by component", ["component"], registry=REGISTRY
)

# ---------------------------------------------------------------------------------------------------- HTTP


class AnswerTimes(Collector):
    """Counts and times answers. Own sums instead of the library's, whose locks cost more than a cached answer.

    `record` belongs to one thread, the server's event loop; a scrape from another one sees each sum as it stands.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def record(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count an answer, and time it unless it is a stream (None)."""
        key = (route, method, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        if seconds is None:
            return
        buckets = self._buckets.get(route)
        if buckets is None:
            buckets = self._buckets[route] = [0] * (len(HTTP_SECONDS_BUCKETS) + 1)
            self._sums[route] = 0.0
        buckets[bisect_left(HTTP_SECONDS_BUCKETS, seconds)] += 1
        self._sums[route] += seconds

    def describe(self) -> Iterable[Metric]:
        """The two families, without samples."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """What was recorded since the start of the process."""
        counts, times = self._families()
        for (route, method, status), number in list(self._counts.items()):
            counts.add_metric([route, method, str(status)], number)
        edges = [*(str(float(edge)) for edge in HTTP_SECONDS_BUCKETS), "+Inf"]
        for route, buckets in list(self._buckets.items()):
            times.add_metric([route], list(zip(edges, accumulate(buckets), strict=True)), self._sums[route])
        return counts, times

    def _families(self) -> tuple[CounterMetricFamily, HistogramMetricFamily]:
        return (
            CounterMetricFamily(
                "http_requests", "Answers by route template, method and status", labels=["route", "method", "code"]
            ),
            HistogramMetricFamily(
                "http_request_duration_seconds",
                "From the request's first byte to the answer's last, by route template",
                labels=["route"],
            ),
        )


HTTP_ANSWERS = AnswerTimes()
REGISTRY.register(HTTP_ANSWERS)
RECONCILED_ROWS = Gauge(
    "inv_reconciliation_rows",
    "Rows that differed from the marketplace's own figures at the last reconciliation, by class",
    ["source", "stream", "class"],
    registry=REGISTRY,
)
HTTP_IN_FLIGHT = Gauge("inv_http_in_flight_requests", "Requests being answered", registry=REGISTRY)
HTTP_REFUSED = Counter(
    "inv_http_refused_total", "Requests refused before any work, by reason", ["reason"], registry=REGISTRY
)
LIVE_CLIENTS = Gauge("inv_live_clients", "Browsers connected to the event stream", registry=REGISTRY)
LIVE_DROPPED = Counter("inv_live_dropped_total", "Event-stream clients dropped for being too slow", registry=REGISTRY)

# ------------------------------------------------------------------------------------------------ database
DB_QUERY_SECONDS = Histogram(
    "db_query_duration_seconds",
    "One statement, by transaction kind (read, write)",
    ["op"],
    buckets=DB_SECONDS_BUCKETS,
    registry=REGISTRY,
)
DB_BUSY = Counter("inv_db_busy_total", "Transactions that found SQLite's write lock taken", registry=REGISTRY)
DB_SIZE_BYTES = Gauge("inv_db_size_bytes", "The database on disk", registry=REGISTRY)
DB_WAL_BYTES = Gauge("inv_db_wal_size_bytes", "SQLite's write-ahead log on disk", registry=REGISTRY)
DB_INFO = Info("inv_db", "Kind and version of the database", registry=REGISTRY)

# --------------------------------------------------------------------------------------- transaction log
LOG_LAST_SEQ = Gauge("inv_txlog_last_seq", "Number of the newest record in the transaction log", registry=REGISTRY)
LOG_SYNC_SECONDS = Histogram(
    "inv_txlog_fsync_seconds",
    "One sync of the transaction log to disk",
    buckets=DB_SECONDS_BUCKETS,
    registry=REGISTRY,
)

# --------------------------------------------------------------------------------------------------- cache
CACHE_HITS = Counter("cache_hits_total", "Answers served from the cache", registry=REGISTRY)
CACHE_MISSES = Counter("cache_misses_total", "Cacheable answers that had to be made", registry=REGISTRY)
CACHE_ERRORS = Counter(
    "inv_cache_errors_total", "Failures of the cache server; answers were made instead", registry=REGISTRY
)
CACHE_KEYS = Gauge("cache_size_keys", "Answers in the cache", registry=REGISTRY)
CACHE_BYTES = Gauge("cache_memory_usage_bytes", "Bytes of the answers in the cache", registry=REGISTRY)

# ---------------------------------------------------------------------------------------------------- sync
ETL_RUNS = Counter(
    "inv_etl_runs_total", "Finished streams of sync runs, by result", ["source", "stream", "result"], registry=REGISTRY
)
FINDINGS = Counter(
    "inv_etl_findings_total",
    "What syncs had to say of a stream, by kind: too_few_rows, unknown_skus, new_field, retiring ...",
    ["source", "stream", "kind"],
    registry=REGISTRY,
)
ETL_ROWS = Counter(
    "inv_etl_rows_total", "Rows by what became of them: loaded, unchanged, quarantined", ["action"], registry=REGISTRY
)
QUARANTINE_WAITING = Gauge(
    "inv_quarantine_waiting_rows",
    "Rows that wait in quarantine, at the last look",
    ["source", "stream"],
    registry=REGISTRY,
)
QUARANTINE_TRIED = Counter(
    "inv_quarantine_tried_total",
    "Quarantined rows tried again, by what became of them: loaded, refused, superseded",
    ["result"],
    registry=REGISTRY,
)
ETL_LAST_SUCCESS = Gauge(
    "inv_etl_last_success_timestamp_seconds", "End of the newest run without gaps", ["source"], registry=REGISTRY
)
ETL_FRESHNESS = Gauge(
    "inv_etl_data_freshness_seconds",
    "Age of the newest published stock, at the last look",
    ["source"],
    registry=REGISTRY,
)
KEY_EXPIRES = Gauge(
    "inv_key_expires_timestamp_seconds",
    "When an account's key ends, as the marketplace or the key says",
    ["source"],
    registry=REGISTRY,
)
KEY_ACCEPTED = Gauge(
    "inv_key_accepted", "1: the marketplace accepted the key last, 0: it refuses it", ["source"], registry=REGISTRY
)
MARKETPLACE_REQUESTS = Counter(
    "inv_marketplace_requests_total",
    "Requests to marketplaces by status; 0 means no answer",
    ["source", "code"],
    registry=REGISTRY,
)
MARKETPLACE_SECONDS = Histogram(
    "inv_marketplace_request_duration_seconds",
    "One request to a marketplace",
    ["source"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
    registry=REGISTRY,
)
MARKETPLACE_THROTTLED_SECONDS = Counter(
    "inv_marketplace_throttled_seconds_total", "Waited for a marketplace's limits", ["source"], registry=REGISTRY
)
MARKETPLACE_THROTTLED = Counter(
    "inv_marketplace_throttled_total", "Waits for a marketplace's limits", ["source"], registry=REGISTRY
)

# ------------------------------------------------------------------------------------------------- backups
BACKUP_LAST_SUCCESS = Gauge(
    "inv_backup_last_success_timestamp_seconds", "When the newest verified backup was begun", registry=REGISTRY
)
BACKUP_SECONDS = Gauge(
    "inv_backup_duration_seconds", "How long the newest backup took: copy, pack, verify", ["step"], registry=REGISTRY
)
BACKUP_SIZE_BYTES = Gauge("inv_backup_size_bytes", "Archive of the newest verified backup", registry=REGISTRY)
BACKUP_VERIFIED = Gauge("inv_backup_verified", "Verified backups whose files are there", registry=REGISTRY)

# ----------------------------------------------------------------------------------------------- inventory
INVENTORY_ITEMS = Gauge(
    "inventory_items_total", "Products that are not archived, by stock status", ["status"], registry=REGISTRY
)
INVENTORY_VALUE = Gauge(
    "inventory_value_total", "Available units at the present price, in currency units", registry=REGISTRY
)


RESTORE_TIME = Gauge(
    "inv_restore_last_success_timestamp_seconds", "When a backup was last restored, or that undone", registry=REGISTRY
)
RESTORE_SECONDS = Gauge(
    "inv_restore_duration_seconds", "How long the last restore took, checks included", registry=REGISTRY
)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)


def described() -> list[tuple[str, str, tuple[str, ...], str]]:
    """(name as scraped, kind, labels, meaning) of every metric of this file; for the reference."""
    found = []
    for each in globals().values():
        if isinstance(each, (Counter, Gauge, Histogram, Info, AnswerTimes)):
            for family in each.describe():
                suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
                # The library keeps the labels of both kinds under this name only.
                labels: Any = getattr(each, "_labelnames", None) or getattr(family, "_labelnames", ())
                found.append((family.name + suffix, family.type, tuple(labels), family.documentation))
    return found


def count_request(source: str, endpoint: str, status: int, seconds: float) -> None:
    """A source has asked its marketplace."""
    del endpoint
    MARKETPLACE_REQUESTS.labels(source, str(status)).inc()
    MARKETPLACE_SECONDS.labels(source).observe(seconds)


def count_throttled(source: str, seconds: float) -> None:
    """A source waits for a limit of its marketplace."""
    MARKETPLACE_THROTTLED.labels(source).inc()
    MARKETPLACE_THROTTLED_SECONDS.labels(source).inc(seconds)
