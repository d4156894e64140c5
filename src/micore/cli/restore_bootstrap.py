"""`micore restore bootstrap`: an empty machine, a backup and its recovery key become a running shop.

Each step looks whether it is done already, so the command is given again after whatever has interrupted it.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from dotenv import dotenv_values
from rich.markup import escape

from micore.app import App, build_app, quoted
from micore.cli.output import console
from micore.cli.settings import settings_in_force
from micore.cli.working import writing
from micore.config import ENV_FILE, environment
from micore.errors import ConflictError, MicoreError, RecoveryKeyError, StorageError
from micore.storage import durable, maintenance, recovery_key, sealed_secrets
from micore.storage.archives import Archive
from micore.storage.recovery_key import RecoveryKey
from micore.telemetry.logs import set_up_logs

OF_THE_MACHINE = (
    "MICORE_HOME",
    "MICORE_DATABASE_URL",
    "MICORE_REDIS_URL",
    "BACKUP_LOCAL_PATH",
    "PG_HOST",
    "PG_PORT",
    "PG_NAME",
    "PG_USER",
    "PG_PASSWORD",
)
"""Settings that say where things are. They are taken from this machine's environment, never from the backup."""
SECRET = re.compile(r"^# (\w+) is set and secret\.$", re.MULTILINE)
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class _Told:
    """What a backup says of the settings."""

    id: str
    values: dict[str, str]
    secret_names: list[str]
    """Those that had a value where the backup was made."""


def bootstrap(
    file: Annotated[Path, typer.Argument(help="The archive of a backup.")],
    recovery_key_file: Annotated[
        Path, typer.Option("--recovery-key-file", help="The recovery key of the installation that made it.")
    ],
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask for no key; those that the backup lacks are named at the end.")
    ] = False,
) -> None:
    """Turn an empty machine into the shop of a backup. Can be given again after an interruption."""
    key = recovery_key.load(recovery_key_file)
    told = _told(file, key)
    missing = _write_settings(told, ask=not no_input)
    settings = settings_in_force()
    set_up_logs(settings, quiet=True)
    ready = build_app(settings)
    try:
        _keep_key(ready, key)
        _restore(ready, file, key, told.id)
        begin_anew(ready)
        _check(ready)
    finally:
        ready.close()
    if missing:
        console.print(f"Not in the backup, to be set in {ENV_FILE}: {', '.join(missing)}.", soft_wrap=True)
    console.print(f"The shop is back. `micore serve` shows it at {settings.url} and syncs by the schedule.")


def begin_anew(ready: App) -> None:
    """What a start does, done at once: the schema of this program, and answers that no cache has seen."""
    ready.restoring.finish()
    with writing(ready):
        ready.open()
        ready.restoring.settle()


# ------------------------------------------------------------------------------------------------------ the settings


def _told(file: Path, key: RecoveryKey) -> _Told:
    """Read the settings out of the archive, in a private folder that is gone afterwards."""
    texts = {"configuration": "", "secrets": ""}
    with tempfile.TemporaryDirectory() as scratch, Archive.opened(file, key) as archive:
        for part in archive.manifest.parts:
            if part.kind in texts:
                target = Path(scratch) / part.kind
                archive.unpack(part, target)
                content = target.read_bytes()
                if part.kind == "secrets":
                    texts["secrets"] = sealed_secrets.unseal(content, key, archive.manifest.id)
                else:
                    texts["configuration"] = content.decode()
        backup_id = archive.manifest.id
    values: dict[str, str] = {}
    for text in texts.values():
        values |= {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}
    return _Told(backup_id, values, SECRET.findall(texts["configuration"]))


