"""The drop folder as a source: its options, its streams, and which files are read when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import dropwhile
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from micore.domain.instants import micros
from micore.errors import NotFoundError, RecordRejectedError, SettingsError, SourceUnreachableError
from micore.sources.base import (
    AccountFacts,
    Option,
    Page,
    RawAnswer,
    Reread,
    SourceTools,
    StoredRow,
    Stream,
    StreamKind,
)
from micore.sources.cursors import from_text, to_text
from micore.sources.files import pages
from micore.sources.files.columns import TEMPLATES, layout_of
from micore.sources.files.folder import FilesCursor, Found, files_between, nanos, rested
from micore.sources.files.pages import Part, Reading
from micore.sources.files.records import READERS, Manner
from micore.sources.files.spool import Spooled, spooled
from micore.sources.files.tables import Table, opened
from micore.sources.options import setting
from micore.sources.rereading import reread_each

NAME = "files"
LONGEST_REST = 3600


class FilesSource:
    """CSV and XLSX files in one folder."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Files"
    parser: ClassVar[str] = "files/1"
    options: ClassVar[tuple[Option, ...]] = (
        Option("folder", "Folder with CSV and XLSX files; see `micore source template files`."),
        Option("currency", "Currency of files that name none.", required=False, default="RUB"),
        Option("name", "Name to show; otherwise the folder's.", required=False),
        Option("time_zone", "Zone of times that name none.", required=False, default="Europe/Moscow"),
        Option("rest_seconds", "A file that changed later is still being written.", required=False, default="10"),
    )
    streams: ClassVar[tuple[Stream, ...]] = tuple(
        Stream(name, StreamKind.SNAPSHOT if name == "stock" else StreamKind.INCREMENTAL) for name in READERS
    )
    """Nothing here is a listing: a product that the newest file lacks may stand in an older one, and stays."""
    templates: ClassVar[Mapping[str, bytes]] = TEMPLATES

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        given = {option.name: options.get(option.name) or option.default or "" for option in self.options}
        if not given["folder"].strip():
            raise SettingsError(setting(NAME, "folder"), received="nothing", allowed="a folder")
        self._folder = Path(given["folder"].strip()).expanduser().absolute()
        self._name, self._tools = given["name"], tools
        self._currency, self._zone = _currency(given["currency"]), _zone(given["time_zone"])
        self._rest_seconds = _seconds(given["rest_seconds"])

    def account(self) -> AccountFacts:
        """See Source.account. The folder's path is who we are: another folder is another account."""
        if not self._folder.is_dir():
            raise SourceUnreachableError(NAME, path=str(self._folder), problem="there is no such folder")
        return AccountFacts(str(self._folder), self._name or self._folder.name, self._currency)

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """See Source.read."""
        if stream not in READERS:
            raise NotFoundError("stream of files", stream)
        at = self._at(None if full else cursor)
        drafts = self._stock(at) if stream == "stock" else self._rows(stream, at)
        return self._finished(drafts, at)

    def reread(self, stream: str, rows: Sequence[StoredRow]) -> list[Reread]:
        """See Source.reread."""
        manner = self._manner()
        alone = None if stream == "stock" else lambda raw, context: pages.reread(raw, stream, manner)
        return reread_each(rows, alone)

    def close(self) -> None:
        """Nothing is held open between two pages of a reading that was ended."""

    def _manner(self) -> Manner:
        return Manner(self._currency, self._zone, micros(self._tools.now()))

    # ------------------------------------------------------------------------------------------ how far

    def _at(self, cursor: str | None) -> FilesCursor:
        """Where to begin: behind the last reading, or inside of one that was broken off."""
        now = self._tools.now()
        at = from_text(NAME, FilesCursor, cursor) or FilesCursor()
        if at.until:
            return at
        # Where the clock has been put back, "later than the last reading" means nothing: all is read again.
        read_to = at.read_to if at.read_to <= nanos(now) else 0
        return FilesCursor(read_to, rested(now, self._rest_seconds), now)

    def _files(self, at: FilesCursor) -> list[Found]:
        return files_between(NAME, self._folder, at.read_to, at.until)

    def _finished(self, drafts: Iterator[Page], at: FilesCursor) -> Iterator[Page]:
        """The pages with the last one marked; an empty one where there are none."""
        end = to_text(FilesCursor(read_to=max(at.until, at.read_to)))
        held: Page | None = None
        try:
            for page in drafts:
                if held is not None:
                    yield held
                held = page
        except OSError as error:  # a disk that is full, a share that went away
            raise SourceUnreachableError(NAME, path=str(self._folder), problem=str(error.strerror)) from None
        if held is None:
            now = self._tools.now()
            held = Page(RawAnswer(b"", "GET /", "nothing new", now), [], [], end, at.as_of or now)
        yield replace(held, cursor=end, done=True)

    # ------------------------------------------------------------------------------------------ pages

    def _rows(self, stream: str, at: FilesCursor) -> Iterator[Page]:
        """All streams but stock: file after file as they were written, so that what was written last counts."""
        here = (at.written_at, at.file)
        manner, as_of = self._manner(), at.as_of or self._tools.now()
        for file in dropwhile(lambda each: (each.written_at, each.name) < here, self._files(at)):
            skip = at.rows if (file.written_at, file.name) == here else 0
            with self._table(file) as (table, problem):
                if stream not in table.layout.told_by():
                    continue
                if problem and not skip:
                    yield self._page(pages.unreadable(file.name, table.layout, problem), file, at, as_of, rows=1)
                with spooled(table, file.name, stream, manner) as laid_out:
                    for place_id in laid_out.places:
                        told = replace(table, rows=laid_out.rows(place_id))
                        reading = Reading(stream, file.name, manner, laid_out.doubts)
                        for part in pages.parts_of(told, reading, skip=skip):
                            yield self._page(part, file, at, as_of, rows=part.rows)

    def _stock(self, at: FilesCursor) -> Iterator[Page]:
        """Newest file first: of each place it tells, older ones tell nothing any more."""
        told: set[str] = set()
        here, manner = (at.written_at, at.file), self._manner()
        for file in reversed(self._files(at)):
            with self._table(file) as (table, _):
                if "stock" not in table.layout.streams:
                    continue
                with spooled(table, file.name, "stock", manner) as laid_out:
                    if not file.is_as_it_was():
                        continue  # somebody writes to it, or has taken it away
                    if not at.file or (file.written_at, file.name) <= here:
                        reading = Reading("stock", file.name, manner, laid_out.doubts)
                        yield from self._places(table, laid_out, reading, file, at, told)
                    told.update(laid_out.places)

    def _places(
        self, table: Table, found: Spooled, reading: Reading, file: Found, at: FilesCursor, told: set[str]
    ) -> Iterator[Page]:
        as_of = file.as_of(self._tools.now())
        resumed = at.scope if (file.written_at, file.name) == (at.written_at, at.file) else ""
        if found.homeless and not found.places:
            part = replace(pages.unreadable(file.name, table.layout, ""), rejected=found.homeless)
            yield self._page(part, file, at, as_of, rows=1, scope=f"file {file.name}", scope_done=True)
        for place_id in found.places:
            if place_id in told or place_id < resumed:
                continue
            skip = at.rows if place_id == resumed else 0
            parts = pages.parts_of(replace(table, rows=found.rows(place_id)), reading, skip=skip)
            before: Part | None = None
            for part in parts:
                if before is not None:
                    yield self._page(before, file, at, as_of, rows=before.rows, scope=place_id)
                elif not skip:
                    part.rejected += found.homeless
                before = part
            if before is not None:
                yield self._page(before, file, at, as_of, rows=before.rows, scope=place_id, scope_done=True)

    @contextmanager
    def _table(self, file: Found) -> Iterator[tuple[Table, str]]:
        """A file and why it cannot be read; raises SourceUnreachableError where it may be readable later."""
        with ExitStack() as stack:
            try:
                if file.is_link:
                    raise RecordRejectedError(reason="file", received="a link", allowed="a file in this very folder")
                table = stack.enter_context(opened(file.path))
                problem = table.layout.problem()
            except OSError as error:
                raise SourceUnreachableError(NAME, path=file.name, problem=str(error.strerror)) from None
            except RecordRejectedError as error:
                table, problem = Table(layout_of([]), b"", iter(())), str(error)
            yield table, problem

    def _page(
        self,
        part: Part,
        file: Found,
        at: FilesCursor,
        as_of: datetime,
        *,
        rows: int,
        scope: str = "",
        scope_done: bool = False,
    ) -> Page:
        after = FilesCursor(at.read_to, at.until, at.as_of, file.written_at, file.name, scope, rows)
        asked = f"lines {part.first} to {part.last}"
        return Page(
            raw=RawAnswer(part.body, f"GET /{file.name}", asked, self._tools.now()),
            records=part.records,
            rejected=part.rejected,
            cursor=to_text(after),
            as_of=as_of,
            scope=scope,
            scope_done=scope_done,
            places=part.places,
        )


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        raise SettingsError(setting(NAME, "currency"), received=repr(text), allowed="three capital letters such as RUB")
    return text


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingsError(setting(NAME, "time_zone"), received=repr(name), allowed="an IANA name") from None


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > LONGEST_REST:
        raise SettingsError(
            setting(NAME, "rest_seconds"), received=repr(text), allowed=f"a whole number from 0 to {LONGEST_REST}"
        )
    return int(text)
