"""Loading a million rows of stock: the real path, the bare bulk step in it, and what the database itself can do."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from sqlalchemy import Connection, text

from benchmarks.homes import HOMES, Home
from benchmarks.installation import Installation, installation
from benchmarks.made_up import SCOPES, MadeUpShop
from benchmarks.measure import Figure, median_ratio, peak_resident_bytes, resident_bytes
from micore.services.sync import NullListener
from micore.storage.bulk import Row, bulk_for
from micore.storage.database import Database
from micore.storage.stock import STAGED, STAGED_KEY

BLOCKS = 5
RESYNCS = 3
BULK_GOALS = {"SQLite": 1.3, "PostgreSQL": 1.6}
BOUNDS = {"SQLite": "INSERT ... SELECT from an attached database", "PostgreSQL": "COPY FROM a file by the server"}
FLAT = 1.1
_TWIN = "bench_staging"


def run(*, quick: bool) -> Iterator[Figure]:
    """The figures of both databases."""
    shop_size = 10_000 if quick else 100_000
    for at_home in HOMES:
        with at_home() as home:
            bulk, bound = _bulk_step(home, MadeUpShop(shop_size))
            cost = sum(bound) / MadeUpShop(shop_size).rows_in_all
            yield Figure(
                "load",
                f"{home.kind}: bare bulk step",
                median_ratio(bulk, bound),
                "x",
                BULK_GOALS[home.kind],
                f"prepared rows into stock_staging beside {BOUNDS[home.kind]} ({cost * 1e6:.2f} us a row), "
                f"steps of 5,000 rows taking turns, each one durable transaction; median of {len(bulk)} blocks",
            )
            yield from _real_path(home, MadeUpShop(shop_size), cost)


# ---------------------------------------------------------------------------------------------- the real path


@dataclass
class _Memory(NullListener):
    """Looks at this process's memory after each step of a load."""

    seen: list[int] = field(default_factory=list)

    def run_changed(self, run_id: int) -> None:
        del run_id
        self.seen.append(resident_bytes(os.getpid()))


def _real_path(home: Home, shop: MadeUpShop, bound: float) -> Iterator[Figure]:
    """The first load, then readings in which one row of a hundred differs."""
    rows = shop.rows_in_all
    memory = _Memory()
    against = f"beside {BOUNDS[home.kind]} of the same rows ({bound * 1e6:.2f} us a row)"
    with installation(home, shop, memory) as micore:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
        cost = _cost(home, micore)
        peak = peak_resident_bytes(os.getpid())
        yield Figure(
            "load",
            f"{home.kind}: first load of {rows:,} rows",
            cost / bound,
            "x",
            None,
            f"{cost * 1e6:.1f} us of CPU a row from page to dashboard {against}; "
            f"{peak / 2**20:.0f} MB of memory at the most; one load",
        )
        resyncs, written = [], []
        for number in range(RESYNCS):
            shop.reading += 1
            memory.seen.clear()
            before = _closed_intervals(micore)
            resyncs.append(_cost(home, micore))
            written.append((_closed_intervals(micore) - before) / _changed(shop))
            if number == 0:
                yield _flat(home, memory)
        cost = median(resyncs)
        yield Figure(
            "load",
            f"{home.kind}: re-sync, 1 % changed",
            cost / bound,
            "x",
            None,
            f"{cost * 1e6:.1f} us of CPU a row {against}; median of {RESYNCS}",
        )
        yield Figure(
            "load",
            f"{home.kind}: rows a re-sync writes by rows that changed",
            max(written),
            "x",
            1.0,
            f"intervals closed and begun, of {_changed(shop):,} that differ; the most of {RESYNCS}",
        )


def _cost(home: Home, micore: Installation) -> float:
    """CPU seconds a row of one sync, without the making of the made-up rows."""
    making = micore.shop.making_seconds
    spent = home.clock.of(micore.sync)
    return (spent - (micore.shop.making_seconds - making)) / micore.shop.rows_in_all


