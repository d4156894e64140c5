"""Decisions about rows in quarantine, asked over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, fill
from tests.api.schema import problems
from tests.api.test_contract import DOCUMENT, described

ROWS = "/api/v1/quarantine/rows"
ONE = {"ids": [1]}


def decide(api: Api, what: str, body: dict[str, Any]) -> Any:
    answer = api.ask("POST", f"/api/v1/quarantine/{what}", json=body)
    status = 202 if what == "replay" else 200
    assert answer.status_code == status, answer.json()
    assert problems(answer.json(), described(f"/api/v1/quarantine/{what}", "post", status), DOCUMENT) == []
    return answer.json()


def test_a_row_is_dropped_with_a_reason_and_taken_back(either_api: Api) -> None:
    fill(either_api)
    assert decide(either_api, "drop", {"source": "ozon", "reason": "a test order"})["rows"] == 1
    assert either_api.get(f"{ROWS}/1").json()["row"]["note"] == "a test order"
    assert either_api.get("/api/v1/quarantine/waiting").json() == {"waiting": 0}
    assert decide(either_api, "drop", ONE | {"reason": "again"})["rows"] == 0
    assert decide(either_api, "restore", ONE)["rows"] == 1
    assert either_api.get("/api/v1/quarantine/waiting").json() == {"waiting": 1}


def test_a_replay_names_the_accounts_that_nobody_reads(either_api: Api) -> None:
    fill(either_api)
    settled = decide(either_api, "replay", ONE)
    assert (settled["rows"], settled["runs"]) == (0, [])
    (skipped,) = settled["skipped"]
    assert "no source of the settings reads this account any more" in skipped


def test_a_row_is_mended_only_into_what_its_reader_takes(api: Api) -> None:
    fill(api)
    answer = api.ask("POST", f"{ROWS}/1/fix", json={"row": "{}"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("row: received '{}'; allowed: what its reader takes; ")
    assert api.get(f"{ROWS}/1").json()["fixed"] is None
    answer = api.ask("POST", f"{ROWS}/99/fix", json={"row": "{}"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no row in quarantine '99'.")


@pytest.mark.parametrize("what", ["replay", "drop", "restore"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": [0]},
        {"ids": [2**63]},
        {"ids": list(range(1, 1002))},
        {"account_id": 2**63},
        {"account_id": 0},
        {"source": 7},
        {"nonsense": 1},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_cannot_be_meant_is_refused(api: Api, what: str, body: dict[str, Any]) -> None:
    fill(api)
    answer = api.ask("POST", f"/api/v1/quarantine/{what}", json=body | ({"reason": "x"} if what == "drop" else {}))
    assert answer.status_code == 422
    assert api.get("/api/v1/quarantine/waiting").json() == {"waiting": 1}


@pytest.mark.parametrize("reason", [None, "", "  ", "x" * 501])
def test_a_drop_needs_a_reason(api: Api, reason: str | None) -> None:
    fill(api)
    assert api.ask("POST", "/api/v1/quarantine/drop", json=ONE | {"reason": reason}).status_code == 422
