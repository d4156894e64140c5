"""The API is what its description says: every answer fits it, and the committed description is the present one."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from micore.api.app import create_routes
from micore.storage import tables
from micore.storage.raw import RawStore
from tests.api.conftest import Api, fill
from tests.api.schema import problems

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = create_routes(None).openapi()
PROBLEM = {"$ref": "#/components/schemas/Problem"}

PATHS = {
    "/api/v1/meta": "/api/v1/meta",
    "/api/v1/dashboard": "/api/v1/dashboard",
    "/api/v1/products": "/api/v1/products",
    "/api/v1/products?q=лампа&status=critical&sort=-status&limit=1": "/api/v1/products",
    "/api/v1/products/item-7": "/api/v1/products/{product_id}",
    "/api/v1/products/sku-2": "/api/v1/products/{product_id}",
    "/api/v1/products/item-7/history": "/api/v1/products/{product_id}/history",
    "/api/v1/products/item-7/why": "/api/v1/products/{product_id}/why",
    "/api/v1/products/sku-2/why": "/api/v1/products/{product_id}/why",
    "/api/v1/places": "/api/v1/places",
    "/api/v1/sync": "/api/v1/sync",
    "/api/v1/sync/runs": "/api/v1/sync/runs",
    "/api/v1/sync/runs/1": "/api/v1/sync/runs/{run_id}",
    "/api/v1/sync/backfills/plan?source=ozon&first_day=2026-10-01&end_day=2026-11-01": "/api/v1/sync/backfills/plan",
    "/api/v1/reconciliations": "/api/v1/reconciliations",
    "/api/v1/sources": "/api/v1/sources",
    "/api/v1/quarantine": "/api/v1/quarantine",
    "/api/v1/quarantine/waiting": "/api/v1/quarantine/waiting",
    "/api/v1/quarantine/rows?source=ozon&stream=orders&state=waiting&limit=1": "/api/v1/quarantine/rows",
    "/api/v1/quarantine/rows/1": "/api/v1/quarantine/rows/{row_id}",
    "/api/backup/status": "/api/backup/status",
    "/api/backup/list?limit=1": "/api/backup/list",
    "/health": "/health",
    "/api/health": "/api/health",
    "/livez": "/livez",
    "/readyz": "/readyz",
    "/api/inventory/list": "/api/inventory/list",
    "/api/inventory/items?limit=1": "/api/inventory/items",
    "/api/dashboard/stats": "/api/dashboard/stats",
    "/api/cache/stats": "/api/cache/stats",
}
NOT_JSON = {"/api/v1/raw/{sha256}", "/api/v1/events", "/metrics"}


def described(path: str, method: str, status: int) -> dict[str, Any]:
    response = DOCUMENT["paths"][path][method]["responses"][str(status)]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


@pytest.mark.parametrize(("path", "template"), PATHS.items())
def test_answers_fit(either_api: Api, path: str, template: str) -> None:
    fill(either_api)
    either_api.ask("POST", "/api/v1/sync/runs")
    answer = either_api.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert problems(answer.json(), described(template, "get", 200), DOCUMENT) == []


@pytest.mark.parametrize(
    "template", sorted({*PATHS.values()} - {"/api/v1/sync/runs/{run_id}", "/api/v1/quarantine/rows/{row_id}"})
)
def test_answers_of_an_empty_shop_fit(api: Api, template: str) -> None:
    path = template.replace("{product_id}", "item-1")
    answer = api.get(path)
    schema = described(template, "get", 200) if answer.status_code == 200 else PROBLEM
    assert problems(answer.json(), schema, DOCUMENT) == []
    assert (answer.status_code == 404) == ("{product_id}" in template)


def test_every_path_is_tried() -> None:
    reading = {path for path, verbs in DOCUMENT["paths"].items() if "get" in verbs}
    assert reading == {*PATHS.values()} | NOT_JSON


def test_the_committed_description_is_the_present_one() -> None:
    committed = (REPOSITORY / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(committed) == DOCUMENT, "run `python scripts/reference.py`"


def test_names_of_operations_are_stable_words() -> None:
    names = [verb["operationId"] for path in DOCUMENT["paths"].values() for verb in path.values()]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalpha() and name.islower() for name in names)


def test_it_serves_its_description(api: Api) -> None:
    assert api.get("/api/openapi.json").json() == DOCUMENT


class TestStarting:
    def test_a_sync_can_be_asked_for(self, api: Api) -> None:
        answer = api.ask("POST", "/api/v1/sync/runs", json={"source": "ozon", "streams": ["stock"], "full": True})
        assert answer.status_code == 202
        assert answer.headers["location"] == "/api/v1/sync/runs/1"
        assert api.desk.asked == [{"source": "ozon", "streams": ["stock"], "full": True}]
        assert problems(answer.json(), described("/api/v1/sync/runs", "post", 202), DOCUMENT) == []

    def test_without_a_body_all_is_synced(self, api: Api) -> None:
        assert api.ask("POST", "/api/v1/sync/runs").status_code == 202
        assert api.desk.asked == [{"source": None, "streams": None, "full": False}]

    def test_a_run_can_be_stopped(self, api: Api) -> None:
        assert api.ask("POST", "/api/v1/sync/runs/1/stop").status_code == 404
        api.ask("POST", "/api/v1/sync/runs")
        answer = api.ask("POST", "/api/v1/sync/runs/1/stop")
        assert answer.status_code == 202
        assert problems(answer.json(), described("/api/v1/sync/runs/{run_id}/stop", "post", 202), DOCUMENT) == []

    def test_a_run_that_has_ended_cannot_be_stopped(self, api: Api) -> None:
        api.desk.ended = True
        answer = api.ask("POST", "/api/v1/sync/runs/1/stop")
        assert (answer.status_code, answer.json()["title"]) == (409, "The run has ended")
        assert answer.json()["detail"] == "Run 1 has ended already (done); there is nothing to stop."

    def test_a_body_that_is_no_json_is_called_that(self, api: Api) -> None:
        given = {"content": b"{garbage", "headers": {"content-type": "application/json"}}
        answer = api.ask("POST", "/api/v1/sync/runs", **given)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("body: received no JSON (")
        assert "{}" not in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("/api/v1/products?limit=lots", "limit: received 'lots'; allowed: a whole number"),
            ("/api/v1/products?limit=900", "limit: received '900'; allowed: 200 or less"),
            ("/api/v1/products?limit=0", "limit: received '0'; allowed: 1 or more"),
            ("/api/v1/products?state=new", "state: received 'new'; allowed: 'active', 'archived' or 'all'"),
            ("/api/v1/sync/runs?findings=perhaps", "findings: received 'perhaps'; allowed: true or false"),
            ("/api/v1/products/x", "product_id: received 'x'; allowed: what matches ^(item|sku)-[0-9]{1,18}$"),
        ],
    )
    def test_what_is_allowed_is_said_in_plain_words(self, api: Api, path: str, says: str) -> None:
        answer = api.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (422, says)

    @pytest.mark.parametrize(
        ("path", "name"),
        [("/api/v1/products?marketplace=ozon,amazon", "marketplace"), ("/api/v1/sync/runs?source=amazon", "source")],
    )
    def test_an_unknown_source_is_no_empty_answer(self, api: Api, path: str, name: str) -> None:
        answer = api.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (422, f"{name}: received 'amazon'; allowed: ozon.")
        assert api.get(path.replace("amazon", "ozon")).status_code == 200

    def test_an_unknown_source_is_refused(self, api: Api) -> None:
        answer = api.ask("POST", "/api/v1/sync/runs", json={"source": "amazon"})
        assert (answer.status_code, answer.json()["detail"]) == (422, "source: received 'amazon'; allowed: ozon.")


class TestRaw:
    BODY = ' {"items": [{"sku": 900001, "warehouse_id": 2, "free": 3,  "note": "Ё"}]}'.encode()

    @pytest.fixture
    def digest(self, api: Api, tmp_path: Path) -> str:
        fill(api)
        raw = RawStore(tmp_path / "raw")
        location = raw.append(self.BODY)
        raw.close()
        digest = sha256(self.BODY).hexdigest()
        with api.database.write() as connection:
            connection.execute(
                tables.raw_page.insert().values(
                    id=5,
                    account_id=1,
                    stream="stock",
                    run_id=1,
                    sha256=digest,
                    segment=location.segment,
                    position=location.position,
                    length=location.length,
                    size=len(self.BODY),
                    endpoint="POST /v1/stocks",
                    request="{}",
                    received_at=1_795_348_800_000_000,
                    parser="ozon/1",
                )
            )
            connection.execute(tables.stock.update().where(tables.stock.c.place_id == 2).values(raw_page_id=5))
        return digest

    def test_comes_byte_for_byte_and_stays(self, api: Api, digest: str) -> None:
        answer = api.get(f"/api/v1/raw/{digest}")
        assert answer.content == self.BODY
        assert "immutable" in answer.headers["cache-control"]
        assert api.get(f"/api/v1/raw/{digest}", {"if-none-match": answer.headers["etag"]}).status_code == 304

    def test_why_goes_down_to_it(self, api: Api, digest: str) -> None:
        why = api.get("/api/v1/products/item-7/why").json()
        assert why["value"] == 4.5
        assert sum(part["value"] for part in why["parts"]) == why["value"]
        first = next(part for part in why["parts"] if part["label"] == "Ростов")
        assert first["response"] == digest
        assert first["excerpt"] == '{"sku": 900001, "warehouse_id": 2, "free": 3,  "note": "Ё"}'
        assert first["endpoint"] == "POST /v1/stocks"
        assert api.get("/api/v1/products/item-7").json()["places"][0]["response"] == digest

    def test_an_aged_out_one_is_said(self, api: Api, digest: str, tmp_path: Path) -> None:
        next((tmp_path / "raw").iterdir()).unlink()
        assert api.get(f"/api/v1/raw/{digest}").status_code == 404
        parts = api.get("/api/v1/products/item-7/why").json()["parts"]
        assert [part["response"] for part in parts] == [None, None]
        assert sum(part["value"] for part in parts) == 4.5

    def test_an_unknown_one(self, api: Api) -> None:
        assert api.get("/api/v1/raw/" + "0" * 64).status_code == 404
        assert api.get("/api/v1/raw/..%2f..%2fetc").status_code in (404, 422)
