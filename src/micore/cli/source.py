"""`micore source`: the plug-ins that read marketplaces: what is installed, and whether one keeps its promises."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from micore import config
from micore.app import installed_source_options
from micore.cli.output import console, errors, print_json, print_table, warn
from micore.cli.settings import settings_in_force
from micore.cli.source_key import key
from micore.errors import InvalidRequestError, NotFoundError, SettingsError
from micore.plugins import SOURCES, load, registered
from micore.sources.checking import Budget, Place, Pretence, Report, Result, Trial, Verdict, check_source
from micore.telemetry.logs import hide, set_up_logs

app = typer.Typer(add_completion=False, help="Look at the plug-ins that read marketplaces.", no_args_is_help=True)
app.command("key")(key)

_MARKS = {
    Verdict.PASSED: "[green]kept[/]   ",
    Verdict.FAILED: "[bold red]broken[/] ",
    Verdict.NOT_TRIED: "[dim]–[/]      ",
}
_MADE_UP_KEY = "made-up-key-for-the-simulator"


@app.command("list")
def list_sources(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the installed plug-ins, the package that brings each, and whether it has what it needs."""
    options = installed_source_options()
    rows = []
    for name in registered(SOURCES):
        _, missing = config.source_options(name, options[name])
        state = "configured" if not missing else f"{', '.join(missing)} not set"
        rows.append({"source": name, "package": _distribution(name), "state": state})
    if as_json:
        print_json(rows)
    else:
        print_table("", ["source", "package", "state"], [list(row.values()) for row in rows])


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Name of the plug-in, from `micore source list`.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the plug-in, over the settings. Repeatable."),
    ] = None,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="Ask a simulated shop instead of the account; for ozon and wildberries.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Nothing changes there between two readings: compare them row by row.")
    ] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every stream to its end, twice, and go on after many pages.")
    ] = False,
    requests: Annotated[
        int | None, typer.Option(min=10, help="Most requests to make; 200, and 5,000 with --thorough.")
    ] = None,
    wait: Annotated[int, typer.Option(min=1, help="Most seconds to wait for the source's own limits.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check that a plug-in keeps what a source promises, and print its score.

    Only reads, within the source's own limits, and says before how much. Exit code 0: all promises are kept;
    2: some are broken; 1: it could not be checked.
    """
    # What sources log of their troubles is what the checks provoke.
    set_up_logs(settings_in_force(log_level=config.LogLevel.ERROR))
    plugin = load(SOURCES, name)
    most = requests or (5_000 if thorough else 200)
    budget = Budget(pages=None if thorough else 4, requests=most, wait_seconds=wait)
    with _place(name, plugin, _pairs(given or []), simulated=simulator, frozen=frozen) as place:
        trial = Trial(name, plugin, place, budget)
        if simulator:  # its limits are off: waits for them need not last
            pretence = Pretence()
            trial.monotonic, trial.sleep, budget.wait_seconds = pretence.monotonic, pretence.sleep, float("inf")
        if not as_json:
            console.print(_announcement(trial), soft_wrap=True)
        report = check_source(trial, _distribution(name), on_result=lambda each: None if as_json else _tell(each))
    if as_json:
        print_json(report)
    else:
        _sum_up(report)
    if report.failed:
        raise typer.Exit(2)


@app.command("template")
def template(
    name: Annotated[str, typer.Argument(help="Name of the plug-in, from `micore source list`.")],
    stream: Annotated[str | None, typer.Argument(help="What the file is to tell; without it: what there is.")] = None,
) -> None:
    """Print an example of a file that a plug-in reads, to fill in."""
    templates: Mapping[str, bytes] = getattr(load(SOURCES, name), "templates", {})
    if stream is None:
        console.print(", ".join(templates) or f"{name} reads no files.")
        return
    if stream not in templates:
        raise NotFoundError(f"template of {name} (there are: {', '.join(templates) or 'none'})", stream)
    sys.stdout.buffer.write(templates[stream])


def _distribution(name: str) -> str:
    dist = registered(SOURCES)[name].dist
    return f"{dist.name} {dist.version}" if dist else "unknown"


def _pairs(given: list[str]) -> dict[str, str]:
    """The options of the command line; raises InvalidRequestError."""
    for text in given:
        if "=" not in text:
            raise InvalidRequestError("--set", received=text, allowed="OPTION=VALUE, base_url=http://127.0.0.1:9101")
    return dict(text.split("=", 1) for text in given)


@contextmanager
def _place(name: str, plugin: Any, given: dict[str, str], *, simulated: bool, frozen: bool) -> Iterator[Place]:
    """Where to ask: the account of the settings, what the command line says, or a simulator."""
    unknown = sorted(set(given) - {option.name for option in plugin.options})
    if unknown:
        allowed = ", ".join(option.name for option in plugin.options) or "nothing, it has no options"
        raise InvalidRequestError("--set", received=unknown[0], allowed=allowed)
    if simulated:
        with _simulator(name) as address:
            needed = {each.name: _MADE_UP_KEY if each.secret else "1234" for each in plugin.options if each.required}
            yield Place({**needed, "history_days": "20", "base_url": address, **given}, frozen=True)
        return
    values, missing = config.source_options(name, [each for each in plugin.options if each.name not in given])
    if missing:
        raise SettingsError(missing[0], received="nothing", allowed="a value, or --set with it, or --simulator")
    values |= given
    hide(values[option.name] for option in plugin.options if option.secret and option.name in values)
    yield Place(values, frozen=frozen)


@contextmanager
def _simulator(name: str) -> Iterator[str]:
    """A small simulated shop on this machine whose clock stands; yields where it plays the source's marketplace."""
    from datetime import UTC, datetime

    from micore.simulator import Clock, Shop, serve_in_thread

    now = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)  # the same shop at each check
    with serve_in_thread(
        Shop(seed=7, products=120, days=60, today=now.date()), Clock(now, frozen=True), limits=False
    ) as running:
        addresses = {"ozon": running.ozon_url, "wildberries": running.wildberries_url}
        if name not in addresses:
            raise InvalidRequestError("--simulator", received=name, allowed=", ".join(addresses))
        yield addresses[name]


def _announcement(trial: Trial) -> str:
    budget, streams = trial.budget, len(trial.streams)
    how_far = (
        "Reads every stream to its end, several times"
        if budget.pages is None
        else f"Reads the first {budget.pages} pages of each of {streams} streams and 4 more to go on from them"
    )
    return (
        f"{how_far}: at most {budget.requests:,} requests, within the source's own limits"
        + (f" and at most {budget.wait_seconds:g} s of waiting for them" if isfinite(budget.wait_seconds) else "")
        + ". Nothing is written anywhere."
    )


def _tell(result: Result) -> None:
    console.print(f"{_MARKS[result.verdict]} {result.name}: {escape(result.promise)}", soft_wrap=True)
    if result.verdict is Verdict.PASSED:
        return
    for line in result.seen:
        console.print(Padding(escape(line), (0, 0, 0, 8)), style="dim" if result.verdict is Verdict.NOT_TRIED else "")
    if result.verdict is Verdict.FAILED:
        console.print(Padding(f"[bold]Why it matters:[/] {escape(result.why)}", (0, 0, 0, 8)))
        console.print(Padding(f"[bold]How to mend it:[/] {escape(result.mend)}", (0, 0, 0, 8)))


def _sum_up(report: Report) -> None:
    tried = [each for each in report.results if each.verdict is not Verdict.NOT_TRIED]
    kept = len(tried) - len(report.failed)
    console.print(
        f"\n[bold]{report.source}[/] ({escape(report.distribution)}): [bold]{report.score}[/] of 100; "
        f"{kept} of {len(tried)} promises kept, {len(report.results) - len(tried)} not tried, "
        f"{report.pages:,} pages, {report.requests:,} requests.",
        soft_wrap=True,
    )
    if report.cut_short:
        warn(f"Not everything was tried: {report.cut_short}. --requests and --wait allow more.")
    if report.failed:
        errors.print(f"{len(report.failed)} promises are broken, see above.")
