"""`micore quarantine`: rows that could not be believed; see, mend, try again, drop."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from micore.app import App
from micore.cli.output import console, figure, local_time, print_json, print_table
from micore.cli.working import ask_server, by_itself, end_with, ready_app, server_of, watch, writing
from micore.domain.quarantine import (
    QuarantinedRowDetail,
    QuarantineGroup,
    QuarantineOverview,
    RowState,
    StreamQuarantine,
)
from micore.domain.run_views import Run, Trigger
from micore.errors import InvalidRequestError
from micore.services.quarantine import Mended, Settled, pretty
from micore.storage.quarantine_desk import RowFilter

app = typer.Typer(
    help="Rows that could not be believed: see them, mend them, try them again.",
    no_args_is_help=True,
    add_completion=False,
)
_BY = "command"

Ids = Annotated[list[int] | None, typer.Argument(help="Numbers of rows, from `micore quarantine list --rows`.")]
Source = Annotated[str | None, typer.Option(help="Only of this source, ozon for instance.")]
Stream = Annotated[str | None, typer.Option(help="Only of this stream.")]
Rule = Annotated[str | None, typer.Option(help="Only rows that broke this rule, as the list of groups tells it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("list")
def show_rows(
    rows: Annotated[bool, typer.Option("--rows", help="Row by row instead of grouped.")] = False,
    source: Source = None,
    stream: Stream = None,
    state: Annotated[RowState, typer.Option(help="With --rows: in which state.")] = RowState.WAITING,
    rule: Rule = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="With --rows: how many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what waits, grouped by what is to be decided; with --rows the rows themselves."""
    with _ready() as ready:
        _check_known(ready, source, stream)
        if not rows:
            overview = _only(ready.quarantine.overview(), source, stream)
            print_json(overview) if as_json else _print_groups(overview)
            return
        page = ready.quarantine.page(RowFilter(source, None, stream, state, rule), limit=limit)
        if as_json:
            print_json(page)
            return
        cells = [
            [str(row.id), row.source, row.stream, row.key or "–", local_time(row.told_at, ready.shop.zone), row.reason]
            for row in page.items
        ]
        print_table("", ["row", "source", "stream", "names itself", "told", "reason"], cells, right=(0,))
        console.print(f"{len(page.items):,} of {page.total:,} rows.", style="dim")


def _check_known(ready: App, source: str | None, stream: str | None) -> None:
    """Raise InvalidRequestError for a name that nothing has: an empty answer would look as if all were well."""
    sources, streams = ready.quarantine.known()
    for option, value, known in (("--source", source, sources), ("--stream", stream, streams)):
        if value is not None and value not in known:
            raise InvalidRequestError(option, received=value, allowed=", ".join(sorted(known)))


def _only(overview: QuarantineOverview, source: str | None, stream: str | None) -> QuarantineOverview:
    def is_meant(each: QuarantineGroup | StreamQuarantine) -> bool:
        return source in (None, each.source) and stream in (None, each.stream)

    if source is None and stream is None:
        return overview
    groups = [each for each in overview.groups if is_meant(each)]
    streams = [each for each in overview.streams if is_meant(each)]
    return QuarantineOverview(sum(each.waiting for each in streams), groups, len(groups), streams)


def _print_groups(overview: QuarantineOverview) -> None:
    shown = overview.groups
    if not overview.waiting:
        console.print("Nothing waits in quarantine.")
        return
    cells = [
        [
            figure(each.rows),
            each.source,
            each.stream,
            each.rule,
            "the catalogue" if each.may_pass else "your decision" if each.replayable else "the next reading",
            str(each.example_id),
        ]
        for each in shown
    ]
    print_table("", ["rows", "source", "stream", "rule", "waits for", "such as row"], cells, right=(0, 5))
    if overview.groups_total > len(shown):
        console.print(f"{len(shown):,} of {overview.groups_total:,} groups, the largest.", style="dim")


@app.command("show")
def show_row(row_id: Annotated[int, typer.Argument(help="Number of the row.")], as_json: AsJson = False) -> None:
    """Show one row: its reason, its bytes and what has been done about it."""
    with _ready() as ready:
        found = ready.quarantine.row(row_id)
        print_json(found) if as_json else _print_row(found, ready)


def _print_row(found: QuarantinedRowDetail, ready: App) -> None:
    row, zone = found.row, ready.shop.zone
    facts = [
        ("row", f"{row.id} of {row.source} {row.stream} ({row.account}), run {row.run_id}"),
        ("state", row.state.value + (f": {row.note}" if row.note else "")),
        ("reason", row.reason),
        ("told", f"{local_time(row.received_at, zone)}, last {local_time(row.told_at, zone)}"),
        ("tried", f"{row.attempts} times, last {local_time(row.tried_at, zone)} by {found.parser or 'nobody'}"),
        ("answer", "–" if found.raw_sha256 is None else f"{found.endpoint}, /api/v1/raw/{found.raw_sha256}"),
    ]
    for name, told in facts:
        console.print(f"{name:>7}  {told}", soft_wrap=True, markup=False)
    console.print("\nAs received:")
    console.print(pretty(found.received), soft_wrap=True, markup=False)
    if found.fixed is not None:
        console.print(f"\nMended by {row.fixed_by}, {local_time(row.fixed_at, zone)}:")
        console.print(pretty(found.fixed), soft_wrap=True, markup=False)