def _write_settings(told: _Told, *, ask: bool) -> list[str]:
    """Make `.env` where there is none; returns the secrets that are still missing."""
    here = environment()
    secrets = [name for name in told.secret_names if name not in OF_THE_MACHINE]
    if ENV_FILE.exists():
        console.print(f"{ENV_FILE} is there and stays as it is.")
        return [name for name in secrets if not here.get(name)]
    values = {name: value for name, value in told.values.items() if name not in OF_THE_MACHINE}
    values |= {name: os.environ[name] for name in OF_THE_MACHINE if os.environ.get(name)}
    for name in secrets:
        if ask and not here.get(name) and name not in values:
            console.print(f"{name} is not in the backup. Enter alone leaves it out.")
            given = typer.prompt(name, default="", show_default=False, hide_input=True).strip()
            values |= {name: given} if given else {}
    lines = [f"# The settings of backup {told.id}, as this machine can use them.\n"]
    lines += [f"{name}={quoted(value)}\n" for name, value in values.items()]
    moved = [name for name in told.values if name in OF_THE_MACHINE and name not in values]
    lines += [f"# {name} was set where the backup was made; set it if this machine needs it.\n" for name in moved]
    durable.replace_file(ENV_FILE.absolute(), "".join(lines).encode())
    console.print(f"{ENV_FILE} is written, with {len(values)} settings.")
    return [name for name in secrets if not here.get(name) and name not in values]


def _keep_key(ready: App, key: RecoveryKey) -> None:
    """The recovery key goes on to be that of this installation, so that its backups and the older ones have one key."""
    path = ready.backups.key_path
    if path.exists():
        if recovery_key.load(path) != key:
            raise RecoveryKeyError(
                f"{path} holds the recovery key of another installation.",
                remedy="Set MICORE_HOME to an empty folder, or use `micore restore run --recovery-key-file`.",
            )
        return
    durable.make_folder(path.parent)
    durable.replace_file(path, (key.text + "\n").encode())
    console.print(f"The recovery key is in {escape(str(path))}.", soft_wrap=True)


# ------------------------------------------------------------------------------------------------------ the database


def _restore(ready: App, file: Path, key: RecoveryKey, backup_id: str) -> None:
    ready.restoring.finish()
    last = ready.restoring.last()
    used = any(_rows(ready).values())
    if used and last is not None and last.id == backup_id:
        console.print("The database is restored already.")
        return
    if used:
        raise ConflictError(
            f"There is a shop in {ready.database.shown_url} already; `micore restore run` replaces it and keeps it."
        )
    restored = ready.restoring.run(file, key, confirmed=lambda _plan: True)
    console.print(f"The database is restored, in {restored.seconds:.1f} s.")


def _rows(ready: App) -> dict[str, int]:
    """The rows of the tables that only a used shop fills; none where there is no database yet."""
    if ready.database.path is not None and not ready.database.path.exists():
        return {}
    try:
        rows = maintenance.info(ready.database).rows
    except (MicoreError, maintenance.DatabaseFailure):
        return {}
    return {table: count for table, count in rows.items() if table in {"account", "event", "run"}}


def _check(ready: App) -> None:
    """The database is well, and the dashboard answers with its products."""
    problems = maintenance.problems(ready.database)
    if problems:
        raise StorageError(
            f"The restored database is not well: {'; '.join(problems)}", remedy="Restore another backup."
        )
    console.print("The database is well.")
    answers = _answers(ready, ("/api/v1/dashboard", "/api/v1/products?limit=1"))
    console.print(f"The dashboard answers, with {answers[1].get('total', 0):,} products.")


def _answers(ready: App, paths: Sequence[str]) -> list[dict[str, object]]:
    """What our own server says, on a port that is free now; nothing is synced meanwhile."""
    from micore.api.server import Server, bind
    from micore.cli.serve import parts_of
    from micore.worker import Worker

    with writing(ready), bind("127.0.0.1", 0) as listener:
        server = Server(parts_of(ready, Worker(ready.sync, scheduled=False)), listener)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.start()
        try:
            found = []
            for path in paths:
                answer = httpx2.get(address + path, timeout=ANSWER_SECONDS)
                if answer.status_code != 200:
                    raise StorageError(
                        f"The dashboard does not answer: HTTP {answer.status_code} on {path}.",
                        remedy="`micore serve` logs the reason; `micore db check` looks at the database.",
                    )
                found.append(answer.json())
            return found
        finally:
            server.stop()
