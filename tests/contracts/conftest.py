"""One simulated marketplace for each registered source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from micore import plugins
from micore.simulator import Clock, Running, Shop, serve_in_thread
from tests.contracts.markets import CANARY, Market, behind_a_proxy

SOURCES = tuple(plugins.registered(plugins.SOURCES))
STREAMS = tuple((source, stream.name) for source in SOURCES for stream in plugins.load(plugins.SOURCES, source).streams)

OPTIONS = {"ozon": {"client_id": "1234", "api_key": CANARY, "history_days": "45"}}
"""What each source needs beside the address. A new source adds its line, and its address below."""


def address_of(source: str, running: Running) -> str:
    """Where the simulator plays the marketplace of a source."""
    return {"ozon": running.ozon_url, "wildberries": running.wildberries_url}[source]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stream" in metafunc.fixturenames:
        metafunc.parametrize(("market", "stream"), STREAMS, indirect=["market"], scope="session")
    elif "market" in metafunc.fixturenames:
        metafunc.parametrize("market", SOURCES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def simulator() -> Iterator[Running]:
    """A small shop whose clock stands still."""
    shop = Shop(seed=7, products=150, days=60, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(datetime(2026, 11, 20, 15, 30, tzinfo=UTC), frozen=True)) as running:
        yield running


@pytest.fixture(scope="session")
def market(request: pytest.FixtureRequest, simulator: Running) -> Iterator[Market]:
    """The simulated marketplace of one source."""
    name: str = request.param
    with behind_a_proxy(name, address_of(name, simulator), OPTIONS[name]) as found:
        yield found
