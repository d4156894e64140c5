"""Health says what is: each part is taken away, and the answer names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from micore.cache import MemoryCache
from micore.storage.database import Database
from micore.telemetry import metrics
from tests.api.conftest import Api, fill


class AbsentCache(MemoryCache):
    """A cache server that does not answer."""

    def ping(self) -> bool:
        return False


@pytest.fixture
def without_database(tmp_path: Path) -> Iterator[Api]:
    made = Api(Database("postgresql://me@127.0.0.1:1/nothing"), tmp_path, one_process=False)
    yield made
    made.close()


def test_all_is_well(either_api: Api) -> None:
    health = either_api.get("/health")
    assert health.status_code == 200
    assert {name: health.json()[name] for name in ("status", "database", "cache", "problems")} == {
        "status": "ok",
        "database": "connected",
        "cache": "connected",
        "problems": [],
    }
    assert either_api.get("/readyz").json() == {"status": "ready", "failing": {}}


def test_without_the_database(without_database: Api) -> None:
    health = without_database.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["database"]) == (503, "down", "disconnected")
    assert "does not answer" in health.json()["problems"][0]
    ready = without_database.get("/readyz")
    assert (ready.status_code, list(ready.json()["failing"])) == (503, ["database"])
    assert without_database.get("/livez").status_code == 200
    for path in ("/api/v1/dashboard", "/api/v1/products", "/api/v1/products/item-1/why"):
        answer = without_database.get(path)
        assert (answer.status_code, answer.json()["type"]) == (503, "https://micore.invalid/problems/storage")
        assert "MICORE_DATABASE_URL" in answer.json()["remedy"]
    scraped = without_database.get("/metrics")
    assert 'system_health_status{component="database"} 0.0' in scraped.text


def test_without_the_schema(api: Api) -> None:
    with api.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert api.get("/readyz").status_code == 503
    assert "newer" in api.get("/readyz").json()["failing"]["database"]
    assert api.get("/health").json()["database"] == "disconnected"


def test_without_the_cache(migrated_sqlite_url: str, tmp_path: Path) -> None:
    api = Api(Database(migrated_sqlite_url), tmp_path, cache=AbsentCache())
    health = api.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["cache"]) == (200, "degraded", "disconnected")
    assert api.get("/readyz").status_code == 200
    api.close()


def test_metrics_tell_about_the_shop(api: Api) -> None:
    fill(api)
    api.get("/api/v1/dashboard")
    api.get("/api/v1/dashboard")
    scraped = api.get("/metrics").text
    for line in (
        'inventory_items_total{status="critical"} 1.0',
        "inventory_value_total 490000.0",
        'inv_etl_data_freshness_seconds{source="ozon"} 3600.0',
        'system_health_status{component="cache"} 1.0',
        'inv_db_info{kind="sqlite"',
    ):
        assert line in scraped
    assert 'http_requests_total{code="200",method="GET",route="/api/v1/dashboard"}' in scraped
    assert 'http_request_duration_seconds_bucket{le="0.1",route="/api/v1/dashboard"}' in scraped


def test_routes_are_counted_by_template(api: Api) -> None:
    def counted(route: str, code: str) -> float:
        labels = {"route": route, "method": "GET", "code": code}
        return metrics.REGISTRY.get_sample_value("http_requests_total", labels) or 0

    template = "/api/v1/products/{product_id}/history"
    before = counted(template, "404"), counted("unmatched", "404")
    for number in range(1, 4):
        api.get(f"/api/v1/products/item-{number}/history")
        api.get(f"/api/nothing/{number}")
    assert (counted(template, "404"), counted("unmatched", "404")) == (before[0] + 3, before[1] + 3)
