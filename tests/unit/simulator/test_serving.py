"""The simulator as a running program: ports, clock, control paths, kept arguments."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.simulator.clock import to_us
from micore.simulator.command import KeptShop, Options, kept_shop

HEADERS = {"Client-Id": "1", "Api-Key": "key"}


@pytest.fixture
def running(shop: Shop, clock: Clock) -> Iterator[Running]:
    with serve_in_thread(shop, clock) as found:
        yield found


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as found:
        yield found


def test_the_date_header_is_the_virtual_clock(running: Running, client: httpx2.Client) -> None:
    answer = client.post(f"{running.ozon_url}/v1/roles", headers=HEADERS)
    assert parsedate_to_datetime(answer.headers["date"]) == running.clock.now()
    running.clock.advance(86_400)
    answer = client.get(f"{running.wildberries_url}/ping", headers={"Authorization": "key"})
    assert answer.headers.get_list("date") == ["Mon, 23 Nov 2026 12:00:00 GMT"]


def test_the_clock_is_set_from_outside_on_both_ports(running: Running, client: httpx2.Client) -> None:
    for url in (running.ozon_url, running.wildberries_url):
        before = running.clock.now()
        said = client.post(f"{url}/simulator/clock", json={"advance_seconds": 3600}).json()
        assert running.clock.now() - before == timedelta(hours=1)
        assert datetime.fromisoformat(said["clock"]) == running.clock.now()
    said = client.post(f"{running.ozon_url}/simulator/clock", json={"set": "2026-12-24T18:00:00+03:00"}).json()
    assert said == {"clock": "2026-12-24T15:00:00Z", "frozen": True}
    said = client.post(f"{running.ozon_url}/simulator/clock", json={"live": True}).json()
    assert said["frozen"] is False


@pytest.mark.parametrize("body", [{}, {"set": "noon"}, {"set": "1999-01-01T00:00:00Z"}, {"jump": 1}, [1]])
def test_wrong_clock_commands_are_refused(running: Running, client: httpx2.Client, body: Any) -> None:
    before = running.clock.now_us()
    answer = client.post(f"{running.ozon_url}/simulator/clock", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert running.clock.now_us() == before


def test_facts_truth_and_statistics(running: Running, client: httpx2.Client) -> None:
    facts = client.get(f"{running.ozon_url}/simulator").json()
    assert (facts["seed"], facts["products"], facts["days"], facts["today"]) == (7, 300, 240, "2026-11-22")
    client.post(f"{running.ozon_url}/v1/roles", headers=HEADERS)
    stats = client.get(f"{running.wildberries_url}/simulator/stats").json()
    assert stats["paths"]["POST /v1/roles"]["requests"] == 1
    truth = client.get(f"{running.ozon_url}/simulator/truth").json()
    assert len(truth["skus"]) == 300
    assert sum(row["lost"] for row in truth["skus"]) > 0
    sku = next(row["sku"] for row in truth["skus"] if row["lost"])
    one = client.get(f"{running.ozon_url}/simulator/truth", params={"sku": sku}).json()
    assert [row["sku"] for row in one["skus"]] == [sku]
    assert {row["sku"] for row in one["stock"]} == {sku}


def test_the_fifty_first_request_of_a_second_is_refused_over_http(running: Running, client: httpx2.Client) -> None:
    statuses = [client.post(f"{running.ozon_url}/v1/roles", headers=HEADERS).status_code for _ in range(400)]
    assert set(statuses) == {200, 429}


def test_a_ticking_clock_ticks_and_a_frozen_one_does_not() -> None:
    real = [5_000_000]
    start = datetime(2026, 11, 22, tzinfo=UTC)
    ticking = Clock(start, real_us=lambda: real[0])
    frozen = Clock(start, frozen=True, real_us=lambda: real[0])
    real[0] += 7_000_000
    assert ticking.now() == start + timedelta(seconds=7)
    assert frozen.now() == start
    frozen.live()
    assert frozen.now_us() == 12_000_000


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 11, 22))  # noqa: DTZ001 - that is the point


def test_arguments_are_kept_and_a_later_start_goes_on_with_them(tmp_path: Path) -> None:
    first = kept_shop(Options(seed=3, products=20, days=40, today="2026-11-01", state=tmp_path / "state"))
    later = kept_shop(Options(seed=9, products=99, days=10, today="2026-12-01", state=tmp_path / "state"))
    assert first == later == KeptShop(3, 20, 40, "2026-11-01")


def test_an_unreadable_state_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text("{")
    with pytest.raises(ValueError, match="delete it to begin a new shop"):
        kept_shop(Options(state=tmp_path))


def test_a_wrong_day_is_refused() -> None:
    with pytest.raises(ValueError, match="write it like 2026-11-23"):
        kept_shop(Options(today="tomorrow"))


def test_the_program_serves_until_it_is_asked_to_end(tmp_path: Path, client: httpx2.Client) -> None:
    command = [sys.executable, "-m", "micore.simulator", "--ozon-port", "0", "--wildberries-port", "0"]
    command += ["--products", "8", "--days", "20", "--today", "2026-11-22", "--clock", "2026-11-22T09:00:00Z"]
    command += ["--frozen", "--no-limits", "--state", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as made:
        assert made.stdout is not None
        lines = [made.stdout.readline() for _ in range(3)]
        urls = [found[0] for line in lines if (found := re.findall(r"http://[\d.:]+", line))]
        assert len(urls) == 2
        try:
            # The socket listens only once the server runs; the connection is refused until then.
            transport = httpx2.HTTPTransport(retries=8)
            with httpx2.Client(transport=transport, timeout=10) as patient:
                facts = patient.get(f"{urls[0]}/simulator").json()
            assert facts["clock"] == "2026-11-22T09:00:00Z"
            for _ in range(120):
                assert client.post(f"{urls[0]}/v1/roles", headers=HEADERS).status_code == 200
        finally:
            made.send_signal(signal.SIGTERM)
        assert made.wait(10) == 0
    assert json.loads((tmp_path / "simulator.json").read_text())["products"] == 8


def test_a_taken_port_is_said_in_one_line(running: Running) -> None:
    port = running.ozon_url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "micore.simulator", "--ozon-port", port, "--products", "8", "--days", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "in use" in ended.stderr
