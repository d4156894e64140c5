"""An exchange of the live files that is stopped, killed or cut off anywhere ends all old or all new."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from micore.errors import ConflictError, NotFoundError, StorageError
from micore.storage import swap
from micore.storage.database import Database, WriterInfo, WriterLock
from tests.support.swapping import (
    NOW,
    CountedFiles,
    CutFiles,
    Home,
    StoppedError,
    copied,
    exchanged,
    kills_at,
    make_template,
    state_of,
    stops_at,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_template(tmp_path_factory.mktemp("swap") / "home")


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    return copied(template, tmp_path / "home")


@pytest.fixture
def lock(home: Home) -> Iterator[WriterLock]:
    made = WriterLock(home.database)
    made.acquire(WriterInfo(os.getpid(), ""))
    yield made
    made.release()


def steps_of(template: Home, folder: Path) -> int:
    """How many steps an exchange takes."""
    counted = CountedFiles(lambda _step, _done: None)
    exchanged(copied(template, folder), counted)
    shutil.rmtree(folder)
    return counted.steps


def test_both_states_are_told_apart(home: Home) -> None:
    assert state_of(home) == "old"
    exchanged(home)
    assert state_of(home) == "new"


def test_a_copy_over_the_live_file_is_caught(template: Home, tmp_path: Path) -> None:
    """The recipe that the checker must not pass, or it proves nothing: `cp backup.db micore.db` with a `-wal` left."""
    home = copied(template, tmp_path / "home")
    shutil.copyfile(home.staging / "micore.db", home.database)
    shutil.rmtree(home.log)
    shutil.copytree(home.staging / "log", home.log)
    with pytest.raises((AssertionError, StorageError)):
        state_of(home)


def test_stopped_before_or_after_any_step_the_next_start_finds_one_whole_state(template: Home, tmp_path: Path) -> None:
    seen = set()
    for step in range(1, steps_of(template, tmp_path / "counted") + 1):
        for done in (False, True):
            home = copied(template, tmp_path / f"{step}-{done}")
            with pytest.raises(StoppedError):
                exchanged(home, stops_at(step, done=done))
            seen.add(state_of(home))
            shutil.rmtree(home.root)
    assert seen == {"old", "new"}


def test_stopped_again_while_it_is_finished(template: Home, tmp_path: Path) -> None:
    draw = random.Random(5)
    steps = steps_of(template, tmp_path / "counted")
    for number in range(60):
        home = copied(template, tmp_path / str(number))
        with pytest.raises(StoppedError):
            exchanged(home, stops_at(draw.randint(1, steps), done=draw.random() < 0.5))
        if draw.random() < 0.3:
            # Half of the new state has gone: there is only the way back.
            shutil.rmtree(home.staging)
        for _ in range(3):
            files = stops_at(draw.randint(1, 12), done=draw.random() < 0.5)
            try:
                swap.finish(home.database, files=files)
            except StoppedError:
                continue
        assert state_of(home) in {"old", "new"}
        shutil.rmtree(home.root)


def test_a_power_cut_that_loses_what_was_not_synced(template: Home, tmp_path: Path) -> None:
    seen = set()
    for seed in range(120):
        home = copied(template, tmp_path / str(seed))
        files = CutFiles(random.Random(seed).randint(0, 45), seed)
        try:
            exchanged(home, files)
        except StoppedError:
            swap.finish(home.database)
        seen.add(state_of(home))
        shutil.rmtree(home.root)
    assert seen == {"old", "new"}


def test_killed_at_any_step(template: Home, tmp_path: Path) -> None:
    seen = set()
    for step in range(1, steps_of(template, tmp_path / "counted") + 1):
        home = copied(template, tmp_path / str(step))
        pid = os.fork()
        if pid == 0:
            try:
                exchanged(home, kills_at(step, done=step % 2 == 0))
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL
        seen.add(state_of(home))
        shutil.rmtree(home.root)
    assert seen == {"old", "new"}


def test_what_was_live_is_kept_and_comes_back(home: Home, lock: WriterLock) -> None:
    folder = swap.exchange(home.database, home.pairs, lock=lock, now=NOW)
    assert folder.name == "before-20261124-020000Z"
    assert [each.folder for each in swap.kept(home.database)] == [folder]
    lock.release()
    assert state_of(home) == "new"
    lock.acquire(WriterInfo(1, ""))
    swap.undo(home.database, lock=lock, now=NOW)
    assert len(swap.kept(home.database)) == 1
    assert not list(home.root.glob("restore-1/*"))
    lock.release()
    assert state_of(home) == "old"
    lock.acquire(WriterInfo(1, ""))
    swap.undo(home.database, lock=lock, now=NOW)
    lock.release()
    assert state_of(home) == "new"


def test_nothing_to_undo(home: Home, lock: WriterLock) -> None:
    with pytest.raises(NotFoundError):
        swap.undo(home.database, lock=lock, now=NOW)


def test_a_place_where_nothing_was(home: Home, lock: WriterLock) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{home.database}{ending}").unlink()
    shutil.rmtree(home.log)
    swap.exchange(home.database, home.pairs, lock=lock, now=NOW)
    lock.release()
    assert state_of(home) == "new"
    lock.acquire(WriterInfo(1, ""))
    swap.undo(home.database, lock=lock, now=NOW)
    assert not home.database.exists()
    assert not home.log.exists()


def test_a_disk_that_refuses_leaves_everything_as_it_was(template: Home, tmp_path: Path) -> None:
    class Refusing(swap.Files):
        def __init__(self, number: int) -> None:
            self.left = number

        def rename(self, path: Path, to: Path) -> None:
            self.left -= 1
            if self.left == 0:
                raise OSError(28, "No space left on device")
            super().rename(path, to)

    for number in range(1, 8):
        home = copied(template, tmp_path / str(number))
        with pytest.raises(StorageError, match="No space left"):
            exchanged(home, Refusing(number))
        assert state_of(home) == "old"


def test_only_under_the_writer_lock(home: Home) -> None:
    other, ours = WriterLock(home.database), WriterLock(home.database)
    other.acquire(WriterInfo(4711, ""))
    with pytest.raises(ConflictError, match="4711"):
        ours.acquire(WriterInfo(1, ""))
    with pytest.raises(RuntimeError, match="writer lock"):
        swap.exchange(home.database, home.pairs, lock=ours, now=NOW)
    other.release()


class TestWhoOpensMeanwhile:
    def test_is_refused_while_the_lock_is_held(
        self, home: Home, lock: WriterLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("micore.storage.swap.WAIT_SECONDS", 0.1)
        with pytest.raises(StoppedError):
            swap.exchange(home.database, home.pairs, lock=lock, now=NOW, files=stops_at(20, done=True))
        database = Database(f"sqlite:///{home.database}")
        with pytest.raises(StorageError, match="is being restored"), database.read():
            pass
        lock.release()
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT DISTINCT substr(word, 1, 3) FROM note").scalar_one() == "new"
        database.close()

    def test_sees_the_new_state_when_the_old_file_goes_while_it_opens(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = Database(f"sqlite:///{home.database}")
        driver = database.dialect._driver  # type: ignore[attr-defined]
        connect = driver.connect
        opened: list[str] = []

        def late(path: str, **options: Any) -> Any:
            connection = connect(path, **options)
            connection.execute("PRAGMA journal_mode=WAL")
            if not opened:
                opened.append(path)
                exchanged(home)
            return connection

        monkeypatch.setattr(driver, "connect", late)
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT DISTINCT substr(word, 1, 3) FROM note").scalar_one() == "new"
        database.close()

    def test_leaves_nothing_of_its_own_when_it_comes_between_two_steps(self, template: Home, tmp_path: Path) -> None:
        """It has looked for an exchange before that began, and finds no file: SQLite makes an empty one."""
        for step in range(1, steps_of(template, tmp_path / "counted") + 1):
            home = copied(template, tmp_path / str(step))

            def makes_files(number: int, done: bool, home: Home = home, step: int = step) -> None:
                if number == step and done and not home.database.exists():
                    for ending in ("", "-wal", "-shm"):
                        shutil.copyfile(f"{template.database}{ending}", f"{home.database}{ending}")

            exchanged(home, CountedFiles(makes_files))
            assert state_of(home) == "new"

    def test_sees_a_whole_state(self, home: Home) -> None:
        """Another process opens again and again while states are exchanged to and fro."""
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(home.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert reader.stdout is not None
        seen = set()
        lock = WriterLock(home.database)
        for number in range(20):
            if number == 0:
                exchanged(home)
            else:
                with FileLock(f"{home.database}.lock", timeout=30):
                    pass  # the reader may be looking whether it has to finish something
                lock.acquire(WriterInfo(os.getpid(), ""))
                swap.undo(home.database, lock=lock, now=NOW)
                lock.release()
            expected = "old700" if number % 2 else "new1300"
            told = ""
            while told != expected:
                told = reader.stdout.readline().strip()
                seen.add(told)
        reader.communicate("\n")
        assert reader.returncode == 0
        assert seen <= {"old700", "new1300", "refused"}, seen


READER = """
import sys, threading
from micore.errors import StorageError
from micore.storage.database import Database
over, url = threading.Event(), "sqlite:///" + sys.argv[1]
threading.Thread(target=lambda: (sys.stdin.readline(), over.set())).start()
while not over.is_set():
    database = Database(url)
    try:
        with database.read() as connection:
            rows = connection.exec_driver_sql("SELECT substr(word, 1, 3), count(*) FROM note GROUP BY 1").all()
        print(*(f"{word}{count}" for word, count in rows), flush=True)
    except StorageError as error:
        print("refused" if "restored" in str(error) or "again" in str(error) else repr(error), flush=True)
    finally:
        database.close()
"""
