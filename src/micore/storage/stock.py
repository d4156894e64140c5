"""Stock: snapshots are staged page by page and published at once, as changes of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, text, update

from micore.errors import LeaseLostError
from micore.storage.bulk import Columns, bulk_for
from micore.storage.tables import FIGURES, place, quarantine, stock_snapshot, stock_staging

STAGED: Columns = {
    "snapshot_id": "int",
    "sku_id": "int",
    "place_id": "int",
    **dict.fromkeys(FIGURES, "int"),
    "raw_page_id": "int",
}
MANY_ROWS = 10_000
"""From so many changed rows on, a table's earlier statistics mislead."""
STAGED_KEY = ("snapshot_id", "sku_id", "place_id")
_BY_KEY = itemgetter(0, 1)  # of a StockRow
_FIGURES = ", ".join(FIGURES)


class StockRow(NamedTuple):
    """What one place holds of one sku, with our ids; the columns of the staging table after the snapshot's id."""

    sku_id: int
    place_id: int
    available: int | None
    present: int | None
    reserved: int | None
    inbound: int | None
    to_client: int | None
    from_client: int | None
    raw_page_id: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A reading of one scope of one account."""

    id: int
    scope: str
    as_of: int
    rows_staged: int


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did."""

    rows: int
    """Rows of the snapshot."""
    changed: int
    """Intervals that began with it, those of vanished rows included."""
    vanished: int
    """Rows that it lacks, now zero."""
    stale: int
    """Rows whose last figure stays because theirs could not be believed."""


def open_snapshot(connection: Connection, account_id: int, run_id: int, scope: str, *, as_of: int) -> Snapshot:
    """Begin a reading. What an earlier broken reading of the scope had staged is dropped."""
    drop_staged(connection, account_id, scope, reason="a newer reading began")
    result = connection.execute(
        insert(stock_snapshot).values(
            account_id=account_id, run_id=run_id, scope=scope, as_of=as_of, state="staged", complete=False
        )
    )
    assert result.inserted_primary_key is not None
    return Snapshot(int(result.inserted_primary_key[0]), scope, as_of, 0)


