"""A source under trial: opened as often as needed, read no further than allowed, each reading kept for all checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from micore.domain.records import CatalogueRecord, Record
from micore.errors import MicoreError, StopRequestedError
from micore.sources.base import Page, Source, SourceTools, Stream
from micore.sources.checking.check import NotTriedError

BASE_URL = "base_url"
"""The option by which a source that speaks HTTP is sent elsewhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the source under trial asks."""

    options: Mapping[str, str]
    frozen: bool = False
    """Nothing changes there between two readings: a simulator whose clock stands, a folder nobody writes to."""
    now: Callable[[], datetime] | None = None
    """Its clock; None: not known."""


@dataclass(slots=True)
class Budget:
    """How much a trial may ask of a real account."""

    pages: int | None = 4
    """First pages of each stream; None: to the end."""
    requests: int = 200
    wait_seconds: float = 600.0
    asked: int = 0
    waited_seconds: float = 0.0
    used_up: str | None = None
    """Why nothing more may be asked; None while there is something left."""

    def ask(self) -> None:
        """One more request; raises StopRequestedError when there were enough."""
        self.asked += 1
        if self.asked >= self.requests:
            self.used_up = f"the {self.requests} requests of this check are used up"
            raise StopRequestedError(self.used_up)

    def wait(self, seconds: float) -> None:
        """A wait that the source wants; raises StopRequestedError when all of them get too long."""
        self.waited_seconds += seconds
        if self.waited_seconds > self.wait_seconds:
            self.used_up = f"the source's limits ask for more than {self.wait_seconds:g} s of waiting"
            raise StopRequestedError(self.used_up)


@dataclass(slots=True)
class Reading:
    """What came of reading a stream."""

    pages: list[Page]
    whole: bool
    """It was read until it ended by itself."""
    error: Exception | None = None

    @property
    def records(self) -> list[Record]:
        """All records, in their order."""
        return [record for page in self.pages for record in page.records]


@dataclass
class Trial:
    """One source under trial at one place. Not thread-safe."""

    name: str
    """As registered."""
    plugin: Any
    """The class behind the name."""
    place: Place
    budget: Budget = field(default_factory=Budget)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    page_count: int = 0
    unknown_barcodes: int = 0
    """Barcodes that the source asked about and that what was read of the catalogue does not hold."""
    _barcodes: dict[str, str] = field(default_factory=dict)
    _readings: dict[str, Reading] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What the plug-in says it can be read for; empty where even that cannot be understood."""
        told = getattr(self.plugin, "streams", ())
        return tuple(each for each in told if isinstance(each, Stream)) if isinstance(told, (tuple, list)) else ()

    @property
    def secrets(self) -> list[str]:
        """The values that must not be told."""
        values = self.place.options
        return [text for each in self.plugin.options if each.secret and len(text := values.get(each.name, "")) > 3]

    @property
    def thorough(self) -> bool:
        """Every reading to its end, and every way of going on."""
        return self.budget.pages is None

    @property
    def takes_an_address(self) -> bool:
        """Whether the source can be sent to a server of ours."""
        return any(each.name == BASE_URL for each in self.plugin.options)

    @contextmanager
    def opened(self, tools: SourceTools | None = None, **changes: str) -> Iterator[Source]:
        """The source, made anew. Raises what its making raises."""
        source: Source = self.plugin({**self.place.options, **changes}, tools or self.tools())
        with closing(source):
            yield source

    def tools(self) -> SourceTools:
        """Real time, within the budget."""
        return SourceTools(
            now=self.now,
            monotonic=self.monotonic,
            sleep=self._sleep,
            on_request=lambda source, endpoint, status, seconds: self.budget.ask(),
            sku_of_barcode=self._sku_of_barcode,
            keep=self._keep,
        )

    def reading(self, stream: Stream) -> Reading:
        """The stream from its beginning, as far as the budget goes; read once for all checks."""
        if stream.name not in self._readings:
            before = next((each for each in self.streams if each.name == "catalogue"), None)
            if before is not None and before.name != stream.name:
                self.reading(before)  # orders may name barcodes
            self._readings[stream.name] = self.read(stream, None, pages=self.budget.pages)
            self._learn(self._readings[stream.name])
        return self._readings[stream.name]

    def good_reading(self, stream: Stream) -> Reading:
        """As `reading`; raises NotTriedError where it brought nothing to judge."""
        found = self.reading(stream)
        if not found.pages:
            raise NotTriedError("nothing could be read")
        return found

    def read(self, stream: Stream, cursor: str | None, *, pages: int | None, full: bool = False) -> Reading:
        """Read with a source of its own; errors are kept, not raised, but for those of the budget (NotTriedError)."""
        if self.budget.used_up is not None:
            raise NotTriedError(self.budget.used_up)
        got: list[Page] = []
        try:
            with self.opened() as source:
                for page in source.read(stream.name, cursor, full=full):
                    got.append(page)
                    self.page_count += 1
                    if pages is not None and len(got) >= pages:
                        return Reading(got, bool(page.done))
        except StopRequestedError as error:
            if got:
                return Reading(got, whole=False)
            raise NotTriedError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever a plug-in does wrong is what is looked for
            return Reading(got, whole=False, error=error)
        return Reading(got, whole=not (got and got[-1].paused))

    def _learn(self, reading: Reading) -> None:
        for record in reading.records:
            if isinstance(record, CatalogueRecord):
                self._barcodes.update(dict.fromkeys(record.barcodes, record.sku_id))

    def _sku_of_barcode(self, barcode: str, listing_id: str) -> str | None:
        del listing_id  # cards of one barcode are told apart by a whole catalogue only
        found = self._barcodes.get(barcode)
        self.unknown_barcodes += found is None
        return found

    def _sleep(self, seconds: float) -> None:
        self.budget.wait(seconds)
        self.sleep(seconds)

    def _keep(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]


def told(error: Exception) -> str:
    """An error in a line, without what may be secret around it."""
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, MicoreError) else f"{kind}, which is no error of micore's: {error}"
