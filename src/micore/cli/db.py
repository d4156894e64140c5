"""`micore db`: bring the database's schema up to date, and say how the database is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from micore.app import logged_database, open_database
from micore.cli.output import console, print_json, print_table
from micore.cli.settings import settings_in_force
from micore.errors import StorageError
from micore.storage import maintenance
from micore.storage.database import Database
from micore.telemetry.logs import set_up_logs

app = typer.Typer(add_completion=False, help="Look after the database.", no_args_is_help=True)


@app.command("migrate")
def migrate() -> None:
    """Bring the database to this program's schema. Does nothing when it is there already."""
    with _database() as database:
        before = maintenance.revision(database)
        after = open_database(database)
    if before == after:
        console.print(f"Nothing to do: {database.shown_url} stands at revision {after}.")
    else:
        console.print(f"{database.shown_url}: from revision {before or 'none'} to {after}.")


@app.command("info")
def info(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say which database this is, how large it is and how many rows each table has."""
    with _database() as database:
        facts = maintenance.info(database)
    if as_json:
        print_json(facts)
        return
    print_table(
        "",
        ["", ""],
        [
            ["database", facts.url],
            ["version", f"{facts.kind} {facts.version}"],
            ["revision", f"{facts.revision or 'none'} (this program: {facts.head})"],
            *([name, f"{size / 1e6:,.1f} MB"] for name, size in facts.sizes_bytes.items()),
        ],
    )
    if facts.rows:
        print_table("", ["table", "rows"], [[name, f"{rows:,}"] for name, rows in facts.rows.items()], right=(1,))


@app.command("check")
def check() -> None:
    """Check that the database answers, holds the present schema and is whole. Exit code 1 when it is not."""
    with _database() as database:
        if maintenance.revision(database) is None:
            raise StorageError(
                f"There is no database of micore in {database.shown_url} yet.",
                remedy="`micore db migrate` makes it, and so does the first start of micore.",
            )
        problems = maintenance.problems(database)
    if problems:
        raise StorageError(
            f"{database.shown_url}: " + "; ".join(problems),
            remedy="Run `micore db migrate` where the schema is old; else restore the newest backup.",
        )
    console.print(f"{database.shown_url} is well.")


@contextmanager
def _database() -> Iterator[Database]:
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    database = logged_database(settings)
    try:
        yield database
    finally:
        database.close()
