"""`micore backup`: make a backup, list and check those that there are, show the key that they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from micore.app import App, build_app
from micore.cli.output import console, local_time, print_json, print_table
from micore.cli.settings import settings_in_force
from micore.domain.backup_views import Backup, BackupTrigger
from micore.storage import recovery_key
from micore.telemetry.logs import set_up_logs

app = typer.Typer(add_completion=False, help="Make, list and check backups.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("create")
def create(
    db_only: Annotated[bool, typer.Option("--db-only", help="The database alone, no settings and no log.")] = False,
    to: Annotated[Path | None, typer.Option(help="Another folder for this backup.")] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Keys and passwords too, sealed with the recovery key.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a backup now and read it back. The shop goes on; a running server is not in the way."""
    with _ready() as ready:
        first = not ready.backups.key_path.exists()
        made = ready.backups.create(BackupTrigger.COMMAND, to=to, db_only=db_only, with_secrets=with_secrets)
        if as_json:
            print_json(made)
            return
        console.print(f"{escape(made.file or '')}", soft_wrap=True)
        console.print(
            f"{megabytes(made.size_bytes)} of {megabytes(made.database_bytes)}, {made.rows:,} rows, read back whole. "
            f"Copied in {made.copy_seconds:.1f} s, packed in {made.pack_seconds:.1f} s, "
            f"checked in {made.verify_seconds:.1f} s.",
            soft_wrap=True,
        )
        if first:
            _tell_of_the_key(ready)


@app.command("list")
def listed(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 20, as_json: AsJson = False
) -> None:
    """List the backups and the attempts that failed, the newest first."""
    with _ready() as ready:
        found = ready.backups.history()[:limit]
        if as_json:
            print_json(found)
            return
        if not found:
            console.print(f"There is no backup in {ready.backups.folder.path} yet; `micore backup create` makes one.")
            return
        print_table(
            "",
            ["made", "state", "size", "by", "file"],
            [_row(each, ready) for each in found],
            right=(2,),
        )


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="The archive of a backup.")],
    recovery_key_file: Annotated[
        Path | None, typer.Option(help="The recovery key of the installation that made it, where it is another one.")
    ] = None,
) -> None:
    """Read a backup whole: each checksum, its database unpacked and checked, its rows counted. Exit code 1 when bad."""
    with _ready() as ready:
        key = None if recovery_key_file is None else recovery_key.load(recovery_key_file)
        manifest = ready.backups.verify(file, key)
        console.print(
            f"{escape(str(file))} is whole: the shop of {local_time(manifest.made_at, ready.shop.zone)}, "
            f"{sum(manifest.rows.values()):,} rows, schema {manifest.schema}, made by micore {manifest.program}.",
            soft_wrap=True,
        )


@app.command("key")
def key() -> None:
    """Show the recovery key, which opens the backups of this installation anywhere. Makes one where there is none."""
    with _ready() as ready:
        console.print(ready.backups.key().text, soft_wrap=True)
        _tell_of_the_key(ready)


@contextmanager
def _ready() -> Iterator[App]:
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    ready = build_app(settings)
    try:
        yield ready
    finally:
        ready.close()


def _tell_of_the_key(ready: App) -> None:
    console.print(
        f"The recovery key lies in {escape(str(ready.backups.key_path))}. Keep a copy elsewhere, on paper or in a "
        "password manager: without it no backup can be restored once this machine is gone. "
        "`micore backup key` shows it.",
        style="yellow",
        soft_wrap=True,
    )


def _row(backup: Backup, ready: App) -> list[str]:
    return [
        local_time(backup.at, ready.shop.zone),
        backup.state.value,
        megabytes(backup.size_bytes) if backup.size_bytes else "–",
        "–" if backup.trigger is None else backup.trigger.value,
        backup.problem or backup.file or "",
    ]


def megabytes(size_bytes: int) -> str:
    """A size for people, never rounded to nothing."""
    return f"{max(size_bytes / 1e6, 0.1):,.1f} MB"
