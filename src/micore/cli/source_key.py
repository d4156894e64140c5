"""`micore source key`: what a key of a marketplace is worth."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from micore.cli.output import console, figure, print_json, print_table, warn
from micore.cli.working import ready_app
from micore.domain.key_views import KeyForm, KeyReport
from micore.errors import InvalidRequestError

_WRITES = {True: "no, it only reads", False: "yes; a key that only reads is enough", None: None}


def key(
    name: Annotated[str, typer.Argument(help="ozon, wildberries; ozon-2 for the key of its second account.")],
    new: Annotated[
        bool, typer.Option("--new", help="Ask for a key, unseen, even where the settings hold one.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Test a key: its kind, what it opens, until when, and how long its first sync takes. Nothing is stored.

    Takes the key in the settings; where there is none, asks for one without showing it. Exit code 1: it is
    refused, or could not be tested.
    """
    ready = ready_app()
    try:
        forms = ready.key_tests.forms()
        in_force = any(name in form.slots for form in forms)
        form = next((each for each in forms if name == each.source or name in each.slots), None)
        if form is None:
            allowed = ", ".join(each.source for each in forms) or "none is installed"
            raise InvalidRequestError("source", received=name, allowed=allowed)
        values = None if in_force and not new else _asked(form)
        report = ready.key_tests.test(name, values)
    finally:
        ready.close()
    if as_json:
        print_json(report)
    else:
        _show(report, form, tried=values is not None)
    if not report.accepted:
        raise typer.Exit(1)


def _asked(form: KeyForm) -> dict[str, str]:
    console.print(f"A key of {form.title}; what you type is not stored.", style="dim")
    return {
        field.name: typer.prompt(field.help.rstrip("."), hide_input=field.secret, err=True) for field in form.fields
    }


def _show(report: KeyReport, form: KeyForm, *, tried: bool) -> None:
    if report.accepted:
        console.print(f"[bold green]{report.title} accepts the key.[/]")
    facts = [
        ("kind", report.kind),
        ("account", None if report.account is None else f"{report.account} ({report.account_id})"),
        ("read by", report.read_by and f"{report.read_by} already"),
        ("opens", ", ".join(report.rights) or None),
        ("may write", _WRITES[report.read_only]),
        ("expires", _expiry(report)),
        ("products", None if report.products is None else f"{report.products:,}"),
    ]
    for label, text in facts:
        if text:
            console.print(f"{label:<10} {escape(text)}", soft_wrap=True)
    if report.accepted is None:
        warn(f"The key could not be tested: {report.title} did not get as far as taking or refusing it.")
    if report.problem is not None:
        warn(f"{report.problem} {report.remedy or ''}".strip())
    if report.sandbox:
        warn("This is a key of the test environment: it opens made-up data only.")
    if report.slow:
        warn("Keys of this kind may ask far less often than is reckoned here; the first sync takes much longer.")
    if report.streams and (report.accepted or any(each.missing for each in report.streams)):
        rows = [
            [each.stream, figure(each.requests), _duration(each.seconds), _why(each.missing, each.reason)]
            for each in report.streams
        ]
        print_table("", ["stream", "requests", "takes", "why"], rows, right=(1, 2))
    if report.seconds is not None:
        console.print(f"The first sync takes about [bold]{_duration(report.seconds)}[/].")
    if tried and report.accepted:
        console.print("Put into .env, then restart micore:")
        for field in form.fields:
            console.print(f"  {field.variable}={'***' if field.secret else '...'}", soft_wrap=True)


def _expiry(report: KeyReport) -> str | None:
    if report.expires_at is None:
        return None
    return f"{report.expires_at.date().isoformat()}, in {report.days_left} days"


def _why(missing: list[str], reason: str | None) -> str:
    return f"cannot be read: the key lacks {', '.join(missing)}" if missing else reason or ""


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min"
