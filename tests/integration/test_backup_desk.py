"""Backups by themselves: when they are due, what happens to old ones, what is told when they do not happen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest

from micore.domain.backup_views import BackupAlarm, BackupState, BackupTrigger
from micore.errors import BackupError, ConflictError
from micore.services.backup_desk import BackupDesk
from micore.services.backups import Configuration
from micore.services.schedule import Schedule
from micore.storage.database import Database
from micore.storage.tables import run
from micore.telemetry import metrics
from micore.worker.backups import BackupWorker
from tests.support.backing_up import backups_of

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Bench:
    """A desk whose clock a test moves."""

    def __init__(self, database: Database, home: Path) -> None:
        self.clock = NOON
        self.database = database
        self.backups = backups_of(database, home, now=self.now)
        self.folder = self.backups.folder.path
        self.desk = self.desk_of("0 2 * * *")

    def now(self) -> datetime:
        return self.clock

    def desk_of(self, schedule: str) -> BackupDesk:
        return BackupDesk(self.backups, Schedule.parse(schedule, MOSCOW), now=self.now)

    def due(self) -> bool:
        return self.desk.work(scheduled=True) is not None

    def block(self) -> None:
        """Whatever is tried fails: the folder for what is half done cannot be made."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.blocked = self.folder / ".lock"
        self.folder.mkdir(exist_ok=True)
        self.blocked.unlink(missing_ok=True)
        self.blocked.mkdir()

    def unblock(self) -> None:
        self.blocked.rmdir()

    def work_since(self, at: datetime) -> None:
        """A shop that has synced since then."""
        with self.database.write() as connection:
            connection.execute(
                run.insert().values(
                    kind="sync",
                    source="ozon",
                    state="done",
                    trigger="schedule",
                    created_at=int(at.timestamp() * 1_000_000),
                )
            )


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    database = Database(migrated_url)
    yield Bench(database, tmp_path / "home")
    database.close()


@pytest.fixture
def days(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Bench]:
    """For what many backups are needed for, and no database decides: they are kept for five days."""
    database = Database(migrated_sqlite_url)
    made = Bench(database, tmp_path / "home")
    made.backups = backups_of(database, tmp_path / "home", now=made.now, retention=5 * DAY)
    yield made
    database.close()


def test_backups_are_made_when_the_schedule_says(bench: Bench) -> None:
    assert not bench.due()
    bench.clock = NOON + 13 * HOUR  # 01:00 in Moscow
    assert not bench.due()
    assert bench.desk.status().next_at == NOON + 14 * HOUR
    bench.clock = NOON + 14 * HOUR
    assert bench.due()
    assert not bench.due()
    # A machine that was off for days makes one backup and not one a day.
    bench.clock += 5 * DAY
    bench.desk = bench.desk_of("0 2 * * *")
    assert bench.due()
    assert not bench.due()
    assert [each.trigger for each in bench.backups.history()] == [BackupTrigger.SCHEDULE] * 2


def test_without_a_schedule_none_is_made_and_none_is_missed(bench: Bench) -> None:
    bench.desk = bench.desk_of("off")
    bench.work_since(NOON - 10 * DAY)
    bench.clock += 3 * DAY
    assert not bench.due()
    status = bench.desk.status()
    assert (status.alarm, status.schedule, status.next_at) == (None, None, None)


def test_a_clock_that_ran_ahead_does_not_end_the_backups(bench: Bench) -> None:
    bench.clock = NOON + 3652 * DAY
    bench.backups.create(BackupTrigger.COMMAND)
    bench.clock = NOON
    bench.desk = bench.desk_of("0 2 * * *")
    assert not bench.due()
    bench.clock += 15 * HOUR
    assert bench.due()


def test_one_that_failed_is_tried_again_after_an_hour_and_told(bench: Bench) -> None:
    assert not bench.due()
    bench.clock += 14 * HOUR
    bench.block()
    assert not bench.due()
    status = bench.desk.status()
    assert (status.alarm, status.verified) == (BackupAlarm.FAILED, 0)
    assert status.problem is not None and "The last backup failed." in status.problem
    bench.unblock()
    bench.clock += HOUR / 2
    assert not bench.due()
    bench.clock += HOUR / 2
    assert bench.due()
    assert bench.desk.status().alarm is None


