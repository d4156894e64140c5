"""Metrics: named as the operations guide and Prometheus want them, and each in the reference."""

from __future__ import annotations

import re
from pathlib import Path

from micore.telemetry import metrics

REPOSITORY = Path(__file__).resolve().parents[3]
FROM_THE_GUIDE = {
    "http_requests_total",
    "http_request_duration_seconds",
    "db_query_duration_seconds",
    "system_health_status",
    "cache_hits_total",
    "cache_misses_total",
    "cache_size_keys",
    "cache_memory_usage_bytes",
    "inventory_items_total",
    "inventory_value_total",
}


def test_names_come_from_the_guide_or_begin_with_ours() -> None:
    names = {name for name, *_ in metrics.described()}
    assert names >= FROM_THE_GUIDE
    assert all(name.startswith("inv_") for name in names - FROM_THE_GUIDE)


def test_names_and_labels_are_plain() -> None:
    for name, kind, labels, meaning in metrics.described():
        assert re.fullmatch(r"[a-z_]+", name)
        assert meaning
        assert kind != "counter" or name.endswith("_total")
        assert not set(labels) & {"product", "sku", "url", "path", "user", "item"}


def test_the_reference_has_every_one() -> None:
    reference = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for name, _, _, meaning in metrics.described():
        assert f"| `{name}` |" in reference
        assert meaning in reference


def test_all_are_scraped() -> None:
    scraped = metrics.exposition().decode()
    for name, _, _, _ in metrics.described():
        assert f"# TYPE {name}" in scraped or f"# HELP {name}" in scraped, name
    assert "process_resident_memory_bytes" in scraped
    assert "_created" not in scraped
