"""Faults on request: what goes wrong between a marketplace and its client, at which requests, and for how long.

Nothing here is left to chance: whether a fault meets a request follows from the shop's seed and from how many requests
the fault has seen, so the same requests meet the same faults every time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from micore.simulator import row_faults
from micore.simulator.clock import SECOND_US, Clock
from micore.simulator.draws import uniform, words
from micore.simulator.http import Answer, Delivery, Request
from micore.simulator.limits import Bans
from micore.simulator.row_faults import FIELD_KINDS, ROW_KINDS

INSTEAD = ("429", "500", "502", "503", "timeout", "html", "off")
"""Kinds that come in place of the marketplace's answer."""
DELIVERED = ("cut", "slow", "lost", "504")
"""Kinds that break the way of a good answer: what was asked for has been done."""
PAGE_KINDS = ("duplicate-page", "missing-page", "late")
"""Kinds that give another good answer than the one asked for."""
KINDS = (*INSTEAD, *DELIVERED, *ROW_KINDS, *PAGE_KINDS)

USUAL = {"slow": 1000.0, "shrunken": 50.0, "foreign": 25.0, "late": 3600.0}
"""Arguments where none is given; 429 goes on until it is taken away."""
RETRY_SECONDS = 5
"""What an endless storm tells its client to wait, where the marketplace tells it at all."""

