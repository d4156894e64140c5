"""The runbooks of docs/operations work as they stand there: every block is run, in order, on both databases."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from micore.services.backups import Configuration
from micore.storage.database import Database
from tests.support.backing_up import number
from tests.support.restoring import drop_kept, restorable, rows_of, synced_shop

REPOSITORY = Path(__file__).resolve().parents[2]
RESTORE = REPOSITORY / "docs" / "operations" / "restore.md"
SETTINGS = Configuration("MICORE_CURRENCY=RUB\n# MICORE_OZON_API_KEY is set and secret.\n", "")
SECTION = re.compile(r"^## (.*?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def blocks(runbook: Path) -> dict[str, list[str]]:
    """The blocks of commands, by the heading they stand below."""
    sections = SECTION.findall(runbook.read_text(encoding="utf-8"))
    found = {title: re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for title, text in sections}
    return {title: commands for title, commands in found.items() if commands}


def shell(folder: Path, block: str, **given: str) -> str:
    """Run a block as a person pastes it; the first command that fails ends it."""
    programs = Path(sys.executable).parent
    ended = subprocess.run(
        ["bash", "-eu", "-c", block],
        cwd=folder,
        env={"PATH": f"{programs}{os.pathsep}{os.defpath}", "HOME": str(folder), "COLUMNS": "200", **given},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, f"{block}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def test_the_runbook_has_the_cases() -> None:
    assert list(blocks(RESTORE)) == [
        "The machine is gone",
        "The machine is there, the database is not",
        "It was the wrong backup",
    ]


def test_a_lost_shop_comes_back_by_the_runbook(migrated_url: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    with synced_shop(migrated_url, first) as (micore, _market, _later):
        shop = restorable(micore.database, first, configuration=lambda: SETTINGS)
        shutil.copyfile(shop.backup(), second / "backup.tar")
        shutil.copyfile(shop.backups.key_path, second / "recovery.key")
        before = shop.rows()
    given, url = elsewhere(migrated_url, second)
    said = ""
    for block in blocks(RESTORE)["The machine is gone"]:
        said += shell(second, block, **given)
    assert "The database is well." in said
    assert f"with {len(before['product_summary'])} products" in said
    assert "MICORE_OZON_API_KEY" in said, "the key that the backup does not hold is named"
    assert (second / ".env").read_text().count("MICORE_CURRENCY=RUB") == 1
    database = Database(url)
    after = rows_of(database)
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= {"generation", "event"} | {name for name in before if name.startswith("journal")}
    number(database, 3)
    database.close()
    for title in ("The machine is there, the database is not", "It was the wrong backup"):
        for block in blocks(RESTORE)[title]:
            shell(second, block, **given)
    assert [row for row in rows_of(database)["generation"] if str(row[0]).startswith("test")]
    database.close()
    drop_kept(database)


@pytest.mark.parametrize("line", [1, 2, 3])
def test_interrupted_it_is_given_again(line: int, migrated_url: str, tmp_path: Path) -> None:
    """SIGKILL as soon as so many lines are said; the second time it ends well, and a third changes nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    database = Database(migrated_url)
    shop = restorable(database, first)
    number(database, 7)
    shutil.copyfile(shop.backup(), second / "backup.tar")
    shutil.copyfile(shop.backups.key_path, second / "recovery.key")
    rows = shop.rows()["stream_state"]
    database.close()
    given, url = elsewhere(migrated_url, second)
    command = ["restore", "bootstrap", "backup.tar", "--recovery-key-file", "recovery.key", "--no-input"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "micore", *command],
        cwd=second,
        env={"PATH": os.defpath, "HOME": str(second), "COLUMNS": "200", **given},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(line):
            assert process.stdout.readline()
        process.kill()
    (again,) = blocks(RESTORE)["The machine is gone"][:1]
    assert "The shop is back." in shell(second, again, **given)
    third = shell(second, again, **given)
    assert "is restored already" in third
    restored = Database(url)
    assert rows_of(restored)["stream_state"] == rows
    assert len([row for row in rows_of(restored)["generation"] if str(row[0]).startswith("test")]) == 7
    restored.close()
    drop_kept(restored)


def elsewhere(url: str, folder: Path) -> tuple[dict[str, str], str]:
    """The environment of an empty machine with a database of the same kind that does not exist yet, and its address."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        return {}, f"sqlite:///{folder / 'storage' / 'db' / 'micore.db'}"
    new = parsed.set(database=f"{parsed.database}_elsewhere").render_as_string(hide_password=False)
    return {"MICORE_DATABASE_URL": new}, new
