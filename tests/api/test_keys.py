"""Testing a key over HTTP: what the answer tells, and that no answer and no log holds the key."""

from __future__ import annotations

import json

import pytest

from tests.api.conftest import Api

PATH = "/api/v1/sources/ozon/test-key"
CANARY = "canary-71f0aa-of-a-posted-key"


def test_the_marketplaces_and_what_their_keys_are_made_of(api: Api) -> None:
    (ozon,) = api.get("/api/v1/sources").json()
    assert (ozon["source"], ozon["title"], ozon["slots"], ozon["testable"]) == ("ozon", "Ozon", ["ozon"], True)
    # The first account has a key, so the next one belongs into the second one's settings.
    assert [(each["name"], each["secret"], each["variable"]) for each in ozon["fields"]] == [
        ("client_id", False, "MICORE_OZON_2_CLIENT_ID"),
        ("api_key", True, "MICORE_OZON_2_API_KEY"),
    ]


def test_what_a_key_is_worth(api: Api) -> None:
    answer = api.post(PATH, json={"client_id": "7", "api_key": CANARY})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["accepted"], told["account"], told["rights"], told["products"]) == (True, "Дом и уют", ["Read"], 8)
    streams = {each["stream"]: each for each in told["streams"]}
    assert (streams["orders"]["missing"], streams["orders"]["seconds"]) == (["Orders"], None)
    assert (streams["stock"]["requests"], streams["stock"]["seconds"]) == (3, 4.5)
    assert told["seconds"] == 4 * 4.5


def test_a_refused_key_is_an_answer_with_what_to_do(api: Api) -> None:
    told = api.post(PATH, json={"client_id": "7", "api_key": "dead-key"}).json()
    assert told["accepted"] is False
    assert "Invalid Api-Key" in told["problem"]
    assert "Make a new key" in told["remedy"]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"client_id": "7", "api_key": CANARY}),
        json.dumps({"api_key": CANARY}),
        json.dumps({"client_id": "7", "api_key": [CANARY]}),
        json.dumps({"client_id": "7", "api_key": CANARY, CANARY: "x"}),
        json.dumps([CANARY]),
        CANARY,
        json.dumps({"client_id": "7", "api_key": CANARY * 400}),
    ],
)
def test_no_answer_and_no_log_holds_it(api: Api, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = api.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {200, 422}
    said = capsys.readouterr()
    assert CANARY not in answer.text + str(answer.headers) + said.out + said.err


def test_an_unknown_marketplace(api: Api) -> None:
    answer = api.post("/api/v1/sources/amazon/test-key", json={"api_key": CANARY})
    assert answer.status_code == 422
    assert "allowed: ozon" in answer.json()["detail"]