_WRITTEN = re.compile(
    rf"(?P<kind>{'|'.join(map(re.escape, KINDS))})(?::(?P<argument>[^@%]*?))?(?:@(?P<part>[^%]+?))?"
    r"(?:x(?P<count>\d{1,9})|%(?P<share>\d{1,3}))?"
)
_PAGES = {
    200: "Checking your browser", 502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """A fault as it was asked for."""

    text: str
    kind: str
    number: float | None
    """Seconds, bytes a second or percent, whatever the kind takes."""
    field_name: str
    part: str
    """Meets only requests with this in `ozon/v3/product/list` or `wildberries/ping`."""
    count: int | None
    """Meets only the first so many of them."""
    share_percent: int | None
    """Meets only this share of them."""


def read_wish(text: str) -> Wish:
    """Read `kind[:argument][@path-part][xCOUNT or %SHARE]`. Raises ValueError for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(
            f"fault {text!r} is not known; write kind[:argument][@path-part][xCOUNT or %SHARE], for example "
            f"429:30@ozon/v1/analytics or dropped:sku@/stocks%20; kinds: {', '.join(KINDS)}"
        )
    kind, argument = found["kind"], found["argument"]
    share = None if found["share"] is None else int(found["share"])
    if share is not None and not 1 <= share <= 100:
        raise ValueError(f"fault {text!r}: the share is {share} %; give one from 1 to 100")
    named = kind in FIELD_KINDS
    if named and not argument:
        raise ValueError(f"fault {text!r}: name the field of the rows, as in {kind}:sku")
    count = None if found["count"] is None else int(found["count"])
    number = USUAL.get(kind) if named or argument is None else _number(text, kind, argument)
    return Wish(text, kind, number, argument or "" if named else "", found["part"] or "", count, share)


def _number(text: str, kind: str, argument: str) -> float:
    if kind != "429" and kind not in USUAL:
        raise ValueError(f"fault {text!r}: {kind} takes no argument; leave out :{argument}")
    most = 100.0 if kind in {"shrunken", "foreign"} else 1e9
    try:
        value = float(argument)
    except ValueError:
        value = math.nan
    least = 0.0 if kind == "shrunken" else 0.001
    if not least <= value <= most:
        raise ValueError(f"fault {text!r}: the argument is {argument!r}; {kind} takes a number up to {most:g}")
    return value


@dataclass
class Fault:
    """A fault in force, and what it has met."""

    fault_id: int
    wish: Wish
    until: float | None
    """On the limits' clock; None: until it is taken away."""
    seen: int = 0
    hit: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    """The last good answer of each path, for those that tell it again."""

    def meets(self, where: str, seed: int, now: float) -> bool:
        """Whether this request is hit; counts it."""
        if self.wish.part not in where or (self.until is not None and now >= self.until):
            return False
        self.seen += 1
        hit = self.wish.count is None or self.seen <= self.wish.count
        if self.wish.share_percent is not None:
            hit = uniform(seed, f"fault {self.wish.text}", self.seen)[0] * 100 < self.wish.share_percent
        self.hit += hit
        return hit

    def facts(self, now: float) -> dict[str, object]:
        """As JSON."""
        left = None if self.until is None else max(0.0, round(self.until - now, 3))
        return {
            "id": self.fault_id, "fault": self.wish.text, "kind": self.wish.kind, "seen": self.seen, "hit": self.hit,
            "seconds_left": left,
        }  # fmt: skip


class Faults:
    """The faults in force on both marketplaces."""

    def __init__(self, seed: int, monotonic: Callable[[], float]) -> None:
        self.seed, self._monotonic = seed, monotonic
        self._faults: list[Fault] = []
        self._given = 0

    def add(self, text: str) -> Fault:
        """Put a fault in force. Raises ValueError for what cannot be read."""
        wish = read_wish(text)
        storm = wish.kind == "429" and wish.number is not None
        until = self._monotonic() + (wish.number or 0) if storm else None
        self._given += 1
        made = Fault(self._given, wish, until)
        self._faults = [*self._faults, made]
        return made

    def remove(self, fault_id: int | None = None) -> None:
        """Take one away, or all. Raises ValueError for an id that no fault has."""
        kept = [each for each in self._faults if fault_id is not None and each.fault_id != fault_id]
        if fault_id is not None and len(kept) == len(self._faults):
            ids = ", ".join(str(each.fault_id) for each in self._faults) or "none"
            raise ValueError(f"no fault has the id {fault_id}; in force: {ids}")
        self._faults = kept

    def hitting(self, where: str) -> list[Fault]:
        """Those that meet this request, in the order in which they were asked for."""
        now = self._monotonic()
        return [each for each in self._faults if each.meets(where, self.seed, now)]

    def watching(self, where: str) -> list[Fault]:
        """Those that must remember answers of this path."""
        return [each for each in self._faults if each.wish.kind == "duplicate-page" and each.wish.part in where]

    def retry_seconds(self, fault: Fault) -> int:
        """What a storm tells its client to wait."""
        return RETRY_SECONDS if fault.until is None else max(1, math.ceil(fault.until - self._monotonic()))

    def facts(self) -> dict[str, object]:
        """As JSON."""
        now = self._monotonic()
        return {"faults": [each.facts(now) for each in self._faults], "kinds": list(KINDS)}


class LaggingClock(Clock):
    """The clock as a marketplace reads it: behind the true one while `behind_us` says so."""

    def __init__(self, true: Clock) -> None:
        super().__init__(frozen=True)
        self._true = true
        self.behind_us = 0

    def now_us(self) -> int:
        """The true instant less the lag."""
        return self._true.now_us() - self.behind_us


class Marketplace(Protocol):
    """What stands behind the faults."""

    name: str

    def answer(self, request: Request) -> Answer:
        """The true answer."""

    def caller(self, request: Request) -> str:
        """Who asks, as limits know him; never a key."""

    def refusal(self, request: Request, status: int, retry_seconds: int = 0) -> Answer:
        """What it says with 404 (switched off), 429 or 500."""


class Troubled:
    """A marketplace with the faults that were asked for, which bans who asks too much."""

    def __init__(self, marketplace: Marketplace, clock: LaggingClock, faults: Faults, bans: Bans) -> None:
        self._marketplace, self._clock, self._faults, self._bans = marketplace, clock, faults, bans

    def answer(self, request: Request) -> Answer:
        """The marketplace's answer, or what the faults make of it."""
        caller = f"{self._marketplace.name} {self._marketplace.caller(request)}"
        banned_seconds = self._bans.left(caller)
        if banned_seconds:
            return self._marketplace.refusal(request, 429, math.ceil(banned_seconds))
        where = self._marketplace.name + request.path
        hits = self._faults.hitting(where)
        for each in hits:
            if each.wish.kind in INSTEAD:
                return replace(self._instead(each, request), fault=each.wish.kind)
        true = self._true(request, hits)
        if true.status == 429:
            self._bans.refused(caller)
        answer = true
        for each in hits:
            answer = self._altered(answer, each, request)
        for each in self._faults.watching(where):
            each.answers[where] = true
        return answer

    def _instead(self, fault: Fault, request: Request) -> Answer:
        kind = fault.wish.kind
        if kind == "timeout":
            return Answer(200, b"", delivery=Delivery(never=True))
        if kind == "429":
            return self._marketplace.refusal(request, 429, self._faults.retry_seconds(fault))
        if kind in {"500", "off"}:
            return self._marketplace.refusal(request, 404 if kind == "off" else 500)
        # Gateways in front of a marketplace know nothing of its JSON.
        return _web_page(200 if kind == "html" else int(kind))

    def _true(self, request: Request, hits: list[Fault]) -> Answer:
        behind = [each.wish.number or 0 for each in hits if each.wish.kind == "late"]
        self._clock.behind_us = round(max(behind, default=0) * SECOND_US)
        try:
            answer = self._marketplace.answer(request)
            if any(each.wish.kind == "missing-page" for each in hits) and answer.status == 200:
                following = row_faults.request_behind(request, answer)
                answer = answer if following is None else self._marketplace.answer(following)
        finally:
            self._clock.behind_us = 0
        return replace(answer, fault="late") if behind else answer

    def _altered(self, answer: Answer, fault: Fault, request: Request) -> Answer:
        kind = fault.wish.kind
        if not 200 <= answer.status < 300:
            return answer
        if kind == "cut":
            delivery = replace(answer.delivery, cut_at=len(answer.body) // 2)
        elif kind == "lost":
            delivery = replace(answer.delivery, never=True)
        elif kind == "504":
            return replace(_web_page(504), fault=kind)
        elif kind == "slow":
            delivery = replace(answer.delivery, bytes_per_second=fault.wish.number)
        elif kind == "duplicate-page":
            return replace(fault.answers.get(self._marketplace.name + request.path, answer), fault=kind)
        elif kind in ROW_KINDS:
            draw = int(words(self._faults.seed, f"row of fault {kind}", fault.seen)[0])
            change = row_faults.Change(kind, fault.wish.number or 0, fault.wish.field_name, draw)
            return replace(row_faults.changed(answer, request, change), fault=kind)
        else:
            return answer
        return replace(answer, delivery=delivery, fault=kind)


def _web_page(status: int) -> Answer:
    title = _PAGES[status] if status == 200 else f"{status} {_PAGES[status]}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>"
    return Answer(status, page.encode(), "text/html; charset=utf-8")
