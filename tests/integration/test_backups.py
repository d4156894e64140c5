"""Backups on both databases: what is in them is the shop, and what could not be read back is no backup."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from micore.domain.backup_views import BackupState, BackupTrigger
from micore.errors import ArchiveError, BackupError, ConflictError, RecoveryKeyError, StorageError
from micore.services.backups import Backups, read_back
from micore.storage import archives, maintenance, postgresql_copies, sealed_secrets
from micore.storage.archives import Archive
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Database
from micore.storage.recovery_key import RecoveryKey
from tests.support.backing_up import SECRET, backups_of, number, numbers, unpacked
from tests.support.databases import postgresql_database

COMMAND = BackupTrigger.COMMAND


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    opened = Database(migrated_url)
    number(opened, 20)
    yield opened
    opened.close()


@pytest.fixture
def backups(database: Database, tmp_path: Path) -> Backups:
    return backups_of(database, tmp_path / "home")


def names(backups: Backups) -> list[str]:
    return sorted(path.name for path in backups.folder.path.iterdir())


@contextmanager
def restored(file: Path, database: Database, folder: Path) -> Iterator[Database]:
    """The unpacked copy of a database, opened as micore opens one."""
    if database.path is not None:
        copy = Database(f"sqlite:///{shutil.copyfile(file, folder / 'restored.db')}")
        yield copy
        copy.close()
        return
    with postgresql_database() as url:
        program = postgresql_copies.program_of("pg_restore", None)
        subprocess.run([program, "--no-owner", "--exit-on-error", f"--dbname={url}", file], check=True)
        copy = Database(url)
        yield copy
        copy.close()


def test_a_backup_holds_the_shop_and_is_kept_for_its_owner_alone(
    backups: Backups, database: Database, tmp_path: Path
) -> None:
    with capture_logs() as logs:
        made = backups.create(COMMAND)
    assert made.file is not None
    file = Path(made.file)
    assert file.name == f"micore-backup-20261124-020005Z-{made.id}.tar"
    assert names(backups) == [".lock", "history.jsonl", "latest", file.name]
    assert (backups.folder.path / "latest").resolve() == file
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert [(line["event"], line["id"]) for line in logs] == [("backup.made", made.id)]
    assert backups.history() == [made]
    assert (made.state, made.parts) == (BackupState.VERIFIED, ["database", "configuration"])
    manifest = backups.verify(file)
    told = maintenance.info(database)
    assert (manifest.rows, manifest.schema) == (told.rows, told.revision)
    assert manifest.rows["generation"] == 20
    unpacked(backups, made.file, "database", tmp_path / "copy")
    with restored(tmp_path / "copy", database, tmp_path) as copy:
        assert numbers(copy) == list(range(1, 21))
        assert maintenance.info(copy).rows == told.rows
        assert maintenance.problems(copy) == []


def test_later_rows_are_in_later_backups_only(backups: Backups, database: Database) -> None:
    first = backups.create(COMMAND)
    number(database, 5, first=21)
    second = backups.create(COMMAND)
    assert first.file is not None and second.file is not None
    assert [backups.verify(Path(each)).rows["generation"] for each in (first.file, second.file)] == [20, 25]
    assert (backups.folder.path / "latest").resolve() == Path(second.file)
    assert backups.history() == [second, first]


def test_secrets_are_in_it_on_request_only_and_sealed(backups: Backups, tmp_path: Path) -> None:
    without = backups.create(COMMAND)
    assert unpacked(backups, without.file, "configuration", tmp_path / "plain") == b"MICORE_CURRENCY=RUB\n"
    made = backups.create(COMMAND, with_secrets=True)
    assert made.parts == ["database", "configuration", "secrets"]
    assert made.file is not None
    assert SECRET.encode() not in Path(made.file).read_bytes()
    sealed = unpacked(backups, made.file, "secrets", tmp_path / "sealed")
    key = backups.key()
    assert sealed_secrets.unseal(sealed, key, made.id) == f"MICORE_OZON_API_KEY={SECRET}\n"
    for wrong in (
        (sealed, RecoveryKey(bytes(32)), made.id),
        (sealed, key, without.id),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), key, made.id),
        (b"", key, made.id),
    ):
        with pytest.raises(RecoveryKeyError):
            sealed_secrets.unseal(*wrong)


def test_the_database_alone_and_another_folder(backups: Backups, tmp_path: Path) -> None:
    own = backups.create(COMMAND)
    made = backups.create(COMMAND, to=tmp_path / "disk", db_only=True)
    assert made.file is not None
    assert Path(made.file).parent == tmp_path / "disk"
    assert made.parts == ["database"]
    assert backups.verify(Path(made.file)).id == made.id
    # The history of all of them is in one place; the link is for those that lie beside it.
    assert [each.id for each in backups.history()] == [made.id, own.id]
    assert str((backups.folder.path / "latest").resolve()) == own.file


def test_the_log_goes_with_it(database: Database, tmp_path: Path) -> None:
    parts = [tmp_path / "sealed-1.jsonl", tmp_path / "transaction_log.jsonl"]
    for path in parts:
        path.write_bytes(path.name.encode())
    backups = backups_of(database, tmp_path / "home", log_parts=lambda _after, _folder: parts)
    made = backups.create(COMMAND)
    assert made.file is not None
    manifest = backups.verify(Path(made.file))
    assert [part.name for part in manifest.parts][2:] == ["log/sealed-1.jsonl", "log/transaction_log.jsonl"]
    assert unpacked(backups, made.file, "log", tmp_path / "log") == b"sealed-1.jsonl"


def test_two_are_never_made_at_once(backups: Backups, tmp_path: Path) -> None:
    with backups.folder.alone(), pytest.raises(ConflictError, match="being made"):
        backups.create(COMMAND, to=tmp_path / "elsewhere")
    assert backups.history() == []
    backups.create(COMMAND)


def test_what_a_killed_process_left_goes_with_the_next_one(backups: Backups) -> None:
    left = backups.folder.path / ".making-0123abcd"
    left.mkdir(parents=True)
    (left / "database").write_bytes(b"half")
    (backups.folder.path / ".making-4567").symlink_to("nowhere")
    backups.create(COMMAND)
    assert [name for name in names(backups) if name.startswith(".making")] == []


def test_a_full_disk_costs_no_backup_that_there_is(backups: Backups) -> None:
    good = backups.create(COMMAND)
    before = names(backups)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(BackupError) as told:
            backups.create(COMMAND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "room" in told.value.remedy
    failed, kept = backups.history()
    assert (failed.state, kept) == (BackupState.FAILED, good)
    assert failed.problem is not None
    assert names(backups) == before
    assert backups.create(COMMAND).state is BackupState.VERIFIED


def test_a_copy_that_does_not_read_back_is_no_backup(backups: Backups, tmp_path: Path) -> None:
    """Archives with our own key whose database is another than the manifest says."""
    made = backups.create(COMMAND)
    assert made.file is not None
    key = backups.key()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Archive.opened(Path(made.file), key) as archive:
        manifest = archive.manifest
        archive.unpack(manifest.parts[0], scratch / "copy")
    whole = (scratch / "copy").read_bytes()
    middle = len(whole) // 2
    lies: dict[str, tuple[bytes, dict[str, Any]]] = {
        "generation holds 20 rows, its manifest says 21": (whole, {"rows": {**manifest.rows, "generation": 21}}),
        "sku_of_nothing holds 0 rows": (whole, {"rows": {**manifest.rows, "sku_of_nothing": 1}}),
        "its schema is": (whole, {"schema": "0001"}),
        "of its database": (whole[:middle], {}),
        "of its  *database": (b"", {}),
    }
    for problem, (content, changes) in lies.items():
        target = scratch / "lie.tar"
        (scratch / "source").write_bytes(content)
        with (scratch / "source").open("rb") as source:
            part = archives.prepare_compressed("database", "database.zst", source, scratch / "database.zst")
        lie = msgspec.structs.replace(manifest, parts=(part.part,), **changes)
        archives.write(target, lie, [part], key)
        with pytest.raises(ArchiveError, match=problem):
            read_back(target, key, scratch)
        assert sorted(path.name for path in scratch.iterdir()) == ["copy", "database.zst", "lie.tar", "source"]
        target.unlink()
        (scratch / "database.zst").unlink()


def test_a_backup_that_was_damaged_is_told(backups: Backups) -> None:
    made = backups.create(COMMAND)
    assert made.file is not None
    file = Path(made.file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        backups.verify(file)
    file.write_bytes(content[:-512])
    assert [each.state for each in backups.history()] == [BackupState.MISSING]
    file.unlink()
    assert [each.state for each in backups.history()] == [BackupState.MISSING]


def test_a_database_without_a_schema_is_told(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    with database.read():
        pass
    backups = backups_of(database, tmp_path / "home")
    with pytest.raises(BackupError, match=r"There is no database of micore") as told:
        backups.create(COMMAND)
    assert "micore db migrate" in told.value.remedy
    assert [each.state for each in backups.history()] == [BackupState.FAILED]
    database.close()


def test_files_of_strangers_and_torn_lines_are_no_trouble(backups: Backups) -> None:
    made = backups.create(COMMAND)
    folder = backups.folder.path
    (folder / "micore-backup-20200101-000000Z-89abcdef.tar").write_bytes(b"?")
    (folder / "micore-backup-20209901-000000Z-89abcdee.tar").write_bytes(b"?")
    (folder / "notes.txt").write_bytes(b"?")
    with (folder / "history.jsonl").open("ab") as file:
        file.write(b'{"id":"77777777","at":"20')
    assert [(each.id, each.state) for each in backups.history()] == [
        (made.id, BackupState.VERIFIED),
        ("89abcdef", BackupState.UNKNOWN),
    ]
    again = backups.create(COMMAND)
    assert [each.id for each in backups.history()] == [again.id, made.id, "89abcdef"]


def test_pg_dump_is_the_servers_own_and_no_password_is_in_its_arguments(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of the same name, first on the PATH, that notes how it was called and goes on as the real one."""
    with_password = make_url(migrated_postgres_url).set(password="pass-word-of-the-shop")
    database = Database(with_password.render_as_string(hide_password=False))
    with database.read() as connection:
        major = int(database.dialect.version(connection).split(".")[0])
    real = postgresql_copies.program_of("pg_dump", major)
    shim = tmp_path / "bin" / "pg_dump"
    shim.parent.mkdir()
    shim.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >>{tmp_path}/arguments\nenv >>{tmp_path}/environment\nexec {real} "$@"\n'
    )
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent), prepend=os.pathsep)
    backups = backups_of(database, tmp_path / "home")
    backups.create(COMMAND)
    assert "--snapshot=" in (tmp_path / "arguments").read_text()
    assert "pass-word-of-the-shop" not in (tmp_path / "arguments").read_text()
    assert "PGPASSWORD=pass-word-of-the-shop" in (tmp_path / "environment").read_text()

    # Another version is not taken, whatever comes first on the PATH.
    shim.write_text(f'#!/bin/sh\necho "pg_dump (PostgreSQL) {major + 1}.0"\n')
    monkeypatch.setattr(postgresql_copies, "PROGRAM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(shim.parent))
    with pytest.raises(StorageError, match=f"found on this machine: {major + 1}") as told:
        postgresql_copies.program_of("pg_dump", major)
    assert f"postgresql-client-{major}" in told.value.remedy
    with pytest.raises(BackupError, match="is not installed"):
        backups.create(COMMAND)
    database.close()


def test_a_folder_that_cannot_be_used_is_told(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    backups = backups_of(database, tmp_path / "home", folder=BackupFolder(tmp_path / "file" / "backups"))
    with pytest.raises(BackupError) as told:
        backups.create(COMMAND)
    assert "BACKUP_LOCAL_PATH" in told.value.remedy
