"""The limits as they are published: neither a source's own nor the simulator's may be kinder."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from micore.simulator import Clock, Shop, Simulator
from micore.simulator.http import Request
from micore.simulator.limits import Bucket, Window
from micore.simulator.wildberries.api import WildberriesApi
from micore.sources.limits import Rule, SlidingWindow, TokenBucket
from micore.sources.ozon import api as ozon
from micore.sources.wildberries import api as wb

TABLE = Path(__file__).resolve().parents[1] / "fixtures" / "specs" / "wildberries-limits.md"
SECONDS = {"мс": 0.001, "сек": 1.0, "мин": 60.0, "ч": 3600.0}
ROW = re.compile(
    r"^\| `(?P<method>[^`]+)` \| [^|]+ \| (?P<whose>[^|]+) \| (?P<period>\d+ \w+) \| (?P<limit>\d+) запрос\w* "
    r"\| (?P<interval>\d+ \w+) \| (?P<burst>\d+) запрос\w* \| (?P<cost>\d*) *\|$",
    re.MULTILINE,
)
SENTENCE = re.compile(r"Максимум (\d+) запроса за (\d+) секунд")
TOGETHER = "для всех методов", "для методов"
"""Stands where methods share a limit."""
BY_CATEGORY = {wb.CARDS_PATH: wb.Category.CONTENT, wb.TRASH_PATH: wb.Category.CONTENT}
BY_CATEGORY[wb.PRICES_PATH] = wb.Category.PRICES


@dataclass(frozen=True)
class Published:
    """One row of Wildberries' tables."""

    whose: str
    period_seconds: float
    limit: int
    interval_seconds: float
    burst: int
    refusal_cost: int


def seconds(text: str) -> float:
    number, unit = text.split()
    return int(number) * SECONDS[unit]


def published() -> dict[str, Published]:
    return {
        row["method"]: Published(
            row["whose"].strip(),
            seconds(row["period"]),
            int(row["limit"]),
            seconds(row["interval"]),
            int(row["burst"]),
            int(row["cost"] or 1),
        )
        for row in ROW.finditer(TABLE.read_text(encoding="utf-8"))
    }


PUBLISHED = published()
SHOP = Shop(seed=7, products=5, days=5, today=date(2026, 11, 20))
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SERVED = WildberriesApi(SHOP, Clock(START, frozen=True), limits=True, monotonic=lambda: 0.0).limits()
"""By the simulator."""
PING = "GET /ping"
ASKED = {path for name, path in vars(wb).items() if name.endswith("_PATH")} - {wb.PING_PATH}
"""Every path that the source knows."""


def ours(path: str) -> Sequence[Rule]:
    """The rules that a request to a path goes by."""
    for category in wb.Category:
        limits = wb.limits_of(category)
        if path in limits.methods:
            return [*limits.category, *limits.methods[path]]
    return wb.limits_of(BY_CATEGORY[path]).category


def path_of(method: str) -> str:
    """As the source writes the path of a method."""
    return re.sub(r"\{\w+\}", "{number}", method.partition(" ")[2])


# --- Wildberries --------------------------------------------------------------------------------------------------


def test_of_every_method_that_is_asked_or_simulated_the_limit_is_known() -> None:
    assert set(PUBLISHED) == set(SERVED) - {PING}
    assert {path_of(method) for method in PUBLISHED} >= ASKED
    for method, told in PUBLISHED.items():
        assert told.period_seconds / told.limit == pytest.approx(told.interval_seconds), method


@pytest.mark.parametrize("method", PUBLISHED)
def test_the_simulated_wildberries_is_not_kinder(method: str) -> None:
    told, limit = PUBLISHED[method], SERVED[method]
    assert isinstance(limit, Bucket)
    assert limit.interval_seconds >= told.interval_seconds
    assert limit.burst <= told.burst
    assert limit.error_cost >= told.refusal_cost


