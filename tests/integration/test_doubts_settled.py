"""What a source is told of its rejected rows: those that wait, and not those that a person has dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from sqlalchemy import text

from micore.sources.base import Page
from micore.storage import quarantine_desk as desk
from tests.support.fake_source import FakeSource, small_shop
from tests.support.sync_bench import SyncBench, sync_bench


class AskingSource(FakeSource):
    """Asks, before it reads orders, what of them waits."""

    told: ClassVar[list[set[str]]] = []

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        if stream == "orders":
            self.told.append({*(self._tools.waiting("orders") or ())})
        return super().read(stream, cursor, full=full)


def heard(bench: SyncBench) -> set[str]:
    """What one more sync was told."""
    bench.sync()
    return AskingSource.told[-1]


def test_a_row_that_a_person_drops_is_told_no_more_until_it_is_let_wait_again(
    migrated_url: str, tmp_path: Path
) -> None:
    with sync_bench(migrated_url, tmp_path, small_shop(), kind=AskingSource) as bench:
        assert heard(bench) == set()
        with bench.database.write() as connection:
            for key, stream in (("7:a", "orders"), ("7:b", "orders"), ("9:a", "sales")):
                connection.execute(
                    text(
                        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
                        "SELECT max(id), :stream, 1, :key, 'barcode', :row, 1 FROM account"
                    ),
                    {"stream": stream, "key": key, "row": b"{}"},
                )
            connection.execute(
                text(
                    "INSERT INTO account (source, external_id, name, currency, created_at) "
                    "SELECT source, 'other', name, currency, created_at FROM account"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
                    "SELECT max(id), 'orders', 1, 'of another account', 'barcode', :row, 1 FROM account"
                ),
                {"row": b"{}"},
            )
        assert heard(bench) == {"7:a", "7:b"}
        with bench.database.write() as connection:
            assert desk.drop(connection, desk.RowFilter(stream="orders"), note="not ours", now=2) == 3
        assert heard(bench) == set()
        with bench.database.write() as connection:
            assert desk.take_back(connection, desk.RowFilter(stream="orders")) == 3
        assert heard(bench) == {"7:a", "7:b"}
