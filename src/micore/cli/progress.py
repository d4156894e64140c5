"""A sync on the terminal: streams with rows, rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from micore.cli.output import console, figure
from micore.domain.run_views import Run, RunState, StreamRun, StreamState

REFRESH_SECONDS = 0.25
UNWATCHED_SECONDS = 5.0
OPEN = (RunState.QUEUED, RunState.RUNNING)

_MARKS = {
    StreamState.WAITING: ("·", "dim"),
    StreamState.RUNNING: ("▸", "cyan"),
    StreamState.DONE: ("✓", "green"),
    StreamState.HELD: ("!", "yellow"),
    StreamState.FAILED: ("✗", "red"),
    StreamState.SKIPPED: ("–", "dim"),
}
_ENDS = {
    RunState.DONE: ("done", "green"),
    RunState.GAPS: ("done with gaps", "yellow"),
    RunState.FAILED: ("failed", "red"),
    RunState.STOPPED: ("stopped", "yellow"),
    RunState.QUEUED: ("waiting", "dim"),
    RunState.RUNNING: ("running", "cyan"),
}


def follow(
    read: Callable[[], Sequence[Run]], *, title: str = "", over: Callable[[float], object] | None = None
) -> list[Run]:
    """Show runs until all are over; returns them as they ended. Without a terminal only the end is printed.

    `over` waits at most so many seconds for who works on them in this process; without it they are looked at often.
    """
    if not console.is_terminal:
        while True:
            runs = list(read())
            if not any(run.state in OPEN for run in runs):
                break
            # Nobody watches: reading the runs again and again would take several hundredths of a sync.
            over(UNWATCHED_SECONDS) if over is not None else time.sleep(REFRESH_SECONDS)
        for run in runs:
            console.print(summary(run))
        return runs
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while True:
            runs = list(read())
            live.update(Group(*(_shown(run, title) for run in runs)))
            if not any(run.state in OPEN for run in runs):
                break
            time.sleep(REFRESH_SECONDS)
    for run in runs:
        console.print(summary(run))
    return runs


def summary(run: Run) -> Text:
    """One line of how a run ended, its findings below."""
    word, style = _ENDS[run.state]
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0.0
    line = Text.assemble(
        (f"{run.source} {word}", style),
        f": {run.rows_read:,} rows read, {run.rows_loaded:,} loaded, {run.rows_unchanged:,} unchanged, "
        f"{run.rows_rejected:,} rejected in {seconds:.1f} s",
    )
    if run.message:
        line.append(f"\n  {run.message}")
    if run.remedy:
        line.append(f"\n  {run.remedy}", style="dim")
    return line


def _shown(run: Run, title: str) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    table.add_column("", width=1)
    table.add_column("stream", min_width=12)
    table.add_column("", width=24)
    for name in ("read", "loaded", "unchanged", "rejected"):
        table.add_column(name, justify="right", min_width=8)
    for stream in run.streams:
        mark, style = _MARKS[stream.state]
        table.add_row(
            Text(mark, style=style),
            Text(stream.stream, style=style if stream.state == StreamState.RUNNING else ""),
            _bar(stream),
            *(f"{each:,}" if stream.rows_read else "–" for each in _figures(stream)),
        )
    head = f"{title or run.source}: " + _ENDS[run.state][0]
    rate = f"{figure(run.rows_per_second)} rows/s" if run.rows_per_second else ""
    left = f"about {run.eta_seconds:.0f} s left" if run.eta_seconds is not None else ""
    if run.waits_until is not None:
        left = f"waits for the marketplace's limit on requests until {run.waits_until.astimezone():%H:%M:%S}"
    return Group(Text("  ".join(part for part in (head, rate, left) if part), style="bold"), table)


def _figures(stream: StreamRun) -> tuple[int, int, int, int]:
    return stream.rows_read, stream.rows_loaded, stream.rows_unchanged, stream.rows_rejected


def _bar(stream: StreamRun) -> RenderableType:
    if stream.state in (StreamState.DONE, StreamState.HELD):
        return ProgressBar(total=1, completed=1, width=24)
    if stream.state != StreamState.RUNNING:
        return Text("")
    if not stream.expected_rows:
        return ProgressBar(total=None, pulse=True, width=24)
    return ProgressBar(total=stream.expected_rows, completed=min(stream.rows_read, stream.expected_rows), width=24)
