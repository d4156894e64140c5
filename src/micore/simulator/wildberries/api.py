"""Wildberries' seller APIs: who may ask, how often, and which method answers."""

from __future__ import annotations

from collections.abc import Callable

from micore.simulator.clock import Clock
from micore.simulator.http import Answer, Request
from micore.simulator.shop.shop import Shop


class WildberriesApi:
    """Answers as all *.wildberries.ru hosts together."""

    def __init__(self, shop: Shop, clock: Clock, *, limits: bool, monotonic: Callable[[], float]) -> None:
        self._shop, self._clock = shop, clock

    def paths(self) -> list[str]:
        return []

    def answer(self, request: Request) -> Answer:
        return Answer(404, b"")
