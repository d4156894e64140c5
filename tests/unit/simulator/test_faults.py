"""Faults on request: what each does to an answer, which requests it meets, and that it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from micore.simulator import Clock, Running, Shop, Simulator, serve_in_thread
from micore.simulator.faults import KINDS, read_wish
from micore.simulator.http import Answer
from tests.unit.simulator.asking import Ozon, Spec, Wildberries

LIST = "/v3/product/list"
INFO = "/v3/product/info/list"
FBO = "/v3/posting/fbo/list"
PERIOD = {"filter": {"since": "2026-09-01T00:00:00Z", "to": "2026-11-22T00:00:00Z"}, "limit": 100}
HEADERS = {"Client-Id": "1", "Api-Key": "key"}


def listed(ozon: Ozon, last_id: str = "", limit: int = 40) -> dict[str, Any]:
    found: dict[str, Any] = ozon.ask(LIST, {"filter": {}, "last_id": last_id, "limit": limit})["result"]
    return found


def products(ozon: Ozon) -> list[dict[str, Any]]:
    ids = [str(item["product_id"]) for item in listed(ozon)["items"]]
    items: list[dict[str, Any]] = ozon.ask(INFO, {"product_id": ids})["items"]
    return items


class TestWriting:
    @pytest.mark.parametrize(
        ("text", "kind", "number", "field_name", "part", "count", "share"),
        [
            ("429", "429", None, "", "", None, None),
            ("500x3", "500", None, "", "", 3, None),
            ("429:30@ozon/v1x5", "429", 30.0, "", "ozon/v1", 5, None),
            ("slow", "slow", 1000.0, "", "", None, None),
            ("dropped:sku@/stocks%20", "dropped", None, "sku", "/stocks", None, 20),
            ("repeated-cursor@/list", "repeated-cursor", None, "", "/list", None, None),
        ],
    )
    def test_it_is_read(
        self, text: str, kind: str, number: float | None, field_name: str, part: str, count: int, share: int
    ) -> None:
        wish = read_wish(text)
        assert (wish.kind, wish.number, wish.field_name, wish.part) == (kind, number, field_name, part)
        assert (wish.count, wish.share_percent) == (count, share)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("418", "kinds: 429, 500"),
            ("", "for example"),
            ("500%0", "from 1 to 100"),
            ("500:3", "takes no argument"),
            ("slow:fast", "takes a number"),
            ("slow:0", "takes a number"),
            ("shrunken:101", "up to 100"),
            ("dropped", "as in dropped:sku"),
        ],
    )
    def test_what_cannot_be_read_says_what_to_write(self, text: str, why: str) -> None:
        with pytest.raises(ValueError, match=why):
            read_wish(text)

    def test_every_kind_is_described(self) -> None:
        page = (Path(__file__).parents[3] / "docs/reference/simulator.md").read_text("utf-8")
        assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


class TestWhom:
    def test_the_first_requests_of_a_path(self, simulator: Simulator, ozon: Ozon) -> None:
        simulator.faults.add(f"500@ozon{LIST}x2")
        assert [ozon.raw("/v1/roles").status for _ in range(3)] == [200] * 3
        assert [ozon.raw(LIST, {"limit": 5}).status for _ in range(4)] == [500, 500, 200, 200]

    def test_a_share_is_the_same_each_time(self, shop: Shop, clock: Clock) -> None:
        def statuses(fault: str) -> list[int]:
            simulator = Simulator(shop, clock, limits=False, faults=[fault])
            return [Ozon(simulator).raw("/v1/roles").status for _ in range(200)]

        first = statuses("503%20")
        assert first == statuses("503%20")
        assert 20 < first.count(503) < 60

    def test_taken_away_all_is_as_before(self, simulator: Simulator, ozon: Ozon) -> None:
        true = ozon.raw(LIST, {"limit": 5})
        made = [simulator.faults.add(text) for text in ("off", "html")]
        assert ozon.raw(LIST, {"limit": 5}).status == 404
        simulator.faults.remove(made[0].fault_id)
        assert ozon.raw(LIST, {"limit": 5}).content_type.startswith("text/html")
        simulator.faults.remove()
        assert ozon.raw(LIST, {"limit": 5}) == true

    def test_one_marketplace_alone(self, simulator: Simulator, ozon: Ozon, wildberries: Wildberries) -> None:
        simulator.faults.add("500@wildberries")
        assert ozon.raw("/v1/roles").status == 200
        assert wildberries.raw("GET", "/ping").status == 500


class TestInstead:
    def test_a_storm_speaks_as_the_marketplace_and_ends(
        self, simulator: Simulator, clock: Clock, ozon: Ozon, wildberries: Wildberries
    ) -> None:
        simulator.faults.add("429:30")
        assert ozon.refused("/v1/roles") == (429, "You have reached request rate limit per second")
        said = wildberries.raw("GET", "/ping")
        assert (said.status, said.content_type) == (429, "application/problem+json")
        headers = dict(said.headers)
        assert set(headers) == {f"X-Ratelimit-{name}" for name in ("Limit", "Remaining", "Reset", "Retry")}
        assert int(headers["X-Ratelimit-Retry"]) == 30
        clock.advance(31)
        assert ozon.raw("/v1/roles").status == wildberries.raw("GET", "/ping").status == 200
        assert simulator.stats.facts()["limited"] == 0, "a storm is not the client's fault"

    @pytest.mark.parametrize("kind", ["lost", "504", "cut"])
    def test_an_order_is_taken_whatever_becomes_of_its_answer(
        self, simulator: Simulator, ozon: Ozon, kind: str
    ) -> None:
        simulator.faults.add(f"{kind}@by-products/createx1")
        week = {"date_from": "2026-11-16", "date_to": "2026-11-22"}
        answer = ozon.raw("/v1/report/placement/by-products/create", week)
        assert (answer.status, answer.fault) == (504 if kind == "504" else 200, kind)
        assert answer.delivery.never == (kind == "lost")
        listed = ozon.ask("/v1/report/list", {"page": 1, "page_size": 10})["result"]
        assert listed["total"] == 1

    @pytest.mark.parametrize("kind", ["timeout", "500", "502", "503", "html", "429"])
    def test_what_comes_in_the_answers_place_is_not_done(self, simulator: Simulator, ozon: Ozon, kind: str) -> None:
        simulator.faults.add(f"{kind}@by-products/createx1")
        ozon.raw("/v1/report/placement/by-products/create", {"date_from": "2026-11-16", "date_to": "2026-11-22"})
        assert ozon.ask("/v1/report/list", {"page": 1, "page_size": 10})["result"]["total"] == 0

    @pytest.mark.parametrize(("kind", "status"), [("502", 502), ("503", 503), ("html", 200)])
    def test_a_gateway_says_html(self, simulator: Simulator, ozon: Ozon, kind: str, status: int) -> None:
        simulator.faults.add(kind)
        answer = ozon.raw("/v1/roles")
        assert (answer.status, answer.body[:6]) == (status, b"<html>")

    @pytest.mark.parametrize(("kind", "status", "code"), [("500", 500, 13), ("off", 404, 5)])
    def test_errors_have_the_marketplaces_shape(
        self, simulator: Simulator, ozon: Ozon, wildberries: Wildberries, kind: str, status: int, code: int
    ) -> None:
        simulator.faults.add(kind)
        said = ozon.raw("/v1/roles")
        assert (said.status, json.loads(said.body)["code"]) == (status, code)
        answer = wildberries.raw("GET", "/ping")
        assert (answer.status, json.loads(answer.body)["status"]) == (status, status)


class TestRows:
    def test_an_empty_list_is_an_end_by_the_specification(self, simulator: Simulator, ozon: Ozon) -> None:
        simulator.faults.add("empty")
        said = ozon.ask(LIST, {"filter": {}, "limit": 40})
        assert said == {"result": {"items": [], "total": 0, "last_id": ""}}
        assert Spec("ozon-seller-api.json").answer_faults(LIST, said) == []
        assert ozon.ask(FBO, PERIOD) == {"postings": [], "has_next": False, "cursor": ""}

    def test_a_shrunken_answer_has_the_first_rows(self, simulator: Simulator, ozon: Ozon) -> None:
        true = listed(ozon)
        simulator.faults.add("shrunken:25")
        assert listed(ozon) == {**true, "items": true["items"][:10]}

    def test_numbers_of_one_row_become_texts(self, simulator: Simulator, ozon: Ozon) -> None:
        true = products(ozon)
        simulator.faults.add(f"types@{INFO}")
        wrong = [(row, was) for row, was in zip(products(ozon), true, strict=True) if row != was]
        assert len(wrong) == 1
        assert wrong[0][0]["id"] == "н/д"

    def test_fields_are_renamed_or_missing(self, simulator: Simulator, ozon: Ozon) -> None:
        true = [item["offer_id"] for item in listed(ozon)["items"]]
        simulator.faults.add("renamed:offer_id")
        simulator.faults.add("dropped:product_id")
        for row, offer_id in zip(listed(ozon)["items"], true, strict=True):
            assert row["offer_id_v2"] == offer_id
            assert {"offer_id", "product_id"} & set(row) == set()

    def test_foreign_products_are_none_of_the_shops(
        self, simulator: Simulator, ozon: Ozon, wildberries: Wildberries
    ) -> None:
        own = {item["product_id"] for item in listed(ozon)["items"]}
        simulator.faults.add("foreign:25")
        told = {item["product_id"] for item in listed(ozon)["items"]}
        assert (len(told), len(told - own)) == (40, 10)
        cards = wildberries.ask("POST", "/content/v2/get/cards/list", {"settings": {"cursor": {"limit": 40}}})["cards"]
        assert sum(card["nmID"] > 7_000_000_000 for card in cards) == 10

    def test_what_has_no_rows_stays_as_it_is(self, simulator: Simulator, wildberries: Wildberries) -> None:
        true = wildberries.ask("GET", "/api/v1/seller-info")
        for kind in ("empty", "types", "foreign", "repeated-cursor", "queue"):
            simulator.faults.add(kind)
        assert wildberries.ask("GET", "/api/v1/seller-info") == true


class TestPages:
    def test_a_repeated_mark_goes_in_circles(self, simulator: Simulator, ozon: Ozon) -> None:
        first = ozon.ask(FBO, PERIOD)
        simulator.faults.add("repeated-cursor")
        second = ozon.ask(FBO, {**PERIOD, "cursor": first["cursor"]})
        assert second["postings"] != first["postings"]
        assert (second["cursor"], second["has_next"]) == (first["cursor"], True)

    def test_a_repeated_mark_of_cards(self, simulator: Simulator, wildberries: Wildberries) -> None:
        path = "/content/v2/get/cards/list"
        mark = wildberries.ask("POST", path, {"settings": {"cursor": {"limit": 20}}})["cursor"]
        simulator.faults.add("repeated-cursor")
        asked = {"settings": {"cursor": {"limit": 20, "nmID": mark["nmID"], "updatedAt": mark["updatedAt"]}}}
        assert wildberries.ask("POST", path, asked)["cursor"]["nmID"] == mark["nmID"]

    def test_a_page_comes_twice(self, simulator: Simulator, ozon: Ozon) -> None:
        simulator.faults.add("duplicate-page")
        first = ozon.ask(FBO, PERIOD)
        assert ozon.ask(FBO, {**PERIOD, "cursor": first["cursor"]}) == first

    @pytest.mark.parametrize("path", [LIST, FBO])
    def test_a_page_is_missing(self, simulator: Simulator, ozon: Ozon, path: str) -> None:
        mark = "last_id" if path == LIST else "cursor"
        body = {"filter": {}, "limit": 40, mark: ""} if path == LIST else {**PERIOD, mark: ""}
        first = ozon.ask(path, body)
        second = ozon.ask(path, {**body, mark: first.get("result", first)[mark]})
        simulator.faults.add("missing-page")
        assert ozon.ask(path, body) == second

    def test_a_report_stays_in_the_queue(
        self, simulator: Simulator, clock: Clock, ozon: Ozon, wildberries: Wildberries
    ) -> None:
        simulator.faults.add("queue")
        code = ozon.ask(
            "/v1/report/placement/by-products/create", {"date_from": "2026-11-01", "date_to": "2026-11-10"}
        )["code"]
        task = wildberries.ask("GET", "/api/v1/warehouse_remains")["data"]["taskId"]
        clock.advance(1860)
        report = ozon.ask("/v1/report/info", {"code": code})["result"]
        assert (report["status"], report["file"]) == ("processing", "")
        status = f"/api/v1/warehouse_remains/tasks/{task}/status"
        assert wildberries.ask("GET", status)["data"]["status"] == "processing"
        simulator.faults.remove()
        assert wildberries.ask("GET", status)["data"]["status"] == "done"

    def test_late_is_what_was_true_before(self, simulator: Simulator, clock: Clock, ozon: Ozon) -> None:
        body = {**PERIOD, "filter": {"since": "2026-11-20T00:00:00Z", "to": "2026-11-23T00:00:00Z"}}
        before = ozon.ask(FBO, body)
        clock.advance(7200)
        after = ozon.ask(FBO, body)
        simulator.faults.add("late:7200")
        assert ozon.ask(FBO, body) == before != after
        assert clock.now().hour == 14


class TestBans:
    def test_ten_refusals_in_a_minute_ban_the_caller_alone(self, shop: Shop, clock: Clock) -> None:
        simulator = Simulator(shop, clock, monotonic=lambda: 0.0, ban_seconds=600)
        one, other = Ozon(simulator), Ozon(simulator, {"client-id": "2", "api-key": "key"})
        statuses = [one.raw("/v1/roles").status for _ in range(60)]
        assert statuses == [200] * 50 + [429] * 10
        clock.advance(5)
        assert one.refused("/v1/roles")[0] == 429
        assert other.raw("/v1/roles").status == 200
        clock.advance(600)
        assert one.raw("/v1/roles").status == 200
        assert simulator.bans.facts()["ozon 1000001"] == {"limited": 11, "bans": 1, "banned_seconds": 0.0}

    def test_a_banned_client_of_wildberries_is_told_for_how_long(self, shop: Shop, clock: Clock) -> None:
        simulator = Simulator(shop, clock, monotonic=lambda: 0.0, ban_seconds=600)
        client = Wildberries(simulator)
        assert [client.raw("GET", "/ping").status for _ in range(13)] == [200] * 3 + [429] * 10
        answer = client.raw("GET", "/api/v3/warehouses")
        assert (answer.status, dict(answer.headers)["X-Ratelimit-Retry"]) == (429, "600")

    def test_nobody_is_banned_unasked(self, shop: Shop, clock: Clock) -> None:
        client = Ozon(Simulator(shop, clock, monotonic=lambda: 0.0))
        assert [client.raw("/v1/roles").status for _ in range(70)][-1] == 429
        clock.advance(1)
        assert client.raw("/v1/roles").status == 200


class TestOnTheWire:
    @pytest.fixture
    def running(self, shop: Shop, clock: Clock) -> Iterator[Running]:
        with serve_in_thread(shop, clock, limits=False) as found:
            yield found

    @pytest.fixture
    def client(self, running: Running) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=running.ozon_url, headers=HEADERS, trust_env=False, timeout=10) as found:
            yield found

    def test_nothing_comes_and_the_connection_is_held(self, running: Running, client: httpx2.Client) -> None:
        client.post("/simulator/faults", json={"fault": "timeout@ozonx1"})
        with pytest.raises(httpx2.ReadTimeout):
            client.post("/v1/roles", timeout=0.3)
        assert client.post("/v1/roles").status_code == 200

    def test_a_cut_answer_tells_its_whole_length(self, running: Running, client: httpx2.Client) -> None:
        whole = client.post(LIST, json={"limit": 40})
        client.post("/simulator/faults", json={"fault": "cutx1"})
        with client.stream("POST", LIST, json={"limit": 40}) as answer:
            assert answer.headers["content-length"] == str(len(whole.content))
            with pytest.raises(httpx2.RemoteProtocolError):
                answer.read()
        assert client.post(LIST, json={"limit": 40}).content == whole.content

    def test_a_slow_answer_drips_and_is_whole(self, running: Running, client: httpx2.Client) -> None:
        whole = client.post(LIST, json={"limit": 40}).content
        client.post("/simulator/faults", json={"fault": f"slow:{len(whole) * 2}"})
        started = time.monotonic()
        assert client.post(LIST, json={"limit": 40}).content == whole
        assert time.monotonic() - started > 0.3

    def test_faults_are_set_told_and_taken_away_at_run_time(self, running: Running, client: httpx2.Client) -> None:
        said = client.post("/simulator/faults", json={"fault": "500@/v1/rolesx1"}).json()["faults"]
        assert said == [{"id": 1, "fault": "500@/v1/rolesx1", "kind": "500", "seen": 0, "hit": 0, "seconds_left": None}]
        assert [client.post("/v1/roles").status_code for _ in range(2)] == [500, 200]
        said = httpx2.get(f"{running.wildberries_url}/simulator/faults", trust_env=False).json()["faults"]
        assert (said[0]["seen"], said[0]["hit"]) == (2, 1)
        assert client.get("/simulator/stats").json()["faults"] == {"500": 1}
        assert client.delete("/simulator/faults", params={"id": 9}).status_code == 400
        assert client.delete("/simulator/faults", params={"id": 1}).json()["faults"] == []

    @pytest.mark.parametrize("body", [{}, {"fault": "418"}, {"fault": 500}, ["500"], {"fault": "500", "more": 1}])
    def test_wrong_commands_are_refused(self, client: httpx2.Client, body: Any) -> None:
        answer = client.post("/simulator/faults", json=body)
        assert answer.status_code == 400
        assert "kind[:argument]" in answer.json()["error"]
        assert client.get("/simulator/faults").json()["faults"] == []


def test_a_good_answer_is_delivered_whole(ozon: Ozon) -> None:
    answer: Answer = ozon.raw("/v1/roles")
    assert (answer.fault, answer.delivery.never, answer.delivery.cut_at) == ("", False, None)


def test_a_wrong_flag_is_told_before_a_shop_is_built() -> None:
    command = [sys.executable, "-m", "micore.simulator", "--ozon-port", "0", "--wildberries-port", "0"]
    ended = subprocess.run([*command, "--fault", "418"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "fault '418' is not known" in ended.stderr
