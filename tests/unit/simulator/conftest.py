"""A small shop that all simulator tests look at; its clock is frozen and set anew for each test."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from micore.simulator import Clock, Shop, Simulator
from tests.unit.simulator.asking import Ozon, Wildberries

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def shop() -> Shop:
    return Shop(7, 300, 240, TODAY)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON, frozen=True)


@pytest.fixture
def simulator(shop: Shop, clock: Clock) -> Simulator:
    return Simulator(shop, clock, limits=False)


@pytest.fixture
def ozon(simulator: Simulator) -> Ozon:
    return Ozon(simulator)


@pytest.fixture
def wildberries(simulator: Simulator) -> Wildberries:
    return Wildberries(simulator)
