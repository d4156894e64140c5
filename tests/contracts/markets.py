"""The marketplaces that sources are tested against: the simulator's, with a mischievous proxy before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx2

from micore import plugins
from micore.domain.records import CatalogueRecord
from micore.sources.base import Source, SourceTools
from tests.unit.sources.http_server import Asked, Says, serving

CANARY = "canary-0b7e44d2-4c1f-key"
"""The key of every source under test: it must turn up nowhere but in the request's header."""

Mischief = Callable[[Asked], Says | None]
"""Answers in the marketplace's stead, or lets it answer (None)."""


@dataclass
class Market:
    """A simulated marketplace as one source sees it."""

    source_name: str
    direct: str
    """Its own address."""
    address: str
    """The address of the proxy before it."""
    options: dict[str, str]
    barcodes: dict[str, str] = field(default_factory=dict)
    """Which sku each stands for, by its catalogue."""
    advance: Callable[[float], None] = lambda seconds: None
    """Lets its clock go on by some seconds; its limits fill up meanwhile."""
    mischief: Mischief = lambda asked: None
    asked: list[Asked] = field(default_factory=list)

    def source(self, tools: SourceTools, **changes: str) -> Source:
        """A source that reads through the proxy, unless told another `base_url`."""
        options = {**self.options, "base_url": self.address, **changes}
        knowing = replace(tools, sku_of_barcode=lambda barcode, _: self.barcodes.get(barcode))
        made: Source = plugins.load(plugins.SOURCES, self.source_name)(options, knowing)
        return made

    def learn_barcodes(self, tools: SourceTools) -> None:
        """Read the catalogue, as a sync has done before it reads the orders."""
        source = self.source(tools, base_url=self.direct)
        for page in source.read("catalogue", None):
            for record in page.records:
                if isinstance(record, CatalogueRecord):
                    self.barcodes.update(dict.fromkeys(record.barcodes, record.sku_id))
        source.close()

    def now(self) -> datetime:
        """The marketplace's clock."""
        return datetime.fromisoformat(self._simulator("")["clock"])

    def refusals(self) -> int:
        """How many requests it has refused for their number."""
        return int(self._simulator("/stats")["limited"])

    def _simulator(self, path: str) -> Any:
        return httpx2.get(f"{self.direct}/simulator{path}", trust_env=False).raise_for_status().json()


@contextmanager
def behind_a_proxy(source_name: str, direct: str, options: dict[str, str]) -> Iterator[Market]:
    """Put the proxy before a marketplace that listens at `direct`."""
    with httpx2.Client(base_url=direct, trust_env=False, timeout=30.0) as onward:

        def answer(asked: Asked) -> Says:
            market.asked.append(asked)
            return market.mischief(asked) or forward(onward, asked)

        with serving(answer) as proxy:
            market = Market(source_name, direct, proxy.url, options)
            yield market


def forward_to(market: Market, asked: Asked) -> Says:
    """The marketplace's own answer, for mischief that changes it."""
    with httpx2.Client(base_url=market.direct, trust_env=False, timeout=30.0) as onward:
        return forward(onward, asked)


def forward(onward: httpx2.Client, asked: Asked) -> Says:
    """The marketplace's own answer."""
    left_out = ("host", "content-length", "connection", "accept-encoding")
    headers = {name: value for name, value in asked.headers.items() if name not in left_out}
    answer = onward.request(asked.method, asked.path, content=asked.raw, headers=headers)
    kept = {name: value for name, value in answer.headers.items() if name in ("date", "retry-after", "content-type")}
    return Says(answer.content, answer.status_code, kept)