def test_methods_that_share_a_limit_share_it_in_the_simulator() -> None:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for method, told in PUBLISHED.items():
        if any(word in told.whose for word in TOGETHER):
            names[told.whose].add(SERVED[method].name)
    assert len(names) == 5
    assert {whose: len(each) for whose, each in names.items()} == dict.fromkeys(names, 1)
    assert SERVED["POST /content/v2/get/cards/list"] == SERVED["POST /content/v2/get/cards/trash"]


@pytest.mark.parametrize("method", sorted(method for method in PUBLISHED if path_of(method) in ASKED))
def test_the_source_asks_no_oftener_than_published(method: str) -> None:
    told = PUBLISHED[method]
    buckets = [rule for rule in ours(path_of(method)) if isinstance(rule, TokenBucket)]
    assert any(
        each.interval_seconds >= told.interval_seconds
        and each.burst <= told.burst
        and each.refusal_cost >= told.refusal_cost
        for each in buckets
    )


def test_ping_may_be_asked_so_often_in_any_half_minute() -> None:
    said = SENTENCE.search(TABLE.read_text(encoding="utf-8"))
    assert said is not None
    most, period_seconds = int(said[1]), float(said[2])
    rule, simulated = wb.ping_limit(), SERVED[PING]
    assert isinstance(simulated, Window)
    assert rule.limit <= most and simulated.burst <= most
    assert rule.period_seconds >= period_seconds and simulated.seconds >= period_seconds


# --- Ozon ---------------------------------------------------------------------------------------------------------

A_SECOND, A_MINUTE, A_DAY = 50, 1, 5
"""Of a Client-Id over all methods; of /v1/analytics/data ("не больше 1 запроса в минуту"), of the report of placing
("Отчёт можно получить не больше 5 раз в день"): the specification of 2026-08-14. No other method read here has one."""


class Asking:
    """Asks the simulated Ozon on a clock by hand."""

    def __init__(self) -> None:
        self.clock = Clock(START, frozen=True)
        self.simulator = Simulator(SHOP, self.clock, monotonic=lambda: 0.0)

    def let_through(self, path: str, body: object, times: int) -> int:
        """How many of so many requests are not refused as too many."""
        headers = {"client-id": "1000001", "api-key": "key"}
        asked = Request("POST", path, {}, headers, json.dumps(body).encode())
        return sum(self.simulator.ozon.answer(asked).status != 429 for _ in range(times))


CHARTS = {
    "date_from": "2026-11-18",
    "date_to": "2026-11-20",
    "dimension": ["day"],
    "metrics": ["ordered_units"],
    "limit": 1000,
}


@pytest.mark.parametrize(
    ("path", "body", "most", "period_seconds"),
    [
        ("/v1/roles", {}, A_SECOND, 1.0),
        (ozon.ANALYTICS_PATH, CHARTS, A_MINUTE, 60.0),
        (ozon.PLACEMENT_PATH, {"date_from": "2026-11-18", "date_to": "2026-11-19"}, A_DAY, 86_400.0),
    ],
)
def test_the_simulated_ozon_is_not_kinder(path: str, body: object, most: int, period_seconds: float) -> None:
    asking = Asking()
    assert asking.let_through(path, body, most + 1) == most
    asking.clock.advance(period_seconds - 0.001)
    assert asking.let_through(path, body, 1) == 0
    asking.clock.advance(0.001)
    assert asking.let_through(path, body, most + 1) == most


def test_the_source_asks_ozon_no_oftener_than_published() -> None:
    for window, most, period_seconds in (
        (ozon.published_limit(), A_SECOND, 1.0),
        (ozon.analytics_limit(), A_MINUTE, 60.0),
        (SlidingWindow(ozon.REPORTS_A_DAY, ozon.DAY_SECONDS), A_DAY, 86_400.0),
    ):
        assert window.limit <= most
        assert window.period_seconds >= period_seconds
