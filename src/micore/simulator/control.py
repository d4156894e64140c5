"""The simulator's own paths under /simulator: facts, virtual clock, faults, statistics, and the truth of the shop."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from micore.simulator.clock import DAY_US, Clock, from_us, parse_instant, rfc3339
from micore.simulator.faults import Faults
from micore.simulator.http import Answer, Request, Stats, json_answer
from micore.simulator.limits import Bans
from micore.simulator.shop.places import PLACES
from micore.simulator.shop.shop import Shop


class Control:
    """Answers the control paths on both ports."""

    def __init__(
        self,
        shop: Shop,
        clock: Clock,
        stats: Stats,
        faults: Faults,
        bans: Bans,
        paths: Callable[[], dict[str, list[str]]],
    ) -> None:
        self._shop, self._clock, self._stats, self._paths = shop, clock, stats, paths
        self._faults, self._bans = faults, bans

    def answer(self, request: Request) -> Answer | None:
        """The answer, or None for a path of the marketplaces."""
        if request.path == "/simulator":
            return json_answer(self._facts())
        if request.path == "/simulator/stats":
            return json_answer({**self._stats.facts(), "callers": self._bans.facts()})
        try:
            if request.path == "/simulator/clock":
                return self._set_clock(request)
            if request.path == "/simulator/faults":
                return self._set_faults(request)
            if request.path == "/simulator/truth":
                return json_answer(self._truth(request.query))
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 400)
        return None

    def _facts(self) -> dict[str, Any]:
        shop = self._shop
        now = self._clock.now_us()
        return {
            "process_id": os.getpid(),
            "seed": shop.seed,
            "products": shop.products,
            "days": shop.days,
            "today": shop.today.isoformat(),
            "clock": rfc3339(now),
            "frozen": self._clock.frozen,
            "counts": {
                "ozon_products": len(shop.ozon_products),
                "wildberries_cards": len(shop.wb_cards),
                "places": len(PLACES),
                "postings": int(np.searchsorted(shop.books(now).postings.created_us, now, side="right")),
            },
            "paths": self._paths(),
        }

    def _set_clock(self, request: Request) -> Answer:
        if request.method == "POST":
            wanted = msgspec.json.decode(request.body)
            if not isinstance(wanted, dict) or len(wanted) != 1:
                raise ValueError('send one of {"advance_seconds": 60}, {"set": "2026-11-20T09:00:00Z"}, {"live": true}')
            move_clock(self._clock, self._shop, wanted)
        now = self._clock.now_us()
        self._shop.books(now)
        return json_answer({"clock": rfc3339(now), "frozen": self._clock.frozen})

    def _set_faults(self, request: Request) -> Answer:
        if request.method == "POST":
            wanted = msgspec.json.decode(request.body)
            if not isinstance(wanted, dict) or set(wanted) != {"fault"} or not isinstance(wanted["fault"], str):
                raise ValueError('send {"fault": "kind[:argument][@path-part][xCOUNT or %SHARE]"}')
            self._faults.add(wanted["fault"])
        elif request.method == "DELETE":
            self._faults.remove(int(request.query["id"]) if "id" in request.query else None)
        return json_answer(self._faults.facts())

    def _truth(self, query: dict[str, str]) -> dict[str, Any]:
        """Stock, demand and lost demand of one sku (`sku=`) or of all (without it), at the clock."""
        shop, now = self._shop, self._clock.now_us()
        books = shop.books(now)
        chosen = np.arange(shop.products)
        if "sku" in query:
            chosen = chosen[shop.goods.sku[: shop.products] == int(query["sku"])]
        inside = np.isin(shop.pairs.product, chosen)
        pairs = np.flatnonzero(inside).astype(np.int64)
        available, reserved = books.available.at(pairs, now), books.reserved.at(pairs, now)
        today = int((now - shop.start_us) // DAY_US)
        day_from, day_to = int(query.get("day_from", max(today - 27, 0))), int(query.get("day_to", today))
        demand = sum((shop.demand(day)[chosen] for day in range(day_from, day_to + 1)), np.zeros(len(chosen), np.int64))
        lost = books.lost
        seen = (lost.day >= day_from) & (lost.day <= day_to)
        missed = np.bincount(shop.pairs.product[lost.pair[seen]], weights=lost.units[seen], minlength=shop.goods.count)
        return {
            "clock": rfc3339(now),
            "day_from": from_us(shop.start_us + day_from * DAY_US + 4 * 3600_000_000).date().isoformat(),
            "day_to": from_us(shop.start_us + day_to * DAY_US + 4 * 3600_000_000).date().isoformat(),
            "skus": [
                {"product": int(k), "sku": int(shop.goods.sku[k]), "demand": int(wanted), "lost": int(missed[k])}
                for k, wanted in zip(chosen, demand, strict=True)
            ],
            "stock": [
                {
                    "sku": int(shop.goods.sku[shop.pairs.product[pair]]),
                    "warehouse_id": PLACES[int(shop.pairs.place[pair])].place_id,
                    "available": int(free),
                    "reserved": int(held),
                }
                for pair, free, held in zip(pairs, available, reserved, strict=True)
            ],
        }


def move_clock(clock: Clock, shop: Shop, wanted: dict[str, Any]) -> None:
    """Apply one clock command. Raises ValueError for an unknown one or an instant before the shop's history."""
    if "advance_seconds" in wanted and isinstance(wanted["advance_seconds"], int | float):
        clock.advance(wanted["advance_seconds"])
    elif isinstance(wanted.get("set"), str):
        instant = parse_instant(wanted["set"])
        if instant < shop.start_us:
            raise ValueError(f"the shop's history starts at {rfc3339(shop.start_us)}; {wanted['set']} is before it")
        clock.set(from_us(instant))
    elif wanted.get("live") is True:
        clock.live()
    else:
        raise ValueError(f"unknown clock command {wanted}; use advance_seconds, set or live")


def start_instant(text: str | None) -> datetime | None:
    """The `--clock` argument as an instant."""
    return None if text is None else from_us(parse_instant(text))