@app.command("replay")
def replay(
    ids: Ids = None,
    source: Source = None,
    stream: Stream = None,
    rule: Rule = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Try waiting rows again by the rules of today, without asking the marketplace.

    Exit code 0: all that were tried are in; 2: some still cannot be believed, or nobody can try them as things are.
    """
    with _ready() as ready:
        settled = [_settle(ready, "replay", meant) for meant in _each(ready, ids, source, stream, rule, every=every)]
        runs = list({run.id: run for each in settled for run in each.runs}.values())
        ended = _followed(ready, runs)
    skipped = [each for one in settled for each in one.skipped]
    for each in skipped:
        console.print(f"Not tried: {each}", soft_wrap=True, markup=False)
    if not skipped and not sum(each.rows for each in settled):
        console.print("None of these rows waits, or they tell no whole fact alone: the next reading settles them.")
    end_with(ended)
    if skipped:
        raise typer.Exit(2)


@app.command("fix")
def fix(
    row_id: Annotated[int, typer.Argument(help="Number of the row.")],
    file: Annotated[Path, typer.Argument(help="The row as it should be, JSON in the marketplace's form; - reads it.")],
) -> None:
    """Mend a row and load it; the received bytes are kept beside it. Refused where it still does not fit."""
    text = _text_of(file)
    with _ready() as ready:
        server = server_of(ready)
        if server is None:
            with writing(ready):
                mended = ready.quarantine.fix(row_id, text, by=_BY, trigger=Trigger.COMMAND)
        else:
            told = ask_server(server, "POST", f"/api/v1/quarantine/rows/{row_id}/fix", {"row": text})
            mended = msgspec.convert(told, Mended)
        ended = _followed(ready, mended.runs)
    end_with(ended)


@app.command("drop")
def drop(
    reason: Annotated[str, typer.Option(help="Why; kept with the rows.")],
    ids: Ids = None,
    source: Source = None,
    stream: Stream = None,
    rule: Rule = None,
) -> None:
    """Say that waiting rows are not to be loaded; the marketplace telling the same again asks nobody."""
    with _ready() as ready:
        (meant,) = _each(ready, ids, source, stream, rule, every=False)
        rows = _settle(ready, "drop", meant, reason=reason).rows
    console.print(f"{_rows(rows)} dropped." if rows else "Nothing dropped: none of these rows waits.")


@app.command("restore")
def restore(ids: Ids = None, source: Source = None, stream: Stream = None, rule: Rule = None) -> None:
    """Take a drop back: the rows wait again."""
    with _ready() as ready:
        (meant,) = _each(ready, ids, source, stream, rule, every=False)
        rows = _settle(ready, "restore", meant).rows
    told = f"{_rows(rows)} {'waits' if rows == 1 else 'wait'} again."
    console.print(told if rows else "Nothing taken back: none of these rows is dropped.")


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _text_of(file: Path) -> str:
    if file == Path("-"):
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError("FILE", received=f"{file} ({error})", allowed="a text file in UTF-8") from None


def _each(
    ready: App, ids: Sequence[int] | None, source: str | None, stream: str | None, rule: str | None, *, every: bool
) -> list[RowFilter]:
    """The rows meant; with `every` those of each source. Raises InvalidRequestError where none is named."""
    _check_known(ready, source, stream)
    if any((ids, source, stream, rule)):
        return [RowFilter(source, None, stream, None, rule, tuple(ids) if ids else None)]
    if every:
        waiting = [each for each in ready.quarantine.overview().streams if each.waiting]
        return [RowFilter(source) for source in sorted({each.source for each in waiting})]
    raise InvalidRequestError("ID", received="none", allowed="numbers of rows, --source, --stream or --rule")


def _settle(ready: App, what: str, meant: RowFilter, *, reason: str = "") -> Settled:
    """By a running server, or by ourselves where there is none."""
    server = server_of(ready)
    if server is not None:
        told: dict[str, Any] = {"ids": meant.ids, "source": meant.source, "stream": meant.stream, "rule": meant.rule}
        body = told | ({"reason": reason} if reason else {})
        return msgspec.convert(ask_server(server, "POST", f"/api/v1/quarantine/{what}", body), Settled)
    with writing(ready):
        if what == "replay":
            return ready.quarantine.replay(meant, trigger=Trigger.COMMAND)
        if what == "drop":
            return ready.quarantine.drop(meant, note=reason, by=_BY)
        return ready.quarantine.take_back(meant, by=_BY)


def _followed(ready: App, runs: list[Run]) -> list[Run]:
    server = server_of(ready)
    if not runs:
        return []
    return by_itself(ready, lambda: runs) if server is None else watch(server, [run.id for run in runs])


@contextmanager
def _ready() -> Iterator[App]:
    ready = ready_app()
    try:
        yield ready
    finally:
        ready.close()
