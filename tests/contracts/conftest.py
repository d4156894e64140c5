"""One simulated marketplace for each registered source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from micore import plugins
from micore.simulator import Clock, Running, Shop, serve_in_thread
from tests.contracts.markets import CANARY, Market, behind_a_proxy
from tests.unit.sources.clocks import HandClock

SOURCES = tuple(
    name
    for name in plugins.registered(plugins.SOURCES)
    if any(option.name == "base_url" for option in plugins.load(plugins.SOURCES, name).options)
)
"""Those that can be sent to a simulated marketplace; the drop folder keeps its promises in tests/unit/sources/files."""
STREAMS = tuple((source, stream.name) for source in SOURCES for stream in plugins.load(plugins.SOURCES, source).streams)

OPTIONS = {
    "ozon": {"client_id": "1234", "api_key": CANARY, "history_days": "20"},
    "wildberries": {"api_token": CANARY, "history_days": "20"},
}
"""What each source needs beside the address. A new source adds its line, and its address below."""


def address_of(source: str, running: Running) -> str:
    """Where the simulator plays the marketplace of a source."""
    return {"ozon": running.ozon_url, "wildberries": running.wildberries_url}[source]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stream" in metafunc.fixturenames and {"market", "trial"} & set(metafunc.fixturenames):
        metafunc.parametrize(("market", "stream"), STREAMS, indirect=["market"], scope="session")
    elif {"market", "strict_market", "trial"} & set(metafunc.fixturenames):
        metafunc.parametrize("market", SOURCES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def shop() -> Shop:
    """A small one, sixty days old."""
    return Shop(seed=13, products=120, days=60, today=date(2026, 11, 20))


def clock() -> Clock:
    """One that stands still."""
    return Clock(datetime(2026, 11, 20, 15, 30, tzinfo=UTC), frozen=True)


@pytest.fixture(scope="session")
def simulator(shop: Shop) -> Iterator[Running]:
    """Without limits: most tests only pretend to wait."""
    with serve_in_thread(shop, clock(), limits=False) as running:
        yield running


@pytest.fixture(scope="session")
def strict_market(market: Market, shop: Shop) -> Iterator[Market]:
    """The same, with its limits and without the proxy."""
    with serve_in_thread(shop, clock()) as running:
        address = address_of(market.source_name, running)
        yield Market(
            market.source_name, address, address, market.options, market.barcodes, advance=running.clock.advance
        )


@pytest.fixture(scope="session")
def market(request: pytest.FixtureRequest, simulator: Running) -> Iterator[Market]:
    """The simulated marketplace of one source."""
    name: str = request.param
    with behind_a_proxy(name, address_of(name, simulator), OPTIONS[name]) as found:
        found.learn_barcodes(HandClock().tools())
        yield found
