"""One open run per source, whoever asks at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from micore.domain.instants import MICROS_PER_SECOND, instant
from micore.domain.run_views import RunState, Trigger
from micore.errors import RunEndedError
from micore.services.sync_tools import ToolBox
from micore.storage import run_owners, runs
from micore.storage.database import Database

NOW = 1_000_000


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    opened = Database(migrated_url)
    yield opened
    opened.close()


@pytest.fixture
def server(migrated_postgres_url: str) -> Iterator[Database]:
    opened = Database(migrated_postgres_url)
    yield opened
    opened.close()


def ask(connection: Connection, *, full: bool = False) -> int:
    params = runs.SyncParams(full=full)
    return runs.enqueue(connection, source="ozon", trigger=Trigger.BUTTON, params=params, now=NOW)


def finish(connection: Connection, run_id: int) -> None:
    runs.finish(connection, run_id, "worker", state=RunState.DONE, message=None, remedy=None, now=NOW)


def states(database: Database) -> list[tuple[int, str]]:
    with database.read() as connection:
        return [(row.id, row.state) for row in connection.execute(text("SELECT id, state FROM run ORDER BY id"))]


def in_a_thread(work: ThreadPoolExecutor, database: Database) -> Future[int]:
    def asking() -> int:
        with database.write() as connection:
            return ask(connection)

    return work.submit(asking)


def wait_for_a_waiting_asker(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(1000):
        with database.read() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_the_database_takes_one_open_run_per_source(database: Database) -> None:
    again = text(
        "INSERT INTO run (kind, source, state, trigger, created_at) SELECT kind, source, :state, trigger, 0 FROM run"
    )
    with database.write() as connection:
        ask(connection)
    for state in ("queued", "running"):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(again, {"state": state})
    with database.write() as connection:
        connection.execute(again, {"state": "done"})


def test_many_askers_at_once_get_the_same_run(database: Database) -> None:
    start = threading.Barrier(4)

    def asking(number: int) -> int:
        start.wait(10)
        with database.write() as connection:
            return ask(connection, full=number == 2)

    with ThreadPoolExecutor(4) as work:
        assert len(set(work.map(asking, range(4)))) == 1
    assert [state for _, state in states(database)] == ["queued"]
    with database.write() as connection:
        claimed = runs.claim(connection, owner="worker", now=NOW)
    assert claimed is not None
    assert claimed.params.full, "what one of them asked beyond the others is not lost"


def test_an_asker_waits_for_the_one_before_and_gets_its_run(server: Database) -> None:
    with ThreadPoolExecutor(1) as work:
        with server.write() as connection:
            first = ask(connection)
            second = in_a_thread(work, server)
            wait_for_a_waiting_asker(server)
        assert second.result(30) == first
    assert states(server) == [(first, "queued")]


def test_an_asker_gets_a_new_run_when_the_present_one_ends_meanwhile(server: Database) -> None:
    with server.write() as connection:
        first = ask(connection)
        runs.claim(connection, owner="worker", now=NOW)
    with ThreadPoolExecutor(1) as work:
        with server.write() as connection:
            finish(connection, first)
            second = in_a_thread(work, server)
            wait_for_a_waiting_asker(server)
        assert second.result(30) != first
    assert [state for _, state in states(server)] == ["done", "queued"]


def test_an_asker_gets_a_new_run_when_the_one_it_found_ends_before_it_is_read(server: Database) -> None:
    with server.write() as connection:
        first = ask(connection)
        runs.claim(connection, owner="worker", now=NOW)
    with server.write() as asking:

        def end_it(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
            if statement.startswith("INSERT INTO run") and states(server) == [(first, "running")]:
                with server.write() as other:
                    finish(other, first)

        event.listen(asking, "after_cursor_execute", end_it)
        second = ask(asking)
    assert states(server) == [(first, "done"), (second, "queued")]


def test_a_run_that_has_ended_cannot_be_stopped(database: Database) -> None:
    with database.write() as connection:
        run_id = ask(connection)
        runs.claim(connection, owner="worker", now=NOW)
        finish(connection, run_id)
        with pytest.raises(RunEndedError, match=rf"Run {run_id} has ended already \(done\)"):
            runs.request_stop(connection, run_id, now=NOW)
    assert states(database) == [(run_id, "done")]


@pytest.mark.parametrize(
    ("gone_seconds", "waits_from_seconds"),
    [(2, 2), (3_600, runs.LEASE_SECONDS)],
    ids=["a moment ago", "an hour ago"],
)
def test_who_takes_a_run_up_knows_until_when_the_dead_one_may_have_asked(
    database: Database, gone_seconds: int, waits_from_seconds: int
) -> None:
    """What it may have asked counts against the marketplace's limits; a wait for what is long past helps nobody."""
    later = NOW + gone_seconds * MICROS_PER_SECOND
    with database.write() as connection:
        ask(connection)
        begun = runs.claim(connection, owner="dead", now=NOW)
        assert begun is not None and begun.others_until is None
        runs.release_orphans(connection, now=later)
        other_slot = run_owners.others_until(connection, "ozon", owner="heir", ended=None, now=later)
        taken_up = runs.claim(connection, owner="heir", now=later)
    assert taken_up is not None and taken_up.others_until is not None
    until = NOW + waits_from_seconds * MICROS_PER_SECOND
    assert until - 1 <= taken_up.others_until <= until
    assert other_slot == taken_up.others_until


def test_what_a_dead_run_used_long_ago_hides_nothing_that_was_used_since(database: Database) -> None:
    """A sync goes before the backfill that a killed process left: its requests of seconds ago still count then."""
    later = NOW + 8 * 3_600 * MICROS_PER_SECOND
    with database.write() as connection:
        left = ask(connection)
        connection.execute(text("UPDATE run SET kind = 'backfill'"))
        assert runs.claim(connection, owner="dead", now=NOW) is not None
    box = ToolBox(
        database, "heir", lambda: instant(later), lambda: 0.0, threading.Event(), lambda claimed: lambda: None
    )
    limit = object()
    for owner in ("third", "heir"):
        with database.write() as connection:
            ask(connection)
            sync = runs.claim(connection, owner=owner, now=later)
            assert sync is not None and sync.id != left
            runs.finish(connection, sync.id, owner, state=RunState.DONE, message=None, remedy=None, now=later)
    assert sync is not None
    assert box.tools(sync, "ozon").others_until == 0.0, "the third has ended this moment"
    assert box.tools(sync, "ozon").keep("limit", lambda: limit) is limit
    box.ended(sync)
    with database.write() as connection:
        taken_up = runs.claim(connection, owner="heir", now=later)
    assert taken_up is not None and (taken_up.id, taken_up.begun_before) == (left, True)
    tools = box.tools(taken_up, "ozon")
    assert (tools.others_until, tools.keep("limit", object)) == (None, limit)


def test_a_process_that_ended_well_is_known_to_have_ended_then(database: Database) -> None:
    later = NOW + 3_600 * MICROS_PER_SECOND
    with database.write() as connection:
        run_id = ask(connection)
        runs.claim(connection, owner="ended", now=NOW)
        runs.requeue(connection, run_id, "ended", stays_asked=False, now=NOW + 5)
        taken_up = runs.claim(connection, owner="heir", now=later)
    assert taken_up is not None
    assert (taken_up.others_until, taken_up.begun_before) == (NOW + 5, True)