def _flat(home: Home, memory: _Memory) -> Figure:
    """A second reading, so that the database's page cache, which has a limit of its own, is full from the start."""
    tenth, end = memory.seen[len(memory.seen) // 10], max(memory.seen)
    return Figure(
        "load",
        f"{home.kind}: memory at the last page by memory at a tenth",
        end / tenth,
        "x",
        FLAT,
        f"{end / 2**20:.0f} MB by {tenth / 2**20:.0f} MB over {len(memory.seen):,} steps "
        "of a re-sync, publish included",
    )


def _closed_intervals(micore: Installation) -> int:
    with micore.database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM stock_history")).scalar_one())


def _changed(shop: MadeUpShop) -> int:
    return sum(1 for scope in SCOPES for number in range(shop.rows(scope)) if shop.changes(number))


# --------------------------------------------------------------------------------------------- the bulk step


class _Bound(Protocol):
    """The database's own way to the same rows."""

    def prepare(self, connection: Connection, rows: list[Row]) -> None:
        """Lay the rows of a step ready; not part of the cost."""

    def load(self, connection: Connection) -> None:
        """Put them into the twin of the staging table."""


def _bulk_step(home: Home, shop: MadeUpShop) -> tuple[list[float], list[float]]:
    """CPU seconds of each block of steps: ours, the database's own."""
    ours, bounds = [0.0] * BLOCKS, [0.0] * BLOCKS
    with home.database() as database, _bound(home, database) as (connection, bound):
        steps = sum(1 for _ in _steps(shop))
        for number, rows in enumerate(_steps(shop)):
            with connection.begin():
                bound.prepare(connection, rows)

            columns = list(zip(*rows, strict=True))

            def put(columns: list[Row] = columns) -> None:
                with connection.begin():
                    bulk_for(connection).put_columns(connection, "stock_staging", STAGED, STAGED_KEY, columns)

            def control() -> None:
                with connection.begin():
                    bound.load(connection)

            block = number * BLOCKS // steps
            for work, costs in ((put, ours), (control, bounds))[:: 1 if number % 2 else -1]:
                costs[block] += home.clock.of(work)
        _check_same(connection)
    return ours, bounds


def _steps(shop: MadeUpShop) -> Iterator[list[Row]]:
    """All rows as they are staged, a step at a time."""
    for snapshot, (scope, places) in enumerate(SCOPES.items(), 1):
        for first in range(0, shop.rows(scope), shop.page_rows):
            past = min(first + shop.page_rows, shop.rows(scope))
            yield [
                (snapshot, number // len(places) + 1, places[number % len(places)], *record[2:], first)
                for number, record in zip(range(first, past), shop.stock(scope, first, past), strict=True)
            ]


@contextmanager
def _bound(home: Home, database: Database) -> Iterator[tuple[Connection, _Bound]]:
    """One writing connection as the product makes them, with the twin table and the control on it."""
    engine = database.dialect.writer_engine(1)
    columns = ", ".join(STAGED)
    with engine.connect() as connection:
        if home.kind == "SQLite":
            # Not possible inside a transaction, hence by the driver.
            database.dialect.raw(connection).execute(f"ATTACH '{home.folder}/laid-ready.db' AS ready")
        with connection.begin():
            bound: _Bound = (
                _SqliteBound(connection, columns)
                if home.kind == "SQLite"
                else _PostgresqlBound(connection, home.folder / "laid-ready.copy")
            )
        yield connection, bound
    engine.dispose()


class _SqliteBound:
    def __init__(self, connection: Connection, columns: str) -> None:
        shape = connection.execute(text("SELECT sql FROM sqlite_schema WHERE name = 'stock_staging'")).scalar_one()
        connection.exec_driver_sql(shape.replace("TABLE stock_staging", f"TABLE {_TWIN}"))
        connection.exec_driver_sql(shape.replace("TABLE stock_staging", "TABLE ready.laid"))
        # The condition keeps SQLite from copying whole pages: rows are read and inserted one by one, in key order.
        self._statement = f"INSERT INTO {_TWIN} ({columns}) SELECT {columns} FROM ready.laid WHERE snapshot_id > 0"

    def prepare(self, connection: Connection, rows: list[Row]) -> None:
        connection.exec_driver_sql("DELETE FROM ready.laid")
        bulk_for(connection).put(connection, "ready.laid", STAGED, STAGED_KEY, rows)

    def load(self, connection: Connection) -> None:
        connection.exec_driver_sql(self._statement)


class _PostgresqlBound:
    def __init__(self, connection: Connection, file: Path) -> None:
        self._file = file
        connection.exec_driver_sql(f"CREATE TABLE {_TWIN} (LIKE stock_staging INCLUDING ALL)")

    def prepare(self, connection: Connection, rows: list[Row]) -> None:
        del connection
        self._file.write_text("".join("\t".join(map(_copy_text, row)) + "\n" for row in rows))
        self._file.chmod(0o644)

    def load(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"COPY {_TWIN} ({', '.join(STAGED)}) FROM '{self._file}'")


def _copy_text(value: Any) -> str:
    return r"\N" if value is None else str(value)


def _check_same(connection: Connection) -> None:
    """Both sides must have done the same work."""
    with connection.begin():
        for one, other in (("stock_staging", _TWIN), (_TWIN, "stock_staging")):
            different = connection.exec_driver_sql(f"SELECT * FROM {one} EXCEPT SELECT * FROM {other} LIMIT 1").all()
            if different:
                raise RuntimeError(f"{one} and {other} differ: {different}")
