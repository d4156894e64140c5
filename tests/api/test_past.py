"""Backfills and reconciliations by HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api

RANGE = {"source": "ozon", "first_day": "2026-11-01", "end_day": "2026-11-11"}


def start(api: Api, **changed: Any) -> Any:
    return api.ask("POST", "/api/v1/sync/backfills", json={**RANGE, "streams": ["orders"], **changed})


def test_a_plan_tells_what_a_backfill_would_take(either_api: Api) -> None:
    told = either_api.ask("GET", "/api/v1/sync/backfills/plan", params={**RANGE, "streams": "orders,supplies"}).json()
    orders, supplies = told["streams"]
    assert (orders["windows"], orders["requests_at_least"], orders["seconds_at_least"]) == (5, 5, 180.0)
    assert (supplies["windows"], supplies["first_day"]) == (0, None)
    assert told["requests_at_least"] == 5


def test_a_backfill_is_queued_once(either_api: Api) -> None:
    first = start(either_api)
    assert first.status_code == 202
    run = first.json()
    assert (run["kind"], run["first_day"], run["end_day"]) == ("backfill", "2026-11-01", "2026-11-11")
    assert first.headers["location"] == f"/api/v1/sync/runs/{run['id']}"
    assert start(either_api).json()["id"] == run["id"]
    other = start(either_api, end_day="2026-11-09")
    assert other.status_code == 409
    assert f"run {run['id']}" in other.json()["detail"]


def test_what_cannot_be_asked_for_is_a_problem(api: Api) -> None:
    for changed in ({"source": "nobody"}, {"streams": ["supplies"]}, {"end_day": "2026-11-01"}, {"days": 3}):
        answer = start(api, **changed)
        assert answer.status_code in {400, 404, 422}, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_reconciliations_are_none_at_first_and_refused_where_no_own_figures_are_told(either_api: Api) -> None:
    assert either_api.get("/api/v1/reconciliations").json() == []
    refused = either_api.ask("POST", "/api/v1/reconciliations", json={"source": "ozon"})
    assert refused.status_code in {400, 422}
    assert "own figures" in refused.json()["detail"]


@pytest.mark.parametrize(
    "days", [{"end_day": "0001-01-01"}, {"first_day": "0001-01-01", "end_day": "0001-01-02"}, {"end_day": "9999-12-31"}]
)
def test_days_that_cannot_be_compared_are_refused(either_api: Api, days: dict[str, str]) -> None:
    refused = either_api.ask("POST", "/api/v1/reconciliations", json=days)
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("application/problem+json")


def test_reconciliations_of_a_source_that_is_not_there_are_refused(either_api: Api) -> None:
    refused = either_api.ask("GET", "/api/v1/reconciliations", params={"source": "ozon-7"})
    assert refused.status_code == 422
    assert "ozon" in refused.json()["detail"]
