"""Whatever is sent: never a server error, always a problem that says what was wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from micore.api.errors import PROBLEM_JSON
from tests.api.conftest import Api, fill
from tests.api.schema import problems
from tests.api.test_contract import DOCUMENT, PROBLEM

NASTY = (
    *("", "0", "-1", "1e400", "NaN", "9" * 19, "9" * 400, "1.5", "١٢", "null", "true", "[]", "{}", "undefined"),
    *(
        "'",
        '"',
        "' OR '1'='1",
        "%",
        "%00",
        "\x00",
        "\x00abc",
        "\n",
        "\r\nX-Evil: 1",
        "\u2028",
        "\ud83d\ude00",
        "é" * 300,
    ),
    *(
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "item-1",
        "sku-0",
        "item-" + "9" * 18,
        "-effect",
        ",,,",
        "1,2,3",
    ),
    *("*", 'a" OR "b', "NEAR(a b)", "\\", "_", "critical,low", "WyJuYW1lIiwgMSwgMSwgMF0", "a" * 5000),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogatepass")


def requests(count: int, seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Requests near the described ones, each bent somewhere."""
    chance = random.Random(seed)
    paths = [path for path in DOCUMENT["paths"] if path != "/api/v1/events"]
    for _ in range(count):
        template = chance.choice(paths)
        path = template
        for name in ("product_id", "run_id", "sha256"):
            path = path.replace(f"{{{name}}}", quoted(chance.choice(NASTY), chance.choice(["", "/"])) or "x")
        operation = DOCUMENT["paths"][template].get("get", {})
        names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"] + ["junk"]
        query = "&".join(
            f"{chance.choice(names)}={quoted(chance.choice(NASTY), chance.choice(['', '&=']))}"
            for _ in range(chance.randint(0, 3))
        )
        method = chance.choice([*METHODS, *("GET",) * 8, *("POST",) * 3])
        given: dict[str, Any] = {"headers": {}}
        if method in ("POST", "PUT", "PATCH"):
            body: Any = chance.choice([*NASTY, "[" * 3000, '{"source": 5}', '{"full": "maybe"}', '{"streams": [null]}'])
            given["content"] = body.encode("utf-8", "surrogatepass")
            given["headers"]["content-type"] = chance.choice(["application/json", "text/plain", "x", "application/xml"])
        if chance.random() < 0.3:
            header = chance.choice(["if-none-match", "accept-encoding", "content-length", "range", "accept"])
            value = "".join(letter for letter in chance.choice(NASTY) if letter.isascii() and letter.isprintable())
            if header != "content-length":
                given["headers"][header] = value[:200]
        yield method, f"{path}?{query}", given


@pytest.mark.parametrize("seed", range(4))
def test_bent_requests_never_break_the_server(api: Api, seed: int) -> None:
    fill(api)
    refused: list[tuple[str, str, httpx2.Response]] = []

    async def work(client: httpx2.AsyncClient) -> None:
        for method, path, given in requests(300, seed):
            try:
                answer = await client.request(method, path, **given)
            except httpx2.InvalidURL:
                continue  # the client itself will not send this one
            assert answer.status_code < 500, (method, path, given, answer.text)
            assert "Traceback" not in answer.text
            assert answer.headers["x-request-id"]
            if answer.status_code >= 400 and method != "HEAD":
                refused.append((method, path, answer))

    api.run(work)
    assert len(refused) > 50
    for method, path, answer in refused:
        assert answer.headers["content-type"] == PROBLEM_JSON, (method, path, answer.text)
        assert problems(answer.json(), PROBLEM, DOCUMENT) == [], (method, path)
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.json()["detail"]


class TestProblems:
    def test_not_found(self, api: Api) -> None:
        answer = api.get("/api/v1/nothing")
        assert (answer.status_code, answer.json()["type"]) == (404, "https://micore.invalid/problems/not-found")

    def test_method(self, api: Api) -> None:
        answer = api.ask("DELETE", "/api/v1/dashboard")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert answer.json()["type"].endswith("/method-not-allowed")

    def test_a_parameter(self, api: Api) -> None:
        answer = api.get("/api/v1/products?limit=0")
        assert answer.status_code == 422
        assert "limit" in answer.json()["detail"]
        assert "'0'" in answer.json()["detail"]
        twice = api.get("/api/v1/products?status=low&status=critical")
        assert (twice.status_code, "several times" in twice.json()["detail"]) == (422, True)
        unknown = api.get("/api/v1/products?statuses=low")
        assert (unknown.status_code, "status" in unknown.json()["detail"]) == (422, True)

    def test_sizes(self, api: Api) -> None:
        assert api.get("/api/v1/products?q=" + "a" * 5000).status_code == 414
        large = json.dumps({"source": "x" * 70_000})
        assert api.ask("POST", "/api/v1/sync/runs", content=large.encode()).status_code == 413

        async def endless(client: httpx2.AsyncClient) -> int:
            async def chunks() -> Any:
                for _ in range(100):
                    yield b"x" * 1000

            return (await client.post("/api/v1/sync/runs", content=chunks())).status_code

        assert api.run(endless) == 413

    def test_a_mistake_of_ours_tells_nothing_inside(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise ZeroDivisionError("secret inside")

        monkeypatch.setattr(api.desk, "overview", fail)
        answer = api.get("/api/v1/sync")
        assert (answer.status_code, answer.json()["type"]) == (500, "https://micore.invalid/problems/unexpected")
        assert "secret inside" not in answer.text
        assert answer.json()["request_id"] in answer.json()["remedy"]

    def test_a_mistake_in_a_cached_answer_too(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api.parts.dashboards.__class__, "dashboard", lambda _self: 1 / 0)
        answer = api.get("/api/v1/dashboard")
        assert answer.status_code == 500
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        monkeypatch.undo()
        assert api.get("/api/v1/dashboard").status_code == 200