def test_a_backup_that_is_missing_is_told(bench: Bench) -> None:
    """Two hours after it was due, that is 26 hours after the last one; not before there was anything to lose."""
    bench.clock = NOON + 16 * HOUR - timedelta(minutes=1)
    bench.work_since(NOON)
    assert bench.desk.status().alarm is None
    bench.clock += timedelta(minutes=1)
    late = bench.desk.status()
    assert late.alarm is BackupAlarm.LATE
    assert late.problem is not None and "2026-11-24 23:00 UTC" in late.problem
    bench.backups.create(BackupTrigger.COMMAND)
    assert bench.desk.status().alarm is None
    bench.clock += DAY
    assert bench.desk.status().alarm is BackupAlarm.LATE


def test_a_shop_that_began_after_it_was_due_misses_nothing(bench: Bench) -> None:
    bench.clock = NOON + 20 * HOUR
    assert bench.desk.status().alarm is None
    bench.work_since(NOON + 15 * HOUR)
    assert bench.desk.status().alarm is None


def test_old_backups_go_after_newer_ones_and_are_told(days: Bench) -> None:
    made = []
    for _day in range(10):
        made.append(days.backups.create(BackupTrigger.SCHEDULE))
        days.clock += DAY
    history = days.backups.history()
    files = {path.name for path in days.folder.glob("*.tar")}
    kept = [each for each in history if each.state is BackupState.VERIFIED]
    assert {Path(each.file or "").name for each in kept} == files
    assert [each.id for each in kept] == [each.id for each in made[::-1][:6]]
    assert {each.state for each in history[6:]} == {BackupState.DELETED}


def test_a_clock_ten_years_ahead_deletes_nothing(days: Bench) -> None:
    for _day in range(5):
        days.backups.create(BackupTrigger.SCHEDULE)
        days.clock += DAY
    days.clock += 3652 * DAY
    days.backups.create(BackupTrigger.SCHEDULE)
    assert len(list(days.folder.glob("*.tar"))) == 6


def test_backups_that_were_sent_elsewhere_are_not_deleted(days: Bench, tmp_path: Path) -> None:
    for _day in range(8):
        days.backups.create(BackupTrigger.COMMAND, to=tmp_path / "disk", db_only=True)
        days.clock += 3 * DAY
    days.backups.create(BackupTrigger.COMMAND)
    assert len(list((tmp_path / "disk").glob("*.tar"))) == 8


def test_the_button_makes_one_at_a_time(bench: Bench) -> None:
    status = bench.desk.request()
    assert status.running
    with pytest.raises(ConflictError):
        bench.desk.request()
    made = bench.desk.work(scheduled=False)
    assert made is not None and made.trigger is BackupTrigger.BUTTON
    after = bench.desk.status()
    assert (after.running, after.last, after.last_verified, after.verified) == (False, made, made, 1)
    assert metrics.REGISTRY.get_sample_value("inv_backup_verified") == 1
    assert metrics.REGISTRY.get_sample_value("inv_backup_size_bytes") == made.size_bytes
    assert metrics.REGISTRY.get_sample_value("inv_backup_last_success_timestamp_seconds") == NOON.timestamp()


class Settings:
    """Tells when a backup reads them, and holds it up until it may go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = Event(), Event()

    def __call__(self) -> Configuration:
        self.reached.set()
        assert self.go_on.wait(60)
        return Configuration("", "")


def test_the_worker_makes_what_was_asked_for(bench: Bench) -> None:
    settings = Settings()
    bench.backups = backups_of(bench.database, bench.folder.parent, now=bench.now, configuration=settings)
    desk = bench.desk_of("off")
    worker = BackupWorker(desk, scheduled=False)
    worker.start()
    desk.request()
    assert settings.reached.wait(60)
    assert desk.status().running
    with pytest.raises(ConflictError):
        desk.request()
    settings.go_on.set()
    worker.stop(timeout_seconds=60)
    assert [each.trigger for each in bench.backups.history()] == [BackupTrigger.BUTTON]
    assert not desk.status().running


def test_a_folder_that_cannot_be_read_is_told(bench: Bench) -> None:
    bench.folder.parent.mkdir(parents=True)
    bench.folder.write_text("no folder")
    with pytest.raises(BackupError, match="cannot be listed"):
        bench.desk.status()


class Niceness:
    """Notes how the thread that reads the settings for a backup is ranked by the system."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self) -> Configuration:
        self.seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return Configuration("", "")


def test_a_backup_is_made_after_the_others_work(days: Bench) -> None:
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    ranks = Niceness()
    backups_of(days.database, days.folder.parent, configuration=ranks).create(BackupTrigger.COMMAND)
    assert ranks.seen == [max(before, 15)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
