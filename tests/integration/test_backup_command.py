"""`micore backup` as people type it, on both databases."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from dotenv import dotenv_values

from micore.storage.archives import Archive
from micore.storage.recovery_key import RecoveryKey, load
from tests.support import commands

GIVEN = {
    "MICORE_CURRENCY": "EUR",
    "MICORE_SHOP_NAME": "Anna's \\ shop #1",
    "MICORE_OZON_CLIENT_ID": "1234",
    "MICORE_OZON_API_KEY": "it's a #secret\\key",
}


def micore(tmp_path: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "MICORE_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    return commands.run(tmp_path, words, environment | GIVEN | given)


def test_a_backup_is_made_listed_and_checked(tmp_path: Path, migrated_url: str) -> None:
    given = {"MICORE_DATABASE_URL": migrated_url}
    assert "no backup in" in micore(tmp_path, "backup", "list", **given).stdout
    first = micore(tmp_path, "backup", "create", **given)
    assert first.returncode == 0, first.stderr
    assert "read back whole" in first.stdout
    assert "without it no backup can be restored" in first.stdout
    second = micore(tmp_path, "backup", "create", "--with-secrets", "--json", **given)
    made = json.loads(second.stdout)
    assert made["state"] == "verified"
    listed = json.loads(micore(tmp_path, "backup", "list", "--json", **given).stdout)
    assert listed[0]["id"] == made["id"]
    assert len(listed) == 2
    assert made["id"] in micore(tmp_path, "backup", "list", **given).stdout
    assert "is whole" in micore(tmp_path, "backup", "verify", made["file"], **given).stdout
    shown = micore(tmp_path, "backup", "key", **given)
    key = load(tmp_path / "home" / "recovery.key")
    assert shown.stdout.splitlines()[0] == key.text
    settings_come_back(Path(made["file"]), key, tmp_path)


def settings_come_back(file: Path, key: RecoveryKey, folder: Path) -> None:
    """Those that are not secret as they were, and of the secret ones only the names."""
    with Archive.opened(file, key) as archive:
        part = archive.manifest.part("configuration")
        assert part is not None
        archive.unpack(part, folder / "configuration.env")
    content = (folder / "configuration.env").read_text()
    assert GIVEN["MICORE_OZON_API_KEY"] not in content
    assert "# MICORE_OZON_API_KEY is set and secret." in content
    assert "# MICORE_DATABASE_URL is set and secret." in content
    read = dotenv_values(folder / "configuration.env")
    plain = {name: value for name, value in GIVEN.items() if name != "MICORE_OZON_API_KEY"}
    assert {name: read.get(name) for name in plain} == plain


def test_what_is_no_backup_is_refused(tmp_path: Path, migrated_url: str) -> None:
    given = {"MICORE_DATABASE_URL": migrated_url}
    made = json.loads(micore(tmp_path, "backup", "create", "--json", **given).stdout)
    file = Path(made["file"])
    file.write_bytes(file.read_bytes()[:-1])
    refused = micore(tmp_path, "backup", "verify", str(file), **given)
    assert refused.returncode == 1
    assert "is not a whole backup" in refused.stderr
    assert "missing" in micore(tmp_path, "backup", "list", **given).stdout
    foreign = tmp_path / "foreign.key"
    foreign.write_text(RecoveryKey(bytes(32)).text)
    other = micore(tmp_path, "backup", "verify", str(file), "--recovery-key-file", str(foreign), **given)
    assert "made with another recovery key" in other.stderr
    foreign.write_text("typed wrong")
    typed = micore(tmp_path, "backup", "verify", str(file), "--recovery-key-file", str(foreign), **given)
    assert "mistyped" in typed.stderr


def test_a_setting_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for name, value in (
        ("BACKUP_SCHEDULE", "nightly"),
        ("BACKUP_RETENTION_DAYS", "0"),
        ("MICORE_BACKUP_SCHEDULE", "0 2 * * *"),
    ):
        refused = micore(tmp_path, "backup", "list", **{name: value})
        assert refused.returncode == 1
        assert name in refused.stderr
    assert "BACKUP_SCHEDULE" in refused.stderr
