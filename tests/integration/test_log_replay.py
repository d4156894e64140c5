"""What the transaction log holds makes the same database again, row by row, on either kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.storage.database import Database
from micore.storage.replaying import Replay, Replayed
from micore.storage.tables import metadata
from micore.storage.transaction_log import TransactionLog
from tests.support.databases import postgresql_database
from tests.support.real_sync import installed

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOT_COMPARED = {"journal_head", "journal_change", "stock_staging", "summary_dirty"}


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    shop = Shop(seed=7, products=12, days=20, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(START, frozen=True), limits=False) as running:
        yield running


def every_row(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, ids included."""
    with database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
            if table.name not in NOT_COMPARED
        }


def replayed(log: Path, url: str) -> tuple[Replayed, dict[str, list[tuple[Any, ...]]]]:
    database = Database(url)
    try:
        replay = Replay(database)
        done = replay.run(TransactionLog(log).records())
        replay.finish()
        return done, every_row(database)
    finally:
        database.close()


@pytest.fixture
def into(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'again.db'}"
        return
    with postgresql_database() as url:
        yield url


@pytest.mark.parametrize("into", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("source", ["ozon", "wildberries"])
def test_two_syncs_are_made_again_from_the_log_alone(
    market: Running, source: str, migrated_url: str, into: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    for hours in (0, 24):
        market.clock.set(START + timedelta(hours=hours))
        with installed(market, source, migrated_url, tmp_path, now=market.clock.now, log=log) as shop:
            assert shop.sync().state == "done"
            rows = every_row(shop.database)
    done, again = replayed(log, into)
    assert done.rows > 1000
    for table, expected in rows.items():
        assert again[table] == expected, table
