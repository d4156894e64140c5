"""Rows in bulk: whatever is alike, missing or there already in them, the table holds what was put last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from micore.storage.bulk import ROWS_PER_STATEMENT, bulk_for
from micore.storage.database import Database

COLUMNS = {"a": "int", "b": "int", "c": "int", "d": "text"}
NUMBERS = {name: kind for name, kind in COLUMNS.items() if kind == "int"}
LARGEST = 2**63 - 1

maybe = st.none() | st.integers(-LARGEST, LARGEST)
values = st.tuples(st.integers(1, 3), st.integers(1, 500), maybe)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE t (a BIGINT, b BIGINT, c BIGINT, d TEXT, PRIMARY KEY (a, b))"))
    yield opened
    opened.close()


def content(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT a, b, c FROM t ORDER BY a, b"))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lots=st.lists(st.lists(values, min_size=1, max_size=20), min_size=1, max_size=4))
def test_what_was_put_last_is_there(database: Database, lots: list[list[tuple[int, int, int | None]]]) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM t"))
        for number, lot in enumerate(lots):
            rows = [*{(a, b): (a, b, c) for a, b, c in lot}.values()] if number % 2 else lot
            if number % 2:
                bulk_for(connection).put_columns(connection, "t", NUMBERS, ("a", "b"), list(zip(*rows, strict=True)))
            else:
                bulk_for(connection).put(connection, "t", NUMBERS, ("a", "b"), rows)
    wanted = {(a, b): (a, b, c) for lot in lots for a, b, c in lot}
    assert content(database) == [wanted[key] for key in sorted(wanted)]


@pytest.mark.parametrize("rows", [1, ROWS_PER_STATEMENT - 1, ROWS_PER_STATEMENT, 2 * ROWS_PER_STATEMENT + 3])
@pytest.mark.parametrize("figure", [None, 7, -LARGEST], ids=["untold", "same", "lowest"])
def test_columns_that_hold_one_value(database: Database, rows: int, figure: int | None) -> None:
    columns: list[list[object]] = [[5] * rows, list(range(rows)), [figure] * rows, ["ж"] * rows]
    with database.write() as connection:
        bulk_for(connection).put_columns(connection, "t", COLUMNS, ("a", "b"), columns)
        bulk_for(connection).put_columns(connection, "t", COLUMNS, ("a", "b"), columns)
    assert content(database) == [(5, number, figure) for number in range(rows)]


def test_nothing_is_put_of_nothing(database: Database) -> None:
    with database.write() as connection:
        bulk_for(connection).put(connection, "t", NUMBERS, ("a", "b"), [])
        bulk_for(connection).put_columns(connection, "t", NUMBERS, ("a", "b"), [[], [], []])
    assert content(database) == []


def test_rows_put_first_in_a_transaction_go_with_it(database: Database) -> None:
    def put_and_fail() -> None:
        with database.write() as connection:
            bulk_for(connection).put(connection, "t", NUMBERS, ("a", "b"), [(1, 2, 3)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert content(database) == []
