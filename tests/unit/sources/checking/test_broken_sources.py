"""Plug-ins that break one promise each, and the check that catches them; one that breaks none scores 100."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import httpx2
import pytest

from micore.domain.records import Record
from micore.errors import SettingsError, SourceAuthError, SourceProtocolError
from micore.sources.base import AccountFacts, Option, Page, Source, SourceTools, Stream, StreamKind
from micore.sources.checking import CHECKS, Budget, Place, Report, Trial, Verdict, check_source
from tests.support.fake_source import FakeSource, card, small_shop

KEY = "key-of-the-seller-4711"
NEVER_FOR_US = {
    "says-unreachable",
    "waits-when-busy",
    "stops-at-a-refused-key",
    "survives-nonsense",
    "keeps-its-key",
    "can-be-stopped",
    "tells-of-its-requests",
}
"""Checks of sources that take an address."""


class Good(FakeSource):
    """Keeps every promise."""

    options: ClassVar[tuple[Option, ...]] = (Option("api_key", "Key of the account.", secret=True),)

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        if not options.get("api_key"):
            raise SettingsError("MICORE_FAKE_API_KEY", received="nothing", allowed="the key")
        market = small_shop()
        market.catalogue += [card(str(number)) for number in range(9, 30)]
        super().__init__(options, tools, market)

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream == "no-such-stream":
            raise SourceProtocolError("fake", path=stream, problem="there is no such stream")
        for page in super().read(stream, cursor, full=full):
            yield self.spoilt(stream, self._with_places(page))

    def _with_places(self, page: Page) -> Page:
        named = {getattr(record, "place_id", None) for record in page.records}
        return replace(
            page,
            places=[place for place in self._market.places if place.place_id in named and place.parent_id is None]
            + [
                place._replace(parent_id=None)
                for place in self._market.places
                if place.place_id in named and place.parent_id
            ],
        )

    def spoilt(self, stream: str, page: Page) -> Page:
        """What a broken one does to its pages."""
        return page


def with_records(page: Page, change: Any) -> Page:
    changed: list[Record] = [change(record) for record in page.records]
    return replace(page, records=changed)


class ForgetsItsCursor(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        return super().read(stream, None, full=full)


class FullIsNotFull(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        for page in super().read(stream, cursor, full=full):
            yield replace(page, records=[]) if full else page


class CountsInFloats(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return (
            page
            if stream != "stock"
            else with_records(page, lambda row: row._replace(available=float(row.available or 0)))
        )


class CountsInPieces(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return (
            page if stream != "stock" else with_records(page, lambda row: row._replace(available=row.available // 1000))
        )


class PaysInKopecks(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return page if stream != "sales" else with_records(page, lambda row: row._replace(amount=700, commission=-70))


class TellsTwice(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, records=[*page.records, *page.records[:1]])


class MovesItsInstant(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(
            page, as_of=page.as_of + timedelta(seconds=len(page.cursor) + len(page.records) + random.randint(1, 9))
        )


class HasLocalTime(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, as_of=page.as_of.replace(tzinfo=None))


class NeverDone(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, done=False)


class DoneTooEarly(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, done=True)


class SaysNothingOfNothing(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        return iter(())


class ForgetsItsScope(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, scope_done=False)


class LeaksIntoErrors(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream == "sales":
            raise SourceAuthError("fake", status=403, said=f"bad key {KEY}", path="/sales")
        yield from super().read(stream, cursor, full=full)


class LeaksIntoRequests(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, raw=replace(page.raw, request=f"key={KEY}"))


class CountsItsIds(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return page if stream != "catalogue" else with_records(page, lambda row: row._replace(sku_id=int(row.sku_id)))


class MixesItsStreams(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return page if stream != "warehouses" else replace(page, records=[*page.records, card("99")])


class RemembersEverything(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        read = [] if cursor is None else json.loads(cursor)["read"]
        inner = None if cursor is None else json.loads(cursor)["inner"]
        for page in super().read(stream, inner, full=full):
            read = [*read, *(str(record) for record in page.records)]
            yield replace(page, cursor=json.dumps({"read": read, "inner": page.cursor}))


class HasOneCursor(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, cursor='{"at": 1}')


class WritesNoJson(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, cursor=f"after {json.loads(page.cursor)['next']}")


class InventsItsIds(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return page if stream != "sales" else with_records(page, lambda row: row._replace(sale_id=str(random.random())))


class ThrowsTracebacks(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream == "orders":
            raise KeyError("order_id")
        yield from super().read(stream, cursor, full=full)


class TearsOrdersApart(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return page if stream != "orders" else with_records(page, lambda row: row._replace(order_id="one-for-all"))


class NamesNobody(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, places=())


class KeepsNoBytes(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        return replace(page, raw=replace(page.raw, body=b"", endpoint="somewhere"))


class RejectsEverything(Good):
    def spoilt(self, stream: str, page: Page) -> Page:
        from micore.domain.records import RejectedRow

        return replace(page, records=[], rejected=[RejectedRow("", "I do not like it", b"row") for _ in page.records])


class HasNoName(Good):
    def account(self) -> AccountFacts:
        return AccountFacts("", "", "rubles")


class TakesNothingForAKey(Good):
    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        super().__init__({"api_key": "x"}, tools)


class ReadsWhatIsNotThere(Good):
    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        return super().read("sales" if stream == "no-such-stream" else stream, cursor, full=full)


class CallsItselfAnother(Good):
    name: ClassVar[str] = "another"
    parser: ClassVar[str] = "1"


class HasNoSnapshot(Good):
    streams: ClassVar[tuple[Stream, ...]] = (Stream("stock", StreamKind.LISTING), Stream("rumours", StreamKind.LISTING))


BROKEN: dict[type[Source], str] = {
    ForgetsItsCursor: "goes-on-after-a-page",
    FullIsNotFull: "starts-anew-after-the-end",
    CountsInFloats: "values-fit",
    CountsInPieces: "units-fit",
    PaysInKopecks: "units-fit",
    TellsTwice: "keys-are-unique",
    MovesItsInstant: "one-instant-per-scope",
    HasLocalTime: "one-instant-per-scope",
    NeverDone: "ends-once",
    DoneTooEarly: "ends-once",
    SaysNothingOfNothing: "ends-once",
    ForgetsItsScope: "scopes-hang-together",
    LeaksIntoErrors: "secrets-stay-out",
    LeaksIntoRequests: "secrets-stay-out",
    CountsItsIds: "values-fit",
    MixesItsStreams: "yields-its-records",
    RemembersEverything: "cursors-are-small",
    HasOneCursor: "cursors-are-small",
    WritesNoJson: "cursors-are-small",
    InventsItsIds: "reads-the-same-again",
    ThrowsTracebacks: "reads-without-error",
    TearsOrdersApart: "lines-share-a-page",
    NamesNobody: "names-are-told",
    KeepsNoBytes: "raw-answers-are-whole",
    RejectsEverything: "bad-rows-stand-apart",
    HasNoName: "knows-its-account",
    TakesNothingForAKey: "explains-missing-options",
    ReadsWhatIsNotThere: "refuses-other-streams",
    CallsItselfAnother: "describes-itself",
    HasNoSnapshot: "describes-itself",
}


def checked(plugin: type[Source], *, frozen: bool = True, pages: int | None = None, **options: str) -> Report:
    given = {"api_key": KEY, **options}
    return check_source(Trial("fake", plugin, Place(given, frozen=frozen), Budget(pages=pages)), "tests 1")


@pytest.mark.parametrize("pages", [None, 4])
@pytest.mark.parametrize("frozen", [True, False])
def test_a_source_that_keeps_every_promise_scores_100(frozen: bool, pages: int | None) -> None:
    report = checked(Good, frozen=frozen, pages=pages)
    assert [(each.name, each.seen) for each in report.failed] == []
    assert report.score == 100
    assert {each.name for each in report.results if each.verdict is Verdict.NOT_TRIED} == NEVER_FOR_US


@pytest.mark.parametrize("plugin", BROKEN, ids=lambda plugin: plugin.__name__)
def test_a_broken_promise_is_caught(plugin: type[Source]) -> None:
    report = checked(plugin)
    found = {each.name: each for each in report.failed}
    assert BROKEN[plugin] in found
    assert found[BROKEN[plugin]].seen
    assert report.score < 100
    assert KEY not in repr(report), "a finding is sent around"


def test_every_check_of_pages_has_somebody_who_fails_it() -> None:
    assert {check.name for check in CHECKS} == set(BROKEN.values()) | NEVER_FOR_US


# --------------------------------------------------------------------------------- sources that speak HTTP


class Speaks(Good):
    """Speaks HTTP in the most careless way: one plain request, its answer believed."""

    options: ClassVar[tuple[Option, ...]] = (
        *Good.options,
        Option("base_url", "Where it is.", required=False, default="http://127.0.0.1:1"),
    )
    tries = 1
    in_address = False

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        super().__init__(options, tools)
        self._url, self._key = options["base_url"], options["api_key"]

    def account(self) -> AccountFacts:
        self._ask()
        return super().account()

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        self._ask()
        yield from super().read(stream, cursor, full=full)

    def _ask(self) -> None:
        for _ in range(self.tries):
            query = {"key": self._key} if self.in_address else {}
            answer = httpx2.put(self._url, params=query, headers={"Api-Key": self._key}, trust_env=False, verify=False)
            if answer.status_code >= 400:
                raise SourceProtocolError("fake", path="/", problem=answer.text)


class Insists(Speaks):
    """Tries a refused key again and again."""

    def _ask(self) -> None:
        for _ in range(5):
            answer = httpx2.get(self._url, headers={"Api-Key": self._key}, trust_env=False, verify=False)
        if answer.status_code in (401, 403):
            raise SourceAuthError("fake", status=answer.status_code, said="", path="/")


class KeyInAddress(Speaks):
    in_address = True


def test_careless_http_is_caught() -> None:
    found = {each.name: " ".join(each.seen) for each in checked(Speaks, base_url="http://127.0.0.1:1").failed}
    assert set(found) >= NEVER_FOR_US
    assert "ConnectError" in found["says-unreachable"]
    assert "it sends PUT" in found["tells-of-its-requests"]
    assert "stands in the SourceProtocolError" in found["keeps-its-key"]


def test_a_key_in_an_address_is_caught() -> None:
    found = {each.name: " ".join(each.seen) for each in checked(KeyInAddress, base_url="http://127.0.0.1:1").failed}
    assert "in the address of a request" in found["keeps-its-key"]


def test_a_refused_key_that_is_tried_again_is_caught() -> None:
    found = {each.name: " ".join(each.seen) for each in checked(Insists, base_url="http://127.0.0.1:1").failed}
    assert "was tried 5 times" in found["stops-at-a-refused-key"]


# --------------------------------------------------------------------------------- how much is asked


class Endless(Good):
    """Has a page for whoever asks, and tells of its requests."""

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        super().__init__(options, tools)
        self._told = tools

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        for page in super().read(stream, cursor, full=full):
            self._told.on_request("fake", "GET /", 200, 0.1)
            self._told.sleep(0.0)
            yield page


def test_an_account_is_asked_for_no_more_than_was_said() -> None:
    trial = Trial("fake", Endless, Place({"api_key": KEY}), Budget(pages=2, requests=12))
    report = check_source(trial, "tests 1")
    assert report.requests == 12
    assert report.pages <= 12
    assert report.cut_short == "the 12 requests of this check are used up"


def test_a_light_check_reads_only_first_pages() -> None:
    light, heavy = checked(Good, pages=2), checked(Good)
    assert light.pages < heavy.pages / 3
    assert light.pages <= len(Good.streams) * (2 + 1 + 1 + 2) + 2