def staged_snapshot(connection: Connection, account_id: int, scope: str) -> Snapshot | None:
    """The reading of a scope that is under way, or was when its run stopped."""
    row = connection.execute(
        select(stock_snapshot)
        .where(
            stock_snapshot.c.account_id == account_id,
            stock_snapshot.c.scope == scope,
            stock_snapshot.c.state == "staged",
        )
        .order_by(stock_snapshot.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Snapshot(row.id, row.scope, row.as_of, row.rows_staged)


def drop_staged(connection: Connection, account_id: int, scope: str, *, reason: str) -> None:
    """Forget readings of a scope that were never published."""
    ids = list(
        connection.execute(
            select(stock_snapshot.c.id).where(
                stock_snapshot.c.account_id == account_id,
                stock_snapshot.c.scope == scope,
                stock_snapshot.c.state == "staged",
            )
        ).scalars()
    )
    for snapshot_id in ids:
        _close(connection, snapshot_id, state="dropped", reason=reason)


def stage(connection: Connection, snapshot: Snapshot, rows: Sequence[StockRow]) -> None:
    """Add rows to a reading; a row that comes twice counts once, as it came last."""
    if rows:
        ready = sorted(rows, key=_BY_KEY)
        values = [[snapshot.id] * len(ready), *zip(*ready, strict=True)]
        bulk_for(connection).put_columns(connection, "stock_staging", STAGED, STAGED_KEY, values)


def claim_places(connection: Connection, place_ids: Sequence[int], scope: str) -> None:
    """Note that these places' stock is covered by this scope: what a whole reading lacks there is zero."""
    connection.execute(
        update(place)
        .where(place.c.id.in_(place_ids), place.c.stock_scope.is_distinct_from(scope))
        .values(stock_scope=scope)
    )


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a whole reading is not believed yet."""

    rows: int
    rows_before: int


def doubt(
    connection: Connection, account_id: int, snapshot: Snapshot, *, least_share: float, confirm: float
) -> tuple[Doubt | None, int]:
    """Why a reading is doubted, if it is, and how many rows it has.

    One with no more than `least_share` of the rows last published is, unless the reading held before it was of the same
    size (within `confirm`): two that agree are believed.
    """
    rows = connection.execute(
        select(func.count()).select_from(stock_staging).where(stock_staging.c.snapshot_id == snapshot.id)
    ).scalar_one()
    connection.execute(
        update(stock_snapshot).where(stock_snapshot.c.id == snapshot.id).values(rows_staged=rows, complete=True)
    )
    earlier = connection.execute(
        select(stock_snapshot.c.state, stock_snapshot.c.rows_staged)
        .where(
            stock_snapshot.c.account_id == account_id,
            stock_snapshot.c.scope == snapshot.scope,
            stock_snapshot.c.id < snapshot.id,
            stock_snapshot.c.state.in_(("published", "held")),
        )
        .order_by(stock_snapshot.c.id.desc())
        .limit(50)
    ).all()
    published = next((row.rows_staged for row in earlier if row.state == "published"), 0)
    if rows > published * least_share or not published:
        return None, rows
    if earlier[0].state == "held" and abs(earlier[0].rows_staged - rows) <= confirm * max(rows, 1):
        return None, rows
    return Doubt(rows, published), rows


def hold(connection: Connection, snapshot: Snapshot, run_id: int, *, reason: str) -> None:
    """Keep the old stock: this reading waits for a person or for one that agrees with it."""
    _close(connection, snapshot.id, state="held", reason=reason)
    # An earlier run may have begun the reading; the one that ended it tells of it.
    connection.execute(update(stock_snapshot).where(stock_snapshot.c.id == snapshot.id).values(run_id=run_id))


def held_reasons(connection: Connection, run_id: int) -> list[str]:
    """Why readings of a run are held, also those that an earlier worker of it ended; not of scopes read again since."""
    rows = connection.execute(
        select(stock_snapshot.c.scope, stock_snapshot.c.state, stock_snapshot.c.reason)
        .where(stock_snapshot.c.run_id == run_id)
        .order_by(stock_snapshot.c.id)
    )
    newest = {scope: (state, reason) for scope, state, reason in rows}
    return [reason for state, reason in newest.values() if state == "held"]


def shown_as_of(connection: Connection, account_id: int, scope: str) -> int | None:
    """Instant of the newest published reading of a scope."""
    return connection.execute(
        select(func.max(stock_snapshot.c.as_of)).where(
            stock_snapshot.c.account_id == account_id,
            stock_snapshot.c.scope == scope,
            stock_snapshot.c.state == "published",
        )
    ).scalar()


def publish(
    connection: Connection, account_id: int, snapshot: Snapshot, *, now: int
) -> tuple[Published | None, list[int]]:
    """Turn a whole reading into changes of intervals. Returns what was done and the ids of the skus it touched.

    A reading not newer than what its scope shows is dropped, and None is returned. Rows of the scope that the reading
    lacks become zero (what nobody tells stays unknown), except those of skus with a row in quarantine: these keep
    their figures, as stale.
    """
    state = connection.execute(
        select(stock_snapshot.c.state).where(stock_snapshot.c.id == snapshot.id).with_for_update()
    ).scalar()
    if state != "staged":
        # Another worker has begun a newer reading of this scope; what it dropped must never show.
        raise LeaseLostError
    newest = shown_as_of(connection, account_id, snapshot.scope)
    if newest is not None and snapshot.as_of <= newest:
        _close(connection, snapshot.id, state="dropped", reason="a newer reading is published")
        return None, []
    scope = {
        "snapshot": snapshot.id,
        "account": account_id,
        "scope": snapshot.scope,
        "as_of": snapshot.as_of,
        "now": now,
    }
    bulk = bulk_for(connection)
    bulk.measure(connection, "stock_staging")
    doubted = _doubt_rows(connection, scope)
    vanished = _collect_changes(connection, scope, doubted)
    stale = _mark_stale(connection, scope, doubted)
    changed = connection.execute(text("SELECT count(*) FROM stock_change")).scalar_one()
    if changed:
        bulk.measure(connection, "stock_change")
        _write_changes(connection, scope)
    if changed >= MANY_ROWS:
        bulk.measure(connection, "stock")
    touched = list(connection.execute(text("SELECT DISTINCT sku_id FROM stock_change")).scalars()) + stale
    rows, units = connection.execute(
        select(func.count(), func.sum(stock_staging.c.available)).where(stock_staging.c.snapshot_id == snapshot.id)
    ).one()
    connection.execute(
        update(stock_snapshot)
        .where(stock_snapshot.c.id == snapshot.id)
        .values(known_at=now, rows_changed=changed, units=None if units is None else int(units))
    )
    _close(connection, snapshot.id, state="published", reason=None)
    return Published(rows, changed, vanished, len(stale)), sorted(set(touched))


_IN_SCOPE = "SELECT id FROM place WHERE account_id = :account AND stock_scope = :scope"


def _doubt_rows(connection: Connection, scope: dict[str, object]) -> str:
    """Fill `stock_doubted` with the skus whose row is in quarantine; returns the condition that a row of `stock` (as
    s) belongs to one of them. A rejected row that names no sku we know may be anybody's: then all are doubted.

    A table of its own, because PostgreSQL would run the same as a subquery once per row of stock.
    """
    bulk = bulk_for(connection)
    bulk.stage(connection, "stock_doubted", {"sku_id": "int"}, [])
    rejected = connection.execute(
        select(func.count()).select_from(quarantine).where(quarantine.c.snapshot_id == scope["snapshot"])
    ).scalar_one()
    if not rejected:
        return "false"
    connection.execute(
        text(
            """
            INSERT INTO stock_doubted (sku_id)
            SELECT DISTINCT k.id FROM quarantine q
            JOIN sku k ON k.account_id = :account AND k.external_id = q.row_key
            WHERE q.snapshot_id = :snapshot
            """
        ),
        scope,
    )
    nameless = connection.execute(
        text(
            """
            SELECT count(*) FROM quarantine q WHERE q.snapshot_id = :snapshot
              AND NOT EXISTS (SELECT 1 FROM sku k WHERE k.account_id = :account AND k.external_id = q.row_key)
            """
        ),
        scope,
    ).scalar_one()
    if nameless:
        return "true"
    bulk.measure(connection, "stock_doubted")
    return "s.sku_id IN (SELECT sku_id FROM stock_doubted)"


def _collect_changes(connection: Connection, scope: dict[str, object], doubted: str) -> int:
    """Fill `stock_change` with what differs and what is missing; returns how many are missing."""
    bulk_for(connection).stage(
        connection, "stock_change", {name: kind for name, kind in STAGED.items() if name != "snapshot_id"}, []
    )
    differs = " OR ".join(f"s.{name} IS DISTINCT FROM g.{name}" for name in FIGURES)
    connection.execute(
        text(
            f"""
            INSERT INTO stock_change (sku_id, place_id, {_FIGURES}, raw_page_id)
            SELECT g.sku_id, g.place_id, {", ".join(f"g.{name}" for name in FIGURES)}, g.raw_page_id
            FROM stock_staging g
            LEFT JOIN stock s ON s.sku_id = g.sku_id AND s.place_id = g.place_id
            WHERE g.snapshot_id = :snapshot AND (s.sku_id IS NULL OR s.stale_from IS NOT NULL OR {differs})
            """
        ),
        scope,
    )
    zeros = ", ".join(f"CASE WHEN s.{name} IS NULL THEN NULL ELSE 0 END" for name in FIGURES)
    told = " OR ".join(f"s.{name} <> 0" for name in FIGURES)
    return connection.execute(
        text(
            f"""
            INSERT INTO stock_change (sku_id, place_id, {_FIGURES}, raw_page_id)
            SELECT s.sku_id, s.place_id, {zeros}, NULL
            FROM stock s
            WHERE s.place_id IN ({_IN_SCOPE})
              AND ({told} OR s.stale_from IS NOT NULL)
              AND NOT EXISTS (SELECT 1 FROM stock_staging g
                              WHERE g.snapshot_id = :snapshot AND g.sku_id = s.sku_id AND g.place_id = s.place_id)
              AND NOT {doubted}
            """
        ),
        scope,
    ).rowcount


def _mark_stale(connection: Connection, scope: dict[str, object], doubted: str) -> list[int]:
    """The skus whose row is in quarantine keep what they had where the reading holds no good row of them."""
    if doubted == "false":
        return []
    return list(
        connection.execute(
            text(
                f"""
                UPDATE stock AS s SET stale_from = :as_of
                WHERE s.stale_from IS NULL
                  AND s.place_id IN ({_IN_SCOPE})
                  AND {doubted}
                  AND NOT EXISTS (SELECT 1 FROM stock_staging g WHERE g.snapshot_id = :snapshot
                                  AND g.sku_id = s.sku_id AND g.place_id = s.place_id)
                RETURNING sku_id
                """
            ),
            scope,
        ).scalars()
    )


def _write_changes(connection: Connection, scope: dict[str, object]) -> None:
    old = ", ".join(f"s.{name}" for name in FIGURES)
    connection.execute(
        text(
            f"""
            INSERT INTO stock_history (sku_id, place_id, valid_from, known_from, valid_until, superseded_at,
                                       {_FIGURES}, raw_page_id)
            SELECT s.sku_id, s.place_id, s.valid_from, s.known_from, :as_of, :now, {old}, s.raw_page_id
            FROM stock_change c
            JOIN stock s ON s.sku_id = c.sku_id AND s.place_id = c.place_id
            """
        ),
        scope,
    )
    connection.execute(
        text(
            f"""
            INSERT INTO stock (sku_id, place_id, {_FIGURES}, valid_from, known_from, raw_page_id, stale_from)
            SELECT sku_id, place_id, {_FIGURES}, :as_of, :now, raw_page_id, NULL
            FROM stock_change
            WHERE true
            ON CONFLICT (sku_id, place_id) DO UPDATE SET
              {", ".join(f"{name} = excluded.{name}" for name in FIGURES)},
              valid_from = excluded.valid_from, known_from = excluded.known_from,
              raw_page_id = excluded.raw_page_id, stale_from = NULL
            """
        ),
        scope,
    )


def _close(connection: Connection, snapshot_id: int, *, state: str, reason: str | None) -> None:
    connection.execute(delete(stock_staging).where(stock_staging.c.snapshot_id == snapshot_id))
    connection.execute(
        update(stock_snapshot).where(stock_snapshot.c.id == snapshot_id).values(state=state, reason=reason)
    )
