"""`micore restore`: see what can be restored and what would be lost by it, do it, take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from micore.app import App, build_app
from micore.cli.backup import megabytes
from micore.cli.output import console, local_time, print_json, print_table
from micore.cli.restore_bootstrap import begin_anew, bootstrap
from micore.cli.settings import settings_in_force
from micore.domain.restore_views import Inspection, KeptState, Restored
from micore.errors import InvalidRequestError
from micore.services.restoring import NotWantedError
from micore.services.restoring_log import Wanted
from micore.storage import recovery_key
from micore.storage.recovery_key import RecoveryKey
from micore.telemetry.logs import set_up_logs

app = typer.Typer(add_completion=False, help="Bring a backup back, and take that back.", no_args_is_help=True)

TABLES_SHOWN = 12
INSTANTS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
File = Annotated[str, typer.Argument(help='The archive of a backup, its eight figures, or "latest".')]
KeyFile = Annotated[
    Path | None,
    typer.Option("--recovery-key-file", help="The recovery key of the installation that made it, if not this one."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """List the backups that can be restored, and the states that earlier restores have moved aside."""
    with _ready() as ready:
        backups = [each for each in ready.backups.history() if each.file is not None and Path(each.file).is_file()]
        kept, last = ready.restoring.kept(), ready.restoring.last()
        if as_json:
            print_json({"backups": backups, "kept": kept, "last": last})
            return
        zone = ready.shop.zone
        if backups:
            rows = [[each.id, local_time(each.at, zone), each.state.value, each.file or ""] for each in backups]
            print_table("Backups", ["id", "made", "state", "file"], rows)
        else:
            console.print(f"There is no backup in {ready.backups.folder.path}.", soft_wrap=True)
        if kept:
            rows = [[local_time(each.replaced_at, zone), megabytes(each.size_bytes), each.name] for each in kept]
            print_table("Moved aside by restores", ["live until", "size", "where"], rows, right=(1,))
            console.print("`micore restore undo` brings the newest of them back; delete those you need no more.")
        if last is not None:
            console.print(f"Last restore: {last.id}, {local_time(last.at, zone)}, full check: {last.integrity}.")


@app.command("inspect")
def inspect(file: File, recovery_key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Say what a backup holds and what would be lost by restoring it. `micore backup verify` reads it whole."""
    with _ready() as ready:
        plan = ready.restoring.inspect(_path(ready, file), _key(recovery_key_file))
        if as_json:
            print_json(plan)
            return
        _show(plan, ready, Wanted())


@app.command("run")
def run(
    file: File,
    to_time: Annotated[
        datetime | None,
        typer.Option("--to-time", formats=INSTANTS, help="Put the log back only up to here, by the shop's clock."),
    ] = None,
    backup_only: Annotated[bool, typer.Option("--backup-only", help="Leave the transaction log out.")] = False,
    despite_damage: Annotated[
        bool, typer.Option("--despite-damage", help="Put a damaged log back up to where it is whole.")
    ] = False,
    recovery_key_file: KeyFile = None,
    yes: Yes = False,
) -> None:
    """Restore a backup and put the transaction log behind it. Asks first; what is live is kept for `undo`."""
    if to_time is not None and backup_only:
        raise InvalidRequestError("--to-time", received="--backup-only with it", allowed="one of the two")
    with _ready() as ready:
        until = None if to_time is None else to_time.replace(tzinfo=ready.shop.zone)
        wanted = Wanted(until, backup_only, despite_damage)

        def confirmed(plan: Inspection) -> bool:
            _show(plan, ready, wanted)
            return yes or _typed(plan.id, "restore this backup")

        key = _key(recovery_key_file)
        restored = _wanted(lambda: ready.restoring.run(_path(ready, file), key, wanted=wanted, confirmed=confirmed))
        begin_anew(ready)
        console.print(f"Restored in {restored.seconds:.1f} s, checks included.")
        if restored.replayed:
            console.print(f"{restored.replayed:,} transactions came back from the transaction log.")
        if restored.damage:
            console.print(f"{restored.damage} What followed is lost; the damaged log is kept.", soft_wrap=True)
        if restored.left:
            console.print(f"{restored.left:,} later ones were left out; `micore restore undo` brings them back.")
        _tell_where(restored)


@app.command("undo")
def undo(yes: Yes = False) -> None:
    """Bring back what was live before the last restore. Done twice, it changes nothing."""
    with _ready() as ready:

        def confirmed(last: KeptState) -> bool:
            until = local_time(last.replaced_at, ready.shop.zone)
            console.print(f"Comes back: {escape(last.name)}, live until {until}.", soft_wrap=True)
            return yes or _typed("undo", "exchange it with what is live now")

        restored = _wanted(lambda: ready.restoring.undo(confirmed))
        begin_anew(ready)
        _tell_where(restored)


app.command("bootstrap")(bootstrap)


@contextmanager
def _ready() -> Iterator[App]:
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    ready = build_app(settings)
    try:
        yield ready
    finally:
        ready.close()


def _path(ready: App, file: str) -> Path:
    """An archive by its path, or one of the folder of the backups by its figures."""
    path = Path(file).expanduser()
    if path.exists() or "/" in file:
        return path
    if file == "latest":
        return ready.backups.folder.path / file
    for each in ready.backups.history():
        if each.id == file and each.file is not None:
            return Path(each.file)
    raise InvalidRequestError("file", received=file, allowed='a file, an id that `micore restore list` shows, "latest"')


def _key(path: Path | None) -> RecoveryKey | None:
    return None if path is None else recovery_key.load(path)


def _wanted(work: Callable[[], Restored]) -> Restored:
    try:
        return work()
    except NotWantedError:
        console.print("Nothing has changed.")
        raise typer.Exit(1) from None


def _typed(word: str, what: str) -> bool:
    try:
        return bool(typer.prompt(f"Type {word} to {what}", default="", show_default=False).strip() == word)
    except typer.Abort:
        return False


def _show(plan: Inspection, ready: App, wanted: Wanted) -> None:
    console.print(
        f"{escape(plan.file)}\nBackup {plan.id} of {local_time(plan.made_at, ready.shop.zone)}, by micore "
        f"{plan.program}, schema {plan.schema}, {plan.database}; it holds {', '.join(plan.parts)}.",
        soft_wrap=True,
    )
    if plan.live_rows is None:
        console.print("The live database cannot be read; what it holds is not compared.")
        return
    lost = "an unknown number of" if plan.lost_writes is None else f"{plan.lost_writes:,}"
    if wanted.backup_only or not plan.log:
        console.print(f"Would be lost: {lost} writes since then.")
    elif wanted.until is not None:
        console.print(
            f"Since then: {lost} writes; those up to {wanted.until:%Y-%m-%d %H:%M:%S} come back from the log."
        )
    else:
        console.print(f"Since then: {lost} writes; they come back from the transaction log.")
    rows = [[table, f"{backup:,}", f"{now:,}"] for table, backup, now in plan.differing]
    if rows:
        print_table("", ["rows of", "in the backup", "now"], rows[:TABLES_SHOWN], right=(1, 2))
    if len(rows) > TABLES_SHOWN:
        console.print(f"... and {len(rows) - TABLES_SHOWN} tables more; --json of `inspect` shows all.")


def _tell_where(restored: Restored) -> None:
    console.print(f"What was live is kept as {escape(restored.kept_as)}; `micore restore undo` brings it back.")
    console.print("The next `micore serve` checks the whole database in the background; /health tells the result.")
